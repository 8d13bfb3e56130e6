"""A random week of a fleet: launches, tags, foreign changes, deployments, and events that come late, twice or never."""

import random
from dataclasses import dataclass, field

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.enforcement import Enforcement

WEEK = 7 * 86400.0
TAGS = {"app": ["web"]}
REPAIR = {"Mode": "repair", "EverySeconds": "7200", "MaxChanges": "1000"}
MAX_REMOVALS, EVERY = 2, 7200.0


@dataclass
class Known:
    """What the test knows about an instance, without the handler."""

    original: str | None
    """Name of the profile that it carried when it was selected first."""
    selected: bool
    foreign: bool = False
    """Somebody gave it a foreign profile, which must stay."""
    removals: int = 0


@dataclass
class Week:
    """A fleet, and who changes it."""

    seed: int
    world: World = field(default_factory=World)
    known: dict[str, Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - no secret
        self.resource, self.enforcement = Resource(self.world), Enforcement(self.world, every=EVERY, seed=self.seed)
        events = self.enforcement.events
        events.lost, events.doubled, events.latest = self.dice.random() / 2, self.dice.random() / 2, 60.0
        self.world.fleet.describe_lag = self.dice.choice([0.0, 5.0, 10.0])
        for _ in range(10):
            self.add(selected=True)

    def add(self, *, selected: bool) -> None:
        carries = self.dice.choice([None, "Old"])
        tags = {"app": "web"} if selected else {}
        arn = self.world.old if carries else None
        id_ = self.world.fleet.launch(arn, tags=tags)
        self.known[id_] = Known(carries, selected)

    def properties(self, profile: str) -> dict[str, object]:
        return self.world.properties(tags=TAGS, enforcement=REPAIR, profile=profile, replaces=[self.world.old])

    def happen(self) -> None:
        """Something happens."""
        alive = [id_ for id_ in self.known if self.world.fleet.state(id_) != "terminated"]
        id_ = self.dice.choice(alive)
        known = self.known[id_]
        match self.dice.choice(["launch", "tag", "untag", "remove", "foreign", "stop", "start", "terminate", "deploy"]):
            case "launch":
                self.add(selected=self.dice.random() < 0.7)
            case "tag" if not known.selected and not known.foreign:
                self.world.fleet.set_tags(id_, app="web")
                known.selected = True
            case "untag" if known.selected and not known.foreign and len(alive) > 8:
                self.world.fleet.set_tags(id_, app=None)
                known.selected = False
            case "remove" if known.selected and not known.foreign and known.removals < MAX_REMOVALS:
                if self.world.carried(id_) == [self.wanted]:
                    self.world.fleet.set_carried(id_, None)
                    known.removals += 1
            case "foreign" if known.selected and self.world.carried(id_) == [self.wanted]:
                self.world.fleet.set_carried(id_, self.world.foreign)
                known.foreign = True
            case "stop":
                self.world.fleet.change_state(id_, "stopped")
            case "start":
                self.world.fleet.change_state(id_, "running")
            case "terminate" if len(alive) > 12:
                self.world.fleet.change_state(id_, "terminated")
            case "deploy" if self.dice.random() < 0.2 and not any(one.foreign for one in self.known.values()):
                new = self.world.own_profile(f"Web{self.world.clock():.0f}")
                if self.resource.update(self.properties(new)).ok:
                    self.wanted = new.rpartition("/")[2]

    wanted = "Web"

    def expected(self, id_: str) -> str | None:
        """Name of the profile that the instance has to carry in the end."""
        known = self.known[id_]
        return "Foreign" if known.foreign else self.wanted if known.selected else known.original

    def alive(self) -> list[str]:
        return [id_ for id_ in self.known if self.world.fleet.state(id_) != "terminated"]


@pytest.mark.parametrize("seed", range(6))
def test_after_a_random_week_everything_is_right_and_a_delete_restores_it_all(seed: int) -> None:
    week = Week(seed)
    week.world.clock.sleep(30)  # until EC2 shows the instances
    assert week.resource.create(week.properties(week.world.web)).ok
    for _ in range(80):
        week.happen()
        for id_ in week.alive():
            assert not week.known[id_].foreign or week.world.carried(id_) == ["Foreign"], "never overwritten"
        week.enforcement.run(week.dice.random() * 2 * WEEK / 80)
    week.enforcement.run(2 * EVERY + 300)
    assert {id_: week.world.fleet.carried(id_) for id_ in week.alive()} == {
        id_: week.expected(id_) for id_ in week.alive()
    }
    assert week.enforcement.queue.dead == []
    assert week.enforcement.failed == 0

    assert week.resource.delete().ok
    left = {id_: "Foreign" if week.known[id_].foreign else week.known[id_].original for id_ in week.alive()}
    assert {id_: week.world.fleet.carried(id_) for id_ in week.alive()} == left
    assert week.world.ledger_items == {}
