"""Associations wait for the policies that the app attaches to a role elsewhere than in the role's construct."""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, Aws, CfnParameter, CfnResource, Environment, Fn, NestedStack, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Annotations, Match

from cdk_instance_role import InstanceProfileAssociation, InstanceRole
from tests.synth.builders import ACCOUNT, BY_ID, IRELAND, association_of, new_app, new_stack, resources

EC2 = iam.ServicePrincipal("ec2.amazonaws.com")


def statement(resource: str = "*") -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["s3:GetObject"], resources=[resource])


def managed(scope: Stack, *roles: iam.IRole, resource: str = "*", id: str = "Outside") -> iam.ManagedPolicy:
    return iam.ManagedPolicy(scope, id, roles=[*roles], statements=[statement(resource)])


def inline(scope: Stack, role: iam.IRole) -> None:
    iam.Policy(scope, "Outside", roles=[role], statements=[statement()])


def attached_later(scope: Stack, role: iam.IRole) -> None:
    role.attach_inline_policy(iam.Policy(scope, "Outside", statements=[statement()]))


def by_the_policy(scope: Stack, role: iam.IRole) -> None:
    iam.ManagedPolicy(scope, "Outside", statements=[statement()]).attach_to_role(role)


def low_level(scope: Stack, role: iam.IRole) -> None:
    document = iam.PolicyDocument(statements=[statement()])
    iam.CfnRolePolicy(scope, "Outside", policy_name="Own", role_name=role.role_name, policy_document=document)


def low_level_managed(scope: Stack, role: iam.IRole) -> None:
    document = iam.PolicyDocument(statements=[statement()])
    iam.CfnManagedPolicy(scope, "Outside", roles=["Other", role.role_name], policy_document=document)


def of_type(scope: Stack, kind: str, **properties: Any) -> CfnResource:
    """A policy that is known by its type only."""
    document = {"Version": "2012-10-17", "Statement": [statement().to_statement_json()]}
    name = "ManagedPolicyName" if kind == "AWS::IAM::ManagedPolicy" else "PolicyName"
    properties |= {name: "Own", "PolicyDocument": document}
    return CfnResource(scope, "Outside", type=kind, properties=properties)


