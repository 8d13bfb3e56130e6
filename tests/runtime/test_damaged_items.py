"""Items of the ledger that somebody has changed so that they can't be read. One sentence names the item and says what
to do, and other associations go on. Levels of the token buckets are only an estimate: unreadable ones count as full."""

from typing import Any

import pytest

from tests.runtime.ledgers import NOW, LedgerUser
from tests.simulator.driver import Resource, Result, World
from tests.simulator.enforcement import REPAIR, Enforcement

DAMAGES = {
    "a missing time": ("StartedAt", None),
    "an unknown type": ("RequestType", {"S": "Bogus"}),
    "a word for a map": ("Progress", {"S": "x"}),
    "a word for the result": ("ResultAttributes", {"S": "x"}),
    "a missing request": ("RequestId", None),
    "a missing physical id": ("PhysicalId", None),
    "a word for the lease": ("LeaseUntil", {"S": "x"}),
    "an unknown end": ("Ended", {"S": "x"}),
}
"""The new value of an attribute of an operation's item; None removes it."""
ADVICE = "restore it from the table's backup, or delete it: the next event of the association writes a new one"


def damage(world: World, key: tuple[str, str], attribute: str, value: dict[str, Any] | None) -> None:
    item = dict(world.dynamodb.items[key])
    item.pop(attribute, None)
    world.dynamodb.items[key] = item if value is None else {**item, attribute: value}


class Story:
    """An association of one instance, whose operation can't be read, and another association beside it."""

    def __init__(self, world: World, damaged: str, *, update_is_open: bool = False) -> None:
        self.world, self.resource, self.other = world, Resource(world), Resource(world, "Other")
        self.target, self.added, self.others_target = world.instances(3)
        before, after = world.properties([self.target]), world.properties([self.target, self.added])
        assert self.resource.create(before).ok
        update = self.resource.event("Update", after, before)
        self.begun = self.resource.begin(update) if update_is_open else {}
        damage(world, ("operation", self.resource.association), *DAMAGES[damaged])

    def check(self, result: Result) -> None:
        """The event has failed with the sentence, has changed nothing, and another association can be created."""
        assert not result.ok
        start, _, end = result.reason.partition(" of the ledger can't be read (")
        assert start == f"item operation / {self.resource.association}"
        assert end.endswith(f"): {ADVICE}")
        assert self.world.carried(self.target, self.added) == ["Web", None]
        created = self.other.create(self.world.properties([self.others_target]))
        assert created.ok, created.reason


@pytest.mark.parametrize("damaged", DAMAGES)
def test_a_delete_names_an_operation_item_that_cannot_be_read(world: World, damaged: str) -> None:
    story = Story(world, damaged)
    story.check(story.resource.delete())


@pytest.mark.parametrize("damaged", DAMAGES)
def test_a_poll_names_an_operation_item_that_cannot_be_read(world: World, damaged: str) -> None:
    story = Story(world, damaged, update_is_open=True)
    story.check(story.resource.finish(story.begun))


def test_an_update_names_an_earlier_operation_item_that_cannot_be_read(world: World, resource: Resource) -> None:
    target, added = world.instances(2)
    assert resource.create(world.properties([target])).ok
    damage(world, ("events", resource.association), "PastRequestIds", {"N": "1"})
    result = resource.update(world.properties([target, added]))

    assert not result.ok
    assert result.reason.startswith(f"item events / {resource.association} of the ledger can't be read (")
    assert result.reason.endswith(f"): {ADVICE}")
    del world.dynamodb.items["events", resource.association]
    updated = resource.update(world.properties([target, added]))
    assert updated.ok, updated.reason


@pytest.mark.parametrize("damaged", DAMAGES)
def test_a_delete_restores_everything_once_the_damaged_item_is_deleted(world: World, damaged: str) -> None:
    story = Story(world, damaged)
    del world.dynamodb.items["operation", story.resource.association]
    result = story.resource.delete()

    assert result.ok, result.reason
    assert world.carried(story.target) == [None]
    assert world.ledger_items == {}


# Levels of the token buckets


@pytest.mark.parametrize(
    "levels",
    [
        {"Levels": {"S": "none"}},
        {"Levels": {"M": {"AssociateIamInstanceProfile": {"S": "many"}}}},
        {"Levels": {"M": {"AssociateIamInstanceProfile": {"M": {}}}}, "LevelsAt": {"N": "1"}},
        {"Levels": {"M": {}}, "LevelsAt": {"S": "today"}},
    ],
)
def test_bucket_levels_that_cannot_be_read_block_no_association(world: World, levels: dict[str, Any]) -> None:
    resource, targets = Resource(world), world.instances(2)
    key = ("shared", "token buckets")
    world.dynamodb.items[key] = {"Kind": {"S": key[0]}, "Id": {"S": key[1]}, **levels}
    created = resource.create(world.properties(targets))

    assert created.ok, created.reason
    assert world.carried(*targets) == ["Web", "Web"]


@pytest.mark.parametrize("value", ["many", None, {}])
def test_a_bucket_level_that_cannot_be_read_counts_as_full_and_the_others_stay(user: LedgerUser, value: object) -> None:
    user.ledger.levels.write({"AssociateIamInstanceProfile": 12.0, "DescribeInstances": 3.0}, NOW)
    user.table.update("shared", "token buckets", "SET Levels.DescribeInstances = :v", {":v": value})
    assert user.ledger.levels.read(NOW) == {"AssociateIamInstanceProfile": 12.0}


