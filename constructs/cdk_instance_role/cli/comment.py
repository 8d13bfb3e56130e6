"""The comment on a pull request: what a deployment would do to instances, and how the templates differ.

``python -m cdk_instance_role.cli.comment PLAN_FILE DIFF_FILE`` prints it.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from .model import CliError
from .output.standard_output import standard_output
from .template.files import first_bytes
from .text import printable

MARKER = "<!-- instance-role plan -->"
"""The first line, which no reader sees. By it the comment is found again, to be updated."""
LIMIT = 65_536
"""GitHub takes this many characters in a comment."""
_MAX_BYTES = 16 * LIMIT
"""Bytes that are read of a file. A comment has room for less."""

_NO_PLAN = "**The plan could not be made.** The log of the run says why."
_PLAN_CUT = "**The plan is too long for a comment, this is its beginning.** `instance-role plan` shows all of it."
_DIFF_CUT = "The difference is too long for a comment, this is its beginning. `cdk diff` shows all of it."
_DIFF_LEFT_OUT = "The difference of the templates does not fit into a comment. `cdk diff` shows it."


def comment(plan_markdown: str, diff: str, *, limit: int = LIMIT) -> str:
    """The comment, shorter than the limit. Of what is too long whole lines are kept, the plan's first.

    Args:
        plan_markdown: what ``instance-role plan --format markdown`` has written; empty if it failed.
        diff: what ``cdk diff`` has written; empty to leave it out.
        limit: number of characters to stay below, a thousand at least.
    """
    room = limit - 1
    diff = "\n".join(map(printable, diff.splitlines()))
    plan = plan_markdown.removeprefix(MARKER).strip() or _NO_PLAN
    body = f"{MARKER}\n\n{plan}\n"
    if not diff.strip():
        return body if len(body) <= room else _cut_plan(plan, room)
    for section in (_section(diff), _cut_section(diff, room - len(body) - 1), f"{_DIFF_LEFT_OUT}\n"):
        if section and len(body) + 1 + len(section) <= room:
            return f"{body}\n{section}"
    return _cut_plan(plan, room)


def _cut_plan(plan: str, room: int) -> str:
    # The notes come first, because the cut may leave a table, a fence or a fold open, which would swallow them.
    head = f"{MARKER}\n\n{_PLAN_CUT}\n\n"
    return head + _first_lines(plan, room - len(head))


def _cut_section(diff: str, room: int) -> str:
    """The section with as much of the difference as there is room for; empty if there is none."""
    note = f"{_DIFF_CUT}\n\n"
    fence = _fence(diff)
    kept = _first_lines(diff.strip("\n"), room - len(_section("", fence=fence, note=note)))
    return _section(kept, fence=fence, note=note) if kept else ""


def _section(diff: str, *, fence: str = "", note: str = "") -> str:
    fence = fence or _fence(diff)
    text = diff.strip("\n")
    # Without the empty lines GitHub would take what is inside for HTML.
    return (
        f"<details>\n<summary>Difference of the templates (<code>cdk diff</code>)</summary>\n\n"
        f"{note}{fence}text\n{text}\n{fence}\n\n</details>\n"
    )


def _fence(text: str) -> str:
    """A fence that nothing in the text can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(3, longest + 1)


def _first_lines(text: str, room: int) -> str:
    """As many whole lines from the start as there is room for."""
    if len(text) <= room:
        return text
    end = text.rfind("\n", 0, max(0, room) + 1)
    return text[: max(0, end)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the comment made of two files."""
    parser = argparse.ArgumentParser(
        prog="python -m cdk_instance_role.cli.comment",
        description="Print the comment on a pull request, made of a plan and a difference of templates.",
    )
    parser.add_argument("plan", type=Path, metavar="PLAN_FILE", help="output of instance-role plan --format markdown")
    parser.add_argument("diff", type=Path, metavar="DIFF_FILE", help="output of cdk diff")
    files = parser.parse_args(arguments)
    try:
        # What a tool has printed is shown as well as can be, whatever bytes it is made of.
        plan, diff = (first_bytes(path, _MAX_BYTES).decode(errors="replace") for path in (files.plan, files.diff))
    except CliError as error:
        parser.error(str(error))
    try:
        with standard_output(as_utf_8=True) as out:
            out.write(comment(plan, diff))
    except BrokenPipeError:
        parser.exit(1)  # its reader has read enough
    except CliError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")


if __name__ == "__main__":
    main()
