"""Changes that EC2 has made although the handler got no answer. They count as made: the previous profile stays in
the ledger, whatever happens to the instance later."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import REPLACE
from tests.simulator.enforcement import REPAIR, Enforcement
from tests.simulator.errors import AwsError

WEB, TAGS = {"app": "web"}, {"app": ["web"]}


def lose_the_answer(world: World) -> None:
    world.traffic.fail(REPLACE, ReadTimeoutError(endpoint_url="https://ec2/"), after_effect=True)


def kill_after_the_call(world: World) -> None:
    kill_switch = world.traffic.kill_switch
    world.traffic.meanwhile(REPLACE, lambda: setattr(kill_switch, "kill_at", len(kill_switch.points) + 1))


def fail_to_write_the_outcome(world: World) -> None:
    world.traffic.fail("TransactWriteItems", AwsError("InternalServerError", "not now", 500), times=9, skip=1)


@pytest.mark.parametrize("enforced", [False, True])
@pytest.mark.parametrize("disturb", [lose_the_answer, kill_after_the_call, fail_to_write_the_outcome])
def test_a_profile_that_is_associated_again_is_not_confused_with_the_first_association(
    world: World, resource: Resource, disturb: Callable[[World], None], enforced: bool
) -> None:
    target, added = world.instance(world.old, tags=WEB), world.instance()
    more: dict[str, Any] = {"enforcement": REPAIR} if enforced else {}
    properties = world.properties(tags=TAGS, replaces=[world.old], **more)
    disturb(world)
    assert resource.create(properties).ok
    world.traffic.kill_switch.kill_at = None
    world.traffic.faults.clear()
    world.clock.sleep(1000)
    world.fleet.set_carried(target, None)
    world.clock.sleep(1000)
    if enforced:
        Enforcement(world).run(2000)
    else:
        world.fleet.set_tags(added, app="web")
        assert resource.update(properties | {"TimeoutSeconds": 900}).ok
    assert world.carried(target) == ["Web"]
    assert resource.delete().ok
    assert world.carried(target, added) == ["Old", None]
    assert world.ledger_items == {}
