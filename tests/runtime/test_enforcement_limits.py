"""The circuit breaker and contested instances: enforcement stops after a mistake, and if others undo its repairs."""

from itertools import pairwise

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
HOUR, DAY = 3600.0, 86400.0


@pytest.fixture
def enforcement(world: World) -> Enforcement:
    return Enforcement(world)


def deploy(world: World, resource: Resource, count: int, **more: object) -> list[str]:
    targets = world.instances(count, tags=WEB)
    given = {"tags": TAGS, "enforcement": REPAIR, "replaces": [world.old], **more}
    assert resource.create(world.properties(**given)).ok  # type: ignore[arg-type]
    return targets


def pauses(world: World) -> list[tuple[str, str]]:
    """Kinds and reasons of the pauses that were reported."""
    return [(one["kind"], one["reason"]) for one in world.aws.event_bus.details("Enforcement Paused")]


def tag(world: World, instance_ids: list[str], value: str | None) -> None:
    for id_ in instance_ids:
        world.fleet.set_tags(id_, app=value)


def test_of_two_thousand_wrongly_tagged_instances_the_limit_changes_only_a_few(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource, 100)
    enforcement.events.lost = 1.0
    tag(world, world.instances(2000), "web")
    before = world.traffic.count(ASSOCIATE)
    enforcement.run(2000)
    assert world.traffic.count(ASSOCIATE) - before == 10, "10 % of 100"
    ((kind, reason),) = pauses(world)
    assert kind == "giving"
    made = "and 0 of 10 changes of this kind in an hour were made or begun already"
    assert reason == f"2000 instances would be given the profile, {made}"


def test_new_instances_get_the_profile_during_a_pause(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource, 20)
    tag(world, world.instances(30), "web")
    enforcement.run(60)
    assert [kind for kind, _ in pauses(world)] == ["giving"]
    launched = [world.fleet.launch(tags=WEB) for _ in range(40)]
    enforcement.run(120)
    assert world.carried(*launched) == ["Web"] * 40


@pytest.mark.parametrize("lost", [51, 100], ids=["more than half of them", "all of them"])
def test_tags_that_are_removed_from_most_instances_pause_at_once(
    world: World, resource: Resource, enforcement: Enforcement, lost: int
) -> None:
    targets = deploy(world, resource, 100)
    enforcement.events.lost = 1.0
    tag(world, targets[:lost], None)
    before = world.mutations
    enforcement.run(2000)
    assert world.mutations == before
    assert pauses(world) == [("taking", f"{lost} of 100 instances are no longer selected, more than half at once")]


