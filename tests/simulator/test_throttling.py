"""EC2's token buckets: one per action, shared by everyone in the account and Region."""

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_instance_role.runtime.association.services import ONE_ATTEMPT, READING
from tests.simulator.buckets import ALL_INSTANCES
from tests.simulator.calls import refusal
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.simulator import Simulator

INSTANCE, ASSOCIATION = "i-0123456789abcdef0", "iip-assoc-0123456789abcdef0"
PROFILE = {"Arn": "arn:aws:iam::111122223333:instance-profile/Web"}
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "AssociateIamInstanceProfile": (
        "associate_iam_instance_profile",
        {"InstanceId": INSTANCE, "IamInstanceProfile": PROFILE},
    ),
    "DisassociateIamInstanceProfile": ("disassociate_iam_instance_profile", {"AssociationId": ASSOCIATION}),
    "ReplaceIamInstanceProfileAssociation": (
        "replace_iam_instance_profile_association",
        {"AssociationId": ASSOCIATION, "IamInstanceProfile": PROFILE},
    ),
    "DescribeIamInstanceProfileAssociations": ("describe_iam_instance_profile_associations", {}),
    "DescribeInstances": ("describe_instances", {"MaxResults": 1000}),
    ALL_INSTANCES: ("describe_instances", {}),
}
BUCKETS = [
    ("AssociateIamInstanceProfile", 100, 5),
    ("DisassociateIamInstanceProfile", 100, 5),
    ("ReplaceIamInstanceProfileAssociation", 50, 5),
    ("DescribeIamInstanceProfileAssociations", 100, 20),
    ("DescribeInstances", 100, 20),
    (ALL_INSTANCES, 50, 10),
]
THROTTLED = ("RequestLimitExceeded", "Request limit exceeded.")

GetsThrough = Callable[..., int]


@pytest.fixture
def gets_through(clients: Clients) -> GetsThrough:
    """Makes calls until one is throttled, and counts those before it. Their other parameters do not matter."""

    def count(action: str, **other: Any) -> int:
        name, parameters = CALLS[action]
        call = getattr(clients.ec2_changes, name)
        for calls in range(200):
            try:
                call(**(other or parameters))
            except ClientError as error:
                if error.response["Error"]["Code"] == THROTTLED[0]:
                    return calls
        raise AssertionError("never throttled")

    return count


@pytest.mark.parametrize(("action", "capacity", "_refill"), BUCKETS)
def test_a_full_bucket_allows_its_capacity_at_once(
    gets_through: GetsThrough, action: str, capacity: int, _refill: int
) -> None:
    # The changes among them are refused, as there is no such instance. That takes a token, too.
    assert gets_through(action) == capacity


@pytest.mark.parametrize(("action", "_capacity", "refill"), BUCKETS)
def test_an_empty_bucket_allows_its_refill_per_second(
    gets_through: GetsThrough, clock: VirtualClock, action: str, _capacity: int, refill: int
) -> None:
    gets_through(action)
    clock.sleep(3)
    assert gets_through(action) == 3 * refill


def test_a_bucket_holds_no_more_than_its_capacity(gets_through: GetsThrough, clock: VirtualClock) -> None:
    clock.sleep(3600)
    assert gets_through("ReplaceIamInstanceProfileAssociation") == 50


def test_every_action_has_a_bucket_of_its_own(gets_through: GetsThrough) -> None:
    gets_through("AssociateIamInstanceProfile")
    assert gets_through("ReplaceIamInstanceProfileAssociation") == 50
    assert gets_through("DisassociateIamInstanceProfile") == 100


@pytest.mark.parametrize("narrowed", [{"MaxResults": 5}, {"Filters": [{"Name": "instance-id", "Values": [INSTANCE]}]}])
def test_calls_with_pages_or_filters_use_the_larger_bucket(gets_through: GetsThrough, narrowed: dict[str, Any]) -> None:
    gets_through(ALL_INSTANCES)
    assert gets_through("DescribeInstances", **narrowed) == 100


def test_a_throttled_call_takes_no_token(gets_through: GetsThrough, clients: Clients, clock: VirtualClock) -> None:
    gets_through("ReplaceIamInstanceProfileAssociation")
    name, parameters = CALLS["ReplaceIamInstanceProfileAssociation"]
    for _ in range(100):
        refusal(getattr(clients.ec2_changes, name), **parameters)
    clock.sleep(1)
    assert gets_through("ReplaceIamInstanceProfileAssociation") == 5


