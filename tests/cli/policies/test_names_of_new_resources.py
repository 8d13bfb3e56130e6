"""Policies and roles that the deployment creates, where their names are parts of other values."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cdk_instance_role.cli.iam.role import Role
from cdk_instance_role.cli.policies.policy_updates import PolicyUpdate
from cdk_instance_role.cli.policies.role_changes import RoleChange, role_after
from cdk_instance_role.cli.policies.template_policies import TemplatePolicies
from cdk_instance_role.cli.template.intrinsic_functions import UnresolvedError
from cdk_instance_role.cli.template.property_values import ExternalValues, StackValues
from cdk_instance_role.cli.template.stacks import Address
from cdk_instance_role.cli.template.template_inputs import StackLocation
from tests.cli.role_templates import AWS, DOCUMENT, SSM, Managed, resource

ROLE, OTHER = resource("IAM::Role"), resource("IAM::Role", {"RoleName": "other"})
OWN = resource("IAM::ManagedPolicy", {"ManagedPolicyName": "own", "PolicyDocument": DOCUMENT})
UNNAMED = resource("IAM::ManagedPolicy", {"PolicyDocument": DOCUMENT}, Metadata={"aws:cdk:path": "Web/Own/Resource"})


def unknown(*_: Any) -> Any:
    raise UnresolvedError("it is not known before the deployment")


def values(
    resources: Mapping[str, Any], *nested: str, given: Mapping[str, Callable[[], Any]] | None = None, **sections: Any
) -> StackValues:
    """The values of a stack that is created, or of one that is nested in it."""
    place = StackLocation("111122223333", "eu-west-1", "aws", Address("Servers", nested))
    external = ExternalValues(unknown, unknown, unknown, given or {})
    return StackValues({"Resources": resources, **sections}, place, None, external)


def created(role: StackValues, *others: StackValues, policies: Managed = AWS) -> RoleChange:
    """The resource ``Role`` of a stack that is created together with others."""
    updates = [
        PolicyUpdate(
            "Servers", None, TemplatePolicies(one.template, one.resolve, one.iam.reference, one.iam.is_new, one.is_made)
        )
        for one in (*others, role)
    ]
    return role_after(Role(role.iam.reference("Role"), ()), [updates], policies)


def split(*items: Any) -> dict[str, Any]:
    """A list that is made of text, as where a stack gives it to a nested one."""
    return {"Fn::Split": [",", {"Fn::Join": [",", list(items)]}]}


@pytest.mark.parametrize("own", [{"Ref": "Own"}, {"Fn::GetAtt": ["Own", "PolicyArn"]}])
@pytest.mark.parametrize("policy", [OWN, UNNAMED])
def test_reads_all_policies_of_a_list_that_is_text(own: Any, policy: Any) -> None:
    role = resource("IAM::Role", {"ManagedPolicyArns": split(own, SSM)})

    found = created(values({"Role": role, "Own": policy}))

    assert [one.document for one in found.role.policies] == [DOCUMENT, {"Statement": []}]
    assert (found.unread, found.missing) == ((), ())


def test_reads_all_policies_that_a_stack_gives_to_a_nested_one() -> None:
    outer = values({"Own": OWN})
    given = {"Arns": lambda: outer.resolve({"Fn::Join": [",", [{"Ref": "Own"}, SSM]]})}
    role = resource("IAM::Role", {"ManagedPolicyArns": {"Ref": "Arns"}})

    found = created(
        values({"Role": role}, "Nested", given=given, Parameters={"Arns": {"Type": "CommaDelimitedList"}}), outer
    )

    assert [one.label for one in found.role.policies] == ["own", "AmazonSSMManagedInstanceCore"]
    assert (found.unread, found.missing) == ((), ())


@pytest.mark.parametrize(
    ("roles", "is_meant"),
    [
        (split({"Ref": "Other"}, {"Ref": "Role"}), True),
        (split({"Ref": "Role"}, {"Ref": "Other"}), True),
        ([{"Fn::Select": [1, ["other", {"Ref": "Role"}]]}], True),
        ([{"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::GetAtt": ["Role", "Arn"]}]}]}], True),
        ([{"Fn::Select": [0, [{"Ref": "Other"}, {"Ref": "Role"}]]}], False),
        ([{"Fn::Sub": "${Role}"}], True),
        ([{"Fn::Sub": "${Role}-admin"}], False),
        ([{"Fn::Join": ["-", [{"Ref": "Role"}, "admin"]]}], False),
        (split({"Ref": "Other"}), False),
    ],
)
def test_a_policy_is_for_the_roles_that_its_list_comes_to(roles: Any, is_meant: bool) -> None:
    policy = resource("IAM::Policy", {"PolicyName": "data", "PolicyDocument": DOCUMENT, "Roles": roles})

    found = created(values({"Role": ROLE, "Other": OTHER, "Data": policy}))

    assert ([one.label for one in found.role.policies], found.unread) == (["data (inline)"] if is_meant else [], ())


def test_a_policy_whose_name_contains_that_of_a_new_role_is_reported() -> None:
    arn = {"Fn::Sub": "arn:aws:iam::111122223333:policy/${Other}-limit"}
    stack = values({"Role": resource("IAM::Role", {"ManagedPolicyArns": [arn]}), "Other": ROLE})
    invented = stack.resolve(arn)

    found = created(stack, policies=Managed(missing=[invented]))

    assert found.missing == ()
    assert found.unread == (f"policy {invented} is not known before the deployment",)


def test_a_new_policy_is_called_by_its_construct() -> None:
    role = resource("IAM::Role", {"ManagedPolicyArns": [{"Ref": "Own"}]})

    assert [one.label for one in created(values({"Role": role, "Own": UNNAMED})).role.policies] == ["Web/Own"]
