"""What the end-to-end tests run on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localaws.cdk import Cdk
from localaws.ministack import LocalAws
from tests.simulator.hosting import SimulatedAws

KINDS: Mapping[str, type[LocalAws]] = {"emulator": LocalAws, "simulator": SimulatedAws}
"""An emulator whose EC2 is kind, and the same one with an EC2 that behaves like EC2."""


@contextmanager
def bootstrapped(kind: str, folder: Path) -> Iterator[LocalAws]:
    """A local AWS of a kind, whose account is bootstrapped."""
    with KINDS[kind](folder) as aws:
        result = Cdk(aws).bootstrap()
        assert result.ok, result.output
        yield aws
