"""What happens to a target: every row of the tables in the design."""

from dataclasses import dataclass, replace

import pytest

from cdk_instance_role.runtime.association.contract import OnConflict
from cdk_instance_role.runtime.association.decide.model import Instance, InstanceState
from cdk_instance_role.runtime.association.decide.plan import (
    CONFIRMATION_SECONDS,
    OperationContext,
    plan_desired,
    plan_target,
)
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action, Plan, Step
from cdk_instance_role.runtime.association.decide.undo import MAX_STALE_SECONDS
from cdk_instance_role.runtime.association.request.desired import Desired
from tests.unit.builders import (
    FOREIGN,
    FORMER,
    ID,
    LISTED,
    WANTED,
    desired,
    existing,
    instance,
    instance_id,
    record,
    snapshot,
)

RUNNING, STOPPED = InstanceState.RUNNING, InstanceState.STOPPED
FORWARD, REVERSING = OperationContext(), OperationContext(rolling_back=True)
KEEP = desired(on_conflict=OnConflict.KEEP)


def decide(
    found: Instance | None,
    known: Record | None = None,
    *,
    desired_state: Desired | None = None,
    context: OperationContext = FORWARD,
    now: float = 0.0,
    started_at: float = 0.0,
) -> Step:
    observed = snapshot(*([found] if found else []), records=[known] if known else [], now=now, started_at=started_at)
    return plan_target(desired_state or desired(), ID, observed, context)


@dataclass(frozen=True)
class Case:
    found: Instance
    action: Action
    known: Record | None = None
    after: str | None = WANTED
    fallback: str | None = None
    desired_state: Desired | None = None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(instance(), Action.ASSOCIATE), id="a bare running target gets the profile"),
        pytest.param(Case(instance(state=STOPPED), Action.ASSOCIATE), id="a bare stopped target gets the profile"),
        pytest.param(Case(instance(WANTED), Action.KEEP), id="a target with the wanted profile is kept"),
        pytest.param(Case(instance(WANTED), Action.KEEP, known=record()), id="and kept if the profile is from us"),
        pytest.param(Case(instance(WANTED, STOPPED), Action.KEEP), id="and kept while it is stopped"),
        pytest.param(
            Case(instance(WANTED, InstanceState.PENDING), Action.KEEP), id="and kept while it is being started"
        ),
        pytest.param(
            Case(instance(WANTED, leaving=True), Action.KEEP), id="and kept while its former association ends"
        ),
        pytest.param(
            Case(instance(FORMER), Action.REPLACE, known=record(ours=[FORMER])),
            id="a profile that we have put there earlier is replaced",
        ),
        pytest.param(
            Case(instance(FORMER), Action.REPLACE, known=record(LISTED, ours=[FORMER, WANTED])),
            id="also in the middle of a change of the wanted profile",
        ),
        pytest.param(
            Case(instance(FORMER), Action.REPLACE, known=record(ours=[FORMER]), desired_state=desired(replaces=[])),
            id="also when nothing else may be replaced",
        ),
        pytest.param(Case(instance(LISTED), Action.REPLACE), id="a listed profile is replaced"),
        pytest.param(Case(instance(LISTED, leaving=True), Action.REPLACE), id="even while a former association ends"),
        pytest.param(Case(instance(LISTED, established=False), Action.REPLACE), id="also before EC2 has confirmed it"),
        pytest.param(
            Case(instance(FOREIGN), Action.REPLACE, desired_state=desired(replaces=[], replaces_any=True)),
            id="any profile is replaced if any may be",
        ),
        pytest.param(
            Case(instance(LISTED, STOPPED), Action.SWAP, fallback=LISTED),
            id="on a stopped target EC2 refuses to replace, so the profiles are swapped",
        ),
        pytest.param(
            Case(instance(FORMER, STOPPED), Action.SWAP, known=record(ours=[FORMER]), fallback=FORMER),
            id="on a stopped target also our own earlier profile is swapped",
        ),
        pytest.param(
            Case(instance(state=STOPPED), Action.ASSOCIATE, known=record(LISTED, detached=LISTED), fallback=LISTED),
            id="an interrupted swap continues with its second half",
        ),
        pytest.param(
            Case(instance(), Action.ASSOCIATE, known=record(LISTED, detached=LISTED), fallback=LISTED),
            id="an interrupted swap continues even if the instance was started meanwhile",
        ),
        pytest.param(
            Case(instance(state=STOPPED), Action.ASSOCIATE, known=record(LISTED, detached=WANTED)),
            id="an interrupted swap back needs no fallback to the profile that is wanted",
        ),
        pytest.param(
            Case(instance(LISTED, STOPPED), Action.SWAP, known=record(LISTED, detached=LISTED), fallback=LISTED),
            id="a swap that was claimed but not begun begins",
        ),
        pytest.param(Case(instance(FOREIGN), Action.CONFLICT, after=FOREIGN), id="any other profile is a conflict"),
        pytest.param(Case(instance(FOREIGN, STOPPED), Action.CONFLICT, after=FOREIGN), id="also on a stopped target"),
        pytest.param(
            Case(instance(FOREIGN), Action.CONFLICT, known=record(), after=FOREIGN),
            id="even if someone has replaced our profile by it",
        ),
        pytest.param(
            Case(instance(FOREIGN), Action.KEEP, after=FOREIGN, desired_state=KEEP),
            id="a conflict is kept where that is wished",
        ),
    ],
)
def test_the_profile_of_the_target_decides(case: Case) -> None:
    step = decide(case.found, case.known, desired_state=case.desired_state)

    assert (step.instance_id, step.action, step.before, step.after, step.fallback, step.undo) == (
        ID,
        case.action,
        case.found.carries,
        case.after,
        case.fallback,
        False,
    )


