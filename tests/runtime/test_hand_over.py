"""An association that takes another's place in a stack, as when its construct is renamed."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from cdk_instance_role.runtime.association.handler import SLICE_SECONDS
from tests.simulator.cloudformation import Status
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import TRANSACT
from tests.simulator.ec2 import REPLACE


def test_an_instance_keeps_its_role_when_its_association_is_renamed(world: World) -> None:
    target = world.instance()
    old, new = Resource(world, "Old"), Resource(world, "New")
    assert old.create(world.properties([target])).ok
    assert new.create(world.properties([target])).ok

    assert old.delete().ok

    assert world.carried(target) == ["Web"]


def test_the_new_association_restores_what_the_old_one_would_have_restored(world: World) -> None:
    bare, carrying = world.instance(), world.instance(world.old)
    wanted = world.properties([bare, carrying], replaces=[world.old])
    old, new = Resource(world, "Old"), Resource(world, "New")
    assert old.create(wanted).ok
    assert new.create(wanted).ok
    assert old.delete().ok

    assert new.delete().ok

    assert world.carried(bare, carrying) == [None, "Old"]
    assert world.ledger_items == {}


def test_a_new_association_that_could_not_restore_what_it_takes_over_is_refused(world: World) -> None:
    target = world.instance(world.old)
    old, new = Resource(world, "Old"), Resource(world, "New")
    assert old.create(world.properties([target], replaces=[world.old])).ok

    result = new.create(world.properties([target]))

    assert not result.ok
    assert "instance profile Old must be restored later and is not in `replaces`: list it there" in result.reason
    assert old.delete().ok
    assert world.carried(target) == ["Old"]


def test_an_update_is_refused_if_it_could_not_restore_the_profile_of_another_association(world: World) -> None:
    """It moves on from a profile that the other one wants there, too."""
    target = world.instance()
    web2 = world.fleet.add_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([target], profile=web2)).ok
    assert second.create(world.properties([target], profile=web2)).ok

    result = first.update(world.properties([target]))

    assert "instance profile Web2 must be restored later and is not in `replaces`: list it there" in result.reason
    assert first.update(world.properties([target], replaces=[web2])).ok
    assert first.delete().ok
    assert world.carried(target) == ["Web2"]
    assert second.delete().ok
    assert world.carried(target) == [None]


def test_a_rollback_does_not_take_over_what_its_update_was_refused_for(world: World) -> None:
    target = world.instance(world.old)
    keeping, replacing = Resource(world, "Keeping"), Resource(world, "Replacing")
    assert keeping.create(world.properties([target], on_conflict="KEEP")).ok
    assert replacing.create(world.properties([target], replaces=[world.old])).ok

    result = keeping.update(world.properties([target], on_conflict="KEEP", timeout=900))
    assert "instance profile Old must be restored later" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert replacing.delete().ok

    assert world.carried(target) == ["Old"]
    assert keeping.delete().ok
    assert world.carried(target) == ["Old"]
    assert world.ledger_items == {}


def test_an_overruled_association_takes_nothing_over() -> None:
    """It might have no right to restore it."""
    world = World(enforced=True)
    target, other = world.instances(2, world.web)
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([target, other])).ok
    world.fleet.set_carried(target, world.foreign)
    world.clock.sleep(10)
    assert second.create(world.properties([target], replaces="*")).ok

    assert second.delete().ok
    assert first.delete().ok

    assert world.carried(target, other) == ["Foreign", "Web"]
    assert world.ledger_items == {}


def test_a_rollback_does_not_take_over_what_could_not_be_restored(world: World) -> None:
    target = world.instance(world.foreign)
    web2 = world.fleet.add_profile("Web2")
    keeping, replacing = Resource(world, "Keeping"), Resource(world, "Replacing")
    wanted = world.properties([target], profile=web2, replaces=[world.web], on_conflict="KEEP")
    assert keeping.create(wanted).ok
    assert replacing.create(world.properties([target], replaces="*")).ok

    result = keeping.update({**wanted, "TimeoutSeconds": 900})

    assert "instance profile Foreign must be restored later" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(target) == ["Web"]
    assert keeping.records() == {}


def test_a_rollback_does_not_replace_a_profile_that_the_update_found_right(world: World) -> None:
    """It was another association's target before, and a conflict that was kept."""
    contested, refused = world.instances(2)
    web2 = world.fleet.add_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([contested], profile=web2)).ok
    assert second.create(world.properties([contested, refused], on_conflict="KEEP")).ok
    world.refuse(REPLACE, refused)

    result = second.update(world.properties([contested, refused], profile=web2))

    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(contested, refused) == ["Web2", "Web"]
    assert contested not in second.records()


