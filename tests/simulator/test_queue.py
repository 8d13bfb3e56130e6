"""SQS as the handler and Lambda see it, and the default event bus."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.simulator import Simulator
from tests.simulator.sqs import MAX_RECEIVES, QUEUE_URL, VISIBILITY_SECONDS


def test_a_received_message_is_hidden_until_its_visibility_timeout_ends(
    simulator: Simulator, clock: VirtualClock
) -> None:
    simulator.queue.send("hint")
    assert [one.body for one in simulator.queue.receive(10)] == ["hint"]
    clock.sleep(VISIBILITY_SECONDS - 1)
    assert simulator.queue.receive(10) == []
    clock.sleep(2)
    (again,) = simulator.queue.receive(10)
    assert again.receives == 2


@pytest.mark.parametrize("seconds", [0, 5, 60])
def test_a_changed_visibility_counts_from_the_call(
    simulator: Simulator, clients: Clients, clock: VirtualClock, seconds: int
) -> None:
    simulator.queue.send("hint")
    (message,) = simulator.queue.receive(10)
    clock.sleep(30)
    clients.sqs.change_message_visibility(
        QueueUrl=QUEUE_URL, ReceiptHandle=message.receipt_handle, VisibilityTimeout=seconds
    )
    assert message.visible_at == clock.true_time() + seconds


def test_a_message_that_is_received_too_often_goes_to_the_dead_letter_queue(
    simulator: Simulator, clock: VirtualClock
) -> None:
    simulator.queue.send("hint")
    for _ in range(MAX_RECEIVES):
        assert simulator.queue.receive(1)
        clock.sleep(VISIBILITY_SECONDS)
    assert simulator.queue.receive(1) == []
    assert [one.body for one in simulator.queue.dead] == ["hint"]


def test_a_message_expires_after_a_day(simulator: Simulator, clock: VirtualClock) -> None:
    simulator.queue.send("hint")
    clock.sleep(86400)
    assert simulator.queue.receive(1) == []


def test_an_old_receipt_handle_is_refused(simulator: Simulator, clients: Clients, clock: VirtualClock) -> None:
    simulator.queue.send("hint")
    (message,) = simulator.queue.receive(1)
    old = message.receipt_handle
    clock.sleep(VISIBILITY_SECONDS)
    simulator.queue.receive(1)
    with pytest.raises(ClientError, match="ReceiptHandleIsInvalid"):
        clients.sqs.change_message_visibility(QueueUrl=QUEUE_URL, ReceiptHandle=old, VisibilityTimeout=5)


def entry(**more: Any) -> Any:
    return {"Source": "cdk-instance-role", "DetailType": "Test", "Detail": "{}", **more}


def test_events_go_to_the_bus(simulator: Simulator, clients: Clients) -> None:
    answer = clients.events.put_events(Entries=[entry(), entry(Detail='{"number": 2}')])
    assert answer["FailedEntryCount"] == 0
    assert simulator.event_bus.details("Test") == [{}, {"number": 2}]


def test_a_call_accepts_ten_events_at_most(clients: Clients) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        clients.events.put_events(Entries=[entry()] * 11)


def test_no_caller_can_send_events_of_aws(clients: Clients) -> None:
    with pytest.raises(ClientError, match="NotAuthorizedForSource"):
        clients.events.put_events(Entries=[entry(Source="aws.ec2")])
