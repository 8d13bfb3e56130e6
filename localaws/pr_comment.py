"""Writes the comment of the pull request check, made on a local AWS. Run it with ``make pr-comment``."""

import argparse
import sys
from pathlib import Path

from .demo import ending_cleanly, started
from .ministack import ROOT, LocalAws
from .pull_request import open_pull_request
from .show import Screen

DEFAULT = ROOT / ".local" / "pr-comment.md"


def main() -> int:
    """Write the comment. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m localaws.pr_comment", description="Write the comment to a file.")
    parser.add_argument("--output", type=Path, default=DEFAULT, metavar="FILE", help="default: %(default)s")
    output: Path = parser.parse_args().output
    screen = Screen()
    return ending_cleanly(screen, lambda folder: run(screen, folder, output))


def run(screen: Screen, folder: Path, output: Path) -> None:
    """Write the comment to a file, and show it.

    Args:
        screen: where to show it.
        folder: an empty folder.
        output: the file.

    Raises:
        DemoError: a command fails.
    """
    aws = LocalAws(folder)
    screen.heading("What the check of a pull request says")
    screen.say(
        "web-2 and web-3 shall have the role of the stack, in place of the one that they have. All of this happens on "
        f"a local AWS, MiniStack at {aws.endpoint}. No AWS account is touched, whatever credentials your environment "
        "holds."
    )
    screen.blank()
    with started(screen, aws):
        pull_request = open_pull_request(screen, aws)
        with screen.working("cdk diff, and instance-role plan"):
            comment = pull_request.comment()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(comment, encoding="utf-8")
    screen.heading("The comment")
    screen.blank()
    screen.raw(comment)
    screen.say("The local AWS is stopped. The comment is in this file:")
    screen.raw(str(output))  # never broken into lines


if __name__ == "__main__":
    sys.exit(main())
