"""How many calls a deployment makes, and how long EC2's throttling lets them take at least."""

import pytest

from cdk_instance_role.cli.estimate import estimate
from cdk_instance_role.cli.model import Estimate
from cdk_instance_role.runtime.association.pacing import LIMITS
from cdk_instance_role.runtime.association.step import Action, Step

ASSOCIATE, REPLACE, DISASSOCIATE = (
    LIMITS[call]
    for call in (
        "AssociateIamInstanceProfile",
        "ReplaceIamInstanceProfileAssociation",
        "DisassociateIamInstanceProfile",
    )
)


def steps(count: int, action: Action) -> list[Step]:
    return [Step(f"i-{number:017x}", action, "") for number in range(count)]


@pytest.mark.parametrize(
    ("count", "action", "calls", "seconds"),
    [
        (0, Action.ASSOCIATE, 0, 0),
        (1, Action.ASSOCIATE, 1, 0),
        (100, Action.ASSOCIATE, 100, 0),
        (101, Action.ASSOCIATE, 101, 1 / ASSOCIATE.refill),
        (1000, Action.ASSOCIATE, 1000, (1000 - ASSOCIATE.capacity) / ASSOCIATE.refill),
        (1000, Action.REPLACE, 1000, (1000 - REPLACE.capacity) / REPLACE.refill),
        (1000, Action.DISASSOCIATE, 1000, (1000 - DISASSOCIATE.capacity) / DISASSOCIATE.refill),
        (1, Action.SWAP, 2, 0),
        (1000, Action.SWAP, 2000, (1000 - DISASSOCIATE.capacity) / DISASSOCIATE.refill),
    ],
)
def test_counts_calls_and_the_least_time_for_them(count: int, action: Action, calls: int, seconds: float) -> None:
    assert estimate(steps(count, action)) == Estimate(calls, seconds)


def test_takes_three_minutes_for_a_thousand_instances_that_had_no_profile() -> None:
    assert estimate(steps(1000, Action.ASSOCIATE)).seconds == 180


def test_counts_the_second_half_of_a_swap_among_the_associations() -> None:
    found = estimate([*steps(100, Action.ASSOCIATE), *steps(50, Action.SWAP)])

    assert found == Estimate(200, 50 / ASSOCIATE.refill)


def test_lets_different_calls_go_on_at_the_same_time() -> None:
    found = estimate([*steps(200, Action.ASSOCIATE), *steps(200, Action.REPLACE)])

    assert found == Estimate(400, (200 - REPLACE.capacity) / REPLACE.refill)
