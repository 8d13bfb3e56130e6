"""The role as a template will make it."""

from typing import Any

import pytest

from cdk_instance_role.cli.resolve import Resolver, UnresolvedError
from cdk_instance_role.cli.role import Policy, Role
from cdk_instance_role.cli.template_roles import template_role

SSM = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
KNOWN = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
SSM_JOINED = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AmazonSSMManagedInstanceCore"]]}
DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
MANAGED = {SSM: Policy("AmazonSSMManagedInstanceCore", {"Statement": []})}


def resource(kind: str, properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties or {}, **more}


def document(on: Any, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": on, **more}]}


def attribute(logical_id: str, name: str) -> Any:
    if (logical_id, name) == ("Old", "Arn"):
        return "arn:aws:s3:::stack-old"
    raise UnresolvedError(f"{logical_id}.{name} is not known before the deployment")


def made(
    properties: dict[str, Any] | None = None,
    *,
    known: dict[str, Any] | None = None,
    conditions: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    **others: Any,
) -> Role:
    """The role ``Role`` of a template with these other resources."""
    role = resource("IAM::Role", properties, Metadata=metadata or {})
    resolve = Resolver(KNOWN | (known or {}), attribute, conditions=conditions or {})
    return template_role("Role", {"Resources": {"Role": role, **others}}, resolve, MANAGED.get)


def resource_of(role: Role) -> Any:
    (policy,) = role.policies
    return policy.document["Statement"][0]["Resource"]


def inline(on: Any, **more: Any) -> dict[str, Any]:
    return {"Policies": [{"PolicyName": "data", "PolicyDocument": document(on, **more)}]}


# What it has


@pytest.mark.parametrize("arn", [SSM, SSM_JOINED])
def test_takes_managed_policies_by_their_arns(arn: Any) -> None:
    role = made({"ManagedPolicyArns": [arn]})
    assert (role.policies, role.unknown) == ((MANAGED[SSM],), ())


def test_takes_inline_policies_of_the_role() -> None:
    role = made({"Policies": [{"PolicyName": "data", "PolicyDocument": DOCUMENT}]})
    assert role.policies == (Policy("data", DOCUMENT, inline=True),)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("IAM::Policy", {"Roles": [{"Ref": "Other"}, {"Ref": "Role"}]}),
        ("IAM::Policy", {"Roles": ["web"]}),
        ("IAM::RolePolicy", {"RoleName": {"Ref": "Role"}}),
        ("IAM::RolePolicy", {"RoleName": "web"}),
    ],
)
def test_takes_inline_policies_that_name_the_role(kind: str, names: dict[str, Any]) -> None:
    policy = resource(kind, {"PolicyName": "data", "PolicyDocument": DOCUMENT, **names})
    assert made({"RoleName": "web"}, Policy=policy).policies == (Policy("data", DOCUMENT, inline=True),)


def test_leaves_policies_of_other_roles_and_of_users_alone() -> None:
    properties = {"PolicyName": "data", "PolicyDocument": DOCUMENT}
    role = made(
        Other=resource("IAM::Role"),
        One=resource("IAM::Policy", {**properties, "Roles": [{"Ref": "Other"}]}),
        Two=resource("IAM::Policy", {**properties, "Users": ["Role"]}),
        Three=resource("IAM::UserPolicy", {**properties, "UserName": {"Ref": "Role"}}),
        Four={"Type": "AWS::CloudFormation::WaitConditionHandle"},
    )
    assert (role.policies, role.unknown) == ((), ())


def test_takes_a_managed_policy_of_the_template_once_however_it_is_attached() -> None:
    properties = {"ManagedPolicyName": "own", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]}
    role = made({"ManagedPolicyArns": [{"Ref": "Own"}]}, Own=resource("IAM::ManagedPolicy", properties))
    assert (role.policies, role.unknown) == ((Policy("own", DOCUMENT),), ())


def test_a_managed_policy_of_the_template_is_as_the_deployment_will_leave_it() -> None:
    arn = "arn:aws:iam::111122223333:policy/team/own-1A2B"
    policy = resource("IAM::ManagedPolicy", {"PolicyDocument": DOCUMENT})
    role = made({"ManagedPolicyArns": [{"Ref": "Own"}]}, known={"Own": arn}, Own=policy)
    assert role.policies == (Policy("own-1A2B", DOCUMENT),)


def test_takes_the_permissions_boundary() -> None:
    limit = resource("IAM::ManagedPolicy", {"ManagedPolicyName": "limit", "PolicyDocument": DOCUMENT})
    assert made({"PermissionsBoundary": SSM_JOINED}).boundary == MANAGED[SSM]
    assert made({"PermissionsBoundary": {"Ref": "Limit"}}, Limit=limit).boundary == Policy("limit", DOCUMENT)


# Its name


def test_has_the_name_that_the_template_gives() -> None:
    assert made({"RoleName": {"Fn::Sub": "web-${AWS::Region}"}}).name == "web-eu-west-1"


def test_has_the_name_that_cloudformation_has_given() -> None:
    assert made(known={"Role": "Stack-Role-1A2B"}).name == "Stack-Role-1A2B"


def test_has_the_path_of_its_construct_until_it_has_a_name() -> None:
    assert made(metadata={"aws:cdk:path": "Stack/Web/Role/Resource"}).name == "Stack/Web/Role"
    assert made().name == "(new) Role"


