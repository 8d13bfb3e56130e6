"""The command ``instance-role``."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..runtime.association.aws.rate_limiter import RateLimiter
from .live.clients import Aws, PartialReader, sentence
from .live.deployment import deployment_of
from .live.environment import Environment, check_account
from .model import AssociationPlan, CliError, Exit, PlanReport, unique
from .planning.association_plan import plan_stack
from .planning.status import status_of_stack
from .render import Format, render
from .status_model import AssociationStatus, Report, StatusReport
from .template import assembly
from .template.assembly import StackArtifact
from .template.synthesis import synthesized
from .text import one_line

Command = TypeVar("Command", bound=Callable[..., None])

DEFAULT_APP = "cdk.out"
"""Folder that `cdk synth` writes to."""
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
    """What both commands take."""
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
    """What a deployment does to real EC2 instances. Reads from AWS, and changes nothing."""


@cli.command()
@_options
def plan(stacks: Sequence[str], app: str, context: Sequence[str], region: str | None, format_: str, full: bool) -> None:
    """Say what a deployment would do to every instance.

    Exit status: 0 nothing to do, 2 changes, 3 conflicts, 1 an error, or something could not be seen.
    """
    _run(lambda: _plan(stacks, app, context, region), format_, full)


@cli.command()
@_options
def status(
    stacks: Sequence[str], app: str, context: Sequence[str], region: str | None, format_: str, full: bool
) -> None:
    """Say what the associations of deployed stacks hold, and what has changed since.

    Exit status: 0 in order, 2 drift, 1 an error, or something could not be seen.
    """
    _run(lambda: _status(stacks, app, context, region), format_, full)


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
    with _assembly(app, context) as artifacts, _progress("Looking at the instances") as look:
        plans: list[AssociationPlan] = []
        unseen: list[str] = []
        for stack, environment in _surroundings(assembly.chosen(artifacts, stacks), artifacts, region, look):
            plans += plan_stack(stack, environment, time.time())
            unseen += _warn(stack, environment)
            for path in stack.left_out:
                _say_warning(f"{stack.name}: {path} is not shown: its template is not in the assembly")
    return PlanReport(tuple(plans), unique(unseen))


def _status(stacks: Sequence[str], app: str, context: Sequence[str], region: str | None) -> StatusReport:
    with _assembly(app, context) as artifacts, _progress("Looking at the instances") as look:
        found: list[AssociationStatus] = []
        unseen: list[str] = []
        for stack, environment in _surroundings(assembly.chosen(artifacts, stacks), artifacts, region, look):
            found += status_of_stack(stack, environment)
            unseen += _warn(stack, environment)
            if not environment.stacks.deployed(stack.address) and not environment.stacks.hidden(stack.address):
                _say_warning(f"stack {stack.name} is not deployed in {environment.aws.region}")
    return StatusReport(tuple(found), unique(unseen))


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


@contextmanager
def _assembly(app: str, context: Sequence[str]) -> Iterator[list[StackArtifact]]:
    """The stacks of an assembly, for as long as the block lasts."""
    with ExitStack() as stack:
        folder, given = Path(app), dict(map(_pair, context))
        if not app.strip():
            raise CliError("--app is empty: name the folder of an assembly, or a command such as 'python app.py'")
        if app != DEFAULT_APP and not folder.is_dir():
            with Console(stderr=True).status("Synthesizing"):
                folder = stack.enter_context(synthesized(app, given))
        elif given:
            raise CliError(
                f"-c has no effect on {app}, which is the folder of an assembly: give --app the command of the app, "
                "such as 'python app.py', or leave -c out"
            )
        yield assembly.read(folder)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise CliError(f"--context {text!r} is no KEY=VALUE")
    return key, value


def _surroundings(
    chosen: Sequence[StackArtifact], all_stacks: Sequence[StackArtifact], region: str | None, rate_limiter: RateLimiter
) -> Iterator[tuple[StackArtifact, Environment]]:
    """The chosen stacks, each with what is around it."""
    deployed = assembly.deployed_with(chosen, all_stacks)
    if region is None and any(stack.region is None for stack in deployed):
        region = Aws(None).region
    known: dict[str | None, Environment] = {}
    sight = PartialReader()
    for place in dict.fromkeys(stack.region or region for stack in (*chosen, *deployed)):
        aws = Aws(place)
        check_account(aws, [one for one in chosen if (one.region or region) == place])
        neighbours = [
            one for one in all_stacks if (one.region or region) == place and one.account in (None, aws.account)
        ]
        known[place] = Environment(aws, neighbours, sight, rate_limiter)
    deployment = deployment_of(deployed, [environment.stacks for environment in known.values()])
    for stack in chosen:
        environment = known[stack.region or region]
        environment.deployment = deployment
        yield stack, environment


class _ShownPace(RateLimiter):
    """Paces the calls, and shows on standard error how many there were."""

    def __init__(self, advance: Callable[[], Any]) -> None:
        super().__init__()
        self._advance = advance

    def take(self, action: str, *, until: float = float("inf")) -> bool:
        """Wait for the right to make one call."""
        self._advance()
        return super().take(action, until=until)


@contextmanager
def _progress(what: str) -> Iterator[RateLimiter]:
    """Show on a terminal that something takes its time."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} calls"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        yield _ShownPace(lambda: progress.advance(task))
