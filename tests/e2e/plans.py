"""What `instance-role` says before a deployment, compared with what the deployment does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.environment import refuse_remote
from localaws.fleet import InstanceView
from localaws.ministack import ROOT, LocalAws

REFUSED, CHANGES, NOTHING = 3, 2, 0
MAX_SECONDS = 120.0


@dataclass(frozen=True)
class Said:
    """What a command has said."""

    status: int
    document: Mapping[str, Any]

    @property
    def instances(self) -> dict[str, Mapping[str, Any]]:
        """What is said of every instance, by its id."""
        return {one["id"]: one for plan in self.document["associations"] for one in plan["instances"]}

    def mistakes(
        self, before: Mapping[str, InstanceView], after: Mapping[str, InstanceView], *, ok: bool
    ) -> Iterator[str]:
        """What has happened differently from the plan."""
        if ok is (self.status == REFUSED):
            yield f"the plan ended with {self.status}, and the deployment {'went well' if ok else 'failed'}"
        for id_, reader in after.items():
            carried, planned = before[id_].profile_arn, self.instances.get(id_)
            if planned is None or not ok:
                expected = carried
            elif planned["planned"] and planned["planned"]["is_new"]:
                expected = None if carried == reader.profile_arn else reader.profile_arn  # its name was not known
            else:
                expected = planned["planned"] and planned["planned"]["arn"]
            if planned and carried != (planned["current"] and planned["current"]["arn"]):
                yield f"{id_} carried {carried}, and the plan said {planned['current']}"
            if reader.profile_arn != expected:
                yield f"{id_} carries {reader.profile_arn}, and the plan said {expected}"


def said(aws: LocalAws, command: str, app: str, context: Mapping[str, Any]) -> Said:
    """Run ``instance-role`` with a CDK app."""
    refuse_remote(aws.environment)
    path = os.pathsep.join([str(ROOT / ".venv" / "bin"), aws.environment.get("PATH", os.defpath)])
    given = (f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in context.items())
    done = subprocess.run(
        [sys.executable, "-m", "cdk_instance_role.cli", command, "--format=json", "--app", app]
        + [part for pair in given for part in ("--context", pair)],
        cwd=ROOT,
        env={**aws.environment, "PATH": path},
        capture_output=True,
        text=True,
        timeout=MAX_SECONDS,
    )
    assert done.stdout, done.stderr
    return Said(done.returncode, json.loads(done.stdout))
