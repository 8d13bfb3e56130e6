"""Enforcement acts only while no operation is open. Deployments and enforcement never change an association at once."""

import pytest

from cdk_instance_role.runtime.association.handler import PHASE
from tests.runtime.kill_points import kill_points
from tests.runtime.rollouts import poll_until
from tests.simulator.cloudformation import Status
from tests.simulator.copies import copied
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import TRANSACT, UPDATE
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_INSTANCES, MUTATING, REPLACE
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.stack import CloudFormationStack

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
LAST_TRANSACTION = 4
"""The one that ends an Update: before it, two are about the first change, and one about the others."""
IN_WAVES = {"First": 1, "Growth": 9, "BakeSeconds": 600}


@pytest.fixture
def enforcement(world: World) -> Enforcement:
    return Enforcement(world)


@pytest.fixture
def deployed(world: World, resource: Resource) -> list[str]:
    """The targets of an association that repairs."""
    targets = world.instances(10, tags=WEB)
    assert resource.create(properties(world)).ok
    return targets


def properties(world: World, **more: object) -> dict[str, object]:
    return world.properties(tags=TAGS, enforcement=REPAIR, replaces=[world.old], **more)  # type: ignore[arg-type]


def assert_nothing_is_enforced(world: World, enforcement: Enforcement, seconds: float = 2000) -> None:
    """Nothing is enforced for this time."""
    before = world.mutations
    enforcement.run(seconds)
    assert world.mutations == before


def test_nothing_is_enforced_between_the_first_phase_and_the_second(
    world: World, resource: Resource, deployed: list[str], enforcement: Enforcement
) -> None:
    new = world.own_profile("Web2")
    event = resource.begin(resource.event("Update", properties(world, profile=new), resource.properties))
    world.fleet.set_carried(deployed[0], None)
    world.fleet.launch(tags=WEB)
    assert_nothing_is_enforced(world, enforcement, 1000)
    assert PHASE in event


def test_nothing_is_enforced_while_a_wave_bakes(
    world: World, resource: Resource, deployed: list[str], enforcement: Enforcement
) -> None:
    new = world.own_profile("Web2")
    event = resource.begin(
        resource.event("Update", properties(world, profile=new, rollout=IN_WAVES), resource.properties)
    )
    for _ in range(3):
        assert not resource.poll(event)["IsComplete"]
    assert world.carried(*deployed).count("Web2") == 1
    late = world.fleet.launch(tags=WEB)
    assert_nothing_is_enforced(world, enforcement, 500)
    assert world.carried(late) == [None]
    assert resource.finish(event).ok
    assert world.carried(*deployed, late) == ["Web2"] * 11


def test_nothing_is_enforced_after_a_failed_create(world: World, enforcement: Enforcement) -> None:
    stack = CloudFormationStack(world)
    world.instance(world.foreign, tags=WEB)
    stack.create({"Association": properties(world)}, other_fails=True)
    assert_nothing_is_enforced(world, enforcement)


def test_nothing_is_enforced_after_an_update_that_has_failed_without_rollback(
    world: World, enforcement: Enforcement
) -> None:
    stack = CloudFormationStack(world)
    first, *_ = world.instances(3, tags=WEB)
    assert stack.create({"Association": properties(world)}).summary == [("Create", Status.CREATING, True)]
    world.refuse(REPLACE, first)
    stack.update_without_rollback({"Association": properties(world, profile=world.own_profile("Web2"))})
    enforced = world.carried(first)
    world.fleet.launch(tags=WEB)
    enforcement.run(2000)
    assert world.carried(first) == enforced
    assert stack.status == Status.UPDATE_FAILED


def test_after_a_rollback_an_hour_later_enforcement_uses_the_former_configuration(
    world: World, enforcement: Enforcement
) -> None:
    parent = CloudFormationStack(world, "arn:aws:cloudformation:eu-west-1:111122223333:stack/Parent/1")
    stack = CloudFormationStack(world, parent=parent)
    targets = world.instances(3, tags=WEB)
    stack.create({"Association": properties(world)})
    new = world.own_profile("Web2")
    stack.update({"Association": properties(world, profile=new)}, fails_in=parent, after=3600)
    assert world.carried(*targets) == ["Web"] * 3
    late = world.fleet.launch(tags=WEB)
    enforcement.run(30)
    assert world.carried(late) == ["Web"]


