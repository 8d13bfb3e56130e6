"""An association that takes another's place in a stack, as when its construct is renamed."""

from tests.simulator.driver import Resource, World


def test_an_instance_keeps_its_role_when_its_association_is_renamed(world: World) -> None:
    target = world.instance()
    old, new = Resource(world, "Old"), Resource(world, "New")
    assert old.create(world.properties([target])).ok
    assert new.create(world.properties([target])).ok

    assert old.delete().ok

    assert world.carried(target) == ["Web"]


def test_the_new_association_gives_back_what_the_old_one_would_have(world: World) -> None:
    bare, carrying = world.instance(), world.instance(world.old)
    wanted = world.properties([bare, carrying], replaces=[world.old])
    old, new = Resource(world, "Old"), Resource(world, "New")
    assert old.create(wanted).ok
    assert new.create(wanted).ok
    assert old.delete().ok

    assert new.delete().ok

    assert world.carried(bare, carrying) == [None, "Old"]
    assert world.dynamodb.items == {}
