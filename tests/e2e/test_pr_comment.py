"""`make pr-comment` writes what the check would write on a pull request, and stops everything that it has started."""

import re
import signal
import time
from pathlib import Path

import pytest

from cdk_instance_role.cli.comment import LIMIT, MARKER
from tests.e2e.programs import (
    MAX_SECONDS,
    PATIENCE_SECONDS,
    assert_nothing_is_left,
    is_open,
    port_of,
    read_until,
    running,
)

PROGRAM = "localaws.pr_comment"


@pytest.fixture(scope="module")
def comment(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder, output = tmp_path_factory.mktemp("program"), tmp_path_factory.mktemp("output") / "new" / "comment.md"
    with running(PROGRAM, folder, "--output", str(output)) as process:
        begun = read_until(process, "Preparing the account")
        rest, _ = process.communicate(timeout=MAX_SECONDS)
    assert process.returncode == 0, rest
    assert_nothing_is_left(folder, port_of(begun))
    written = output.read_text(encoding="utf-8")
    assert written in rest
    assert rest.splitlines()[-1] == str(output)
    return written


def test_is_a_comment_that_the_workflow_finds_again_and_github_accepts(comment: str) -> None:
    assert comment.startswith(f"{MARKER}\n")
    assert len(comment) < LIMIT


def test_says_what_happens_to_every_instance(comment: str) -> None:
    rows = re.findall(r"^\| (\w+) \| `i-\w+` \| `([\w-]+)` \| (\w+) \| `(\w+)", comment, re.MULTILINE)
    assert rows == [
        ("replace", "web-2", "running", "OldProfile"),
        ("replace", "web-3", "stopped", "OldProfile"),
        ("keep", "web-1", "running", "InstanceRole"),
    ]
    assert "**The deployment would change 2 instances.**" in comment


def test_says_what_the_applications_lose_and_gain(comment: str) -> None:
    lost, _, gained = comment.partition("\npolicies gained:\n")
    assert "- the instances drop out of Systems Manager" in lost
    assert "- `s3:PutObject` on `arn:aws:s3:::uploads/*`" in lost
    assert "- `AmazonS3ReadOnlyAccess`" in gained


def test_warns_of_another_service_that_manages_an_instance(comment: str) -> None:
    assert re.search(r"^> - `i-\w+` \(`web-2`\): Terraform seems to manage it", comment, re.MULTILINE)


def test_shows_the_difference_of_the_templates_folded(comment: str) -> None:
    _, _, difference = comment.partition("<summary>Difference of the templates")
    assert "[~] Custom::InstanceProfileAssociation" in difference
    assert "Number of stacks with differences: 1" in difference


def test_a_signal_stops_everything_and_writes_nothing(tmp_path: Path) -> None:
    folder, output = tmp_path / "program", tmp_path / "comment.md"
    folder.mkdir()
    with running(PROGRAM, folder, "--output", str(output)) as process:
        port = port_of(read_until(process, "Preparing the account"))
        assert is_open(port)
        time.sleep(0.5)  # by then the CLI runs
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 128 + signal.SIGINT
    assert rest.strip().endswith("Interrupted. The local AWS and everything in it is gone.")
    assert "Traceback" not in rest
    assert not output.exists()
    assert_nothing_is_left(folder, port)