@pytest.mark.parametrize("state", [InstanceState.PENDING, InstanceState.STOPPING])
@pytest.mark.parametrize("carries", [None, LISTED])
def test_waits_until_the_state_settles(state: InstanceState, carries: str | None) -> None:
    step = decide(instance(carries, state))

    assert step.action is Action.WAIT
    assert step.reason == f"the instance is {state}"


def test_waits_until_the_former_association_has_ended() -> None:
    step = decide(instance(leaving=True))

    assert step.action is Action.WAIT
    assert "disassociating" in step.reason


def test_a_conflict_does_not_wait_for_the_state_to_settle() -> None:
    assert decide(instance(FOREIGN, InstanceState.PENDING)).action is Action.CONFLICT


@pytest.mark.parametrize("action_state", [(Action.REPLACE, RUNNING), (Action.SWAP, STOPPED)])
def test_a_step_names_the_association_that_it_ends(action_state: tuple[Action, InstanceState]) -> None:
    action, state = action_state
    found = instance(LISTED, state)
    step = decide(found)

    assert found.association is not None
    assert (step.action, step.association_id) == (action, found.association.id)


def test_a_conflict_names_the_profile_and_says_what_to_do() -> None:
    step = decide(instance(FOREIGN, STOPPED))

    assert "stopped" in step.reason
    assert "carries instance profile Foreign" in step.reason
    assert "list it" in step.advice
    assert not step.warning


def test_a_kept_conflict_is_a_warning() -> None:
    assert decide(instance(FOREIGN), desired_state=KEEP).warning


# Confirmation: a target is done when EC2 says `associated`.


@pytest.mark.parametrize("state", [RUNNING, STOPPED])
def test_waits_for_the_confirmation(state: InstanceState) -> None:
    step = decide(instance(WANTED, state, established=False), now=CONFIRMATION_SECONDS)

    assert step.action is Action.WAIT
    assert "not confirmed" in step.reason


def test_fails_when_a_running_target_is_not_confirmed_in_time() -> None:
    step = decide(instance(WANTED, established=False), record(acted_at=0.0), now=CONFIRMATION_SECONDS + 1)

    assert step.action is Action.REJECT
    assert "still associating after 180 seconds" in step.reason
    assert "trust policy" in step.advice


def test_a_change_whose_answer_was_lost_has_the_full_time_to_be_confirmed() -> None:
    found, began = instance(WANTED, established=False), 1000.0

    assert decide(found, record(changed_at=began), now=began + CONFIRMATION_SECONDS).action is Action.WAIT
    assert decide(found, record(changed_at=began), now=began + CONFIRMATION_SECONDS + 1).action is Action.REJECT


def test_an_association_of_somebody_else_without_a_timestamp_has_time_to_be_confirmed() -> None:
    step = decide(instance(WANTED, established=False), now=10 * CONFIRMATION_SECONDS)

    assert step.action is Action.WAIT


def test_an_association_of_somebody_else_has_three_minutes_from_its_timestamp() -> None:
    began = 1000.0
    found = instance(WANTED, established=False, since=began)

    assert decide(found, now=began + CONFIRMATION_SECONDS).action is Action.WAIT
    assert decide(found, now=began + CONFIRMATION_SECONDS + 1).action is Action.REJECT


def test_an_unconfirmed_association_does_not_block_the_rollback() -> None:
    context = OperationContext(rolling_back=True, begun=True)
    step = decide(
        instance(WANTED, established=False), record(acted_at=0.0), context=context, now=CONFIRMATION_SECONDS + 1
    )

    assert (step.action, step.warning) == (Action.KEEP, True)
    assert "still associating" in step.reason


def test_accepts_a_stopped_target_that_is_not_confirmed_in_time() -> None:
    step = decide(instance(WANTED, STOPPED, established=False), now=CONFIRMATION_SECONDS + 1)

    assert (step.action, step.after) == (Action.KEEP, WANTED)


