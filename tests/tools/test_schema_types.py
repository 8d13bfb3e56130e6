"""The page of the configuration has the type of each key, from the schema."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from tools.docs_hooks import configuration_page
from tools.schema_types import types_of, with_types

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"


class Inner(BaseModel):
    size: int = 1


class Model(BaseModel):
    names: Annotated[list[str], Field(max_length=3)] = []
    tags: dict[str, list[str]] | None = None
    mode: Literal["fast", "slow"] = "fast"
    minutes: Annotated[int, Field(ge=1, le=60)] | None = None
    share: int | float = 1
    any_or_some: Literal["*"] | list[str | Inner] = "*"


def test_types_are_described_in_words() -> None:
    assert types_of(Model) == {
        "names": "list of strings, at most 3",
        "tags": "map of lists of strings",
        "mode": '`"fast"` or `"slow"`',
        "minutes": "whole number from 1 to 60",
        "share": "number",
        "any_or_some": '`"*"` or list of strings or maps (inner)',
    }


def test_a_table_gets_a_column_with_types() -> None:
    table = "| key | meaning |\n|---|---|\n| `size` | how large |\n"

    assert with_types(table, Inner) == (
        "| key | type | meaning |\n|---|---|---|\n| `size` | whole number | how large |\n"
    )


@pytest.mark.parametrize("row", ["", "| `size` | how large |\n| `color` | which |\n"])
def test_fails_when_a_key_is_missing_or_unknown(row: str) -> None:
    with pytest.raises(ValueError, match=r"^the table has the keys .*, and Inner has \['size'\]$"):
        with_types(f"| key | meaning |\n|---|---|\n{row}", Inner)


def test_the_page_of_the_configuration_has_types() -> None:
    lines = configuration_page(PAGE.read_text(encoding="utf-8")).splitlines()

    assert any(line.startswith("| `timeout_minutes` | whole number from 1 to 60 | ") for line in lines)
    assert any(line.startswith('| `on_conflict` | `"fail"` or `"keep"` | ') for line in lines)
    assert any(line.startswith("| `first` | whole number from 1 | ") for line in lines)