def test_with_half_of_the_tags_removed_instances_are_changed_up_to_the_limit(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    targets = deploy(world, resource, 100)
    tag(world, targets[:50], None)
    enforcement.run(2 * HOUR)
    assert world.carried(*targets).count(None) == 10
    assert [kind for kind, _ in pauses(world)] == ["taking"]


def test_reconcile_ends_a_pause_and_allows_the_limit_again(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource, 100)
    late = world.instances(25)
    tag(world, late, "web")
    enforcement.run(60)
    assert world.carried(*late).count("Web") == 10
    enforcement.sweep(Association=resource.association, Resume=True)
    enforcement.run(60)
    assert world.carried(*late).count("Web") == 10 + 11, "10 % of the 110 that are held by then"
    enforcement.run(2 * HOUR)
    assert world.carried(*late).count("Web") == 10 + 11, "it is paused again"


def test_after_a_loss_of_most_tags_reconcile_allows_changes_up_to_the_limit(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    targets = deploy(world, resource, 100)
    tag(world, targets[:80], None)
    enforcement.run(200)
    enforcement.sweep(Association=resource.association, Resume=True)
    enforcement.run(200)
    assert world.carried(*targets).count(None) == 10
    assert len(pauses(world)) == 2


def test_a_pause_ends_with_the_next_deployment(world: World, resource: Resource, enforcement: Enforcement) -> None:
    deploy(world, resource, 20)
    late = world.instances(30)
    tag(world, late, "web")
    enforcement.run(60)
    new = world.own_profile("Web2")
    given = world.properties(tags=TAGS, enforcement=REPAIR, replaces=[world.old], profile=new)
    assert resource.update(given).ok
    more = world.instances(5)
    tag(world, more, "web")
    enforcement.run(60)
    assert world.carried(*late, *more) == ["Web2"] * 35


def test_two_batches_close_to_the_limit_make_no_change_beyond_it(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource, 100)
    first, second = world.instances(6), world.instances(6)
    tag(world, first, "web")
    enforcement.run(30)
    tag(world, second, "web")
    enforcement.run(30)
    assert world.carried(*first) == ["Web"] * 6
    assert world.carried(*second).count("Web") == 4


def test_changes_that_an_invocation_was_killed_after_are_not_free_when_they_are_needed_again(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    targets = deploy(world, resource, 30, enforcement={**REPAIR, "MaxChanges": "20%"})
    kill_switch, before = world.traffic.kill_switch, world.traffic.count(REPLACE)
    world.traffic.meanwhile(REPLACE, lambda: setattr(kill_switch, "kill_at", len(kill_switch.points) + 1), nth=6)
    for _ in range(2):
        for target in targets[:6]:
            world.fleet.set_carried(target, world.old)
        enforcement.sweep()
        enforcement.run(600)

    assert world.traffic.count(REPLACE) - before == 6, "20 % of 30"
    assert [kind for kind, _ in pauses(world)] == ["taking"]


def test_changes_that_an_invocation_was_killed_before_count_once(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    targets = deploy(world, resource, 30, enforcement={**REPAIR, "MaxChanges": "20%"})
    for id_ in targets[:4]:
        world.fleet.set_carried(id_, world.old)
    kill_switch = world.traffic.kill_switch
    world.traffic.meanwhile(REPLACE, lambda: setattr(kill_switch, "kill_at", len(kill_switch.points)), nth=1)
    enforcement.sweep()
    enforcement.run(600)
    assert enforcement.failed == 1
    assert world.carried(*targets) == ["Web"] * 30
    assert pauses(world) == [], "4 of 6"
    for id_ in targets[4:8]:
        world.fleet.set_carried(id_, world.old)
    enforcement.run(900)
    assert world.carried(*targets[4:8]).count("Web") == 2, "20 % of 30, of which four were used"


def test_a_change_that_ec2_gives_no_answer_to_is_one_change_however_often_it_is_tried(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, *others = deploy(world, resource, 100)
    world.fleet.set_carried(first, world.old)
    outage_ends = world.clock.true_time() + 1200
    error = AwsError("InternalError", "An internal error has occurred", 500)
    world.traffic.fail(REPLACE, error, times=10**9, when=lambda _: world.clock.true_time() < outage_ends)
    enforcement.sweep()
    enforcement.run(1500)
    assert world.carried(first) == ["Web"]
    for id_ in others[:12]:
        world.fleet.set_carried(id_, world.old)
    enforcement.run(900)
    assert world.carried(*others[:12]).count("Web") == 9, "10 % of 100, of which one was used"
    ((kind, reason),) = pauses(world)
    made = "and 1 of 10 changes of this kind in an hour were made or begun already"
    assert (kind, reason) == ("taking", f"12 instances would get another profile, or lose it, {made}")


def test_the_limit_is_for_an_hour(world: World, resource: Resource, enforcement: Enforcement) -> None:
    deploy(world, resource, 100)
    first, second = world.instances(10), world.instances(10)
    tag(world, first, "web")
    enforcement.run(HOUR + 400)
    tag(world, second, "web")
    enforcement.run(30)
    assert world.carried(*first, *second) == ["Web"] * 20
    assert pauses(world) == []


def test_a_number_is_the_limit_for_a_fleet_of_any_size(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource, 20, enforcement={**REPAIR, "MaxChanges": "2"})
    late = world.instances(3)
    tag(world, late, "web")
    enforcement.run(60)
    assert world.carried(*late).count("Web") == 2


def test_after_three_repairs_within_a_day_of_each_other_an_instance_is_left_alone(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, *_ = deploy(world, resource, 10)
    for _ in range(6):
        world.fleet.set_carried(first, None)
        enforcement.run(HOUR)
    assert world.carried(first) == [None]
    assert len(world.aws.event_bus.details("Instance Profile Repaired")) == 3
    (opened,) = [one for one in world.aws.event_bus.details("Instance Profile Drift") if one["state"] == "OPEN"]
    assert (opened["instance"], opened["drift"]) == (first, "contested")

    world.fleet.set_carried(first, world.web)
    enforcement.run(DAY)
    world.fleet.set_carried(first, None)
    enforcement.run(HOUR)
    assert world.carried(first) == ["Web"], "after a day of rest"


def test_a_deployment_changes_an_instance_again_that_was_repaired_too_often(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    first, *_ = deploy(world, resource, 10)
    for _ in range(5):
        world.fleet.set_carried(first, None)
        enforcement.run(HOUR)
    new = world.own_profile("Web2")
    given = world.properties(tags=TAGS, enforcement=REPAIR, replaces=[world.old], profile=new)
    assert resource.update(given).ok
    world.fleet.set_carried(first, None)
    enforcement.run(HOUR)
    assert world.carried(first) == ["Web2"]


def test_two_associations_in_two_ledgers_that_list_each_others_profiles_stop_after_three_repairs() -> None:
    world = World()
    profiles = [world.fleet.add_profile(name) for name in ("One", "Two")]
    instance = world.instance(tags=WEB)
    enforcement, resource = Enforcement(world), Resource(world)
    assert resource.create(
        world.properties(tags=TAGS, enforcement=REPAIR, profile=profiles[0], replaces=[profiles[1]])
    ).ok
    for _ in range(30):  # the other association, which is not in this ledger
        world.fleet.set_carried(instance, profiles[1])
        enforcement.run(900)
    assert world.traffic.count(REPLACE) == 3


def test_a_refused_target_is_tried_again_at_growing_intervals(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    deploy(world, resource, 10)
    late = world.fleet.launch(tags=WEB)
    world.refuse(ASSOCIATE, late)
    before = world.traffic.count(ASSOCIATE)
    enforcement.run(DAY / 2)
    tries = [call.at for call in world.traffic.calls if call.action == ASSOCIATE][before:]
    pauses_between = [two - one for one, two in pairwise(tries)]
    assert 5 <= len(tries) <= 20
    assert pauses_between == sorted(pauses_between) or pauses_between[-1] > 10 * pauses_between[0]
    opened = [one["drift"] for one in world.aws.event_bus.details("Instance Profile Drift") if one["state"] == "OPEN"]
    assert len(opened) == 1
