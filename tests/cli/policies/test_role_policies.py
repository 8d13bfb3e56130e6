"""The policies of a role as a template gives them, in every form that CloudFormation accepts."""

import json
from typing import Any

import pytest

from cdk_instance_role.cli.iam.role import Policy, Role
from cdk_instance_role.cli.policies.role_changes import RoleChange
from tests.cli.role_templates import (
    AWS,
    DOCUMENT,
    SSM,
    SSM_JOINED,
    Managed,
    content,
    created,
    document,
    policies_of,
    resource,
)

MANAGED = AWS.policy(SSM)


def change(
    properties: dict[str, Any] | None = None,
    *,
    known: dict[str, Any] | None = None,
    conditions: dict[str, Any] | None = None,
    policies: Managed = AWS,
    **others: Any,
) -> RoleChange:
    """The role ``Role`` of a template with these other resources, which is created."""
    given = properties or {}
    name = str((known or {}).get("Role") or given.get("RoleName") or "(new) Role")
    resources = {"Role": resource("IAM::Role", given), **others}
    return created(name, resources, policies, known=known, Conditions=conditions or {})


def made(properties: dict[str, Any] | None = None, **more: Any) -> Role:
    return change(properties, **more).role


def resource_of(role: Role) -> Any:
    (policy,) = role.policies
    return policy.document["Statement"][0]["Resource"]


def inline(on: Any, **more: Any) -> dict[str, Any]:
    return {"Policies": [{"PolicyName": "data", "PolicyDocument": document(on, **more)}]}


# What it has


@pytest.mark.parametrize("arn", [SSM, SSM_JOINED])
def test_reads_managed_policies_by_their_arns(arn: Any) -> None:
    role = made({"ManagedPolicyArns": [arn]})
    assert (role.policies, role.unknown) == ((MANAGED,), ())


def test_reads_inline_policies_of_the_role() -> None:
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
def test_reads_inline_policies_that_name_the_role(kind: str, names: dict[str, Any]) -> None:
    policy = resource(kind, {"PolicyName": "data", "PolicyDocument": DOCUMENT, **names})
    assert made({"RoleName": "web"}, Policy=policy).policies == (Policy("data", DOCUMENT, inline=True),)


def test_ignores_policies_of_other_roles_and_of_users() -> None:
    properties = {"PolicyName": "data", "PolicyDocument": DOCUMENT}
    role = made(
        Other=resource("IAM::Role"),
        One=resource("IAM::Policy", {**properties, "Roles": [{"Ref": "Other"}]}),
        Two=resource("IAM::Policy", {**properties, "Users": ["Role"]}),
        Three=resource("IAM::UserPolicy", {**properties, "UserName": {"Ref": "Role"}}),
        Four={"Type": "AWS::CloudFormation::WaitConditionHandle"},
    )
    assert (role.policies, role.unknown) == ((), ())


def test_reads_a_managed_policy_of_the_template_once_for_every_way_to_attach_it() -> None:
    properties = {"ManagedPolicyName": "own", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]}
    role = made({"ManagedPolicyArns": [{"Ref": "Own"}]}, Own=resource("IAM::ManagedPolicy", properties))
    assert (role.policies, role.unknown) == ((Policy("own", DOCUMENT),), ())


def test_a_managed_policy_of_the_template_has_the_content_after_the_deployment() -> None:
    arn = "arn:aws:iam::111122223333:policy/team/own-1A2B"
    policy = resource("IAM::ManagedPolicy", {"PolicyDocument": DOCUMENT})
    role = made({"ManagedPolicyArns": [{"Ref": "Own"}]}, known={"Own": arn}, Own=policy)
    assert role.policies == (Policy("own-1A2B", DOCUMENT),)


def test_reads_the_permissions_boundary() -> None:
    limit = resource("IAM::ManagedPolicy", {"ManagedPolicyName": "limit", "PolicyDocument": DOCUMENT})
    assert made({"PermissionsBoundary": SSM_JOINED}).boundary == MANAGED
    assert made({"PermissionsBoundary": {"Ref": "Limit"}}, Limit=limit).boundary == Policy("limit", DOCUMENT)


