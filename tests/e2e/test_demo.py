"""The demo runs to its end. However it ends, it stops everything that it has started. The outcomes of the
steps are tested with the story."""

import re
import signal
import subprocess
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.e2e.programs import (
    MAX_SECONDS,
    PATIENCE_SECONDS,
    assert_nothing_is_left,
    is_open,
    port_of,
    read_until,
    running,
)

WIDTH = 100
STEPS = 6


def demo(folder: Path) -> "AbstractContextManager[subprocess.Popen[str]]":
    return running("localaws.demo", folder)


def test_runs_to_its_end_with_a_table_before_and_after_every_step(tmp_path: Path) -> None:
    with demo(tmp_path) as process:
        begun = read_until(process, "These instances run already")
        rest, _ = process.communicate(timeout=MAX_SECONDS)
    assert process.returncode == 0, rest
    *_, outcome, end = (line.strip() for line in rest.rstrip().splitlines())
    assert "Every instance carries exactly what it carried before." in rest
    assert outcome == "The stack is deleted, and the late arrival carries no profile again."
    assert re.fullmatch(r"4 instances, \d+ s\. The local AWS is stopped\.", end)
    assert len(re.findall(r"^\d\. ", rest, re.MULTILINE)) == STEPS
    tables = re.findall(
        r"^   (Before|After) ?(.*)\n   Instance +Id +State +Instance profile +Association", rest, re.MULTILINE
    )
    changed, unchanged = ("After", "(← changed)"), ("After", "(nothing has changed)")
    assert tables[::2] == [("Before", "")] * STEPS
    assert tables[1::2] == [changed, unchanged, changed, unchanged, changed, changed]
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
