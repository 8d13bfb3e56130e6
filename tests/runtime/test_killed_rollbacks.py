"""A rollback that a killed invocation has failed. Design 5.3: a crash at any point loses nothing, and nothing blocks a
rollback at any age."""

from typing import Any

from tests.runtime.kill_points import kill_points
from tests.simulator.cloudformation import Status
from tests.simulator.copies import copied
from tests.simulator.driver import Resource, Result, World
from tests.simulator.ec2 import ASSOCIATE


class Story:
    """An update that has failed half-way: it had to move one target to another profile, remove one and add two."""

    def __init__(self) -> None:
        self.world = world = World()
        self.resource = Resource(world)
        moving, leaving = world.instance(world.old), world.instance(world.old, state="stopped")
        coming, refused = world.instances(2)
        self.targets = [moving, leaving, coming, refused]
        self.properties = world.properties([moving, leaving], replaces=[world.old])
        self.update = world.properties(
            [moving, coming, refused], replaces=[world.old], profile=world.own_profile("Web2")
        )
        assert self.resource.create(self.properties).ok
        self.before = self.state
        world.refuse(ASSOCIATE, refused)
        assert not self.resource.deliver(self.resource.event("Update", self.update, self.properties)).ok
        world.traffic.faults.clear()
        assert world.carried(*self.targets) == ["Web2", "Old", "Web2", None]
        self.first_point = len(world.traffic.kill_switch.points)
        self.bared = set(world.fleet.bared)

    @property
    def state(self) -> Any:
        """The state that is compared in the end."""
        records = {
            id_: (record.previous, record.ours, record.detached) for id_, record in self.resource.records().items()
        }
        return self.world.carried(*self.targets), records

    def roll_back(self, status: str) -> Result:
        """CloudFormation sends the same update the other way round."""
        self.world.stack_status = status
        return self.resource.deliver(self.resource.event("Update", self.properties, self.update))

    def check(self, where: str) -> None:
        """Check that everything is as before the update, and that no running instance was without a profile."""
        assert self.state == self.before, where
        _, *others = self.targets
        assert set(self.world.fleet.bared) - self.bared <= {*others}, where


def test_a_rollback_that_a_killed_invocation_has_failed_can_be_continued_from_any_point() -> None:
    """Without rollback of the stack, CloudFormation rolls the failed resource back at once, and the handler knows that
    by the properties. The provider framework reports the killed function. Then somebody runs ``cdk rollback``."""
    beginning = Story()
    undisturbed = copied(beginning)
    assert undisturbed.roll_back(Status.UPDATING).ok
    kill_switch = undisturbed.world.traffic.kill_switch
    points = kill_points(kill_switch, undisturbed.first_point)  # before the check, which calls DynamoDB, too
    assert len(kill_switch.points) > undisturbed.first_point + 25
    undisturbed.check("not killed")
    for number, point in points:
        where, story = f"killed {point}, point {number}", copied(beginning)
        story.world.traffic.kill_switch.kill_at = story.first_point + number
        story.resource.goes_on_when_killed = False
        assert not story.roll_back(Status.UPDATING).ok, where
        story.world.clock.sleep(12 * 3600)
        result = story.roll_back(Status.ROLLING_BACK)
        assert result.ok, f"{where}: {result.reason}"
        story.check(where)
