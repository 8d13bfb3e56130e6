"""The command ``instance-role``."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from botocore.exceptions import BotoCoreError
from rich.console import Console

from .enforcement.enforced import enforced
from .enforcement.history import History
from .enforcement.reconcile import reconcile_all
from .environments import DEFAULT_APP, environments, opened, progress
from .live.clients import sentence
from .live.environment import Environment
from .model import AssociationPlan, CliError, Exit, PlanReport, unique
from .planning.association_plan import plan_stack
from .planning.status import status_of_stack
from .render import Format, render
from .status_model import AssociationStatus, Report, StatusReport
from .template import assembly
from .template.assembly import StackArtifact
from .text import one_line

Command = TypeVar("Command", bound=Callable[..., None])

WIDTH_OF_FILES = 140
"""Columns of a table that is written to a file."""

_app = click.option(
    "--app",
    default=DEFAULT_APP,
    show_default=True,
    help="Folder of a cloud assembly, or the command of an app, such as 'python app.py': the CDK CLI synthesizes it.",
)
_context = click.option(
    "--context", "-c", multiple=True, metavar="KEY=VALUE", help="Context for the command of --app. Repeatable."
)
_region = click.option("--region", help="Region of stacks that name none. Default: that of the environment.")
_format = click.option(
    "--format",
    "format_",
    type=click.Choice([one.value for one in Format]),
    default=Format.TABLE.value,
    show_default=True,
    help="What to print.",
)
_full = click.option("--full", is_flag=True, help="Show every instance, however many there are.")
_stacks = click.argument("stacks", nargs=-1, metavar="[STACK]...")


def _options(command: Command) -> Command:
    """What all commands take."""
    for option in reversed((_stacks, _app, _context, _region, _format, _full)):
        command = option(command)
    return command


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
@_options
def plan(stacks: Sequence[str], app: str, context: Sequence[str], region: str | None, format_: str, full: bool) -> None:
    """Say what a deployment would do to every instance.

    Exit status: 0 nothing to do, 2 changes, 3 conflicts, 1 an error, or something could not be seen.
    """
    _run(lambda: _plan(stacks, app, context, region), format_, full)


@cli.command()
@_options
@click.option("--who", is_flag=True, help="Ask CloudTrail's event history who has changed drifted instances last.")
def status(
    stacks: Sequence[str], app: str, context: Sequence[str], region: str | None, format_: str, full: bool, who: bool
) -> None:
    """Say what the associations of deployed stacks hold, what has changed since, and how they are enforced.

    Exit status: 0 in order, 2 drift or a pause, 1 an error, or something could not be seen.
    """
    _run(lambda: _status(stacks, app, context, region, who=who), format_, full)


@cli.command()
@_options
@click.option("--resume", is_flag=True, help="Let paused changes go on, and count the changes of this hour anew.")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
def reconcile(
    stacks: Sequence[str],
    app: str,
    context: Sequence[str],
    region: str | None,
    format_: str,
    full: bool,
    resume: bool,
    yes: bool,
) -> None:
    """Start a sweep of enforcement now, and wait for its result.

    This is the only command that changes anything: the sweep repairs the drift of deployed associations with
    enforcement, within their limits. The command says what may change, and asks before it begins.

    Exit status: 0 in order, 2 drift or a pause, 1 an error, no sweep, or one that takes longer than 5 minutes.
    """
    _run(lambda: _reconcile(stacks, app, context, region, resume=resume, yes=yes), format_, full)


def _run(look: Callable[[], Report], format_: str, full: bool) -> None:
    try:
        report = look()
    except CliError as error:
        for line in error.output:
            click.echo(line, err=True)
        raise click.ClickException(one_line(str(error))) from None
    except BotoCoreError as error:
        raise click.ClickException(one_line(sentence(error))) from None
    render(report, Format(format_), _console(), full=full)
    sys.exit(report.exit)


def _console() -> Console:
    """Standard output; in a file or a log there is room."""
    return Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_FILES)


def _plan(stacks: Sequence[str], app: str, context: Sequence[str], region: str | None) -> PlanReport:
    with opened(app, context) as artifacts, progress("Looking at the instances") as look:
        plans: list[AssociationPlan] = []
        unseen: list[str] = []
        for stack, environment in environments(assembly.chosen(artifacts, stacks), artifacts, region, look):
            plans += plan_stack(stack, environment, time.time())
            unseen += _warn(stack, environment)
            for path in stack.left_out:
                _say_warning(f"{stack.name}: {path} is not shown: its template is not in the assembly")
    return PlanReport(tuple(plans), unique(unseen))


def _status(stacks: Sequence[str], app: str, context: Sequence[str], region: str | None, *, who: bool) -> StatusReport:
    with opened(app, context) as artifacts, progress("Looking at the instances") as look:
        found: list[AssociationStatus] = []
        histories: dict[str, History] = {}
        unseen: list[str] = []
        for stack, environment in environments(assembly.chosen(artifacts, stacks), artifacts, region, look):
            found += status_of_stack(stack, environment, _history(environment, histories) if who else None)
            unseen += _warn(stack, environment)
            if not environment.stacks.deployed(stack.address) and not environment.stacks.hidden(stack.address):
                _say_warning(f"stack {stack.name} is not deployed in {environment.aws.region}")
    return StatusReport(tuple(found), unique(unseen))


def _history(environment: Environment, known: dict[str, History]) -> History:
    aws = environment.aws
    if aws.region not in known:
        known[aws.region] = History(aws.cloudtrail, environment.sight, time.sleep)
    return known[aws.region]


def _reconcile(
    stacks: Sequence[str], app: str, context: Sequence[str], region: str | None, *, resume: bool, yes: bool
) -> StatusReport:
    with opened(app, context) as artifacts:
        with progress("Looking at the associations") as look:
            chosen = [*environments(assembly.chosen(artifacts, stacks), artifacts, region, look)]
            found = [one for stack, environment in chosen for one in enforced(stack, environment)]
        problems = reconcile_all(found, _say, lambda: _confirm(yes), resumes=resume, clock=time.time, sleep=time.sleep)
        with progress("Looking at the instances"):
            statuses = [one for stack, environment in chosen for one in status_of_stack(stack, environment)]
    return StatusReport(tuple(statuses), unique(problems))


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not _has_terminal():
        raise CliError("a sweep can change instances, and there is no terminal to ask for a confirmation: use --yes")
    if not click.confirm("Start the sweep?", err=True):
        raise CliError("no sweep was started")


def _has_terminal() -> bool:
    return sys.stdin.isatty()


def _say(text: str) -> None:
    click.echo(one_line(text), err=True)


def _warn(stack: StackArtifact, environment: Environment) -> list[str]:
    """Say what can't be seen of stacks that may have no associations at all, which is no reason to fail.

    Returns:
        What can't be read of stacks that are there, in sentences: associations may be deployed in them.
    """
    family = [*environment.stacks.family(stack)]
    said = {unseen for one in family if one.associations for unseen in environment.stacks.hidden(one.address)}
    unseen = [unseen for one in family for unseen in environment.stacks.hidden(one.address) if unseen not in said]
    unread = [unseen for one in family for unseen in environment.stacks.unreadable(one.address) if unseen not in said]
    for sentence_ in unique([one for one in unseen if one not in unread]):
        _say_warning(sentence_)
    return unread


def _say_warning(text: str) -> None:
    click.echo(f"warning: {one_line(text)}", err=True)
