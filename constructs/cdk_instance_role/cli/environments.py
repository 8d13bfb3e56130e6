"""The stacks that a command is about, each with its account and Region."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..runtime.association.aws.rate_limiter import RateLimiter
from .live.clients import Aws, PartialReader
from .live.deployment import deployment_of
from .live.environment import Environment, check_account
from .model import CliError
from .template import assembly
from .template.assembly import StackArtifact
from .template.synthesis import synthesized

DEFAULT_APP = "cdk.out"
"""Folder that `cdk synth` writes to."""


@contextmanager
def opened(app: str, context: Sequence[str]) -> Iterator[list[StackArtifact]]:
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


def environments(
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
def progress(what: str) -> Iterator[RateLimiter]:
    """Show on a terminal that something takes its time."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} calls"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield _ShownPace(lambda: shown.advance(task))