# What is not known yet

NEW = {"Fn::GetAtt": ["New", "Arn"]}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NEW, "(new) New"),
        ({"Fn::GetAtt": "New.Arn"}, "(new) New"),
        ({"Ref": "New"}, "(new) New"),
        ({"Fn::Join": ["", [NEW, "/*"]]}, "(new) New/*"),
        ({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":s3:::", {"Ref": "New"}]]}, "arn:aws:s3:::(new) New"),
        ({"Fn::Sub": "${New.Arn}/${AWS::Region}/${!aws:username}"}, "(new) New/eu-west-1/${aws:username}"),
        ({"Fn::Sub": ["${It}/*", {"It": NEW}]}, "(new) New/*"),
        ({"Fn::Join": ["", [{"Fn::GetAtt": ["Old", "Arn"]}, "/*"]]}, "arn:aws:s3:::stack-old/*"),
    ],
)
def test_what_the_deployment_creates_is_readable(value: Any, text: str) -> None:
    role = made(inline(value), New=resource("S3::Bucket"), Old=resource("S3::Bucket"))
    assert (resource_of(role), role.unknown) == (text, ())


@pytest.mark.parametrize(
    ("value", "text", "thing"),
    [
        ({"Ref": "Parameter"}, "(unknown) Parameter", "Parameter"),
        ({"Fn::ImportValue": "shared"}, "(unknown) shared", "shared"),
        ({"Fn::Select": [0, [NEW]]}, "(unknown) Fn::Select", "Fn::Select"),
    ],
)
def test_what_is_not_known_at_all_is_told(value: Any, text: str, thing: str) -> None:
    role = made(inline(value), New=resource("S3::Bucket"))
    sentence = f"role (new) Role: policy data speaks of {thing}, which is not known before the deployment"
    assert (resource_of(role), role.unknown) == (text, (sentence,))


def test_conditions_of_policies_are_kept() -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": {"Ref": "AWS::Region"}}}
    (policy,) = made(inline("*", Condition=condition)).policies
    assert policy.document["Statement"][0]["Condition"] == {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}


def test_a_managed_policy_that_is_not_known_is_told() -> None:
    role = made({"ManagedPolicyArns": [{"Ref": "Parameter"}, "arn:aws:iam::111122223333:policy/gone"]})
    assert role.policies == ()
    assert role.unknown == (
        "role (new) Role: policy (unknown) Parameter could not be read: Parameter is not known before the deployment",
        "role (new) Role: policy arn:aws:iam::111122223333:policy/gone could not be read",
    )


def test_a_boundary_that_is_not_known_is_told() -> None:
    role = made({"PermissionsBoundary": "arn:aws:iam::111122223333:policy/gone"})
    sentence = "its permissions boundary, policy arn:aws:iam::111122223333:policy/gone could not be read"
    assert (role.boundary, role.unknown) == (None, (f"role (new) Role: {sentence}",))


# Conditions of the template

YES, NO = {"Fn::Equals": ["a", "a"]}, {"Fn::Equals": ["a", "b"]}


@pytest.mark.parametrize(("condition", "count"), [(YES, 1), (NO, 0)])
def test_a_policy_is_there_if_its_condition_holds(condition: Any, count: int) -> None:
    properties = {"PolicyName": "data", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]}
    role = made(conditions={"Wanted": condition}, Policy=resource("IAM::Policy", properties, Condition="Wanted"))
    assert (len(role.policies), role.unknown) == (count, ())


@pytest.mark.parametrize(("condition", "count"), [(YES, 1), (NO, 0)])
def test_an_item_may_depend_on_a_condition(condition: Any, count: int) -> None:
    item = {"Fn::If": ["Wanted", SSM_JOINED, {"Ref": "AWS::NoValue"}]}
    role = made({"ManagedPolicyArns": [item]}, conditions={"Wanted": condition})
    assert (len(role.policies), role.unknown) == (count, ())


@pytest.mark.parametrize(("condition", "there"), [(YES, True), (NO, False)])
def test_the_boundary_may_depend_on_a_condition(condition: Any, there: bool) -> None:
    limit = {"Fn::If": ["Wanted", SSM_JOINED, {"Ref": "AWS::NoValue"}]}
    role = made({"PermissionsBoundary": limit}, conditions={"Wanted": condition})
    assert (role.boundary is not None, role.unknown) == (there, ())


def test_a_condition_that_is_not_known_is_told() -> None:
    properties = {"PolicyName": "data", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]}
    item = {"Fn::If": ["Wanted", SSM_JOINED, {"Ref": "AWS::NoValue"}]}
    role = made({"ManagedPolicyArns": [item]}, Policy=resource("IAM::Policy", properties, Condition="Wanted"))
    assert [policy.label for policy in role.policies] == ["data (inline)"]
    assert role.unknown == (
        "role (new) Role: what it has depends on condition Wanted of the template",
        "role (new) Role: whether Policy will be there depends on condition Wanted of the template",
    )


def test_a_whole_list_may_depend_on_a_condition() -> None:
    lists = {"Fn::If": ["Wanted", [SSM_JOINED], []]}
    assert made({"ManagedPolicyArns": lists}, conditions={"Wanted": YES}).policies == (MANAGED[SSM],)
    (sentence,) = made({"ManagedPolicyArns": lists}).unknown
    assert sentence == "role (new) Role: what it has depends on condition Wanted of the template"
