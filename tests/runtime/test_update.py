"""An Update: targets that are added and removed, other profiles, and the rollback."""

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, REPLACE
from tests.simulator.fleet import TRUST_LAMBDA


def test_associates_new_targets_and_restores_former_ones(world: World, resource: Resource) -> None:
    bare, carrying, new = world.instance(), world.instance(world.old), world.instance()
    resource.create(world.properties([bare, carrying], replaces=[world.old]))
    result = resource.update(world.properties([new], replaces=[world.old]))
    assert result.ok, result.reason
    assert world.carried(bare, carrying, new) == [None, "Old", "Web"]
    assert resource.records().keys() == {new}
    assert result.data == {"AssociatedCount": "1", "ReplacedCount": "0", "KeptCount": "0"}


def test_changes_nothing_if_the_properties_are_the_same(world: World, resource: Resource) -> None:
    targets = world.instances(3)
    resource.create(world.properties(targets))
    before = world.mutations
    result = resource.update(world.properties(targets, timeout=900))
    assert result.ok, result.reason
    assert world.mutations == before
    assert result.data["AssociatedCount"] == "3"


def test_moves_all_targets_to_another_profile(world: World, resource: Resource) -> None:
    bare, carrying = world.instance(), world.instance(world.old)
    resource.create(world.properties([bare, carrying], replaces=[world.old]))
    before = world.mutations
    new = world.own_profile("Web2")
    result = resource.update(world.properties([bare, carrying], replaces=[world.old], profile=new))
    assert result.ok, result.reason
    assert world.carried(bare, carrying) == ["Web2", "Web2"]
    assert world.mutations - before == 2
    assert [resource.records()[id_].previous for id_ in (bare, carrying)] == [None, world.old]
    assert [resource.records()[id_].ours for id_ in (bare, carrying)] == [{new}, {new}]


def test_keeps_the_physical_id(world: World, resource: Resource) -> None:
    target = world.instance()
    resource.create(world.properties([target]))
    physical_id = resource.physical_id
    resource.update(world.properties([target], profile=world.own_profile("Web2")))
    assert resource.physical_id == physical_id


def test_drops_an_old_id_that_is_terminated(world: World, resource: Resource, caplog: pytest.LogCaptureFixture) -> None:
    gone, target, new = world.instance(), world.instance(), world.instance()
    resource.create(world.properties([gone, target]))
    world.fleet.change_state(gone, "terminated")
    result = resource.update(world.properties([gone, target, new]))
    assert result.ok, result.reason
    assert resource.records().keys() == {target, new}
    assert any(gone in record.getMessage() and record.levelname == "WARNING" for record in caplog.records)


def test_drops_an_old_id_that_ec2_no_longer_knows(world: World, resource: Resource) -> None:
    gone, target = world.instance(), world.instance()
    resource.create(world.properties([gone, target]))
    del world.fleet.instances[gone]
    del world.fleet.rows[gone]
    result = resource.update(world.properties([gone, target], timeout=900))
    assert result.ok, result.reason
    assert resource.records().keys() == {target}


def test_fails_for_a_new_id_that_is_terminated(world: World, resource: Resource) -> None:
    target, gone = world.instance(), world.instance(state="terminated")
    resource.create(world.properties([target]))
    before = world.mutations
    result = resource.update(world.properties([target, gone]))
    assert not result.ok
    assert f"instance {gone} is terminated" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok
    assert world.mutations == before


def test_follows_the_tags(world: World, resource: Resource) -> None:
    old, new = world.instance(tags={"app": "web"}), world.instance(tags={"app": "api"})
    resource.create(world.properties(tags={"app": ["web"]}))
    result = resource.update(world.properties(tags={"app": ["api"]}))
    assert result.ok, result.reason
    assert world.carried(old, new) == [None, "Web"]


def test_switches_from_ids_to_tags(world: World, resource: Resource) -> None:
    both, leaving = world.instance(tags={"app": "web"}), world.instance()
    resource.create(world.properties([both, leaving]))
    before = world.mutations
    result = resource.update(world.properties(tags={"app": ["web"]}))
    assert result.ok, result.reason
    assert world.carried(both, leaving) == ["Web", None]
    assert world.mutations - before == 1


