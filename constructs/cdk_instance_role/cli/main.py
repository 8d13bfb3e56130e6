"""The command ``instance-role``."""

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError

from ..support.names import ACCOUNT_ID, REGION
from . import commands
from .aws.partial_reader import sentence
from .commands import Subject
from .environments.discovery import ALL
from .environments.opening import DEFAULT_APP
from .model import CliError, Exit
from .output import Output
from .render import Format
from .status_model import Report
from .text import one_line

_OPTIONS = (
    click.argument("stacks", nargs=-1, metavar="[STACK]..."),
    click.option(
        "--app",
        help="Folder of a cloud assembly, or the command of an app, such as 'python app.py': the CDK CLI synthesizes "
        f"it. Default: {DEFAULT_APP}.",
    ),
    click.option(
        "--context", "-c", multiple=True, metavar="KEY=VALUE", help="Context for the command of --app. Repeatable."
    ),
    click.option("--region", help="Region of stacks that name none. Default: that of the environment."),
    click.option(
        "--role-name",
        metavar="NAME",
        help="Role to assume in accounts other than that of the credentials. Default: the lookup role of each stack.",
    ),
    click.option(
        "--format",
        "format_",
        type=click.Choice([one.value for one in Format]),
        default=Format.TABLE.value,
        show_default=True,
        help="What to print.",
    ),
    click.option("--full", is_flag=True, help="Show every instance, however many there are."),
    click.option(
        "--page",
        metavar="FILE",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        help=f"Write the report to this file, too, as the page of --format {Format.HTML}.",
    ),
)


def _about_stacks(command: Callable[..., Report]) -> Callable[..., None]:
    """What all commands take and print. The command gets the stacks as one `Subject`."""

    @functools.wraps(command)
    def run(
        stacks: Sequence[str],
        app: str | None,
        context: Sequence[str],
        region: str | None,
        role_name: str | None,
        format_: str,
        full: bool,
        page: Path | None,
        **more: Any,
    ) -> None:
        subject = Subject(stacks, app, context, region, role_name)
        _run(lambda: command(subject, **more), Output(Format(format_), full, page))

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


class _Commands(click.Group):
    """Ends with 1 where click ends with 2, which here says that there are changes."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _wrong_usage_is_an_error():
            return super().make_context(*arguments, **more)

    def invoke(self, context: click.Context) -> Any:
        with _wrong_usage_is_an_error():
            return super().invoke(context)


@contextmanager
def _wrong_usage_is_an_error() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        error.exit_code = Exit.ERROR  # type: ignore[misc]  # declared for the class, read from the instance
        raise


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cdk-instance-role")
def cli() -> None:
    """What a deployment does to real EC2 instances, and what has become of them.

    plan and status read, and change nothing. reconcile is the only command that changes anything.
    """


@cli.command()
@_about_stacks
def plan(subject: Subject) -> Report:
    """Say what a deployment would do to every instance.

    Exit status: 0 nothing to do, 2 changes, 3 it would be refused, 1 an error, or something could not be seen.
    """
    return commands.plan(subject)


@cli.command()
@_about_stacks
@click.option("--who", is_flag=True, help="Ask CloudTrail's event history who has changed drifted instances last.")
@click.option(
    "--regions", metavar="REGION,...", help=f"Look for deployed associations in these Regions, or in '{ALL}'."
)
@click.option("--accounts", metavar="ID,...", help="Look for them in these accounts. Needs --role-name for others.")
def status(subject: Subject, who: bool, regions: str | None, accounts: str | None) -> Report:
    """Say what the associations of deployed stacks hold, what has changed since, and how they are enforced.

    Without an assembly, it looks for the deployed associations of the account and Region.

    Exit status: 0 in order, 2 not in order, 1 an error, or something could not be seen.
    """
    where = _listed("--regions", regions, _is_region, "a Region, such as eu-west-1, or all")
    whose = _listed("--accounts", accounts, _is_account, "an account id, which has 12 digits")
    return commands.status(subject, who=who, account_ids=whose, regions=where)


@cli.command()
@_about_stacks
@click.option("--resume", is_flag=True, help="Let paused changes go on, and count the changes of this hour anew.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
def reconcile(subject: Subject, resume: bool, yes: bool) -> Report:
    """Start a sweep of enforcement now, and wait for its result.

    This is the only command that changes anything: the sweep repairs the drift of deployed associations with
    enforcement, within their limits. The command says what may change, and asks before it begins.

    Exit status: 0 in order, 2 not in order, 1 an error, no sweep, or one that takes longer than 5 minutes.
    """
    return commands.reconcile(subject, lambda: _confirm(yes), resume=resume)


def _is_region(text: str) -> bool:
    return text == ALL or bool(REGION.fullmatch(text))


def _is_account(text: str) -> bool:
    return bool(ACCOUNT_ID.fullmatch(text))


def _listed(option: str, text: str | None, is_one: Callable[[str], bool], what: str) -> list[str]:
    """The values of an option that takes several."""
    if text is None:
        return []
    found = [one.strip() for one in text.split(",")]
    for one in found:
        if not is_one(one):
            raise CliError(f"{option} has {one!r}, which is not {what}")
    return list(dict.fromkeys(found))


def _run(look: Callable[[], Report], output: Output) -> None:
    try:
        output.check()
        report = look()
        output.write(report)
    except CliError as error:
        for line in error.output:
            click.echo(line, err=True)
        raise click.ClickException(one_line(str(error))) from None
    except BotoCoreError as error:
        raise click.ClickException(one_line(sentence(error))) from None
    sys.exit(report.exit)


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not _has_terminal():
        raise CliError("a sweep can change instances, and there is no terminal to ask for a confirmation: use --yes")
    if not click.confirm("Start the sweep?", err=True):
        raise CliError("no sweep was started")


def _has_terminal() -> bool:
    return sys.stdin.isatty()
