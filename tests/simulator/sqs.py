"""A standard queue of SQS with a dead-letter queue, as the handler and Lambda see it.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulator.errors import AwsError

CHANGE_VISIBILITY = "ChangeMessageVisibility"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/Queue"
VISIBILITY_SECONDS, MAX_RECEIVES = 360.0, 100
RETENTION_SECONDS = 86400.0
MAX_VISIBILITY = 43200
_numbers = itertools.count(1)


@dataclass
class Message:
    """A message in the queue."""

    id: str
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0
    receipt_handle: str = ""


class Queue:
    """A queue, and what has come to its dead-letter queue."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """
        Args:
            clock: seconds since the epoch.
        """
        self._clock = clock
        self.messages: list[Message] = []
        self.dead: list[Message] = []
        self.actions: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
            CHANGE_VISIBILITY: self._change_visibility
        }

    def send(self, body: str, *, delay: float = 0.0) -> Message:
        """Send a message, which can be received after so many seconds."""
        now = self._clock()
        message = Message(f"message-{next(_numbers)}", body, now + delay, now + delay)
        self.messages.append(message)
        return message

    def receive(self, number: int) -> list[Message]:
        """Receive messages, and hide them for a while."""
        now = self._clock()
        self.messages = [one for one in self.messages if now - one.sent_at < RETENTION_SECONDS]
        received = []
        for message in [one for one in self.messages if one.visible_at <= now][:number]:
            if message.receives >= MAX_RECEIVES:
                self.messages.remove(message)
                self.dead.append(message)
                continue
            message.receives += 1
            message.visible_at = now + VISIBILITY_SECONDS
            message.receipt_handle = f"{message.id}-{message.receives}"
            received.append(message)
        return received

    def delete(self, message: Message) -> None:
        """Delete a message that was received."""
        self.messages.remove(message)

    @property
    def next_at(self) -> float | None:
        """When the next message can be received, in seconds since the epoch; None if there is none."""
        return min((one.visible_at for one in self.messages), default=None)

    def _change_visibility(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        assert parameters["QueueUrl"] == QUEUE_URL
        seconds = parameters["VisibilityTimeout"]
        if not isinstance(seconds, int) or not 0 <= seconds <= MAX_VISIBILITY:
            raise AwsError("InvalidParameterValue", f"Value {seconds} for parameter VisibilityTimeout is invalid.")
        handle = parameters["ReceiptHandle"]
        found = next((one for one in self.messages if one.receipt_handle == handle), None)
        if found is None:
            raise AwsError("ReceiptHandleIsInvalid", f"The input receipt handle {handle} is invalid.")
        found.visible_at = self._clock() + seconds
        return {}
