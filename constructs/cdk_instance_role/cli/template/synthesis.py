"""Runs a CDK app by the CDK CLI, so that it sees the context, the environment and the shell of a deployment."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..model import CliError
from ..text import one_line, printable
from .assembly import MANIFEST, check_lookups

_STOP_SECONDS = 5.0
"""How long the CLI and the app have to end by themselves when they are stopped."""
_MAX_OUTPUT_BYTES = 1024 * 1024
_APP_FAILED = re.compile(r"(?P<command>.*): Subprocess exited with error (?P<status>\d+)")
"""What the CLI adds to the output of an app that fails."""
_NOT_EXECUTED = {"126", "127"}
"""Exit statuses of a shell that can't run a command."""


@contextmanager
def synthesized(command: str, context: Mapping[str, str]) -> Iterator[Path]:
    """Synthesize a CDK app, and give the folder of its assembly, for as long as the block lasts.

    Nothing in the project changes: without lookups the CLI does not write ``cdk.context.json``.

    Args:
        command: command of the app, for example ``python app.py``. The CLI runs it in a shell.
        context: context of the command line.

    Raises:
        CliError: there is no CDK CLI, values of lookups are missing, the app fails, or it writes no assembly.
    """
    cdk = _cdk()
    with (
        _ended_by_signals(),
        tempfile.TemporaryDirectory(prefix="cdk.out.", ignore_cleanup_errors=True) as folder,
    ):
        status, output = _run([*cdk, *_arguments(command, context, folder)])
        if status:
            if (Path(folder) / MANIFEST).is_file():
                check_lookups(Path(folder))
            raise _failure(command, [line for line in map(printable, output.splitlines()) if line.strip()])
        yield Path(folder)


def _cdk() -> list[str]:
    """The CDK CLI that ``npx`` would run: the project's, or that of the PATH. Last, the one beside the virtual
    environment that runs this."""
    here = Path.cwd()
    project, beside = (here, *here.parents), Path(sys.prefix).parent
    folders = [*map(_programs, project), os.environ.get("PATH", os.defpath), _programs(beside)]
    found = shutil.which("cdk", path=os.pathsep.join(folders))
    if found is None:
        raise CliError(
            "--app with a command needs the CDK CLI, and there is no `cdk` in node_modules/.bin or on the PATH: "
            "install it with `npm install aws-cdk@2`, or give --app the folder that `cdk synth` has written"
        )
    return _without_batch_file(Path(found)) or [found]


def _without_batch_file(found: Path) -> list[str] | None:
    """What ``cdk.cmd`` runs, which npm writes on Windows: in a batch file, quotes and ``%`` of an argument would change
    their meaning."""
    if found.suffix.lower() != ".cmd":
        return None
    modules = (found.parents[1], found.parent / "node_modules")  # of a project, and of a global installation
    scripts = [script for folder in modules if (script := folder / "aws-cdk" / "bin" / "cdk").is_file()]
    return ["node", str(scripts[0])] if scripts else None


def _programs(project: Path) -> str:
    return str(project / "node_modules" / ".bin")


def _arguments(command: str, context: Mapping[str, str], folder: str) -> list[str]:
    quiet = ("--quiet", "--no-lookups", "--no-notices", "--no-color")
    given = (f"--context={key}={value}" for key, value in context.items())
    return ["synth", *quiet, f"--output={folder}", f"--app={command}", *given]


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Exit status of the CLI, and the end of what it and the app print. Both are stopped if anything interrupts it."""
    environment = {name: value for name, value in os.environ.items() if name != "FORCE_COLOR"}
    # Not into a pipe: a process that the app leaves behind would keep it open.
    with tempfile.TemporaryFile() as printed:
        try:
            process = subprocess.Popen(  # noqa: S603  # the user's own command is what this is for
                command,
                env={**environment, "NO_COLOR": "1"},
                stdin=subprocess.DEVNULL,  # nobody would see a question
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group, which can be stopped as a whole
            )
        except (OSError, ValueError) as error:
            raise CliError(f"the CDK CLI can't be run: {error}") from None
        with process:
            try:
                status = process.wait()
            except BaseException:
                _stop(process)
                raise
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - _MAX_OUTPUT_BYTES))
        return status, printed.read().decode(errors="replace")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Stop the CLI, and with it the shell and the app."""
    if sys.platform == "win32":
        process.kill()
        return
    for stop in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, stop)
            process.wait(_STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block like Ctrl-C, so that what it has started and written is removed."""
    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    in_main_thread = threading.current_thread() is threading.main_thread()  # Python allows handlers there only
    # One that is ignored, as nohup does it, stays so.
    changed = [one for one in known if in_main_thread and signal.getsignal(one) is signal.SIG_DFL]
    for one in changed:
        signal.signal(one, _exit)
    try:
        yield
    finally:
        for one in changed:
            signal.signal(one, signal.SIG_DFL)


def _exit(number: int, _: Any) -> None:
    sys.exit(128 + number)


def _failure(command: str, output: Sequence[str]) -> CliError:
    """What to say of an app that fails, below its own output."""
    *before, last = output or [""]
    app = _APP_FAILED.fullmatch(last)
    if app:  # the CLI's line follows the app's last one, also if that has no end
        ending = app["command"].removesuffix(command)
        before += [ending] if ending and ending != app["command"] else []
        *before, last = before or [""]
    said = one_line(last) or "it says nothing"
    if app is None and "ENOENT" in said and MANIFEST in said:
        return CliError(
            f"the app `{command}` has written no cloud assembly: it has to call `app.synth()`, and to leave the folder "
            "to the CDK CLI",
            before,
        )
    if app is None:
        return CliError(f"`cdk synth` failed for the app `{command}`: {said}", before)
    hint = "; --app takes the folder of an assembly, or a command" if app["status"] in _NOT_EXECUTED else ""
    return CliError(f"the app `{command}` failed with exit status {app['status']}: {said}{hint}", before)
