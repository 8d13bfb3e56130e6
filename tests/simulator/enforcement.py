"""Plays EC2's events, the scheduler, the queue and Lambda's poller in front of the function that enforces."""

import itertools
import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_instance_role.runtime.association import handler
from tests.simulator.driver import World
from tests.simulator.event_bus import Ec2Events
from tests.simulator.faults import KilledError
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.sqs import Message

QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:Queue"
BATCH_SIZE = 10
EVERY = 900.0
REPAIR = {"Mode": "repair", "EverySeconds": "900", "MaxChanges": "10%"}
REPORT = {"Mode": "report", "EverySeconds": "900"}
_numbers = itertools.count(1)


class Enforcement:
    """The function that enforces, and what invokes it."""

    def __init__(self, world: World, *, every: float = EVERY, seed: int = 1) -> None:
        """
        Args:
            world: the AWS that it is in.
            every: seconds between two sweeps.
            seed: of what happens to events at random.
        """
        self.world, self.every = world, every
        self.queue = world.aws.queue
        self.events = Ec2Events(world.fleet, self.queue, seed=seed)
        self._next_sweep = world.clock.true_time() + every
        self.invocations = 0
        self.failed = 0
        """Invocations that ended with an error or were killed."""

    def run(self, seconds: float) -> None:
        """Let time pass: sweeps are sent, and messages are handled when they arrive."""
        clock = self.world.clock
        until = clock.true_time() + seconds
        while True:
            at = min(self.queue.next_at or self._next_sweep, self._next_sweep)
            if at > until:
                break
            clock.sleep(max(0.0, at - clock.true_time()))
            if self._next_sweep <= clock.true_time():
                self.sweep()
                self._next_sweep += self.every
            self.invoke()
        clock.sleep(max(0.0, until - clock.true_time()))

    def sweep(self, **more: Any) -> None:
        """Send the message of a sweep."""
        self.queue.send(json.dumps({"Kind": "Sweep", **more}))

    def invoke(self) -> None:
        """Handle the messages that can be received, as many as one invocation gets."""
        messages = self.queue.receive(BATCH_SIZE)
        if not messages:
            return
        self.invocations += 1
        event = {"Records": [record_of(message) for message in messages]}
        try:
            answer = handler.on_queue(event, self.world.services, owner=f"enforcement-{next(_numbers)}")
        except (ClientError, BotoCoreError):
            self.failed += 1
            return
        except KilledError:
            self.failed += 1
            self.world.traffic.kill_switch.restart()
            self.world.clock.stop_all()
            return
        again = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        for message in messages:
            if message.id not in again:
                self.queue.delete(message)


def record_of(message: Message) -> dict[str, Any]:
    """A message as Lambda delivers it."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receives),
            "SentTimestamp": str(int(message.sent_at * 1000)),
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": REGION,
    }
