"""What the handler takes to start: its imports and clients, beside boto3 alone with the same clients."""

import compileall
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.handler_fresh import fresh
from benchmarks.model import Samples
from localaws.ministack import ROOT

ASSET = ROOT / "constructs" / "cdk_instance_role" / "runtime"

COLLECTING = """
import boto3
clients = [boto3.client(name) for name in ("ec2", "iam", "dynamodb")]
"""
BOTO3 = f"""
import gc
gc.disable()
{COLLECTING}
gc.freeze()
gc.enable()
"""
HANDLER = """
from association.entry import handle
"""
PROGRAM = """
import time
began, cpu = time.perf_counter(), time.process_time()
{body}
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
from benchmarks.handler_memory import answer, peak_memory
answer({{"seconds": seconds, "cpu": cpu, "memory": peak_memory()}})
"""


@dataclass(frozen=True, slots=True)
class Start:
    """The cost of a start, run by run. The runs of all programs alternated."""

    seconds: Samples
    cpu: Samples
    """Seconds of processor time."""
    memory: Samples
    """Most megabytes at a time."""


def measure(runs: int, folder: Path) -> Mapping[str, Start]:
    """Start each program a number of times, alternately.

    Args:
        runs: number of times.
        folder: an empty folder.
    """
    deployed, compiled = (_asset(folder / name) for name in ("deployed", "compiled"))
    compileall.compile_dir(compiled, quiet=1)
    programs = {
        # As in the handler: garbage is collected once everything is imported.
        "boto3 alone": (BOTO3, deployed),
        "boto3 alone, collecting garbage meanwhile": (COLLECTING, deployed),
        # Lambda can't write bytecode beside the sources, so every cold start compiles them.
        "the handler, as deployed": (HANDLER, deployed),
        "the handler, compiled before": (HANDLER, compiled),
    }
    found: dict[str, list[Mapping[str, float]]] = {name: [] for name in programs}
    for run in range(runs + 1):
        for name, (body, asset) in programs.items():
            measured = _start(body, asset, folder)
            if run:  # the first one reads what the others find in memory
                found[name].append(measured)
    return {name: _start_of(measured) for name, measured in found.items()}


def _asset(folder: Path) -> Path:
    """The sources as they are deployed: without bytecode."""
    shutil.copytree(ASSET, folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    return folder


def _start(body: str, asset: Path, home: Path) -> Mapping[str, float]:
    measured: Mapping[str, float] = fresh(
        ["-c", PROGRAM.format(body=body)],
        home,
        PYTHONPATH=str(asset),
    )
    return measured


def _start_of(measured: list[Mapping[str, float]]) -> Start:
    return Start(*(Samples(tuple(one[what] for one in measured)) for what in ("seconds", "cpu", "memory")))
