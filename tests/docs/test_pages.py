"""The README and the pages of the documentation say what is true, as far as a program can know."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.docs_hooks import TABLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("**/*.md"))]
FOLDERS = r"(?:tests|docs|examples|benchmarks|constructs|localaws|stacks|tools|\.github)"
LIBRARY = ROOT / "constructs" / "cdk_instance_role"
BASES = (ROOT, LIBRARY.parent, LIBRARY, LIBRARY / "runtime" / "association")
"""Folders that paths of modules on a page are relative to."""
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKS = re.compile(r"\]\(([^)\s]+)\)")
SOURCES = [
    path for folder in ("constructs/cdk_instance_role", "stacks") for path in sorted((ROOT / folder).glob("**/*.py"))
]


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def first_column(text: str) -> list[str]:
    """What is set as code in the first column of the tables."""
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`` ?(.+?) ?``|`([^`]+)`", row) for name in name if name]


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


class _Loader(yaml.SafeLoader):
    """Reads tags of Python as plain text."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/name:", lambda _loader, suffix, _node: suffix)


def site() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), _Loader)  # noqa: S506
    return loaded


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(README.splitlines()) <= 110
    assert len(README.split()) <= 700


def test_every_link_of_the_readme_points_to_a_file() -> None:
    local = [link.partition("#")[0] for link in LINKS.findall(README) if not link.startswith("http")]

    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_the_code_of_the_readme_is_the_code_of_an_example() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    lines = {line.strip() for line in (ROOT / "examples/existing_app/app.py").read_text(encoding="utf-8").splitlines()}

    assert [line for line in code.splitlines() if line.strip() not in lines] == []


def test_the_site_is_strict_and_loads_nothing_from_other_hosts() -> None:
    configuration = site()

    assert configuration["strict"] is True
    assert set(configuration["validation"].values()) == {"warn"}
    assert configuration["theme"]["font"] is False
    assert [one for one in configuration["extra_javascript"] if "//" in one] == []


def test_every_page_is_in_the_navigation() -> None:
    def leaves(value: Any) -> Iterable[str]:
        if isinstance(value, str):
            yield value
        for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from leaves(one)

    assert sorted(leaves(site()["nav"])) == sorted(str(one.relative_to(DOCS)) for one in DOCS.glob("**/*.md"))


def test_the_index_of_decisions_has_the_titles_of_all_decisions() -> None:
    decisions = sorted((DOCS / "decisions").glob("0*.md"))
    titles = [one.read_text(encoding="utf-8").partition("\n")[0].partition(". ")[2] for one in decisions]

    assert re.findall(r"^\| \d+ \| \[(.*)\]\((.*)\) \|$", page("decisions/index.md"), re.MULTILINE) == [
        (title, path.name) for title, path in zip(titles, decisions, strict=True)
    ]


def test_each_table_of_keys_gets_the_types_of_its_model() -> None:
    headings = re.findall(r"^## (Keys of .*)$", page("reference/configuration.md"), re.MULTILINE)

    assert headings == list(TABLES)


@pytest.mark.parametrize(("title", "model"), TABLES.items())
def test_the_configuration_page_has_every_key(title: str, model: Any) -> None:
    keys = first_column(section(page("reference/configuration.md"), title))

    assert sorted(keys) == sorted(model.model_fields)


def test_every_message_of_the_troubleshooting_page_is_in_the_code() -> None:
    # Two strings on two lines are one message.
    code = re.sub(r'"\s*\n\s*f?"', "", "\n".join(one.read_text(encoding="utf-8") for one in SOURCES))
    said_by_us = page("operations/troubleshooting.md").partition("## The command line")[0]
    messages = [one for one in first_column(said_by_us) if not re.fullmatch(r"[\w:]+", one)]

    assert len(messages) > 15
    assert [one for one in messages if one not in code] == []


def test_the_documentation_is_built_with_the_same_versions_as_the_tests() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        return dict(one.split("==") for one in lines if re.fullmatch(r"[\w.\[\]-]+==[\w.]+", one))

    tested = {**pins("requirements.in"), **pins("requirements-dev.in")}
    shared = {name: version for name, version in pins("requirements-docs.in").items() if name in tested}

    assert {"boto3", "click", "pyyaml", "rich"} <= shared.keys()
    assert shared == {name: tested[name] for name in shared}


def test_getting_started_names_the_wheel_that_is_built() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

    assert f"cdk_instance_role-{version}-py3-none-any.whl" in page("getting-started.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(path: Path) -> None:
    named = set(re.findall(rf"`({FOLDERS}/[\w./-]*|(?:\w+/)*\w+\.py)`", path.read_text(encoding="utf-8")))
    modules = {one.name for folder in ("constructs", "tests") for one in (ROOT / folder).glob("**/*.py")}

    assert [one for one in named if one not in modules and not any((base / one).exists() for base in BASES)] == []


def test_every_target_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    named = set(re.findall(r"(?:^ {4}|`)make ([a-z][a-z-]*)", text, re.MULTILINE))

    assert {"demo", "test", "docs", "setup", "build"} <= named
    assert named - targets == set()


def test_every_include_is_one_that_the_site_understands() -> None:
    """A formatter that treats it as Python would insert blanks, and then the page would show the line itself."""
    includes = [
        line.strip() for path in PAGES for line in path.read_text(encoding="utf-8").splitlines() if "--8" in line
    ]

    assert includes
    for line in includes:
        found = re.fullmatch(r'--8<-- "([^":]+)(?::(\w+))?"', line)
        assert found, line
        text = (ROOT / found[1]).read_text(encoding="utf-8")
        assert found[2] is None or f"--8<-- [start:{found[2]}]" in text
