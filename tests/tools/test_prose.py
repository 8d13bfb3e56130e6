"""The prose linter finds banned phrases with their lines, and nothing in code."""

from pathlib import Path

import pytest

from tools.prose import Banned, check, files, load, main

BANNED = load()
BAD = "Nothing blocks the way back."


def found(text: str, name: str = "page.md") -> list[tuple[int, str]]:
    return [(one.line, one.found) for one in check(Path(name), text, BANNED)]


@pytest.mark.parametrize("banned", BANNED, ids=lambda one: one.instead)
def test_every_banned_phrase_is_found_in_its_example(banned: Banned) -> None:
    assert banned.phrase.search(banned.example)
    assert [one for one in check(Path("page.md"), banned.example, BANNED) if one.instead == banned.instead]


@pytest.mark.parametrize(
    "sentence",
    [
        "What leaves the selection gets back what it had after it; a way back knows no waves.",
        "Who comes along with the tags later has its turn in the last wave.",
        "An instance, be it stopped or not, comes to light.",
        "It is a target no more.",
        "A conflict, say.",
    ],
)
def test_sentences_of_the_former_readme_are_found(sentence: str) -> None:
    assert found(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "An instance that leaves the selection gets its previous profile back. Rollbacks ignore waves.",
        "The people who deploy say so, and say what they want.",
        "It takes no more than a minute.",
        "Instances that get the tags later are in the last wave.",
    ],
)
def test_plain_sentences_are_not_found(sentence: str) -> None:
    assert found(sentence) == []


def test_a_phrase_is_found_across_lines_with_its_line() -> None:
    assert found("# Title\n\nNothing blocks the WAY\nback.\n") == [(3, "WAY back")]


@pytest.mark.parametrize(
    "text",
    [
        "Call `the way back` and ``the `way` back``.",
        "```\nthe way back\n```\n",
        "- in a list\n\n  ```python\n  the_way = 'way back'\n  ```\n",
        "[why](0004-the-way back-is-free.md)",
    ],
)
def test_code_and_targets_of_links_are_not_checked(text: str) -> None:
    assert found(text.replace("way back-is", "way-back-is")) == []


def test_text_after_code_is_checked() -> None:
    assert found(f"```\ncode\n```\n\n{BAD} `code`\n") == [(5, "way back")]


def test_in_python_files_docstrings_are_checked() -> None:
    text = f'"""{BAD}"""\n\nCONSTANT = "`way back`"\n"""It is not code.\n\n{BAD}\n"""\n\n\ndef f():\n    """{BAD}"""\n'

    assert found(text, "module.py") == [(1, "way back"), (6, "way back"), (11, "way back")]


def test_in_python_files_messages_are_checked() -> None:
    assert found('way_back = 1\nraise ValueError(f"nothing is {way_back} on the " "way back")\n', "module.py") == [
        (2, "way back")
    ]


def test_in_python_files_comments_are_checked_also_across_lines() -> None:
    text = "# The first line\n\n# Nothing blocks the way\n# back.\nway_back = 1  # A way back\n"

    assert found(text, "module.py") == [(3, "way back"), (5, "way back")]


def test_in_folders_markdown_and_python_files_are_checked(tmp_path: Path) -> None:
    for name in ("a.md", "b.py", "c.json"):
        (tmp_path / name).touch()

    assert [one.name for one in files([tmp_path])] == ["a.md", "b.py"]


def test_the_command_fails_and_names_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(BAD)

    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f'{page}:1: \'way back\': write "rollback", "restore", or what to do\n'


def test_the_command_passes_where_nothing_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.md").write_text("Rollbacks ignore waves.")

    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""
