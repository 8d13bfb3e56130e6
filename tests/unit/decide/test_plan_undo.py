"""Undo: every row of the table in the design."""

from dataclasses import dataclass

import pytest

from cdk_instance_role.runtime.association.decide.model import Instance, InstanceState, Snapshot
from cdk_instance_role.runtime.association.decide.plan import plan_undo
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action, Step
from cdk_instance_role.runtime.association.decide.undo import plan_undo_of
from tests.unit.builders import (
    FOREIGN,
    FORMER,
    ID,
    LISTED,
    WANTED,
    existing,
    instance,
    instance_id,
    record,
    snapshot,
)

STOPPED = InstanceState.STOPPED


def decide(found: Instance | None, known: Record, *, exist: tuple[str, ...] = (LISTED,)) -> Step:
    return plan_undo_of(known, found, Snapshot((), {}, {}, {LISTED: None, **existing(*exist)}))


@dataclass(frozen=True)
class Case:
    found: Instance
    known: Record
    action: Action
    after: str | None = None
    warning: bool = False
    fallback: str | None = None
    previous_exists: bool = True


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            Case(instance(WANTED), record(), Action.DISASSOCIATE),
            id="an instance without a previous profile becomes bare again",
        ),
        pytest.param(
            Case(instance(WANTED, STOPPED), record(), Action.DISASSOCIATE),
            id="no previous profile, on a stopped instance",
        ),
        pytest.param(
            Case(instance(WANTED, established=False), record(), Action.DISASSOCIATE),
            id="no previous profile, before EC2 has confirmed ours",
        ),
        pytest.param(
            Case(instance(WANTED), record(LISTED), Action.REPLACE, after=LISTED), id="the previous profile is restored"
        ),
        pytest.param(
            Case(instance(FORMER), record(LISTED, ours=[FORMER, WANTED]), Action.REPLACE, after=LISTED),
            id="the previous profile is restored during a change of the wanted one",
        ),
        pytest.param(
            Case(instance(WANTED, STOPPED), record(LISTED), Action.SWAP, after=LISTED, fallback=WANTED),
            id="the previous profile is restored on a stopped instance",
        ),
        pytest.param(
            Case(
                instance(WANTED),
                record(LISTED),
                Action.DISASSOCIATE,
                warning=True,
                previous_exists=False,
            ),
            id="a previous profile that was deleted meanwhile is reported",
        ),
        pytest.param(
            Case(
                instance(WANTED, STOPPED),
                record(LISTED),
                Action.DISASSOCIATE,
                warning=True,
                previous_exists=False,
            ),
            id="a previous profile that was deleted meanwhile, on a stopped instance",
        ),
        pytest.param(
            Case(instance(FOREIGN), record(), Action.FORGET, after=FOREIGN, warning=True),
            id="someone else's change is left alone",
        ),
        pytest.param(
            Case(instance(FOREIGN), record(LISTED), Action.FORGET, after=FOREIGN, warning=True),
            id="someone else's change is left alone whatever was there before",
        ),
        pytest.param(
            Case(instance(FOREIGN), record(LISTED, detached=LISTED), Action.FORGET, after=FOREIGN, warning=True),
            id="someone else's change in the middle of a swap is left alone",
        ),
        pytest.param(
            Case(instance(), record(LISTED), Action.FORGET, warning=True),
            id="a profile of ours that someone has removed is not put back",
        ),
        pytest.param(
            Case(instance(WANTED), record(WANTED), Action.FORGET, after=WANTED),
            id="an instance that had the wanted profile all along keeps it",
        ),
        pytest.param(
            Case(instance(LISTED), record(LISTED), Action.FORGET, after=LISTED), id="a restored record is forgotten"
        ),
        pytest.param(Case(instance(), record(), Action.FORGET), id="what is bare again is forgotten"),
        pytest.param(
            Case(instance(leaving=True), record(), Action.FORGET), id="what is becoming bare again is forgotten"
        ),
        pytest.param(
            Case(instance(state=STOPPED), record(LISTED, detached=LISTED), Action.ASSOCIATE, after=LISTED),
            id="an interrupted swap is rolled back",
        ),
        pytest.param(
            Case(
                instance(state=STOPPED),
                record(LISTED, detached=WANTED),
                Action.ASSOCIATE,
                after=LISTED,
                fallback=WANTED,
            ),
            id="an interrupted swap back continues",
        ),
        pytest.param(
            Case(instance(), record(LISTED, detached=LISTED), Action.ASSOCIATE, after=LISTED),
            id="an interrupted swap is rolled back even if the instance was started meanwhile",
        ),
        pytest.param(
            Case(
                instance(state=STOPPED),
                record(LISTED, detached=LISTED),
                Action.FORGET,
                warning=True,
                previous_exists=False,
            ),
            id="after an interrupted swap there is nothing to restore if the profile was deleted",
        ),
        pytest.param(
            Case(instance(state=STOPPED), record(None, ours=[FORMER, WANTED], detached=FORMER), Action.FORGET),
            id="an interrupted swap between our own profiles leaves bare what was bare",
        ),
    ],
)
def test_the_profile_of_the_instance_decides(case: Case) -> None:
    step = decide(case.found, case.known, exist=(LISTED,) if case.previous_exists else ())

    assert (step.instance_id, step.action, step.before, step.after, step.fallback, step.warning, step.undo) == (
        ID,
        case.action,
        case.found.carries,
        case.after,
        case.fallback,
        case.warning,
        True,
    )


