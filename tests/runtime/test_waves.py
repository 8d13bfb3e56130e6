"""Rollouts in waves: a few targets first, then a bake, then more."""

import json
import math
from itertools import pairwise
from typing import Any

import pytest

from cdk_instance_role.runtime.association.handler import PHASE
from tests.runtime.rollouts import BAKE, IN_WAVES, WATCHED, poll_until
from tests.simulator.authority import Authority
from tests.simulator.cloudwatch import DESCRIBE_ALARMS
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import DESCRIBE_INSTANCES, MUTATING
from tests.simulator.errors import AwsError
from tests.simulator.faults import FOR_EVER


@pytest.fixture(autouse=True)
def _alarms(world: World) -> None:
    world.cloudwatch.alarms = {"Errors": "OK", "Latency": "INSUFFICIENT_DATA"}


def waves_of(world: World) -> list[int]:
    """How many changes were made in each wave: between two there is a pause."""
    times = [call.at for call in world.traffic.calls if call.action in MUTATING]
    sizes = [1] if times else []
    for one, next_one in pairwise(times):
        if next_one - one >= BAKE:
            sizes.append(0)
        sizes[-1] += 1
    return sizes


def metrics_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines with metrics that have been written since the last call."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_targets_are_changed_wave_by_wave(world: World, resource: Resource) -> None:
    targets = world.instances(20)
    result = resource.create(world.properties(targets, rollout=IN_WAVES))
    assert result.ok, result.reason
    assert waves_of(world) == [1, 1, 8, 10]
    assert world.carried(*targets) == ["Web"] * 20
    assert result.seconds >= 4 * BAKE, "the last wave bakes, too"
    assert result.data == {"AssociatedCount": "20", "ReplacedCount": "0", "KeptCount": "0"}


def test_a_wave_begins_only_when_ec2_has_confirmed_the_one_before(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 50.0
    targets = world.instances(3)
    assert resource.create(world.properties(targets, rollout={"First": 1, "Growth": 1, "BakeSeconds": 0})).ok
    times = [call.at for call in world.traffic.calls if call.action in MUTATING]
    assert all(next_one - one >= 50 for one, next_one in pairwise(times))


@pytest.mark.parametrize("ahead", [5, 60])
def test_a_wave_takes_no_more_targets_when_the_operation_was_begun_by_a_clock_that_is_ahead(
    world: World, resource: Resource, ahead: float
) -> None:
    targets = world.instances(12)
    world.clock.jump(ahead)
    event = resource.begin(resource.event("Create", world.properties(targets, rollout=IN_WAVES, timeout=3500)))
    world.clock.jump(-ahead)

    assert resource.poll(event) == {"IsComplete": False}
    assert world.carried(*targets).count("Web") == 1


def test_only_the_alarms_are_read_while_a_wave_bakes(world: World, resource: Resource) -> None:
    event = resource.begin(resource.event("Create", world.properties(world.instances(5), rollout=WATCHED)))
    poll_until(resource, event, lambda: world.mutations == 1)
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    world.traffic.calls.clear()
    assert resource.poll(event) == {"IsComplete": False}
    assert {call.action for call in world.traffic.calls} & {DESCRIBE_ALARMS, DESCRIBE_INSTANCES} == {DESCRIBE_ALARMS}


def test_an_alarm_ends_a_create_and_everything_is_restored(world: World, resource: Resource) -> None:
    targets = [*world.instances(5), *world.instances(5, world.old)]
    properties = world.properties(targets, replaces=[world.old], rollout=WATCHED)
    event = resource.begin(resource.event("Create", properties))
    poll_until(resource, event, lambda: world.mutations == 5)
    world.cloudwatch.alarms["Errors"] = "ALARM"
    result = resource.finish(event)
    assert not result.ok
    assert "alarm Errors is in ALARM: find out why, or take it out of the rollout's alarms" in result.reason
    assert result.reason.endswith("every instance carries again what it carried before")
    assert world.carried(*targets) == [None] * 5 + ["Old"] * 5
    assert world.mutations == 2 * 5, "the others were left alone"
    assert result.seconds < BAKE, "a restore ignores waves"


def test_an_alarm_ends_an_update_and_the_rollback_ignores_waves(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    assert resource.create(world.properties(targets)).ok
    new = world.own_profile("Web2")
    before, after = resource.properties, world.properties(targets, profile=new, replaces=[world.web], rollout=WATCHED)
    event = resource.begin(resource.event("Update", after, before))
    poll_until(resource, event, lambda: world.carried(*targets).count("Web2") == 5)
    world.cloudwatch.alarms["Latency"] = "ALARM"
    result = resource.finish(event)
    assert not result.ok
    assert "alarm Latency is in ALARM" in result.reason
    back = resource.deliver(resource.event("Update", before, after))
    assert back.ok, back.reason
    assert world.carried(*targets) == ["Web"] * 10
    assert back.seconds < BAKE


def test_an_alarm_between_two_reads_of_the_last_bake_is_seen(world: World, resource: Resource) -> None:
    target = world.instance()
    event = resource.begin(resource.event("Create", world.properties([target], rollout=WATCHED)))
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    world.clock.sleep(BAKE)
    world.cloudwatch.alarms["Errors"] = "ALARM"
    assert not resource.finish(event).ok
    assert world.carried(target) == [None]


def test_a_composite_alarm_is_watched_too(world: World, resource: Resource) -> None:
    world.cloudwatch.composite_alarms["Everything"] = "ALARM"
    result = resource.create(world.properties([world.instance()], rollout={**IN_WAVES, "Alarms": ["Everything"]}))
    assert "alarm Everything is in ALARM" in result.reason


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("Errors", "alarm Errors is in ALARM"), ("Gone", "alarm Gone does not exist: create it, or take it out")],
)
def test_fails_before_anything_is_changed_when_an_alarm_is_not_ok(
    world: World, resource: Resource, name: str, sentence: str
) -> None:
    world.cloudwatch.alarms["Errors"] = "ALARM"
    result = resource.create(world.properties(world.instances(2), rollout={**IN_WAVES, "Alarms": [name]}))
    assert result.reason.startswith("nothing has been changed")
    assert sentence in result.reason
    assert world.mutations == 0