def test_the_profile_that_a_failed_update_wanted_is_not_restored(world: World) -> None:
    target = world.instance(world.old)
    web2 = world.fleet.add_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([target], replaces=[world.old])).ok
    world.refuse(REPLACE, target)
    assert not first.update(world.properties([target], profile=web2, replaces=[world.old])).ok
    world.traffic.faults.clear()
    assert second.create(world.properties([target], profile=web2, replaces=[world.web, world.old])).ok

    assert second.delete().ok

    assert world.carried(target) == ["Web"]
    assert first.delete().ok
    assert world.carried(target) == ["Old"]


def test_the_original_profile_is_restored_through_a_chain_of_associations(world: World) -> None:
    """As when a role and its association are renamed at once: the new role replaces the old one."""
    target = world.instance(world.old)
    web2 = world.fleet.add_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([target], replaces="*")).ok
    assert second.create(world.properties([target], profile=web2, replaces="*")).ok

    assert first.delete().ok
    assert world.carried(target) == ["Web2"]
    del world.fleet.profiles[world.web]
    assert second.delete().ok

    assert world.carried(target) == ["Old"]
    assert world.ledger_items == {}


def test_the_original_profile_stays_if_a_later_association_wants_it_too(world: World) -> None:
    target = world.instance(world.web)
    web2 = world.fleet.add_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([target], profile=web2, replaces=[world.web])).ok
    assert second.create(world.properties([target], replaces="*")).ok

    assert first.delete().ok
    assert second.delete().ok

    assert world.carried(target) == ["Web"]
    assert world.ledger_items == {}


def test_an_association_that_has_restored_does_not_hand_over_what_was_never_the_original_profile(world: World) -> None:
    """Each of two associations has carried the profile of the other one, so the records alone don't show the order."""
    target, other = world.instance(world.web), world.instance()
    web2 = world.fleet.add_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([target], profile=web2, replaces=[world.web])).ok
    assert second.create(world.properties([target, other], replaces="*")).ok
    assert second.update(world.properties([other], replaces="*")).ok
    assert world.carried(target) == ["Web2"]

    assert first.delete().ok

    assert world.carried(target) == ["Web"]


def test_of_two_associations_with_the_same_profile_the_older_one_knows_the_original_profile(world: World) -> None:
    """Two associations that list each other's profiles take an instance from each other several times."""
    target, other = world.instance(world.web), world.instance()
    web2 = world.fleet.add_profile("Web2")
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([target], profile=web2, replaces="*")).ok
    assert second.create(world.properties([target], replaces="*")).ok
    assert first.update(world.properties([target, other], profile=web2, replaces="*")).ok
    assert first.update(world.properties([target, other], replaces="*")).ok

    assert second.delete().ok
    assert first.delete().ok

    assert world.carried(target, other) == ["Web", None]


def test_a_restored_instance_leaves_no_record(world: World, resource: Resource) -> None:
    """The last of many instances to settle leaves the selection in the update that also moves to another profile."""
    staying, leaving = world.instance(), world.instance()
    assert resource.create(world.properties([staying, leaving])).ok
    world.fleet.instances[leaving].later = [(world.clock(), "stopping"), (world.clock() + 60, "stopped")]

    assert resource.update(world.properties([staying], profile=world.own_profile("Web2"))).ok

    assert resource.records().keys() == {staying}
    key = resource.association
    assert set(world.ledger_items) == {("operation", key), (staying, "record"), (key, staying)}


def test_hands_over_an_instance_that_another_association_has_claimed_meanwhile(world: World) -> None:
    """Both are in one deployment, and the one that loses the instance looks first."""
    moving, staying = world.instances(2)
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(world.properties([moving, staying])).ok
    world.fleet.instances[moving].later = [(world.clock(), "stopping"), (world.clock() + 2 * SLICE_SECONDS, "stopped")]
    before = world.properties([moving, staying])
    leaving = first.begin(first.event("Update", world.properties([staying]), before))
    assert first.poll(leaving) == {"IsComplete": False}

    assert second.create(world.properties([moving])).ok
    assert first.finish(leaving).ok

    assert world.carried(moving, staying) == ["Web", "Web"]
    assert second.records()[moving].previous is None


def test_many_instances_are_handed_over_in_few_transactions(world: World) -> None:
    targets = world.instances(120)
    old, new = Resource(world, "Old"), Resource(world, "New")
    assert old.create(world.properties(targets)).ok
    assert new.create(world.properties(targets)).ok
    before = world.traffic.count(TRANSACT)

    assert old.delete().ok

    assert world.traffic.count(TRANSACT) - before <= 6
    assert world.carried(*targets) == ["Web"] * 120


