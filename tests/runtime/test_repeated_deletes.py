"""A Delete that comes again because the one before it has failed. Design 5.3: a failed Create restores `Base`, which is
what the target carried before it, however many Deletes that takes."""

from typing import Any

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE
from tests.simulator.errors import AwsError

FOR_EVER = 10**9


class Story:
    """A retained association has left Web on `retained`. A re-Create has failed, and EC2 denies its undo."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.retained, self.added, self.refused = self.all = world.instances(3)
        assert Resource(world).create(self.properties(self.retained)).ok
        world.refuse(ASSOCIATE, self.refused)
        world.traffic.fail(DISASSOCIATE, AwsError("UnauthorizedOperation", "no", 403), times=FOR_EVER)
        self.resource = Resource(world)
        self.resource.properties = self.properties(*self.all)
        assert not self.resource.deliver(self.resource.event("Create", self.resource.properties)).ok
        assert self.carried == ["Web", "Web", None]

    def properties(self, *ids: str) -> dict[str, Any]:
        return {**self.world.properties(ids, timeout=60), "RemovalPolicy": "Retain"}

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(*self.all)


@pytest.mark.parametrize("failed_deletes", [1, 2])
def test_a_delete_after_failed_ones_still_undoes_the_failed_create_only(world: World, failed_deletes: int) -> None:
    story = Story(world)
    for _ in range(failed_deletes):
        assert not story.resource.delete().ok
        assert story.carried == ["Web", "Web", None]
    world.traffic.faults.clear()
    result = story.resource.delete()

    assert result.ok, result.reason
    assert story.carried == ["Web", None, None]
    assert story.resource.records().keys() == {story.retained}


def test_a_delete_after_a_failed_delete_of_an_association_that_was_created_restores_the_original(world: World) -> None:
    resource, (bare, had_old) = Resource(world), [world.instance(), world.instance(world.old)]
    properties = world.properties([bare, had_old], replaces=[world.old], timeout=60)
    assert resource.create(properties).ok
    world.traffic.fail(DISASSOCIATE, AwsError("UnauthorizedOperation", "no", 403), times=FOR_EVER)
    assert not resource.delete().ok
    world.traffic.faults.clear()
    result = resource.delete()

    assert result.ok, result.reason
    assert world.carried(bare, had_old) == [None, "Old"]
    assert world.ledger_items == {}
