"""Which principals are taken for reconcilers, and which are refused, also where their ARN holds tokens."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import Aws, CfnParameter, CustomResource, Environment, Fn, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from cdk_instance_role import AssociationProvider
from tests.synth.builders import ACCOUNT, IRELAND, REGION, new_app, new_stack

Declare = Callable[[Stack], Any]
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Operate"


def own_group(stack: Stack) -> iam.Group:
    return iam.Group(stack, "Operators")


def by_arn(*parts: str) -> Declare:
    """The principal of an ARN in the account of the stack."""
    return lambda _: iam.ArnPrincipal(f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:{''.join(parts)}")


def parameter(stack: Stack) -> str:
    return CfnParameter(stack, "Operator").value_as_string


REFUSED: dict[str, Declare] = {
    "a group": own_group,
    "the ARN of a group": lambda stack: iam.ArnPrincipal(own_group(stack).group_arn),
    "an imported group": lambda stack: iam.Group.from_group_name(stack, "Operators", "Operators"),
    "an imported group by a token": lambda stack: iam.Group.from_group_name(stack, "Operators", parameter(stack)),
    "a group under a wrapper": lambda stack: iam.PrincipalWithConditions(
        iam.ArnPrincipal(own_group(stack).group_arn), {}
    ),
    "the account": by_arn("root"),
    "the id of the account": lambda _: iam.ArnPrincipal(Aws.ACCOUNT_ID),
    "an account under a wrapper": lambda _: iam.AccountPrincipal(ACCOUNT).with_conditions({}),
    "an account as the only one of several": lambda _: iam.CompositePrincipal(iam.AccountPrincipal(ACCOUNT)),
    "all roles": by_arn("role/*"),
    "all roles on a path that is a token": lambda stack: by_arn("role/", parameter(stack), "/*")(stack),
    "a role with a blank": by_arn("role/Operator "),
    "a session": lambda stack: iam.ArnPrincipal(
        stack.format_arn(service="sts", region="", resource="assumed-role", resource_name="Operator/me")
    ),
    "the root of an account that is a token": lambda stack: iam.ArnPrincipal(f"arn:aws:iam::{parameter(stack)}:root"),
    "the ARN of a policy": lambda stack: iam.ArnPrincipal(
        iam.ManagedPolicy(
            stack, "Policy", statements=[iam.PolicyStatement(actions=["s3:ListBucket"], resources=["*"])]
        ).managed_policy_arn
    ),
    "the ARN of a function": lambda stack: iam.ArnPrincipal(
        lambda_.Function(
            stack,
            "Function",
            code=lambda_.Code.from_inline("pass"),
            handler="index.handle",
            runtime=lambda_.Runtime.PYTHON_3_14,
        ).function_arn
    ),
    "a function without a role": lambda stack: lambda_.Function.from_function_arn(stack, "Function", FUNCTION),
}

TAKEN: dict[str, Declare] = {
    "a role": lambda stack: iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()),
    "a user": lambda stack: iam.User(stack, "User"),
    "the ARN of a role": lambda stack: iam.ArnPrincipal(
        iam.Role(stack, "Role", assumed_by=iam.AccountRootPrincipal()).role_arn
    ),
    "an imported role": lambda stack: iam.Role.from_role_name(stack, "Role", "Operator"),
    "an imported role by a token": lambda stack: iam.Role.from_role_name(stack, "Role", parameter(stack)),
    "an immutable role": lambda stack: iam.Role.from_role_arn(
        stack, "Role", f"arn:aws:iam::{ACCOUNT}:role/path/Operator", mutable=False
    ),
    "an imported user": lambda stack: iam.User.from_user_name(stack, "User", "operator"),
    "a role that is looked up": lambda stack: iam.Role.from_lookup(stack, "Role", role_name="Operator"),
    "a function with a role": lambda stack: lambda_.Function.from_function_attributes(
        stack, "Function", function_arn=FUNCTION, role=iam.Role.from_role_name(stack, "Role", "Operator")
    ),
    "a role of the account": by_arn("role/Operator"),
    "a parameter": lambda stack: iam.ArnPrincipal(parameter(stack)),
    "a parameter for the account": lambda stack: iam.ArnPrincipal(f"arn:aws:iam::{parameter(stack)}:role/Operator"),
    "a parameter for the kind and the name": lambda stack: by_arn(parameter(stack))(stack),
    "a parameter for the head": lambda stack: iam.ArnPrincipal(f"{parameter(stack)}:role/Operator"),
    "an export": lambda _: iam.ArnPrincipal(Fn.import_value("Operator")),
    "an answer of a custom resource": lambda stack: iam.ArnPrincipal(
        CustomResource(stack, "Custom", service_token=FUNCTION).get_att_string("Arn")
    ),
}


@pytest.mark.parametrize("env", [IRELAND, Environment()], ids=["known", "anywhere"])
@pytest.mark.parametrize("principal", REFUSED)
def test_refuses_what_is_neither_a_role_nor_a_user(principal: str, env: Environment) -> None:
    stack = new_stack(env=env)
    reconciler = REFUSED[principal](stack)
    with pytest.raises(ValueError, match="in reconcilers is neither a role nor a user: give a role of the app"):
        AssociationProvider(stack, "Provider", reconcilers=[reconciler])


@pytest.mark.parametrize("principal", TAKEN)
def test_takes_a_role_or_a_user_and_what_only_the_deployment_knows(principal: str) -> None:
    stack = new_stack()
    AssociationProvider(stack, "Provider", reconcilers=[TAKEN[principal](stack)])


def test_refuses_a_group_of_another_stack() -> None:
    app = new_app()
    operators, stack = Stack(app, "Operators", env=IRELAND), Stack(app, "Stack", env=IRELAND)
    with pytest.raises(ValueError, match="in reconcilers is neither a role nor a user"):
        AssociationProvider(stack, "Provider", reconcilers=[own_group(operators)])
