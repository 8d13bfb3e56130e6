"""Clients are reused for other simulators, and behave like new ones."""

import gc
from contextlib import suppress
from typing import Any

import botocore.endpoint
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING
from tests.simulator.clients import Clients
from tests.simulator.dynamodb import GET, TABLE
from tests.simulator.ec2 import DESCRIBE_INSTANCES
from tests.simulator.errors import AwsError
from tests.simulator.simulator import Simulator

MANY = 60
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 3})
NO_RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 1})


def clients_of(simulator: Simulator) -> Clients:
    return Clients.of(simulator, reading=RETRIES, changing=NO_RETRIES)


def describe(clients: Clients) -> None:
    clients.ec2.describe_instances(MaxResults=5)


def look_up(clients: Clients) -> None:
    clients.dynamodb.get_item(TableName=TABLE, Key={"Kind": {"S": "a"}, "Id": {"S": "b"}}, ConsistentRead=True)


def used_up() -> Clients:
    """Clients of an unused simulator, after so many throttled calls that botocore no longer retries."""
    simulator = Simulator()
    clients = clients_of(simulator)
    for action, call in ((DESCRIBE_INSTANCES, describe), (GET, look_up)):
        simulator.traffic.throttle(action, times=3 * MANY)
        for _ in range(MANY):
            with pytest.raises(ClientError):
                call(clients)
        assert simulator.traffic.count(action) < 3 * MANY, "botocore's quota is not empty"
    return clients


def test_the_clients_of_an_unused_simulator_are_reused_with_a_full_retry_quota() -> None:
    used = used_up()
    gc.collect()
    simulator = Simulator()
    clients = clients_of(simulator)
    assert clients is used
    for action, call in ((DESCRIBE_INSTANCES, describe), (GET, look_up)):
        simulator.traffic.fail(action, AwsError("RequestLimitExceeded", "slow down", 503), times=2)
        call(clients)
        assert simulator.traffic.count(action) == 3


@pytest.mark.parametrize("times", [0, 1, 10])
def test_after_a_call_botocore_sleeps_in_real_time_again(times: int) -> None:
    """Its next call in this thread may be to another service."""
    simulator = Simulator()
    clients = clients_of(simulator)
    simulator.traffic.throttle(DESCRIBE_INSTANCES, times=times)
    with suppress(ClientError):
        describe(clients)
    before = simulator.clock()
    botocore_time: Any = vars(botocore.endpoint)["time"]
    botocore_time.sleep(0.001)
    assert simulator.clock() == before


def test_simulators_at_the_same_time_have_clients_of_their_own() -> None:
    one, other = Simulator(), Simulator()
    first, second = clients_of(one), clients_of(other)
    describe(first)
    describe(second)
    assert first is not second
    assert (one.traffic.count(DESCRIBE_INSTANCES), other.traffic.count(DESCRIBE_INSTANCES)) == (1, 1)


def test_clients_are_reused_with_their_own_configuration_only() -> None:
    simulator = Simulator()
    used = Clients.of(simulator, reading=READING, changing=ONE_ATTEMPT)
    del simulator
    gc.collect()
    assert clients_of(Simulator()) is not used
