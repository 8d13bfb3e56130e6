"""The README of the simulator is correct: its code runs, and its modules exist."""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = (FOLDER / "README.md").read_text()


def test_the_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert "assert" in example
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - it is ours


def test_every_module_that_it_names_exists() -> None:
    named = set(re.findall(r"`(\w+\.py)`", PAGE))
    assert len(named) > 10
    assert {name for name in named if not (FOLDER / name).exists()} == set()
