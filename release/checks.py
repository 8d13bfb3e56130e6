"""Checks of a version, of the changelog and of the description on PyPI."""

import re
from pathlib import Path
from zipfile import ZipFile

import cmarkgfm
from packaging.metadata import Metadata

_VERSION = re.compile(r"\d+\.\d+\.\d+")
_HEADING = re.compile(r"^## (\S+)(?: - (\S+))?$", re.MULTILINE)
_TARGET = re.compile(r"""(?:href|src|srcset)="([^"]+)\"""")
_ABSOLUTE = re.compile(r"(?:https?:|mailto:|#)")


def notes(changelog: str, version: str) -> str:
    """The text of the changelog about a version.

    Raises:
        ValueError: If the version is no release version, or the changelog does not mention it.
    """
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{version} is no version of the form X.Y.Z: correct `version` in pyproject.toml")
    headings = list(_HEADING.finditer(changelog))
    for heading, following in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == version:
            return changelog[heading.end() : following.start() if following else None].strip()
    raise ValueError(f"CHANGELOG.md has no heading for {version}: add `## {version} - DATE`")


def check_tag(tag: str, version: str, changelog: str) -> None:
    """Check that a tag names the version of the package, and that the changelog gives the date of its release.

    Raises:
        ValueError: If one of them is not so.
    """
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, but the version in pyproject.toml is {version}: tag v{version}")
    notes(changelog, version)
    if (version, "unreleased") in _HEADING.findall(changelog):
        raise ValueError(f"CHANGELOG.md says that {version} is unreleased: replace `unreleased` by the date")


def metadata(wheel: Path) -> Metadata:
    """The metadata of a wheel, checked like PyPI checks it."""
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Metadata.from_email(archive.read(name), validate=True)


def relative_links(markdown: str) -> list[str]:
    """The targets of links and pictures that lead nowhere on PyPI."""
    html = cmarkgfm.github_flavored_markdown_to_html(markdown)
    return [target for target in _TARGET.findall(html) if not _ABSOLUTE.match(target)]
