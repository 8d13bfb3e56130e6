"""An association waits for the policies that its stack attaches to the role: no instance gets the role before them."""

from collections.abc import Callable

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from cdk_instance_role import InstanceRole, InstanceSelection
from tests.synth.builders import ACCOUNT, FLAGS, REGION

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
READ = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/Imported"


def awaited(role: Callable[[Stack], iam.IRole | None], attach: Callable[[Stack, iam.IRole], object]) -> list[str]:
    """What the association depends on, once something was attached to its role after it was defined."""
    stack = Stack(App(context=FLAGS), "Stack", env=Environment(account=ACCOUNT, region=REGION))
    web = InstanceRole(stack, "Web", role=role(stack))
    web.associate_with("Fleet", InstanceSelection.by_ids("i-0123456789abcdef0"))
    attach(stack, web.role)
    (association,) = Template.from_stack(stack).find_resources("Custom::InstanceProfileAssociation").values()
    return [one for one in association["DependsOn"] if one.startswith("Read")]


WAYS: dict[str, Callable[[Stack, iam.IRole], object]] = {
    "a managed policy that names the role": lambda stack, role: iam.ManagedPolicy(
        stack, "Read", roles=[role], statements=[READ]
    ),
    "an inline policy that names the role": lambda stack, role: iam.Policy(
        stack, "Read", roles=[role], statements=[READ]
    ),
    "an inline policy that is attached": lambda stack, role: role.attach_inline_policy(
        iam.Policy(stack, "Read", statements=[READ])
    ),
    "an L1 policy": lambda stack, role: iam.CfnRolePolicy(
        stack, "Read", policy_name="Read", role_name=role.role_name, policy_document=DOCUMENT
    ),
}


@pytest.mark.parametrize("attach", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize(
    "role", [lambda _: None, lambda stack: iam.Role.from_role_arn(stack, "Role", ROLE_ARN)], ids=["own", "imported"]
)
def test_waits_for_a_policy_from_outside_of_the_role(
    role: Callable[[Stack], iam.IRole | None], attach: Callable[[Stack, iam.IRole], object]
) -> None:
    assert len(awaited(role, attach)) == 1


def test_waits_for_a_policy_of_a_role_that_is_imported_twice() -> None:
    def attach(stack: Stack, role: iam.IRole) -> object:
        del role
        again = iam.Role.from_role_arn(stack, "Again", ROLE_ARN)
        return iam.ManagedPolicy(stack, "Read", roles=[again], statements=[READ])

    assert len(awaited(lambda stack: iam.Role.from_role_arn(stack, "Role", ROLE_ARN), attach)) == 1


def test_does_not_wait_for_a_policy_of_another_role() -> None:
    def attach(stack: Stack, role: iam.IRole) -> object:
        del role
        other = iam.Role(stack, "Other", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        return iam.ManagedPolicy(stack, "Read", roles=[other], statements=[READ])

    assert awaited(lambda _: None, attach) == []
