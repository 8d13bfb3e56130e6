"""Former bugs of enforcement: wrong counts of changes, lost requests for a look, drift that stayed open."""

import json
from typing import Any

import pytest

from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import TRANSACT
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS
from tests.simulator.enforcement import REPAIR, REPORT, Enforcement
from tests.simulator.errors import AwsError, throttled

WEB, TAGS = {"app": "web"}, {"app": ["web"]}
HOUR, DAY = 3600.0, 86400.0


class Deployed:
    """An association that enforces, and its targets."""

    def __init__(self, count: int, *, every: float = 900.0, carries_old: bool = False, **more: Any) -> None:
        self.world = World()
        self.resource, self.enforcement = Resource(self.world), Enforcement(self.world, every=every)
        old = self.world.old if carries_old else None
        self.targets = [self.world.instance(old, tags=WEB) for _ in range(count)]
        settings = {**REPAIR, "EverySeconds": str(int(every))}
        given = {"tags": TAGS, "enforcement": settings, "replaces": [self.world.old], **more}
        assert self.resource.create(self.world.properties(**given)).ok

    def tag(self, ids: list[str], value: str | None = "web") -> None:
        for id_ in ids:
            self.world.fleet.set_tags(id_, app=value)

    def late(self, count: int) -> list[str]:
        """Instances that have existed for a long time, and get the tags now."""
        ids = self.world.instances(count)
        self.tag(ids)
        return ids

    def count(self, ids: list[str], name: str | None = "Web") -> int:
        return self.world.carried(*ids).count(name)

    def drift(self) -> list[tuple[str, str]]:
        return [(one["state"], one["drift"]) for one in self.world.aws.event_bus.details("Instance Profile Drift")]

    @property
    def is_paused(self) -> bool:
        return bool(self.world.aws.event_bus.details("Enforcement Paused"))


def test_throttled_changes_do_not_count_for_the_limit() -> None:
    it = Deployed(20)
    until = it.world.clock() + 120
    it.world.traffic.fail(ASSOCIATE, throttled(), times=100_000, when=lambda _: it.world.clock() < until)
    late = it.late(1)
    it.enforcement.run(4000)
    assert (it.count(late), it.is_paused) == (1, False)


def test_refused_changes_do_not_count_for_the_limit() -> None:
    it = Deployed(20)
    for id_ in it.world.instances(2):
        it.world.refuse(ASSOCIATE, id_)
        it.tag([id_])
    it.enforcement.run(HOUR)
    it.world.fleet.set_carried(it.targets[0], None)
    it.enforcement.run(2000)
    assert (it.world.carried(it.targets[0]), it.is_paused) == (["Web"], False)


def test_one_resume_allows_the_limit_once_even_if_calls_fail_meanwhile() -> None:
    it = Deployed(100)
    late = it.late(60)
    it.enforcement.run(60)
    assert it.count(late) == 10
    failing = AwsError("InternalServerError", "not now", 500)
    it.world.traffic.fail(TRANSACT, failing, times=9, when=lambda call: "Drifted" in str(call) and it.count(late) > 10)
    it.enforcement.sweep(Association=it.resource.association, Resume=True)
    it.enforcement.run(1500)
    assert it.count(late) <= 10 + 11


def test_a_resume_that_comes_while_another_one_looks_is_not_lost() -> None:
    it = Deployed(20)
    late = it.late(25)
    it.enforcement.run(60)
    assert it.count(late) == 5

    def come() -> None:
        it.enforcement.sweep(Association=it.resource.association, Resume=True)
        it.enforcement.invoke()

    it.world.traffic.meanwhile(DESCRIBE_ASSOCIATIONS, come)
    it.enforcement.sweep(Association=it.resource.association)
    it.enforcement.invoke()
    it.enforcement.run(200)
    assert it.count(late) == 10


def test_a_resume_that_comes_after_a_later_look_is_not_lost() -> None:
    it = Deployed(20)
    late = it.late(25)
    it.enforcement.run(60)
    it.enforcement.sweep(Association=it.resource.association, Resume=True)
    it.enforcement.queue.messages[-1].visible_at += 30
    it.world.clock.sleep(1)
    it.world.fleet.launch(tags=WEB)
    it.enforcement.run(200)
    assert it.count(late) == 10


