"""Claims that remain of an earlier Create. Design 5.3: a failed Create restores `Base`, which is what the target
carried before it. A Delete restores the original. Claims of a retained association never count as "another
association keeps it"."""

from typing import Any

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE

RETAIN = {"RemovalPolicy": "Retain"}
STATES = ["running", "stopped"]


class Story:
    """An association that was retained has left the template, and the instances keep Web."""

    def __init__(self, world: World, state: str = "running") -> None:
        self.world = world
        self.bare, self.had_old = world.instance(state=state), world.instance(world.old, state=state)
        self.added = world.instance()
        assert Resource(world).create(self.properties([self.bare, self.had_old], **RETAIN)).ok
        world.clock.sleep(3600)

    def properties(self, ids: list[str], **more: Any) -> dict[str, Any]:
        return {**self.world.properties(ids, replaces=[self.world.old]), **more}

    @property
    def all(self) -> list[str]:
        return [self.bare, self.had_old, self.added]

    @property
    def carried(self) -> list[str | None]:
        return self.world.carried(*self.all)


@pytest.fixture(params=STATES)
def story(request: pytest.FixtureRequest, world: World) -> Story:
    return Story(world, request.param)


@pytest.mark.parametrize("removal", ["Retain", "Destroy"])
def test_a_re_create_that_fails_leaves_the_retained_instances_as_they_were(story: Story, removal: str) -> None:
    story.world.refuse(ASSOCIATE, story.added)
    result = Resource(story.world).create(story.properties(story.all, RemovalPolicy=removal))

    assert not result.ok
    assert story.carried == ["Web", "Web", None]


def test_a_delete_after_a_re_create_that_succeeded_restores_the_original(story: Story) -> None:
    again = Resource(story.world)
    assert again.create(story.properties(story.all)).ok
    assert story.carried == ["Web"] * 3
    assert again.delete().ok
    assert story.carried == [None, "Old", None]
    assert story.world.ledger_items == {}


def test_a_delete_after_a_re_create_that_failed_once_restores_the_original(story: Story) -> None:
    story.world.refuse(ASSOCIATE, story.added)
    assert not Resource(story.world).create(story.properties(story.all)).ok
    story.world.traffic.faults.clear()
    again = Resource(story.world)
    assert again.create(story.properties(story.all)).ok
    assert again.delete().ok
    assert story.carried == [None, "Old", None]
    assert story.world.ledger_items == {}


def test_a_re_create_that_fails_restores_what_somebody_had_given_an_instance_meanwhile(story: Story) -> None:
    story.world.fleet.set_carried(story.bare, story.world.old)
    story.world.clock.sleep(60)
    story.world.refuse(ASSOCIATE, story.added)
    assert not Resource(story.world).create(story.properties(story.all)).ok
    assert story.carried == ["Old", "Web", None]


@pytest.mark.parametrize("wanted", ["Web", "Web2"])
def test_an_association_beside_a_retained_one_restores_the_profile_of_that_one(story: Story, wanted: str) -> None:
    world, other = story.world, Resource(story.world, "Other")
    profile = world.web if wanted == "Web" else world.own_profile("Web2")
    assert other.create(story.properties([story.bare, story.had_old]) | world.profile_ref(profile)).ok
    assert story.carried == [wanted, wanted, None]
    result = other.delete()

    assert result.ok, result.reason
    assert other.records() == {}
    assert story.carried == ["Web", "Web", None]


class YoungerStory:
    """First has associated Web. Retained, which was created later, claims the same instances, and has left the template
    since without a Delete."""

    def __init__(self, world: World, state: str = "running", profile: str | None = None) -> None:
        self.world, self.first = world, Resource(world, "First")
        self.targets = [world.instance(state=state), world.instance(world.old, state=state)]
        self.properties = world.properties(self.targets, replaces=[world.old])
        assert self.first.create(self.properties).ok
        world.clock.sleep(3600)
        replaces = [world.old, world.web]
        retained = world.properties(self.targets, profile=profile, replaces=replaces) | RETAIN
        assert Resource(world, "Retained").create(retained).ok
        world.clock.sleep(3600)


@pytest.mark.parametrize("state", STATES)
def test_a_younger_claim_of_a_retained_association_does_not_keep_the_profile(world: World, state: str) -> None:
    story = YoungerStory(world, state)
    result = story.first.delete()

    assert result.ok, result.reason
    assert world.carried(*story.targets) == [None, "Old"]
    assert story.first.records() == {}


def test_a_younger_claim_of_a_retained_association_does_not_keep_the_profile_of_an_instance_that_leaves(
    world: World,
) -> None:
    story = YoungerStory(world)
    staying, leaving = story.targets
    result = story.first.update(world.properties([staying], replaces=[world.old]))

    assert result.ok, result.reason
    assert world.carried(staying, leaving) == ["Web", "Old"]


