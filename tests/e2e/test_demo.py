"""The demo is told to its end, and stops everything that it has started, however it ends. What the steps come to is
tested with the story."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PATIENCE_SECONDS = 20.0
LONGEST_SECONDS = 300.0
WIDTH = 100
STEPS = 5


@contextmanager
def demo(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A running demo that keeps all its files in a folder, with the environment of somebody who has credentials."""
    foreign = {"AWS_PROFILE": "production", "AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real"}
    with subprocess.Popen(
        [sys.executable, "-m", "localaws.demo"],
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
    raise AssertionError(f"the demo ended before {text!r}:\n{read}")


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


def test_is_told_to_its_end_with_a_table_before_and_after_every_step(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        begun = read_until(process, "These instances run already")
        rest, _ = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0, rest
    *_, outcome, end = (line.strip() for line in rest.rstrip().splitlines())
    assert outcome == "Every instance carries exactly what it carried before."
    assert re.fullmatch(r"4 instances, \d+ s\. The local AWS is stopped\.", end)
    assert len(re.findall(r"^\d\. ", rest, re.MULTILINE)) == STEPS
    tables = re.findall(
        r"^   (Before|After) ?(.*)\n   Instance +Id +State +Instance profile +Association", rest, re.MULTILINE
    )
    changed, unchanged = ("After", "(← changed)"), ("After", "(nothing has changed)")
    assert tables[::2] == [("Before", "")] * STEPS
    assert tables[1::2] == [changed, unchanged, changed, unchanged, changed]
    assert [line for line in (begun + rest).splitlines() if len(line) > WIDTH] == []
    assert_nothing_is_left(tmp_path, port_of(begun))


@pytest.mark.parametrize(
    ("moment", "number"),
    [("Preparing the account", signal.SIGTERM), ("Synthesizing and deploying", signal.SIGINT)],
)
def test_a_signal_stops_everything_that_the_demo_has_started(
    tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    with demo(tmp_path) as process:
        port = port_of(read_until(process, moment))
        assert is_open(port)
        time.sleep(0.5)  # by then the CLI runs
        process.send_signal(number)
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 128 + number
    assert rest.strip().endswith("Interrupted. The local AWS and everything in it is gone.")
    assert "Traceback" not in rest
    assert_nothing_is_left(tmp_path, port)


def test_the_local_aws_stops_even_if_the_demo_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        port = port_of(read_until(process, "These instances run already"))
        process.kill()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while is_open(port) and time.monotonic() < deadline:
            time.sleep(0.1)
    assert not is_open(port)
