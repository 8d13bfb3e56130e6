"""Properties of every plan, for any state of EC2 and any history."""

from copy import deepcopy
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.contract import OnConflict
from cdk_instance_role.runtime.association.decide.model import Instance, InstanceState, Snapshot
from cdk_instance_role.runtime.association.decide.plan import OperationContext, plan_desired, plan_undo
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action
from cdk_instance_role.runtime.association.request.desired import Desired
from tests.unit.builders import (
    FOREIGN,
    FORMER,
    LISTED,
    WANTED,
    desired,
    existing,
    instance,
    instance_id,
    profile_arn,
    record,
    snapshot,
)
from tests.unit.model_world import CrashError, RefusedError, World, world

IDS = tuple(instance_id(number) for number in range(1, 4))
PROFILES = (WANTED, FORMER, LISTED, FOREIGN)
ALIVE = (InstanceState.RUNNING, InstanceState.STOPPED, InstanceState.PENDING, InstanceState.STOPPING)

profiles = st.sampled_from(PROFILES)
maybe_profiles = st.none() | profiles
instances = st.tuples(st.sampled_from(ALIVE), maybe_profiles)
worlds = st.fixed_dictionaries(dict.fromkeys(IDS, instances)).map(lambda carries: world(carries, PROFILES))


@st.composite
def desired_states(draw: st.DrawFn) -> Desired:
    return desired(
        draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True)),
        wanted=draw(st.sampled_from([WANTED, FORMER])),
        replaces=draw(st.sets(profiles)),
        replaces_any=draw(st.booleans()),
        on_conflict=draw(st.sampled_from(OnConflict)),
    )


@dataclass(frozen=True)
class Event:
    """One operation of a history, and what the owners of the instances do before it."""

    desired_state: Desired
    abandoned_after: int | None
    """Writes after which the operation is given up half-way, so that CloudFormation rolls back."""
    states: tuple[InstanceState, ...]
    association: str = "Association"


def _events(associations: st.SearchStrategy[str]) -> st.SearchStrategy[Event]:
    return st.builds(
        Event,
        desired_state=desired_states(),
        abandoned_after=st.none() | st.integers(0, 8),
        states=st.tuples(*[st.sampled_from(ALIVE)] * len(IDS)),
        association=associations,
    )


NAMES = ("First", "Second", "Third")
events = _events(st.just("Association"))
events_of_several = _events(st.sampled_from(NAMES))


def start_and_stop(place: World, event: Event) -> None:
    for machine, state in zip(place.machines.values(), event.states, strict=True):
        machine.state = state


def live_through(place: World, history: list[Event]) -> None:
    """All events in their order, with what CloudFormation does after those that fail."""
    deployed: dict[str, Desired] = {}
    for event in history:
        start_and_stop(place, event)
        place.association = event.association
        settled = deployed.get(event.association)
        place.crash_after = event.abandoned_after
        known = settled.selection.ids if settled else ()
        try:
            place.associate(event.desired_state, known)
        except (CrashError, RefusedError):
            place.crash_after = None
            if settled is None:
                place.undo()
            else:
                place.associate(settled, event.desired_state.selection.ids, rolling_back=True)
        else:
            deployed[event.association] = event.desired_state
        place.crash_after = None


def remembered(place: World) -> dict[str, tuple[str | None, frozenset[str], str | None]]:
    """The state that later plans depend on."""
    return {id_: (record.previous, record.ours, record.detached) for id_, record in place.records.items()}


# Convergence


@given(place=worlds, desired_state=desired_states())
def test_a_converged_fleet_stays_as_it_is(place: World, desired_state: Desired) -> None:
    try:
        place.associate(desired_state)
    except RefusedError:
        assert place.touched == set()
        return
    carried, records = place.carried(), dict(place.records)
    place.touched.clear()

    assert place.plan(desired_state, OperationContext()).converged
    place.associate(desired_state, desired_state.selection.ids)

    assert (place.carried(), place.records, place.touched) == (carried, records, set())


@given(place=worlds, desired_state=desired_states())
def test_every_target_carries_the_profile_or_is_a_conflict_to_be_kept(place: World, desired_state: Desired) -> None:
    before = place.carried()
    try:
        place.associate(desired_state)
    except RefusedError:
        assert desired_state.on_conflict is OnConflict.FAIL
        assert place.carried() == before
        return

    for id_ in desired_state.selection.ids:
        carried, earlier = place.carried()[id_], before[id_]
        kept = (
            earlier is not None
            and earlier != desired_state.profile.arn
            and not desired_state.replaceable.allows(earlier)
        )
        assert carried == (earlier if kept else desired_state.profile.arn)


