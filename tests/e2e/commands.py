"""The CDK CLI as a process for many commands: loading it takes longer than most of them."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

from localaws.cdk import CDK, MAX_SECONDS, STOP_SECONDS, Result, with_path
from localaws.environment import refuse_remote
from localaws.ministack import ROOT, LocalAws, stop_group

SCRIPT = Path(__file__).with_suffix(".js")
PACKAGE = CDK.parent.parent / "aws-cdk"

Process = subprocess.Popen[str]


class Commands:
    """Runs commands of the CLI in as many processes as there are commands at a time, as long as the block lasts."""

    def __init__(self, aws: LocalAws) -> None:
        """
        Args:
            aws: the local AWS that the commands use.
        """
        self.aws = aws
        self._all: list[Process] = []
        self._idle: list[Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._all:
            with process:  # it closes the pipes
                stop_group(process, STOP_SECONDS)

    def run(self, arguments: Sequence[str]) -> Result:
        """Run a command in the folder of this repository.

        Raises:
            TimeoutError: it did not end.
        """
        process = self._idle.pop() if self._idle else self._started()
        assert process.stdin is not None
        process.stdin.write(f"{json.dumps(arguments)}\n")
        process.stdin.flush()
        result = _read(process, arguments[0])
        if process.poll() is None:
            self._idle.append(process)
        return result

    def _started(self) -> Process:
        refuse_remote(self.aws.environment)
        process = subprocess.Popen(
            ["node", SCRIPT, PACKAGE],
            cwd=ROOT,
            env=with_path(self.aws.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._all.append(process)
        begun = _read(process, "node")
        assert process.poll() is None, begun.output
        return process


def _read(process: Process, command: str) -> Result:
    """The outcome of a command, or of the process if that has ended itself."""
    assert process.stdout is not None
    late = Timer(MAX_SECONDS, stop_group, (process, STOP_SECONDS))
    late.start()
    output = ""
    try:
        for line in process.stdout:
            text, ended, said = line.partition("\0")
            output += text
            if ended:
                return Result(int(said), output)
        status = process.wait()
    finally:
        late.cancel()
    if status < 0:  # stopped
        raise TimeoutError(f"{command} did not end within {MAX_SECONDS:.0f} s:\n{output}")
    return Result(status, output)
