"""What `instance-role` says before a deployment, compared with what the deployment does."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from cdk_instance_role.cli.main import cli
from localaws.cdk import with_path
from localaws.environment import only
from localaws.fleet import InstanceView
from localaws.ministack import ROOT, LocalAws

REFUSED, CHANGES, NOTHING = 3, 2, 0


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


def run_here(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Result:
    """Run ``instance-role`` in this process, which has loaded everything that it needs.

    Args:
        arguments: of the command line.
        environment: that of a local AWS.
        folder: where to run.
    """
    with only(with_path(environment)), contextlib.chdir(folder):
        result = CliRunner().invoke(cli, arguments)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def said(aws: LocalAws, command: str, app: str, context: Mapping[str, Any]) -> Said:
    """Run ``instance-role`` with a CDK app."""
    given = (f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in context.items())
    arguments = [command, "--format=json", "--app", app, *(part for pair in given for part in ("--context", pair))]
    done = run_here(arguments, aws.environment, ROOT)
    assert done.stdout, done.output
    return Said(done.exit_code, json.loads(done.stdout))