def generic(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::Policy", Roles=[role.role_name])


def generic_managed(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::ManagedPolicy", Roles=["Other", role.role_name])


def generic_of_one_role(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::RolePolicy", RoleName=role.role_name)


def as_in_a_template(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::Policy", Roles=[scope.resolve(role.role_name)])


def by_the_logical_id(scope: Stack, role: iam.IRole) -> None:
    name = scope.resolve(role.role_name)
    role_name = name if isinstance(name, str) else Fn.ref(name["Ref"])
    document = iam.PolicyDocument(statements=[statement()])
    iam.CfnManagedPolicy(scope, "Outside", roles=[role_name], policy_document=document)


def generic_as_in_a_template(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::RolePolicy", RoleName=scope.resolve(role.role_name))


def generic_with_a_token(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::RolePolicy", RoleName=Token.as_any(role.role_name))


def generic_with_a_token_for_the_list(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::ManagedPolicy", Roles=Token.as_any(["Other", role.role_name]))


def generic_with_a_token_as_in_a_template(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::ManagedPolicy", Roles=Token.as_any([scope.resolve(role.role_name)]))


Attach = Callable[[Stack, iam.IRole], object]
WAYS: list[Attach] = [managed, inline, attached_later, by_the_policy, low_level, low_level_managed]
WAYS += [generic, generic_managed, generic_of_one_role, as_in_a_template, by_the_logical_id]
WAYS += [generic_as_in_a_template, generic_with_a_token, generic_with_a_token_for_the_list]
WAYS += [generic_with_a_token_as_in_a_template]


def awaited(stack: Stack) -> set[str]:
    """The resources that the only association waits for, without the digests of their logical ids."""
    return {one if one == "Outside" else one[:-8] for one in association_of(stack)["DependsOn"]}


def warnings(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_warning("*", Match.any_value())
    return [str(one.entry.data) for one in found if "instances may have the role" in str(one.entry.data)]


@pytest.mark.parametrize("is_imported", [False, True], ids=["own role", "imported role"])
@pytest.mark.parametrize("attach", WAYS)
def test_an_association_waits_for_policies_that_are_attached_from_outside(attach: Attach, is_imported: bool) -> None:
    stack = new_stack()
    arn = f"arn:aws:iam::{ACCOUNT}:role/Imported"
    web = InstanceRole(stack, "Web", role=iam.Role.from_role_arn(stack, "Role", arn) if is_imported else None)
    web.associate_with("Fleet", BY_ID)
    attach(stack, web.role)
    assert "Outside" in awaited(stack)
    assert not warnings(stack)


def test_every_association_of_the_role_waits_and_no_other() -> None:
    stack = new_stack()
    web, ops = InstanceRole(stack, "Web"), InstanceRole(stack, "Ops")
    managed(stack, web.role)
    for role, instance_id in ((web, "i-0123456789abcdef1"), (web, "i-0123456789abcdef2"), (ops, "i-0123456789abcdef3")):
        role.associate_with(f"Fleet{instance_id[-1]}", type(BY_ID).by_ids(instance_id))
    associations = resources(stack, "Custom::InstanceProfileAssociation")
    waiting = {
        id_[:-8] for id_, one in associations.items() if any(on.startswith("Outside") for on in one["DependsOn"])
    }
    assert waiting == {"WebFleet1", "WebFleet2"}


def test_an_association_waits_for_a_grant_to_another_import_of_its_role() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role=iam.Role.from_role_name(stack, "Role", "Web")).associate_with("Fleet", BY_ID)
    s3.Bucket(stack, "Bucket").grant_read(iam.Role.from_role_name(stack, "Again", "Web"))
    assert any(one.startswith("AgainPolicy") for one in awaited(stack))


def test_an_association_waits_for_policies_of_a_role_that_a_parameter_names() -> None:
    stack = new_stack()
    name = CfnParameter(stack, "Name").value_as_string
    InstanceRole(stack, "Web", role=iam.Role.from_role_name(stack, "Role", name)).associate_with("Fleet", BY_ID)
    managed(stack, iam.Role.from_role_name(stack, "Again", name))
    assert "Outside" in awaited(stack)


def test_a_second_synthesis_gives_the_same() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    managed(stack, web.role)
    assert association_of(stack) == association_of(stack)


# Policies that it can't wait for


def by_dependency(stack: Stack, web: InstanceRole, association: InstanceProfileAssociation) -> None:
    managed(stack, web.role).node.add_dependency(association)


def by_dependency_on_all(stack: Stack, web: InstanceRole, association: InstanceProfileAssociation) -> None:
    assert association.node.scope is web
    managed(stack, web.role).node.add_dependency(web)


def by_an_attribute(stack: Stack, web: InstanceRole, association: InstanceProfileAssociation) -> None:
    managed(stack, web.role, resource=f"arn:{Aws.PARTITION}:s3:::{association.kept_count}")


def by_a_text_with_references(stack: Stack, web: InstanceRole, association: InstanceProfileAssociation) -> None:
    name = stack.resolve(association.node.find_child("Resource").node.default_child.logical_id)  # type: ignore[union-attr]
    managed(stack, web.role, resource=Fn.sub(f"arn:${{AWS::Partition}}:s3:::${{{name}.KeptCount}}"))


def by_a_bucket_that_waits(stack: Stack, web: InstanceRole, association: InstanceProfileAssociation) -> None:
    bucket = s3.Bucket(stack, "Bucket")
    bucket.node.add_dependency(association)
    managed(stack, web.role, resource=bucket.bucket_arn)


def by_a_dependency_of_the_template(stack: Stack, web: InstanceRole, association: InstanceProfileAssociation) -> None:
    target = association.node.find_child("Resource").node.default_child
    policy = managed(stack, web.role).node.default_child
    assert isinstance(policy, CfnResource)
    assert isinstance(target, CfnResource)
    policy.add_override("DependsOn", stack.resolve(target.logical_id))


def by_a_nested_stack(stack: Stack, web: InstanceRole, association: InstanceProfileAssociation) -> None:
    bucket = s3.Bucket(NestedStack(stack, "Nested"), "Bucket", bucket_name=f"bucket-{association.kept_count}")
    managed(stack, web.role, resource=bucket.bucket_arn)


@pytest.mark.parametrize(
    "declare",
    [
        by_dependency,
        by_dependency_on_all,
        by_an_attribute,
        by_a_text_with_references,
        by_a_bucket_that_waits,
        by_a_dependency_of_the_template,
        by_a_nested_stack,
    ],
)
def test_a_policy_that_waits_for_the_association_is_reported_and_not_waited_for(
    declare: Callable[[Stack, InstanceRole, InstanceProfileAssociation], None],
) -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    declare(stack, web, web.associate_with("Fleet", BY_ID))
    assert "Outside" not in awaited(stack)
    (warning,) = warnings(stack)
    assert warning.startswith(
        "Stack/Outside/Resource is attached to the role that Stack/Web/Fleet gives to instances, but may wait for the "
        "association itself: instances may have the role without this policy."
    )


def test_a_policy_of_another_stack_is_reported() -> None:
    app = new_app()
    stack, later = Stack(app, "Stack", env=IRELAND), Stack(app, "Later", env=IRELAND)
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    managed(later, web.role)
    (warning,) = warnings(stack)
    assert warning.startswith("Later/Outside/Resource is attached to the role that Stack/Web/Fleet gives to instances")
    assert "but is in another stack" in warning


@pytest.mark.parametrize(
    "attach",
    [generic, generic_managed, generic_of_one_role, generic_with_a_token, generic_with_a_token_for_the_list],
)
def test_a_policy_of_another_stack_that_is_known_by_its_type_only_is_reported(attach: Attach) -> None:
    app = new_app()
    stack, later = Stack(app, "Stack", env=IRELAND), Stack(app, "Later", env=IRELAND)
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    attach(later, web.role)
    assert [one.partition(" ")[0] for one in warnings(stack)] == ["Later/Outside"]


@pytest.mark.parametrize(
    "attach",
    [as_in_a_template, by_the_logical_id, generic_as_in_a_template, generic_with_a_token_as_in_a_template],
)
def test_a_logical_id_means_the_role_of_the_own_stack(attach: Attach) -> None:
    app = new_app()
    stack, other = Stack(app, "Stack", env=IRELAND), Stack(app, "Other", env=IRELAND)
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)
    attach(other, InstanceRole(other, "Web").role)
    assert not warnings(stack)


@pytest.mark.parametrize("roles", [[], {"Fn::Split": [",", "a,b"]}])
def test_a_policy_without_a_list_of_roles_is_not_waited_for(roles: Any) -> None:
    stack = new_stack()
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)
    of_type(stack, "AWS::IAM::Policy", Roles=roles)
    assert "Outside" not in awaited(stack)


def low_level_with_a_list_parameter(scope: Stack) -> None:
    roles = CfnParameter(scope, "Names", type="CommaDelimitedList").value_as_list
    document = iam.PolicyDocument(statements=[statement()])
    iam.CfnManagedPolicy(scope, "Outside", roles=roles, policy_document=document)


def generic_with_a_list_parameter(scope: Stack) -> None:
    roles = CfnParameter(scope, "Names", type="CommaDelimitedList").value_as_list
    of_type(scope, "AWS::IAM::ManagedPolicy", Roles=roles)


def with_a_split_parameter(scope: Stack) -> None:
    names = CfnParameter(scope, "Names").value_as_string
    of_type(scope, "AWS::IAM::Policy", Roles=Fn.split(",", names))


@pytest.mark.parametrize("is_imported", [False, True], ids=["own role", "imported role"])
@pytest.mark.parametrize(
    "attach", [low_level_with_a_list_parameter, generic_with_a_list_parameter, with_a_split_parameter]
)
def test_a_policy_whose_roles_are_known_at_deployment_only_is_not_waited_for(
    attach: Callable[[Stack], None], is_imported: bool
) -> None:
    stack = new_stack()
    role = iam.Role.from_role_name(stack, "Role", "Web") if is_imported else None
    InstanceRole(stack, "Web", role=role).associate_with("Fleet", BY_ID)
    attach(stack)
    assert "Outside" not in awaited(stack)
    assert not warnings(stack)


def split(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::Policy", Roles=Fn.split(",", role.role_name))


def split_as_in_a_template(scope: Stack, role: iam.IRole) -> None:
    of_type(scope, "AWS::IAM::Policy", Roles={"Fn::Split": [",", role.role_name]})


@pytest.mark.parametrize("attach", [split, split_as_in_a_template])
def test_an_association_waits_for_a_policy_whose_roles_are_a_function_of_its_own(attach: Attach) -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    attach(stack, web.role)
    assert "Outside" in awaited(stack)


def test_a_policy_of_a_nested_stack_is_reported() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    managed(NestedStack(stack, "Nested"), web.role)
    assert len(warnings(stack)) == 1


def three_stacks(app: App, prefix: str = "") -> tuple[Stack, Stack, InstanceProfileAssociation, iam.ManagedPolicy]:
    """The role, a policy of it and its association, each in a stack of its own: stacks of the two last, then these."""
    roles, policies, fleets = (Stack(app, f"{prefix}{name}", env=IRELAND) for name in ("Roles", "Policies", "Fleets"))
    role = iam.Role(roles, "Role", assumed_by=EC2)
    policy = managed(policies, role)
    ids = type(BY_ID).by_ids(f"i-0123456789abcdef{len(prefix)}")
    return policies, fleets, InstanceRole(fleets, "Web", role=role).associate_with("Fleet", ids), policy


def test_a_policy_of_a_third_stack_is_reported_unless_the_association_depends_on_it() -> None:
    *_, fleets, _, _ = three_stacks(new_app())
    assert len(warnings(fleets)) == 1
    *_, fleets, association, policy = three_stacks(new_app())
    association.node.add_dependency(policy)
    assert not warnings(fleets)


def test_a_policy_of_a_third_stack_is_not_reported_where_the_stacks_depend_on_each_other() -> None:
    policies, fleets, _, _ = three_stacks(new_app())
    fleets.add_dependency(policies)
    assert not warnings(fleets)


def test_a_policy_in_the_stack_of_the_role_is_not_reported() -> None:
    app = new_app()
    roles, fleets = Stack(app, "Roles", env=IRELAND), Stack(app, "Fleets", env=IRELAND)
    role = iam.Role(roles, "Role", assumed_by=EC2)
    managed(roles, role)
    InstanceRole(fleets, "Web", role=role).associate_with("Fleet", BY_ID)
    assert not warnings(fleets)


def test_roles_of_one_logical_id_in_two_stacks_are_told_apart() -> None:
    app = new_app()
    (*_, fleets, _, _), (*_, others, _, _) = three_stacks(app), three_stacks(app, "Other")
    assert [one.partition("/")[0] for one in warnings(fleets)] == ["Policies"]
    assert [one.partition("/")[0] for one in warnings(others)] == ["OtherPolicies"]


def test_a_policy_of_a_role_of_that_name_in_another_account_is_not_reported() -> None:
    app = new_app()
    for id_, account in (("Stack", ACCOUNT), ("Other", "444455556666")):
        stack = Stack(app, id_, env=Environment(account=account, region="eu-west-1"))
        role = iam.Role.from_role_name(stack, "Role", "Web")
        if id_ == "Stack":
            InstanceRole(stack, "Web", role=role).associate_with("Fleet", BY_ID)
        else:
            managed(stack, role)
    assert not warnings(app.node.find_child("Stack"))  # type: ignore[arg-type]
