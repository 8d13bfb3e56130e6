"""How long ``instance-role plan`` takes, as people wait for it in a pull request."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from localaws.environment import refuse_remote
from localaws.ministack import ROOT
from tests.simulator.hosting import SimulatedAws

SIZES, QUICK_SIZES = (10, 1_000, 10_000), (10, 100)
LIMIT_SECONDS = 30.0
TAGS: Mapping[str, str] = {"app": "web"}
OLD = "OldProfile"
CHANGES = 2
"""Exit status of a plan that changes something."""

TEXT = """\
The whole command, `instance-role plan --app 'python app.py' -c instance_roles='{...}'`, from its start to its end, in a
process of its own: it loads Python and the CDK, synthesizes the app of this repository, reads stack, ledger, profiles
and instances, and prints what a deployment would do with every instance. Its instances are selected by tags, and half
of them carry a profile that is to be replaced. It reads from the local AWS over HTTP on the same machine, with the
simulator of EC2 in front of it, whose answers take no longer than it takes to make them."""


def run(runs: int, quick: bool) -> Section:
    """Measure it."""
    sizes = QUICK_SIZES if quick else SIZES
    return section({count: _measure(count, runs) for count in sizes})


def section(found: Mapping[int, Samples]) -> Section:
    """What the samples say.

    Args:
        found: seconds, by the number of instances.
    """
    most = max(found)
    return Section(
        title="Planning",
        text=TEXT,
        tables=[
            Table(
                "Seconds for a plan",
                ("instances", "seconds", f"/ limit of {LIMIT_SECONDS:.0f} s"),
                [
                    (f"{count:,}", samples.text(".1f"), f"{samples.median / LIMIT_SECONDS:.2f}")
                    for count, samples in sorted(found.items())
                ],
            )
        ],
        plots=[
            Plot(
                name="planning",
                title="instance-role plan: from its start to its end",
                x="instances",
                y="seconds",
                lines=[Line("instance-role plan", sorted(found.items()))],
                limit=(f"limit for {SIZES[-1]:,}", LIMIT_SECONDS),
            )
        ],
        verdicts=[
            Verdict(
                promise=f"A plan for {most:,} instances in under {LIMIT_SECONDS:.0f} s",
                measured=f"{found[most].text('.1f')} s",
                kept=found[most].median < LIMIT_SECONDS,
            )
        ],
        raw={"seconds": {str(count): list(samples.values) for count, samples in found.items()}},
    )


def _measure(count: int, runs: int) -> Samples:
    with tempfile.TemporaryDirectory() as folder, SimulatedAws(Path(folder)) as aws:
        _populate(aws, count)
        return Samples(tuple(_seconds(aws, count) for _ in range(runs)))


def _populate(aws: SimulatedAws, count: int) -> None:
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=OLD, AssumeRolePolicyDocument=document)
    arn = iam.create_instance_profile(InstanceProfileName=OLD)["InstanceProfile"]["Arn"]
    iam.add_role_to_instance_profile(InstanceProfileName=OLD, RoleName=OLD)
    for number in range(count):
        aws.simulator.fleet.add_instance(arn if number % 2 else None, tags=TAGS)


def _seconds(aws: SimulatedAws, count: int) -> float:
    """How long one plan takes.

    Raises:
        RuntimeError: it does not say what it should.
    """
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "cdk_instance_role.cli", "plan", *_options()],
        cwd=ROOT,
        env=_environment(aws),
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - began
    if ended.returncode != CHANGES or len(set(re.findall(r"\bi-[0-9a-f]{17}\b", ended.stdout))) != count:
        raise RuntimeError(f"no plan for {count} instances, but {ended.returncode}: {ended.stdout}{ended.stderr}")
    return took


def _options() -> Sequence[str]:
    role = {"managed_policies": ["AmazonS3ReadOnlyAccess"], "replaces": [OLD]}
    roles = {"web": {**role, "instance_tags": {key: [value] for key, value in TAGS.items()}}}
    return "--format", "json", "--app", f"{sys.executable} app.py", "-c", f"instance_roles={json.dumps(roles)}"


def _environment(aws: SimulatedAws) -> Mapping[str, str]:
    refuse_remote(aws.environment)
    path = os.pathsep.join([str(ROOT / ".venv" / "bin"), aws.environment.get("PATH", os.defpath)])
    return {**aws.environment, "PATH": path}
