"""The results, kept in a file: a run of one section keeps the others."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from localaws.ministack import ROOT

REPORTS = "docs/benchmarks"
"""Each section changes it when it is done."""
PACKAGES = ("aws-cdk-lib", "boto3", "botocore", "cdk-instance-role")


@dataclass(frozen=True, slots=True)
class Found:
    """A section, and what it was found on."""

    section: Section
    machine: Mapping[str, str]
    """In general terms, with the commit that was measured: nothing that identifies the machine."""


class Results:
    """The file. It is written whenever a section is put into it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kept = json.loads(path.read_text()) if path.exists() else {}
        self.found = {name: Found(_section(one["section"]), one["machine"]) for name, one in kept.items()}
        """By the name of the section."""

    def put(self, name: str, section: Section) -> None:
        self.found[name] = Found(section, machine())
        self._path.write_text(json.dumps({name: asdict(one) for name, one in self.found.items()}, indent=1) + "\n")


def machine() -> dict[str, str]:
    """What everything runs on, and what was measured."""
    return {
        "commit": commit(),
        "processor": f"{platform.machine()}, {os.cpu_count()} cores",
        "system": platform.system(),
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def commit(root: Path = ROOT) -> str:
    """The commit that is checked out, and whether anything but the report itself was changed since."""
    head = _git(root, "rev-parse", "--short", "HEAD") or "unknown"
    return f"{head} and changes" if _git(root, "status", "--porcelain", "--", ".", f":!{REPORTS}") else head


def _git(root: Path, *arguments: str) -> str:
    """What git says; nothing where there is no repository."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.strip()


def _section(kept: Any) -> Section:
    return Section(
        **{
            **kept,
            "tables": [Table(**one) for one in kept["tables"]],
            "plots": [_plot(one) for one in kept["plots"]],
            "verdicts": [Verdict(**one) for one in kept["verdicts"]],
        }
    )


def _plot(kept: Any) -> Plot:
    lines = [Line(one["label"], [(x, Samples(tuple(y["values"]))) for x, y in one["points"]]) for one in kept["lines"]]
    return Plot(**{**kept, "lines": lines, "limit": tuple(kept["limit"]) if kept["limit"] else None})