def test_a_request_for_a_look_at_the_end_of_the_slice_is_not_lost() -> None:
    it = Deployed(3, every=DAY)
    it.world.clock.sleep(DAY)
    late: list[str] = []

    def come() -> None:
        late.append(it.world.fleet.launch(tags=WEB))
        it.enforcement.invoke()

    it.world.traffic.latency = lambda action: 21.0 if action == DESCRIBE_ASSOCIATIONS else 0.0
    it.enforcement.sweep()
    it.enforcement._next_sweep = it.world.clock.true_time() + DAY
    it.world.traffic.meanwhile(TRANSACT, come, nth=2)
    it.enforcement.invoke()
    it.world.traffic.latency = lambda _: 0.0
    it.enforcement.run(2 * HOUR)
    assert it.count(late) == 1


def test_a_look_that_an_event_has_caused_does_not_replace_a_sweep() -> None:
    it = Deployed(10, every=DAY)
    it.enforcement.run(DAY - 5 * HOUR)
    it.world.fleet.launch(tags=WEB)
    it.enforcement.run(60)
    it.world.fleet.set_carried(it.targets[0], None)
    it.enforcement.run(6 * HOUR)
    assert it.world.carried(it.targets[0]) == ["Web"]


def test_enforcement_that_only_reports_keeps_what_a_delete_has_to_restore() -> None:
    it = Deployed(3, carries_old=True, enforcement=REPORT)
    for id_ in it.targets:
        it.world.fleet.set_carried(id_, None)
    it.tag(it.targets, None)
    it.enforcement.run(1000)
    for id_ in it.targets:
        it.world.fleet.set_carried(id_, it.world.web)
    it.tag(it.targets)
    it.enforcement.run(1000)
    assert it.resource.delete().ok
    assert it.world.carried(*it.targets) == ["Old"] * 3


def test_a_profile_that_was_removed_for_one_that_is_broken_now_is_put_back() -> None:
    it = Deployed(10)
    stopped = it.world.instance(it.world.old, state="stopped")
    it.world.refuse(ASSOCIATE, stopped)
    it.tag([stopped])
    it.enforcement.run(30)
    assert it.world.carried(stopped) == [None]
    it.world.fleet.change_role(it.world.web, None)
    it.world.traffic.faults.clear()
    it.enforcement.run(2 * HOUR)
    assert it.world.carried(stopped) == ["Old"]


def test_a_refused_swap_is_tried_again_at_growing_intervals() -> None:
    it = Deployed(10)
    stopped = it.world.instance(it.world.old, state="stopped")
    it.world.refuse(ASSOCIATE, stopped)
    it.tag([stopped])
    it.enforcement.run(4 * HOUR)
    assert it.world.traffic.count(ASSOCIATE) < 10 + 40
    assert ("OPEN", "refused") in it.drift() or ("CHANGED", "refused") in it.drift()


def test_drift_of_an_instance_that_is_no_longer_a_target_closes() -> None:
    it = Deployed(3)
    untagged, terminated = it.world.instances(2, it.world.foreign)
    it.tag([untagged, terminated])
    it.enforcement.run(60)
    assert it.drift() == [("OPEN", "other-profile")] * 2
    it.tag([untagged], None)
    it.world.fleet.change_state(terminated, "terminated")
    it.enforcement.run(3 * HOUR)
    assert it.drift()[2:] == [("CLOSED", "other-profile")] * 2


def test_enforcement_that_is_turned_off_leaves_nothing_behind() -> None:
    it = Deployed(10)
    it.world.fleet.set_carried(it.targets[0], it.world.foreign)
    it.enforcement.run(1000)
    it.world.fleet.set_carried(it.targets[0], it.world.web)
    assert it.resource.update(it.world.properties(tags=TAGS, replaces=[it.world.old])).ok
    assert not any(kind.startswith("findings") for kind, _ in it.world.ledger_items)
    assert it.resource.delete().ok
    assert it.world.ledger_items == {}


def test_an_association_that_cannot_be_read_does_not_delay_the_others() -> None:
    it = Deployed(3)
    other = Resource(it.world, "Other")
    api = it.world.instance(tags={"app": "api"})
    assert other.create(it.world.properties(tags={"app": ["api"]}, enforcement=REPAIR)).ok
    key = (it.targets[0], "record")
    for kind in (it.resource.association,):
        it.world.dynamodb.items[kind, it.targets[0]] = {
            **it.world.dynamodb.items[kind, it.targets[0]],
            "Claims": {"S": "nonsense"},
        }
    assert key in it.world.dynamodb.items
    it.world.fleet.set_carried(api, None)
    it.enforcement.run(1000)
    assert it.world.carried(api) == ["Web"]
    assert it.enforcement.failed == 0


