"""Programs of the local AWS that run as processes, and what they must not leave behind."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 20.0
MAX_SECONDS = 300.0


@contextmanager
def running(module: str, folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A running program that keeps all its files in a folder, with the environment of somebody who has credentials."""
    foreign = {"AWS_PROFILE": "production", "AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real"}
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **foreign, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if text in line:
            return read
    raise AssertionError(f"it ended before {text!r}:\n{read}")


def port_of(printed: str) -> int:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", printed)
    assert found, printed
    return int(found[1])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def processes_of(folder: Path) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


def assert_nothing_is_left(folder: Path, port: int) -> None:
    assert not is_open(port)
    assert not processes_of(folder)
    assert not list(folder.iterdir())
