"""How long ``instance-role plan`` and ``status`` take for many accounts and Regions, and how much memory."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.many_accounts_cloud import DRIFTED, SECONDS
from benchmarks.model import Line, Plot, Samples, Section, Table, Verdict
from localaws.environment import local_environment
from localaws.ministack import ROOT, free_port
from tests.cli.servers import Servers, synthesized, write_assembly_of_places

REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "ap-southeast-2")
ENVIRONMENTS, QUICK_ENVIRONMENTS = (4, 20, 100, 200), (4, 8)
INSTANCES, QUICK_INSTANCES = (50, 500, 2_000), (50, 100)
USUAL_INSTANCES, USUAL_ENVIRONMENTS = 500, 20
OWN = "770000000001"
LIMIT_SECONDS, LIMIT_MEGABYTES = 60.0, 512
COMMANDS = ("plan", "status")

TEXT = f"""\
The whole command, `instance-role plan --app ASSEMBLY --format json` and the same of `status`, from its start to its
end, in a process of its own. The same stack is deployed in four Regions of each account. It selects its instances by
tags, and one of {DRIFTED} instances has lost its profile. For each account and Region but those of its own account, the
command assumes a lookup role. It reads over HTTP from one other process on the same machine. Each answer takes as long
as one of AWS takes about: {SECONDS["DescribeInstances"]} s for a page of instances, {SECONDS["DescribeStacks"]} s for a
stack, {SECONDS["dynamodb"]} s for the ledger. The simulator has made the answers. They are used again for all accounts
and Regions, so that the processor is left to the command."""


@dataclass(frozen=True, slots=True)
class Found:
    """The time and memory of one command."""

    seconds: float
    megabytes: float


def run(runs: int, quick: bool) -> Section:
    """Measure it."""
    by_environments = QUICK_ENVIRONMENTS if quick else ENVIRONMENTS
    by_instances = QUICK_INSTANCES if quick else INSTANCES
    sizes = {(count, USUAL_INSTANCES) for count in by_environments} | {
        (USUAL_ENVIRONMENTS, count) for count in by_instances
    }
    return section({size: _measure(*size, runs) for size in sorted(sizes)})


def section(found: Mapping[tuple[int, int], Mapping[str, list[Found]]]) -> Section:
    """What was found.

    Args:
        found: what the commands took, by accounts and Regions, and instances in each.
    """
    most = max(size for size in found if size[1] == USUAL_INSTANCES)
    verdicts = [verdict for command in COMMANDS for verdict in _verdicts(command, most, found[most][command])]
    return Section(
        title="Many accounts and Regions",
        text=TEXT,
        tables=[
            Table("Seconds and memory", _HEADER, [*_rows(found)], ["Memory is the most that the process has had."])
        ],
        plots=[
            Plot(
                name="many-accounts",
                title="plan and status: accounts and Regions with 500 instances each",
                x="accounts and Regions",
                y="seconds",
                lines=[
                    Line(
                        f"instance-role {command}",
                        [
                            (size[0], _seconds(found[size][command]))
                            for size in sorted(found)
                            if size[1] == USUAL_INSTANCES
                        ],
                    )
                    for command in COMMANDS
                ],
                limit=(f"limit for {ENVIRONMENTS[-1]}", LIMIT_SECONDS),
            )
        ],
        verdicts=verdicts,
        raw={
            f"{places} x {instances}": {
                command: [[one.seconds, one.megabytes] for one in those] for command, those in commands.items()
            }
            for (places, instances), commands in found.items()
        },
    )


_HEADER = ("accounts and Regions", "instances in each", "plan, s", "plan, MB", "status, s", "status, MB")


def _rows(found: Mapping[tuple[int, int], Mapping[str, list[Found]]]) -> Iterator[tuple[str, ...]]:
    for (places, instances), commands in sorted(found.items()):
        yield (
            str(places),
            f"{instances:,}",
            *(text for command in COMMANDS for text in _texts(commands[command])),
        )


def _texts(found: list[Found]) -> tuple[str, str]:
    return _seconds(found).text(".1f"), _megabytes(found).text(".0f")


def _seconds(found: list[Found]) -> Samples:
    return Samples(tuple(one.seconds for one in found))


def _megabytes(found: list[Found]) -> Samples:
    return Samples(tuple(one.megabytes for one in found))


def _verdicts(command: str, size: tuple[int, int], found: list[Found]) -> Iterator[Verdict]:
    places, instances = size
    where = f"{places} accounts and Regions with {instances:,} instances each"
    seconds, megabytes = _texts(found)
    yield Verdict(
        promise=f"`{command}` of {where} in at most {LIMIT_SECONDS:.0f} s",
        measured=f"{seconds} s",
        kept=_seconds(found).median <= LIMIT_SECONDS,
        cause="The command is one process, and reading the answers takes nearly all of its time: it grows with the "
        "instances, and more processors make no difference.",
    )
    yield Verdict(
        promise=f"`{command}` of {where} in at most {LIMIT_MEGABYTES} MB",
        measured=f"{megabytes} MB",
        kept=_megabytes(found).median <= LIMIT_MEGABYTES,
    )


def _measure(places: int, instances: int, runs: int) -> Mapping[str, list[Found]]:
    with tempfile.TemporaryDirectory() as folder, _cloud(Path(folder), instances) as environment:
        app = _assembly(Path(folder), places)
        return {
            command: [_run(command, app, environment, places, instances) for _ in range(runs)] for command in COMMANDS
        }


@contextmanager
def _cloud(folder: Path, instances: int) -> Iterator[Mapping[str, str]]:
    """The environment of a command, with all accounts and Regions behind it."""
    port = free_port()
    environment = local_environment(f"http://127.0.0.1:{port}", account=OWN, region=REGIONS[0], home=str(folder))
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.many_accounts_cloud", str(port), str(instances)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout is not None
        while (line := server.stdout.readline()) != "ready\n":  # before that, the handler's metrics
            if not line:
                raise RuntimeError("the accounts did not start")
        yield environment


def _assembly(folder: Path, places: int) -> Path:
    """The stack in so many accounts and Regions."""
    numbers = range(places)
    where = [(f"{770_000_000_001 + one // len(REGIONS)}", REGIONS[one % len(REGIONS)]) for one in numbers]
    return write_assembly_of_places(folder / "assembly", synthesized(Servers()).template, where)


def _run(command: str, app: Path, environment: Mapping[str, str], places: int, instances: int) -> Found:
    """One command.

    Raises:
        RuntimeError: it does not say what it should.
    """
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "cdk_instance_role.cli", command, "--app", str(app), "--format", "json"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=errors,
        )
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        text = output.read().decode()
        known = len(re.findall(r'"id": "i-[0-9a-f]{17}"', text))
        if process.returncode != (0 if command == "plan" else 2) or known != places * instances:
            raise RuntimeError(f"{command}: {process.returncode}, {known} instances: {errors.read().decode()[-2000:]}")
    return Found(took, usage.ru_maxrss / 1024)
