"""Finds phrases that the language of this project does without, in Markdown, and in the strings and comments of Python:

python -m tools.prose README.md docs
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CONFIGURATION = Path(__file__).parents[1] / "prose.toml"
OWN_TESTS = "test_prose.py"
"""Name of the file whose strings are the banned phrases themselves."""

_FENCE = re.compile(r"^([ >]*)(```+|~~~+).*?^\1\2[ \t]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_TARGET = re.compile(r"(?<=\])\([^)\s]*\)|https?://[^\s)>\]]+")


@dataclass(frozen=True)
class Banned:
    """A phrase, what to write in its place, and a sentence with it."""

    phrase: re.Pattern[str]
    instead: str
    example: str


@dataclass(frozen=True)
class Finding:
    """A banned phrase in a file."""

    path: Path
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.found!r}: write {self.instead}"


def load(path: Path = CONFIGURATION) -> list[Banned]:
    """The phrases of a configuration."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["banned"]
    return [
        Banned(re.compile(one["phrase"].replace(" ", r"\s+"), re.IGNORECASE), one["instead"], one["example"])
        for one in entries
    ]


def check(path: Path, text: str, banned: Sequence[Banned]) -> Iterator[Finding]:
    """The banned phrases of a file, in the order of its lines.

    Args:
        path: the file; of one in Python the strings and the comments are looked at, of any other one the text outside
            of code.
        text: what is in it.
        banned: the phrases.
    """
    parts = [*_strings(text), *_comments(text)] if path.suffix == ".py" else [(1, text)]
    found = [
        Finding(path, first + prose.count("\n", 0, match.start()), " ".join(match[0].split()), one.instead)
        for first, prose in ((first, _without_code(part)) for first, part in parts)
        for one in banned
        for match in one.phrase.finditer(prose)
    ]
    yield from sorted(found, key=lambda one: one.line)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and all Markdown and Python in the folders, except the tests of this module."""
    for path in paths:
        if path.is_dir():
            found = (one for one in path.glob("**/*") if one.suffix in (".md", ".py"))
            yield from sorted(one for one in found if one.name != OWN_TESTS)
        else:
            yield path


def _strings(text: str) -> Iterator[tuple[int, str]]:
    """Docstrings, messages and other strings, with the number of their first line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Comments with the number of their first line. Those on consecutive lines are one."""
    first, lines = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start[0] != first + len(lines):
            yield first, "\n".join(lines)
            first, lines = token.start[0], []
        lines.append(token.string.lstrip("#"))
    yield first, "\n".join(lines)


def _without_code(text: str) -> str:
    """The text with blanks in place of code and of the targets of links; every line stays where it is."""
    for pattern in (_FENCE, _CODE, _TARGET):
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return text


def main(arguments: Sequence[str]) -> int:
    """Print what is found.

    Returns:
        The exit status: 1 if anything is.
    """
    banned = load()
    findings = [
        finding
        for path in files(map(Path, arguments))
        for finding in check(path, path.read_text(encoding="utf-8"), banned)
    ]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
