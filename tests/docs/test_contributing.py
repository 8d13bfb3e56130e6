"""The tree that CONTRIBUTING.md shows is the tree that there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
HANDLER, LIBRARY = "constructs/cdk_instance_role/runtime/association", "constructs/cdk_instance_role"


def shown() -> list[str]:
    """The paths in the tree, from the indentation of its lines."""
    tree = PAGE.split("## Where to find what")[1].split("A package imports")[0]
    found, parents = [], [""]
    for line in filter(None, tree.splitlines()):
        depth = (len(line) - len(line.lstrip())) // 4 - 1
        names = re.split(r"\s{2,}", line.strip())[0].split(", ")
        found += ["".join(parents[: depth + 1]) + name for name in names]
        parents = [*parents[: depth + 1], names[0]]
    return found


@pytest.mark.parametrize("path", shown())
def test_every_path_in_the_tree_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_package_of_the_library_is_in_the_tree() -> None:
    packages = {f"{one.parent.relative_to(ROOT)}/" for one in (ROOT / LIBRARY).rglob("__init__.py")}

    assert packages - {*shown()} <= {f"{LIBRARY}/runtime/"}


@pytest.mark.parametrize(
    ("name", "about"), re.findall(r"`((?:\w+/)+\w+\.py)`(?: \(([^)]*)\))?", PAGE.split("| question | file ")[1])
)
def test_the_file_that_answers_a_question_exists_and_has_the_names(name: str, about: str) -> None:
    folders = (ROOT / LIBRARY, ROOT / HANDLER, ROOT)
    found = [folder / name for folder in folders if (folder / name).exists()]
    assert found
    names = {part for dotted in re.findall(r"`([\w.]+)`", about) for part in dotted.split(".")}
    assert names <= {*re.findall(r"\w+", found[0].read_text(encoding="utf-8"))}
