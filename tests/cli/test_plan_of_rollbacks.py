"""`plan` knows a rollback by the handler's rule (design 5.3): the last update of the association has failed and is
still open, and the new properties are those from before it."""

import pytest

from cdk_instance_role.cli.model import AssociationPlan, Event, Verb
from cdk_instance_role.cli.planning.association_plan import ROLLBACK
from cdk_instance_role.rollout import Rollout
from tests.cli.cloud import Cloud
from tests.cli.servers import Servers, synthesized
from tests.simulator.ec2 import ASSOCIATE

ONE, TWO = "i-00000000000000001", "i-00000000000000002"
WAVES = Rollout.in_waves(first=1)
A = Servers(ids=(ONE,), rollout=WAVES)
B = Servers(ids=(ONE, TWO), rollout=WAVES)
C = Servers(ids=(ONE,), rollout=WAVES, minutes=20)


@pytest.fixture
def cloud() -> Cloud:
    """A is deployed. The update to B has failed, because EC2 refuses its second instance, and nothing was taken back.
    Then somebody has given the first one another profile."""
    cloud = Cloud()
    cloud.instance(1)
    cloud.instance(2)
    cloud.deploy(synthesized(A))
    cloud.world.refuse(ASSOCIATE, TWO)
    cloud.deploy_in_vain(synthesized(B))
    cloud.fleet.set_carried(ONE, cloud.foreign)
    cloud.world.clock.sleep(3600)
    return cloud


def verbs(plan: AssociationPlan) -> dict[str, Verb]:
    return {one.id: one.verb for one in plan.instances}


def test_the_properties_from_before_a_failed_update_are_a_rollback(cloud: Cloud) -> None:
    plan = cloud.plan(synthesized(A))

    assert plan.event is Event.UPDATE
    assert ROLLBACK in plan.warnings
    assert not plan.problems
    assert plan.rollout is None
    assert Verb.CONFLICT not in verbs(plan).values()


def test_the_handler_does_what_the_plan_of_a_rollback_says(cloud: Cloud) -> None:
    plan = cloud.plan(synthesized(A))
    cloud.deploy(synthesized(A))

    carried = dict(zip((ONE, TWO), cloud.world.carried(ONE, TWO), strict=True))
    planned = {one.id: one.planned.arn if one.planned else None for one in plan.instances}
    assert {id_: arn and arn.rpartition("/")[2] for id_, arn in planned.items()} == {
        id_: carried[id_] for id_ in planned
    }
    assert carried == {ONE: "Foreign", TWO: None}


def test_other_properties_after_a_failed_update_are_no_rollback(cloud: Cloud) -> None:
    plan = cloud.plan(synthesized(C))

    assert ROLLBACK not in plan.warnings
    assert verbs(plan)[ONE] is Verb.CONFLICT


def test_a_return_after_an_update_that_succeeded_is_no_rollback(cloud: Cloud) -> None:
    cloud.traffic.faults.clear()
    cloud.fleet.set_carried(ONE, cloud.profile_of(synthesized(A)))
    cloud.deploy(synthesized(B))
    cloud.fleet.set_carried(ONE, cloud.foreign)

    plan = cloud.plan(synthesized(A))

    assert ROLLBACK not in plan.warnings
    assert verbs(plan)[ONE] is Verb.CONFLICT
