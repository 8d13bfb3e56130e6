"""Previous profiles that held no role when they were displaced, and hold one when they are restored. Design 5.2:
a profile with another role than recorded is given up after two denials of `iam:PassRole` at least 60 s apart."""

from collections.abc import Callable

import pytest

from cdk_instance_role.runtime.association.decide.step import Identity
from tests.runtime.ledgers import OLD, LedgerUser, later, request, step
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, REPLACE

STATES = ["running", "stopped"]
CHANGES = {
    "emptied": "which held no role before and holds role Other now",
    "deleted": "which was created again and holds role Other now",
}
"""What is reported, by what had become of Old before it was displaced."""


class Story:
    """Old was empty, or deleted, while an instance carried it. Web has displaced it, and Old holds a role again."""

    def __init__(self, world: World, state: str, fate: str) -> None:
        self.world, self.resource = world, Resource(world)
        self.target = world.instance(world.old, state=state)
        properties = world.properties([self.target], replaces=[world.old], timeout=300)
        fates: dict[str, Callable[[], object]] = {
            "emptied": lambda: world.fleet.change_role(world.old, None),
            "deleted": lambda: world.fleet.delete_profile(world.old),
        }
        fates[fate]()
        result = self.resource.create(properties)
        assert result.ok, result.reason
        assert world.carried(self.target) == ["Web"]
        world.clock.sleep(600)
        if fate == "emptied":
            world.fleet.change_role(world.old, "Other")
        else:
            world.fleet.add_profile("Old", role="Other")

    def denied_at(self) -> list[float]:
        refused = self.world.traffic.refused(ASSOCIATE, REPLACE)
        return [call.at for call in refused if call.error == "UnauthorizedOperation"]


def warned(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records if record.levelname == "WARNING")


@pytest.mark.parametrize("fate", CHANGES)
@pytest.mark.parametrize("state", STATES)
def test_a_profile_that_held_no_role_is_given_up_if_its_role_may_not_be_passed(
    state: str, fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(World(enforced=True), state, fate)
    result = story.resource.delete()

    assert result.ok, result.reason
    assert story.world.carried(story.target) == [None]
    assert story.denied_at()[-1] - story.denied_at()[0] >= 60
    assert f"{CHANGES[fate]}, may not be restored" in warned(caplog)
    assert story.world.ledger_items == {}


@pytest.mark.parametrize("fate", CHANGES)
@pytest.mark.parametrize("state", STATES)
def test_a_profile_that_held_no_role_is_restored_if_its_role_may_be_passed(
    state: str, fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    story = Story(World(), state, fate)
    result = story.resource.delete()

    assert result.ok, result.reason
    assert story.world.carried(story.target) == ["Old"]
    assert f"restore Old, {CHANGES[fate]}" in warned(caplog)


@pytest.mark.parametrize("role", ["", "arn:aws:iam::111122223333:role/Old", None])
def test_the_ledger_distinguishes_no_role_from_an_unknown_one(user: LedgerUser, role: str | None) -> None:
    create = request()
    identity = Identity("AIPA1", role)
    user.claim(create, step(1, before=OLD, identity=identity))
    assert user.record(later(create)).identity(OLD) == identity