def test_a_rollback_restores_below_a_younger_claim_of_a_retained_association(world: World) -> None:
    """A failed Update of First is rolled back: the instance that it added gets its previous profile."""
    story = YoungerStory(world)
    added, refused = world.instances(2)
    replaces = [world.old]
    retained = world.properties([*story.targets, added], replaces=replaces) | RETAIN
    world.refuse(ASSOCIATE, refused)

    def claim() -> None:
        Resource(world, "Another").create(retained)

    world.traffic.meanwhile(ASSOCIATE, claim, nth=2)
    result = story.first.update(world.properties([*story.targets, added, refused], replaces=replaces))

    assert not result.ok
    assert result.rollback is not None
    assert result.rollback.ok, result.rollback.reason
    assert world.carried(*story.targets, added, refused) == ["Web", "Web", None, None]


@pytest.mark.parametrize("state", STATES)
def test_the_profile_of_a_younger_retained_association_stays(
    world: World, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """First does not own it."""
    story = YoungerStory(world, state, profile=world.own_profile("Web2"))
    mutations = world.mutations
    result = story.first.delete()

    assert result.ok, result.reason
    assert world.carried(*story.targets) == ["Web2", "Web2"]
    assert world.mutations == mutations
    assert "someone has given it" not in caplog.text


def test_a_re_create_of_the_retained_association_restores_the_original_after_the_first_one_is_deleted(
    world: World,
) -> None:
    story = YoungerStory(world)
    assert story.first.delete().ok
    again = Resource(world, "Retained")
    result = again.create(story.properties)
    assert result.ok, result.reason
    assert world.carried(*story.targets) == ["Web", "Web"]
    assert again.delete().ok
    assert world.carried(*story.targets) == [None, "Old"]
    assert world.ledger_items == {}


@pytest.mark.parametrize(
    ("removal", "rest"),
    [
        ("Destroy", "the Delete that follows does the rest"),
        ("Retain", "deploy again or restore their profiles by hand"),
    ],
)
def test_a_create_that_runs_out_of_time_says_so_and_the_delete_does_the_rest(
    world: World, removal: str, rest: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A Create has to answer within the hour: what it could not restore by 3300 s is left to the Delete, if any."""
    targets, never = world.instances(3), world.instance(state="pending")
    resource = Resource(world)
    began = world.clock()
    freeze = world.clock() + 3200

    def stop() -> None:
        for id_ in targets:
            world.fleet.change_state(id_, "stopping")

    properties = world.properties([*targets, never], timeout=3600) | {"RemovalPolicy": removal}
    event = resource.begin(resource.event("Create", properties))
    stopped, result = False, None
    while result is None:
        if world.clock() > freeze and not stopped:
            stop()
            stopped = True
        try:
            resource.poll(event)
        except Exception as error:
            result = str(error)
        world.clock.sleep(5)

    assert world.clock() - began <= 3600
    assert f"instance {never}" in result
    assert f"3 instances are not restored yet (instance {targets[0]}: the instance is stopping, and " in result
    assert result.endswith(rest)
    assert all(f"not as wanted: {id_}" in caplog.text for id_ in targets)
    for id_ in targets:
        world.fleet.change_state(id_, "stopped")
    resource.properties = world.properties([*targets, never])
    assert resource.delete().ok
    assert world.carried(*targets) == [None] * 3
    assert world.ledger_items == {}


def test_a_re_create_that_fails_leaves_retained_instances_alone_that_it_does_not_select(story: Story) -> None:
    story.world.refuse(ASSOCIATE, story.added)
    result = Resource(story.world).create(story.properties([story.bare, story.added], **RETAIN))

    assert not result.ok
    assert story.carried == ["Web", "Web", None]


def test_a_re_create_that_succeeds_restores_retained_instances_that_it_does_not_select(story: Story) -> None:
    again = Resource(story.world)
    assert again.create(story.properties([story.bare, story.added])).ok
    assert story.carried == ["Web", "Old", "Web"]
    assert again.delete().ok
    assert story.carried == [None, "Old", None]
    assert story.world.ledger_items == {}


@pytest.mark.parametrize("removal", [None, "Retain", "Destroy"])
def test_a_re_create_that_fails_leaves_the_leftover_claim_below_a_younger_association(
    world: World, removal: str | None
) -> None:
    target, added = world.instances(2)
    assert Resource(world, "Retained").create({**world.properties([target]), **RETAIN}).ok
    younger = Resource(world, "Younger")
    web2 = world.fleet.add_profile("Web2")
    assert younger.create(world.properties([target], profile=web2, replaces=[world.web])).ok
    if removal:
        world.refuse(ASSOCIATE, added)
        properties = {**world.properties([target, added], replaces=[web2]), "RemovalPolicy": removal}
        assert not Resource(world, "Retained").create(properties).ok
        assert world.carried(target, added) == ["Web2", None]
    assert younger.delete().ok
    assert world.carried(target) == ["Web"]
