"""What is remembered of an instance that has lost the tags, or that is gone."""

import pytest

from cdk_instance_role.runtime.association.drift.finding import Finding

MISSED = Finding("i-1", unselected_at=1000.0, gone_at=2000.0)


@pytest.mark.parametrize(
    ("is_selected", "is_gone", "unselected_at", "gone_at"),
    [
        pytest.param(True, False, None, None, id="it is there, with the tags"),
        pytest.param(False, False, 1000.0, None, id="it is there, without the tags"),
        pytest.param(False, True, 1000.0, 2000.0, id="it is gone"),
    ],
)
def test_a_look_ends_what_it_does_not_show_any_more(
    is_selected: bool, is_gone: bool, unselected_at: float | None, gone_at: float | None
) -> None:
    seen = MISSED.looked_at(is_selected=is_selected, is_gone=is_gone)
    assert (seen.unselected_at, seen.gone_at) == (unselected_at, gone_at)
