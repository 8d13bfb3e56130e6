"""How long the property tests search (briefly, or as long as `make soak` is told), and what the tests have counted."""

import os

import pytest
from hypothesis import settings

# The same examples every time: what is found by chance is for `make soak`, not for somebody's unrelated change.
settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("soak", deadline=None, max_examples=int(os.environ.get("SOAK_EXAMPLES", "2000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests have counted with `record_property`: say, at how many points they have killed the handler."""
    for report in terminalreporter.stats.get("passed", ()):
        for what, count in report.user_properties:
            terminalreporter.write_line(f"{what}: {count}")