def test_associates_again_a_profile_that_someone_has_removed(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    resource.create(world.properties([target], replaces=[world.old]))
    world.fleet.set_carried(target, None)
    result = resource.update(world.properties([target], replaces=[world.old], timeout=900))
    assert result.ok, result.reason
    assert world.carried(target) == ["Web"]
    assert resource.records()[target].previous == world.old


def test_fails_if_a_previous_profile_could_no_longer_be_restored(world: World, resource: Resource) -> None:
    target = world.instance(world.old)
    resource.create(world.properties([target], replaces=[world.old]))
    before = world.mutations
    result = resource.update(world.properties([target]))
    assert not result.ok
    assert "instance profile Old must be restored later" in result.reason
    assert world.mutations == before


def test_rolls_back_to_the_old_profile_after_a_failed_update(world: World, resource: Resource) -> None:
    targets = world.instances(4, world.old)
    resource.create(world.properties(targets, replaces=[world.old]))
    world.refuse(REPLACE, targets[2])
    new = world.own_profile("Web2")
    result = resource.update(world.properties(targets, replaces=[world.old], profile=new))
    assert not result.ok
    assert "not today" in result.reason
    assert targets[2] in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(*targets) == ["Web"] * 4
    assert all(record.ours == {world.web} for record in resource.records().values())
    assert world.fleet.bared == []


def test_restores_new_targets_after_a_failed_update(world: World, resource: Resource) -> None:
    old, bare, carrying, refused = world.instance(), world.instance(), world.instance(world.old), world.instance()
    resource.create(world.properties([old]))
    world.refuse(ASSOCIATE, refused)
    result = resource.update(world.properties([bare, carrying, refused], replaces=[world.old]))
    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(old, bare, carrying, refused) == ["Web", None, "Old", None]
    assert resource.records().keys() == {old}


def test_restores_after_a_failed_update_what_may_no_longer_be_displaced(world: World, resource: Resource) -> None:
    target, kept, refused = world.instance(), world.instance(world.old), world.instance()
    assert resource.create(world.properties([target, kept], on_conflict="KEEP")).ok
    world.refuse(ASSOCIATE, refused)
    result = resource.update(world.properties([target, kept, refused], replaces=[world.old]))
    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(target, kept, refused) == ["Web", "Old", None]
    assert resource.records().keys() == {target}


def test_nothing_blocks_a_rollback(world: World, resource: Resource) -> None:
    gone, taken, target, refused = *world.instances(3), world.instance()
    resource.create(world.properties([gone, taken, target]))
    world.refuse(REPLACE, target)
    world.traffic.meanwhile(REPLACE, lambda: world.fleet.change_state(gone, "terminated"), nth=3)
    new = world.own_profile("Web2")
    event = resource.begin(
        resource.event("Update", world.properties([gone, taken, target, refused], profile=new), resource.properties)
    )
    failed = resource.deliver(event)
    assert not failed.ok
    world.fleet.set_carried(taken, world.foreign)
    world.fleet.change_state(gone, "terminated")
    back = resource.deliver(
        resource.event("Update", resource.properties, world.properties([gone, taken, target, refused], profile=new))
    )
    assert back.ok, back.reason
    assert world.carried(taken, target, refused) == ["Foreign", "Web", None]


def test_rolls_back_although_someone_has_given_a_target_another_profile_before_the_update(
    world: World, resource: Resource
) -> None:
    taken, target = world.instance(), world.instance()
    resource.create(world.properties([taken, target]))
    world.fleet.set_carried(taken, world.foreign)
    new = world.own_profile("Web2")
    result = resource.update(world.properties([taken, target], profile=new))
    assert not result.ok
    assert f"instance {taken} (running) carries instance profile Foreign" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(taken, target) == ["Foreign", "Web"]


def test_a_failed_update_that_is_tried_again_follows_the_usual_rules(world: World, resource: Resource) -> None:
    target, other = world.instance(), world.instance()
    resource.create(world.properties([target]))
    wanted = world.properties([target, other])
    world.refuse(ASSOCIATE, other)
    failed = resource.update(wanted)
    assert failed.rollback is not None
    assert failed.rollback.ok
    world.traffic.faults.clear()
    world.fleet.set_carried(other, world.foreign)
    result = resource.update(wanted)
    assert not result.ok
    assert f"instance {other} (running) carries instance profile Foreign" in result.reason


def test_rolls_back_even_when_the_rollback_has_to_be_tried_again(world: World, resource: Resource) -> None:
    taken, moved, target = targets = world.instances(3)
    resource.create(world.properties(targets))
    new = world.properties(targets, profile=world.own_profile("Web2"))
    world.refuse(REPLACE, target)
    assert not resource.deliver(resource.event("Update", new, resource.properties)).ok
    assert world.carried(moved) == ["Web2"]
    world.fleet.set_carried(taken, world.foreign)
    web = world.fleet.profiles.pop(world.web)
    assert not resource.deliver(resource.event("Update", resource.properties, new)).ok
    world.fleet.profiles[world.web] = web
    again = resource.deliver(resource.event("Update", resource.properties, new))
    assert again.ok, again.reason
    assert world.carried(*targets) == ["Foreign", "Web", "Web"]


def test_a_failed_update_does_not_change_what_a_delete_restores(world: World, resource: Resource) -> None:
    bare, carrying, refused = world.instance(), world.instance(world.old), world.instance()
    resource.create(world.properties([bare, carrying], replaces=[world.old]))
    world.refuse(ASSOCIATE, refused)
    new = world.own_profile("Web2")
    result = resource.update(world.properties([bare, carrying, refused], replaces=[world.old], profile=new))
    assert not result.ok
    assert resource.delete().ok
    assert world.carried(bare, carrying, refused) == [None, "Old", None]
    assert world.ledger_items == {}


def test_a_deliberate_return_to_a_former_configuration_follows_the_usual_rules(
    world: World, resource: Resource
) -> None:
    first, second = world.instances(2)
    assert resource.create(world.properties([first, second])).ok
    assert resource.update(world.properties([first])).ok
    world.fleet.set_carried(second, world.foreign)
    world.clock.sleep(30 * 24 * 3600)

    result = resource.update(world.properties([first, second]))

    assert not result.ok
    assert f"instance {second} (running) carries instance profile Foreign" in result.reason


def test_rolls_back_an_update_that_could_not_be_parsed(world: World, resource: Resource) -> None:
    target = world.instance()
    assert resource.create(world.properties([target])).ok
    world.fleet.set_carried(target, world.foreign)

    result = resource.update(world.properties([target, "i-unresolved"]))

    assert not result.ok
    assert "malformed instance id 'i-unresolved'" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(target) == ["Foreign"]


def test_rolls_back_although_the_role_can_no_longer_be_assumed(world: World, resource: Resource) -> None:
    target, refused = world.instances(2)
    assert resource.create(world.properties([target])).ok
    world.clock.sleep(60)
    world.refuse(ASSOCIATE, refused)
    world.traffic.meanwhile(ASSOCIATE, lambda: setattr(world.fleet.profiles[world.web], "trust", TRUST_LAMBDA))

    result = resource.update(world.properties([target, refused]))

    assert not result.ok
    assert result.rollback is not None
    assert "may not assume role" not in result.rollback.reason


def test_a_target_added_by_a_failed_update_is_restored_first_if_its_profile_cannot_be_replaced_directly() -> None:
    """The profiles are imported, and neither configuration lists the other's."""
    world = World(enforced=True)
    newcomer, held = world.instance(world.foreign), world.instance()
    resource = Resource(world)
    assert resource.create(world.properties([newcomer, held], on_conflict="KEEP")).ok
    world.fleet.set_carried(newcomer, None)
    world.clock.sleep(10)

    result = resource.update(world.properties([newcomer, held], profile=world.fleet.add_profile("Web2")))

    assert "of another role, which `replaces` does not list" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(newcomer, held) == ["Web", "Web"]


def test_fails_to_keep_a_profile_that_it_could_not_take_off_later(world: World, resource: Resource) -> None:
    """`KEEP` is about profiles of others. This one was given by the association itself, for another role."""
    target = world.instance()
    other = world.fleet.add_profile("Other")
    assert resource.create(world.properties([target], profile=other)).ok

    result = resource.update(world.properties([target], on_conflict="KEEP"))

    assert "carries instance profile Other of another role, which `replaces` does not list: list it" in result.reason
    assert result.rollback is not None
    assert result.rollback.ok
    assert resource.update(world.properties([target], on_conflict="KEEP", replaces=[other])).ok
    assert world.carried(target) == ["Web"]
    assert resource.delete().ok
    assert world.carried(target) == [None]
