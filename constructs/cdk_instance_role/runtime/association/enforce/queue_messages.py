"""From a message of the queue to what it hints at. Nothing in a message is trusted: it only says where to look."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..contract import SWEEP, Message
from ..request.desired import INSTANCE_ID

STATE_CHANGE, TAG_CHANGE = "EC2 Instance State-change Notification", "Tag Change on Resource"
SHOWN = 200
"""Characters of a message that can't be understood in the log."""


class MessageError(Exception):
    """A message that nobody should send. It is logged and deleted."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What a message says."""

    id: str
    """Of the message."""
    receipt_handle: str
    sent_at: float
    """Seconds since the epoch, as the queue has noted it."""
    receives: int
    """How often it was delivered, this time included."""
    instance_id: str | None = None
    """The instance that an event of EC2 is about. None: a sweep is to be made."""
    tags: Mapping[str, str] | None = None
    """All tags that the instance had then, if the event says so."""
    association: str | None = None
    """The only association that a sweep is to look at. None: all of them, each when it is due."""
    resumes: bool = False
    """Whether paused changes go on."""

    @property
    def is_sweep(self) -> bool:
        return self.instance_id is None


def parse(record: Mapping[str, Any]) -> Hint:
    """What a message says, as Lambda delivers it.

    Raises:
        MessageError: it is none of those that are expected; the text says why.
    """
    attributes = record["attributes"]
    known = {
        "id": record["messageId"],
        "receipt_handle": record["receiptHandle"],
        "sent_at": int(attributes["SentTimestamp"]) / 1000,
        "receives": int(attributes["ApproximateReceiveCount"]),
    }
    try:
        body = json.loads(record["body"])
    except (ValueError, RecursionError):
        raise MessageError(f"it is not JSON: {record['body'][:SHOWN]!r}") from None
    if not isinstance(body, dict):
        raise MessageError(f"it is not a map: {record['body'][:SHOWN]!r}")
    if body.get(Message.KIND) == SWEEP:
        association = body.get(Message.ASSOCIATION)
        if association is not None and not isinstance(association, str):
            raise MessageError(f"its {Message.ASSOCIATION} is not a text")
        return Hint(**known, association=association, resumes=body.get(Message.RESUME) is True)
    instance_id, tags = _of_event(body, record["eventSourceARN"].split(":"))
    return Hint(**known, instance_id=instance_id, tags=tags)


def _of_event(body: Mapping[str, Any], queue: list[str]) -> tuple[str, Mapping[str, str] | None]:
    """The instance that an event of EC2 is about, and its tags then."""
    region, account = queue[3], queue[4]
    if (body.get("account"), body.get("region")) != (account, region):
        raise MessageError(f"it is from {body.get('region')} (account {body.get('account')}), not {region} ({account})")
    detail, kind = body.get("detail"), body.get("detail-type")
    if not isinstance(detail, dict) or kind not in (STATE_CHANGE, TAG_CHANGE):
        raise MessageError(f"it is neither a sweep nor an event of an instance: {str(kind)[:SHOWN]!r}")
    resources = body.get("resources")
    resource = str(resources[0]) if isinstance(resources, list) and resources else ""
    found = detail.get("instance-id") if kind == STATE_CHANGE else resource.rpartition("/")[2]
    if not isinstance(found, str) or not INSTANCE_ID.fullmatch(found):
        raise MessageError(f"it names no instance: {str(found)[:SHOWN]!r}")
    tags = detail.get("tags") if kind == TAG_CHANGE else None
    is_known = isinstance(tags, dict) and all(isinstance(value, str) for value in tags.values())
    return found, tags if is_known else None