@given(place=worlds, history=st.lists(events, max_size=4), desired_state=desired_states())
def test_a_rollback_is_never_refused(place: World, history: list[Event], desired_state: Desired) -> None:
    live_through(place, history)

    assert place.associate(desired_state, IDS, rolling_back=True).converged


# Undo


@given(place=worlds, history=st.lists(events, max_size=5))
def test_undo_restores_the_profiles_from_before_everything(place: World, history: list[Event]) -> None:
    original = place.carried()
    live_through(place, history)

    place.undo()

    assert place.carried() == original
    assert place.records == {}


@given(
    place=worlds,
    history=st.lists(events_of_several, max_size=6),
    order=st.permutations(NAMES),
)
def test_undo_restores_the_profiles_from_before_several_associations(
    place: World, history: list[Event], order: list[str]
) -> None:
    original = place.carried()
    live_through(place, history)

    for name in order:
        place.association = name
        place.undo()

    assert place.carried() == original
    assert place.ledger == {}


@given(place=worlds, history=st.lists(events_of_several, min_size=1, max_size=5))
def test_undo_of_one_association_restores_what_the_others_want(place: World, history: list[Event]) -> None:
    live_through(place, history)
    place.association = history[-1].association
    place.undo()

    for id_, known in place.records.items():
        assert known.is_kept_by_others(place.carried()[id_])


@given(place=worlds, history=st.lists(events, min_size=1, max_size=4), crash_after=st.integers(0, 12))
def test_undo_restores_everything_even_in_the_middle_of_an_operation(
    place: World, history: list[Event], crash_after: int
) -> None:
    original = place.carried()
    live_through(place, history[:-1])
    start_and_stop(place, history[-1])
    place.crash_after = crash_after
    try:
        place.associate(history[-1].desired_state)
        place.crash_after = None
    except (CrashError, RefusedError):
        place.crash_after = None

    place.undo()

    assert place.carried() == original


@given(place=worlds, history=st.lists(events, min_size=1, max_size=4))
def test_an_instance_that_leaves_gets_its_previous_profile(place: World, history: list[Event]) -> None:
    original = place.carried()
    live_through(place, history)
    stays, *leave = IDS

    place.associate(desired([stays], replaces_any=True), IDS)

    assert {id_: place.carried()[id_] for id_ in leave} == {id_: original[id_] for id_ in leave}
    assert place.records.keys() <= {stays}


@given(place=worlds, history=st.lists(events, min_size=1, max_size=3), changes=st.tuples(*[maybe_profiles] * len(IDS)))
def test_undo_leaves_alone_what_someone_else_has_changed(
    place: World, history: list[Event], changes: tuple[str | None, ...]
) -> None:
    original = place.carried()
    live_through(place, history)
    stranger = profile_arn("Stranger")
    given_by_someone = {id_ for id_, change in zip(IDS, changes, strict=True) if change}
    for id_ in given_by_someone:
        place.machines[id_].profile = stranger
        place.machines[id_].association += 1

    place.undo()

    assert place.carried() == {id_: stranger if id_ in given_by_someone else original[id_] for id_ in IDS}


@given(place=worlds, history=st.lists(events, max_size=3), deleted=st.sets(st.sampled_from([LISTED, FOREIGN])))
def test_undo_leaves_an_instance_bare_whose_previous_profile_was_deleted(
    place: World, history: list[Event], deleted: set[str]
) -> None:
    original = place.carried()
    live_through(place, history)
    untouched = place.carried()
    place.profiles -= deleted

    place.undo()

    for id_, before in original.items():
        lost = before in deleted and untouched[id_] != before
        assert place.carried()[id_] == (None if lost else before)


@given(place=worlds, history=st.lists(events, max_size=3), gone=st.sets(st.sampled_from(IDS)))
def test_undo_drops_terminated_instances(place: World, history: list[Event], gone: set[str]) -> None:
    original = place.carried()
    live_through(place, history)
    for id_ in gone:
        place.machines[id_].state = InstanceState.TERMINATED

    place.undo()

    assert place.records == {}
    assert all(place.carried()[id_] == original[id_] for id_ in IDS if id_ not in gone)


# Crashes


@given(
    place=worlds,
    history=st.lists(events, max_size=2),
    desired_state=desired_states(),
    crashes=st.lists(st.integers(0, 4)),
)
def test_crashes_in_an_operation_lead_to_the_same_end(
    place: World, history: list[Event], desired_state: Desired, crashes: list[int]
) -> None:
    live_through(place, history)
    desired_state = desired(
        desired_state.selection.ids,
        wanted=desired_state.profile.arn,
        replaces_any=True,
        on_conflict=desired_state.on_conflict,
    )
    undisturbed = deepcopy(place)
    undisturbed.associate(desired_state, IDS)

    for crash_after in crashes:
        place.crash_after = crash_after
        try:
            place.associate(desired_state, IDS)
        except CrashError:
            continue
    place.crash_after = None
    place.associate(desired_state, IDS)

    assert (place.carried(), remembered(place)) == (undisturbed.carried(), remembered(undisturbed))


