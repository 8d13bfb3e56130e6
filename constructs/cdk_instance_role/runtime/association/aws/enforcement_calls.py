"""The calls that only enforcement makes: when a message comes again, and events about drift. Only writes."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ..batch import chunks
from ..contract import EVENT_SOURCE, EventType
from .errors import text_of

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sqs import SQSClient

EVENTS_PER_CALL = 10
"""https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""


class Queue:
    """The queue of enforcement's messages."""

    def __init__(self, connect: Callable[[], "SQSClient"], url: str) -> None:
        """
        Args:
            connect: makes the client.
            url: of the queue.
        """
        self._connect, self._url = connect, url

    def hide(self, receipt_handle: str, seconds: float) -> str:
        """Have a message that is not deleted come again after so many seconds.

        Returns:
            What AWS had against it; empty if nothing. The message then comes again once its visibility timeout ends.
        """
        try:
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=round(seconds)
            )
        except (ClientError, BotoCoreError) as error:
            return text_of(error)
        return ""

    @cached_property
    def _client(self) -> "SQSClient":
        return self._connect()


@dataclass(frozen=True, slots=True)
class Event:
    """An event for the default event bus."""

    type: EventType
    detail: Mapping[str, Any]
    resources: tuple[str, ...] = ()
    """ARNs of what it is about."""


class EventBus:
    """The default event bus of the account."""

    def __init__(self, connect: Callable[[], "EventBridgeClient"]) -> None:
        """
        Args:
            connect: makes the client, which is needed only if there is something to tell.
        """
        self._connect = connect

    def put(self, events: Iterable[Event]) -> tuple[list[bool], str]:
        """Send events.

        Returns:
            Of each whether the bus has taken it, and what AWS had against the first that it has not; empty if nothing.
        """
        taken: list[bool] = []
        problem = ""
        for some in chunks(events, EVENTS_PER_CALL):
            sent, why = self._put_some(some)
            taken += sent
            problem = problem or why
        return taken, problem

    def _put_some(self, events: list[Event]) -> tuple[list[bool], str]:
        try:
            answer = self._client.put_events(Entries=[_entry(one) for one in events])
        except (ClientError, BotoCoreError) as error:
            return [False] * len(events), text_of(error)
        refused = [one for one in answer["Entries"] if one.get("ErrorCode")]
        problem = f"{refused[0]['ErrorCode']}: {refused[0].get('ErrorMessage', '')}" if refused else ""
        return [not one.get("ErrorCode") for one in answer["Entries"]], problem

    @cached_property
    def _client(self) -> "EventBridgeClient":
        return self._connect()


def _entry(event: Event) -> Any:
    return {
        "Source": EVENT_SOURCE,
        "DetailType": event.type.value,
        "Detail": json.dumps(event.detail),
        "Resources": list(event.resources),
    }