def test_the_time_for_the_confirmation_begins_with_the_change_of_the_instance() -> None:
    step = decide(
        instance(WANTED, established=False), record(acted_at=1000.0), now=1000.0 + CONFIRMATION_SECONDS, started_at=0.0
    )

    assert step.action is Action.WAIT


def test_a_change_of_an_earlier_operation_leaves_this_one_its_time_for_the_confirmation() -> None:
    """EC2 may confirm the association of an instance that was stopped only once it starts, months later."""
    step = decide(instance(WANTED, established=False), record(acted_at=10.0), now=10_001.0, started_at=10_000.0)

    assert step.action is Action.WAIT


# What somebody else does to a target that this operation has changed.

CHANGED = 1000.0
LONG_AFTER = CHANGED + MAX_STALE_SECONDS


def test_does_not_overwrite_what_somebody_gives_a_target_after_us() -> None:
    step = decide(instance(LISTED), record(acted_at=CHANGED, changed_at=CHANGED), now=LONG_AFTER)

    assert step.action is Action.CONFLICT
    assert "changed by this deployment, and then somebody has given it instance profile Listed" in step.reason
    assert "find out who" in step.advice


def test_does_not_associate_again_what_somebody_removes_after_us() -> None:
    step = decide(instance(), record(acted_at=CHANGED, changed_at=CHANGED), now=LONG_AFTER)

    assert step.action is Action.CONFLICT
    assert "somebody has disassociated its instance profile" in step.reason


@pytest.mark.parametrize("context", [REVERSING, FORWARD])
def test_a_change_of_somebody_after_us_is_kept_if_conflicts_are_kept(context: OperationContext) -> None:
    desired_state = desired() if context.rolling_back else KEEP
    step = decide(
        instance(LISTED),
        record(acted_at=CHANGED, changed_at=CHANGED),
        desired_state=desired_state,
        context=context,
        now=LONG_AFTER,
    )

    assert (step.action, step.after, step.warning) == (Action.KEEP, LISTED, True)


@pytest.mark.parametrize(
    ("known", "now"),
    [
        pytest.param(record(acted_at=CHANGED, changed_at=CHANGED), LONG_AFTER - 1, id="EC2 may not show it yet"),
        pytest.param(record(acted_at=CHANGED), LONG_AFTER, id="it was changed by an earlier operation"),
        pytest.param(record(changed_at=CHANGED), LONG_AFTER, id="EC2 has not accepted a change"),
        pytest.param(
            record(acted_at=CHANGED, changed_at=CHANGED, detached=LISTED),
            LONG_AFTER,
            id="it is between the two halves of a swap",
        ),
    ],
)
def test_associates_a_target_that_somebody_else_may_not_have_changed(known: Record, now: float) -> None:
    assert decide(instance(), known, now=now).action is Action.ASSOCIATE


# Targets that are terminated.

GONE_INSTANCES = [
    pytest.param(None, "does not exist", id="unknown"),
    pytest.param(instance(state=InstanceState.TERMINATED), "is terminated", id="terminated"),
    pytest.param(instance(state=InstanceState.SHUTTING_DOWN), "is shutting-down", id="shutting down"),
]


@pytest.mark.parametrize(("found", "fact"), GONE_INSTANCES)
def test_fails_when_a_new_id_is_terminated(found: Instance | None, fact: str) -> None:
    step = decide(found)

    assert step.action is Action.REJECT
    assert fact in step.reason
    assert step.advice


def test_advises_to_check_account_and_region_of_an_unknown_id() -> None:
    assert "account and Region" in decide(None).advice


@pytest.mark.parametrize(("found", "fact"), GONE_INSTANCES)
@pytest.mark.parametrize(
    ("known", "context"),
    [
        pytest.param(None, OperationContext(known_ids=frozenset({ID})), id="selected before"),
        pytest.param(record(), FORWARD, id="with a record"),
        pytest.param(None, REVERSING, id="in a rollback"),
    ],
)
def test_drops_an_old_id_that_is_terminated_with_a_warning(
    found: Instance | None, fact: str, known: Record | None, context: OperationContext
) -> None:
    step = decide(found, known, context=context)

    assert (step.action, step.warning) == (Action.FORGET, True)
    assert fact in step.reason


@pytest.mark.parametrize(("found", "fact"), GONE_INSTANCES)
def test_drops_a_new_id_that_was_terminated_after_the_first_observation(found: Instance | None, fact: str) -> None:
    step = decide(found, context=OperationContext(begun=True))

    assert (step.action, step.warning) == (Action.FORGET, True)
    assert fact in step.reason


def test_another_known_id_does_not_excuse_a_terminated_one() -> None:
    assert decide(None, context=OperationContext(known_ids=frozenset({instance_id(2)}))).action is Action.REJECT