def test_reading_metric_alarms_needs_no_right_to_all_of_them(world: World, resource: Resource) -> None:
    arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:*"
    others = {"Effect": "Allow", "NotAction": "cloudwatch:*", "Resource": "*"}
    alarms = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": arn}
    world.aws.authority = Authority({"Handler": {"Version": "2012-10-17", "Statement": [others, alarms]}})
    assert resource.create(world.properties([world.instance()], rollout=WATCHED)).ok
    gone = resource.update(world.properties([world.instance()], rollout={**IN_WAVES, "Alarms": ["Gone"]}))
    assert "alarm Gone does not exist" in gone.reason


def test_an_alarm_that_is_in_alarm_ends_the_rollout_at_once_although_another_one_is_missing(
    world: World, resource: Resource
) -> None:
    """The handler may be denied to look whether the other one is a composite alarm, and that takes a minute to
    believe."""
    targets = world.instances(20)
    event = resource.begin(resource.event("Create", world.properties(targets, rollout=WATCHED)))
    poll_until(resource, event, lambda: world.mutations == 1)
    world.cloudwatch.alarms = {"Errors": "ALARM"}
    deny_composite_alarms(world, FOR_EVER)
    began = world.clock()
    result = resource.finish(event)
    assert "alarm Errors is in ALARM" in result.reason
    assert world.clock() - began < 30
    assert world.carried(*targets) == [None] * 20


DENIAL = AwsError("AccessDenied", "not authorized to perform: cloudwatch:DescribeAlarms", 403)


def deny_composite_alarms(world: World, times: int, *, skip: int = 0) -> None:
    world.traffic.fail(
        DESCRIBE_ALARMS, DENIAL, times=times, skip=skip, when=lambda call: "CompositeAlarm" in call["AlarmTypes"]
    )


@pytest.mark.parametrize("skip", [0, 4])
def test_a_denial_for_a_moment_does_not_make_a_composite_alarm_one_that_does_not_exist(
    world: World, resource: Resource, skip: int
) -> None:
    world.cloudwatch.composite_alarms["Service"] = "OK"
    deny_composite_alarms(world, 1, skip=skip)
    rollout = {**IN_WAVES, "Alarms": ["Errors", "Service"]}
    result = resource.create(world.properties(world.instances(3), rollout=rollout))
    assert result.ok, result.reason