def test_the_limit_holds_for_every_sixty_minutes() -> None:
    it = Deployed(100)
    it.world.clock.sleep(300 - it.world.clock() % 300 + 285)
    first, second = it.late(10), it.world.instances(10)
    it.enforcement.run(3320)
    it.tag(second)
    it.enforcement.run(20)
    assert it.count([*first, *second]) == 10


def test_an_instance_that_ec2_does_not_describe_has_not_lost_its_tags() -> None:
    it = Deployed(4)
    hidden = AwsError("InternalError", "An internal error has occurred", 500)
    it.world.ec2.leave_out(*it.targets)
    it.world.traffic.fail("DescribeInstances", hidden, times=10_000, when=lambda call: "InstanceId" in call)
    it.enforcement.run(2000)
    assert it.world.carried(*it.targets) == ["Web"] * 4
    assert not it.is_paused


@pytest.mark.parametrize("body", ["event", "nested", "tags"])
def test_a_malformed_message_does_not_fail_the_others(body: str) -> None:
    it = Deployed(3)
    arn = it.world.fleet.instance_arn(it.targets[0])
    of_tags = {
        "account": "111122223333",
        "region": "eu-west-1",
        "detail-type": "Tag Change on Resource",
        "resources": [arn],
        "detail": {"tags": {"app": ["web"]}},
    }
    bodies = {"event": json.dumps({**of_tags, "resources": 5}), "nested": "[" * 100_000, "tags": json.dumps(of_tags)}
    it.enforcement.queue.send(bodies[body])
    late = it.world.fleet.launch(tags=WEB)
    it.enforcement.run(60)
    assert it.world.carried(late) == ["Web"]
    assert it.enforcement.failed == 0


def test_late_arrivals_that_wait_in_a_burst_are_no_drift() -> None:
    it = Deployed(3)
    it.world.clock.sleep(60)
    it.world.traffic.latency = lambda action: 0.5 if action == ASSOCIATE else 0.02
    for _ in range(300):
        it.world.fleet.launch(tags=WEB)
    it.enforcement.run(120)
    assert it.drift() == []


def test_changes_that_a_pause_holds_back_are_reported_with_the_pause_only() -> None:
    it = Deployed(100)
    it.tag(it.targets[:49], None)
    it.enforcement.run(1000)
    assert it.is_paused
    assert it.drift() == []


def test_a_target_that_arrives_while_a_create_ends_gets_the_profile_at_once() -> None:
    world = World()
    resource, enforcement = Resource(world), Enforcement(world)
    world.instance(tags=WEB)
    late: list[str] = []

    def come() -> None:
        late.append(world.fleet.launch(tags=WEB))
        enforcement.invoke()

    event = resource.begin(resource.event("Create", world.properties(tags=TAGS, enforcement=REPAIR)))
    world.traffic.meanwhile(TRANSACT, come, nth=4)
    assert resource.finish(event).ok
    assert len(late) == 1
    enforcement.run(60)
    assert world.carried(*late) == ["Web"]


def test_a_pause_leaves_no_look_unfinished() -> None:
    it = Deployed(4)
    it.tag(it.targets[:3], None)
    it.enforcement.run(30)
    assert it.is_paused
    assert it.enforcement.queue.messages == []
    assert it.world.ledger_items["enforcement", it.resource.association]["IsUnfinished"] == {"BOOL": False}


def test_instances_beyond_the_filter_are_not_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Deployed(4)
    passes = it.world.ec2._passes

    def too_many(instance: Any, criterion: Any) -> bool:
        return criterion["Name"] == "instance-id" or passes(instance, criterion)

    monkeypatch.setattr(it.world.ec2, "_passes", too_many)
    it.tag(it.targets[:1], None)
    it.enforcement.run(200)
    assert it.world.carried(*it.targets) == [None, "Web", "Web", "Web"]
    it.enforcement.run(2000)
    assert it.world.carried(*it.targets) == [None, "Web", "Web", "Web"]
