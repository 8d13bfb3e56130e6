"""What `status` says of enforcement: what the real handler has left in the ledger, after it has looked."""

from dataclasses import replace

import pytest
from aws_cdk import Duration

from cdk_instance_role import Enforcement
from cdk_instance_role.cli.model import Exit
from cdk_instance_role.cli.render import findings, words
from cdk_instance_role.cli.status_model import EnforcementStatus, StatusReport
from tests.cli.cloud import Cloud, only_association
from tests.cli.servers import STACK, Servers, synthesized
from tests.cli.services import Unreachable
from tests.cli.test_status import exit_status
from tests.simulator.driver import STACK_ID
from tests.unit.builders import instance_id

REPAIRED = Servers(enforcement=Enforcement.repair(every=Duration.minutes(5), max_changes=1))
REPORTED = Servers(enforcement=Enforcement.report())
FIRST = instance_id(1)


@pytest.fixture
def cloud() -> Cloud:
    """An account with three instances that a stack will select."""
    cloud = Cloud()
    for number in (1, 2, 3):
        cloud.instance(number)
    return cloud


def deployed(cloud: Cloud, servers: Servers) -> None:
    """Deploy, and let an hour pass, with sweeps."""
    cloud.deploy(synthesized(servers))
    cloud.messages.enforcement.run(4000)


def enforcement(cloud: Cloud, servers: Servers) -> EnforcementStatus:
    found = cloud.status(synthesized(servers)).enforcement
    assert found
    return found


def take_off(cloud: Cloud, *numbers: int) -> None:
    for number in numbers:
        cloud.fleet.set_carried(instance_id(number), None)


def test_does_not_mention_enforcement_if_an_association_has_none(cloud: Cloud) -> None:
    cloud.deploy(synthesized())

    assert cloud.status(synthesized()).enforcement is None
    assert not cloud.traffic.count("GetQueueAttributes")


def test_says_how_an_association_is_enforced_and_when_the_last_sweep_was(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)

    found = enforcement(cloud, REPAIRED)

    assert (found.mode, found.every, found.max_changes, found.off) == ("repair", 300.0, "1", None)
    assert cloud.world.clock() - 950 < found.last_sweep < cloud.world.clock()
    assert (found.drift, found.pauses, found.dead_letters) == ((), (), 0)
    assert exit_status(cloud.status(synthesized(REPAIRED))) is Exit.NOTHING


def test_says_that_there_was_no_sweep_yet(cloud: Cloud) -> None:
    cloud.deploy(synthesized(REPAIRED))

    assert enforcement(cloud, REPAIRED).last_sweep == 0
    assert exit_status(cloud.status(synthesized(REPAIRED))) is Exit.NOTHING


@pytest.mark.parametrize("sweeps", [0, 4000])
def test_is_not_in_order_if_there_was_no_sweep_for_long(cloud: Cloud, sweeps: float) -> None:
    cloud.deploy(synthesized(REPAIRED))
    cloud.messages.enforcement.run(sweeps)
    cloud.world.clock.sleep(86_400)

    status = cloud.status(synthesized(REPAIRED))

    assert status.is_stopped
    assert exit_status(status) is Exit.CHANGES
    assert findings.verdict(StatusReport((status,))) == "Nothing is enforced for 1 association."
    assert words.held_totals([status]) == "3 instances, nothing enforced"


def test_shows_the_drift_that_was_reported(cloud: Cloud) -> None:
    deployed(cloud, REPORTED)
    take_off(cloud, 1)
    cloud.messages.enforcement.run(1000)

    (one,) = enforcement(cloud, REPORTED).drift

    assert (one.instance, one.kind) == (FIRST, "no-profile")
    assert cloud.world.clock() - 1000 < one.since < cloud.world.clock()
    assert one.reason == "carries no instance profile: somebody has disassociated it"
    assert exit_status(cloud.status(synthesized(REPORTED))) is Exit.CHANGES


