"""A Create: what happens to the targets."""

import pytest

from cdk_instance_role.runtime.association.handler import SLICE_SECONDS
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, REPLACE


def test_attaches_the_profile_to_a_bare_instance(world: World, resource: Resource) -> None:
    target = world.instance()
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]
    assert result.data == {"AssociatedCount": "1", "ReplacedCount": "0", "KeptCount": "0"}
    assert resource.records()[target].previous is None


def test_is_not_done_before_ec2_has_confirmed_the_association(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 65
    result = resource.create(world.properties([world.instance()]))
    assert result.ok, result.reason
    assert 65 <= result.seconds <= 75


def test_keeps_a_profile_that_is_right_already(world: World, resource: Resource) -> None:
    target = world.instance(world.web)
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert (world.carried(target), world.mutations) == (["Web"], 0)
    assert result.data["KeptCount"] == "1"
    assert resource.records()[target].previous == world.web


def test_replaces_a_listed_profile_in_one_call(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]
    assert world.traffic.counts[REPLACE] == world.mutations == 1
    assert result.data["ReplacedCount"] == "1"
    assert resource.records()[target].previous == world.old


def test_replaces_any_profile_with_replaces_any(world: World, resource: Resource) -> None:
    targets = [world.instance(world.old), world.instance(world.foreign), world.instance()]
    result = resource.create(world.properties(targets, replaces="*"))
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 3
    assert result.data == {"AssociatedCount": "1", "ReplacedCount": "2", "KeptCount": "0"}


def test_never_leaves_a_running_instance_without_a_profile_during_a_replacement(
    world: World, resource: Resource
) -> None:
    targets = world.instances(30, world.old)
    assert resource.create(world.properties(targets, replaces=[world.old])).ok
    assert resource.update(world.properties(targets, replaces=[world.old, world.web], profile=world.foreign)).ok
    assert resource.delete().ok
    assert world.carried(*targets) == ["Old"] * 30
    assert world.fleet.bared == []


def test_leaves_a_conflict_alone_with_keep(world: World, resource: Resource) -> None:
    bare, foreign = world.instance(), world.instance(world.foreign)
    result = resource.create(world.properties([bare, foreign], on_conflict="KEEP"))
    assert result.ok, result.reason
    assert world.carried(bare, foreign) == ["Web", "Foreign"]
    assert result.data == {"AssociatedCount": "1", "ReplacedCount": "0", "KeptCount": "1"}
    assert foreign not in resource.records()


def test_attaches_to_a_stopped_instance_in_one_call(world: World, resource: Resource) -> None:
    target = world.instance(state="stopped")
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert (world.carried(target), world.mutations) == (["Web"], 1)


def test_replaces_on_a_stopped_instance_in_two_calls(world: World, resource: Resource) -> None:
    target = world.instance(world.old, state="stopped")
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]
    assert [call.action for call in world.traffic.calls if call.action in (ASSOCIATE, REPLACE, DISASSOCIATE)] == [
        DISASSOCIATE,
        ASSOCIATE,
    ]
    assert resource.records()[target].detached is None


def test_does_not_try_a_stopped_instance_first_because_its_profile_might_have_to_be_put_back(
    world: World, resource: Resource
) -> None:
    stopped, running = world.instance(world.old, state="stopped"), world.instance(world.old)
    assert resource.create(world.properties([stopped, running], replaces=[world.old])).ok
    changes = [call.action for call in world.traffic.calls if call.action in (ASSOCIATE, REPLACE, DISASSOCIATE)]
    assert changes == [REPLACE, DISASSOCIATE, ASSOCIATE]


def test_does_not_wait_for_ever_for_the_confirmation_of_a_stopped_instance(world: World, resource: Resource) -> None:
    world.fleet.confirms_stopped = False
    target = world.instance(state="stopped")
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]
    assert result.seconds < 240


@pytest.mark.parametrize(("state", "then"), [("pending", "running"), ("stopping", "stopped")])
def test_waits_until_an_instance_has_settled(world: World, resource: Resource, state: str, then: str) -> None:
    target = world.instance(state=state, later=[(100, then)])
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]
    assert 100 <= result.seconds < 120
    assert world.mutations == 1