@given(place=worlds, history=st.lists(events, min_size=1, max_size=3), crashes=st.lists(st.integers(0, 4)))
def test_crashes_in_an_undo_lead_to_the_same_end(place: World, history: list[Event], crashes: list[int]) -> None:
    original = place.carried()
    live_through(place, history)

    for crash_after in crashes:
        place.crash_after = crash_after
        try:
            place.undo()
        except CrashError:
            continue
    place.crash_after = None
    place.undo()

    assert place.carried() == original


@pytest.mark.parametrize(
    "crash_after",
    [pytest.param(0, id="between claim and action"), pytest.param(1, id="between the halves of the swap")],
)
def test_a_swap_is_completed_after_a_crash(crash_after: int) -> None:
    (id_, *_) = IDS
    place = world({id_: (InstanceState.STOPPED, LISTED)}, PROFILES)
    place.crash_after = crash_after
    with pytest.raises(CrashError):
        place.associate(desired([id_]))
    assert place.carried()[id_] == (LISTED if crash_after == 0 else None)

    place.associate(desired([id_]))
    assert place.carried()[id_] == WANTED

    place.undo()
    assert place.carried()[id_] == LISTED


# What is touched, in whatever state the world is: also in those that no history leads to.


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    found: list[Instance] = [
        instance(
            draw(maybe_profiles),
            draw(st.sampled_from(InstanceState)),
            id=id_,
            established=draw(st.booleans()),
            leaving=draw(st.booleans()),
        )
        for id_ in draw(st.sets(st.sampled_from(IDS)))
    ]
    known: list[Record] = [
        record(draw(maybe_profiles), draw(st.sets(profiles)), id=id_, detached=draw(maybe_profiles))
        for id_ in draw(st.sets(st.sampled_from(IDS)))
    ]
    return snapshot(
        *found,
        selected=draw(st.lists(st.sampled_from(IDS))),
        records=known,
        profiles=existing(*draw(st.sets(profiles))),
        now=draw(st.sampled_from([0.0, 1000.0])),
    )


situations = st.builds(OperationContext, known_ids=st.frozensets(st.sampled_from(IDS)), rolling_back=st.booleans())


@given(observed=snapshots(), desired_state=desired_states(), context=situations)
def test_every_target_and_every_record_gets_one_step_and_nothing_else_does(
    observed: Snapshot, desired_state: Desired, context: OperationContext
) -> None:
    plan = plan_desired(desired_state, observed, context)

    ids = [step.instance_id for step in plan.steps]
    assert len(ids) == len(set(ids))
    assert set(ids) == {*observed.selected, *observed.records}


@given(observed=snapshots())
def test_undo_changes_only_instances_with_records(observed: Snapshot) -> None:
    steps = plan_undo(observed).steps

    assert [step.instance_id for step in steps] == list(observed.records)
    assert all(step.undo for step in steps)


@given(observed=snapshots(), desired_state=desired_states(), context=situations)
def test_a_change_is_never_one_that_ec2_would_refuse(
    observed: Snapshot, desired_state: Desired, context: OperationContext
) -> None:
    for step in (*plan_desired(desired_state, observed, context).changes, *plan_undo(observed).changes):
        found = observed.instances[step.instance_id]
        assert found.state in (InstanceState.RUNNING, InstanceState.STOPPED)
        assert step.before == found.carries != step.after
        if step.action is Action.ASSOCIATE:
            assert found.association is None
            assert not found.leaving
        else:
            assert found.association is not None
            assert step.association_id == found.association.id
        if step.action is Action.REPLACE:
            assert found.state is InstanceState.RUNNING
        assert (step.after is None) == (step.action is Action.DISASSOCIATE)
        assert step.fallback != step.after or step.after is None


@given(observed=snapshots(), desired_state=desired_states(), context=situations)
def test_no_step_displaces_a_profile_that_may_not_be_displaced(
    observed: Snapshot, desired_state: Desired, context: OperationContext
) -> None:
    for step in plan_desired(desired_state, observed, context).changes:
        ours = observed.record(step.instance_id).ours
        assert (
            step.before is None
            or step.before in ours
            or (not step.undo and desired_state.replaceable.allows(step.before))
        )
