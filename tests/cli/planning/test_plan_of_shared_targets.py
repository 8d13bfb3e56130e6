"""What a deployment would do where two of its associations want different profiles for one instance.

CloudFormation creates them in any order. Each plan is compared with what the handler then does.
"""

from collections.abc import Callable, Sequence

import pytest
from aws_cdk import CfnCondition, CfnResource, Fn, NestedStack, Stack
from constructs import Construct

from cdk_instance_role import (
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    OnConflict,
    ReplaceableProfiles,
)
from cdk_instance_role.cli.model import AssociationPlan, Exit, PlanReport, Verb
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, new_app, written
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id

Order = Callable[[InstanceProfileAssociation, InstanceProfileAssociation], None]
"""Lets associations depend on one another: Few, and Fleet."""
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


def two_roles(
    *,
    replaces: bool = False,
    on_conflict: OnConflict = OnConflict.FAIL,
    few: InstanceSelection = ONE,
    order: Order | None = None,
) -> StackArtifact:
    """Ops selects one instance by its id, and Web all by tags. They may be given an order."""

    def define(stack: Stack) -> None:
        ops = InstanceRole(stack, "Ops")
        first = ops.associate_with("Few", few)
        profiles = ReplaceableProfiles.profiles(ops.instance_profile) if replaces else ReplaceableProfiles.none()
        web = InstanceRole(stack, "Web")
        second = web.associate_with("Fleet", BY_TAGS, replaces=profiles, on_conflict=on_conflict)
        if order:
            order(first, second)

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


def test_an_association_with_the_path_of_another_one_shares_neither_its_problems_nor_its_order(cloud: Cloud) -> None:
    cloud.instance(3, tags={})

    def define(stack: Stack) -> None:
        few = InstanceRole(stack, "Ops").associate_with("Few", ONE)
        web = InstanceRole(stack, "Web")
        web.associate_with("Fleet", BY_TAGS)
        alone = InstanceProfileAssociation(
            Construct(web, "Resource"),  # which the path for people leaves out
            "Fleet",
            instance_profile=InstanceRole(stack, "Alone").instance_profile,
            instances=InstanceSelection.by_ids(instance_id(3)),
        )
        few.node.add_dependency(alone)

    plans = cloud.plans(stack_with(define))

    found = {(plan.association, *(row.id for row in plan.instances)): len(plan.problems) for plan in plans}
    assert found == {
        ("Ops/Few", instance_id(1)): 1,
        ("Web/Fleet", instance_id(1), instance_id(2)): 1,
        ("Web/Fleet", instance_id(3)): 0,
    }


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


# Dependencies


def topic(few: InstanceProfileAssociation, logical_id: str) -> CfnResource:
    return CfnResource(Stack.of(few), logical_id, type="AWS::SNS::Topic", properties={})


def directly(few: InstanceProfileAssociation, fleet: InstanceProfileAssociation) -> None:
    fleet.node.add_dependency(few)


def by_way_of_another(few: InstanceProfileAssociation, fleet: InstanceProfileAssociation) -> None:
    between = topic(few, "Between")
    between.node.add_dependency(few)
    fleet.node.add_dependency(between)


def by_a_reference(few: InstanceProfileAssociation, fleet: InstanceProfileAssociation) -> None:
    between = topic(few, "Between")
    between.add_property_override("DisplayName", Fn.join("", ["targets: ", few.associated_count]))
    fleet.node.add_dependency(between)


def by_way_of_what_is_not_made(few: InstanceProfileAssociation, fleet: InstanceProfileAssociation) -> None:
    is_america = Fn.condition_equals(Fn.ref("AWS::Region"), "us-east-1")
    in_america = CfnCondition(Stack.of(few), "InAmerica", expression=is_america)
    left_out, between = topic(few, "LeftOut"), topic(few, "Between")
    left_out.cfn_options.condition = in_america
    left_out.node.add_dependency(few)
    between.add_property_override("DisplayName", Fn.condition_if("InAmerica", left_out.ref, "none"))
    fleet.node.add_dependency(between)


def rows(plans: Sequence[AssociationPlan]) -> dict[str, dict[str, Verb]]:
    return {plan.association: {one.name: one.verb for one in plan.instances} for plan in plans}