def test_a_throttled_call_has_no_effect(simulator: Simulator, gets_through: GetsThrough, clients: Clients) -> None:
    web, instance = simulator.fleet.add_profile("Web"), simulator.fleet.add_instance()
    gets_through("AssociateIamInstanceProfile")
    refused = refusal(
        clients.ec2_changes.associate_iam_instance_profile, InstanceId=instance, IamInstanceProfile={"Arn": web}
    )
    assert (refused, simulator.fleet.carried(instance)) == (THROTTLED, None)


def test_a_throttled_call_answers_503(gets_through: GetsThrough, clients: Clients) -> None:
    gets_through("DescribeIamInstanceProfileAssociations")
    with pytest.raises(ClientError) as caught:
        clients.ec2_changes.describe_iam_instance_profile_associations()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.SERVICE_UNAVAILABLE


def test_all_callers_in_the_account_share_a_bucket(
    simulator: Simulator, gets_through: GetsThrough, clock: VirtualClock
) -> None:
    simulator.buckets.share("AssociateIamInstanceProfile", others=3)
    gets_through("AssociateIamInstanceProfile")
    clock.sleep(10)
    assert gets_through("AssociateIamInstanceProfile") == 20


def test_other_callers_can_use_all_tokens(simulator: Simulator, gets_through: GetsThrough, clock: VirtualClock) -> None:
    simulator.buckets.share("AssociateIamInstanceProfile", others=5)
    gets_through("AssociateIamInstanceProfile")
    clock.sleep(3600)
    assert gets_through("AssociateIamInstanceProfile") == 0


def test_other_callers_can_empty_a_full_bucket(
    simulator: Simulator, gets_through: GetsThrough, clock: VirtualClock
) -> None:
    simulator.buckets.share("AssociateIamInstanceProfile", others=25)
    clock.sleep(5)
    assert gets_through("AssociateIamInstanceProfile") == 0


def test_another_account_or_region_has_buckets_of_its_own(gets_through: GetsThrough) -> None:
    gets_through("DescribeInstances")
    Simulator().buckets.take("DescribeInstances", {"MaxResults": "1000"})


def test_a_throttled_read_that_is_repeated_succeeds(
    gets_through: GetsThrough, clients: Clients, simulator: Simulator
) -> None:
    gets_through("DescribeInstances")
    before = simulator.traffic.count("DescribeInstances")
    clients.ec2.describe_instances(MaxResults=1000)
    assert simulator.traffic.count("DescribeInstances") > before + 1


def test_calls_can_be_throttled_at_random(simulator: Simulator, clients: Clients) -> None:
    """Whatever is left in the bucket. They take no token."""
    simulator.traffic.throttle_at_random("DescribeInstances", "AssociateIamInstanceProfile", share=0.2, seed=1)
    for _ in range(1000):
        with suppress(ClientError):
            clients.ec2_changes.describe_instances(MaxResults=1000)
        simulator.clock.sleep(1 / 20)
    assert 160 <= len(simulator.traffic.refused("DescribeInstances")) <= 240
    assert simulator.traffic.refused("AssociateIamInstanceProfile") == []


def test_the_same_calls_are_throttled_at_random_every_time() -> None:
    def throttled(seed: int) -> list[bool]:
        simulator = Simulator()
        clients = Clients.of(simulator, reading=READING, changing=ONE_ATTEMPT)
        simulator.traffic.throttle_at_random("DescribeInstances", share=0.5, seed=seed)
        for _ in range(50):
            with suppress(ClientError):
                clients.ec2_changes.describe_instances(MaxResults=1000)
        return [call.error is not None for call in simulator.traffic.calls]

    assert throttled(1) == throttled(1) != throttled(2)


def test_a_neighbour_uses_tokens_of_the_bucket(
    simulator: Simulator, gets_through: GetsThrough, clock: VirtualClock
) -> None:
    """Of five tokens in a second it takes three on average."""
    gets_through("AssociateIamInstanceProfile")
    neighbour = simulator.buckets.add_neighbour(clock, "AssociateIamInstanceProfile", 3, seed=1)
    clock.sleep(30)
    assert 60 <= neighbour.calls <= 120
    assert gets_through("AssociateIamInstanceProfile") == min(100, 30 * 5 - neighbour.calls + neighbour.throttled)


def test_a_neighbour_is_throttled_if_others_use_all_tokens(
    simulator: Simulator, gets_through: GetsThrough, clock: VirtualClock
) -> None:
    neighbour = simulator.buckets.add_neighbour(clock, "ReplaceIamInstanceProfileAssociation", 1, seed=1)
    clock.sleep(60)
    assert (neighbour.throttled_share, neighbour.calls > 30) == (0, True)
    before = neighbour.calls
    for _ in range(300):
        gets_through("ReplaceIamInstanceProfileAssociation")
        clock.sleep(0.2)
    assert neighbour.throttled > 0.3 * (neighbour.calls - before)
