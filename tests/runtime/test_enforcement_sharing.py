"""Several associations on one ledger, several invocations at once, and instances that change meanwhile."""

import pytest

from tests.simulator.driver import STACK_ID, Resource, World
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, MUTATING
from tests.simulator.enforcement import REPAIR, Enforcement

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
DAY = 86400.0
OTHER_STACK = STACK_ID.replace("InstanceRole-web", "InstanceRole-other")


@pytest.fixture
def enforcement(world: World) -> Enforcement:
    return Enforcement(world)


def deploy(world: World, resource: Resource, **more: object) -> None:
    given = {"tags": TAGS, "enforcement": REPAIR, **more}
    result = resource.create(world.properties(**given))  # type: ignore[arg-type]
    assert result.ok, result.reason


def two_that_list_each_other(world: World) -> tuple[Resource, Resource, list[str]]:
    """An older and a younger association on one ledger that select the same instances, and these."""
    one, two = (world.fleet.add_profile(name) for name in ("One", "Two"))
    targets = world.instances(3, tags=WEB)
    older, younger = Resource(world, "Older"), Resource(world, "Younger", OTHER_STACK)
    deploy(world, older, profile=one, replaces=[two])
    world.clock.sleep(60)
    deploy(world, younger, profile=two, replaces=[one])
    return older, younger, targets


def test_two_associations_that_list_each_others_profiles_do_not_undo_each_others_changes(
    world: World, enforcement: Enforcement
) -> None:
    _, _, targets = two_that_list_each_other(world)
    before = world.mutations
    enforcement.run(DAY / 4)
    assert world.carried(*targets) == ["Two"] * 3
    assert world.mutations == before


def test_a_late_arrival_that_both_select_gets_the_profile_of_the_younger_one(
    world: World, enforcement: Enforcement
) -> None:
    older, younger, _ = two_that_list_each_other(world)
    late = world.fleet.launch(tags=WEB)
    enforcement.run(2000)
    assert world.carried(late) == ["Two"]
    assert (late in older.records(), late in younger.records()) == (False, True)


def test_only_the_claim_on_top_is_repaired(world: World, enforcement: Enforcement) -> None:
    older, younger, targets = two_that_list_each_other(world)
    world.fleet.set_carried(targets[0], None)
    enforcement.run(1000)
    assert world.carried(targets[0]) == ["Two"]
    assert younger.delete().ok
    assert world.carried(*targets) == ["One"] * 3
    assert older.delete().ok
    assert world.carried(*targets) == [None] * 3


def test_one_of_two_stacks_that_share_a_provider_can_be_deleted(world: World, enforcement: Enforcement) -> None:
    one, two = Resource(world, "One"), Resource(world, "Two", OTHER_STACK)
    api = {"app": "api"}
    web, other = world.instance(tags=WEB), world.instance(tags=api)
    deploy(world, one)
    deploy(world, two, tags={"app": ["api"]})
    assert two.delete().ok
    late_web, late_api = world.fleet.launch(tags=WEB), world.fleet.launch(tags=api)
    enforcement.run(1000)
    assert world.carried(web, other, late_web, late_api) == ["Web", None, "Web", None]


def test_one_sweep_looks_at_all_of_many_associations(world: World, enforcement: Enforcement) -> None:
    late = []
    for number in range(30):
        tags = {"app": f"a{number}"}
        world.instance(tags=tags)
        deploy(world, Resource(world, f"A{number}"), tags={"app": [tags["app"]]})
    enforcement.run(60)  # what the launches and the deployments have sent is handled
    enforcement.events.lost = 1.0
    for number in range(30):
        late.append(world.fleet.launch(tags={"app": f"a{number}"}))
    enforcement.run(900 + 300)
    assert world.carried(*late) == ["Web"] * 30
    assert not enforcement.queue.messages