# Its name


def name_of_policy(name: Any = None, known: dict[str, Any] | None = None, **more: Any) -> str:
    properties = {"ManagedPolicyName": name} if name else {}
    return policies_of({"Own": resource("IAM::ManagedPolicy", properties, **more)}, known).name(
        "Own", "ManagedPolicyName"
    )


def test_a_policy_has_the_name_that_the_template_gives() -> None:
    assert name_of_policy({"Fn::Sub": "web-${AWS::Region}"}) == "web-eu-west-1"


def test_a_policy_has_the_name_that_cloudformation_has_given() -> None:
    assert name_of_policy(known={"Own": "arn:aws:iam::111122223333:policy/Stack-Own-1A2B"}) == "Stack-Own-1A2B"


def test_a_policy_has_the_path_of_its_construct_until_it_has_a_name() -> None:
    assert name_of_policy(Metadata={"aws:cdk:path": "Stack/Web/Own/Resource"}) == "Stack/Web/Own"
    assert name_of_policy() == "(new) Own"


# What is not known yet

UNKNOWN_PARAMETER = "Parameter is not known before the deployment"
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
def test_references_to_new_resources_are_readable(value: Any, text: str) -> None:
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
def test_unknown_values_are_reported(value: Any, text: str, thing: str) -> None:
    role = made(inline(value), New=resource("S3::Bucket"))
    sentence = f"role (new) Role: policy data speaks of {thing}, which is not known before the deployment"
    assert (resource_of(role), role.unknown) == (text, (sentence,))


def test_conditions_of_policies_are_kept() -> None:
    condition = {"StringEquals": {"aws:RequestedRegion": {"Ref": "AWS::Region"}}}
    (policy,) = made(inline("*", Condition=condition)).policies
    assert policy.document["Statement"][0]["Condition"] == {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}


def test_an_unknown_managed_policy_is_reported() -> None:
    role = made({"ManagedPolicyArns": [{"Ref": "Parameter"}, "arn:aws:iam::111122223333:policy/gone"]})
    assert role.policies == ()
    assert role.unknown == (
        f"role (new) Role: policy (unknown) Parameter could not be read: {UNKNOWN_PARAMETER} (stack Servers)",
        "role (new) Role: policy arn:aws:iam::111122223333:policy/gone could not be read",
    )


def test_an_unknown_boundary_is_reported() -> None:
    role = made({"PermissionsBoundary": "arn:aws:iam::111122223333:policy/gone"})
    sentence = "its permissions boundary, policy arn:aws:iam::111122223333:policy/gone could not be read"
    assert (role.boundary, role.unknown) == (None, (f"role (new) Role: {sentence}",))


# Conditions of the template

YES, NO = {"Fn::Equals": ["a", "a"]}, {"Fn::Equals": ["a", "b"]}


@pytest.mark.parametrize(("condition", "count"), [(YES, 1), (NO, 0)])
def test_a_policy_exists_if_its_condition_holds(condition: Any, count: int) -> None:
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


def test_an_unknown_condition_is_reported() -> None:
    properties = {"PolicyName": "data", "PolicyDocument": DOCUMENT, "Roles": [{"Ref": "Role"}]}
    item = {"Fn::If": ["Wanted", SSM_JOINED, {"Ref": "AWS::NoValue"}]}
    role = made({"ManagedPolicyArns": [item]}, Policy=resource("IAM::Policy", properties, Condition="Wanted"))
    assert [policy.label for policy in role.policies] == ["data (inline)"]
    assert role.unknown == (
        "role (new) Role: what it has depends on condition Wanted of the template (stack Servers)",
        "role (new) Role: whether Policy will be there depends on condition Wanted of the template (stack Servers)",
    )


def test_a_whole_list_may_depend_on_a_condition() -> None:
    lists = {"Fn::If": ["Wanted", [SSM_JOINED], []]}
    assert made({"ManagedPolicyArns": lists}, conditions={"Wanted": YES}).policies == (MANAGED,)
    (sentence,) = made({"ManagedPolicyArns": lists}).unknown
    assert sentence == "role (new) Role: what it has depends on condition Wanted of the template (stack Servers)"


