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


@pytest.mark.parametrize(("tries", "minutes"), [(0, 1), (1, 2), (2, 4), (8, 256), (9, 360), (1024, 360), (10_000, 360)])
def test_what_ec2_has_refused_waits_twice_as_long_each_time_and_at_most_six_hours(tries: int, minutes: int) -> None:
    refused = Finding("i-1", tries=tries).refused(1000.0)
    assert (refused.tries, refused.retry_at) == (tries + 1, 1000.0 + 60 * minutes)
