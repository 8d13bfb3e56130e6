"""Work in batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.batch import chunks


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (190, [190]), (191, [190, 1]), (1000, [190] * 5 + [50])],
)
def test_a_chunk_is_full_unless_it_is_the_last(count: int, sizes: list[int]) -> None:
    assert [len(chunk) for chunk in chunks(range(count), 190)] == sizes


@given(items=st.lists(st.integers()), size=st.integers(1, 10))
def test_no_item_is_lost_and_the_order_stays(items: list[int], size: int) -> None:
    assert [item for chunk in chunks(iter(items), size) for item in chunk] == items