# Every form of a document

TEXT = json.dumps(DOCUMENT)
READ = DOCUMENT["Statement"]
STATEMENT = READ[0]
NO_VALUE = {"Ref": "AWS::NoValue"}
TRANSFORM = {"Fn::Transform": {"Name": "AWS::Include"}}
LOOP = {"Fn::ForEach::Names": ["Name", ["a"], {"${Name}": 1}]}
CONDITIONS = {"Yes": YES, "No": NO, "Unknown": {"Fn::Equals": [{"Ref": "Parameter"}, "a"]}}


def with_document(content: Any) -> RoleChange:
    properties = {"Policies": [{"PolicyName": "data", "PolicyDocument": content}]}
    return change(properties, conditions=CONDITIONS, New=resource("S3::Bucket"), known={"Text": TEXT})


@pytest.mark.parametrize(
    "form",
    [
        DOCUMENT,
        TEXT,
        {"Fn::Sub": TEXT},
        {"Fn::Sub": [TEXT.replace('"*"', '"${All}"'), {"All": "*"}]},
        {"Fn::Join": ["", [TEXT[:20], TEXT[20:]]]},
        {"Fn::Select": [1, ["", DOCUMENT]]},
        {"Fn::Select": ["0", {"Fn::Split": ["|", f"{TEXT}|"]}]},
        {"Fn::If": ["Yes", DOCUMENT, NO_VALUE]},
        {"Fn::If": ["No", TRANSFORM, TEXT]},
        {"Ref": "Text"},
        {"Fn::ToJsonString": DOCUMENT},
        {"Statement": STATEMENT},
        {"Statement": [{"Fn::If": ["No", TRANSFORM, NO_VALUE]}, {"Fn::If": ["Yes", STATEMENT, NO_VALUE]}]},
        {"Statement": {"Fn::If": ["Yes", [STATEMENT], []]}},
        {"Statement": [{**STATEMENT, "Effect": {"Fn::If": ["Yes", "Allow", "Deny"]}, "Condition": NO_VALUE}]},
        {"Statement": [{**STATEMENT, "Action": {"Fn::Select": [0, {"Fn::Split": [",", "s3:Get*,s3:List*"]}]}}]},
    ],
)
def test_reads_every_form_of_a_document(form: Any) -> None:
    found = with_document(form)
    assert content(found.role, "data")["Statement"] == READ
    assert (found.unread, found.role.unknown) == ((), ())


@pytest.mark.parametrize(
    "text",
    [
        {"Fn::Sub": TEXT.replace('"*"', '"arn:${AWS::Partition}:s3:::home/${!aws:username}"')},
        {"Fn::Sub": [TEXT.replace('"*"', '"${Home}/${!aws:username}"'), {"Home": "arn:aws:s3:::home"}]},
        {"Fn::Join": ["", [TEXT.replace('"*"}]}', '"'), "arn:aws:s3:::home/${aws:username}", '"}]}']]},
    ],
)
def test_a_policy_variable_is_not_resolved(text: Any) -> None:
    (statement,) = content(with_document(text).role, "data")["Statement"]
    assert statement["Resource"] == "arn:aws:s3:::home/${aws:username}"


