"""What the tests of the handler share."""

import logging

import pytest

from tests.simulator.driver import Resource, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def resource(world: World) -> Resource:
    return Resource(world)


@pytest.fixture(autouse=True)
def _all_log_records(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="cdk_instance_role")
