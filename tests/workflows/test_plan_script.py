"""The scripts of the plan do what the page about the read-only role says, also when a command fails."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cdk_instance_role.cli.comment import MARKER, comment

ROOT = Path(__file__).parents[2]
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/plan.yml").read_text(encoding="utf-8"))["jobs"]

FAKE_PLAN = """#!/bin/bash
printf '%s\n' "$@" > arguments; echo -n "$PLAN_OUTPUT"; exit "$PLAN_STATUS"
"""
FAKE_DIFF = """#!/bin/bash
echo "${DIFF_OUTPUT-difference}"; exit "${DIFF_STATUS-7}"
"""
FAKE_GH = """#!/bin/bash
echo "$*" >> gh.log
case "$*" in *--paginate*) echo -n "$COMMENTS" ;; esac
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    commands = {"instance-role": FAKE_PLAN, "npx": FAKE_DIFF, "gh": FAKE_GH}
    (tmp_path / "bin").mkdir()
    for name, script in commands.items():
        file = tmp_path / "bin" / name
        file.write_text(script, encoding="utf-8")
        file.chmod(0o755)
    return tmp_path


def run(folder: Path, called: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a step's script as the runner does."""
    (script,) = [one["run"] for job in ("plan", "comment") for one in JOBS[job]["steps"] if one.get("name") == called]
    variables = {
        **os.environ,
        "PATH": os.pathsep.join([str(folder / "bin"), str(ROOT / ".venv" / "bin"), os.environ["PATH"]]),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**variables, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def output(folder: Path) -> str:
    return (folder / "output").read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("status", ["0", "1", "2", "3"])
def test_the_exit_status_of_the_plan_is_kept_for_later(folder: Path, status: str) -> None:
    assert run(folder, "Plan", PLAN_OUTPUT=f"{MARKER}\n", PLAN_STATUS=status).returncode == 0

    assert output(folder).splitlines() == [f"status={status}", "made=true"]


@pytest.mark.parametrize(("name", "given"), [("", []), ("team/Audit Reader", ["--role-name", "team/Audit Reader"])])
def test_the_role_in_other_accounts_comes_from_the_variable(folder: Path, name: str, given: list[str]) -> None:
    run(folder, "Plan", PLAN_OUTPUT=MARKER, PLAN_STATUS="0", ROLE_NAME=name)

    usual = ["plan", "--app", "cdk.out", "--format", "markdown", "--page", "instance-role-plan.html"]
    assert (folder / "arguments").read_text(encoding="utf-8").splitlines() == [*usual, *given]


def test_a_plan_that_prints_nothing_is_an_error_with_any_exit_status(folder: Path) -> None:
    run(folder, "Plan", PLAN_OUTPUT="", PLAN_STATUS="2")

    assert output(folder).splitlines() == ["status=1", "made=false"]


def test_the_exit_status_of_the_difference_is_kept_for_later(folder: Path) -> None:
    assert run(folder, "Compare the templates").returncode == 0

    assert output(folder) == "status=7"
    assert (folder / "cdk.diff").read_text(encoding="utf-8") == "difference\n"


DENIED = (
    "User: arn:aws:sts::111122223333:assumed-role/plan/x is not authorized to perform: sts:AssumeRole on resource: "
    "arn:aws:iam::444455556666:role/cdk-hnb659fds-deploy-role-444455556666-eu-west-1"
)
BOOTSTRAP = (
    ". Please make sure that this role exists in the account. If it doesn't exist, (re)-bootstrap the environment with "
    "the right '--trust', using the latest version of the CDK CLI."
)
NO_ROLE = "Could not assume role in target account using current credentials"
UNREAD = f"{NO_ROLE} (which are for account 111122223333) {DENIED} {BOOTSTRAP}"
WITHOUT_ROLE = "Need to perform AWS calls for account 444455556666, but the current credentials are for 111122223333"


@pytest.mark.parametrize(
    ("printed", "status", "kept"),
    [
        (f"Stack Web\n\n{UNREAD}", "1", "unread"),
        (f"Stack Web\n    │ {UNREAD}", "1", "1"),
        ("Need to perform AWS calls for account 444455556666, but no credentials have been configured", "1", "1"),
        (UNREAD, "0", "0"),
        (f"{UNREAD}\nStack Web\n\n{UNREAD}\n\n", "1", "unread"),
        (f"{UNREAD}\nStack Web\nThe template is not valid", "1", "1"),
        (f"{WITHOUT_ROLE}\nThe template is not valid", "1", "1"),
        (f"Stack Web\n\n{WITHOUT_ROLE}", "1", "unread"),
        (f"{NO_ROLE} {DENIED} {BOOTSTRAP}", "1", "1"),
        (f"{NO_ROLE} (which are for account 111122223333) The security token is invalid {BOOTSTRAP}", "1", "1"),
        ("", "1", "1"),
    ],
)
def test_a_difference_that_ends_at_another_account_is_told_from_one_that_has_failed(
    folder: Path, printed: str, status: str, kept: str
) -> None:
    assert run(folder, "Compare the templates", DIFF_OUTPUT=printed, DIFF_STATUS=status).returncode == 0

    assert output(folder) == f"status={kept}"


@pytest.mark.parametrize("ends", [True, False])
def test_the_comment_says_that_the_difference_ends_at_another_account(folder: Path, ends: bool) -> None:
    (folder / "plan.md").write_text(f"{MARKER}\n\nThe plan.\n")

    run(folder, "Compare the templates", DIFF_OUTPUT=f"difference\n{UNREAD if ends else ''}", DIFF_STATUS="1")
    run(folder, "Put the comment together", PAGE="")

    written = (folder / "comment.md").read_text(encoding="utf-8")
    assert ("`cdk diff` may not read another account and has ended there." in written) is ends
    assert "The plan.\n" in written
    assert "difference\n" in written


def test_the_longest_plan_has_room_for_everything_that_is_added(folder: Path) -> None:
    (folder / "plan.md").write_text(f"{MARKER}\n\n{'x' * 64_900}\n")
    page = f"https://github.com/{'o' * 39}/{'r' * 100}/actions/runs/{1:012}/artifacts/2"

    run(folder, "Compare the templates", DIFF_OUTPUT=UNREAD, DIFF_STATUS="1")
    run(folder, "Put the comment together", PAGE=page)

    written = (folder / "comment.md").read_text(encoding="utf-8")
    assert "[The plan as a page]" in written
    assert "has ended there" in written
    assert "too long" not in written


@pytest.mark.parametrize(
    ("plan", "diff", "passes"),
    [
        ("0", "0", True),
        ("2", "0", True),
        ("3", "0", False),
        ("1", "0", False),
        ("127", "0", False),
        ("0", "1", False),
        ("0", "unread", True),
        ("2", "unread", True),
        ("3", "unread", False),
        ("1", "unread", False),
        ("2", "1", False),
        ("", "", False),
    ],
)
def test_the_check_passes_only_if_nothing_blocks_the_deployment(
    folder: Path, plan: str, diff: str, passes: bool
) -> None:
    result = run(folder, "Say how it went", PLAN=plan, DIFF=diff)

    assert (result.returncode == 0) is passes
    assert ("::error " in result.stdout) is not passes


def test_an_assembly_contains_only_files_and_folders(folder: Path) -> None:
    (folder / "cdk.out" / "assembly-Prod").mkdir(parents=True)
    (folder / "cdk.out" / "assembly-Prod" / "manifest.json").write_text("{}")
    assert run(folder, "Check the assembly").returncode == 0

    (folder / "cdk.out" / "Web.json").symlink_to("/etc/hostname")

    result = run(folder, "Check the assembly")
    assert (result.returncode, result.stdout.startswith("::error ")) == (1, True)


@pytest.mark.parametrize("compared", [True, False])
def test_the_comment_is_made_of_the_plan_and_of_the_difference_if_there_is_one(folder: Path, compared: bool) -> None:
    (folder / "plan.md").write_text(f"{MARKER}\n\nThe plan.\n")
    if compared:
        (folder / "cdk.diff").write_text("difference\n")

    assert run(folder, "Put the comment together", PAGE="").returncode == 0

    written = (folder / "comment.md").read_text(encoding="utf-8")
    assert written.startswith(f"{MARKER}\n\nThe plan.\n")
    assert ("difference\n" in written) is compared
    assert (folder / "summary").read_text(encoding="utf-8") == written


def test_the_comment_links_to_the_page(folder: Path) -> None:
    (folder / "plan.md").write_text(f"{MARKER}\n\nThe plan.\n")
    url = "https://github.com/o/r/actions/runs/1/artifacts/2"

    assert run(folder, "Put the comment together", PAGE=url).returncode == 0

    written = (folder / "comment.md").read_text(encoding="utf-8")
    assert written.startswith(f"{MARKER}\n\nThe plan.\n\n[The plan as a page]({url}), ")


def test_the_longest_plan_has_room_for_the_link(folder: Path) -> None:
    (folder / "plan.md").write_text(f"{MARKER}\n\n{'x' * 64_900}\n")

    run(
        folder,
        "Put the comment together",
        PAGE=f"https://github.com/{'o' * 39}/{'r' * 100}/actions/runs/{1:012}/artifacts/2",
    )

    written = (folder / "comment.md").read_text(encoding="utf-8")
    assert "[The plan as a page]" in written
    assert "too long" not in written


@pytest.mark.parametrize("made", [True, False])
@pytest.mark.parametrize(
    ("existing", "request_"),
    [
        pytest.param("", "--method POST repos/o/r/issues/5/comments", id="the first time"),
        pytest.param("77\n", "--method PATCH repos/o/r/issues/comments/77", id="again"),
        pytest.param("77\n88\n", "--method PATCH repos/o/r/issues/comments/77", id="twice by some accident"),
    ],
)
def test_one_comment_is_kept_up_to_date(folder: Path, existing: str, request_: str, made: bool) -> None:
    expected = "the comment" if made else comment("", "")
    if made:
        (folder / "comment.md").write_text(expected)

    result = run(folder, "Write the comment", COMMENTS=existing, REPOSITORY="o/r", NUMBER="5")

    assert result.returncode == 0, result.stderr
    assert (folder / "gh.log").read_text(encoding="utf-8").splitlines()[-1] == (
        f"api --silent {request_} --field body=@comment.md"
    )
    assert (folder / "comment.md").read_text(encoding="utf-8") == expected