def test_unknown_values_have_placeholders_in_documents_that_are_text() -> None:
    found = with_document({"Fn::Sub": TEXT.replace('"*"', '["${New.Arn}/*", "${Parameter}"]')})
    (statement,) = content(found.role, "data")["Statement"]
    assert statement["Resource"] == ["(new) New/*", "(unknown) Parameter"]
    assert found.role.unknown == (
        "role (new) Role: policy data speaks of Parameter, which is not known before the deployment",
    )


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (None, "it is no policy document"),
        ("", "it is text that is not JSON"),
        ("{", "it is text that is not JSON"),
        ("[]", "it is no policy document"),
        ("{}", "it has no statements"),
        ({"Version": "2012-10-17"}, "it has no statements"),
        ("{{resolve:ssm:/document}}", "{{resolve:ssm:/document}} is not known before the deployment"),
        ({"Ref": "Parameter"}, "Parameter is not known before the deployment"),
        ({"Fn::GetAtt": ["Custom", "Document"]}, "Custom.Document is not known before the deployment"),
        ({"Fn::If": ["Unknown", DOCUMENT, DOCUMENT]}, "Parameter is not known before the deployment"),
        ({"Fn::FindInMap": ["A", "b", "c"]}, "A.b.c is not known before the deployment"),
        ({"Fn::Sub": '{"Statement": ${Parameter}}'}, "Parameter is not known before the deployment"),
        (TRANSFORM, "what Fn::Transform comes to is not known before the deployment"),
        ({**DOCUMENT, **TRANSFORM}, "what Fn::Transform comes to is not known before the deployment"),
        ({**DOCUMENT, **LOOP}, "what Fn::ForEach::Names comes to is not known before the deployment"),
    ],
)
def test_a_document_that_cannot_be_read_is_reported_with_its_place(form: Any, why: str) -> None:
    found = with_document(form)
    assert [policy.label for policy in found.role.policies] == ["data (inline)"]
    assert found.unread == (f"policy data (Role of stack Servers) is not read: {why}",)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ({"Ref": "Parameter"}, "Parameter is not known"),
        ({"Fn::If": ["Unknown", STATEMENT, NO_VALUE]}, "Parameter is not known"),
        ({**STATEMENT, "Effect": {"Ref": "Parameter"}}, "Parameter is not known"),
        ({**STATEMENT, "Condition": {"Ref": "Parameter"}}, "Parameter is not known"),
        ({**STATEMENT, "Condition": {"Bool": {"Ref": "Parameter"}}}, "Parameter is not known"),
        ({**STATEMENT, "Resource": TRANSFORM}, "what Fn::Transform comes to is not known"),
        ({**STATEMENT, **TRANSFORM}, "what Fn::Transform comes to is not known"),
        (LOOP, "what Fn::ForEach::Names comes to is not known"),
    ],
)
def test_a_statement_that_cannot_be_read_is_reported_and_the_others_are_read(statement: Any, why: str) -> None:
    found = with_document({"Statement": [STATEMENT, statement]})
    assert content(found.role, "data")["Statement"] == READ
    place = "policy data (Role of stack Servers) is not read: statement 2"
    assert found.unread == (f"{place}: {why} before the deployment",)


def test_a_part_of_a_statement_that_is_not_known_is_named() -> None:
    found = with_document(
        {"Statement": [{**STATEMENT, "Action": {"Ref": "Parameter"}, "Resource": "{{resolve:ssm:/x}}"}]}
    )
    (statement,) = content(found.role, "data")["Statement"]
    assert (statement["Action"], statement["Resource"]) == ("(unknown) Parameter", "{{resolve:ssm:/x}}")
    assert found.role.unknown == tuple(
        f"role (new) Role: policy data speaks of {thing}, which is not known before the deployment"
        for thing in ("Parameter", "{{resolve:ssm:/x}}")
    )


# Every form of what a policy is for

REF = {"Ref": "Role"}


@pytest.mark.parametrize(
    "roles",
    [
        [REF],
        REF,
        "(new) Role",
        ["other", {"Fn::If": ["Yes", REF, NO_VALUE]}],
        {"Fn::If": ["No", NO_VALUE, [REF]]},
        {"Fn::Split": [",", "other,(new) Role"]},
        [{"Fn::Select": [1, {"Fn::Split": ["/", "arn:aws:iam::111122223333:role/(new) Role"]}]}],
        [{"Fn::Sub": "${Role}"}],
    ],
)
@pytest.mark.parametrize("kind", ["IAM::Policy", "IAM::ManagedPolicy"])
def test_finds_a_role_in_every_form(kind: str, roles: Any) -> None:
    policy = resource(kind, {"PolicyName": "data", "PolicyDocument": DOCUMENT, "Roles": roles})
    found = change(conditions=CONDITIONS, known={"Role": "(new) Role"}, Policy=policy)
    assert [one.document for one in found.role.policies] == [DOCUMENT]
    assert not found.unread