def test_two_invocations_at_once_never_work_on_one_association(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instances(3, tags=WEB)
    deploy(world, resource)
    late: list[str] = [world.fleet.launch(tags=WEB)]

    def come() -> None:
        late.append(world.fleet.launch(tags=WEB))
        calls = world.mutations
        enforcement.invoke()
        assert world.mutations == calls, "another one works on it"

    world.traffic.meanwhile(ASSOCIATE, come)
    enforcement.run(20)
    assert world.carried(*late) == ["Web", "Web"]
    assert world.traffic.count(ASSOCIATE) == 3 + 2


def test_an_instance_that_is_terminated_between_look_and_change_does_not_stop_the_others(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instance(tags=WEB)
    deploy(world, resource)
    first, second = world.fleet.launch(tags=WEB), world.fleet.launch(tags=WEB)
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.change_state(first, "terminated"))
    enforcement.run(60)
    assert world.carried(second) == ["Web"]
    enforcement.run(1.1 * DAY)
    assert first not in resource.records()


def test_records_of_terminated_instances_expire_after_a_day(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, second = world.instances(2, tags=WEB)
    deploy(world, resource)
    world.fleet.change_state(first, "terminated")
    enforcement.run(0.9 * DAY)
    assert {first, second} == resource.records().keys()
    enforcement.run(0.2 * DAY)
    assert {second} == resource.records().keys()
    assert world.aws.event_bus.entries == []


def test_a_nightly_stop_and_start_of_a_large_fleet_changes_nothing(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    targets = world.instances(200, tags=WEB)
    deploy(world, resource)
    before = world.mutations
    world.traffic.calls.clear()
    for state in ("stopped", "running"):
        for id_ in targets:
            world.fleet.change_state(id_, state)
        enforcement.run(300)
    assert world.mutations == before
    assert not enforcement.queue.messages
    looks = [call for call in world.traffic.calls if call.action == DESCRIBE_ASSOCIATIONS]
    assert looks == [], "no look at the whole fleet"


def test_a_stopped_late_arrival_gets_the_profile(world: World, resource: Resource, enforcement: Enforcement) -> None:
    world.instance(tags=WEB)
    deploy(world, resource, replaces=[world.old])
    bare, carrying = world.instance(state="stopped"), world.instance(world.old, state="stopped")
    for id_ in (bare, carrying):
        world.fleet.set_tags(id_, app="web")
    enforcement.run(60)
    assert world.carried(bare, carrying) == ["Web", "Web"]


def test_a_pending_late_arrival_gets_the_profile_once_it_runs(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instance(tags=WEB)
    deploy(world, resource)
    late = world.instance(tags=WEB, state="pending", later=[(20, "running")], launched_at=world.clock())
    world.fleet.on_event("tags", late)
    enforcement.run(120)
    assert world.carried(late) == ["Web"]


def test_a_kept_conflict_that_loses_its_profile_is_a_late_arrival(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instance(tags=WEB)
    kept = world.instance(world.foreign, tags=WEB)
    deploy(world, resource, on_conflict="KEEP")
    enforcement.run(1000)
    assert (world.carried(kept), world.aws.event_bus.entries) == (["Foreign"], []), "it was accepted"
    world.fleet.set_carried(kept, None)
    enforcement.run(1000)
    assert world.carried(kept) == ["Web"]
    assert resource.delete().ok
    assert world.carried(kept) == [None]


def test_with_replaces_any_a_profile_that_somebody_gave_later_is_a_conflict(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    target = world.instance(world.old, tags=WEB)
    deploy(world, resource, replaces="*")
    assert world.carried(target) == ["Web"]
    world.fleet.set_carried(target, world.foreign)
    arrival = world.instance(world.foreign, tags=WEB)
    enforcement.run(1000)
    assert world.carried(target, arrival) == ["Foreign", "Web"]
    (opened,) = world.aws.event_bus.details("Instance Profile Drift")
    assert (opened["instance"], opened["drift"]) == (target, "other-profile")
    assert opened["reason"] == "was given another instance profile after this association"


def test_a_target_whose_failure_a_rollout_tolerated_is_tried_again(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    targets = world.instances(20, tags=WEB)
    world.refuse(ASSOCIATE, targets[7])
    rollout = {"First": 10, "Growth": 2, "BakeSeconds": 0, "MaxFailures": "2"}
    deploy(world, resource, rollout=rollout)
    assert world.carried(targets[7]) == [None]
    world.traffic.faults.clear()
    enforcement.run(1000)
    assert world.carried(targets[7]) == ["Web"]


@pytest.mark.parametrize("seconds", [-120.0, 120.0])
def test_a_wrong_clock_loses_nothing(
    world: World, resource: Resource, enforcement: Enforcement, seconds: float
) -> None:
    first, *_ = world.instances(3, tags=WEB)
    deploy(world, resource)
    world.clock.jump(seconds)
    late = world.fleet.launch(tags=WEB)
    world.fleet.set_carried(first, None)
    enforcement.run(2000)
    assert world.carried(first, late) == ["Web", "Web"]


def test_an_association_that_is_never_confirmed_is_drift(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instance(tags=WEB)
    deploy(world, resource)
    world.fleet.profiles[world.web].delivers = False
    world.fleet.launch(tags=WEB)
    enforcement.run(2000)
    (opened,) = world.aws.event_bus.details("Instance Profile Drift")
    assert opened["drift"] == "not-confirmed"


def profile_id(world: World, instance_id: str) -> str:
    row = world.fleet.active(instance_id)
    assert row
    return row.profile_id


CORRECT, RENEW = "correct that; enforcement goes on by itself then", "deploy a change of a property of the association"


@pytest.mark.parametrize(("change", "advice"), [("no role", CORRECT), ("another role", CORRECT), ("recreated", RENEW)])
def test_drift_inside_the_profile_is_reported_and_not_repaired(
    world: World, resource: Resource, enforcement: Enforcement, change: str, advice: str
) -> None:
    targets = world.instances(3, tags=WEB)
    deploy(world, resource)
    match change:
        case "no role":
            world.fleet.change_role(world.web, None)
        case "another role":
            world.fleet.change_role(world.web, "Other")
        case "recreated":
            world.fleet.recreate_profile(world.web)
    before = world.mutations
    enforcement.run(2000)
    assert world.mutations == before
    (opened,) = world.aws.event_bus.details("Instance Profile Drift")
    assert (opened["drift"], opened["instance"]) == ("inside-profile", None)
    assert opened["advice"].startswith(advice)
    assert world.carried(*targets) == ["Web"] * 3


def test_once_the_role_is_put_back_a_late_arrival_gets_the_profile_without_a_deployment(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instance(tags=WEB)
    deploy(world, resource)
    world.fleet.change_role(world.web, None)
    world.clock.sleep(60)
    late = world.fleet.launch(tags=WEB)
    enforcement.run(1000)
    assert world.carried(late) == [None]
    world.fleet.change_role(world.web, "Web")
    enforcement.run(1000)
    assert world.carried(late) == ["Web"]


def test_targets_of_a_recreated_profile_get_it_by_a_change_of_a_property_and_late_arrivals_at_once(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    targets = world.instances(3, tags=WEB)
    deploy(world, resource)
    new = world.fleet.recreate_profile(world.web)
    world.clock.sleep(60)
    late = world.fleet.launch(tags=WEB)
    enforcement.run(1000)
    assert [profile_id(world, id_) == new for id_ in (*targets, late)] == [False] * 3 + [True]
    assert resource.update(world.properties(tags=TAGS, enforcement=REPAIR, timeout=600)).ok
    assert [profile_id(world, id_) == new for id_ in (*targets, late)] == [True] * 4


def test_a_sweep_makes_only_reads_if_everything_is_right(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instances(3, tags=WEB)
    deploy(world, resource)
    world.traffic.calls.clear()
    enforcement.run(905)
    assert not {call.action for call in world.traffic.calls} & {*MUTATING}


def test_the_next_slice_does_what_does_not_fit_into_one(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instance(tags=WEB)
    deploy(world, resource)
    world.clock.sleep(60)
    world.aws.traffic.latency = lambda action: 0.5 if action == ASSOCIATE else 0.02
    late = [world.fleet.launch(tags=WEB) for _ in range(300)]
    enforcement.run(80)
    assert world.carried(*late) == ["Web"] * 300
    assert world.traffic.refused(ASSOCIATE) == []


def test_a_look_that_takes_longer_than_the_slice_still_makes_progress(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instance(tags=WEB)
    deploy(world, resource)
    world.aws.traffic.latency = lambda action: 8.0 if action.startswith("Describe") else 0.02
    late = world.fleet.launch(tags=WEB)
    enforcement.run(200)
    assert world.carried(late) == ["Web"]
