"""The default event bus: what was sent to it, and the events of EC2 that a rule sends to a queue.

EC2's events come late, twice, in another order, or never: they are best effort.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html
"""

import json
import random
from collections.abc import Mapping
from typing import Any

from tests.simulator.copies import Numbers
from tests.simulator.errors import AwsError
from tests.simulator.fleet import Fleet
from tests.simulator.sqs import Queue

PUT_EVENTS = "PutEvents"
MAX_ENTRIES = 10


class EventBridge:
    """What others have sent to the default bus."""

    def __init__(self) -> None:
        self.entries: list[Mapping[str, Any]] = []
        self.actions = {PUT_EVENTS: self._put_events}

    def details(self, detail_type: str) -> list[Mapping[str, Any]]:
        """The details of the events of a type, in the order in which they came."""
        return [json.loads(one["Detail"]) for one in self.entries if one["DetailType"] == detail_type]

    def _put_events(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        entries = parameters["Entries"]
        if not 1 <= len(entries) <= MAX_ENTRIES:
            raise AwsError("ValidationException", "Member must have length less than or equal to 10")
        if any(one["Source"].startswith("aws.") for one in entries):
            raise AwsError("NotAuthorizedForSourceException", "Not authorized for the source.")
        self.entries += entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": f"event-{number}"} for number in range(len(entries))]}


class Ec2Events:
    """Sends EC2's events about the instances of a fleet to a queue, as the rule in the template selects them."""

    def __init__(self, fleet: Fleet, queue: Queue, *, seed: int = 1) -> None:
        """
        Args:
            fleet: the instances.
            queue: target of the rule.
            seed: of what happens at random.
        """
        self._fleet, self._queue, self._versions = fleet, queue, Numbers()
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self.lost = self.doubled = 0.0
        """Shares of the events that never come, and that come twice."""
        self.latest = 0.0
        """Seconds that an event takes at most."""
        fleet.on_event = self.happen

    def happen(self, kind: str, instance_id: str) -> None:
        """Send the event about a change of the state or the tags of an instance."""
        if kind == "state" and self._fleet.state(instance_id) not in ("running", "stopped"):
            return
        event = self._state_change(instance_id) if kind == "state" else self._tag_change(instance_id)
        if self._dice.random() < self.lost:
            return
        for _ in range(2 if self._dice.random() < self.doubled else 1):
            self._queue.send(json.dumps(event), delay=self._dice.random() * self.latest)

    def _state_change(self, instance_id: str) -> dict[str, Any]:
        detail = {"instance-id": instance_id, "state": self._fleet.state(instance_id)}
        return self._event("aws.ec2", "EC2 Instance State-change Notification", instance_id, detail)

    def _tag_change(self, instance_id: str) -> dict[str, Any]:
        instance = self._fleet.instances[instance_id]
        before = instance.former_tags[-1][1] if instance.former_tags else {}
        changed = [key for key in {*before, *instance.tags} if before.get(key) != instance.tags.get(key)]
        detail = {
            "changed-tag-keys": changed,
            "service": "ec2",
            "resource-type": "instance",
            "version": next(self._versions),
            "tags": dict(instance.tags),
        }
        return self._event("aws.tag", "Tag Change on Resource", instance_id, detail)

    def _event(self, source: str, kind: str, instance_id: str, detail: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "version": "0",
            "id": f"event-{next(self._versions)}",
            "detail-type": kind,
            "source": source,
            "account": self._fleet.account,
            "region": self._fleet.region,
            "resources": [self._fleet.instance_arn(instance_id)],
            "detail": detail,
        }
