"""The examples of docstrings give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"constructs": ROOT / "constructs", "stacks": ROOT, "benchmarks": ROOT, "localaws": ROOT, "tools": ROOT}
"""Folders with examples, and what the names of their modules are relative to."""


def modules() -> list[str]:
    """Names of the modules that hold an example with an answer."""
    found = [(path, base) for folder, base in PACKAGES.items() for path in (ROOT / folder).rglob("*.py")]
    return sorted(
        ".".join(path.relative_to(base).with_suffix("").parts)
        for path, base in found
        if ">>> " in path.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_give_the_documented_results(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert (failed, tried > 0) == (0, True)
