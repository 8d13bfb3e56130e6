"""Who has changed the instance profile of an instance last: CloudTrail's event history knows, also without a trail.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..aws.partial_reader import PartialReader
from ..lazy import lazy
from ..status_model import LatestChange

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient
    from mypy_boto3_cloudtrail.type_defs import EventTypeDef, LookupAttributeTypeDef

MAX_INSTANCES = 50
"""Instances that are looked up in one account and Region."""
MAX_PAGES, PAGE_SIZE = 4, 50
SECONDS_BETWEEN_CALLS = 0.5
"""LookupEvents takes two calls a second, in each account and Region."""

_WHAT = "who has changed the instances (cloudtrail:LookupEvents)"
_ASSOCIATE = "AssociateIamInstanceProfile"
_BY_ASSOCIATION = ("ReplaceIamInstanceProfileAssociation", "DisassociateIamInstanceProfile")
"""Calls that name an association. Whether their events name the instance as a resource is not documented."""
_INSTANCE_ID = re.compile(r"i-[0-9a-f]{8,17}")


class History:
    """The event history of one account and Region."""

    def __init__(self, cloudtrail: "CloudTrailClient", reader: PartialReader, sleep: Callable[[float], None]) -> None:
        """
        Args:
            cloudtrail: client of the account and Region.
            reader: remembers what could not be seen.
            sleep: waits for so many seconds.
        """
        self._paginator, self._reader, self._sleep = cloudtrail.get_paginator("lookup_events"), reader, sleep
        self._left = MAX_INSTANCES

    def latest(self, instance_ids: Sequence[str]) -> tuple[LatestChange, ...]:
        """Who has changed these instances last, as far as there is room for them among all that are asked about.

        Args:
            instance_ids: the instances.
        """
        asked = instance_ids[: self._left]
        self._left -= len(asked)
        return self._reader.fetch(_WHAT, lambda: tuple(map(self._latest, asked)), ())

    def _latest(self, instance_id: str) -> LatestChange:
        named = self._pages({"AttributeKey": "ResourceName", "AttributeValue": instance_id})
        found = next((change for change in named if change.instance == instance_id), None)
        candidates = [change for change in (found, self._by_association.get(instance_id)) if change]
        return max(candidates, key=lambda one: one.at, default=LatestChange(instance_id, "", "", 0.0))

    @lazy
    def _by_association(self) -> dict[str, LatestChange]:
        """The latest calls that name an association, by the instances in their parameters or answers."""
        latest: dict[str, LatestChange] = {}
        for action in _BY_ASSOCIATION:
            for change in self._pages({"AttributeKey": "EventName", "AttributeValue": action}):
                known = latest.get(change.instance)
                if known is None or known.at < change.at:
                    latest[change.instance] = change
        return latest

    def _pages(self, attribute: "LookupAttributeTypeDef") -> Iterator[LatestChange]:
        """The changes of some pages, the latest first."""
        pages = iter(self._paginator.paginate(LookupAttributes=[attribute], PaginationConfig={"PageSize": PAGE_SIZE}))
        for _ in range(MAX_PAGES):
            self._sleep(SECONDS_BETWEEN_CALLS)
            page = next(pages, None)
            if page is None:
                return
            for event in page.get("Events", ()):
                yield from _changes(event)
            if not page.get("NextToken"):
                return


def _changes(event: "EventTypeDef") -> Iterator[LatestChange]:
    """The instances that an event is about. A call that was refused has changed nothing."""
    action = event.get("EventName", "")
    if action not in (_ASSOCIATE, *_BY_ASSOCIATION):
        return
    try:
        body: Any = json.loads(event.get("CloudTrailEvent", "{}"))
    except ValueError:
        body = {}
    if not isinstance(body, dict) or body.get("errorCode"):
        return
    named = [one.get("ResourceName") for one in event.get("Resources", ())]
    for instance_id in dict.fromkeys(_ids([named, body.get("requestParameters"), body.get("responseElements")])):
        yield LatestChange(instance_id, _who(body, event), action, event["EventTime"].timestamp())


def _ids(value: Any) -> Iterator[str]:
    """The instance ids anywhere in a value: where they are differs between calls."""
    match value:
        case Mapping():
            yield from _ids([*value.values()])
        case list():
            for part in value:
                yield from _ids(part)
        case str() if _INSTANCE_ID.fullmatch(value):
            yield value


def _who(body: Mapping[str, Any], event: "EventTypeDef") -> str:
    identity = body.get("userIdentity")
    known = identity if isinstance(identity, Mapping) else {}
    found = (known.get("arn"), known.get("invokedBy"), event.get("Username"), known.get("principalId"))
    return next((str(one) for one in found if one), "an unknown identity")