def test_does_not_wait_for_an_unsettled_instance_that_is_right_already(world: World, resource: Resource) -> None:
    target = world.instance(world.web, state="stopping")
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert result.seconds == 0


def test_changes_the_other_instances_while_it_waits_for_one(world: World, resource: Resource) -> None:
    waiting, ready = world.instance(state="pending", later=[(2 * SLICE_SECONDS, "running")]), world.instance()
    event = resource.begin(resource.event("Create", world.properties([waiting, ready])))
    assert resource.poll(event) == {"IsComplete": False}
    assert world.carried(waiting, ready) == [None, "Web"]


def test_observes_again_an_instance_that_stops_before_its_change(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    world.traffic.meanwhile(REPLACE, lambda: world.fleet.change_state(target, "stopped"))
    result = resource.create(world.properties([target], replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]


def test_observes_again_an_instance_that_got_the_profile_from_someone_else_meanwhile(
    world: World, resource: Resource
) -> None:
    target = world.instance()
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.set_carried(target, world.web))
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]


def test_distinguishes_the_active_association_from_the_one_that_is_disassociating(
    world: World, resource: Resource
) -> None:
    world.fleet.disassociation_seconds = 40  # so that Describe shows two rows all the time, in any order
    targets = world.instances(20, world.old)
    result = resource.create(world.properties(targets, replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web"] * 20
    assert world.mutations == 20


def test_waits_for_a_former_association_to_end(world: World, resource: Resource) -> None:
    world.fleet.disassociation_seconds = 30
    target = world.instance(world.foreign)
    world.fleet.set_carried(target, None)
    result = resource.create(world.properties([target]))
    assert result.ok, result.reason
    assert (world.carried(target), world.mutations) == (["Web"], 1)


def test_gives_the_same_physical_id_to_a_create_that_is_delivered_twice(world: World, resource: Resource) -> None:
    event = resource.event("Create", world.properties([world.instance()]))
    assert resource.begin(event) == resource.begin(event)


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_remembers_a_profile_that_someone_attached_between_the_observation_and_the_change(
    world: World, resource: Resource, state: str
) -> None:
    target = world.instance(state=state)
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.set_carried(target, world.old))
    result = resource.create(world.properties([target], replaces=[world.old]))

    assert result.ok, result.reason
    assert resource.records()[target].previous == world.old
    assert resource.delete().ok
    assert world.carried(target) == ["Old"]


def test_remembers_the_previous_profile_while_ec2_does_not_know_the_new_one_yet(
    world: World, resource: Resource
) -> None:
    target = world.instance()
    world.fleet.profiles[world.web].known_from = world.clock() + 60
    world.traffic.meanwhile(ASSOCIATE, lambda: world.fleet.set_carried(target, world.old), nth=5)
    assert resource.create(world.properties([target], replaces=[world.old])).ok

    assert resource.delete().ok
    assert world.carried(target) == ["Old"]


def test_waits_until_iam_shows_the_profile_that_was_created_a_moment_ago(world: World, resource: Resource) -> None:
    properties = world.properties([target := world.instance()])
    profile = world.fleet.profiles.pop(world.web)
    world.traffic.meanwhile("GetInstanceProfile", lambda: world.fleet.profiles.update({world.web: profile}), nth=3)
    result = resource.create(properties)

    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]


def test_leaves_alone_an_instance_that_is_tagged_meanwhile_and_carries_a_foreign_profile(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    target = world.instance(tags={"app": "web"})
    newcomers: list[str] = []

    def launch() -> None:
        newcomers.append(world.instance(world.foreign, tags={"app": "web"}))

    world.traffic.meanwhile(ASSOCIATE, launch)
    result = resource.create(world.properties(tags={"app": ["web"]}))

    assert result.ok, result.reason
    assert world.carried(target, *newcomers) == ["Web", "Foreign"]
    assert result.data["KeptCount"] == "1"
    assert any(newcomers[0] in record.getMessage() and record.levelname == "WARNING" for record in caplog.records)
