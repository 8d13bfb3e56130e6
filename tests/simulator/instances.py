"""EC2's calls that launch, stop, start and terminate instances."""

from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from tests.simulator.ec2 import Ec2, Parameters
from tests.simulator.fleet import Fleet

RUN_INSTANCES = "RunInstances"


class OwnersEc2(Ec2):
    """EC2 for the owner of instances, too.

    They are there for others to be found, as if they had existed for long: a change of their state takes no time,
    and what they are launched with needs no propagation and is confirmed already.
    """

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(fleet)
        self.actions = {
            **self.actions,
            RUN_INSTANCES: self._run,
            "StopInstances": partial(self._change_states, "stopped"),
            "StartInstances": partial(self._change_states, "running"),
            "TerminateInstances": partial(self._change_states, "terminated"),
        }

    def _run(self, parameters: Parameters) -> Mapping[str, Any]:
        asked, tags = parameters.get("IamInstanceProfile"), _tags(parameters.get("TagSpecification", ()))
        carries = self._carried(asked) if asked else None
        options = parameters.get("MetadataOptions", {})
        more = {
            "user_data": b64decode(parameters.get("UserData", "")).decode(),
            "metadata": options.get("HttpEndpoint", "enabled") == "enabled",
            "hops": int(options.get("HttpPutResponseHopLimit", 1)),
        }
        count = int(parameters["MaxCount"])
        launched = [self.fleet.add_instance(carries, tags=tags, **more) for _ in range(count)]
        instances = [self._described(self.fleet.instances[id_]) for id_ in launched]
        return {"reservationId": f"r-{launched[0][2:]}", "instancesSet": instances}

    def _carried(self, asked: Mapping[str, str]) -> str:
        profile, arn = self._profile(asked)
        if profile is None:
            self._check_known(profile, asked)
        return arn

    def _change_states(self, state: str, parameters: Parameters) -> Mapping[str, Any]:
        changes = []
        for instance in [self._instance(id_) for id_ in parameters["InstanceId"]]:
            before = self.fleet.state(instance.id)
            self.fleet.change_state(instance.id, state)
            changes.append(
                {"instanceId": instance.id, "currentState": {"name": state}, "previousState": {"name": before}}
            )
        return {"instancesSet": changes}


def _tags(specifications: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for one in specifications for tag in one["Tag"]}