@pytest.mark.parametrize("previous", [None, LISTED])
@pytest.mark.parametrize("state", [InstanceState.PENDING, InstanceState.STOPPING])
def test_waits_until_the_state_settles(previous: str | None, state: InstanceState) -> None:
    step = decide(instance(WANTED, state), record(previous))

    assert (step.action, step.undo) == (Action.WAIT, True)


def test_an_interrupted_swap_waits_until_the_former_association_has_ended() -> None:
    assert decide(instance(leaving=True), record(LISTED, detached=LISTED)).action is Action.WAIT


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(None, id="unknown"),
        pytest.param(instance(WANTED, InstanceState.TERMINATED), id="terminated"),
        pytest.param(instance(WANTED, InstanceState.SHUTTING_DOWN), id="shutting down"),
    ],
)
@pytest.mark.parametrize("previous", [None, LISTED])
def test_drops_the_record_of_a_terminated_instance(found: Instance | None, previous: str | None) -> None:
    step = decide(found, record(previous))

    assert (step.action, step.undo, step.warning) == (Action.FORGET, True, False)


def test_says_what_has_happened_to_a_previous_profile_that_was_deleted() -> None:
    assert "Listed" in decide(instance(WANTED), record(LISTED), exist=()).reason
    assert "does not exist any more" in decide(instance(WANTED), record(LISTED), exist=()).reason


def test_does_not_report_a_change_of_somebody_else_after_its_own_disassociation() -> None:
    """The plan after the one that disassociated, because the previous profile no longer existed."""
    step = decide(instance(), record(LISTED), exist=())

    assert step.action is Action.FORGET
    assert "someone" not in step.reason


@pytest.mark.parametrize(("found", "now"), [(instance(FOREIGN), "Foreign"), (instance(), "no profile")])
def test_names_the_profile_that_someone_else_has_given(found: Instance, now: str) -> None:
    assert f"someone has given it {now} since" in decide(found, record(LISTED)).reason


def test_undoes_exactly_the_records_of_the_ledger() -> None:
    bare, replaced, stranger = (instance_id(number) for number in (1, 2, 3))
    plan = plan_undo(
        snapshot(
            instance(WANTED, id=bare),
            instance(WANTED, id=replaced),
            instance(WANTED, id=stranger),
            selected=[],
            records=[record(id=bare), record(LISTED, id=replaced)],
        )
    )

    assert [(step.instance_id, step.action, step.after) for step in plan.steps] == [
        (bare, Action.DISASSOCIATE, None),
        (replaced, Action.REPLACE, LISTED),
    ]


def test_an_empty_ledger_needs_no_undo() -> None:
    assert plan_undo(snapshot(instance(WANTED), selected=[])).converged
