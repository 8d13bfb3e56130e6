"""Targets carry the wanted profile by its name, but one that was deleted and created again since."""

import pytest

from cdk_instance_role.cli.model import Event, Exit, PlanReport, Verb
from cdk_instance_role.cli.render import findings
from tests.cli.cloud import Cloud
from tests.cli.servers import Servers, synthesized


@pytest.fixture
def cloud() -> Cloud:
    """An account with three targets, whose profile was deleted and created again."""
    cloud = Cloud()
    for number in (1, 2, 3):
        cloud.instance(number)
    cloud.deploy(synthesized(Servers()))
    cloud.world.clock.sleep(300)
    arn = cloud.profile_of(synthesized(Servers()))
    role_arn = cloud.fleet.profiles[arn].role_arn
    assert role_arn
    cloud.fleet.recreate_profile(arn, role=role_arn.rpartition("/")[2])
    cloud.world.clock.sleep(300)
    return cloud


def test_an_update_changes_all_instances_that_carry_the_deleted_profile(cloud: Cloud) -> None:
    plan = cloud.plan(synthesized(Servers(minutes=20)))
    report = PlanReport((plan,))

    assert [(one.verb, one.changes, one.current == one.planned) for one in plan.instances] == [
        (Verb.REPLACE, True, True),
        (Verb.WAIT, True, True),
        (Verb.WAIT, True, True),
    ]
    assert report.exit is Exit.CHANGES
    assert findings.verdict(report) == "The deployment would change 3 instances."


def test_without_an_update_all_of_them_get_a_warning(cloud: Cloud) -> None:
    plan = cloud.plan(synthesized(Servers()))

    assert plan.event is Event.NONE
    assert [(one.verb, one.changes) for one in plan.instances] == [(Verb.KEEP, False)] * 3
    assert all(one.warnings[0].startswith("it is not as wanted (") for one in plan.instances)
    assert PlanReport((plan,)).exit is Exit.NOTHING
