"""What a deployment would do where two of its associations want different profiles for one instance.

CloudFormation creates them in any order. Each plan is compared with what the handler then does.
"""

from collections.abc import Callable

import pytest
from aws_cdk import Stack

from cdk_instance_role import InstanceRole, InstanceSelection, OnConflict, ReplaceableProfiles
from cdk_instance_role.cli.model import Exit, PlanReport
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, new_app, written
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id

ONE = InstanceSelection.by_ids(instance_id(1))
BY_TAGS = InstanceSelection.by_tags({"app": ["web"]})
REFUSED = "and neither `replaces` the profile of the other: let only one of them select it"


@pytest.fixture
def cloud() -> Cloud:
    """Two instances without a profile."""
    cloud = Cloud()
    cloud.instance(1)
    cloud.instance(2)
    return cloud


def stack_with(define: Callable[[Stack], None]) -> StackArtifact:
    app = new_app()
    define(Stack(app, STACK, env=IRELAND))
    return next(one for one in assembly.read(written(app)) if one.name == STACK)


def two_roles(*, replaces: bool = False, on_conflict: OnConflict = OnConflict.FAIL) -> StackArtifact:
    """Ops selects one instance by its id, and Web all by tags."""

    def define(stack: Stack) -> None:
        ops = InstanceRole(stack, "Ops")
        ops.associate_with("Few", ONE)
        profiles = ReplaceableProfiles.profiles(ops.instance_profile) if replaces else ReplaceableProfiles.none()
        InstanceRole(stack, "Web").associate_with("Fleet", BY_TAGS, replaces=profiles, on_conflict=on_conflict)

    return stack_with(define)


def test_targets_that_neither_may_take_from_the_other_are_a_problem_of_both(cloud: Cloud) -> None:
    stack = two_roles()

    plans = cloud.plans(stack)

    assert {plan.association: plan.problems for plan in plans} == {
        "Ops/Few": (f"Web/Fleet wants Web/InstanceProfile on {instance_id(1)}, too, {REFUSED}",),
        "Web/Fleet": (f"Ops/Few wants Ops/InstanceProfile on {instance_id(1)}, too, {REFUSED}",),
    }
    assert PlanReport(tuple(plans)).exit is Exit.CONFLICTS
    with pytest.raises(AssertionError, match="which `replaces` does not list"):
        cloud.deploy(stack)


def test_the_plan_says_what_the_order_decides_where_one_may_take_from_the_other(cloud: Cloud) -> None:
    plans = cloud.plans(two_roles(replaces=True))

    (of_ops,), (of_web,) = (plan.warnings for plan in sorted(plans, key=lambda one: one.association))
    assert of_ops == (
        f"Web/Fleet wants Web/InstanceProfile on {instance_id(1)}, too, and CloudFormation has no order for the two: "
        "if Ops/Few comes first, the result is Web/InstanceProfile, otherwise the deployment is refused"
    )
    assert of_web == (
        f"Ops/Few wants Ops/InstanceProfile on {instance_id(1)}, too, and CloudFormation has no order for the two: "
        "if Web/Fleet comes first, the deployment is refused, otherwise the result is Web/InstanceProfile"
    )
    assert not any(plan.problems for plan in plans)


def test_the_plan_says_that_an_association_that_keeps_conflicts_comes_too_late(cloud: Cloud) -> None:
    stack = two_roles(on_conflict=OnConflict.KEEP)

    (warning,) = next(plan for plan in cloud.plans(stack) if plan.association == "Ops/Few").warnings

    assert warning.endswith(
        "if Ops/Few comes first, the result is Ops/InstanceProfile, otherwise the deployment is refused"
    )
    cloud.deploy(stack)
    assert "OpsInstanceProfile" in str(cloud.fleet.carried(instance_id(1)))


def test_an_update_that_leaves_an_association_alone_has_no_overlaps(cloud: Cloud) -> None:
    stack = two_roles(replaces=True)
    cloud.deploy(stack)

    plans = cloud.plans(stack)

    assert not any(plan.problems or plan.warnings for plan in plans)


def test_associations_with_one_profile_may_share_targets(cloud: Cloud) -> None:
    def define(stack: Stack) -> None:
        role = InstanceRole(stack, "Web")
        role.associate_with("Few", ONE)
        role.associate_with("Fleet", BY_TAGS)

    plans = cloud.plans(stack_with(define))

    assert not any(plan.problems or plan.warnings for plan in plans)
