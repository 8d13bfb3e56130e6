"""Events as released versions of the constructs cause them, word for word: every later release must accept them.

A deployed stack goes on to send the properties of the release that created its resources, in a Delete and in a
rollback. A release that renders other properties freezes its own in a folder of its own.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "events"


@dataclass(frozen=True)
class FrozenEvent:
    version: str
    """Release that introduced the format."""
    name: str
    event: dict[str, Any]
    """As the provider framework passes it to the handler: CloudFormation's, with another ``ResponseURL``."""
    means: dict[str, Any]
    """How it is understood, for ever."""

    def __str__(self) -> str:
        return f"{self.version}/{self.name}"


def versions() -> list[str]:
    """The releases that introduced a format, oldest first."""
    return sorted((folder.name for folder in FOLDER.iterdir()), key=_as_numbers)


def frozen_events(*of_versions: str) -> list[FrozenEvent]:
    """All frozen events, or those of some versions."""
    return [
        FrozenEvent(version, file.stem, **json.loads(file.read_text()))
        for version in of_versions or versions()
        for file in sorted((FOLDER / version).glob("*.json"))
    ]


def _as_numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