def test_a_lasting_denial_of_composite_alarms_names_the_permission_and_the_alarm(
    world: World, resource: Resource
) -> None:
    world.cloudwatch.composite_alarms |= {"Service": "OK", "Region": "OK"}
    deny_composite_alarms(world, FOR_EVER)
    rollout = {**IN_WAVES, "Alarms": ["Errors", "Service", "Region"]}
    began = world.clock()
    result = resource.create(world.properties(world.instances(3), rollout=rollout))
    assert 60 <= world.clock() - began < 90
    assert "alarm Service does not exist as a metric alarm, like 1 other:" in result.reason
    assert "allow cloudwatch:DescribeAlarms on * if it is a composite alarm" in result.reason
    assert "not authorized to perform: cloudwatch:DescribeAlarms" in result.reason
    assert world.mutations == 0


def test_an_alarm_does_not_matter_if_nothing_has_to_be_changed(world: World, resource: Resource) -> None:
    targets = world.instances(2)
    assert resource.create(world.properties(targets)).ok
    world.cloudwatch.alarms["Errors"] = "ALARM"
    assert resource.update(world.properties(targets, rollout=WATCHED)).ok


def test_an_alarm_does_not_matter_for_a_delete(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    assert resource.create(world.properties(targets, rollout=WATCHED)).ok
    world.cloudwatch.alarms.clear()
    deleted = resource.delete()
    assert deleted.ok, deleted.reason
    assert world.carried(*targets) == [None] * 10
    assert deleted.seconds < BAKE


def test_fails_before_anything_is_changed_when_the_waves_bake_longer_than_the_timeout(
    world: World, resource: Resource
) -> None:
    properties = world.properties(world.instances(20), rollout={**IN_WAVES, "BakeSeconds": 600})
    result = resource.create(properties)
    assert result.reason.startswith("nothing has been changed")
    assert (
        "4 waves bake for 600 seconds each and may take 70 seconds each to be confirmed, 2680 in all: "
        "that is more than the timeout of 1800 seconds" in result.reason
    )
    assert world.mutations == 0


def test_a_create_has_less_time_than_an_update_because_it_may_have_to_restore(world: World, resource: Resource) -> None:
    rollout = {**IN_WAVES, "BakeSeconds": 780}
    first, *others = world.instances(20)
    refused = resource.create({**world.properties([first, *others], rollout=rollout), "TimeoutSeconds": "3600"})
    assert refused.reason.startswith("nothing has been changed")
    assert "3400 in all: that is more than the 3300 seconds that the handler may use" in refused.reason

    assert resource.create(world.properties([first])).ok
    updated = resource.update({**world.properties([first, *others], rollout=rollout), "TimeoutSeconds": "3600"})
    assert updated.ok, updated.reason


def test_gives_up_during_a_bake_at_the_timeout(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    world.fleet.association_seconds = 85.0
    result = resource.create(world.properties(targets, rollout={**IN_WAVES, "BakeSeconds": 50}, timeout=400))
    assert "400 seconds were not enough for wave " in result.reason
    assert world.carried(*targets) == [None] * 10


def test_an_instance_that_leaves_the_selection_gets_its_previous_profile_after_the_last_wave(
    world: World, resource: Resource
) -> None:
    leaving, *others = world.instances(5)
    assert resource.create(world.properties([leaving])).ok
    world.traffic.calls.clear()
    assert resource.update(world.properties(others, rollout=IN_WAVES)).ok
    changes = [call for call in world.traffic.calls if call.action in MUTATING]
    assert changes[-1].action == "DisassociateIamInstanceProfile"
    assert world.carried(leaving, *others) == [None, *["Web"] * 4]


def test_only_what_an_update_changes_is_rolled_out(world: World, resource: Resource) -> None:
    former = world.instances(20)
    assert resource.create(world.properties(former, rollout=IN_WAVES)).ok
    world.traffic.calls.clear()
    new = world.instances(4)
    assert resource.update(world.properties([*former, *new], rollout=IN_WAVES)).ok
    assert waves_of(world) == [1, 1, 2]


def test_a_first_wave_has_targets_of_several_availability_zones(world: World, resource: Resource) -> None:
    zones = {world.instance(zone=zone): zone for zone in ("a", "a", "a", "a", "b", "b", "b", "b")}
    assert resource.create(world.properties([*zones], rollout={**IN_WAVES, "First": 2, "Percentages": [100]})).ok
    first = [call.parameters["InstanceId"] for call in world.traffic.calls if call.action in MUTATING][:2]
    assert {zones[id_] for id_ in first} == {"a", "b"}


def test_a_stopped_target_is_no_canary(world: World, resource: Resource) -> None:
    """A stopped instance does not show whether the new role works."""
    stopped, running = world.instances(2, state="stopped"), world.instances(8)
    event = resource.begin(resource.event("Create", world.properties([*stopped, *running], rollout=IN_WAVES)))
    poll_until(resource, event, lambda: world.mutations == 5)
    assert world.carried(*stopped) == [None, None]


def test_a_canary_that_is_terminated_while_it_bakes_has_a_successor_that_bakes_too(
    world: World, resource: Resource
) -> None:
    targets = world.instances(20, tags={"app": "web"})
    event = resource.begin(resource.event("Create", world.properties(tags={"app": ["web"]}, rollout=IN_WAVES)))
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    (canary,) = (target for target in targets if world.carried(target) != [None])
    world.fleet.change_state(canary, "terminated")
    assert resource.finish(event).ok
    assert waves_of(world)[:2] == [1, 1]


def test_a_wave_that_loses_one_of_many_targets_does_not_bake_again(world: World, resource: Resource) -> None:
    """In a large fleet there is always one, and a rollout would never end."""
    targets = world.instances(40, tags={"app": "web"})
    event = resource.begin(resource.event("Create", world.properties(tags={"app": ["web"]}, rollout=IN_WAVES)))
    poll_until(resource, event, lambda: world.mutations == 20)
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    world.fleet.change_state(next(target for target in targets if world.carried(target) != [None]), "terminated")
    assert resource.finish(event).ok
    assert waves_of(world) == [1, 3, 16, 20]


def test_an_instance_that_is_tagged_later_is_in_the_last_wave_and_bakes(world: World, resource: Resource) -> None:
    world.instances(10, tags={"app": "web"})
    event = resource.begin(resource.event("Create", world.properties(tags={"app": ["web"]}, rollout=WATCHED)))
    poll_until(resource, event, lambda: world.mutations == 5)
    newcomers = world.instances(50, tags={"app": "web"})
    poll_until(resource, event, lambda: world.mutations == 60)
    world.cloudwatch.alarms["Errors"] = "ALARM"
    assert not resource.finish(event).ok
    assert world.carried(*newcomers) == [None] * 50


def test_a_canary_whose_profile_somebody_puts_back_ends_the_rollout(world: World, resource: Resource) -> None:
    targets = world.instances(20, world.old)
    properties = world.properties(targets, replaces=[world.old], rollout=IN_WAVES)
    event = resource.begin(resource.event("Create", properties))
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    world.fleet.set_carried(next(target for target in targets if world.carried(target) == ["Web"]), world.old)
    result = resource.finish(event)
    assert not result.ok
    assert "then somebody has given it instance profile Old" in result.reason
    assert world.mutations == 1


def test_a_rollout_that_was_accepted_ends_in_time_even_if_ec2_confirms_slowly(world: World, resource: Resource) -> None:
    world.fleet.association_seconds = 65.0
    rollout = {"First": 1, "Percentages": [1, 10, 50, 100], "BakeSeconds": 300, "MaxFailures": "0"}
    properties = world.properties(world.instances(300), rollout=rollout, timeout=1900)
    result = resource.create(properties)
    assert result.ok, result.reason
    refused = Resource(world, "Other").create({**properties, "TimeoutSeconds": 1850})
    assert "5 waves bake for 300 seconds each" in refused.reason or refused.ok


def hide(world: World, *targets: str, answers: float = math.inf) -> None:
    """EC2 does not show these instances in so many answers, and does not answer for them by id."""
    world.ec2.leave_out(*targets, times=answers)
    error = AwsError("InternalError", "An internal error has occurred", 500)
    world.traffic.fail(DESCRIBE_INSTANCES, error, times=FOR_EVER, when=lambda call: "InstanceId" in call)


def update_of_hidden_targets(
    world: World, resource: Resource, rollout: dict[str, Any], *, timeout: int
) -> dict[str, Any]:
    """An Update of twenty targets that has begun: EC2 showed none of them in the first phase."""
    targets = world.instances(20)
    assert resource.create(world.properties(targets)).ok
    world.clock.sleep(BAKE)
    world.traffic.calls.clear()
    hide(world, *targets, answers=4)
    new = world.properties(targets, rollout=rollout, profile=world.own_profile("Web2"), timeout=timeout)
    return resource.begin(resource.event("Update", new, resource.properties))


@pytest.mark.parametrize(
    ("alarms", "sentence"),
    [
        ({"Errors": "ALARM", "Latency": "OK"}, "alarm Errors is in ALARM"),
        ({"Latency": "OK"}, "alarm Errors does not exist"),
    ],
)
def test_nothing_is_changed_if_an_alarm_was_not_ok_when_ec2_did_not_show_the_targets(
    world: World, resource: Resource, alarms: dict[str, str], sentence: str
) -> None:
    world.cloudwatch.alarms = alarms
    result = resource.finish(update_of_hidden_targets(world, resource, WATCHED, timeout=3600))
    assert not result.ok
    assert sentence in result.reason
    assert waves_of(world) == []


def test_nothing_is_changed_if_a_rollout_takes_too_long_and_ec2_did_not_show_the_targets_at_first(
    world: World, resource: Resource
) -> None:
    result = resource.finish(update_of_hidden_targets(world, resource, IN_WAVES, timeout=200))
    assert not result.ok
    assert "4 waves bake for 60 seconds each" in result.reason
    assert "that is more than the timeout of 200 seconds" in result.reason
    assert waves_of(world) == []


def update_in_waves(world: World, resource: Resource, *, by_tags: bool) -> tuple[dict[str, Any], list[str]]:
    """An Update of twenty targets that has begun, and the targets."""
    targets = world.instances(20, tags={"app": "web"})
    selected: dict[str, Any] = {"tags": {"app": ["web"]}} if by_tags else {"instances": targets}
    assert resource.create(world.properties(**selected)).ok
    world.clock.sleep(BAKE)
    new = world.properties(**selected, rollout=IN_WAVES, profile=world.own_profile("Web2"), timeout=3600)
    return resource.begin(resource.event("Update", new, resource.properties)), targets


def show_all(world: World) -> None:
    world.ec2.gaps.clear()
    del world.traffic.faults[DESCRIBE_INSTANCES]


@pytest.mark.parametrize("shown", [0, 1, 3])
@pytest.mark.parametrize("by_tags", [False, True])
def test_waves_are_as_large_as_ever_when_ec2_does_not_show_most_targets_at_first(
    world: World, resource: Resource, shown: int, by_tags: bool
) -> None:
    event, targets = update_in_waves(world, resource, by_tags=by_tags)
    hide(world, *targets[shown:], answers=4)
    result = resource.finish(event)
    assert result.ok, result.reason
    assert waves_of(world)[-4:] == [1, 1, 8, 10]


@pytest.mark.parametrize("shown", [0, 1, 3])
@pytest.mark.parametrize("by_tags", [False, True])
def test_targets_that_ec2_does_not_show_for_long_count_in_the_waves_and_hold_only_the_last_ones_up(
    world: World, resource: Resource, shown: int, by_tags: bool
) -> None:
    event, targets = update_in_waves(world, resource, by_tags=by_tags)
    hide(world, *targets[shown:])
    began = world.clock()
    poll_until(resource, event, lambda: world.clock() - began >= 400)
    assert world.ledger.operations.get(resource.association).total == 20  # type: ignore[union-attr]
    assert world.carried(*targets).count("Web2") == shown
    show_all(world)
    result = resource.finish(event)
    assert result.ok, result.reason
    assert world.carried(*targets) == ["Web2"] * 20


@pytest.mark.parametrize("is_shown", [True, False])
def test_ids_that_were_taken_out_of_the_list_do_not_count_in_the_waves(
    world: World, resource: Resource, is_shown: bool
) -> None:
    targets = world.instances(40)
    staying, leaving = targets[:4], targets[4:]
    assert resource.create(world.properties(targets)).ok
    world.clock.sleep(BAKE)
    world.traffic.calls.clear()
    new = world.properties(staying, rollout=IN_WAVES, profile=world.own_profile("Web2"), timeout=3600)
    event = resource.begin(resource.event("Update", new, resource.properties))
    if not is_shown:
        hide(world, *leaving)
    resource.poll(event)
    assert world.carried(*staying).count("Web2") == 1, "the first wave waits for no instance that is no target"
    poll_until(resource, event, lambda: world.carried(*staying) == ["Web2"] * 4)
    assert waves_of(world) == [1, 1, 2]
    if not is_shown:
        show_all(world)
    assert resource.finish(event).ok
    assert world.carried(*leaving) == [None] * 36


def test_the_alarms_are_watched_while_the_first_wave_waits_for_targets_that_ec2_does_not_show(
    world: World, resource: Resource
) -> None:
    targets = world.instances(20)
    event = resource.begin(resource.event("Create", world.properties(targets, rollout=WATCHED, timeout=3600)))
    hide(world, targets[0])
    world.traffic.meanwhile(DESCRIBE_INSTANCES, lambda: world.cloudwatch.alarms.update(Errors="ALARM"), nth=3)
    result = resource.finish(event)
    assert "alarm Errors is in ALARM" in result.reason
    assert world.mutations == 0


def test_a_target_that_ec2_never_shows_ends_the_rollout_at_the_timeout(world: World, resource: Resource) -> None:
    targets = world.instances(10)
    event = resource.begin(resource.event("Create", world.properties(targets, rollout=IN_WAVES, timeout=600)))
    hide(world, targets[0])
    result = resource.finish(event)
    assert not result.ok
    assert f"instance {targets[0]}: EC2 does not show the instance" in result.reason
    assert world.carried(*targets) == [None] * 10


def test_logs_its_progress_after_each_invocation(
    world: World, resource: Resource, capsys: pytest.CaptureFixture[str]
) -> None:
    result = resource.create(world.properties(world.instances(20), rollout=IN_WAVES))
    assert result.ok
    lines = metrics_of(capsys)
    assert len(lines) == result.polls
    assert all(line["Targets"] == 20 for line in lines)
    assert [line["Done"] for line in lines] == sorted(line["Done"] for line in lines)
    assert {line["Wave"] for line in lines} == {1, 2, 3, 4, 0}
    assert (lines[-1]["Done"], lines[-1]["Failed"], lines[-1]["Throttled"]) == (20, 0, 0)


def test_logs_its_progress_while_a_wave_bakes_too(
    world: World, resource: Resource, capsys: pytest.CaptureFixture[str]
) -> None:
    event = resource.begin(resource.event("Create", world.properties(world.instances(5), rollout=WATCHED)))
    poll_until(resource, event, lambda: bool(world.ledger_item(resource).get("BakesUntil")))
    capsys.readouterr()
    assert resource.poll(event) == {"IsComplete": False}
    (line,) = metrics_of(capsys)
    assert (line["Wave"], line["Targets"], line["Done"], line["Failed"]) == (1, 5, 1, 0)


def test_the_metrics_are_in_the_embedded_metric_format_of_cloudwatch(
    world: World, resource: Resource, capsys: pytest.CaptureFixture[str]
) -> None:
    assert resource.create(world.properties(world.instances(1))).ok
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    (definition,) = found["_aws"]["CloudWatchMetrics"]
    assert definition["Namespace"] == "CdkInstanceRole"
    assert {one["Name"] for one in definition["Metrics"]} == {"Targets", "Done", "Failed", "Throttled", "Wave"}
    assert all(isinstance(found[one["Name"]], int) for one in definition["Metrics"])
    assert definition["Dimensions"] == [["StackName", "Association"]]
    assert (found["StackName"], found["Association"]) == ("InstanceRole-web", "Association")
    assert abs(found["_aws"]["Timestamp"] / 1000 - world.clock()) < 60


def test_the_event_of_the_second_phase_says_nothing_of_waves(world: World, resource: Resource) -> None:
    """Where a rollout is stands in the ledger, so that an event that is delivered again goes on from there."""
    event = resource.event("Create", world.properties(world.instances(3), rollout=IN_WAVES))
    assert resource.begin(event).keys() - event.keys() == {"PhysicalResourceId", PHASE}