def test_bucket_levels_without_a_timestamp_count_as_full(user: LedgerUser) -> None:
    user.ledger.levels.write({"AssociateIamInstanceProfile": 12.0}, NOW)
    user.table.update("shared", "token buckets", "SET LevelsAt = :v", {":v": "today"})
    assert user.ledger.levels.read(NOW) == {}


# Records, and messages of enforcement


class Enforced:
    """Two associations that enforce, a record of the first one that can't be read, and a late arrival of the other."""

    def __init__(self, world: World, damaged: str) -> None:
        self.world, self.enforcement = world, Enforcement(world)
        self.resource, other = Resource(world, "First"), Resource(world, "Other")
        self.target = world.instance(tags={"app": "first"})
        world.instance(tags={"app": "other"})
        for resource, app in ((self.resource, "first"), (other, "other")):
            assert resource.create(world.properties(tags={"app": [app]}, enforcement=REPAIR)).ok
        kind, id_ = (self.target, "record") if damaged == "record" else (self.resource.association, self.target)
        self.name = f"item {kind} / {id_} of the ledger can't be read"
        damage(world, (kind, id_), "Claims", None)
        world.clock.sleep(60)
        self.late = world.fleet.launch(tags={"app": "other"})
        if damaged == "copy":  # it is read only if there is something to repair
            world.fleet.set_carried(self.target, None)
        world.fleet.set_tags(self.target, owner="someone")


@pytest.mark.parametrize("damaged", ["record", "copy"])
def test_a_record_that_cannot_be_read_stops_no_message_about_other_associations(
    world: World, damaged: str, caplog: pytest.LogCaptureFixture
) -> None:
    story = Enforced(world, damaged)
    story.enforcement.run(120)
    named = [one for one in caplog.records if story.name in one.getMessage()]

    assert world.carried(story.late) == ["Web"]
    assert named
    assert all(one.exc_info is None for one in named), "one sentence, and no traceback"


@pytest.mark.parametrize("damaged", ["record", "copy"])
def test_a_message_about_a_record_that_cannot_be_read_does_not_come_again(world: World, damaged: str) -> None:
    story = Enforced(world, damaged)
    story.enforcement.run(240)
    invocations = story.enforcement.invocations
    story.enforcement.run(500)
    assert story.enforcement.invocations == invocations


@pytest.mark.parametrize("damaged", ["record", "copy"])
def test_enforcement_goes_on_once_a_record_is_restored(world: World, damaged: str) -> None:
    story = Enforced(world, damaged)
    story.enforcement.run(120)
    key = (story.target, "record")
    copy = (story.resource.association, story.target)
    intact, broken = (copy, key) if damaged == "record" else (key, copy)
    world.dynamodb.items[broken] = {**world.dynamodb.items[broken], "Claims": world.dynamodb.items[intact]["Claims"]}
    world.fleet.set_carried(story.target, None)
    story.enforcement.run(1800)
    assert world.carried(story.target) == ["Web"]


# States of enforcement


@pytest.mark.parametrize(
    ("attribute", "problem"),
    [
        ("RequestId", "RequestId is [], and not a text"),
        ("Counts", "Counts is [], and not a map"),
        ("ObservedAt", "ObservedAt is [], and not a time in seconds since the epoch"),
    ],
)
def test_a_state_that_cannot_be_read_pauses_its_association_until_people_resume_it(
    world: World, attribute: str, problem: str
) -> None:
    enforcement, resource, other = Enforcement(world), Resource(world, "First"), Resource(world, "Other")
    target, others_target = (world.instance(tags={"app": app}) for app in ("first", "other"))
    for one, app in ((resource, "first"), (other, "other")):
        assert one.create(world.properties(tags={"app": [app]}, enforcement=REPAIR)).ok
    enforcement.run(1000)
    damage(world, ("enforcement", resource.association), attribute, {"L": []})
    world.fleet.set_carried(target, None)
    world.fleet.set_carried(others_target, None)
    enforcement.run(1000)

    assert world.carried(target, others_target) == [None, "Web"]
    pauses = world.ledger.enforcement.state(resource.association).pauses.values()
    name = f"item enforcement / {resource.association} of the ledger can't be read ({problem}): restore it from the "
    advice = "table's backup, or deploy a change of the association with the current release: that writes a new one"
    assert {one.reason for one in pauses} == {f"{name}{advice}"}
    enforcement.sweep(Resume=True)
    enforcement.run(1000)
    assert world.carried(target) == ["Web"]


# The desired state


@pytest.mark.parametrize("attribute", ["RequestId", "Format", "Properties"])
def test_a_desired_state_that_cannot_be_read_is_named_until_the_association_is_deployed(
    world: World, resource: Resource, caplog: pytest.LogCaptureFixture, attribute: str
) -> None:
    enforcement, target = Enforcement(world), world.instance(tags={"app": "web"})
    properties = world.properties(tags={"app": ["web"]}, enforcement=REPAIR)
    assert resource.create(properties).ok
    damage(world, ("desired", resource.association), attribute, {"L": []})
    world.fleet.set_carried(target, None)
    enforcement.run(1000)

    assert world.carried(target) == [None]
    name = f"item desired / {resource.association} of the ledger can't be read ({attribute} is [], and not "
    assert f"{resource.association} is not enforced: {name}" in caplog.text
    assert "or deploy a change of the association with the current release: that writes a new one" in caplog.text
    assert resource.update({**properties, "TimeoutSeconds": "1200"}).ok
    world.fleet.set_carried(target, None)
    enforcement.run(1000)
    assert world.carried(target) == ["Web"]
