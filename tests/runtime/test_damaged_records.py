"""Records that somebody has changed by hand. A deployment names the item at once and changes nothing, and other
associations go on. What is only written down twice is read from one place."""

import copy
from typing import Any

import pytest

from tests.simulator.driver import Resource, Result, World

MAP: dict[str, Any] = {"M": {}}
LIST: dict[str, Any] = {"L": []}
WORD, NUMBER = {"S": "bogus"}, {"N": "7"}
CLAIM = ("Claims", "M", "{association}", "M")
ADVICE = "restore it from the table's backup, or delete it and its copies if the instance has nothing to get back"

DAMAGES: dict[str, tuple[tuple[str, ...], dict[str, Any] | None, str]] = {
    "a previous profile that is a map": (("Previous",), MAP, "Previous is {{}}"),
    "a previous profile that is a list": (("Previous",), LIST, "Previous is []"),
    "a previous profile that is a number": (("Previous",), NUMBER, "Previous is 7"),
    "a previous profile that is no ARN": (("Previous",), WORD, "Previous is 'bogus'"),
    "no previous profile": (("Previous",), None, "Previous is missing"),
    "a word for the profiles of the association": ((*CLAIM, "Ours"), WORD, "Claims / {association} / Ours is 'bogus'"),
    "a map for the profiles of the association": ((*CLAIM, "Ours"), MAP, "Claims / {association} / Ours is {{}}"),
    "the wanted profile not among them": ((*CLAIM, "Ours"), LIST, "Claims / {association} / Ours is without arn:"),
    "an action that is a map": ((*CLAIM, "Action"), MAP, "Claims / {association} / Action is {{}}"),
    "an unknown action": ((*CLAIM, "Action"), WORD, "Claims / {association} / Action is 'bogus'"),
    "a role that is a map": (("Identities", "M", "{old}", "M", "RoleArn"), MAP, "Identities / {old} / RoleArn is {{}}"),
    "no claims": (("Claims",), MAP, "Claims is without {association}"),
    "another revision": (("Revision",), NUMBER, "Revision is 7, and that of item {target} / record is 2"),
}
"""The path of an attribute in the item, its new value, and what the message says is wrong."""


class Story:
    """An association that has replaced a profile, with a copy of the record that somebody has changed."""

    def __init__(self, world: World, path: tuple[str, ...], value: dict[str, Any] | None) -> None:
        self.world, self.resource = world, Resource(world)
        self.target, self.other = world.instance(world.old), world.instance()
        self.properties = world.properties([self.target, self.other], replaces=[world.old])
        assert self.resource.create(self.properties).ok
        self.names = {"association": self.resource.association, "old": world.old, "target": self.target}
        self.key = (self.resource.association, self.target)
        damage(world, self.key, tuple(one.format(**self.names) for one in path), value)
        self.began = world.clock()

    def remove(self, operation: str) -> Result:
        """Delete the association, or take the target out of it."""
        if operation == "delete":
            return self.resource.delete()
        return self.resource.update(self.world.properties([self.other], replaces=[self.world.old]))


def damage(world: World, key: tuple[str, str], path: tuple[str, ...], value: dict[str, Any] | None) -> None:
    """Give an attribute of an item another value, or remove it."""
    item = holder = copy.deepcopy(world.dynamodb.items[key])
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]
    if value is not None:
        holder[path[-1]] = value
    world.dynamodb.items[key] = item


@pytest.mark.parametrize("operation", ["update", "delete"])
@pytest.mark.parametrize("damaged", DAMAGES)
def test_a_deployment_names_a_copy_that_cannot_be_read_at_once(world: World, damaged: str, operation: str) -> None:
    path, value, problem = DAMAGES[damaged]
    story = Story(world, path, value)
    result = story.remove(operation)

    assert not result.ok
    name = f"item {story.resource.association} / {story.target} of the ledger can't be read ("
    assert result.reason.startswith(f"{name}{problem.format(**story.names)}")
    assert result.reason.endswith(f"): {ADVICE}")
    assert world.clock() - story.began < 60
    assert world.carried(story.target) == ["Web"]
    assert Resource(world, "Beside").create(world.properties(world.instances(1))).ok


def test_a_deployment_names_a_copy_whose_record_is_gone(world: World) -> None:
    story = Story(world, ("Revision",), {"N": "2"})
    del world.dynamodb.items[story.target, "record"]
    result = story.resource.delete()

    assert f"(Revision is 2, and there is no item {story.target} / record): " in result.reason
    assert world.clock() - story.began < 60
    assert world.carried(story.target) == ["Web"]


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_the_previous_profile_is_restored_once_the_copy_is_restored(world: World, operation: str) -> None:
    story = Story(world, ("Revision",), NUMBER)
    assert not story.remove(operation).ok
    damage(world, story.key, ("Revision",), {"N": "2"})
    result = story.resource.delete()

    assert result.ok, result.reason
    assert world.carried(story.target, story.other) == ["Old", None]
    assert world.ledger_items == {}


@pytest.mark.parametrize("value", [MAP, LIST, WORD])
def test_an_attribute_that_the_ledger_does_not_declare_changes_nothing(world: World, value: dict[str, Any]) -> None:
    story = Story(world, ("Revision",), {"N": "2"})
    item = world.dynamodb.items[story.key]
    world.dynamodb.items[story.key] = {**item, "InstanceId": value}
    result = story.resource.delete()

    assert result.ok, result.reason
    assert world.carried(story.target) == ["Old"]
