"""Create events for one target on the local AWS: to our provider, and to one whose function has nothing to do."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.cdk import Cdk
from localaws.fleet import Fleet
from localaws.ministack import ROOT, LocalAws
from tests.e2e.stack import handler_arn, outputs

STACK = "Benchmark"
OURS, IDLE = "ours", "nothing to do"
PHASES = ("on_event", "is_complete")
_APP = f"python {Path(__file__).with_name('one_target_app.py').relative_to(ROOT)}"
_LOGICAL_ID, _DONE, _FAILED = "Resource", "CREATE_COMPLETE", "CREATE_FAILED"
_MAX_SECONDS = 120.0


@contextmanager
def deployed(folder: Path) -> Iterator["Bench"]:
    """Both providers, deployed on a local AWS that runs for as long as the block lasts.

    Raises:
        RuntimeError: the deployment has failed.
    """
    with LocalAws(folder) as aws:
        cdk, fleet = Cdk(aws, app=_APP), Fleet(aws)
        for result in (cdk.bootstrap(), cdk.deploy(context={"stack": STACK, "instance": fleet.launch()})):
            if not result.ok:
                raise RuntimeError(result.output)
        yield Bench(aws, fleet)


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the function itself."""

    seconds: float
    answer: Mapping[str, Any]


class Bench:
    """Sends events, and tells how long they took."""

    def __init__(self, aws: LocalAws, fleet: Fleet) -> None:
        self._aws, self._fleet, self._number = aws, fleet, 0
        self._outputs = outputs(aws, STACK)
        self._functions = {OURS: handler_arn(aws, STACK), IDLE: self._outputs["IdleFunction"]}
        self._cloudformation, self._lambda = aws.client("cloudformation"), aws.client("lambda")

    def create(self, which: str) -> float:
        """Seconds from the Create event of CloudFormation to the response, for a new target that has no profile.

        CloudFormation writes down when it begins with a resource and when that is complete. The stack is deleted
        afterwards.
        """
        self._number += 1
        name = f"Target{self._number}"
        stack = self._cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(self._template(which)))
        began, ended = self._times(stack["StackId"])
        self._cloudformation.delete_stack(StackName=name)
        self._wait_until_deleted(stack["StackId"])
        return ended - began

    def invoke(self, which: str) -> Mapping[str, Invocation]:
        """Call both phases of the function, without CloudFormation, the framework and its waiter around it."""
        self._number += 1
        event = {
            "RequestType": "Create",
            "RequestId": f"request-{self._number}",
            "ResponseURL": "http://127.0.0.1:9/",
            "StackId": f"arn:aws:cloudformation:{self._aws.region}:{self._aws.account}:stack/Direct/{self._number}",
            "LogicalResourceId": _LOGICAL_ID,
            "ResourceType": "Custom::InstanceProfileAssociation",
            "ResourceProperties": self._properties(which),
        }
        first = self._invoke(which, event)
        return {PHASES[0]: first, PHASES[1]: self._invoke(which, {**event, **first.answer})}

    def _invoke(self, which: str, event: Mapping[str, Any]) -> Invocation:
        began = time.perf_counter()
        found = self._lambda.invoke(FunctionName=self._functions[which], Payload=json.dumps(event))
        seconds, answer = time.perf_counter() - began, json.load(found["Payload"])
        if "FunctionError" in found:
            raise RuntimeError(answer)
        return Invocation(seconds, answer)

    def _template(self, which: str) -> Mapping[str, Any]:
        properties = self._properties(which)
        return {"Resources": {_LOGICAL_ID: {"Type": "Custom::Target", "Properties": properties}}}

    def _properties(self, which: str) -> Mapping[str, Any]:
        if which == IDLE:
            return {"ServiceToken": self._outputs["IdleToken"]}
        return {
            "ServiceToken": self._outputs["OursToken"],
            "InstanceProfileArn": self._outputs["ProfileArn"],
            "RoleArn": self._outputs["RoleArn"],
            "InstanceIds": [self._fleet.launch()],
            "Replaces": [],
            "OnConflict": "FAIL",
            "TimeoutSeconds": "1800",
        }

    def _times(self, stack_id: str) -> tuple[float, float]:
        """When the event was sent and when the response came, in seconds since the epoch."""
        for events in self._polled(stack_id):
            times = {one["ResourceStatus"]: one for one in events if one["LogicalResourceId"] == _LOGICAL_ID}
            if _FAILED in times:
                raise RuntimeError(times[_FAILED])
            if _DONE in times:
                began, ended = (times[status]["Timestamp"] for status in ("CREATE_IN_PROGRESS", _DONE))
                return began.timestamp(), ended.timestamp()
        raise TimeoutError(f"{stack_id} was not created within {_MAX_SECONDS:.0f} s")

    def _wait_until_deleted(self, stack_id: str) -> None:
        for _ in self._polled(stack_id):
            (stack,) = self._cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
            if stack["StackStatus"] == "DELETE_COMPLETE":
                return
        raise TimeoutError(f"{stack_id} was not deleted within {_MAX_SECONDS:.0f} s")

    def _polled(self, stack_id: str) -> Iterator[list[Any]]:
        """The events of a stack, again and again, seldom enough to leave the local AWS its time."""
        deadline = time.monotonic() + _MAX_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.2)
            yield self._cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