# Rollbacks after a failed update: nothing may block them.


def test_a_rollback_keeps_a_conflict_with_a_warning() -> None:
    step = decide(instance(FOREIGN), context=REVERSING)

    assert (step.action, step.after, step.warning) == (Action.KEEP, FOREIGN, True)


def test_a_rollback_restores_over_a_profile_that_may_no_longer_be_displaced() -> None:
    step = decide(instance(FORMER), record(FOREIGN, ours=[FORMER]), context=REVERSING)

    assert (step.action, step.after, step.undo) == (Action.REPLACE, FOREIGN, True)


def test_a_rollback_forgets_a_profile_that_was_restored() -> None:
    step = decide(instance(FOREIGN), record(FOREIGN, ours=[FORMER]), context=REVERSING)

    assert (step.action, step.undo) == (Action.FORGET, True)


@pytest.mark.parametrize(
    "previous",
    [
        pytest.param(None, id="nothing"),
        pytest.param(LISTED, id="a listed profile"),
        pytest.param(WANTED, id="the wanted profile"),
    ],
)
def test_a_rollback_replaces_directly_if_the_previous_profile_can_be_restored_later(previous: str | None) -> None:
    step = decide(instance(FORMER), record(previous, ours=[FORMER]), context=REVERSING)

    assert (step.action, step.after, step.undo) == (Action.REPLACE, WANTED, False)


def test_an_ordinary_update_does_not_undo_what_may_no_longer_be_displaced() -> None:
    step = decide(instance(FORMER), record(FOREIGN, ours=[FORMER]))

    assert (step.action, step.after, step.undo) == (Action.REPLACE, WANTED, False)


@pytest.mark.parametrize("carried", [None, FORMER])
def test_a_rollback_rejects_a_target_that_needs_a_profile_which_does_not_exist(carried: str | None) -> None:
    observed = snapshot(instance(carried), records=[record(None, ours=[FORMER])], profiles={WANTED: None})
    asked_again = replace(observed, unconfirmed_profiles=frozenset({WANTED}))

    assert plan_target(desired(), ID, observed, REVERSING).action is Action.REJECT
    assert plan_target(desired(), ID, asked_again, REVERSING).action is Action.WAIT


def test_a_rollback_keeps_a_target_that_carries_a_profile_which_does_not_exist_any_more() -> None:
    observed = snapshot(instance(WANTED), records=[record(None)], profiles={WANTED: None})

    assert plan_target(desired(), ID, observed, REVERSING).action is Action.KEEP


# Plans of several instances.


def test_plans_the_targets_and_the_former_targets() -> None:
    target, leaver, stranger = (instance_id(number) for number in (1, 2, 3))
    plan = plan_desired(
        desired([target]),
        snapshot(
            instance(id=target),
            instance(WANTED, id=leaver),
            instance(FOREIGN, id=stranger),
            selected=[target],
            records=[record(LISTED, id=leaver)],
        ),
        FORWARD,
    )

    assert [(step.instance_id, step.action, step.undo) for step in plan.steps] == [
        (target, Action.ASSOCIATE, False),
        (leaver, Action.REPLACE, True),
    ]


def test_plans_an_instance_that_is_selected_twice_once() -> None:
    plan = plan_desired(desired(), snapshot(instance(), selected=[ID, ID]), FORWARD)

    assert len(plan.steps) == 1


@pytest.mark.parametrize(
    ("action", "converged"),
    [
        (Action.KEEP, True),
        (Action.FORGET, True),
        (Action.WAIT, False),
        (Action.CONFLICT, False),
        (Action.REJECT, False),
        (Action.ASSOCIATE, False),
        (Action.REPLACE, False),
        (Action.SWAP, False),
        (Action.DISASSOCIATE, False),
    ],
)
def test_a_plan_is_converged_when_there_is_nothing_to_do_and_nothing_to_wait_for(
    action: Action, converged: bool
) -> None:
    done = Step(instance_id(2), Action.KEEP, "carries the profile")

    assert Plan((done, Step(ID, action, "for the test"))).converged is converged


def test_sorts_the_steps_by_kind() -> None:
    steps = {action: Step(ID, action, "for the test") for action in Action}
    plan = Plan(tuple(steps.values()))

    assert plan.problems == (steps[Action.CONFLICT], steps[Action.REJECT])
    assert plan.waiting == (steps[Action.WAIT],)
    assert plan.forgotten == (steps[Action.FORGET],)
    assert plan.kept == (steps[Action.KEEP],)
    assert len(plan.changes) == 4


def test_the_plan_does_not_check_whether_the_wanted_profile_exists() -> None:
    """The preflight looks at the profile; the plan looks at the instances."""
    observed = snapshot(instance(), profiles=existing())

    assert plan_target(desired(), ID, observed, FORWARD).action is Action.ASSOCIATE
