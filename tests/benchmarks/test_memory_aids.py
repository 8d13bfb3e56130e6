"""What a benchmark calculates only once is the same as what is calculated each time."""

from typing import Any

from benchmarks.memory_aids import remembering
from tests.simulator.driver import World

PAGE, INSTANCES = 1_000, 1_100
TOO_MANY = 3


def test_every_page_keeps_its_own_token_and_instances() -> None:
    """The next page is asked for with it: with that of another page a look never ends."""
    world = World()
    ids = world.instances(INSTANCES)

    with remembering():
        token: dict[str, Any] = {}
        found: list[list[str]] = []
        for _ in range(TOO_MANY):
            page = world.services.ec2.describe_instances(MaxResults=PAGE, **token)
            found.append([one["InstanceId"] for each in page["Reservations"] for one in each["Instances"]])
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}

    assert [len(one) for one in found] == [PAGE, INSTANCES - PAGE]
    assert sorted(id_ for one in found for id_ in one) == sorted(ids)
