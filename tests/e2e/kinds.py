"""What the end-to-end tests run on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localaws.cdk import Cdk
from localaws.ministack import LocalAws
from localaws.validation import WITHOUT_VALIDATION
from tests.simulator.hosting import SimulatedAws

KINDS: Mapping[str, type[LocalAws]] = {"emulator": LocalAws, "simulator": SimulatedAws}
"""An emulator with a lenient EC2, and the same emulator with an EC2 that behaves like EC2.

`test_story.py` runs on both. Each other test runs on the one that shows more: see the marker `only_on`.
"""


@contextmanager
def bootstrapped(kind: str, folder: Path) -> Iterator[LocalAws]:
    """A local AWS of a kind, whose account is bootstrapped."""
    aws = KINDS[kind](folder)
    # Only the demo and `tests/synth/test_app.py` validate templates. `tests/conftest.py` turns validation off for the
    # other tests, and a local AWS inherits nothing of that.
    aws.environment |= WITHOUT_VALIDATION
    with aws:
        result = Cdk(aws).bootstrap()
        assert result.ok, result.output
        yield aws
