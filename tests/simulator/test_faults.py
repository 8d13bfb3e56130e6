"""What goes wrong on demand: errors, lost answers, slow answers, and an invocation that ends between two calls."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectTimeoutError, ReadTimeoutError

from tests.simulator.calls import Calls, refusal
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.ec2 import ASSOCIATE, DESCRIBE_ASSOCIATIONS, DESCRIBE_INSTANCES, DISASSOCIATE
from tests.simulator.errors import AwsError
from tests.simulator.faults import Failure, KilledError, Traffic
from tests.simulator.fleet import Fleet
from tests.simulator.iam import GET_PROFILE
from tests.simulator.simulator import Simulator

REFUSED = AwsError("UnsupportedOperation", "not today")
OUTAGE = AwsError("InternalError", "An internal error has occurred", HTTPStatus.INTERNAL_SERVER_ERROR)
UNAVAILABLE = AwsError("Unavailable", "The service is unavailable", HTTPStatus.SERVICE_UNAVAILABLE)
URL = "https://ec2.eu-west-1.amazonaws.com/"
DROPPED = ConnectionClosedError(endpoint_url=URL)
NOT_CONNECTED = ConnectTimeoutError(endpoint_url=URL)
NO_ANSWER = ReadTimeoutError(endpoint_url=URL)
TRANSIENT = [
    pytest.param(OUTAGE, ClientError, id="500"),
    pytest.param(UNAVAILABLE, ClientError, id="503"),
    pytest.param(DROPPED, ConnectionClosedError, id="dropped"),
    pytest.param(NOT_CONNECTED, ConnectTimeoutError, id="not-connected"),
    pytest.param(NO_ANSWER, ReadTimeoutError, id="no-answer"),
]


@pytest.fixture
def traffic(simulator: Simulator) -> Traffic:
    return simulator.traffic


@pytest.fixture
def bare(fleet: Fleet) -> str:
    """An instance without a profile."""
    return fleet.add_instance()


def test_a_call_can_be_refused_without_an_effect(
    ec2: Calls, traffic: Traffic, fleet: Fleet, bare: str, web: str
) -> None:
    traffic.fail(ASSOCIATE, REFUSED)
    assert refusal(ec2.associate, bare, web) == ("UnsupportedOperation", "not today")
    assert fleet.carried(bare) is None


@pytest.mark.parametrize(("failure", "error"), TRANSIENT)
@pytest.mark.parametrize("after_effect", [False, True])
def test_an_answer_can_be_lost_before_and_after_the_effect(
    ec2: Calls,
    traffic: Traffic,
    fleet: Fleet,
    bare: str,
    web: str,
    failure: Failure,
    error: type[Exception],
    after_effect: bool,
) -> None:
    traffic.fail(ASSOCIATE, failure, after_effect=after_effect)
    with pytest.raises(error):
        ec2.associate(bare, web)
    assert fleet.carried(bare) == ("Web" if after_effect else None)


@pytest.mark.parametrize(("failure", "error"), TRANSIENT)
def test_a_change_is_not_repeated(
    ec2: Calls, traffic: Traffic, bare: str, web: str, failure: Failure, error: type[Exception]
) -> None:
    traffic.fail(ASSOCIATE, failure)
    with pytest.raises(error):
        ec2.associate(bare, web)
    assert traffic.count(ASSOCIATE) == 1


@pytest.mark.parametrize(("failure", "_error"), TRANSIENT)
def test_a_read_is_repeated(clients: Clients, traffic: Traffic, failure: Failure, _error: type[Exception]) -> None:
    traffic.fail(DESCRIBE_INSTANCES, failure, times=2)
    assert clients.ec2.describe_instances()["Reservations"] == []
    assert traffic.count(DESCRIBE_INSTANCES) == 3


@pytest.mark.parametrize(("failure", "error"), TRANSIENT)
def test_a_read_is_repeated_twice_at_most(
    clients: Clients, traffic: Traffic, failure: Failure, error: type[Exception]
) -> None:
    traffic.fail(DESCRIBE_INSTANCES, failure, times=10)
    with pytest.raises(error):
        clients.ec2.describe_instances()
    assert traffic.count(DESCRIBE_INSTANCES) == 3


def test_a_read_that_is_refused_is_not_repeated(clients: Clients, traffic: Traffic) -> None:
    traffic.fail(DESCRIBE_INSTANCES, REFUSED)
    assert refusal(clients.ec2.describe_instances)[0] == "UnsupportedOperation"
    assert traffic.count(DESCRIBE_INSTANCES) == 1


def test_a_throttled_read_is_repeated_and_a_throttled_change_is_not(
    clients: Clients, ec2: Calls, traffic: Traffic, bare: str, web: str
) -> None:
    traffic.throttle(DESCRIBE_INSTANCES)
    traffic.throttle(ASSOCIATE)
    assert clients.ec2.describe_instances()
    assert refusal(ec2.associate, bare, web)[0] == "RequestLimitExceeded"
    assert (traffic.count(DESCRIBE_INSTANCES), traffic.count(ASSOCIATE)) == (2, 1)


def test_iam_can_fail_too(clients: Clients, traffic: Traffic, web: str) -> None:
    traffic.fail(GET_PROFILE, AwsError("ServiceFailure", "later", HTTPStatus.INTERNAL_SERVER_ERROR), times=1)
    with pytest.raises(ClientError, match="ServiceFailure"):
        clients.iam.get_instance_profile(InstanceProfileName="Web")
    assert clients.iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]["Arn"] == web
    assert traffic.count(GET_PROFILE) == 2


def test_an_answer_can_be_slow(
    ec2: Calls, traffic: Traffic, clock: VirtualClock, fleet: Fleet, bare: str, web: str
) -> None:
    began = clock()
    traffic.delay(ASSOCIATE, seconds=20)
    ec2.associate(bare, web)
    assert clock() - began == 20
    assert fleet.rows[bare][0].since == began  # the effect comes first, and then the wait


def test_an_answer_can_be_lost_after_a_delay(
    ec2: Calls, traffic: Traffic, clock: VirtualClock, bare: str, web: str
) -> None:
    traffic.fail(ASSOCIATE, NO_ANSWER, after_effect=True, seconds=10)
    with pytest.raises(ReadTimeoutError):
        ec2.associate(bare, web)
    assert clock.elapsed == 10


def test_a_fault_happens_the_given_number_of_times(ec2: Calls, traffic: Traffic) -> None:
    traffic.fail(DESCRIBE_ASSOCIATIONS, REFUSED, times=2)
    for _ in range(2):
        assert refusal(ec2.associations)
    assert ec2.associations() == []


def test_a_fault_can_skip_the_first_calls(ec2: Calls, traffic: Traffic) -> None:
    traffic.fail(DESCRIBE_ASSOCIATIONS, REFUSED, skip=2)
    for _ in range(2):
        assert ec2.associations() == []
    assert refusal(ec2.associations)


def test_a_fault_can_hit_some_calls_only(ec2: Calls, traffic: Traffic, fleet: Fleet, web: str) -> None:
    lucky, unlucky = fleet.add_instance(), fleet.add_instance()
    traffic.fail(ASSOCIATE, REFUSED, when=lambda parameters: parameters["InstanceId"] == unlucky)
    assert ec2.associate(lucky, web)
    assert refusal(ec2.associate, unlucky, web)


def test_a_fault_does_not_affect_other_actions(ec2: Calls, traffic: Traffic, bare: str, web: str) -> None:
    traffic.fail(DISASSOCIATE, REFUSED)
    assert ec2.associate(bare, web)


def test_something_can_happen_just_before_a_call(ec2: Calls, traffic: Traffic, fleet: Fleet, web: str) -> None:
    first, second = fleet.add_instance(), fleet.add_instance()
    traffic.meanwhile(ASSOCIATE, lambda: fleet.set_carried(second, web), nth=2)
    assert ec2.associate(first, web)
    assert refusal(ec2.associate, second, web)[0] == "IncorrectState"


def test_every_call_is_on_record(ec2: Calls, traffic: Traffic, clock: VirtualClock, bare: str, web: str) -> None:
    ec2.associate(bare, web)
    clock.sleep(1)
    refusal(ec2.associate, bare, web)
    assert [(call.at, call.error) for call in traffic.calls] == [(clock() - 1, None), (clock(), "IncorrectState")]
    assert [call.parameters["InstanceId"] for call in traffic.refused(ASSOCIATE)] == [bare]


def killed(traffic: Traffic, at: int, call: Callable[..., Any], *arguments: Any) -> list[str]:
    """Let a call be the end of the invocation: the points that it reached."""
    traffic.kill_switch.kill_at = at
    with pytest.raises(KilledError):
        call(*arguments)
    return traffic.kill_switch.points


def test_an_invocation_killed_before_a_call_has_not_made_it(
    ec2: Calls, traffic: Traffic, fleet: Fleet, bare: str, web: str
) -> None:
    assert killed(traffic, 0, ec2.associate, bare, web) == [f"before {ASSOCIATE}"]
    assert fleet.carried(bare) is None


def test_an_invocation_killed_after_a_call_has_made_it(
    ec2: Calls, traffic: Traffic, fleet: Fleet, bare: str, web: str
) -> None:
    assert killed(traffic, 1, ec2.associate, bare, web) == [f"before {ASSOCIATE}", f"after {ASSOCIATE}"]
    assert fleet.carried(bare) == "Web"


def test_after_a_read_there_is_no_kill_point(ec2: Calls, traffic: Traffic) -> None:
    ec2.associations()
    assert traffic.kill_switch.points == [f"before {DESCRIBE_ASSOCIATIONS}"]


def test_after_a_refused_change_there_is_no_kill_point(ec2: Calls, traffic: Traffic, fleet: Fleet) -> None:
    refusal(ec2.associate, fleet.add_instance(), "arn:aws:iam::111122223333:instance-profile/Unknown")
    assert traffic.kill_switch.points == [f"before {ASSOCIATE}"]


def test_distinct_kill_points_are_the_first_one_and_one_after_each_write(
    ec2: Calls, traffic: Traffic, bare: str, web: str
) -> None:
    ec2.associations()
    ec2.associations()
    ec2.associate(bare, web)
    ec2.associations()
    ec2.associations()
    assert [traffic.kill_switch.points[number] for number in traffic.kill_switch.different(0)] == [
        f"before {DESCRIBE_ASSOCIATIONS}",
        f"after {ASSOCIATE}",
    ]
    assert traffic.kill_switch.different(4) == [4]


def test_a_write_from_outside_makes_a_kill_point_distinct(traffic: Traffic) -> None:
    with traffic.kill_switch.write():
        traffic.kill_switch.reach("one")
        traffic.kill_switch.reach("two")
    traffic.kill_switch.reach("three")
    traffic.kill_switch.reach("four")
    assert traffic.kill_switch.different(0) == [0, 1, 2]


def test_a_killed_invocation_cannot_make_calls(
    ec2: Calls, clients: Clients, traffic: Traffic, fleet: Fleet, bare: str, web: str
) -> None:
    killed(traffic, 0, ec2.associations)
    dead: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (ec2.associate, {"instance_id": bare, "arn": web}),
        (clients.ec2.describe_instances, {}),
        (clients.iam.get_instance_profile, {"InstanceProfileName": "Web"}),
        (clients.dynamodb.transact_write_items, {"TransactItems": [{"Delete": {"TableName": "Ledger", "Key": {}}}]}),
    ]
    for call, parameters in dead:
        with pytest.raises(KilledError):
            call(**parameters)
    assert fleet.carried(bare) is None
    assert len(traffic.calls) == 1


def test_a_killed_invocation_does_not_repeat_a_call(clients: Clients, traffic: Traffic) -> None:
    traffic.fail(DESCRIBE_INSTANCES, OUTAGE)
    killed(traffic, 1, clients.ec2.describe_instances)
    assert traffic.count(DESCRIBE_INSTANCES) == 2


def test_the_next_invocation_can_make_calls_again(ec2: Calls, traffic: Traffic, bare: str, web: str) -> None:
    killed(traffic, 0, ec2.associate, bare, web)
    traffic.kill_switch.restart()
    assert ec2.associate(bare, web)
