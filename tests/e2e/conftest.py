"""One local AWS for all end-to-end tests; every test has instances, profiles and stacks of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.cdk import Cdk
from localaws.fleet import Fleet
from localaws.ministack import LocalAws

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS whose account is bootstrapped."""
    with LocalAws(tmp_path_factory.mktemp("aws")) as aws:
        bootstrapped = Cdk(aws).bootstrap()
        assert bootstrapped.ok, bootstrapped.output
        yield aws


@pytest.fixture(scope="session")
def cdk(aws: LocalAws) -> Cdk:
    """The CLI with the app of this repository."""
    return Cdk(aws)


@pytest.fixture(scope="session")
def fleet(aws: LocalAws) -> Fleet:
    """Instances and profiles that belong to no stack."""
    return Fleet(aws)


@pytest.fixture(scope="module")
def unique() -> str:
    """A name that nothing else has."""
    return f"t{next(_numbers)}"