@pytest.mark.parametrize(
    "roles",
    [
        ["other"],
        [],
        NO_VALUE,
        None,
        [NO_VALUE],
        {"Fn::If": ["No", [REF], NO_VALUE]},
        [{"Fn::If": ["No", REF, NO_VALUE]}],
    ],
)
def test_finds_no_role_where_there_is_none(roles: Any) -> None:
    policy = resource("IAM::Policy", {"PolicyName": "data", "PolicyDocument": DOCUMENT, "Roles": roles})
    found = change(conditions=CONDITIONS, Policy=policy)
    assert (found.role.policies, found.unread) == ((), ())


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        (
            [{"Ref": "Parameter"}],
            "which roles Policy is for is not known: Parameter is not known before the deployment",
        ),
        (
            {"Fn::Split": [",", {"Ref": "Parameter"}]},
            "which roles Policy is for is not known: Parameter is not known before the deployment",
        ),
        (
            ["{{resolve:ssm:/role}}"],
            "which roles Policy is for is not known: {{resolve:ssm:/role}} is not known before the deployment",
        ),
        ([{"Fn::If": ["Unknown", REF, NO_VALUE]}], "what Policy has depends on condition Unknown of the template"),
    ],
)
def test_unknown_roles_are_reported(roles: Any, sentence: str) -> None:
    policy = resource("IAM::Policy", {"PolicyName": "data", "PolicyDocument": DOCUMENT, "Roles": roles})
    found = change(conditions=CONDITIONS, Policy=policy)
    assert (found.role.policies, found.unread) == ((), (f"{sentence} (stack Servers)",))


@pytest.mark.parametrize(
    "arns",
    [
        [SSM],
        SSM,
        {"Ref": "Arns"},
        {"Fn::Split": [",", SSM]},
        [{"Fn::Split": [",", SSM]}],
        {"Fn::If": ["Yes", [SSM], NO_VALUE]},
        [NO_VALUE, {"Fn::If": ["Yes", SSM, NO_VALUE]}],
        [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"}],
    ],
)
def test_finds_a_managed_policy_in_every_form(arns: Any) -> None:
    found = change({"ManagedPolicyArns": arns}, conditions=CONDITIONS, known={"Arns": [SSM]})
    assert (found.role.policies, found.unread) == ((MANAGED,), ())


@pytest.mark.parametrize(
    "reference", [{"Ref": "Own"}, {"Fn::GetAtt": ["Own", "PolicyArn"]}, {"Fn::GetAtt": "Own.PolicyArn"}]
)
def test_finds_a_managed_policy_of_the_template_in_every_form(reference: Any) -> None:
    own = resource("IAM::ManagedPolicy", {"ManagedPolicyName": "own", "PolicyDocument": TEXT})
    found = change({"ManagedPolicyArns": [reference]}, Own=own)
    assert (found.role.policies, found.unread) == ((Policy("own", DOCUMENT),), ())


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"Policies": [TRANSFORM]}, "a policy of Role is not read: what Fn::Transform comes to is not known"),
        (
            {"Policies": [{"PolicyName": "data", "PolicyDocument": DOCUMENT, **TRANSFORM}]},
            "a policy of Role is not read: what Fn::Transform comes to is not known",
        ),
        ({"Policies": [LOOP]}, "a policy of Role is not read: what Fn::ForEach::Names comes to is not known"),
        (
            {"ManagedPolicyArns": TRANSFORM},
            "policy (unknown) could not be read: what Fn::Transform comes to is not known",
        ),
        (TRANSFORM, "Role is not read: what Fn::Transform comes to is not known"),
        (LOOP, "Role is not read: what Fn::ForEach::Names comes to is not known"),
    ],
)
def test_properties_that_cannot_be_read_are_reported(properties: dict[str, Any], sentence: str) -> None:
    found = change(properties)
    assert (found.role.policies, found.unread) == ((), (f"{sentence} before the deployment (stack Servers)",))


def test_a_policy_that_is_not_a_mapping_is_reported() -> None:
    assert change({"Policies": ["data"]}).unread == (
        "a policy of Role is not read: it is not what CloudFormation expects (stack Servers)",
    )


# What CloudFormation makes of the whole template


