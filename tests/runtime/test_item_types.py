"""Every attribute of every item of the ledger, with a value of another type: the item is named in a sentence, and
nothing else is raised."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_instance_role.runtime.association.exceptions import AssociationError
from cdk_instance_role.runtime.association.request.event import RequestType
from tests.runtime.ledgers import request
from tests.simulator.driver import Resource, World
from tests.simulator.enforcement import REPAIR, Enforcement

VALUES: tuple[dict[str, Any], ...] = (
    {"S": "bogus"},
    {"N": "7"},
    {"BOOL": True},
    {"L": []},
    {"M": {}},
    {"SS": ["bogus"]},
    {"N": "1E+100"},
    {"N": "-7"},
)
IMPOSSIBLE = ("1E+100", "-7")
"""Numbers that are neither times nor counts."""
UNDECLARED = {"Kind", "Id", "ExpiresAt", "LeaseOwner", "LookAgain"}
"""Keys of items, and attributes that the ledger writes and uses in conditions only."""
KINDS = ("operation", "events", "desired", "enforcement", "findings", "record", "copy")


def storied() -> World:
    """A world whose ledger has an item of every kind."""
    world = World()
    enforcement, resource = Enforcement(world), Resource(world)
    replaced, changed = (world.instance(profile, tags={"app": "web"}) for profile in (world.old, None))
    wanted = world.properties(tags={"app": ["web"]}, replaces=[world.old], enforcement=REPAIR)
    assert resource.create(wanted).ok
    world.fleet.set_carried(changed, world.foreign)
    world.fleet.set_carried(replaced, None)
    enforcement.run(1000)
    assert world.carried(replaced, changed) == ["Web", "Foreign"]
    return world


def kind_of(key: tuple[str, str]) -> str:
    kind, id_ = key
    if kind.startswith(("arn:", "i-")):
        return "record" if id_ == "record" else "copy"
    return kind.partition("|")[0]


def paths(item: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The names of all attributes, those in maps included."""
    for name, value in item.items():
        if name not in UNDECLARED:
            yield (*path, name)
            if not {"Properties", "Progress"} & {*path, name}:  # their names are free
                yield from paths(value.get("M", {}), (*path, name))


def others(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Values of other types, and numbers that are neither times nor counts. Null may stand for a text or a number."""
    if "NULL" in value:
        return [one for one in VALUES if not {"S", "N"} & one.keys()]
    return [one for one in VALUES if one.keys() != value.keys() or one.get("N") in IMPOSSIBLE]


def is_possible(path: tuple[str, ...], value: dict[str, Any]) -> bool:
    """Whether an attribute may have a value. The claim of an association that a rollback puts last has a rank below
    those of all others."""
    return path[-1] == "Rank" and value == {"N": "-7"}


def damaged(item: dict[str, Any], path: tuple[str, ...], value: dict[str, Any] | None) -> dict[str, Any]:
    """The item with another value of an attribute, or without it."""
    changed = holder = copy.deepcopy(item)
    for name in path[:-1]:
        holder = holder[name]["M"]
    holder.pop(path[-1])
    if value is not None:
        holder[path[-1]] = value
    return changed


def value_at(item: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    for name in path[:-1]:
        item = item[name]["M"]
    found: dict[str, Any] = item[path[-1]]
    return found


def said(world: World, key: tuple[str, str]) -> str:
    """What reading an item says is wrong with it; empty if nothing is."""
    kind, id_ = key
    ledger = world.ledger
    try:
        match kind_of(key):
            case "operation":
                ledger.operations.get(id_)
            case "events":
                ledger.operations.receive(request(id_.partition("|")[0], RequestType.UPDATE), world.clock())
            case "desired":
                return ledger.desired_states.all()[0].problem
            case "enforcement":
                return next((one.reason for one in ledger.enforcement.state(id_).pauses.values()), "")
            case "findings":
                ledger.enforcement.findings(kind.partition("|")[2])
            case "record":
                ledger.records_of("", [kind])
            case "copy":
                ledger.records(kind)
    except AssociationError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module", name="story")
def _story() -> World:
    return storied()


def test_the_story_leaves_items_of_every_kind_that_can_be_read(story: World) -> None:
    assert {kind_of(key) for key in story.dynamodb.items} == {*KINDS, "shared"}
    assert {said(story, key) for key in story.dynamodb.items if kind_of(key) != "events"} == {""}


def test_a_claim_below_all_others_can_be_read(story: World) -> None:
    below = {path: {"N": "-7"} for item in story.dynamodb.items.values() for path in paths(item) if path[-1] == "Rank"}
    assert below
    for key, item in [*story.dynamodb.items.items()]:
        for path in {*paths(item)} & below.keys():
            story.dynamodb.items[key] = damaged(item, path, below[path])
            assert said(story, key) == ""
        story.dynamodb.items[key] = item


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_another_type_is_named_with_its_item(story: World, kind: str) -> None:
    for key, item in [*story.dynamodb.items.items()]:
        if kind_of(key) != kind:
            continue
        for path in paths(item):
            for value in others(value_at(item, path)):
                if is_possible(path, value):
                    continue
                story.dynamodb.items[key] = damaged(item, path, value)
                sentence = said(story, key)
                assert sentence.startswith(f"item {key[0]} / {key[1]} of the ledger can't be read ("), (path, value)
                assert "restore it from the table's backup, or " in sentence
        story.dynamodb.items[key] = item