@pytest.mark.parametrize("order", [directly, by_way_of_another, by_a_reference])
def test_the_second_association_takes_an_instance_from_the_one_that_it_depends_on(cloud: Cloud, order: Order) -> None:
    stack = two_roles(replaces=True, order=order)

    plans = cloud.plans(stack)

    assert rows(plans) == {
        "Ops/Few": {"web-1": Verb.ASSOCIATE},
        "Web/Fleet": {"web-1": Verb.REPLACE, "web-2": Verb.ASSOCIATE},
    }
    warning = f"Web/Fleet depends on Ops/Few, so it comes second and finds Ops/InstanceProfile on {instance_id(1)}"
    assert [plan.warnings for plan in plans] == [(warning,), (warning,)]
    assert PlanReport(tuple(plans)).exit is Exit.CHANGES
    before = cloud.world.mutations
    cloud.deploy(stack)
    assert cloud.world.mutations - before == sum(plan.estimate.calls for plan in plans) == 3
    assert "WebInstanceProfile" in str(cloud.fleet.carried(instance_id(1)))


def test_the_second_association_is_refused_what_the_first_one_has_taken(cloud: Cloud) -> None:
    plans = cloud.plans(two_roles(order=directly))

    assert rows(plans) == {
        "Ops/Few": {"web-1": Verb.ASSOCIATE},
        "Web/Fleet": {"web-1": Verb.CONFLICT, "web-2": Verb.ASSOCIATE},
    }
    assert not any(plan.problems for plan in plans)
    assert PlanReport(tuple(plans)).exit is Exit.CONFLICTS


def test_the_order_of_dependencies_counts_and_not_that_of_the_template(cloud: Cloud) -> None:
    plans = cloud.plans(two_roles(replaces=True, order=lambda few, fleet: directly(fleet, few)))

    assert rows(plans) == {
        "Ops/Few": {"web-1": Verb.CONFLICT},
        "Web/Fleet": {"web-1": Verb.ASSOCIATE, "web-2": Verb.ASSOCIATE},
    }


def test_a_dependency_on_what_is_not_made_is_no_order(cloud: Cloud) -> None:
    plans = cloud.plans(two_roles(replaces=True, order=by_way_of_what_is_not_made))

    assert all("CloudFormation has no order for the two" in plan.warnings[0] for plan in plans)


def test_the_second_association_gets_the_instance_that_the_first_one_gives_up(cloud: Cloud) -> None:
    cloud.instance(3, tags={})
    more = InstanceSelection.by_ids(instance_id(1), instance_id(3))

    def stack(few: InstanceSelection, *numbers: int) -> StackArtifact:
        def define(stack: Stack) -> None:
            first = InstanceRole(stack, "Ops").associate_with("Few", few)
            others = InstanceSelection.by_ids(*map(instance_id, numbers))
            directly(first, InstanceRole(stack, "Web").associate_with("Fleet", others))

        return stack_with(define)

    cloud.deploy(stack(more, 2))
    cloud.world.clock.sleep(600)
    moved = stack(InstanceSelection.by_ids(instance_id(3)), 1, 2)

    plans = cloud.plans(moved)

    assert rows(plans) == {
        "Ops/Few": {"web-1": Verb.UNDO, "web-3": Verb.KEEP},
        "Web/Fleet": {"web-1": Verb.ASSOCIATE, "web-2": Verb.KEEP},
    }
    warning = f"Web/Fleet depends on Ops/Few, so it comes second and finds no instance profile on {instance_id(1)}"
    assert [plan.warnings for plan in plans] == [(warning,), (warning,)]
    assert PlanReport(tuple(plans)).exit is Exit.CHANGES
    cloud.deploy(moved)
    assert "WebInstanceProfile" in str(cloud.fleet.carried(instance_id(1)))


@pytest.mark.parametrize("depends", [True, False])
def test_an_association_comes_after_all_of_a_nested_stack_that_it_depends_on(cloud: Cloud, depends: bool) -> None:
    def define(stack: Stack) -> None:
        nested = NestedStack(stack, "Inner")
        ops = InstanceRole(nested, "Ops")
        ops.associate_with("Few", ONE)
        profiles = ReplaceableProfiles.any()
        fleet = InstanceRole(stack, "Web").associate_with("Fleet", BY_TAGS, replaces=profiles)
        if depends:
            fleet.node.add_dependency(nested)

    plans = cloud.plans(stack_with(define))

    assert rows(plans)["Web/Fleet"]["web-1"] is (Verb.REPLACE if depends else Verb.ASSOCIATE)
