"""Runs MiniStack for as long as the process that started it lives. For the interpreter that MiniStack is installed in.

Standard input is a pipe that the other side never writes to: its end means that the other side has ended, even
if it sent no message.

MiniStack's EC2 sends no events. Here it does, as AWS does: about instances that are launched, started, stopped or
tagged. So a rule, its queue and the function behind it are real.
"""

import json
import os
import re
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

GRACE_SECONDS = 2.0
_INSTANCE_ID = re.compile(rb"<instanceId>(i-[0-9a-f]+)</instanceId>")


def stop_with_parent() -> None:
    """Wait until the pipe ends, then end the whole process group."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def publish_events_of_ec2() -> None:
    """Have EC2's calls about states and tags publish the events that AWS publishes."""
    from ministack.services import ec2

    for action, state in (("RunInstances", "running"), ("StartInstances", "running"), ("StopInstances", "stopped")):
        ec2._ACTION_MAP[action] = _publishing_states(ec2._ACTION_MAP[action], state)
    for action in ("CreateTags", "DeleteTags"):
        ec2._ACTION_MAP[action] = _publishing_tags(ec2._ACTION_MAP[action])


def _publishing_states(act: Callable[[Any], Any], state: str) -> Callable[[Any], Any]:
    def act_and_publish(parameters: Any) -> Any:
        answer = act(parameters)
        for instance_id in _instances_in(answer):
            detail = {"instance-id": instance_id, "state": state}
            _publish("aws.ec2", "EC2 Instance State-change Notification", instance_id, detail)
            _publish_tags(instance_id, before={})
        return answer

    return act_and_publish


def _publishing_tags(act: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def act_and_publish(parameters: Any) -> Any:
        from ministack.services import ec2

        ids = [id_ for id_ in ec2._parse_member_list(parameters, "ResourceId") if id_.startswith("i-")]
        before = {id_: _tags(id_) for id_ in ids}
        answer = act(parameters)
        for instance_id in ids:
            _publish_tags(instance_id, before[instance_id])
        return answer

    return act_and_publish


def _instances_in(answer: Any) -> Iterable[str]:
    status, _, body = answer
    text = body if isinstance(body, bytes) else str(body).encode()
    return [found.decode() for found in dict.fromkeys(_INSTANCE_ID.findall(text))] if status == 200 else []


def _tags(instance_id: str) -> dict[str, str]:
    from ministack.services import ec2

    return {tag["Key"]: tag["Value"] for tag in ec2._tags.get(instance_id, ())}


def _publish_tags(instance_id: str, before: Mapping[str, str]) -> None:
    now = _tags(instance_id)
    changed = [key for key in {*before, *now} if before.get(key) != now.get(key)]
    if changed:
        detail = {"changed-tag-keys": changed, "service": "ec2", "resource-type": "instance", "tags": now}
        _publish("aws.tag", "Tag Change on Resource", instance_id, detail)


def _publish(source: str, kind: str, instance_id: str, detail: Mapping[str, Any]) -> None:
    from ministack.core import responses
    from ministack.services import eventbridge

    place = f"{responses.get_region()}:{responses.get_account_id()}"
    entry = {
        "Source": source,
        "DetailType": kind,
        "Detail": json.dumps(detail),
        "Resources": [f"arn:aws:ec2:{place}:instance/{instance_id}"],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


if __name__ == "__main__":
    threading.Thread(target=stop_with_parent, daemon=True).start()
    publish_events_of_ec2()
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
