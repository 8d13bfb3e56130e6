"""What the ledger says of an instance, and what becomes of it step by step."""

from collections.abc import Callable

import pytest

from cdk_instance_role.runtime.association.decide.claim import MAX_ERROR, Claim
from cdk_instance_role.runtime.association.decide.record import Record, held
from cdk_instance_role.runtime.association.decide.step import Action, Step
from tests.unit.builders import FOREIGN, FORMER, ID, LISTED, WANTED

A, B = "A", "B"
NOW = 1_800_000_000.0


def step(before: str | None, after: str | None, action: Action = Action.REPLACE, *, undo: bool = False) -> Step:
    return Step(ID, action, "because", before, after, undo=undo)


def put(record: Record, association: str, before: str | None, after: str) -> Record:
    """An association puts a profile there, and EC2 accepts it."""
    return record.seen_by(association).claimed(association, step(before, after), NOW).noted(None, NOW)


def leave(record: Record, association: str) -> Record:
    return record.seen_by(association).released()


# What must be restored later


@pytest.mark.parametrize("before", [None, LISTED])
def test_what_was_there_before_is_remembered(before: str | None) -> None:
    assert put(Record(ID), A, before, WANTED).previous == before


def test_what_an_association_has_put_there_itself_is_not_what_was_there_before() -> None:
    record = put(put(Record(ID), A, LISTED, WANTED), A, WANTED, FORMER)
    assert record.previous == LISTED
    assert record.ours == {WANTED, FORMER}


def test_what_another_association_has_put_there_is_not_what_was_there_before() -> None:
    assert put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER).previous == LISTED


def test_what_somebody_else_has_put_there_is_to_be_given_back() -> None:
    """Without the association the instance would carry that."""
    assert put(put(Record(ID), A, LISTED, WANTED), A, FOREIGN, WANTED).previous == FOREIGN


def test_that_somebody_has_taken_it_off_does_not_lose_what_was_there_before() -> None:
    """It looks like an association between the two halves of a swap."""
    assert put(put(Record(ID), A, LISTED, WANTED), A, None, WANTED).previous == LISTED


@pytest.mark.parametrize("quicker", [None, FOREIGN])
def test_somebody_may_be_quicker_than_the_first_change(quicker: str | None) -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED), NOW).noted("refused", NOW)
    assert claimed.claimed(A, step(quicker, WANTED), NOW).previous == quicker


def test_a_first_change_without_an_answer_may_be_what_somebody_has_taken_off() -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED), NOW)
    for record in (claimed, claimed.noted("timeout", NOW, rejected=False)):
        assert record.claimed(A, step(None, WANTED), NOW).previous == LISTED
        assert record.claimed(A, step(FOREIGN, WANTED), NOW).previous == FOREIGN


def test_a_first_change_that_nobody_saw_to_its_end_loses_nothing() -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED), NOW)
    assert claimed.claimed(A, step(WANTED, FORMER), NOW).previous == LISTED


def test_an_instance_between_two_halves_has_what_it_had() -> None:
    claimed = Record(ID).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW)
    assert claimed.detached == LISTED
    assert claimed.claimed(A, step(None, WANTED, Action.ASSOCIATE), NOW).previous == LISTED


def test_a_target_that_is_right_already_has_had_that_all_along() -> None:
    record = Record(ID).claimed(A, step(WANTED, WANTED, Action.KEEP), NOW)
    assert record.previous == WANTED
    assert record.ours == {WANTED}


def test_a_target_that_was_ours_before_and_is_right_by_chance_keeps_its_previous_profile() -> None:
    record = put(Record(ID), A, LISTED, WANTED)
    assert record.claimed(A, step(FORMER, FORMER, Action.KEEP), NOW).previous == LISTED


# Layers


def test_beneath_the_last_association_is_what_was_there_before() -> None:
    assert put(Record(ID), A, LISTED, WANTED).candidates == (LISTED,)


def test_beneath_an_association_are_the_others_from_the_youngest_down() -> None:
    record = put(put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER), "C", FORMER, FOREIGN)
    assert record.candidates == (FORMER, WANTED, LISTED)
    assert record.seen_by(A).candidates == (FOREIGN, FORMER, LISTED)


