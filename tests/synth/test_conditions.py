"""Conditions of the template: what may have one, and what is refused because the handler's policies name it."""

from collections.abc import Callable
from typing import Any

import jsii
import pytest
from aws_cdk import Aspects, CfnCondition, CfnParameter, CfnResource, Fn, IAspect, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from cdk_instance_role import (
    AssociationProvider,
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    ReplaceableProfiles,
    Rollout,
)
from tests.synth.builders import (
    BY_ID,
    BY_TAGS,
    INSTANCE,
    IRELAND,
    OTHER_INSTANCE,
    alarm,
    association_of,
    new_app,
    new_stack,
    resources,
)

ASSOCIATION = "Custom::InstanceProfileAssociation"
WAY_OUT = "set the condition on the association alone, decide in the app what is defined, or use a stack of its own"


def only_in_production(stack: Stack) -> CfnCondition:
    stage = CfnParameter(stack, "Stage", default="test").value_as_string
    return CfnCondition(stack, "OnlyProd", expression=Fn.condition_equals(stage, "prod"))


def put_under_condition(scope: IConstruct, condition: CfnCondition, *types: str) -> None:
    """Set a condition on the resources of some types, or of all, in a construct."""
    for node in scope.node.find_all():
        if isinstance(node, CfnResource) and (not types or node.cfn_resource_type in types):
            node.cfn_options.condition = condition


@jsii.implements(IAspect)
class Conditional:
    """An Aspect that sets a condition on every resource."""

    def __init__(self, condition: CfnCondition) -> None:
        self._condition = condition

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, CfnResource):
            node.cfn_options.condition = self._condition


def web(stack: Stack) -> None:
    role = InstanceRole(stack, "Web")
    role.associate_with("Fleet", BY_ID)
    put_under_condition(role, only_in_production(stack))


def web_by_an_aspect(stack: Stack) -> None:
    role = InstanceRole(stack, "Web")
    role.associate_with("Fleet", BY_TAGS)
    Aspects.of(role).add(Conditional(only_in_production(stack)))


def profile(stack: Stack) -> None:
    role = InstanceRole(stack, "Web")
    role.associate_with("Fleet", BY_ID)
    put_under_condition(role, only_in_production(stack), "AWS::IAM::InstanceProfile")


def listed_profile(stack: Stack) -> None:
    role = iam.Role.from_role_name(stack, "OldRole", "old")
    old = iam.InstanceProfile(stack, "Old", role=role)
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID, replaces=ReplaceableProfiles.profiles(old))
    put_under_condition(old, only_in_production(stack))


def instance(stack: Stack) -> None:
    server = ec2.CfnInstance(stack, "Server")
    InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(server.ref))
    put_under_condition(server, only_in_production(stack))


def watched_alarm(stack: Stack) -> None:
    watched = alarm(stack)
    waves = Rollout.in_waves(first=1, alarms=[watched])
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID, rollout=waves)
    put_under_condition(watched, only_in_production(stack))


@pytest.mark.parametrize(
    ("define", "named"),
    [
        (web, r"WebInstanceProfile\w{8}, WebRole\w{8}"),
        (web_by_an_aspect, r"WebInstanceProfile\w{8}, WebRole\w{8}"),
        (profile, r"WebInstanceProfile\w{8}"),
        (listed_profile, r"Old\w{8}"),
        (instance, "Server"),
        (watched_alarm, r"Alarm\w{8}"),
    ],
)
def test_fails_when_a_condition_may_leave_out_what_the_policies_name(
    define: Callable[[Stack], None], named: str
) -> None:
    stack = new_stack()
    InstanceRole(stack, "Ops").associate_with("Fleet", InstanceSelection.by_ids(OTHER_INSTANCE))
    define(stack)
    message = (
        rf"Provider\] the handler's policies name {named}, and where the condition OnlyProd is false, .*: {WAY_OUT}"
    )
    with pytest.raises(RuntimeError, match=message):
        resources(stack)


def test_an_association_alone_may_have_a_condition() -> None:
    stack = new_stack()
    put_under_condition(InstanceRole(stack, "Web").associate_with("Fleet", BY_ID), only_in_production(stack))
    assert association_of(stack)["Condition"] == "OnlyProd"


def test_a_whole_stack_may_have_a_condition() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)
    Aspects.of(stack).add(Conditional(only_in_production(stack)))
    assert {one["Condition"] for one in resources(stack).values()} == {"OnlyProd"}


def test_fails_when_policies_have_another_condition_than_what_they_name() -> None:
    stack = new_stack()
    role = InstanceRole(stack, "Web")
    role.associate_with("Fleet", BY_ID)
    always = CfnCondition(stack, "Always", expression=Fn.condition_equals(Stack.of(stack).region, "eu-west-1"))
    put_under_condition(stack, always)
    put_under_condition(role, only_in_production(stack))
    with pytest.raises(
        RuntimeError, match=r"name WebInstanceProfile\w{8}, WebRole\w{8}, and where the condition OnlyProd"
    ):
        resources(stack)


def test_what_no_policy_names_may_have_a_condition() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)
    put_under_condition(InstanceRole(stack, "Ops"), only_in_production(stack))
    assert "Condition" not in association_of(stack)


def test_a_profile_of_another_stack_is_not_taken_for_one_of_the_same_logical_id() -> None:
    app = new_app()
    roles, stack = (Stack(app, name, env=IRELAND) for name in ("Roles", "Fleets"))
    there, here = InstanceRole(roles, "Web"), InstanceRole(stack, "Web")
    provider = AssociationProvider(stack, "Provider")
    InstanceProfileAssociation(
        stack,
        "Fleet",
        instance_profile=there.instance_profile,
        instances=InstanceSelection.by_ids(INSTANCE),
        provider=provider,
    )
    put_under_condition(here, only_in_production(stack))
    found: dict[str, Any] = resources(stack, ASSOCIATION)
    assert len(found) == 1
