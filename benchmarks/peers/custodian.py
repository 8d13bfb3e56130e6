"""Cloud Custodian's ``set-instance-profile``: the real package, in a process of its own, over HTTP.

The simulator behind the endpoint is on virtual time. Every request takes its latency there, and where the process
sleeps (see ``custodian_process``) the time passes there, too. The process has one thread, so that is exact.
"""

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.cloud import TAGS, WANTED, Job, Outcome, outcome, populate
from localaws.environment import local_environment, refuse_remote
from localaws.ministack import free_port
from tests.simulator.endpoint import LOOPBACK, Request, endpoint
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.simulator import Simulator
from tests.simulator.wire import Response, parse_form, query_response

NAME = "Cloud Custodian"
ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".custodian" / "bin" / "python"
PROCESS = Path(__file__).with_name("custodian_process.py")
WHO_AM_I = "GetCallerIdentity"
SLEEP = "X-Sleep-Seconds"
"""Header of the request by which the process lets time pass."""


def is_installed() -> bool:
    return PYTHON.exists()


def installed_version() -> str:
    ask = "from importlib.metadata import version; print(version('c7n'))"
    return subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def run(job: Job, count: int, seed: int) -> Outcome:
    simulator = Simulator()
    populate(simulator, job, count, seed)
    failure = _run_policy(simulator)
    return outcome(simulator, NAME, job, count, seed, failure=failure)


def policy() -> Mapping[str, object]:
    """What a user writes: all instances with the tag get the profile."""
    tags = [{f"tag:{key}": value} for key, value in TAGS.items()]
    action = {"type": "set-instance-profile", "name": WANTED}
    return {"policies": [{"name": "attach", "resource": "aws.ec2", "query": tags, "actions": [action]}]}


def _run_policy(simulator: Simulator) -> str:
    """Run it. Returns its error, if there is one."""
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    with tempfile.TemporaryDirectory() as folder, endpoint(port, _Endpoint(simulator).answer, url):
        path = Path(folder, "policy.json")
        path.write_text(json.dumps(policy()))
        environment = local_environment(url, account=ACCOUNT, region=REGION, home=folder)
        refuse_remote(environment)
        ended = subprocess.run(
            [PYTHON, "-P", PROCESS, "run", "--output-dir", folder, "--cache-period", "0", path],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if not ended.returncode:
        return ""
    errors = re.findall(r"^\S*(?:Error|Exception)\b.*$", ended.stderr, re.MULTILINE)
    return errors[-1] if errors else ended.stderr[-500:]


class _Endpoint:
    """What answers the process."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def answer(self, request: Request) -> Response:
        if SLEEP in request.headers:
            self._simulator.clock.sleep(float(request.headers[SLEEP]))
            return Response(200, b"")
        if request.service == "ec2":
            return self._simulator.answer("ec2", request.body, {})
        if (request.service, parse_form(request.body.decode())["Action"]) == ("sts", WHO_AM_I):
            self._simulator.clock.sleep(self._simulator.traffic.latency(WHO_AM_I))
            identity = {"UserId": ACCOUNT, "Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root"}
            return query_response(WHO_AM_I, identity)  # STS speaks as IAM does
        raise NotImplementedError(request.service, request.body)
