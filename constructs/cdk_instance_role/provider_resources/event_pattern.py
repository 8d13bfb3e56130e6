"""Which events of EC2 start a look at an instance, as the pattern of an event rule."""

import json
from collections.abc import Iterable
from typing import Any

MAX_PATTERN_LENGTH = 1500
"""Characters, of the 2,048 that EventBridge takes by default:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html"""

_STATES = {
    "source": ["aws.ec2"],
    "detail-type": ["EC2 Instance State-change Notification"],
    "detail": {"state": ["running", "stopped"]},
}
"""https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html"""


def event_pattern(tag_keys: Iterable[str]) -> dict[str, Any]:
    """The pattern for associations that select by some tags.

    It names keys and no values: an event holds the tags as they are afterwards, so a filter on values would miss an
    instance that leaves the selection.

    Args:
        tag_keys: the keys; none if instances are selected by ids only. Where they make the pattern too long, it takes
            changes of all keys.
    """
    keys = sorted(set(tag_keys))
    if not keys:
        return _STATES
    pattern = _states_or_tags({"changed-tag-keys": keys})
    return pattern if len(json.dumps(pattern)) <= MAX_PATTERN_LENGTH else _states_or_tags({})


def _states_or_tags(keys: dict[str, list[str]]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/tag-editor/latest/userguide/monitor-with-eventbridge.html"""
    tags = {
        "source": ["aws.tag"],
        "detail-type": ["Tag Change on Resource"],
        "detail": {"service": ["ec2"], "resource-type": ["instance"], **keys},
    }
    return {"$or": [_STATES, tags]}
