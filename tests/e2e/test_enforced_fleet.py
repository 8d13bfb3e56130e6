"""Enforcement on the local AWS: EC2's events, the rule, the queue and the function are real."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.enforced import STACK, TAGS, Enforced
from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.e2e.kinds import bootstrapped
from tests.e2e.stack import entries

SECONDS = 30.0


@pytest.fixture(scope="module")
def own_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with bootstrapped("emulator", tmp_path_factory.mktemp("enforced")) as aws:
        yield aws


@pytest.fixture(scope="module")
def enforced(own_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    with Commands(own_aws) as commands:
        cdk = SynthesizedOnce(commands, tmp_path_factory.mktemp("assemblies"))
        deployed = Enforced(Fleet(own_aws), cdk)
        result = deployed.deploy()
        assert result.ok, result.output
        yield deployed


def queues(aws: LocalAws) -> list[str]:
    return list(aws.client("sqs").list_queues().get("QueueUrls", ()))


def messages(aws: LocalAws, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def wait_until(is_so: Any, what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_a_new_instance_has_the_role_seconds_after_its_launch(own_aws: LocalAws, enforced: Enforced) -> None:
    arrival = enforced.launch()
    assert arrival.seconds < 15
    assert arrival.id in entries(own_aws, STACK)


def test_an_instance_that_gets_the_tag_gets_the_role(own_aws: LocalAws, enforced: Enforced) -> None:
    fleet = Fleet(own_aws)
    id_ = fleet.launch()
    ((key, value),) = TAGS.items()
    fleet.tag(id_, key, value)
    wait_until(lambda: enforced.carries_ours(id_), "the tag has changed nothing")


@pytest.mark.usefixtures("own_aws")
def test_a_profile_that_somebody_removes_is_associated_again(enforced: Enforced) -> None:
    arrival = enforced.launch()
    enforced.remove_profile(arrival.id)
    result = enforced.reconcile()
    assert result.ok, result.output
    wait_until(lambda: enforced.carries_ours(arrival.id), result.output)


@pytest.mark.usefixtures("enforced")
def test_an_invalid_message_is_deleted(own_aws: LocalAws) -> None:
    sqs = own_aws.client("sqs")
    first, second = queues(own_aws)
    attributes = sqs.get_queue_attributes(QueueUrl=first, AttributeNames=["RedrivePolicy"]).get("Attributes", {})
    queue, dead_letters = (first, second) if attributes.get("RedrivePolicy") else (second, first)
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"Kind": "Nonsense"}))
    wait_until(lambda: messages(own_aws, queue) == 0, "a message is left")
    assert messages(own_aws, dead_letters) == 0


@pytest.mark.usefixtures("enforced")
def test_the_schedule_sends_sweeps_to_the_queue(own_aws: LocalAws) -> None:
    scheduler = own_aws.client("scheduler")
    (one,) = scheduler.list_schedules()["Schedules"]
    schedule = scheduler.get_schedule(Name=one["Name"])
    assert schedule["ScheduleExpression"] == "rate(15 minutes)"
    assert json.loads(schedule["Target"]["Input"]) == {"Kind": "Sweep"}


def test_destroy_restores_late_arrivals_too(own_aws: LocalAws, enforced: Enforced) -> None:
    result = enforced.destroy()
    assert result.ok, result.output
    assert {reader.profile for reader in Fleet(own_aws).look(settled=True).values()} == {None}
    assert queues(own_aws) == []
    assert enforced.deploy().ok, "the other tests need the stack, and may run in any order"
