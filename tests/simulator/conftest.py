"""What the tests of the simulator share: real boto3 clients on it, and two instance profiles."""

from typing import TYPE_CHECKING

import pytest

from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING
from tests.simulator.calls import Calls
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


@pytest.fixture
def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
def clients(simulator: Simulator) -> Clients:
    return Clients.of(simulator, reading=READING, changing=ONE_ATTEMPT)


@pytest.fixture
def ec2(clients: Clients) -> Calls:
    """EC2, with every call made once."""
    return Calls(clients.ec2_changes)


@pytest.fixture
def iam(clients: Clients) -> "IAMClient":
    return clients.iam


@pytest.fixture
def fleet(simulator: Simulator) -> Fleet:
    return simulator.fleet


@pytest.fixture
def clock(simulator: Simulator) -> VirtualClock:
    assert isinstance(simulator.clock, VirtualClock)
    return simulator.clock


@pytest.fixture
def web(fleet: Fleet) -> str:
    """ARN of an instance profile."""
    return fleet.add_profile("Web")


@pytest.fixture
def old(fleet: Fleet) -> str:
    """ARN of another one."""
    return fleet.add_profile("Old")
