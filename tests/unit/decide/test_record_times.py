"""When a record says that an instance was tried, and whether that was refused for good in the present operation."""

import pytest

from cdk_instance_role.runtime.association.decide.claim import Claim, Latest
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action, Step
from tests.unit.builders import EARLIER, FOREIGN, ID, OPERATION, WANTED

BEFORE, BEGAN, LATER = 1000.0, 2000.0, 3000.0
"""An earlier operation, the beginning of the present one, and a moment of it."""


def record(
    *,
    action: Action = Action.REPLACE,
    at: float = LATER,
    final: bool = False,
    after: str = WANTED,
    request: str = OPERATION,
    failing_in: str | None = None,
    acted_at: float | None = None,
) -> Record:
    """The record of an instance that is to carry WANTED."""
    latest = Latest(str(action), None, after, at, None, final, request=request)
    return Record(ID, mine=Claim("A", wanted=WANTED, latest=latest, failing_in=failing_in), acted_at=acted_at)


def to(profile: str) -> Step:
    return Step(ID, Action.REPLACE, "because", None, profile)


def was_refused(record: Record, profile: str = WANTED) -> bool:
    return record.was_refused(to(profile), OPERATION)


def test_a_record_without_claims_was_never_tried() -> None:
    assert Record(ID).tried_at is None


def test_a_change_was_tried_when_it_was_begun() -> None:
    """It may have been accepted although the answer got lost."""
    assert record(at=LATER).tried_at == LATER


@pytest.mark.parametrize("action", [Action.KEEP, Action.WAIT, Action.FORGET])
def test_a_step_that_changes_nothing_is_no_try(action: Action) -> None:
    assert record(action=action, at=LATER).tried_at is None
    assert record(action=action, at=LATER, acted_at=BEFORE).tried_at == BEFORE


def test_the_latest_try_counts_whether_it_was_begun_or_accepted() -> None:
    assert record(at=LATER, acted_at=BEFORE).tried_at == LATER
    assert record(at=BEFORE, acted_at=LATER).tried_at == LATER


def test_a_change_of_another_association_counts_as_a_try_too() -> None:
    assert Record(ID, acted_at=LATER).tried_at == LATER


def test_a_terminal_refusal_counts_in_its_operation() -> None:
    assert was_refused(record(final=True, failing_in=OPERATION))
    assert was_refused(record(final=True))


def test_a_refusal_in_an_earlier_operation_is_tried_again() -> None:
    assert not was_refused(record(at=BEFORE, request=EARLIER, final=True, failing_in=EARLIER))


def test_a_refusal_of_a_repair_that_is_noted_after_the_operation_has_begun_is_tried_again() -> None:
    assert not was_refused(record(at=LATER, request=EARLIER, final=True, failing_in=EARLIER))
    assert not was_refused(record(at=LATER, failing_in=EARLIER))


def test_a_target_was_failing_before_if_another_event_was_refused_first() -> None:
    assert record(request=EARLIER, failing_in=EARLIER).was_failing_before(OPERATION)
    assert record(final=True, failing_in=EARLIER).was_failing_before(OPERATION)
    assert not record(final=True, failing_in=OPERATION).was_failing_before(OPERATION)
    assert not record(final=True).was_failing_before(OPERATION)
    assert not Record(ID).was_failing_before(OPERATION)


def test_a_change_that_was_refused_earlier_and_is_tried_again_is_not_refused_yet() -> None:
    assert not was_refused(record(failing_in=EARLIER, final=False))
    assert was_refused(record(failing_in=EARLIER, final=True))


def test_a_transient_error_is_no_refusal() -> None:
    assert not was_refused(record(final=False))


def test_a_refusal_is_about_the_profile_that_was_refused() -> None:
    assert not was_refused(record(final=True), FOREIGN)
    assert not was_refused(record(final=True, failing_in=OPERATION), FOREIGN)
    assert was_refused(record(final=True, after=FOREIGN), FOREIGN)


def test_a_refusal_stays_after_the_former_profile_was_put_back() -> None:
    """Restoring that profile was the latest change, and was accepted."""
    assert was_refused(record(after=FOREIGN, failing_in=OPERATION))
    assert not was_refused(record(after=FOREIGN, failing_in=OPERATION), FOREIGN)


def test_an_instance_without_claims_has_no_refusal() -> None:
    assert not was_refused(Record(ID))


def test_a_target_that_was_only_kept_has_no_refusal() -> None:
    assert not was_refused(record(action=Action.KEEP, final=True, failing_in=OPERATION))


def denied(record: Record, request: str, at: float) -> Record:
    """The record after this event has tried to give the instance WANTED, and was not allowed to pass its role."""
    tried = record.claimed("A", to(WANTED), at, request=request)
    return tried.noted("denied", at, kind="DENIED", denied_role="arn:aws:iam::111122223333:role/Web")


def test_an_error_counts_from_the_first_time_that_the_event_has_met_it() -> None:
    met = denied(denied(Record(ID), "update", BEFORE), "update", BEFORE + 30)
    assert met.error_since("DENIED", BEFORE + 60) == BEFORE


def test_what_an_earlier_event_was_denied_says_nothing_about_the_next_one() -> None:
    """What was wrong may be corrected meanwhile, and the correction takes some seconds to be in force."""
    met = denied(denied(Record(ID), "rollback", BEFORE), "continued rollback", BEGAN)
    assert met.error_since("DENIED", LATER) == BEGAN
    assert met.mine is not None
    assert met.mine.denial is not None
    assert not met.mine.denial.is_confirmed
