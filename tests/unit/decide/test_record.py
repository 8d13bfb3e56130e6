"""The record of an instance in the ledger, and how each step changes it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from cdk_instance_role.runtime.association.decide.claim import MAX_ERROR, Claim
from cdk_instance_role.runtime.association.decide.record import Record, held
from cdk_instance_role.runtime.association.decide.step import Action, Identity, Step
from tests.unit.builders import FOREIGN, FORMER, ID, LISTED, WANTED, role_arn

A, B = "A", "B"
NOW = 1_800_000_000.0


def step(before: str | None, after: str | None, action: Action = Action.REPLACE, *, undo: bool = False) -> Step:
    return Step(ID, action, "because", before, after, undo=undo)


def put(record: Record, association: str, before: str | None, after: str) -> Record:
    """An association puts a profile there, and EC2 accepts it."""
    return record.for_association(association).claimed(association, step(before, after), NOW).noted(None, NOW)


def release(record: Record, association: str) -> Record:
    return record.for_association(association).released()


# What must be restored later


@pytest.mark.parametrize("before", [None, LISTED])
def test_the_profile_from_before_is_remembered(before: str | None) -> None:
    assert put(Record(ID), A, before, WANTED).previous == before


def test_the_profile_of_the_association_itself_is_not_the_previous_profile() -> None:
    record = put(put(Record(ID), A, LISTED, WANTED), A, WANTED, FORMER)
    assert record.previous == LISTED
    assert record.ours == {WANTED, FORMER}


def test_the_profile_of_another_association_is_not_the_previous_profile() -> None:
    assert put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER).previous == LISTED


def test_a_profile_from_somebody_else_is_the_previous_profile() -> None:
    """Without the association the instance would carry that."""
    assert put(put(Record(ID), A, LISTED, WANTED), A, FOREIGN, WANTED).previous == FOREIGN


def test_a_removal_by_somebody_else_does_not_lose_the_previous_profile() -> None:
    """It looks like an association between the two halves of a swap."""
    assert put(put(Record(ID), A, LISTED, WANTED), A, None, WANTED).previous == LISTED


@pytest.mark.parametrize("by", [A, B])
def test_a_profile_that_is_displaced_again_is_compared_with_what_it_was_then(by: str) -> None:
    """Somebody has restored it by hand, with another role in it."""
    first, second = (Identity("AIPA1", role_arn(name)) for name in ("First", "Second"))
    displaced = Record(ID).claimed(A, replace(step(LISTED, WANTED), identity=first), NOW).noted(None, NOW)
    again = displaced.for_association(by).claimed(by, replace(step(LISTED, WANTED), identity=second), NOW)
    assert displaced.identity(LISTED) == first
    assert again.identity(LISTED) == second


def test_what_a_displaced_profile_was_is_kept_while_the_instance_is_changed_on() -> None:
    first = Identity("AIPA1", role_arn("First"))
    displaced = Record(ID).claimed(A, replace(step(LISTED, WANTED), identity=first), NOW).noted(None, NOW)
    later = displaced.claimed(A, replace(step(WANTED, FORMER), identity=Identity("AIPA2")), NOW)
    assert later.claimed(A, step(None, FORMER, Action.ASSOCIATE), NOW).identity(LISTED) == first


@pytest.mark.parametrize("held", [False, True])
def test_a_claim_below_another_one_comes_after_it_and_keeps_its_profile(held: bool) -> None:
    """In a rollback, A leaves the instance to B. It may have taken the instance from B before."""
    record = put(put(put(Record(ID), "C", None, LISTED), B, LISTED, WANTED), "D", WANTED, FOREIGN)
    record = put(put(record, A, FOREIGN, FORMER), B, FORMER, WANTED) if held else put(record, B, FOREIGN, WANTED)
    below = Step(ID, Action.KEEP, "because", WANTED, WANTED, claims_below=FORMER)
    record = record.for_association(A).claimed(A, below, NOW)
    order = [claim.association for claim in sorted(record.claims, key=lambda claim: -claim.rank)]

    assert len({claim.rank for claim in record.claims}) == len(record.claims)
    assert order.index(A) > order.index(B)
    assert record.ours == {FORMER}
    assert FORMER in record.for_association(B).candidates
    assert record.previous is None


@pytest.mark.parametrize("quicker", [None, FOREIGN])
def test_somebody_may_change_the_instance_before_the_first_change(quicker: str | None) -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED), NOW).noted("refused", NOW)
    assert claimed.claimed(A, step(quicker, WANTED), NOW).previous == quicker


def test_after_a_first_change_without_an_answer_a_removal_by_somebody_else_is_possible() -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED), NOW)
    for record in (claimed, claimed.noted("timeout", NOW, rejected=False)):
        assert record.claimed(A, step(None, WANTED), NOW).previous == LISTED
        assert record.claimed(A, step(FOREIGN, WANTED), NOW).previous == FOREIGN


def test_a_first_change_that_was_interrupted_loses_nothing() -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED), NOW)
    assert claimed.claimed(A, step(WANTED, FORMER), NOW).previous == LISTED


def test_an_instance_between_the_two_halves_of_a_swap_keeps_its_previous_profile() -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW)
    assert claimed.detached == LISTED
    assert claimed.claimed(A, step(None, WANTED, Action.ASSOCIATE), NOW).previous == LISTED


def test_a_target_that_is_right_already_has_the_wanted_profile_as_its_previous_one() -> None:
    record = Record(ID).claimed(A, step(WANTED, WANTED, Action.KEEP), NOW)
    assert record.previous == WANTED
    assert record.ours == {WANTED}


def test_a_former_target_that_is_right_already_keeps_its_previous_profile() -> None:
    record = put(Record(ID), A, LISTED, WANTED)
    assert record.claimed(A, step(FORMER, FORMER, Action.KEEP), NOW).previous == LISTED


# Restore candidates


def test_the_restore_candidate_of_a_single_claim_is_the_previous_profile() -> None:
    assert put(Record(ID), A, LISTED, WANTED).candidates == (LISTED,)


def test_restore_candidates_are_the_profiles_of_the_other_claims_from_the_youngest_down() -> None:
    record = put(put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER), "C", FORMER, FOREIGN)
    assert record.candidates == (FORMER, WANTED, LISTED)
    assert record.for_association(A).candidates == (FOREIGN, FORMER, LISTED)


def test_an_association_that_takes_an_instance_again_has_the_top_claim() -> None:
    record = put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER)
    record = put(record, A, FORMER, WANTED)
    assert record.for_association(B).candidates == (WANTED, LISTED)
    assert record.for_association("C").candidates == (WANTED, FORMER, LISTED)


def test_a_younger_retained_claim_is_no_restore_candidate_of_an_older_one() -> None:
    """The handler does not learn when it is removed."""
    record = put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER).committed(FORMER, retain=True)
    assert record.for_association(A).candidates == (LISTED,)
    assert not record.for_association(A).is_kept_by_others(FORMER)


def test_an_older_retained_claim_is_a_restore_candidate_of_a_younger_one() -> None:
    record = put(Record(ID), A, LISTED, WANTED).committed(WANTED, retain=True)
    assert put(record, B, WANTED, FORMER).candidates == (WANTED, LISTED)
    assert record.for_association("C").candidates == (WANTED, LISTED), "C is going to be the youngest"


def test_a_profile_from_somebody_else_overrules_all_older_claims() -> None:
    record = put(put(Record(ID), A, LISTED, WANTED), B, FOREIGN, FORMER)
    assert record.candidates == (FOREIGN,)
    assert record.for_association(A).ours == set(), "nothing of theirs is there any more"


def test_a_released_claim_changes_no_other_claim() -> None:
    record = release(put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER), A)
    assert (record.previous, record.mine, [claim.association for claim in record.others]) == (LISTED, None, [B])


def test_a_restored_profile_of_another_claim_belongs_to_the_association_until_its_claim_is_released() -> None:
    """The other one may be deleted at the same time."""
    record = put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER)
    claimed = record.claimed(B, step(FORMER, WANTED, undo=True), NOW)
    assert claimed.ours == {FORMER, WANTED}
    assert claimed.previous == LISTED


def test_a_restored_previous_profile_is_not_ours() -> None:
    record = put(Record(ID), A, LISTED, WANTED)
    assert record.claimed(A, step(WANTED, LISTED, undo=True), NOW).ours == {WANTED}


# What is held


def test_holds_only_its_own_records() -> None:
    record = put(Record(ID), A, None, WANTED)
    assert held({ID: record}) == {ID: record}
    assert held({ID: record.for_association(B)}) == {}


@pytest.mark.parametrize(
    ("change", "committed"),
    [
        pytest.param(lambda record: record, True, id="as it was left"),
        pytest.param(lambda record: record.claimed(A, step(WANTED, FORMER), NOW), False, id="another one claimed"),
        pytest.param(lambda record: put(record, B, FOREIGN, FORMER).for_association(A), False, id="overruled"),
        pytest.param(
            lambda record: record.claimed(A, step(WANTED, WANTED, Action.SWAP), NOW), False, id="between two halves"
        ),
    ],
)
def test_is_committed_when_only_the_wanted_profile_is_ours(change: Callable[[Record], Record], committed: bool) -> None:
    record = change(put(Record(ID), A, None, WANTED))
    assert record.is_committed(WANTED) is committed
    assert record.committed(WANTED).is_committed(WANTED)


def test_remembers_the_error_that_ec2_answered_to_a_step() -> None:
    record = Record(ID).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW).noted("x" * 2 * MAX_ERROR, NOW + 1)
    assert record.mine is not None
    latest = record.mine.latest
    assert (latest.action, latest.before, latest.after, latest.at) == ("swap", LISTED, WANTED, NOW + 1)
    assert latest.error == "x" * MAX_ERROR
    assert (record.acted_at, record.detached) == (None, LISTED), "whether the first half took effect is not known"


def test_an_instance_that_had_the_profile_still_had_it_once_a_swap_is_reverted() -> None:
    had = put(Record(ID), A, None, WANTED).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW).noted("refused", NOW)
    reverted = had.claimed(A, step(None, LISTED, Action.ASSOCIATE, undo=True), NOW).noted(None, NOW)
    assert reverted.mine is not None
    assert reverted.mine.given


def test_an_instance_whose_first_swap_is_reverted_never_had_the_profile() -> None:
    refused = Record(ID).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW).noted("refused", NOW)
    reverted = refused.claimed(A, step(None, LISTED, Action.ASSOCIATE, undo=True), NOW).noted(None, NOW)
    assert reverted.mine is not None
    assert not reverted.mine.given


def test_knows_when_ec2_accepted_a_change() -> None:
    record = Record(ID).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW).noted(None, NOW + 1)
    assert (record.acted_at, record.detached) == (NOW + 1, None)


def test_a_record_without_claims_is_empty() -> None:
    assert release(put(Record(ID), A, None, WANTED), A).claims == ()
    assert Claim(A).wanted is None
