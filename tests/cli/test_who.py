"""Who has changed drifted instances last, as CloudTrail's event history says."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from cdk_instance_role import Enforcement
from cdk_instance_role.cli.enforcement.history import MAX_INSTANCES
from cdk_instance_role.cli.main import cli
from cdk_instance_role.cli.model import Exit
from cdk_instance_role.cli.status_model import LatestChange
from tests.cli.accounts import see
from tests.cli.cloud import Cloud
from tests.cli.servers import Servers, synthesized
from tests.cli.test_status import exit_status
from tests.simulator.errors import AwsError
from tests.unit.builders import instance_id

FIRST, SECOND = instance_id(1), instance_id(2)
ADMIN = "arn:aws:sts::111122223333:assumed-role/Admin/jo"
OURS = "arn:aws:sts::111122223333:assumed-role/Handler/function"
AT = 1_800_000_100.0
ASSOCIATE, REPLACE, DISASSOCIATE = (
    "AssociateIamInstanceProfile",
    "ReplaceIamInstanceProfileAssociation",
    "DisassociateIamInstanceProfile",
)


@pytest.fixture
def cloud() -> Cloud:
    """An account with a deployed association of two instances, both of which have lost their profiles."""
    cloud = Cloud()
    for number in (1, 2):
        cloud.instance(number)
    cloud.deploy(synthesized())
    for id_ in (FIRST, SECOND):
        cloud.fleet.set_carried(id_, None)
    return cloud


def answer(action: str, id_: str) -> dict[str, Any]:
    """What EC2 has answered, as CloudTrail notes it."""
    return {f"{action}Response": {"iamInstanceProfileAssociation": {"associationId": "iip-1", "instanceId": id_}}}


def identity(arn: str) -> dict[str, str]:
    return {"type": "AssumedRole", "arn": arn}


def associated(cloud: Cloud, id_: str, at: float, by: str = OURS, **more: Any) -> None:
    request = {"AssociateIamInstanceProfileRequest": {"InstanceId": id_, "IamInstanceProfile": {"Arn": "arn"}}}
    cloud.trail.note(ASSOCIATE, at, identity(by), resources=(id_,), request=request, **more)


def disassociated(cloud: Cloud, id_: str, at: float, by: str = ADMIN, **more: Any) -> None:
    """The event of a call that names the association only."""
    request = {"DisassociateIamInstanceProfileRequest": {"AssociationId": "iip-1"}}
    response = answer(DISASSOCIATE, id_)
    cloud.trail.note(DISASSOCIATE, at, identity(by), resources=("iip-1",), request=request, response=response, **more)


def changes(cloud: Cloud) -> dict[str, LatestChange]:
    status = cloud.status(synthesized(), who=True)
    assert not status.unseen
    return {one.instance: one for one in status.latest_changes}


def test_cloudtrail_is_not_read_without_the_option(cloud: Cloud) -> None:
    assert cloud.status(synthesized()).latest_changes == ()
    assert not cloud.trail.lookups


def test_cloudtrail_is_not_read_for_instances_without_drift(cloud: Cloud) -> None:
    cloud.deploy(synthesized(Servers(minutes=20)))

    status = cloud.status(synthesized(Servers(minutes=20)), who=True)

    assert (status.latest_changes, cloud.trail.lookups) == ((), [])


def test_finds_the_latest_change_by_the_id_of_the_instance(cloud: Cloud) -> None:
    associated(cloud, FIRST, AT)
    associated(cloud, FIRST, AT + 5, by=ADMIN)

    assert changes(cloud)[FIRST] == LatestChange(FIRST, ADMIN, ASSOCIATE, AT + 5)


@pytest.mark.parametrize("action", [REPLACE, DISASSOCIATE])
def test_finds_a_later_change_that_names_the_association_only(cloud: Cloud, action: str) -> None:
    associated(cloud, FIRST, AT)
    request = {f"{action}Request": {"AssociationId": "iip-1"}}
    cloud.trail.note(action, AT + 5, identity(ADMIN), request=request, response=answer(action, FIRST))
    associated(cloud, SECOND, AT + 9)

    assert changes(cloud) == {
        FIRST: LatestChange(FIRST, ADMIN, action, AT + 5),
        SECOND: LatestChange(SECOND, OURS, ASSOCIATE, AT + 9),
    }


def test_says_that_nothing_was_found(cloud: Cloud) -> None:
    cloud.trail.note("StopInstances", AT, identity(ADMIN), resources=(FIRST,))

    assert changes(cloud)[FIRST] == LatestChange(FIRST, "", "", 0.0)


def test_ignores_calls_that_were_refused(cloud: Cloud) -> None:
    associated(cloud, FIRST, AT)
    associated(cloud, FIRST, AT + 5, by=ADMIN, error="Client.UnauthorizedOperation")
    disassociated(cloud, FIRST, AT + 6, error="Client.DryRunOperation")

    assert changes(cloud)[FIRST].by == OURS


@pytest.mark.parametrize(
    ("who", "by"),
    [
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com"),
        ({"type": "AWSAccount", "principalId": "AIDA"}, "AIDA"),
        ({}, "an unknown identity"),
        (None, "an unknown identity"),
    ],
)
def test_names_identities_of_every_kind(cloud: Cloud, who: Any, by: str) -> None:
    cloud.trail.note(ASSOCIATE, AT, who, resources=(FIRST,))

    assert changes(cloud)[FIRST].by == by


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", "null"])
def test_skips_an_event_that_cannot_be_read(cloud: Cloud, text: str) -> None:
    associated(cloud, FIRST, AT)
    cloud.trail.events[0] = {**cloud.trail.events[0], "CloudTrailEvent": text}

    assert changes(cloud)[FIRST].instance == FIRST


def test_reads_further_pages(cloud: Cloud) -> None:
    associated(cloud, FIRST, AT)
    for number in range(60):
        cloud.trail.note("StopInstances", AT + 1 + number, identity(ADMIN), resources=(FIRST,))

    assert changes(cloud)[FIRST].by == OURS


def test_makes_at_most_two_calls_a_second_and_looks_for_associations_once(cloud: Cloud) -> None:
    began = cloud.world.clock()

    changes(cloud)

    assert len(cloud.trail.lookups) == 4
    assert cloud.world.clock() - began >= 2.0


def test_says_how_many_instances_were_left_out() -> None:
    cloud = Cloud()
    for number in range(MAX_INSTANCES + 3):
        cloud.instance(number)
    cloud.deploy(synthesized())
    for number in range(MAX_INSTANCES + 3):
        cloud.fleet.set_carried(instance_id(number), None)

    status = cloud.status(synthesized(), who=True)

    assert (len(status.latest_changes), status.not_asked_about) == (MAX_INSTANCES, 3)


def test_reads_events_of_instances_that_only_enforcement_has_found() -> None:
    cloud = Cloud()
    cloud.instance(1)
    stack = synthesized(Servers(enforcement=Enforcement.report()))
    cloud.deploy(stack)
    late = cloud.instance(2, cloud.foreign)
    cloud.messages.enforcement.run(2000)
    associated(cloud, late, AT, by=ADMIN)

    (change,) = cloud.status(stack, who=True).latest_changes

    assert (change.instance, change.by) == (late, ADMIN)


def test_names_the_permission_that_is_missing(cloud: Cloud) -> None:
    cloud.trail.error = AwsError("AccessDeniedException", "You are not authorized")

    status = cloud.status(synthesized(), who=True)

    assert status.unseen == ("who has changed the instances (cloudtrail:LookupEvents): not allowed (LookupEvents)",)
    assert len(status.instances) == 2
    assert exit_status(status) is Exit.ERROR


def test_the_option_of_the_command_reads_cloudtrail(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, cloud)
    monkeypatch.setattr("cdk_instance_role.cli.commands.time.sleep", lambda _: None)
    disassociated(cloud, FIRST, AT)

    result = CliRunner().invoke(cli, ["status", "--who", "--app", str(synthesized().folder), "--format", "json"])

    assert result.exit_code == 2, result.output
    found, missing = json.loads(result.stdout)["associations"][0]["latest_changes"]
    assert found == {"instance": FIRST, "by": ADMIN, "action": DISASSOCIATE, "at": "2027-01-15T08:01:40Z"}
    assert missing == {"instance": SECOND, "by": "", "action": "", "at": None}