def test_who_takes_an_instance_back_lies_on_top_again() -> None:
    record = put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER)
    record = put(record, A, FORMER, WANTED)
    assert record.seen_by(B).candidates == (WANTED, LISTED)
    assert record.seen_by("C").candidates == (WANTED, FORMER, LISTED)


def test_what_a_younger_retained_association_wants_is_not_beneath_an_older_one() -> None:
    """Nobody tells when it is gone."""
    record = put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER).settled(FORMER, retain=True)
    assert record.seen_by(A).candidates == (LISTED,)
    assert not record.seen_by(A).is_kept_by_others(FORMER)


def test_what_an_older_retained_association_has_left_is_beneath_a_younger_one() -> None:
    record = put(Record(ID), A, LISTED, WANTED).settled(WANTED, retain=True)
    assert put(record, B, WANTED, FORMER).candidates == (WANTED, LISTED)
    assert record.seen_by("C").candidates == (WANTED, LISTED), "C is going to be the youngest"


def test_the_others_are_overruled_by_somebody_who_is_none_of_them() -> None:
    record = put(put(Record(ID), A, LISTED, WANTED), B, FOREIGN, FORMER)
    assert record.candidates == (FOREIGN,)
    assert record.seen_by(A).ours == set(), "nothing of theirs is there any more"


def test_who_leaves_takes_nothing_of_the_others_away() -> None:
    record = leave(put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER), A)
    assert (record.previous, record.mine, [claim.association for claim in record.others]) == (LISTED, None, [B])


def test_what_comes_to_light_under_an_association_is_its_own_until_it_is_gone() -> None:
    """The other one may go at the same time."""
    record = put(put(Record(ID), A, LISTED, WANTED), B, WANTED, FORMER)
    claimed = record.claimed(B, step(FORMER, WANTED, undo=True), NOW)
    assert claimed.ours == {FORMER, WANTED}
    assert claimed.previous == LISTED


def test_what_is_given_back_is_not_ours() -> None:
    record = put(Record(ID), A, LISTED, WANTED)
    assert record.claimed(A, step(WANTED, LISTED, undo=True), NOW).ours == {WANTED}


# What is held


def test_holds_only_what_is_its_own() -> None:
    record = put(Record(ID), A, None, WANTED)
    assert held({ID: record}) == {ID: record}
    assert held({ID: record.seen_by(B)}) == {}


@pytest.mark.parametrize(
    ("change", "settled"),
    [
        pytest.param(lambda record: record, True, id="as it was left"),
        pytest.param(lambda record: record.claimed(A, step(WANTED, FORMER), NOW), False, id="another one claimed"),
        pytest.param(lambda record: put(record, B, FOREIGN, FORMER).seen_by(A), False, id="overruled"),
        pytest.param(
            lambda record: record.claimed(A, step(WANTED, WANTED, Action.SWAP), NOW), False, id="between two halves"
        ),
    ],
)
def test_is_settled_when_only_the_wanted_profile_is_ours(change: Callable[[Record], Record], settled: bool) -> None:
    record = change(put(Record(ID), A, None, WANTED))
    assert record.is_settled(WANTED) is settled
    assert record.settled(WANTED).is_settled(WANTED)


def test_remembers_what_ec2_had_against_a_step() -> None:
    record = Record(ID).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW).noted("x" * 2 * MAX_ERROR, NOW + 1)
    assert record.mine is not None
    latest = record.mine.latest
    assert (latest.action, latest.before, latest.after, latest.at) == ("swap", LISTED, WANTED, NOW + 1)
    assert latest.error == "x" * MAX_ERROR
    assert (record.acted_at, record.detached) == (None, LISTED), "whether the first half took effect is not known"


def test_knows_since_when_ec2_has_accepted_a_change() -> None:
    record = Record(ID).claimed(A, step(LISTED, WANTED, Action.SWAP), NOW).noted(None, NOW + 1)
    assert (record.acted_at, record.detached) == (NOW + 1, None)


def test_a_record_without_claims_says_nothing() -> None:
    assert leave(put(Record(ID), A, None, WANTED), A).claims == ()
    assert Claim(A).wanted is None
