"""Messages of the queue: valid, forged and invalid ones, and what happens while AWS does not answer."""

import json
from typing import Any

import pytest

from tests.simulator.authority import Authority
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import QUERY
from tests.simulator.ec2 import ASSOCIATE, MUTATING
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError
from tests.simulator.event_bus import PUT_EVENTS
from tests.simulator.simulator import QUEUE_ARN
from tests.simulator.sqs import CHANGE_VISIBILITY

WEB, TAGS = {"app": "web"}, {"app": ["web"]}


@pytest.fixture
def enforcement(world: World) -> Enforcement:
    return Enforcement(world)


@pytest.fixture
def targets(world: World, resource: Resource) -> list[str]:
    ids = world.instances(3, tags=WEB)
    assert resource.create(world.properties(tags=TAGS, enforcement=REPAIR, replaces=[world.old])).ok
    return ids


def event(**more: Any) -> dict[str, Any]:
    """An event of EC2 about an instance."""
    return {
        "account": "111122223333",
        "region": "eu-west-1",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "resources": [],
        "detail": {"instance-id": "i-0123456789abcdef0", "state": "running"},
        **more,
    }


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("not JSON", "it is not JSON: 'not JSON'"),
        ("[]", "it is not a map: '[]'"),
        (json.dumps(event(account="999999999999")), "it is from eu-west-1 (account 999999999999)"),
        (json.dumps(event(region="us-east-1")), "it is from us-east-1 (account 111122223333)"),
        (json.dumps(event(detail={"instance-id": "all"})), "it names no instance: 'all'"),
        (json.dumps(event(detail="running")), "it is neither a sweep nor an event of an instance"),
        (json.dumps({"Kind": "Sweep", "Association": ["all"]}), "its Association is not a text"),
        (json.dumps({"Kind": "Repair", "InstanceId": "i-0123456789abcdef0"}), "it is from None (account None)"),
    ],
)
@pytest.mark.usefixtures("targets")
def test_an_invalid_message_is_logged_and_deleted(
    world: World, enforcement: Enforcement, caplog: pytest.LogCaptureFixture, body: str, why: str
) -> None:
    before = world.mutations
    enforcement.queue.send(body)
    enforcement.run(60)
    assert why in caplog.text
    assert (enforcement.queue.messages, enforcement.failed, world.mutations) == ([], 0, before)


@pytest.mark.usefixtures("targets")
def test_a_message_that_names_a_deleted_association_is_deleted(
    world: World, resource: Resource, enforcement: Enforcement
) -> None:
    assert resource.delete().ok
    enforcement.sweep(Association=resource.association, Resume=True)
    enforcement.run(60)
    assert (enforcement.queue.messages, world.ledger_items) == ([], {})


@pytest.mark.usefixtures("targets")
def test_a_forged_event_causes_no_change_that_observations_do_not_ask_for(
    world: World, enforcement: Enforcement
) -> None:
    other = world.instance()
    forged = event(
        **{
            "detail-type": "Tag Change on Resource",
            "resources": [world.fleet.instance_arn(other)],
            "detail": {"changed-tag-keys": ["app"], "tags": {"app": "web"}},
        }
    )
    before = world.mutations
    enforcement.queue.send(json.dumps(forged))
    enforcement.run(1000)
    assert world.carried(other) == [None]
    assert world.mutations == before


def test_a_forged_event_about_lost_tags_removes_no_profile(
    world: World, targets: list[str], enforcement: Enforcement
) -> None:
    forged = event(
        **{
            "detail-type": "Tag Change on Resource",
            "resources": [world.fleet.instance_arn(targets[0])],
            "detail": {"changed-tag-keys": ["app"], "tags": {}},
        }
    )
    enforcement.queue.send(json.dumps(forged))
    enforcement.run(1000)
    assert world.carried(*targets) == ["Web"] * 3


@pytest.mark.usefixtures("targets")
def test_an_event_of_an_instance_that_does_not_exist_is_given_up(enforcement: Enforcement) -> None:
    enforcement.queue.send(json.dumps(event()))
    enforcement.run(120)
    assert enforcement.queue.messages == []


@pytest.mark.usefixtures("targets")
def test_only_a_sweep_resumes(world: World, enforcement: Enforcement) -> None:
    for id_ in world.instances(20):
        world.fleet.set_tags(id_, app="web")
    enforcement.run(60)
    before = world.mutations
    enforcement.queue.send(json.dumps(event(Resume=True)))
    enforcement.run(60)
    assert world.mutations == before


def test_a_desired_state_of_an_unknown_format_is_not_enforced(
    world: World, resource: Resource, targets: list[str], enforcement: Enforcement, caplog: pytest.LogCaptureFixture
) -> None:
    item = world.dynamodb.items["desired", resource.association]
    world.dynamodb.items["desired", resource.association] = {**item, "Format": {"N": "99"}}
    world.fleet.set_carried(targets[0], None)
    enforcement.run(1000)
    assert world.carried(targets[0]) == [None]
    assert (
        "its desired state has the format 99, which this release can't read: deploy with the current release"
        in caplog.text
    )
    assert enforcement.queue.messages == []