@pytest.mark.usefixtures("deployed")
def test_what_is_no_longer_enforced_is_left_alone(world: World, resource: Resource, enforcement: Enforcement) -> None:
    assert resource.update(world.properties(tags=TAGS)).ok
    world.fleet.launch(tags=WEB)
    assert_nothing_is_enforced(world, enforcement)
    assert not any(kind in ("desired", "enforcement") for kind, _ in world.ledger_items)


@pytest.mark.usefixtures("deployed")
def test_a_target_that_arrives_while_an_operation_ends_gets_the_profile_at_once(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    late: list[str] = []

    def launch() -> None:
        late.append(world.fleet.launch(tags=WEB))
        enforcement.invoke()

    event = resource.begin(
        resource.event("Update", properties(world, profile=world.own_profile("Web2")), resource.properties)
    )
    world.traffic.meanwhile(TRANSACT, launch, nth=LAST_TRANSACTION)
    assert resource.finish(event).ok
    assert world.carried(*late) == ["Web2"]
    assert not enforcement.queue.messages


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.usefixtures("deployed")
def test_a_target_with_new_tags_that_arrives_during_the_update_to_them_gets_the_profile_at_once(
    world: World, resource: Resource, enforcement: Enforcement, nth: int
) -> None:
    late: list[str] = []

    def launch() -> None:
        late.append(world.fleet.launch(tags={"app": "api"}))
        enforcement.invoke()

    wider = {**properties(world, profile=world.own_profile("Web2")), "InstanceTags": {"app": ["web", "api"]}}
    event = resource.begin(resource.event("Update", wider, resource.properties))
    world.traffic.meanwhile(TRANSACT, launch, nth=1 + nth)  # the first one writes what is wanted
    assert resource.finish(event).ok
    assert world.carried(*late) == ["Web2"]
    assert not enforcement.queue.messages


@pytest.mark.usefixtures("deployed")
def test_after_the_rollback_of_an_update_to_other_tags_enforcement_uses_the_former_ones(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    conflict = world.instance(world.foreign, tags={"app": "api"})
    result = resource.update({**properties(world), "InstanceTags": {"app": ["web", "api"]}})
    assert (result.ok, result.rollback and result.rollback.ok) == (False, True)
    late = [world.fleet.launch(tags={"app": app}) for app in ("web", "api")]
    enforcement.run(1000)
    assert world.carried(*late, conflict) == ["Web", None, "Foreign"]


def test_an_hour_long_deployment_and_a_thousand_messages_leave_nothing_in_the_dead_letter_queue(
    world: World, resource: Resource, deployed: list[str], enforcement: Enforcement
) -> None:
    longer = properties(world, profile=world.own_profile("Web2"), timeout=3600)
    event = resource.begin(resource.event("Update", longer, resource.properties))
    for number in range(1000):
        world.fleet.set_tags(deployed[number % 10], n=str(number))
    enforcement.run(3400)
    assert not enforcement.queue.messages
    assert not enforcement.queue.dead
    assert resource.finish(event).ok


@pytest.mark.usefixtures("deployed")
def test_a_deployment_that_begins_waits_at_most_ten_seconds(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    world.instances(200, tags=WEB, launched_at=world.clock())
    began_at: list[float] = []

    def begin() -> None:
        event = resource.event("Update", properties(world, profile=world.own_profile("Web2")), resource.properties)
        began_at.append(world.clock())
        begun.append(resource.begin(event))

    begun: list[dict[str, object]] = []
    world.traffic.meanwhile(ASSOCIATE, begin, nth=120)
    enforcement.sweep()
    enforcement.invoke()
    last = max(call.at for call in world.traffic.calls if call.action in MUTATING)
    assert last - began_at[0] <= 10
    polls = 0
    while not resource.poll(begun[0])["IsComplete"]:
        polls += 1
        world.clock.sleep(5)
    assert resource.physical_id


def test_the_first_wave_of_a_deployment_that_begins_during_repairs_has_one_target(
    world: World, resource: Resource, deployed: list[str], enforcement: Enforcement
) -> None:
    """What came of the repairs is noted after the deployment has begun. They are no changes of the deployment."""
    new = properties(world, profile=world.own_profile("Web2"), rollout=IN_WAVES, timeout=3600)
    update = resource.event("Update", new, resource.properties)
    for target in deployed[:4]:
        world.fleet.set_carried(target, None)
    begun: list[dict[str, object]] = []

    def begin() -> None:
        world.clock.sleep(0.5)
        begun.append(resource.begin(update))

    world.traffic.meanwhile(ASSOCIATE, begin, nth=2)
    world.clock.sleep(120)
    enforcement.sweep()
    enforcement.invoke()
    assert world.carried(*deployed) == ["Web"] * 10
    poll_until(resource, begun[0], lambda: "Web2" in world.carried(*deployed))
    assert world.carried(*deployed).count("Web2") == 1


def test_a_delete_during_a_batch_restores_everything(
    world: World, resource: Resource, deployed: list[str], enforcement: Enforcement
) -> None:
    late = world.instances(60, tags=WEB, launched_at=world.clock())
    begun: list[dict[str, object]] = []
    world.traffic.meanwhile(
        ASSOCIATE, lambda: begun.append(resource.begin(resource.event("Delete", resource.properties))), nth=20
    )
    enforcement.sweep()
    enforcement.invoke()
    assert resource.finish(begun[0]).ok
    enforcement.run(2000)
    assert world.carried(*deployed, *late) == [None] * 70
    assert world.ledger_items == {}


def test_a_late_invocation_after_the_delete_changes_and_leaves_nothing(
    world: World, resource: Resource, deployed: list[str], enforcement: Enforcement
) -> None:
    world.fleet.launch(tags=WEB)
    world.traffic.meanwhile(DESCRIBE_INSTANCES, lambda: _deleted(resource), nth=2)
    enforcement.run(10)
    assert world.carried(*deployed) == [None] * 10
    assert world.ledger_items == {}


def _deleted(resource: Resource) -> None:
    assert resource.delete().ok


@pytest.mark.parametrize("happens", ["deployment", "second message"])
@pytest.mark.usefixtures("deployed")
def test_a_request_for_another_look_at_the_moment_of_release_is_not_lost(
    world: World, enforcement: Enforcement, happens: str
) -> None:
    """The release is the last write of a look. A change right before it is seen by another look."""
    late: list[str] = []

    def come() -> None:
        late.append(world.fleet.launch(tags=WEB))
        if happens == "second message":
            enforcement.invoke()

    enforcement.sweep()
    nth = _writes_of_a_look_without_changes(world, enforcement)
    enforcement.sweep()
    world.traffic.meanwhile(UPDATE, come, nth=nth)
    enforcement.invoke()
    enforcement.run(20)
    assert world.carried(*late) == ["Web"]


def _writes_of_a_look_without_changes(world: World, enforcement: Enforcement) -> int:
    """The number of the update that releases the lease: the levels of the buckets are written after it."""
    before = world.traffic.count(UPDATE)
    enforcement.invoke()
    world.clock.sleep(900)
    return world.traffic.count(UPDATE) - before - 1


class Crash:
    """Late arrivals of three kinds, and the invocations of enforcement that give them the profile."""

    def __init__(self) -> None:
        self.world = world = World()
        self.resource, self.enforcement = Resource(world), Enforcement(world)
        targets = world.instances(2, tags=WEB)
        assert self.resource.create(properties(world)).ok
        bare, carrying = world.fleet.launch(tags=WEB), world.instance(world.old, tags=WEB)
        stopped = world.instance(world.old, state="stopped", tags=WEB)
        self.all = [*targets, bare, carrying, stopped]
        self.first_point = len(world.traffic.kill_switch.points)

    def run(self) -> None:
        self.enforcement.run(1300)


def test_a_crash_at_any_point_loses_nothing() -> None:
    beginning = Crash()
    undisturbed = copied(beginning)
    undisturbed.run()
    points = kill_points(undisturbed.world.traffic.kill_switch, undisturbed.first_point)
    assert len(points) > 20
    for number, point in points:
        crash, where = copied(beginning), f"killed {point}, {number}"
        crash.world.traffic.kill_switch.kill_at = crash.first_point + number
        crash.run()
        assert crash.enforcement.failed == 1, where
        assert crash.world.carried(*crash.all) == ["Web"] * 5, where
        assert crash.resource.delete().ok, where
        assert crash.world.carried(*crash.all) == [None, None, None, "Old", "Old"], where
        assert not crash.enforcement.queue.dead, where