@pytest.mark.parametrize("previous", ["Old", None])
@pytest.mark.parametrize("by_tags", [True, False], ids=["tags", "ids"])
@pytest.mark.parametrize("new_one_first", [True, False])
def test_an_instance_that_was_handed_over_is_handed_back_in_a_rollback(
    world: World, previous: str | None, by_tags: bool, new_one_first: bool
) -> None:
    """CloudFormation sends the reverse Update first, and deletes the new association in the clean-up."""
    target = world.instance(world.old if previous else None, tags={"app": "moving"})
    staying = world.instance(tags={"app": "staying"})

    def wanted(*groups: str, ids: Sequence[str]) -> dict[str, Any]:
        selection = {"tags": {"app": groups}} if by_tags else {"instances": ids}
        return world.properties(replaces=[world.old], **cast(Any, selection))

    before = wanted("moving", "staying", ids=[target, staying])
    after, given = wanted("staying", ids=[staying]), wanted("moving", ids=[target])
    first, second = Resource(world, "First"), Resource(world, "Second")
    assert first.create(before).ok
    world.clock.sleep(600)
    events = [(first, first.event("Update", after, before)), (second, second.event("Create", given))]
    for resource, event in reversed(events) if new_one_first else events:
        assert resource.deliver(event).ok
    world.clock.sleep(600)

    world.stack_status = Status.ROLLING_BACK
    assert first.deliver(first.event("Update", before, after)).ok
    world.stack_status = Status.UPDATING
    assert second.deliver(second.event("Delete", given)).ok

    assert world.carried(target, staying) == ["Web", "Web"]
    assert set(first.records()) == {target, staying}
    first.properties = before
    assert first.delete().ok
    assert world.carried(target, staying) == [previous, None]
    assert world.ledger_items == {}


def test_a_rollback_claims_a_target_again_that_carried_the_profile_before(world: World) -> None:
    target, other = world.instance(world.web), world.instance()
    web2 = world.own_profile("Web2")
    before, after = world.properties([target, other]), world.properties([other])
    resource = Resource(world)
    assert resource.create(before).ok
    assert resource.deliver(resource.event("Update", after, before)).ok
    world.stack_status = Status.ROLLING_BACK
    assert resource.deliver(resource.event("Update", before, after)).ok
    world.stack_status = Status.UPDATING
    resource.properties = before

    assert resource.update(world.properties([target, other], profile=web2)).ok

    assert world.carried(target, other) == ["Web2", "Web2"]


class Covered:
    """An association with two targets, one of which carries the profile of a younger association."""

    def __init__(self, world: World) -> None:
        self.world, self.older, self.younger = world, Resource(world, "Older"), Resource(world, "Younger")
        self.covered, self.free, self.new = world.instances(3)
        ops = world.fleet.add_profile("Ops", path="/cdk-instance-role/InstanceRole-web/ffffffff/")
        assert self.older.create(self.keeping(self.covered, self.free)).ok
        world.clock.sleep(600)
        assert self.younger.create(world.properties([self.covered], profile=ops, replaces=[world.web])).ok
        world.clock.sleep(600)

    def keeping(self, *targets: str) -> dict[str, Any]:
        return self.world.properties([*targets], on_conflict="KEEP")


def test_an_older_association_that_keeps_conflicts_can_be_updated(world: World) -> None:
    covered = Covered(world)

    result = covered.older.update(covered.keeping(covered.covered, covered.free, covered.new))

    assert result.ok, result.reason
    assert world.carried(covered.covered, covered.new) == ["Ops", "Web"]
    assert covered.younger.delete().ok
    assert world.carried(covered.covered) == ["Web"]
    assert covered.older.delete().ok
    assert world.carried(covered.covered, covered.free, covered.new) == [None, None, None]


def test_a_rollback_of_an_older_association_keeps_its_claim(world: World) -> None:
    covered = Covered(world)
    before, after = covered.older.properties, covered.keeping(covered.covered, covered.free, covered.new)
    world.stack_status = Status.ROLLING_BACK

    assert covered.older.deliver(covered.older.event("Update", before, after)).ok

    world.stack_status = Status.UPDATING
    assert covered.covered in covered.older.records()
    assert covered.younger.delete().ok
    assert world.carried(covered.covered) == ["Web"]


def test_an_older_association_must_list_what_is_below_it(world: World) -> None:
    """When the younger association is gone, this one restores what the instance carried before both."""
    target = world.instance(world.old)
    ops = world.fleet.add_profile("Ops", path="/cdk-instance-role/InstanceRole-web/ffffffff/")
    older, younger = Resource(world, "Older"), Resource(world, "Younger")
    assert older.create(world.properties([target], replaces=[world.old], on_conflict="KEEP")).ok
    assert younger.create(world.properties([target], profile=ops, replaces=[world.web, world.old])).ok

    result = older.update(world.properties([target], on_conflict="KEEP"))

    assert "instance profile Old must be restored later and is not in `replaces`: list it there" in result.reason
