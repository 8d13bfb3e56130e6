"""CloudWatch's API on the model, as far as a rollout asks: which alarms there are, and their states."""

from collections.abc import Mapping
from typing import Any

from tests.simulator.fleet import Fleet

DESCRIBE_ALARMS = "DescribeAlarms"
MAX_NAMES = 100


class CloudWatch:
    """What CloudWatch answers."""

    def __init__(self) -> None:
        self.alarms: dict[str, str] = {}
        """States of metric alarms, by name."""
        self.composite_alarms: dict[str, str] = {}
        """States of composite alarms, by name."""
        self._scheduled: dict[str, int] = {}

    def schedule_alarm(self, name: str, *, after: int | None) -> None:
        """Let a metric alarm go into ALARM after a number of reads; None: it stays OK."""
        self.alarms[name] = "OK"
        self._scheduled.pop(name, None)
        if after is not None:
            self._scheduled[name] = after

    def describe_alarms(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """The alarms of these names. Without types in the request, only metric alarms are in the answer."""
        names = parameters["AlarmNames"]
        assert 0 < len(names) <= MAX_NAMES
        for name in self._scheduled.keys() & set(names):
            self._scheduled[name] -= 1
            if self._scheduled[name] < 0:
                self.alarms[name] = "ALARM"
        types = parameters.get("AlarmTypes", ["MetricAlarm"])
        return {
            "MetricAlarms": _shown(self.alarms, names) if "MetricAlarm" in types else [],
            "CompositeAlarms": _shown(self.composite_alarms, names) if "CompositeAlarm" in types else [],
        }

    def resources(self, parameters: Mapping[str, Any], fleet: Fleet) -> list[str]:
        """The resources that a caller needs rights for. Composite alarms need the right to all alarms."""
        names = parameters["AlarmNames"]
        if "CompositeAlarm" in parameters.get("AlarmTypes", ()):
            return ["*"]
        return [f"arn:aws:cloudwatch:{fleet.region}:{fleet.account}:alarm:{name}" for name in names]


def _shown(alarms: Mapping[str, str], names: list[str]) -> list[Mapping[str, str]]:
    return [{"AlarmName": name, "StateValue": alarms[name]} for name in names if name in alarms]