def test_shows_the_drift_of_an_instance_that_the_association_does_not_hold(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    late = cloud.instance(4, cloud.foreign)
    cloud.messages.enforcement.run(1000)

    status = cloud.status(synthesized(REPAIRED))

    assert [one.id for one in status.instances if one.drift] == []
    assert status.drifted == [late]
    assert exit_status(status) is Exit.CHANGES


def test_shows_a_pause(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1, 2)
    cloud.messages.enforcement.run(1000)

    (pause,) = enforcement(cloud, REPAIRED).pauses

    assert pause.kind == "giving"
    assert "2 instances would be given the profile" in pause.reason
    assert exit_status(cloud.status(synthesized(REPAIRED))) is Exit.CHANGES


def test_a_pause_alone_is_a_reason_for_exit_status_2(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1, 2)
    cloud.messages.enforcement.run(1000)
    status = cloud.status(synthesized(REPAIRED))
    found = status.enforcement
    assert found

    alone = replace(status, instances=(), enforcement=replace(found, drift=()))

    assert StatusReport((alone,)).exit is Exit.CHANGES


def test_a_terminated_instance_is_no_drift_if_enforcement_drops_its_record(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    cloud.fleet.change_state(FIRST, "terminated")

    assert exit_status(cloud.status(synthesized(REPAIRED))) is Exit.NOTHING


def test_counts_the_messages_in_the_dead_letter_queue(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    queue = cloud.world.aws.queue
    queue.dead.append(queue.send("{}"))

    status = cloud.status(synthesized(REPAIRED))

    assert status.enforcement
    assert status.enforcement.dead_letters == 1
    assert exit_status(status) is Exit.CHANGES
    assert findings.verdict(StatusReport((status,))) == "There are messages that could not be handled."


def test_fails_when_the_dead_letter_queue_may_not_be_read(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    cloud.deny("GetQueueAttributes", "AccessDenied")

    status = cloud.status(synthesized(REPAIRED))

    assert status.enforcement
    assert status.enforcement.dead_letters is None
    assert [one.partition(": ")[2] for one in status.unseen] == ["not allowed (GetQueueAttributes)"]
    assert exit_status(status) is Exit.ERROR


@pytest.mark.parametrize(("service", "what"), [("sqs", "dead-letter queue"), ("iam", "instance profile")])
def test_a_service_that_cannot_be_reached_hides_nothing_else(cloud: Cloud, service: str, what: str) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1)
    setattr(cloud.aws, service, Unreachable(service))

    status = cloud.status(synthesized(REPAIRED))

    assert [one.drift for one in status.instances] == ["someone has disassociated the profile", "", ""]
    assert all(one.startswith(what) and "AWS can't be reached: Connect timeout" in one for one in status.unseen)
    assert exit_status(status) is Exit.ERROR


def test_a_profile_that_may_not_be_read_is_not_said_to_hold_no_role(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    cloud.iam.refuse("GetInstanceProfile")

    status = cloud.status(synthesized(REPAIRED))

    assert [one.drift for one in status.instances] == ["", "", ""]
    assert exit_status(status) is Exit.ERROR


# Where nothing is enforced


def off(cloud: Cloud) -> str:
    found = enforcement(cloud, REPAIRED).off
    assert found
    assert not found.since or cloud.world.clock() - 4000 < found.since <= cloud.world.clock()
    return found.reason


def test_says_that_an_operation_is_open(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    resource = cloud.deployments[STACK][only_association(synthesized(REPAIRED))]
    resource.begin(resource.event("Update", resource.properties, resource.properties))

    assert off(cloud) == "the latest update is open, and enforcement goes on once it has succeeded"
    assert exit_status(cloud.status(synthesized(REPAIRED))) is Exit.NOTHING


def test_is_not_in_order_if_an_operation_is_open_for_longer_than_any_can_take(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    resource = cloud.deployments[STACK][only_association(synthesized(REPAIRED))]
    resource.begin(resource.event("Update", resource.properties, resource.properties))
    cloud.world.clock.sleep(2 * 3600)

    assert exit_status(cloud.status(synthesized(REPAIRED))) is Exit.CHANGES


def test_says_why_the_latest_operation_has_failed(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1)
    cloud.world.refuse("AssociateIamInstanceProfile", FIRST)
    cloud.fail_to_update(synthesized(replace(REPAIRED, minutes=20)))

    assert off(cloud).startswith("the latest update has failed, and enforcement goes on after one that succeeds: ")
    status = replace(cloud.status(synthesized(REPAIRED)), instances=())
    assert exit_status(status) is Exit.CHANGES
    assert findings.verdict(StatusReport((status,))) == "Nothing is enforced for 1 association."


def test_says_that_a_failed_delete_is_to_be_repeated(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    cloud.fail_to_delete(synthesized(REPAIRED))

    assert off(cloud).startswith(
        "the latest delete has failed, correct the reason and delete the stack again with `cdk destroy`: "
    )
    assert exit_status(replace(cloud.status(synthesized(REPAIRED)), instances=())) is Exit.CHANGES


def test_says_that_the_desired_state_has_an_unknown_format(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    association = f"{STACK_ID}|{only_association(synthesized(REPAIRED))}"
    cloud.world.dynamodb.items["desired", association]["Format"] = {"N": "7"}

    assert off(cloud) == (
        "its desired state has the format 7, which this release can't read: deploy with the current release"
    )


def test_shows_no_drift_from_before_the_latest_operation(cloud: Cloud) -> None:
    deployed(cloud, REPORTED)
    take_off(cloud, 1)
    cloud.messages.enforcement.run(1000)
    assert enforcement(cloud, REPORTED).drift
    cloud.deploy(synthesized(replace(REPORTED, minutes=20)))

    found = enforcement(cloud, replace(REPORTED, minutes=20))

    assert (found.drift, found.last_sweep) == ((), 0)


# Items of the ledger that can't be read


@pytest.mark.parametrize(
    ("kind", "attribute"), [("operation", "StartedAt"), ("copy", "Previous"), ("findings", "Since")]
)
def test_an_item_that_cannot_be_read_is_named_and_the_rest_is_shown(cloud: Cloud, kind: str, attribute: str) -> None:
    deployed(cloud, REPORTED)
    take_off(cloud, 1)
    cloud.messages.enforcement.run(1000)
    association = f"{STACK_ID}|{only_association(synthesized(REPORTED))}"
    key = {
        "operation": ("operation", association),
        "copy": (association, FIRST),
        "findings": (f"findings|{association}", FIRST),
    }[kind]
    cloud.world.dynamodb.items[key][attribute] = {"M": {}}
    name = f"ledger Ledger: item {key[0]} / {key[1]} of the ledger can't be read ({attribute} is {{}}, and not "

    status, plan = cloud.status(synthesized(REPORTED)), cloud.plan(synthesized(REPORTED))

    assert [one for one in status.unseen if one.startswith(name)]
    assert [one for one in plan.unseen if one.startswith(name)]
    assert exit_status(status) is Exit.ERROR


@pytest.mark.parametrize("attribute", ["RequestId", "Format", "Since", "Properties"])
def test_a_desired_state_that_cannot_be_read_is_the_reason_why_nothing_is_enforced(
    cloud: Cloud, attribute: str
) -> None:
    deployed(cloud, REPAIRED)
    association = f"{STACK_ID}|{only_association(synthesized(REPAIRED))}"
    cloud.world.dynamodb.items["desired", association][attribute] = {"L": []}

    assert off(cloud).startswith(f"item desired / {association} of the ledger can't be read ({attribute} is []")
