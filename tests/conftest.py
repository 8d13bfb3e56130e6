"""How long the property tests search (briefly, or with the examples of `make soak`), what the tests count, the order of
their files, and what none of them needs."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time: a new counter-example is for `make soak` to find, not for an unrelated change.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("soak", deadline=None, max_examples=int(os.environ.get("SOAK_EXAMPLES", "2000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# The CDK's own validation only warns, and it takes a tenth of the time. tests/synth/test_app.py turns it on again.
os.environ["CDK_VALIDATION"] = "false"
ALLOCATIONS_BEFORE_A_COLLECTION = 20_000
WAITING = ("browser", "e2e")
"""Folders of tests that wait for other programs more than they work."""
LAST_PLACE = 0.8
"""By then all files that wait have been begun, so that no processor is idle in the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that wait evenly among those that work, so that the processors have work meanwhile."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [path for path in files if path.parent.name in WAITING]
    working = [path for path in files if path.parent.name not in WAITING]
    place = {path: number / len(working) for number, path in enumerate(working)}
    place |= {path: LAST_PLACE * number / len(waiting) for number, path in enumerate(waiting)}
    items[:] = [item for path in sorted(files, key=place.__getitem__) for item in files[path]]


def pytest_collection_finish() -> None:
    """What is imported by now stays to the end: Python's garbage collector does not go through it any more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATIONS_BEFORE_A_COLLECTION)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests have counted with `record_property`, for example how many points of a kill they have tried."""
    for report in terminalreporter.stats.get("passed", ()):
        for what, count in report.user_properties:
            terminalreporter.write_line(f"{what}: {count}")
