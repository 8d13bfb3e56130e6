"""What plan says of stacks whose last operation has failed, or is not over."""

import pytest

from cdk_instance_role.cli.model import Event, Exit, PlanReport, Verb
from tests.cli.cloud import Cloud
from tests.cli.planning.test_planning import verbs, with_properties
from tests.cli.servers import Servers, synthesized
from tests.unit.builders import instance_id

ONE, OTHER = Servers(ids=(instance_id(1),)), Servers(ids=(instance_id(2),))
GONE = Servers(associated=False)


@pytest.fixture
def cloud() -> Cloud:
    """An account with a deployed association of the first of two instances."""
    cloud = Cloud()
    cloud.instance(1)
    cloud.instance(2)
    cloud.deploy(synthesized(ONE))
    return cloud


# Resources whose creation has failed


def test_creates_an_association_again_whose_creation_has_failed(cloud: Cloud) -> None:
    cloud.fleet.set_carried(instance_id(1), None)
    cloud.world.clock.sleep(60)
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(synthesized(ONE))

    assert (plan.event, verbs(plan)) == (Event.CREATE, {"web-1": Verb.ASSOCIATE})
    assert PlanReport((plan,)).exit is Exit.CHANGES
    cloud.deploy(synthesized(ONE))
    assert cloud.plan(synthesized(ONE)).event is Event.NONE


def test_foretells_what_becomes_of_what_a_failed_creation_still_holds(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(synthesized(OTHER))

    assert (plan.event, verbs(plan)) == (Event.CREATE, {"web-1": Verb.UNDO, "web-2": Verb.ASSOCIATE})
    cloud.deploy(synthesized(OTHER))
    assert cloud.fleet.active(instance_id(1)) is None
    assert cloud.fleet.active(instance_id(2)) is not None


def test_gives_back_what_a_failed_creation_still_holds_when_the_association_goes(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(synthesized(GONE))

    assert (plan.event, verbs(plan)) == (Event.DELETE, {"web-1": Verb.UNDO})


def test_shows_the_creation_also_where_what_is_wanted_is_not_known(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(with_properties(synthesized(ONE), InstanceIds=["{{resolve:ssm:/web/id}}"]))

    assert plan.event is Event.CREATE


def test_status_shows_what_a_failed_creation_still_holds(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    assert [one.id for one in cloud.status(synthesized(ONE)).instances] == [instance_id(1)]
