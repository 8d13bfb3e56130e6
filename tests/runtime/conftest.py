"""What the tests of the handler share."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_instance_role.runtime.association.aws import rate_limiter
from cdk_instance_role.runtime.association.converge import execution
from cdk_instance_role.runtime.association.request.event import Request
from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING
from localaws.ministack import LocalAws
from tests.runtime import ledgers, moto_aws
from tests.runtime.ledgers import LedgerUser
from tests.simulator import buckets
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import MUTATING
from tests.simulator.simulator import Simulator


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def resource(world: World) -> Resource:
    return Resource(world)


@pytest.fixture
def a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """EC2 lets a tenth of the changes through, at once and in a second, and a batch of a deployment is a tenth as
    large. So a hundred targets take the time of a thousand, and as many batches. It acts on worlds made after it."""
    for action in MUTATING:
        capacity, refill = buckets.LIMITS[action]
        monkeypatch.setitem(buckets.LIMITS, action, (capacity / 10, refill / 10))
        limit = rate_limiter.Limit(capacity / 10, refill / 10)
        monkeypatch.setitem(rate_limiter.LIMITS, action, limit)
    monkeypatch.setattr(execution, "STEPS_PER_BATCH", execution.STEPS_PER_BATCH // 10)


@pytest.fixture(autouse=True)
def _all_log_records(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="cdk_instance_role")


# The ledger, on three implementations of DynamoDB


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def simulator(clock: VirtualClock) -> Simulator:
    return Simulator(clock)


@pytest.fixture
def simulated_dynamodb(simulator: Simulator) -> Any:
    simulator.dynamodb.page_size = 7
    return Clients.of(simulator, reading=READING, changing=ONE_ATTEMPT).dynamodb


@pytest.fixture(scope="session")
def local_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with LocalAws(tmp_path_factory.mktemp("ministack")) as aws:
        dynamodb = aws.client("dynamodb")
        ledgers.create_table(dynamodb)
        yield dynamodb


@pytest.fixture
def local_dynamodb(local_table: Any) -> Iterator[Any]:
    yield local_table
    ledgers.empty_table(local_table)


@pytest.fixture
def moto_dynamodb() -> Iterator[Any]:
    with moto_aws.account() as account:
        yield account.dynamodb


@pytest.fixture(params=["simulated", "local", "moto"])
def dynamodb(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{request.param}_dynamodb")


@pytest.fixture
def user(dynamodb: Any, clock: VirtualClock) -> LedgerUser:
    """A ledger on one of them."""
    return LedgerUser(dynamodb, clock)


@pytest.fixture
def simulated(simulated_dynamodb: Any, clock: VirtualClock) -> LedgerUser:
    """A ledger on the simulator, which can fail on demand."""
    return LedgerUser(simulated_dynamodb, clock)


@pytest.fixture
def request_() -> Request:
    return ledgers.request()
