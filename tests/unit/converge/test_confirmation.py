"""How often the handler checks whether EC2 has confirmed an association."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.converge.confirmation import pause_seconds, unconfirmed
from cdk_instance_role.runtime.association.decide.model import Association, Instance, InstanceState
from cdk_instance_role.runtime.association.decide.step import Action, Plan, Step

WEB = "arn:aws:iam::111122223333:instance-profile/Web"


@pytest.mark.parametrize(
    ("since_change", "pending", "seconds"),
    [
        pytest.param(0.0, 1, 0.5, id="at first"),
        pytest.param(20.0, 1, 0.5, id="the last one, after a while"),
        pytest.param(60.0, 1, 1.2, id="the last one, after a minute"),
        pytest.param(10.0, 2, 1.2, id="two"),
        pytest.param(10.0, 4, 2.2, id="four"),
        pytest.param(5.0, 100, 3.0, id="many"),
        pytest.param(3600.0, 1, 3.0, id="the last one, after an hour"),
    ],
)
def test_checks_more_often_with_fewer_left_and_less_time_passed(
    since_change: float, pending: int, seconds: float
) -> None:
    assert pause_seconds(since_change, pending) == pytest.approx(seconds)


@given(st.floats(0, 1e6), st.integers(1, 10_000))
def test_never_waits_long(since_change: float, pending: int) -> None:
    assert 0.5 <= pause_seconds(since_change, pending) <= 3.0


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(1, 10_000)), min_size=2, max_size=9))
def test_never_waits_less_later_or_with_more_left(cases: list[tuple[float, int]]) -> None:
    for (since, pending), (other, more) in itertools.pairwise(cases):
        later = pause_seconds(max(since, other), max(pending, more))
        assert later >= max(pause_seconds(since, pending), pause_seconds(other, more)) - 1e-9


def instance(id_: str, association: Association | None, state: InstanceState = InstanceState.RUNNING) -> Instance:
    return Instance(id_, state, association)


def waiting(*ids: str) -> Plan:
    return Plan(tuple(Step(id_, Action.WAIT, "") for id_ in ids))


NEW, CONFIRMED = Association("iip-1", WEB, established=False), Association("iip-1", WEB, established=True)


def test_finds_the_instances_that_lack_only_a_confirmation() -> None:
    instances = {"i-1": instance("i-1", NEW), "i-2": instance("i-2", NEW), "i-3": instance("i-3", CONFIRMED)}
    assert unconfirmed(waiting("i-1", "i-2"), instances).keys() == {"i-1", "i-2"}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(instance("i-2", None), id="one has no association"),
        pytest.param(instance("i-2", CONFIRMED), id="one is confirmed"),
        pytest.param(instance("i-2", None, InstanceState.PENDING), id="one is pending"),
    ],
)
def test_finds_none_if_something_else_is_waited_for_too(other: Instance) -> None:
    assert unconfirmed(waiting("i-1", "i-2"), {"i-1": instance("i-1", NEW), "i-2": other}) == {}
    assert unconfirmed(waiting("i-1", "i-2"), {"i-1": instance("i-1", NEW)}) == {}


def test_finds_none_if_nothing_is_waited_for() -> None:
    assert unconfirmed(waiting(), {"i-1": instance("i-1", NEW)}) == {}
