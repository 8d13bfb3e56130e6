"""The comment on a pull request is made of a plan and a difference of templates."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.cli.comment import LIMIT, MARKER, comment, main
from tests.cli.github import OF_A_COMMENT, Shown

PLAN = f"{MARKER}\n\n## Instance roles\n\n| instance | what happens |\n|---|---|\n| i-1 | replace |\n"
DIFF = "Stack InstanceRole-web\nResources\n[+] AWS::IAM::Role Role\n"
LINES = st.text(st.sampled_from("ab `~\n<é"), max_size=3_000)


def fence_of(text: str) -> str:
    found = re.search(r"^(`{3,})text$", text, re.MULTILINE)
    assert found
    return found[1]


def test_the_marker_is_the_first_line_and_appears_once() -> None:
    text = comment(PLAN, DIFF)

    assert text.splitlines()[0] == MARKER
    assert text.count(MARKER) == 1


def test_a_plan_without_the_marker_gets_it() -> None:
    assert comment("## Instance roles", DIFF).startswith(f"{MARKER}\n\n## Instance roles\n")


def test_the_plan_is_open_and_the_difference_is_folded() -> None:
    before, _, inside = comment(PLAN, DIFF).partition("<details>")

    assert "| i-1 | replace |" in before
    assert DIFF in inside
    assert inside.endswith("```\n\n</details>\n")


def test_a_plan_that_failed_says_so_and_still_shows_the_difference() -> None:
    text = comment("", DIFF)

    assert text.startswith(f"{MARKER}\n\n**The plan could not be made.**")
    assert DIFF in text


@pytest.mark.parametrize("diff", ["", " \n\n"])
def test_without_a_difference_nothing_is_folded(diff: str) -> None:
    assert comment(PLAN, diff) == PLAN


@pytest.mark.parametrize("inner", ["```", "````json", "text with ``````` in it"])
def test_nothing_in_the_difference_can_close_the_fence(inner: str) -> None:
    text = comment(PLAN, f"{inner}\n</details>\n{inner}")

    assert text.count(fence_of(text)) == 2


def test_the_difference_has_no_invisible_characters_no_direction_marks_and_no_links() -> None:
    text = comment(PLAN, "[+] \x1b[31mName\u202e @team #1\u200b\r\n    https://example.org\u2028~\x00")

    found = Shown(text)
    assert "[+]  [31mName  @team #1 \n    https://example.org\n~ \n" in found.text
    assert found.elements <= OF_A_COMMENT
    assert found.references == []


def test_a_long_difference_is_cut_after_a_whole_line_and_says_so() -> None:
    lines = [f"[+] AWS::IAM::Role Role{number}" for number in range(5_000)]

    text = comment(PLAN, "\n".join(lines))

    kept = re.findall(r"^\[\+\].*$", text, re.MULTILINE)
    assert kept == lines[: len(kept)]
    assert LIMIT - 100 < len(text) < LIMIT
    assert text.count("is too long for a comment") == 1
    assert text.endswith("```\n\n</details>\n")


def test_a_difference_that_leaves_no_room_for_a_line_is_left_out_and_says_so() -> None:
    text = comment(PLAN, "x" * LIMIT)

    assert text.startswith(PLAN)
    assert "xxx" not in text
    assert "does not fit into a comment" in text


def test_a_long_plan_is_cut_before_the_difference_is_shown() -> None:
    rows = "".join(f"| i-{number} | replace |\n" for number in range(5_000))

    text = comment(PLAN + rows, DIFF)

    assert text.splitlines()[0] == MARKER
    assert "The plan is too long for a comment" in text.splitlines()[2]
    assert "<details>" not in text
    assert LIMIT - 100 < len(text) < LIMIT


@given(plan=LINES, diff=LINES, limit=st.integers(min_value=1_000, max_value=7_000))
def test_the_comment_is_shorter_than_the_limit_for_any_input(plan: str, diff: str, limit: int) -> None:
    text = comment(plan, diff, limit=limit)

    assert len(text) < limit
    assert text.startswith(f"{MARKER}\n")


def test_a_plan_of_the_command_already_begins_with_the_marker() -> None:
    plan = (Path(__file__).parent / "golden" / "plan-mixed.md").read_text(encoding="utf-8")

    assert comment(plan, "") == plan


@pytest.mark.parametrize("place", [0, 1], ids=["plan", "difference"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "[Errno 2] No such file or directory"),
        ("folder", "it is not a regular file"),
        ("pipe", "it is not a regular file"),
        ("/dev/zero", "it is not a regular file"),
    ],
)
def test_the_module_fails_when_a_file_cannot_be_read(
    place: int, name: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "other").write_text(PLAN)
    files = [str(tmp_path / "other")] * 2
    files[place] = str(tmp_path / name)

    with pytest.raises(SystemExit) as ended:
        main(files)

    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert f"error: {files[place]} can't be read: {why}" in printed.err


def test_the_module_reads_no_more_than_a_comment_can_hold(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.md").write_text(PLAN)
    with (tmp_path / "cdk.diff").open("wb") as file:
        file.truncate(64 * 1024 * 1024 * 1024)  # takes no place on the disk, and does not fit into memory

    main([str(tmp_path / "plan.md"), str(tmp_path / "cdk.diff")])

    assert capsys.readouterr().out == PLAN


def test_the_module_prints_the_comment_of_two_files(tmp_path: Path) -> None:
    plan, diff = tmp_path / "plan.md", tmp_path / "cdk.diff"
    plan.write_text(PLAN, encoding="utf-8")
    diff.write_bytes(DIFF.encode() + b"\xff\n")

    command = [sys.executable, "-m", "cdk_instance_role.cli.comment", str(plan), str(diff)]
    printed = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout

    assert printed == comment(PLAN, DIFF + "\N{REPLACEMENT CHARACTER}\n")