@pytest.mark.usefixtures("targets")
def test_messages_wait_while_the_ledger_does_not_answer(world: World, enforcement: Enforcement) -> None:
    outage = AwsError("InternalServerError", "not now", 500)
    until = world.clock() + 120
    world.traffic.fail(QUERY, outage, times=10_000, when=lambda _: world.clock() < until)
    late = world.fleet.launch(tags=WEB)
    enforcement.run(300)
    assert world.carried(late) == ["Web"]
    assert enforcement.queue.dead == []


def test_drift_is_reported_once_events_can_be_sent_again(
    world: World, targets: list[str], enforcement: Enforcement
) -> None:
    until = world.clock() + 3000
    outage = AwsError("InternalException", "not now", 500)
    world.traffic.fail(PUT_EVENTS, outage, times=10_000, when=lambda _: world.clock() < until)
    world.fleet.set_carried(targets[0], world.foreign)
    enforcement.run(2700)
    assert world.aws.event_bus.entries == []
    enforcement.run(2000)
    assert [one["state"] for one in world.aws.event_bus.details("Instance Profile Drift")] == ["OPEN"]


@pytest.mark.usefixtures("targets")
def test_a_message_whose_visibility_cannot_be_changed_is_still_received_again(
    world: World, enforcement: Enforcement
) -> None:
    world.traffic.fail(CHANGE_VISIBILITY, AwsError("AccessDenied", "no", 403), times=10_000)
    world.fleet.describe_lag = 10.0
    late = world.fleet.launch(tags=WEB)
    enforcement.run(800)
    assert world.carried(late) == ["Web"]


@pytest.mark.usefixtures("targets")
def test_a_bucket_that_others_use_up_for_an_hour_only_delays_changes(world: World, enforcement: Enforcement) -> None:
    until = world.clock() + 3600
    throttled = AwsError("RequestLimitExceeded", "Request limit exceeded.", 503)
    world.traffic.fail(ASSOCIATE, throttled, times=100_000, when=lambda _: world.clock() < until)
    late = [world.fleet.launch(tags=WEB) for _ in range(3)]
    enforcement.run(3600 + 1000)
    assert world.carried(*late) == ["Web"] * 3
    assert enforcement.queue.dead == []
    assert world.traffic.count(*MUTATING) < 1000


def test_enforcement_adds_rights_for_queue_events_and_ledger_only() -> None:
    """The handler's policies are those of the synthesized template, with enforcement in it."""
    world = World(enforced=True)
    resource, enforcement = Resource(world), Enforcement(world)
    assert isinstance(world.aws.authority, Authority)
    world.aws.authority.attach("Enforcement", _rights_of_enforcement())
    targets = world.instances(3, tags=WEB)
    given = world.properties(tags=TAGS, enforcement=REPAIR, replaces=[world.old])
    assert resource.create(given).ok
    late, carrying, stopped = world.fleet.launch(tags=WEB), world.instance(), world.instance(world.old, state="stopped")
    world.fleet.set_carried(targets[0], None)
    world.fleet.set_carried(targets[1], world.old)
    for id_ in (carrying, stopped):
        world.fleet.set_tags(id_, app="web")
    enforcement.run(1000)
    assert world.carried(*targets, late, carrying, stopped) == ["Web"] * 6
    world.fleet.set_tags(stopped, app=None)
    world.fleet.set_tags(late, app=None)
    enforcement.run(1000)
    assert world.carried(late, stopped) == [None, "Old"]
    assert not world.traffic.refused(*MUTATING)


def _rights_of_enforcement() -> dict[str, Any]:
    """What the role in the synthesized template may do only because of enforcement."""
    from aws_cdk.assertions import Template

    from cdk_instance_role import Enforcement as Enforced
    from tests.synth.builders import BY_TAGS, as_text, associated, new_stack

    stack = new_stack()
    associated(BY_TAGS, stack, enforcement=Enforced.repair())
    resources = Template.from_stack(stack).to_json()["Resources"].values()
    roles = [one["Properties"] for one in resources if one["Type"] == "AWS::IAM::Role"]
    (inline,) = (one for role in roles for one in role.get("Policies", ()) if one["PolicyName"] == "Handler")
    added = [
        as_text(one) for one in inline["PolicyDocument"]["Statement"] if "sqs" in str(one) or "events:" in str(one)
    ]
    for one in added:
        if "sqs" in str(one["Action"]):
            assert "Queue" in one["Resource"]
            one["Resource"] = QUEUE_ARN
    return {"Version": "2012-10-17", "Statement": added}


def test_enforcement_state_in_the_format_of_a_later_release_pauses_everything(
    world: World, resource: Resource, targets: list[str], enforcement: Enforcement
) -> None:
    enforcement.run(1000)
    key = ("enforcement", resource.association)
    pauses: dict[str, Any] = {"M": {"moving": {"M": {}}}}
    world.dynamodb.items[key] = {**world.dynamodb.items[key], "Pauses": pauses}
    world.fleet.set_carried(targets[0], None)
    before = world.mutations
    enforcement.run(2000)
    assert world.mutations == before
    assert enforcement.failed == 0