@pytest.mark.parametrize(
    ("made", "reported"),
    [
        (resource("IAM::Policy"), True),
        (resource("IAM::Role"), True),
        (resource("CloudFormation::Stack"), True),
        ({"Type": "AWS::IAM::${Kind}"}, True),
        ({"Type": {"Ref": "Kind"}}, True),
        ({"Fn::ForEach::Others": ["Kind", ["a"], {"${Kind}": resource("IAM::ManagedPolicy")}]}, True),
        (resource("SNS::Topic"), False),
    ],
)
def test_a_loop_over_resources_is_reported_if_it_may_create_policies(made: Any, reported: bool) -> None:
    loop = ["Name", ["a", "b"], {"${Name}": made}]
    found = change(**{"Fn::ForEach::Some": loop})  # type: ignore[arg-type]
    sentence = "Fn::ForEach::Some is not read: only CloudFormation knows what it makes (stack Servers)"
    assert found.unread == ((sentence,) if reported else ())


INCLUDE = {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/iam.yaml"}}
CONNECTOR = {"Source": {"RoleName": "web"}, "Destination": {"Id": "Table"}, "Permissions": ["Write"]}


@pytest.mark.parametrize(
    ("name", "entry", "reported"),
    [
        ("Fn::Transform", INCLUDE, True),
        ("Some", {"Type": "Company::Web::Policies::MODULE", "Properties": {"Role": "web"}}, True),
        ("Some", {"Fn::Transform": INCLUDE}, True),
        ("Some", {"Type": "AWS::IAM::Policy", "Fn::Transform": INCLUDE}, True),
        ("Some", {"Type": "AWS::SNS::Topic", "Fn::Transform": INCLUDE}, False),
        ("Some", resource("Serverless::Connector", CONNECTOR), True),
        ("Some", resource("Serverless::Application"), True),
        ("Some", resource("Serverless::Function"), False),
        ("Some", resource("Serverless::Function", Connectors={"ToTable": {"Properties": CONNECTOR}}), True),
        ("Fn::ForEach::Some", ["Name", ["a"], {"${Name}": {"Type": "Company::Web::MODULE"}}], True),
        ("Fn::ForEach::Some", ["Name", ["a"], {"Fn::Transform": INCLUDE}], True),
    ],
)
def test_what_cloudformation_may_make_policies_of_is_reported(name: str, entry: Any, reported: bool) -> None:
    found = change(**{name: entry})
    sentence = f"{name} is not read: only CloudFormation knows what it makes (stack Servers)"
    assert found.unread == ((sentence,) if reported else ())


def test_a_transform_beside_the_sections_of_the_template_is_reported() -> None:
    found = created(
        "web",
        {"Role": resource("IAM::Role", {"RoleName": "web"})},
        **{"Fn::Transform": INCLUDE},  # type: ignore[arg-type]
    )
    assert found.unread == (
        "transform AWS::Include is not read: only CloudFormation knows what it makes of the template (stack Servers)",
    )


@pytest.mark.parametrize(
    ("transform", "reported"),
    [
        ("Company", "Company"),
        (["AWS::LanguageExtensions", "Company"], "Company"),
        ({"Name": "AWS::Include", "Parameters": {"Location": "s3://x"}}, "AWS::Include"),
        ("AWS::LanguageExtensions", None),
        (["AWS::Serverless-2016-10-31", "AWS::SecretsManager-2024-09-16"], None),
    ],
)
def test_a_transform_of_the_template_is_reported_if_it_may_create_policies(
    transform: Any, reported: str | None
) -> None:
    found = created("web", {"Role": resource("IAM::Role", {"RoleName": "web"})}, Transform=transform)
    sentence = (
        f"transform {reported} is not read: only CloudFormation knows what it makes of the template (stack Servers)"
    )
    assert found.unread == ((sentence,) if reported else ())


def test_a_role_whose_name_is_unknown_hides_no_other() -> None:
    other = resource("IAM::Role", {"RoleName": {"Ref": "Parameter"}, "ManagedPolicyArns": [SSM]})
    found = change(inline("*"), Other=other)
    assert ([policy.name for policy in found.role.policies], found.unread) == (["data"], ())
