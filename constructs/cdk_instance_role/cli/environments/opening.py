"""The stacks of an assembly."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from ..model import CliError
from ..template import assembly
from ..template.assembly import MANIFEST, StackArtifact
from ..template.synthesis import synthesized

DEFAULT_APP = "cdk.out"
"""Folder that `cdk synth` writes to."""


def has_assembly() -> bool:
    """Whether there is an assembly where `cdk synth` writes to."""
    return (Path(DEFAULT_APP) / MANIFEST).is_file()


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
