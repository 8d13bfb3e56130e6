"""The CDK CLI as a process for many commands: loading it takes longer than most of them."""

import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Timer
from types import TracebackType
from typing import Self

from localaws.cdk import CDK, MAX_SECONDS, STOP_SECONDS, Result, with_path
from localaws.environment import refuse_remote
from localaws.ministack import ROOT, LocalAws, stop_group

SCRIPT = Path(__file__).with_suffix(".js")
PACKAGE = CDK.parent.parent / "aws-cdk"


class Commands:
    """Runs commands of the CLI in as many processes as there are commands at a time, as long as the block lasts."""

    def __init__(self, aws: LocalAws) -> None:
        """
        Args:
            aws: the local AWS that the commands use.
        """
        self.aws = aws
        self._idle: list[_Process] = []
        self._all = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.close()

    def run(self, arguments: Sequence[str]) -> Result:
        """Run a command in the folder of this repository.

        Raises:
            TimeoutError: it did not end.
        """
        try:
            process = self._idle.pop()
        except IndexError:
            process = self._all.enter_context(_Process(self.aws))
        result = process.run(arguments)
        if process.is_there:
            self._idle.append(process)
        return result


class _Process:
    """A process that has loaded the CLI."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws, self._mark, self._blocks = aws, secrets.token_hex(), ExitStack()

    def __enter__(self) -> Self:
        refuse_remote(self._aws.environment)
        pipe = Path(self._blocks.enter_context(tempfile.TemporaryDirectory()), "commands")
        os.mkfifo(pipe)
        self._process = self._blocks.enter_context(
            subprocess.Popen(
                ["node", SCRIPT, PACKAGE, pipe, self._mark],
                cwd=ROOT,
                env=with_path(self._aws.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        self._blocks.callback(stop_group, self._process, STOP_SECONDS)
        # Open for both: opening it for writing alone would wait for a process that may have ended.
        self._commands = self._blocks.enter_context(os.fdopen(os.open(pipe, os.O_RDWR), "w"))
        begun = self._read("node")
        assert self.is_there, begun.output
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._blocks.close()

    @property
    def is_there(self) -> bool:
        """It takes another command. One that ends Node.js itself ends the process."""
        return self._process.poll() is None

    def run(self, arguments: Sequence[str]) -> Result:
        """Run a command.

        Raises:
            TimeoutError: it did not end.
        """
        self._commands.write(f"{json.dumps(arguments)}\n")
        self._commands.flush()
        return self._read(arguments[0])

    def _read(self, command: str) -> Result:
        """The outcome of a command, or of the process if that has ended itself."""
        is_late = Event()

        def stop() -> None:
            is_late.set()
            stop_group(self._process, STOP_SECONDS)

        late = Timer(MAX_SECONDS, stop)
        late.start()
        try:
            status, output = self._ended()
        finally:
            late.cancel()
        if is_late.is_set():
            raise TimeoutError(f"{command} did not end within {MAX_SECONDS:.0f} s:\n{output}")
        return Result(status, output)

    def _ended(self) -> tuple[int, str]:
        assert self._process.stdout is not None
        output = ""
        for line in self._process.stdout:
            text, mark, status = line.partition(self._mark)
            output += text
            if mark:
                return int(status), output
        return self._process.wait(), output
