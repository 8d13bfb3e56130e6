"""Nested stacks: their associations are planned and shown as all others are."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from aws_cdk import NestedStack, Stack
from aws_cdk import aws_ec2 as ec2

from cdk_instance_role import AssociationProvider, InstanceProfileAssociation, InstanceRole, InstanceSelection
from cdk_instance_role.cli.model import AssociationPlan, Event, PlanReport, ProfileView, Verb
from cdk_instance_role.cli.status_model import StatusReport
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.cli.template.stacks import STACK_TYPE, of_type
from tests.cli.cloud import Cloud
from tests.cli.servers import Servers, new_app, written
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id

OWN, BORROWED, ABOVE = "Own/Web/Fleet", "Middle/Inner/Borrowed", "Above"
OUTER = "Outer"


@cache
def outer(own: tuple[int, ...] = (11,), borrowed: tuple[int, ...] = (12,)) -> StackArtifact:
    """A stack with nested ones.

    One has all of its own: provider, role and association. Another one is two levels deep: its association takes
    provider, role and an instance from the stack at the top, which has an association with a role of that one.

    Args:
        own: numbers of the instances of the first; without any there is no such nested stack.
        borrowed: numbers of the instances of the second besides that of the stack at the top; without any there is
            neither the second nor the association above.
    """
    app = new_app()
    stack = Stack(app, OUTER, env=IRELAND)
    provider = AssociationProvider(stack, "Shared")
    base = InstanceRole(stack, "Base")
    server = ec2.CfnInstance(stack, "Server", image_id="ami-0123456789abcdef0")
    if own:
        Servers(ids=tuple(map(instance_id, own))).define(NestedStack(stack, "Own"))
    if borrowed:
        inner = NestedStack(NestedStack(stack, "Middle"), "Inner")
        InstanceProfileAssociation(
            inner,
            "Borrowed",
            instance_profile=base.instance_profile,
            instances=InstanceSelection.by_ids(*map(instance_id, borrowed), server.ref),
            provider=provider,
        )
        InstanceProfileAssociation(
            stack,
            "Above",
            instance_profile=InstanceRole(inner, "Web").instance_profile,
            instances=InstanceSelection.by_ids(instance_id(13)),
            provider=provider,
        )
    (artifact,) = assembly.read(written(app))
    return artifact


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    for number in (11, 12, 13, 14):
        cloud.instance(number)
    return cloud


def plans(cloud: Cloud, stack: StackArtifact) -> dict[str, AssociationPlan]:
    """The plans of a stack, by the paths of the associations."""
    return {plan.association: plan for plan in cloud.plans(stack)}


def verbs(plan: AssociationPlan) -> dict[str, Verb]:
    return {one.name or one.id: one.verb for one in plan.instances}


def with_nested(stack: StackArtifact, **changed: Any) -> StackArtifact:
    """A stack whose nested stack Own is another resource."""
    (logical_id,) = (id_ for id_ in of_type(stack.template, STACK_TYPE) if id_.startswith("Own"))
    resources = {**stack.resources, logical_id: {**stack.resources[logical_id], **changed}}
    return replace(stack, template={**stack.template, "Resources": resources})


# Plan


def test_plans_nested_stacks_that_are_not_deployed_yet(cloud: Cloud) -> None:
    found = plans(cloud, outer())

    assert found.keys() == {ABOVE, OWN, BORROWED}
    assert {(plan.stack, plan.event) for plan in found.values()} == {(OUTER, Event.CREATE)}
    assert verbs(found[OWN]) == {"web-11": Verb.ASSOCIATE}
    assert verbs(found[BORROWED]) == {"web-12": Verb.ASSOCIATE, "(new) Server": Verb.ASSOCIATE}
    assert verbs(found[ABOVE]) == {"web-13": Verb.ASSOCIATE}
    assert not any(plan.unseen or plan.problems for plan in found.values())


def test_names_profiles_of_any_stack_by_their_constructs(cloud: Cloud) -> None:
    found = plans(cloud, outer())

    assert found[OWN].profile == ProfileView("Own/Web/InstanceProfile", "Own/Web/Role")
    assert found[BORROWED].profile == ProfileView("Base/InstanceProfile", "Base/Role")
    assert found[ABOVE].profile == ProfileView("Middle/Inner/Web/InstanceProfile", "Middle/Inner/Web/Role")


def test_plans_no_change_in_nested_stacks_that_stay_as_they_are(cloud: Cloud) -> None:
    cloud.deploy(outer())

    found = plans(cloud, outer())

    assert {path: plan.event for path, plan in found.items()} == dict.fromkeys((ABOVE, OWN, BORROWED), Event.NONE)
    assert {one.id: one.warnings for plan in found.values() for one in plan.instances if one.warnings} == {}
    assert all(plan.profile and not plan.profile.is_new for plan in found.values())


def test_plans_a_change_in_nested_stacks(cloud: Cloud) -> None:
    cloud.deploy(outer())

    found = plans(cloud, outer((14,), (12, 11)))

    assert {path: plan.event for path, plan in found.items()} == {
        OWN: Event.UPDATE,
        BORROWED: Event.UPDATE,
        ABOVE: Event.NONE,
    }
    assert verbs(found[OWN]) == {"web-14": Verb.ASSOCIATE, "web-11": Verb.UNDO}


@pytest.mark.parametrize(
    ("after", "gone"), [(((),), {OWN: "web-11"}), (((11,), ()), {ABOVE: "web-13", BORROWED: "web-12"})]
)
def test_restores_everything_when_nested_stacks_are_removed(
    cloud: Cloud, after: tuple[tuple[int, ...], ...], gone: Mapping[str, str]
) -> None:
    cloud.deploy(outer())

    found = plans(cloud, outer(*after))
    leaving = {path: plan for path, plan in found.items() if plan.event is Event.DELETE}

    assert leaving.keys() == gone.keys()
    assert all(verbs(leaving[path])[name] is Verb.UNDO for path, name in gone.items())


def test_predicts_what_happens_to_the_instances_of_nested_stacks(cloud: Cloud) -> None:
    cloud.deploy(outer())
    after = outer((11,), ())

    planned = {one.id: bool(one.planned) for plan in cloud.plans(after) for one in plan.instances}
    cloud.deploy(after)

    assert {id_: bool(cloud.fleet.active(id_)) for id_ in planned} == planned


def test_leaves_everything_as_it_is_when_a_retained_nested_stack_is_removed(cloud: Cloud) -> None:
    cloud.deploy(with_nested(outer(), DeletionPolicy="Retain"))

    plan = plans(cloud, outer(()))[OWN]

    assert plan.event is Event.NONE
    assert [one.reason for one in plan.instances] == [
        "the association goes, and its removal policy leaves everything as it is"
    ]


@pytest.mark.parametrize(("chosen", "event"), [("a", Event.NONE), ("b", Event.DELETE)])
def test_uses_the_resolved_deletion_policy_of_a_nested_stack(cloud: Cloud, chosen: str, event: Event) -> None:
    cloud.deploy(retained_if(["a", chosen]))

    assert plans(cloud, outer(()))[OWN].event is event


def test_says_so_when_it_is_unknown_whether_a_nested_stack_is_retained(cloud: Cloud) -> None:
    cloud.deploy(retained_if(["a", {"Ref": "Unknown"}]))

    assert plans(cloud, outer(()))[OWN].unseen == (
        "whether it is deleted or left as it is: Unknown is not known before the deployment",
    )


def retained_if(equal: Any) -> StackArtifact:
    """A stack whose nested stack Own stays on a condition when it leaves the template."""
    stack = with_nested(outer(), DeletionPolicy={"Fn::If": ["Kept", "Retain", "Delete"]})
    return replace(stack, template={**stack.template, "Conditions": {"Kept": {"Fn::Equals": equal}}})


def conditional(stack: StackArtifact, equal: Any) -> StackArtifact:
    """A stack whose nested stack Own is there on a condition."""
    conditional = with_nested(stack, Condition="Wanted")
    return replace(conditional, template={**conditional.template, "Conditions": {"Wanted": {"Fn::Equals": equal}}})


def test_ignores_a_nested_stack_whose_condition_is_false(cloud: Cloud) -> None:
    assert OWN not in plans(cloud, conditional(outer(), ["a", "b"]))

    cloud.deploy(outer())

    assert plans(cloud, conditional(outer(), ["a", "b"]))[OWN].event is Event.DELETE
    assert plans(cloud, conditional(outer(), ["a", "a"]))[OWN].event is Event.NONE


def test_says_so_when_it_is_unknown_whether_a_nested_stack_is_created(cloud: Cloud) -> None:
    plan = plans(cloud, conditional(outer(), ["a", {"Ref": "Unknown"}]))[OWN]

    assert plan.unseen == ("whether it is made: Unknown is not known before the deployment",)


def test_says_so_when_the_template_of_a_nested_stack_that_is_deployed_is_missing(cloud: Cloud) -> None:
    cloud.deploy(outer())
    without = {id_: one for id_, one in outer().nested.items() if not id_.startswith("Own")}

    plan = plans(cloud, replace(outer(), nested=without))[OWN]

    assert plan.event is Event.UPDATE
    assert plan.unseen == ("whether it is made: the template of nested stack Own is not in the assembly",)


# Status


def test_shows_associations_of_nested_stacks(cloud: Cloud) -> None:
    cloud.deploy(outer())
    cloud.world.clock.sleep(60)

    statuses = {status.association: status for status in cloud.statuses(outer())}

    assert {path: sorted(one.name for one in status.instances) for path, status in statuses.items()} == {
        ABOVE: ["web-13"],
        OWN: ["web-11"],
        BORROWED: ["server", "web-12"],
    }
    assert {status.stack for status in statuses.values()} == {OUTER}
    assert StatusReport(tuple(statuses.values())).exit == 0


def test_shows_associations_of_nested_stacks_that_the_assembly_no_longer_has(cloud: Cloud) -> None:
    cloud.deploy(outer())

    assert {status.association for status in cloud.statuses(outer(()))} == {ABOVE, OWN, BORROWED}


# What can't be read


def deny_nested(cloud: Cloud) -> None:
    """Deny the description of a nested stack."""
    describe = cloud.cloudformation.describe_stacks

    def only_at_the_top(StackName: str) -> Any:  # noqa: N803 - boto3's own name
        if StackName.startswith("arn:"):
            cloud.cloudformation.refuse("DescribeStacks")
        try:
            return describe(StackName)
        finally:
            cloud.cloudformation.refused.clear()

    cloud.cloudformation.describe_stacks = only_at_the_top  # type: ignore[method-assign]


def test_names_a_nested_stack_that_cannot_be_read(cloud: Cloud) -> None:
    cloud.deploy(outer((11,), ()))
    deny_nested(cloud)
    (nested,) = outer((11,), ()).nested
    unseen = (f"whether nested stack {nested} of stack Outer is deployed in eu-west-1: not allowed (DescribeStacks)",)

    (plan,) = cloud.plans(outer((11,), ()))
    (status,) = cloud.statuses(outer((11,), ()))

    assert (plan.association, plan.unseen) == (OWN, unseen)
    assert (status.association, status.unseen) == (OWN, unseen)
    assert (PlanReport((plan,)).exit, StatusReport((status,)).exit) == (1, 1)
