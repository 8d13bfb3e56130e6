"""The permissions of a role after a deployment: its current ones, without the removed and with the added ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cdk_instance_role.cli.iam.role import Policy, Role
from cdk_instance_role.cli.policies.policy_updates import PolicyUpdate
from cdk_instance_role.cli.policies.role_changes import RoleChange, role_after
from tests.cli.role_templates import (
    AWS,
    DOCUMENT,
    OTHER,
    SSM,
    Managed,
    content,
    deployed,
    document,
    managed,
    policies_of,
    resource,
)

S3 = managed("AmazonS3ReadOnlyAccess")
OWN_ARN = "arn:aws:iam::111122223333:policy/own"
OWN = managed("own", DOCUMENT, "111122223333")
INLINE = Policy("data", DOCUMENT, inline=True)
EVERYTHING = Managed(*(AWS.policy(arn) or S3 for arn in (SSM,)), S3, OWN)

Resources = Mapping[str, Any]


def role_of(*arns: Any, **properties: Any) -> dict[str, Any]:
    """The role of a stack, which is named web."""
    return resource("IAM::Role", {"RoleName": "web", "ManagedPolicyArns": list(arns), **properties})


def inline_policy(content: Any = DOCUMENT, roles: Any = ("web",), name: str = "data", **more: Any) -> dict[str, Any]:
    return resource("IAM::Policy", {"PolicyName": name, "PolicyDocument": content, "Roles": list(roles)}, **more)


def own_policy(content: Any = DOCUMENT, **more: Any) -> dict[str, Any]:
    properties = {"ManagedPolicyName": "own", "PolicyDocument": content, **more.pop("properties", {})}
    return resource("IAM::ManagedPolicy", properties, **more)


def update(
    before: Resources | None, after: Resources | None, name: str = "Servers", known: Mapping[str, str] | None = None
) -> PolicyUpdate:
    """The deployment of a stack: the resources of the deployed and of the new template.

    Args:
        before: the deployed resources; None if the stack is not deployed.
        after: the new ones; None if the stack is deleted.
        name: the stack.
        known: physical ids of deployed resources. Default: their logical ids, web for the role.
    """
    physical = {**{id_: id_ for id_ in before or {}}, "Role": "web", "Own": OWN_ARN, **(known or {})}
    there = {id_: physical[id_] for id_ in before or {}}
    kept = {id_: one for id_, one in there.items() if id_ in (after or {})}
    return PolicyUpdate(
        name,
        None if before is None else deployed(before, there),
        None if after is None else policies_of(after, kept),
    )


def web(*policies: Policy, boundary: Policy | None = None) -> Role:
    return Role("web", policies, boundary)


def changed(
    live: Role, *updates: PolicyUpdate, policies: Managed = EVERYTHING, others: Sequence[str] = ()
) -> RoleChange:
    """The role after each of the updates, as a stack of its own."""

    def claims(key: tuple[str, str]) -> Any:
        for one in updates:
            yield from (f"{id_} of stack {one.stack}" for id_ in one.claims(key))
        yield from others

    return role_after(live, [[one] for one in updates], policies, claims)


def labels(change: RoleChange) -> list[str]:
    return sorted(policy.label for policy in change.role.policies)


# What others have attached


def test_policies_that_others_have_attached_stay() -> None:
    quick_setup = Policy("SSMQuickSetup", OTHER, inline=True)
    stack = {"Role": role_of(S3.arn)}

    found = changed(web(S3, OWN, quick_setup), update(stack, stack))

    assert labels(found) == ["AmazonS3ReadOnlyAccess", "SSMQuickSetup (inline)", "own"]
    assert not found.touched
    assert not found.notes


def test_policies_that_others_have_detached_are_not_attached_again() -> None:
    stack = {"Role": role_of(S3.arn), "Data": inline_policy()}

    assert labels(changed(web(), update(stack, stack))) == []


def test_changes_by_others_stay_as_long_as_the_template_does_not_change() -> None:
    stack = {"Role": role_of(), "Data": inline_policy()}

    found = changed(web(Policy("data", OTHER, inline=True)), update(stack, stack))

    assert content(found.role, "data") == OTHER


# What the deployment removes and adds


def test_a_policy_that_leaves_the_template_is_removed_and_the_others_stay() -> None:
    before, after = {"Role": role_of(S3.arn, SSM), "Data": inline_policy()}, {"Role": role_of(S3.arn)}

    found = changed(web(S3, managed("AmazonSSMManagedInstanceCore"), INLINE, OWN), update(before, after))

    assert labels(found) == ["AmazonS3ReadOnlyAccess", "own"]
    assert found.touched


def test_a_policy_that_is_new_in_the_template_is_added() -> None:
    after = {"Role": role_of(S3.arn), "Data": inline_policy(roles=[{"Ref": "Role"}])}

    found = changed(web(OWN), update({"Role": role_of()}, after))

    assert labels(found) == ["AmazonS3ReadOnlyAccess", "data (inline)", "own"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"Data": inline_policy()}, {"Data": inline_policy(OTHER)}),
        (
            {"Role": role_of(Policies=[{"PolicyName": "data", "PolicyDocument": DOCUMENT}])},
            {"Role": role_of(Policies=[{"PolicyName": "data", "PolicyDocument": OTHER}])},
        ),
        (
            {
                "Data": resource(
                    "IAM::RolePolicy", {"PolicyName": "data", "RoleName": "web", "PolicyDocument": DOCUMENT}
                )
            },
            {"Data": resource("IAM::RolePolicy", {"PolicyName": "data", "RoleName": "web", "PolicyDocument": OTHER})},
        ),
    ],
)
def test_a_changed_document_takes_the_place_of_the_former_one(before: Resources, after: Resources) -> None:
    found = changed(web(INLINE), update(before, after))

    assert content(found.role, "data") == OTHER


def test_a_statement_that_is_added_to_an_imported_role_is_added() -> None:
    found = changed(web(S3), update({}, {"Data": inline_policy()}))

    assert labels(found) == ["AmazonS3ReadOnlyAccess", "data (inline)"]


def test_policies_for_other_roles_change_nothing() -> None:
    before = {"Data": inline_policy(roles=["other"]), "Other": resource("IAM::Role", {"RoleName": "other"})}

    found = changed(web(S3), update(before, {}))

    assert (labels(found), found.touched) == (["AmazonS3ReadOnlyAccess"], False)


def test_documents_are_compared_by_their_meaning() -> None:
    before = {"Data": inline_policy({"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": {"Ref": "All"}}]})}
    after = {"Data": inline_policy('{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}')}
    stack = PolicyUpdate(
        "Servers", deployed(before, {"Data": "data", "All": "*"}), policies_of(after, {"Data": "data"})
    )

    found = changed(web(Policy("data", OTHER, inline=True)), stack)

    assert content(found.role, "data") == OTHER
    assert not found.touched


def test_a_role_that_leaves_the_roles_of_a_policy_loses_it() -> None:
    before, after = {"Data": inline_policy(roles=["web", "db"])}, {"Data": inline_policy(roles=["db"])}

    assert labels(changed(web(INLINE), update(before, after))) == []


# Retained policies


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
@pytest.mark.parametrize("retained", [inline_policy, own_policy])
def test_a_retained_policy_stays(policy: str, retained: Any) -> None:
    properties = {"properties": {"Roles": ["web"]}} if retained is own_policy else {}
    one = retained(DeletionPolicy=policy, **properties)

    found = changed(web(INLINE, OWN), update({"Own": one}, {}))

    assert labels(found) == ["data (inline)", "own"]
    assert not found.touched


def test_whether_a_policy_is_retained_depends_on_the_deployed_template() -> None:
    assert labels(changed(web(INLINE), update({"Data": inline_policy(DeletionPolicy="Delete")}, {}))) == []


def test_policies_that_leave_a_resource_before_it_is_retained_are_removed() -> None:
    before = {"Data": inline_policy(DeletionPolicy="Retain")}
    after = {"Data": inline_policy(roles=["db"], DeletionPolicy="Retain")}

    assert labels(changed(web(INLINE), update(before, after))) == []


@pytest.mark.parametrize(
    ("policy", "left"), [("Retain", ["data (inline)", "next (inline)"]), ("Delete", ["next (inline)"])]
)
def test_a_replaced_policy_stays_if_its_update_replace_policy_is_retain(policy: str, left: list[str]) -> None:
    def named(name: str) -> dict[str, Any]:
        properties = {"PolicyName": name, "RoleName": "web", "PolicyDocument": DOCUMENT}
        return resource("IAM::RolePolicy", properties, UpdateReplacePolicy=policy)

    assert labels(changed(web(INLINE), update({"Data": named("data")}, {"Data": named("next")}))) == left


@pytest.mark.parametrize(("policy", "left"), [("Retain", ["data (inline)"]), ("Delete", [])])
def test_the_deletion_policy_may_be_a_function(policy: str, left: list[str]) -> None:
    before = {"Data": inline_policy(DeletionPolicy={"Ref": "Policy"})}
    stack = PolicyUpdate("Servers", deployed(before, {"Data": "data", "Policy": policy}), policies_of({}))

    assert labels(changed(web(INLINE), stack)) == left


@pytest.mark.parametrize("gone", [inline_policy, role_of])
def test_a_policy_that_may_be_retained_is_reported_and_not_treated_as_lost(gone: Any) -> None:
    resources = {"Role": {**gone(), "DeletionPolicy": {"Ref": "Policy"}}}

    found = changed(web(INLINE), update(resources, {}))

    assert labels(found) == ["data (inline)"]
    assert found.unread == (
        "whether the deployment deletes Role is not known: Policy is not known before the deployment (stack Servers)",
    )


def test_a_policy_of_other_roles_that_may_be_retained_is_not_reported() -> None:
    before = {"Data": inline_policy(roles=["db"], DeletionPolicy={"Ref": "Policy"})}

    found = changed(web(INLINE), update(before, {}))

    assert (found.unread, found.touched) == ((), False)


def test_a_policy_that_may_be_retained_when_it_is_replaced_is_reported() -> None:
    def named(name: str) -> dict[str, Any]:
        properties = {"PolicyName": name, "RoleName": "web", "PolicyDocument": DOCUMENT}
        return resource("IAM::RolePolicy", properties, UpdateReplacePolicy={"Ref": "Policy"})

    found = changed(web(INLINE), update({"Data": named("data")}, {"Data": named("next")}))

    assert labels(found) == ["data (inline)", "next (inline)"]
    assert found.unread == (
        "whether the deployment deletes Data is not known: Policy is not known before the deployment (stack Servers)",
    )


def test_the_policies_of_a_retained_nested_stack_stay() -> None:
    gone = PolicyUpdate("Servers/Nested", deployed({"Data": inline_policy()}, {"Data": "data"}), None, retained=True)

    assert labels(changed(web(INLINE), gone)) == ["data (inline)"]


# Several resources and stacks


def test_a_policy_that_another_stack_attaches_too_is_lost_with_a_note() -> None:
    stack = update({"Role": role_of(S3.arn)}, {"Role": role_of()})

    found = changed(web(S3, OWN), stack, others=["Attach of stack Other"])

    assert labels(found) == ["own"]
    taken = "stack Servers takes policy AmazonS3ReadOnlyAccess off the role"
    others = "although Attach of stack Other attaches it, too: CloudFormation does not put it back"
    assert found.notes == (f"{taken} {others}",)


def test_a_policy_that_moves_to_a_stack_that_is_deployed_later_stays() -> None:
    gives, takes = update({"Data": inline_policy()}, {}, "First"), update({}, {"Data": inline_policy()}, "Second")

    assert labels(changed(web(INLINE), gives, takes)) == ["data (inline)"]
    assert changed(web(INLINE), gives, takes).notes == ()


def test_a_policy_that_moves_to_a_stack_that_is_deployed_before_is_lost_with_a_note() -> None:
    gives, takes = update({"Data": inline_policy()}, {}, "First"), update({}, {"Moved": inline_policy()}, "Second")

    found = changed(web(INLINE), takes, gives)

    assert labels(found) == []
    assert "although Moved of stack Second attaches it, too" in found.notes[0]


def test_a_policy_that_moves_from_the_role_to_a_policy_of_the_stack_stays() -> None:
    before = {"Role": role_of({"Ref": "Own"}), "Own": own_policy()}
    after = {"Role": role_of(), "Own": own_policy(properties={"Roles": [{"Ref": "Role"}]})}

    assert labels(changed(web(OWN), update(before, after))) == ["own"]


def test_a_policy_whose_resource_gets_another_logical_id_is_deleted_last() -> None:
    found = changed(web(INLINE), update({"Old": inline_policy()}, {"New": inline_policy()}))

    assert labels(found) == []
    assert "although New of stack Servers attaches it, too" in found.notes[0]


def test_a_policy_that_one_of_two_resources_still_attaches_is_lost_with_a_note() -> None:
    before = {"Role": role_of({"Ref": "Own"}), "Own": own_policy(properties={"Roles": ["web"]})}
    after = {"Role": role_of(), "Own": own_policy(properties={"Roles": ["web"]})}

    found = changed(web(OWN), update(before, after))

    assert labels(found) == []
    assert "although Own of stack Servers attaches it, too" in found.notes[0]


# Managed policies of the stacks


def test_a_changed_managed_policy_changes_every_role_that_has_it() -> None:
    stack = update({"Own": own_policy()}, {"Own": own_policy(OTHER)})

    found = changed(web(OWN), stack)

    assert content(found.role, "own") == OTHER
    assert found.touched
    assert not changed(web(S3), stack).touched


def test_a_managed_policy_that_is_only_attached_anew_is_unchanged() -> None:
    stack = {"Role": role_of(), "Own": own_policy()}
    live = managed("own", OTHER, "111122223333")

    found = changed(web(), update(stack, {**stack, "Role": role_of({"Ref": "Own"})}), policies=Managed(live))

    assert content(found.role, "own") == OTHER


def test_a_managed_policy_that_is_replaced_is_another_one() -> None:
    before = {"Role": role_of({"Ref": "Own"}), "Own": own_policy()}
    renamed = {**own_policy(OTHER), "Properties": {"ManagedPolicyName": "next", "PolicyDocument": OTHER}}
    after = policies_of({**before, "Own": renamed}, {"Role": "web"})
    stack = PolicyUpdate("Servers", deployed(before, {"Role": "web", "Own": OWN_ARN}), after)

    found = changed(web(OWN), stack)

    assert [(policy.name, policy.document) for policy in found.role.policies] == [("next", OTHER)]


def test_a_managed_policy_that_does_not_exist_is_missing() -> None:
    gone = "arn:aws:iam::aws:policy/Gone"

    found = changed(web(), update({"Role": role_of()}, {"Role": role_of(gone)}), policies=Managed(missing=[gone]))

    assert (found.missing, found.unread, labels(found)) == ((gone,), (), [])
    assert found.notes == ("policy arn:aws:iam::aws:policy/Gone does not exist",)


def test_a_managed_policy_that_another_stack_creates_exists() -> None:
    base = update(None, {"Own": own_policy()}, "Base")
    user = PolicyUpdate(
        "User",
        deployed({"Role": role_of()}, {"Role": "web"}),
        policies_of({"Role": role_of("(new) Own")}, {"Role": "web"}),
    )

    found = changed(web(), base, user, policies=Managed(missing=["(new) Own"]))

    assert ([policy.document for policy in found.role.policies], found.missing) == ([DOCUMENT], ())


# The role itself


def test_a_new_role_has_the_policies_of_the_new_templates() -> None:
    base = update({}, {"Role": role_of(S3.arn)}, "Base")
    user = update({}, {"Data": inline_policy()}, "User")

    assert labels(changed(web(), base, user)) == ["AmazonS3ReadOnlyAccess", "data (inline)"]


def test_a_new_role_has_no_policies_of_stacks_that_are_deployed_before() -> None:
    early = update({}, {"Data": inline_policy()}, "Early")
    base = update({}, {"Role": role_of(S3.arn)}, "Base")

    assert labels(changed(web(), early, base)) == ["AmazonS3ReadOnlyAccess"]


def test_a_role_whose_name_is_only_written_differently_keeps_everything() -> None:
    named = role_of(S3.arn, RoleName={"Fn::Join": ["", ["w", "eb"]]})

    found = changed(web(S3, OWN), update({"Role": role_of(S3.arn)}, {"Role": named}))

    assert (labels(found), found.touched) == (["AmazonS3ReadOnlyAccess", "own"], False)


def test_a_role_whose_name_resolves_to_another_one_is_another_one() -> None:
    resources = {"Role": role_of(S3.arn, RoleName={"Fn::FindInMap": ["Names", "of", "it"]})}
    before, after = ({"Names": {"of": {"it": name}}} for name in ("web", "next"))
    stack = PolicyUpdate(
        "Servers",
        deployed(resources, {"Role": "web"}, Mappings=before),
        policies_of(resources, Mappings=after),
    )

    found = changed(web(S3, OWN), stack)

    assert labels(found) == []
    assert found.notes == ("the deployment of stack Servers deletes role web",)
    assert stack.is_new("next")


def test_a_role_that_the_deployment_deletes_has_nothing() -> None:
    found = changed(web(S3, OWN), update({"Role": role_of(S3.arn)}, {}))

    assert labels(found) == []
    assert found.notes == ("the deployment of stack Servers deletes role web",)


def test_a_role_that_is_retained_keeps_everything() -> None:
    retained = {**role_of(S3.arn), "DeletionPolicy": "Retain"}

    found = changed(web(S3, OWN), update({"Role": retained}, {}))

    assert (labels(found), found.touched) == (["AmazonS3ReadOnlyAccess", "own"], False)


# Its permissions boundary


@pytest.mark.parametrize(
    ("before", "after", "limit"),
    [
        ({}, {"PermissionsBoundary": SSM}, "AmazonSSMManagedInstanceCore"),
        ({"PermissionsBoundary": S3.arn}, {"PermissionsBoundary": SSM}, "AmazonSSMManagedInstanceCore"),
        ({"PermissionsBoundary": S3.arn}, {}, None),
        ({"PermissionsBoundary": S3.arn}, {"PermissionsBoundary": S3.arn}, "own"),
        ({}, {}, "own"),
        ({}, {"PermissionsBoundary": {"Ref": "Unknown"}}, "own"),
    ],
)
def test_the_boundary_changes_if_the_template_has_another_one(
    before: dict[str, Any], after: dict[str, Any], limit: str | None
) -> None:
    found = changed(web(boundary=OWN), update({"Role": role_of(**before)}, {"Role": role_of(**after)}))

    assert (found.role.boundary.name if found.role.boundary else None) == limit


@pytest.mark.parametrize(
    "other",
    [
        {"ManagedPolicyArns": [{"Ref": "Unknown"}]},
        {"Policies": [{"Fn::Transform": {"Name": "AWS::Include"}}]},
    ],
)
def test_a_removed_boundary_is_noticed_although_something_else_of_the_role_cannot_be_read(other: Any) -> None:
    limited, free = role_of(PermissionsBoundary=OWN_ARN, **other), role_of(**other)

    found = changed(web(boundary=OWN), update({"Role": limited}, {"Role": free}))

    assert (found.role.boundary, found.touched, found.unread) == (None, True, ())


def test_a_boundary_that_was_unknown_is_noticed_when_it_is_removed() -> None:
    limited = role_of(PermissionsBoundary={"Ref": "Unknown"})

    assert changed(web(boundary=OWN), update({"Role": limited}, {"Role": role_of()})).role.boundary is None


@pytest.mark.parametrize(
    "properties",
    [
        {"Fn::Transform": {"Name": "AWS::Include"}},
        {"PermissionsBoundary": {"Fn::If": ["Unknown", SSM, {"Ref": "AWS::NoValue"}]}},
    ],
)
def test_a_boundary_that_may_still_be_there_is_not_treated_as_removed(properties: dict[str, Any]) -> None:
    before, after = role_of(PermissionsBoundary=OWN_ARN), {**role_of(), "Properties": {"RoleName": "web", **properties}}

    found = changed(web(boundary=OWN), update({"Role": before}, {"Role": after}))

    assert (found.role.boundary, len(found.unread)) == (OWN, 1)


def test_the_boundary_has_the_content_after_the_deployment() -> None:
    found = changed(web(boundary=OWN), update({"Own": own_policy()}, {"Own": own_policy(OTHER)}))

    assert found.role.boundary
    assert found.role.boundary.document == OTHER


# Names of existing resources


BUCKET, QUEUE = {"Fn::GetAtt": ["Bucket", "Arn"]}, {"Fn::GetAtt": ["Queue", "Arn"]}
IDS = {"Bucket": "stack-bucket-1", "Queue": "https://sqs.eu-west-1.amazonaws.com/111122223333/q"}
OTHERS = {"Bucket": resource("S3::Bucket"), "Queue": resource("SQS::Queue")}


def put(before: Any, live: Any, after: Any) -> tuple[Any, tuple[str, ...]]:
    """What a changed policy allows access to, and what is not known of it.

    Args:
        before: what the deployed template allows access to.
        live: what the live policy allows access to.
        after: what the new template allows access to.
    """
    old, new = ({"Data": inline_policy(document(on)), **OTHERS} for on in (before, after))
    found = changed(web(Policy("data", document(live), inline=True)), update(old, new, known=IDS))
    (statement,) = content(found.role, "data")["Statement"]
    return statement["Resource"], found.role.unknown


def test_attributes_of_existing_resources_are_read_from_the_live_policy() -> None:
    inside, dead = {"Fn::Join": ["", [BUCKET, "/*"]]}, {"Fn::Sub": "${Queue.Arn}-dead"}

    found = put(
        [inside, dead],
        ["arn:aws:s3:::stack-bucket-1/*", "arn:aws:sqs:eu-west-1:111122223333:q-dead"],
        [BUCKET, inside, {"Fn::GetAtt": "Queue.Arn"}],
    )

    arns = ["arn:aws:s3:::stack-bucket-1", "arn:aws:s3:::stack-bucket-1/*", "arn:aws:sqs:eu-west-1:111122223333:q"]
    assert found == (arns, ())


def test_the_arn_of_a_log_group_ends_with_a_wildcard() -> None:
    arn = "arn:aws:logs:eu-west-1:111122223333:log-group:/web/stack-bucket-1:*"

    assert put([BUCKET], [arn], [BUCKET, "x"]) == ([arn, "x"], ())


UNKNOWN_BUCKET = ("role web: policy data speaks of Bucket.Arn, which is not looked up",)


@pytest.mark.parametrize(
    ("before", "live"),
    [
        (BUCKET, "*"),
        (BUCKET, "arn:aws:s3:::*"),
        (BUCKET, "arn:aws:s3:::stack-bucket-1*"),
        (BUCKET, "arn:aws:s3:::another"),
        (BUCKET, "arn:aws:s3:::another-stack-bucket-1"),
        ([BUCKET], ["arn:aws:s3:::stack-bucket-1", "arn:aws:s3:::another"]),
        ([BUCKET, "arn:aws:s3:::another"], ["arn:aws:s3:::stack-bucket-1", "*"]),
        ([BUCKET, BUCKET], ["arn:aws:s3:::stack-bucket-1", "arn:aws:s3:::x/stack-bucket-1"]),
        ([BUCKET, "{{resolve:ssm:/arn}}"], ["arn:aws:s3:::stack-bucket-1", "*"]),
    ],
)
def test_a_policy_that_somebody_has_edited_does_not_show_attributes(before: Any, live: Any) -> None:
    assert put(before, live, [BUCKET, "x"]) == (["(existing) Bucket.Arn", "x"], UNKNOWN_BUCKET)


def test_a_policy_with_another_action_than_the_template_does_not_show_attributes() -> None:
    edited = {"Statement": [{**document("arn:aws:s3:::stack-bucket-1")["Statement"][0], "Action": "s3:*"}]}
    before, after = ({"Data": inline_policy(document(on)), **OTHERS} for on in (BUCKET, [BUCKET, "x"]))

    found = changed(web(Policy("data", edited, inline=True)), update(before, after, known=IDS))

    assert found.role.unknown == UNKNOWN_BUCKET


def test_attributes_of_a_resource_that_is_replaced_are_not_read_from_the_live_policy() -> None:
    before = {"Data": inline_policy(document(BUCKET)), **OTHERS}
    after = {**before, "Data": inline_policy(document([BUCKET, "x"]))}
    live = Policy("data", document("arn:aws:s3:::stack-bucket-1"), inline=True)
    ids = {"Data": "Data", **IDS}
    kept = {"Data": "Data", "Queue": IDS["Queue"]}

    found = changed(web(live), PolicyUpdate("Servers", deployed(before, ids), policies_of(after, kept)))

    assert content(found.role, "data")["Statement"][0]["Resource"] == ["(new) Bucket", "x"]


def test_unknown_attributes_of_existing_resources_are_reported() -> None:
    after = {"Data": inline_policy(document({"Fn::GetAtt": ["Bucket", "Arn"]})), "Bucket": resource("S3::Bucket")}

    found = changed(web(), update({"Bucket": resource("S3::Bucket")}, after))

    (statement,) = content(found.role, "data")["Statement"]
    assert statement["Resource"] == "(existing) Bucket.Arn"
    assert found.role.unknown == ("role web: policy data speaks of Bucket.Arn, which is not looked up",)


# What can't be read of the deployed template


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (
            {"Role": role_of({"Ref": "Unknown"})},
            {"Role": role_of()},
            "policy (unknown) Unknown could not be read: Unknown is not known before the deployment",
        ),
        (
            {"Data": inline_policy(roles=[{"Ref": "Unknown"}])},
            {},
            "which roles Data is for is not known: Unknown is not known before the deployment",
        ),
    ],
)
def test_a_policy_that_cannot_be_read_and_is_removed_is_reported(
    before: Resources, after: Resources, what: str
) -> None:
    assert changed(web(INLINE), update(before, after)).unread == (f"{what} (stack Servers, as it is deployed)",)
    assert changed(web(INLINE), update(before, before)).unread == ()


def test_the_policies_of_a_stack_that_only_cloudformation_knows_are_reported_when_they_are_removed() -> None:
    policies = {"Fn::ForEach::Policies": ["Name", ["a"], {"P${Name}": inline_policy()}]}
    removal = PolicyUpdate("Servers", deployed(policies, {}), policies_of({}))

    assert changed(web(INLINE), removal).unread == (
        "Fn::ForEach::Policies is not read: only CloudFormation knows what it makes (stack Servers, as it is deployed)",
    )


def test_what_cannot_be_read_of_a_retained_policy_is_not_reported() -> None:
    retained = inline_policy(roles=[{"Ref": "Unknown"}], DeletionPolicy="Retain")

    assert changed(web(INLINE), update({"Data": retained}, {})).unread == ()


# What can't be read

TRANSFORM = {"Fn::Transform": {"Name": "AWS::Include"}}


def test_a_document_that_cannot_be_read_removes_no_permissions() -> None:
    found = changed(web(INLINE), update({"Data": inline_policy()}, {"Data": inline_policy(TRANSFORM)}))

    assert content(found.role, "data") == DOCUMENT
    why = "what Fn::Transform comes to is not known before the deployment"
    assert found.unread == (f"policy data (Data of stack Servers) is not read: {why}",)


def test_a_document_that_cannot_be_read_and_does_not_change_is_not_reported() -> None:
    stack = {"Data": inline_policy({"Fn::GetAtt": ["Custom", "Document"]})}

    found = changed(web(INLINE), update(stack, stack))

    assert (found.touched, found.unread) == (False, ())


def test_a_changed_policy_with_unknown_roles_may_be_for_the_role() -> None:
    before, after = ({"Data": inline_policy(content, [{"Ref": "Unknown"}])} for content in (DOCUMENT, OTHER))

    assert changed(web(INLINE), update(before, before)).unread == ()
    assert changed(web(INLINE), update(before, after)).unread == (
        "which roles Data is for is not known: Unknown is not known before the deployment (stack Servers)",
    )


@pytest.mark.parametrize(
    "after",
    [
        {"Role": role_of({"Ref": "Unknown"})},
        {"Role": {**role_of(), "Properties": {"RoleName": "web", **TRANSFORM}}},
        {"Role": role_of(), "Fn::ForEach::Policies": ["Name", ["a"], {"P${Name}": inline_policy()}]},
        {"Role": role_of(), **TRANSFORM},
        {"Role": role_of(), "Policies": {"Type": "Company::Web::Policies::MODULE"}},
    ],
)
def test_a_policy_that_cannot_be_read_may_be_one_that_seems_removed(after: Resources) -> None:
    found = changed(web(S3), update({"Role": role_of(S3.arn)}, after))

    assert labels(found) == ["AmazonS3ReadOnlyAccess"]
    assert len(found.unread) == 1


def test_a_transform_may_create_a_policy_that_seems_removed() -> None:
    before = deployed({"Data": inline_policy()}, {"Data": "data"})
    after = policies_of({}, Transform=["AWS::LanguageExtensions", {"Name": "Company"}])

    found = changed(web(INLINE), PolicyUpdate("Servers", before, after))

    assert labels(found) == ["data (inline)"]
    assert found.unread == (
        "transform Company is not read: only CloudFormation knows what it makes of the template (stack Servers)",
    )


# What is written as before


UNKNOWN = {"Fn::Equals": [{"Ref": "Unknown"}, "a"]}
ALWAYS = {"Fn::Equals": ["a", "a"]}
NAMES_OTHER = {"Wanted": {"Fn::Not": [{"Condition": "Other"}]}}


def with_sections(resources: Resources, before: Mapping[str, Any], after: Mapping[str, Any]) -> RoleChange:
    """The role after a change of nothing but other sections of the template."""
    ids = {id_: "web" if id_ == "Role" else id_ for id_ in resources}
    return changed(
        web(INLINE), PolicyUpdate("Servers", deployed(resources, ids, **before), policies_of(resources, ids, **after))
    )


@pytest.mark.parametrize(
    ("before", "after", "reported"),
    [
        ({"Wanted": UNKNOWN}, {"Wanted": UNKNOWN}, False),
        ({"Wanted": ALWAYS}, {"Wanted": UNKNOWN}, True),
        ({**NAMES_OTHER, "Other": UNKNOWN}, {**NAMES_OTHER, "Other": UNKNOWN}, False),
        ({**NAMES_OTHER, "Other": UNKNOWN}, {**NAMES_OTHER, "Other": {"Fn::Not": [UNKNOWN]}}, True),
        ({**NAMES_OTHER, "Other": {"Fn::Equals": ["a", "b"]}}, {**NAMES_OTHER, "Other": UNKNOWN}, True),
    ],
)
@pytest.mark.parametrize(
    "resources",
    [
        {"Data": inline_policy(Condition="Wanted")},
        {"Role": role_of({"Fn::If": ["Wanted", SSM, S3.arn]})},
        {"Data": inline_policy(roles=["web", {"Fn::If": ["Wanted", "other", "web"]}])},
    ],
)
def test_a_condition_with_an_unknown_result_is_reported_unless_it_has_not_changed(
    resources: Resources, before: Any, after: Any, reported: bool
) -> None:
    found = with_sections(resources, {"Conditions": before}, {"Conditions": after})

    assert (len(found.unread), found.touched) == ((1, True) if reported else (0, False))


def test_a_condition_on_a_parameter_that_each_deployment_reads_again_is_reported() -> None:
    stack = {"Data": inline_policy(Condition="Wanted")}
    condition = {"Wanted": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}}
    update = PolicyUpdate(
        "Servers",
        deployed(stack, {"Data": "data", "Stage": "prod"}, Conditions=condition),
        policies_of(stack, {"Data": "data"}, Conditions=condition),
    )

    assert changed(web(INLINE), update).unread == (
        "whether Data will be there depends on condition Wanted of the template (stack Servers)",
    )


@pytest.mark.parametrize("place", ["Action", "Resource", "Statement"])
def test_a_document_with_an_unknown_part_changes_with_the_mapping_that_the_part_names(place: str) -> None:
    value = {"Fn::FindInMap": ["Names", {"Ref": "Unknown"}, "it"]}
    (statement,) = DOCUMENT["Statement"]
    written = {"Statement": [statement, value if place == "Statement" else {**statement, place: value}]}
    before, after = ({"Mappings": {"Names": {"a": {"it": name}}}} for name in ("s3:Get*", "s3:*"))

    assert not with_sections({"Data": inline_policy(written)}, before, before).touched
    assert with_sections({"Data": inline_policy(written)}, before, after).touched


def test_a_document_changes_with_the_arguments_of_a_function_whose_result_is_unknown() -> None:
    before, after = (
        inline_policy(document({"Fn::Select": [index, {"Fn::Split": [",", {"Ref": "Unknown"}]}]})) for index in (0, 1)
    )

    assert not changed(web(INLINE), update({"Data": before}, {"Data": before})).touched
    assert changed(web(INLINE), update({"Data": before}, {"Data": after})).touched


def test_a_stack_that_cannot_be_read_is_reported_if_it_may_change_the_role() -> None:
    about = PolicyUpdate("Servers", None, policies_of({"Data": inline_policy()}), read_problem="not allowed")
    other = PolicyUpdate("Other", None, policies_of({}), read_problem="not allowed")

    found = changed(web(S3), about, other)

    assert labels(found) == ["AmazonS3ReadOnlyAccess"]
    assert found.unread == ("what the deployment of stack Servers changes is not known: not allowed",)
    assert found.notes == ("what the deployment of stack Other changes is not known: not allowed",)
