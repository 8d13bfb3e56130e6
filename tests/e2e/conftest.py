"""One local AWS of each kind for all end-to-end tests; every test has instances, profiles and stacks of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.e2e.kinds import KINDS, bootstrapped

_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only_on(kind): the other kind of local AWS knows nothing of it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
    pointless = [item for item in items if _is_pointless(item)]
    config.hook.pytest_deselected(items=pointless)
    items[:] = [item for item in items if item not in pointless]


def _is_pointless(item: pytest.Item) -> bool:
    only = item.get_closest_marker("only_on")
    return only is not None and f"[{only.args[0]}" not in item.name


@pytest.fixture(scope="session", params=KINDS)
def aws(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS whose account is bootstrapped."""
    with bootstrapped(request.param, tmp_path_factory.mktemp("aws")) as aws:
        yield aws


@pytest.fixture(scope="session")
def commands(aws: LocalAws) -> Iterator[Commands]:
    """The CLI."""
    with Commands(aws) as commands:
        yield commands


@pytest.fixture(scope="session")
def cdk(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> SynthesizedOnce:
    """The CLI with the app of this repository."""
    return SynthesizedOnce(commands, tmp_path_factory.mktemp("assemblies"))


@pytest.fixture(scope="session")
def fleet(aws: LocalAws) -> Fleet:
    """Instances and profiles that belong to no stack."""
    return Fleet(aws)


@pytest.fixture(scope="module")
def unique() -> str:
    """A name that nothing else has."""
    return f"t{next(_numbers)}"
