"""Events that CloudFormation cancels while their first phase looks. A later event has come by then: they begin nothing.

Design 5.3: the handler's first phase waits for IAM, for a policy to come into force, and for the status of the stack.
"""

from collections.abc import Callable
from typing import Any

import pytest

from cdk_instance_role.runtime.association.exceptions import SupersededError
from tests.runtime.rollouts import IN_WAVES, poll_until
from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, Result, World
from tests.simulator.dynamodb import TRANSACT
from tests.simulator.ec2 import DESCRIBE_ASSOCIATIONS
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER

DENIED = AwsError("AccessDenied", "not yet", 403)
INVENTED = "InstanceRole-web-Association-1ABCDEF"
STACK_STATUS = "DescribeStacks"


def delete_by_invented_id(world: World, properties: dict[str, Any], results: list[Result]) -> Callable[[], None]:
    """CloudFormation deletes a resource of which it has no physical id."""

    def deliver() -> None:
        resource = Resource(world)
        resource.physical_id = INVENTED
        results.append(resource.deliver(resource.event("Delete", properties)))

    return deliver


@pytest.mark.parametrize(
    ("action", "nth"), [(DESCRIBE_ASSOCIATIONS, 1), ("GetInstanceProfile", 3), ("GetItem", 3), (TRANSACT, 1)]
)
def test_a_create_that_is_cancelled_in_its_first_phase_changes_nothing(
    world: World, resource: Resource, action: str, nth: int
) -> None:
    targets, deleted = world.instances(3), list[Result]()
    properties = world.properties(targets)
    world.fleet.change_role(world.web, None)  # IAM does not show it yet
    world.traffic.meanwhile("GetInstanceProfile", lambda: world.fleet.change_role(world.web, "Web"), nth=3)
    world.traffic.meanwhile(action, delete_by_invented_id(world, properties, deleted), nth=nth)
    with pytest.raises(SupersededError):
        resource.begin(resource.event("Create", properties))

    assert [one.ok for one in deleted] == [True]
    assert world.mutations == 0
    assert world.ledger_items == {}


def test_a_create_after_that_is_another_one(world: World, resource: Resource) -> None:
    """However soon it comes: it is known by its id, and not by the time."""
    targets, deleted = world.instances(2), list[Result]()
    properties = world.properties(targets)
    world.traffic.meanwhile(DESCRIBE_ASSOCIATIONS, delete_by_invented_id(world, properties, deleted))
    cancelled = resource.event("Create", properties)
    with pytest.raises(SupersededError):
        resource.begin(cancelled)
    world.clock.jump(-60)
    created = resource.create(properties)

    assert created.ok, created.reason
    with pytest.raises(SupersededError):
        Resource(world).begin(cancelled)
    assert world.carried(*targets) == ["Web", "Web"]
    assert resource.delete().ok
    assert world.carried(*targets) == [None, None]
    assert world.ledger_items == {}


class CancelledUpdate:
    """An Update that is to add a target, and is cancelled while the first phase waits for the status of the stack."""

    def __init__(self, world: World) -> None:
        self.world, self.resource, self.results = world, Resource(world), list[Result]()
        self.kept, self.added = world.instances(2)
        self.before, self.after = world.properties([self.kept]), world.properties([self.kept, self.added])
        assert self.resource.create(self.before).ok
        world.stack_status = Status.UPDATING
        world.traffic.fail(STACK_STATUS, DENIED, times=4)

    def begin(self, then: Callable[[], None]) -> None:
        self.world.traffic.meanwhile(STACK_STATUS, then, nth=4)
        with pytest.raises(SupersededError):
            self.resource.begin(self.resource.event("Update", self.after, self.before))

    def deliver(self, kind: str, *properties: Any) -> None:
        other = Resource(self.world)
        other.physical_id = self.resource.physical_id
        self.results.append(other.deliver(other.event(kind, *properties)))


def test_an_update_that_is_rolled_back_in_its_first_phase_changes_nothing(world: World) -> None:
    story = CancelledUpdate(world)

    def take_back() -> None:
        world.stack_status = Status.ROLLING_BACK
        story.deliver("Update", story.before, story.after)

    story.begin(take_back)
    assert [one.ok for one in story.results] == [True]
    assert world.carried(story.kept, story.added) == ["Web", None]
    assert world.ledger_item(story.resource)["Ended"] == "succeeded"


def test_an_update_whose_association_is_deleted_in_its_first_phase_changes_nothing(world: World) -> None:
    story = CancelledUpdate(world)
    story.begin(lambda: story.deliver("Delete", story.before))

    assert [one.ok for one in story.results] == [True]
    assert world.carried(story.kept, story.added) == [None, None]
    assert world.ledger_items == {}


# What an earlier creation of the association has left


class Retained:
    """An association that was retained, and a Create of the same id, of which CloudFormation has no physical id."""

    def __init__(self, world: World, *, is_rolled_back: bool) -> None:
        self.world, self.resource = world, Resource(world)
        self.kept, self.added = world.instances(2)
        self.properties = world.properties([self.kept, self.added]) | {"RemovalPolicy": "Retain"}
        assert Resource(world).create(world.properties([self.kept]) | {"RemovalPolicy": "Retain"}).ok
        if is_rolled_back:  # so that there are claims, and no operation
            world.refuse("AssociateIamInstanceProfile", self.added)
            assert self.resource.create(self.properties).rollback
            world.traffic.faults.clear()
            assert world.ledger_item(self.resource) == {}
            assert world.carried(self.kept, self.added) == ["Web", None]


@pytest.mark.parametrize("is_rolled_back", [False, True])
@pytest.mark.parametrize("how", ["refused", "cancelled"])
def test_a_delete_after_a_create_that_has_not_begun_leaves_retained_instances_alone(
    world: World, how: str, is_rolled_back: bool
) -> None:
    story, deleted = Retained(world, is_rolled_back=is_rolled_back), list[Result]()
    delete = delete_by_invented_id(world, story.properties, deleted)
    if how == "cancelled":
        world.traffic.meanwhile(DESCRIBE_ASSOCIATIONS, delete)
    else:
        world.traffic.fail("GetInstanceProfile", DENIED, times=FOR_EVER)
    assert not Resource(world).deliver(Resource(world).event("Create", story.properties)).ok
    world.traffic.faults.clear()
    if how == "refused":
        delete()

    assert [one.ok for one in deleted] == [True], deleted[0].reason
    assert world.carried(story.kept, story.added) == ["Web", None]
    assert story.resource.records().keys() == {story.kept}


def test_a_delete_by_an_invented_id_still_rolls_back_a_create_that_has_begun(world: World, resource: Resource) -> None:
    targets, deleted = world.instances(3), list[Result]()
    properties = world.properties(targets, rollout=IN_WAVES)
    event = resource.begin(resource.event("Create", properties))
    poll_until(resource, event, lambda: world.mutations > 0)
    delete_by_invented_id(world, properties, deleted)()
    assert not resource.finish(event).ok

    assert [one.ok for one in deleted] == [True], deleted[0].reason
    assert world.carried(*targets) == [None] * 3
    assert world.ledger_items == {}
