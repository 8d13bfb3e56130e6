"""Metrics of an operation, as lines of the log that CloudWatch makes metrics of: that needs no call and no right.

Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
from collections.abc import Mapping

from ..contract import ASSOCIATION_DIMENSION, METRIC_NAMESPACE, STACK_DIMENSION, EnforcementMetric, Metric
from ..request.event import Request

_UNITS = {EnforcementMetric.ENFORCEMENT_LAG: "Seconds"}


def write(request: Request, values: Mapping[Metric, int] | Mapping[EnforcementMetric, float], now: float) -> None:
    """Write one line with these metrics.

    It goes to standard output as it is: as a record of `logging`, Lambda would wrap it, and CloudWatch not know it.

    Args:
        request: the event, whose association they are of.
        values: the metrics.
        now: seconds since the epoch.
    """
    definition = {
        "Namespace": METRIC_NAMESPACE,
        "Dimensions": [[STACK_DIMENSION, ASSOCIATION_DIMENSION]],
        "Metrics": [{"Name": metric.value, "Unit": _unit(metric)} for metric in values],
    }
    line = {
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [definition]},
        STACK_DIMENSION: request.stack_name,
        ASSOCIATION_DIMENSION: request.logical_id,
        **{metric.value: value for metric, value in values.items()},
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _unit(metric: Metric | EnforcementMetric) -> str:
    return _UNITS.get(metric, "Count") if isinstance(metric, EnforcementMetric) else "Count"
