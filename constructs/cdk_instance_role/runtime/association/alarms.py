"""The alarms of CloudWatch that a rollout watches. Only reads."""

from collections.abc import Callable, Collection
from functools import cached_property
from typing import TYPE_CHECKING

from .batch import chunks

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

NAMES_PER_CALL = 100
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""


class Alarms:
    """Tells which alarms stand in the way of going on."""

    def __init__(self, connect: Callable[[], "CloudWatchClient"]) -> None:
        """
        Args:
            connect: makes the client, which most associations don't need.
        """
        self._connect = connect

    def problems(self, names: Collection[str]) -> list[str]:
        """What is wrong with these alarms, in sentences; nothing if all are there and quiet.

        An alarm without enough data is quiet: the rollout may be what its data come from.
        """
        states = self._states(names)
        wrong = [name for name in names if states.get(name, "") in ("ALARM", "")]
        return [_sentence(name, exists=name in states) for name in wrong]

    def _states(self, names: Collection[str]) -> dict[str, str]:
        states: dict[str, str] = {}
        for chunk in chunks(names, NAMES_PER_CALL):
            # Without the types CloudWatch tells of metric alarms only.
            pages = self._client.get_paginator("describe_alarms").paginate(
                AlarmNames=chunk, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
            for page in pages:
                for alarm in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
                    states[alarm["AlarmName"]] = alarm["StateValue"]
        return states

    @cached_property
    def _client(self) -> "CloudWatchClient":
        return self._connect()


def _sentence(name: str, *, exists: bool) -> str:
    if exists:
        return f"alarm {name} is in ALARM: find out why, or take it out of the rollout's alarms"
    return f"alarm {name} does not exist: create it, or take it out of the rollout's alarms"
