"""What applications lose and gain when one role takes another's place."""

import itertools
import json
import re
import runpy
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distribution
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.cli.iam.patterns import actions_overlap, covers, covers_action, overlap, resources_overlap
from cdk_instance_role.cli.iam.permission_changes import compare
from cdk_instance_role.cli.iam.permission_set import Grant, PermissionRegion
from cdk_instance_role.cli.iam.role import Policy, Role
from cdk_instance_role.cli.iam.role_permissions import read
from cdk_instance_role.cli.model import PermissionChange

BUCKET = "arn:aws:s3:::bucket/*"
TLS = {"Bool": {"aws:SecureTransport": "false"}}
IRELAND = {"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}

Statement = dict[str, Any]


def allow(*actions: str, on: Any = "*", **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **more}


def deny(*actions: str, on: Any = "*", **more: Any) -> Statement:
    return {**allow(*actions, on=on, **more), "Effect": "Deny"}


def policy(*statements: Any, name: str = "Main", inline: bool = False) -> Policy:
    return Policy(name, {"Version": "2012-10-17", "Statement": list(statements)}, inline)


def role(*statements: Any, boundary: list[Any] | None = None, unknown: tuple[str, ...] = ()) -> Role:
    return Role("Role", (policy(*statements),), policy(*boundary, name="Limit") if boundary else None, unknown)


def lost(before: Role, after: Role) -> list[str]:
    return list(compare(before, after).actions_lost)


# Patterns


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("*", "s3:GetObject"),
        ("s3:*", "s3:Get*"),
        ("s3:Get*", "s3:GetObject*"),
        ("s3:*Object", "s3:Get*Object"),
        ("s3:Get?bject", "s3:GetObject"),
        ("s3:Get?*", "s3:Get*?"),
        ("s3:*", "S3:getobject"),
        ("*:*", "*"),
        ("*:*", "ec2:*"),
    ],
)
def test_a_pattern_covers_a_narrower_one(wide: str, narrow: str) -> None:
    assert covers_action(wide, narrow)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("s3:GetObject", "s3:Get*"),
        ("s3:Get*", "s3:*Object"),
        ("s3:Get?bject", "s3:Get*bject"),
        ("s3:Get", "s3:GetObject"),
        ("s3:Get?*", "s3:Get*"),
        ("s3:*", "*"),
    ],
)
def test_a_pattern_does_not_cover_a_wider_one(wide: str, narrow: str) -> None:
    assert not covers_action(wide, narrow)


def test_resources_are_case_sensitive() -> None:
    assert not covers("arn:aws:s3:::bucket/A*", "arn:aws:s3:::bucket/alpha")


@pytest.mark.parametrize(
    ("wide", "narrow", "covered"),
    [
        ("home/*", "home/${aws:username}", True),
        ("home/${aws:username}/*", "home/${aws:username}/mail", True),
        ("home/${aws:username}", "home/alice", False),
        ("home/?????", "home/${aws:username}", False),
        ("home/*", "home/${*}", True),
        ("home/${*}", "home/alice", False),
        ("home/${*}", "home/*", False),
    ],
)
def test_a_policy_variable_may_become_any_text(wide: str, narrow: str, covered: bool) -> None:
    assert covers(wide, narrow) is covered


@pytest.mark.parametrize(
    ("one", "other", "some"),
    [
        ("s3:Get*", "s3:*Object", True),
        ("s3:Get*", "S3:GETOBJECT", True),
        ("s3:Get*", "s3:Put*", False),
        ("s3:*Tagging", "s3:*Acl", False),
        ("s3:Get?", "s3:Get", False),
    ],
)
def test_two_patterns_of_actions_may_have_something_in_common(one: str, other: str, some: bool) -> None:
    assert actions_overlap(one, other) is actions_overlap(other, one) is some


@pytest.mark.parametrize(
    ("one", "other", "some"),
    [
        ("arn:aws:s3:::bucket/*", "arn:aws:s3:::bucket/public/*", True),
        ("arn:aws:s3:::bucket/${aws:username}", "arn:aws:s3:::bucket/alice", True),
        ("arn:aws:ec2:*:111111111111:instance/*", "arn:aws:ec2:*:222222222222:instance/*", False),
        ("arn:aws:ec2:*:111111111111:*", "arn:aws:ec2:eu-west-1:*:instance/*", True),
        ("*", "(new) Data/*", True),
    ],
)
def test_two_patterns_of_resources_may_have_something_in_common(one: str, other: str, some: bool) -> None:
    assert resources_overlap(one, other) is resources_overlap(other, one) is some


PATTERNS = st.text("ab*?", max_size=6)
TEXTS = [*map("".join, itertools.chain.from_iterable(itertools.product("abc", repeat=n) for n in range(6)))]


def matches(pattern: str, text: str) -> bool:
    """Another implementation of IAM's patterns."""
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


@given(PATTERNS)
def test_covering_is_reflexive(pattern: str) -> None:
    assert covers(pattern, pattern)


@given(PATTERNS, PATTERNS, PATTERNS)
def test_covering_is_transitive(wide: str, middle: str, narrow: str) -> None:
    assert covers(wide, narrow) or not (covers(wide, middle) and covers(middle, narrow))


@given(PATTERNS, PATTERNS)
def test_covering_and_overlapping_agree_with_matching(one: str, other: str) -> None:
    ones, others = ({text for text in TEXTS if matches(pattern, text)} for pattern in (one, other))
    if covers(one, other):
        assert others <= ones
    if ones & others:
        assert overlap(one, other)


# Statements


def test_an_action_that_another_pattern_covers_is_not_lost() -> None:
    assert lost(role(allow("s3:GetObject", "s3:getobjectacl", on=BUCKET)), role(allow("s3:Get*"))) == []


def test_an_action_that_nothing_covers_is_lost() -> None:
    before, after = role(allow("s3:GetObject", "s3:PutObject", on=BUCKET)), role(allow("s3:Get*"))
    assert lost(before, after) == ["s3:PutObject on arn:aws:s3:::bucket/*"]


def test_a_pattern_that_is_partly_kept_is_lost_except_for_that_part() -> None:
    before = role(allow("s3:*"))
    assert lost(before, role(allow("s3:Get*", "s3:List*", "ec2:*"))) == ["s3:* on *, except s3:Get*, s3:List*"]
    assert lost(before, role(allow("s3:*", on=BUCKET))) == [f"s3:* on *, except on {BUCKET}"]
    assert lost(before, role(allow("s3:Get*", on=BUCKET))) == [f"s3:* on *, except s3:Get* on {BUCKET}"]


def test_many_exceptions_are_counted() -> None:
    after = role(allow(*(f"s3:{letter}*" for letter in "ABCDEF"), "s3:Ab*"))
    assert lost(role(allow("s3:*")), after) == ["s3:* on *, except 6 narrower patterns"]


def test_a_pattern_that_a_wider_one_covers_is_not_repeated() -> None:
    assert lost(role(allow("s3:Get*", "s3:*", "s3:GetObject"), allow("S3:*")), role(allow("ec2:*"))) == ["s3:* on *"]


def test_the_intersection_of_two_patterns_is_named_by_both() -> None:
    after = role(allow("s3:*Object"), deny("s3:Get*"))
    assert lost(role(allow("s3:*Object")), after) == ["s3:*Object and s3:Get* on *"]


def test_a_denial_in_the_new_role_is_a_loss() -> None:
    everything = allow("s3:*")
    assert lost(role(everything), role(everything, deny("s3:Delete*", on=BUCKET))) == [f"s3:Delete* on {BUCKET}"]
    assert lost(role(everything), role(everything, deny("*"))) == ["s3:* on *"]


def test_actions_that_the_old_role_denied_are_not_lost() -> None:
    assert lost(role(allow("s3:*"), deny("s3:Delete*")), role(allow("s3:*"), deny("s3:DeleteObject"))) == []
    assert lost(role(allow("s3:*"), deny("*")), role(allow("ec2:*"))) == []


def test_a_denial_on_another_resource_is_no_loss() -> None:
    reading = allow("s3:GetObject", on=BUCKET)
    assert lost(role(reading), role(reading, deny("s3:*", on="arn:aws:s3:::other/*"))) == []


def test_not_action_allows_all_others() -> None:
    after = role({"Effect": "Allow", "NotAction": ["iam:*", "account:*"], "Resource": "*"}, allow("iam:Get*"))
    assert lost(role(allow("s3:*", "iam:*")), after) == ["iam:* on *, except iam:Get*"]
    assert lost(role(allow("*")), after) == ["account:* on *", "iam:* on *, except iam:Get*"]


def test_a_denial_of_not_action_denies_all_others() -> None:
    after = role(allow("*"), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"})
    assert lost(role(allow("s3:*", "ec2:*")), after) == ["ec2:* on *"]
    assert lost(role(allow("*")), after) == ["* on *, except s3:*"]


def test_not_resource_allows_all_others() -> None:
    after = role({"Effect": "Allow", "Action": "s3:*", "NotResource": [BUCKET]})
    assert lost(role(allow("s3:*")), after) == [f"s3:* on {BUCKET}"]
    assert lost(role(allow("s3:*", on="arn:aws:s3:::other/*")), after) == []


def test_a_statement_and_its_actions_need_no_list() -> None:
    before = Role("Role", (Policy("Main", {"Statement": {"Effect": "Allow", "Action": "a:*", "Resource": "*"}}),))
    assert lost(before, Role("New", ())) == ["a:* on *"]


@pytest.mark.parametrize(
    "statement",
    [
        "nonsense",
        {"Effect": "Allow", "Action": "s3:*"},
        {"Effect": "Allow", "Resource": "*"},
        allow(),
        allow("s3:*", on=[]),
        {**allow("s3:*"), "Effect": "?"},
        {**allow("s3:*"), "Condition": {"Bool": "true"}},
    ],
)
def test_an_empty_statement_is_noted(statement: Any) -> None:
    found = compare(role(statement), role(allow("s3:*")))
    assert found.notes == ("role Role: a statement of policy Main is none of an IAM policy, and left out",)


KEYS = st.sampled_from(["Effect", "Action", "NotAction", "Resource", "NotResource", "Condition", "Bool"])
JSON = st.recursive(
    st.none() | st.booleans() | st.sampled_from(["Allow", "Deny", "s3:*", "${", "*:", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, JSON) | JSON)
def test_no_document_stops_the_comparison(statement: Any) -> None:
    assert compare(role(statement), role(statement)).actions_lost == ()


# Conditions


def test_an_allowance_without_a_condition_covers_one_with_a_condition() -> None:
    assert compare(role(allow("s3:*", Condition=IRELAND)), role(allow("s3:*"))).actions_lost == ()


def test_a_condition_covers_itself_in_another_order_and_case_of_booleans() -> None:
    one = {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "eu-north-1"]}, "Bool": {"aws:SecureTransport": True}}
    two = {
        "Bool": {"aws:SecureTransport": "true"},
        "StringEquals": {"aws:RequestedRegion": ["eu-north-1", "eu-west-1"]},
    }
    assert compare(role(allow("s3:Get*", Condition=one)), role(allow("s3:*", Condition=two))).actions_lost == ()


def test_a_new_condition_is_a_loss_where_it_does_not_hold() -> None:
    found = compare(role(allow("s3:*")), role(allow("s3:*", Condition=IRELAND)))
    assert found.actions_lost == ("s3:* on *, except if StringEquals aws:RequestedRegion eu-west-1",)
    assert found.notes == (
        "conditions are compared as text: one that means the same in other words counts as another one",
    )


def test_another_condition_is_another_grant() -> None:
    found = compare(role(allow("s3:*", Condition=IRELAND)), role(allow("s3:*", Condition=TLS)))
    region, tls = "StringEquals aws:RequestedRegion eu-west-1", "Bool aws:SecureTransport false"
    assert found.actions_lost == (f"s3:* on * if {region}, except if {tls}",)
    assert found.actions_gained == (f"s3:* on * if {tls}, except if {region}",)


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        ({"aws:PrincipalTag/team": "a, b"}, {"aws:PrincipalTag/team": ["a", "b"]}),
        ({"aws:PrincipalTag/team": ""}, {"aws:PrincipalTag/team": []}),
        ({"aws:PrincipalTag/my team": "a"}, {"aws:PrincipalTag/my": "team a"}),
        ({"aws:PrincipalTag/team": ['"a', 'b"']}, {"aws:PrincipalTag/team": "a, b"}),
    ],
)
def test_conditions_are_different_although_their_words_are_the_same(condition: Any, other: Any) -> None:
    before, after = (role(allow("s3:Get*", Condition={"StringEquals": one})) for one in (condition, other))
    assert len(lost(before, after)) == 1


def test_fewer_conditions_cover_more() -> None:
    assert lost(role(allow("s3:*", Condition=IRELAND | TLS)), role(allow("s3:*", Condition=TLS))) == []


def test_a_denial_under_a_condition_is_a_loss_under_it() -> None:
    after = role(allow("s3:*"), deny("*", Condition=TLS))
    assert lost(role(allow("s3:*")), after) == ["s3:* on * if Bool aws:SecureTransport false"]
    assert lost(after, after) == []


# Boundaries


def test_actions_that_the_new_boundary_does_not_cover_are_lost() -> None:
    after = role(allow("*"), boundary=[allow("s3:Get*", "ec2:*")])
    found = compare(role(allow("s3:*", "ec2:Describe*")), after)
    assert found.actions_lost == ("s3:* on *, except s3:Get*",)
    assert found.notes == ("the permissions boundary Limit limits the new role",)


def test_actions_that_the_old_boundary_did_not_cover_are_not_lost() -> None:
    before = role(allow("*"), boundary=[allow("s3:Get*")])
    found = compare(before, role(allow("s3:List*")))
    assert found.actions_lost == ("s3:Get* on *",)
    assert found.notes == ("the permissions boundary Limit of the old role is gone",)


def test_another_boundary_of_the_same_name_has_notes() -> None:
    old, new = (f"arn:aws:iam::111122223333:policy{path}/Limit" for path in ("", "/team"))
    before, after = (Role("Role", (), Policy("Limit", {"Statement": []}, arn=arn)) for arn in (old, new))
    assert compare(before, after).notes == (
        f"the permissions boundary {new} limits the new role",
        f"the permissions boundary {old} of the old role is gone",
    )
    assert compare(before, before).notes == ()


def test_a_boundary_gives_no_rights() -> None:
    assert lost(role(allow("ec2:*")), role(allow("s3:*"), boundary=[allow("*")])) == ["ec2:* on *"]


def test_a_boundary_may_deny() -> None:
    after = role(allow("s3:*"), boundary=[allow("*"), deny("s3:Delete*")])
    assert lost(role(allow("s3:*")), after) == ["s3:Delete* on *"]


def test_a_boundary_with_not_action_allows_the_other_actions() -> None:
    after = role(allow("*"), boundary=[{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}])
    assert lost(role(allow("iam:Get*", "s3:*")), after) == ["iam:Get* on *"]


# Policies


def test_policies_are_distinguished_by_name_and_kind() -> None:
    before = Role("Old", (policy(name="Shared"), policy(name="Data"), policy(name="Logs", inline=True)))
    after = Role("New", (policy(name="Shared"), policy(name="Data", inline=True)))
    found = compare(before, after)
    assert found.policies_lost == ("Data", "Logs (inline)")
    assert found.policies_gained == ("Data (inline)",)


def test_policies_of_the_same_name_are_distinguished_by_their_arns() -> None:
    arns = [f"arn:aws:iam::{account}:policy/Shared" for account in ("aws", "111122223333")]
    one, other = (
        Policy("Shared", {"Statement": [allow(action)]}, arn=arn)
        for action, arn in zip(("s3:*", "sqs:*"), arns, strict=True)
    )
    found = compare(Role("Old", (one,)), Role("New", (other,)))
    assert (found.policies_lost, found.policies_gained) == ((arns[0],), (arns[1],))
    assert compare(Role("Old", (one,)), Role("New", (one,))) == PermissionChange("Old", "New", ())


def test_policies_that_could_not_be_read_are_noted_with_the_possible_effect() -> None:
    found = compare(role(allow("s3:*"), unknown=("the one",)), role(allow("s3:*"), unknown=("the other",)))
    assert found.notes == (
        "the one",
        "the other",
        "1 thing about role Role could not be read: it may have more or fewer rights than compared here",
    )


def test_a_permission_change_names_roles_and_instances() -> None:
    change = compare(Role("Old", (policy(allow("s3:*")),)), Role("New", ()), ["i-1", "i-2"])
    assert (change.before, change.after, change.instances) == ("Old", "New", ("i-1", "i-2"))
    assert (change.policies_lost, change.actions_lost) == (("Main",), ("s3:* on *",))


# Against an evaluation of single requests

ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:GetAcl", "ec2:Start"]
RESOURCES = ["arn:aws:s3:::a/x", "arn:aws:s3:::a/y", "arn:aws:s3:::b/x"]
CONDITIONS = [{}, {"Bool": {"tls": "true"}}, {"Bool": {"mfa": "true"}}, {"Bool": {"tls": "true", "mfa": "true"}}]
CONTEXTS = [frozenset(), frozenset({"tls"}), frozenset({"mfa"}), frozenset({"tls", "mfa"})]
REQUESTS = list(itertools.product(ACTIONS, RESOURCES, CONTEXTS))

action_patterns = st.lists(
    st.sampled_from([*ACTIONS, "*", "s3:*", "S3:get*", "s3:*Object", "s3:???Object", "ec2:*"]), min_size=1, max_size=3
)
resource_patterns = st.lists(
    st.sampled_from([*RESOURCES, "*", "arn:aws:s3:::a/*", "arn:aws:s3:::*/x", "arn:aws:s3:::?/y"]),
    min_size=1,
    max_size=2,
)
statements = st.builds(
    lambda effect, action_key, actions, resource_key, resources, condition: {
        "Effect": effect, action_key: actions, resource_key: resources, "Condition": condition
    },
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(["Action", "Action", "NotAction"]),
    action_patterns,
    st.sampled_from(["Resource", "Resource", "NotResource"]),
    resource_patterns,
    st.sampled_from(CONDITIONS),
)  # fmt: skip
documents = st.lists(statements, max_size=4)
roles = st.builds(
    lambda document, boundary: role(*document, boundary=boundary), documents, st.none() | documents.filter(bool)
)


def concerns(statement: Statement, request: tuple[str, str, frozenset[str]]) -> bool:
    action, resource, context = request
    keys = statement["Condition"].get("Bool", {}).keys()

    def hit(key: str, text: str, fold: bool) -> bool:
        return any(matches(p.lower() if fold else p, text.lower() if fold else text) for p in statement[key])

    by_action = hit("Action", action, True) if "Action" in statement else not hit("NotAction", action, True)
    by_resource = (
        hit("Resource", resource, False) if "Resource" in statement else not hit("NotResource", resource, False)
    )
    return by_action and by_resource and keys <= context


def is_allowed(one: Role, request: tuple[str, str, frozenset[str]]) -> bool:
    def says(effect: str, spoken: Policy) -> bool:
        return any(s["Effect"] == effect and concerns(s, request) for s in spoken.document["Statement"])

    every = [*one.policies, *([one.boundary] if one.boundary else [])]
    within = one.boundary is None or says("Allow", one.boundary)
    return within and any(says("Allow", p) for p in one.policies) and not any(says("Deny", p) for p in every)


def has(area: PermissionRegion, request: tuple[str, str, frozenset[str]]) -> bool:
    action, resource, context = request

    def hit(grant: Grant) -> bool:
        return (
            all(matches(pattern.lower(), action.lower()) for pattern in grant.actions)
            and all(matches(pattern, resource) for pattern in grant.resources)
            and {condition.split()[1] for condition in grant.conditions} <= context
        )

    return hit(area.grant) and not any(map(hit, area.exclusions))


@given(roles)
def test_the_permissions_of_a_role_agree_with_an_evaluation_of_single_requests(one: Role) -> None:
    allowed = read(one).allowed
    assert [any(has(area, r) for area in allowed) for r in REQUESTS] == [is_allowed(one, r) for r in REQUESTS]


@given(roles, roles)
def test_a_request_is_lost_if_it_was_allowed_and_no_longer_is(before: Role, after: Role) -> None:
    gone = read(before).allowed.without(read(after).allowed).normalize()
    for request in REQUESTS:
        expected = is_allowed(before, request) and not is_allowed(after, request)
        assert any(has(area, request) for area in gone) is expected


@given(roles)
def test_a_role_compared_with_itself_has_no_changes(one: Role) -> None:
    assert compare(one, one) == PermissionChange(one.name, one.name, ())


@given(roles, roles)
def test_the_losses_of_one_direction_are_the_gains_of_the_other(one: Role, other: Role) -> None:
    there, back = compare(one, other), compare(other, one)
    assert (there.actions_lost, there.policies_lost) == (back.actions_gained, back.policies_gained)


# On the documents of AWS


@cache
def documents_of_aws() -> Mapping[str, Any]:
    """All managed policies of AWS, which moto ships. The module is run by itself: moto wants to patch botocore."""
    module = runpy.run_path(str(distribution("moto").locate_file("moto/iam/aws_managed_policies.py")))
    found: Mapping[str, Any] = json.loads(module["aws_managed_policies_data"])
    return found


def managed(*names: str, boundary: str | None = None) -> Role:
    def one(name: str) -> Policy:
        return Policy(name, documents_of_aws()[name]["Document"])

    return Role(" and ".join(names), tuple(map(one, names)), one(boundary) if boundary else None)


def test_amazon_s3_read_only_instead_of_full_access_loses_what_is_not_reading() -> None:
    found = compare(managed("AmazonS3FullAccess"), managed("AmazonS3ReadOnlyAccess"))
    assert found == PermissionChange(
        before="AmazonS3FullAccess",
        after="AmazonS3ReadOnlyAccess",
        instances=(),
        policies_lost=("AmazonS3FullAccess",),
        policies_gained=("AmazonS3ReadOnlyAccess",),
        actions_lost=(
            "s3-object-lambda:* on *, except s3-object-lambda:Get*, s3-object-lambda:List*",
            "s3:* on *, except s3:Describe*, s3:Get*, s3:List*",
        ),
    )


def test_amazon_s3_full_access_instead_of_read_only_loses_nothing() -> None:
    assert lost(managed("AmazonS3ReadOnlyAccess"), managed("AmazonS3FullAccess")) == []


def test_administrator_to_read_only_loses_all_but_reading_and_gains_nothing() -> None:
    found = compare(managed("AdministratorAccess"), managed("ReadOnlyAccess"))
    (sentence,) = found.actions_lost
    assert re.fullmatch(r"\* on \*, except \d{4} narrower patterns", sentence)
    assert found.actions_gained == ()


def test_administrator_to_power_user_loses_accounts_and_identities() -> None:
    services = [text.split(":")[0] for text in lost(managed("AdministratorAccess"), managed("PowerUserAccess"))]
    assert services == ["account", "iam", "organizations"]


def test_a_boundary_of_aws_limits_like_the_policy_itself() -> None:
    limited, plain = managed("AdministratorAccess", boundary="PowerUserAccess"), managed("PowerUserAccess")
    assert compare(plain, limited).actions_lost == compare(plain, limited).actions_gained == ()


def test_deny_all_loses_everything() -> None:
    assert lost(managed("AmazonS3FullAccess"), managed("AdministratorAccess", "AWSDenyAll")) == [
        "s3-object-lambda:* on *",
        "s3:* on *",
    ]


SSM = "AmazonSSMManagedInstanceCore"
GONE = "the instances drop out of Systems Manager: the new role lacks "
REMEDY = "attach AmazonSSMManagedInstanceCore to keep them"
UNLESS = "(unless Default Host Management Configuration is on in the account and Region)"


def test_losing_systems_manager_is_reported() -> None:
    found = compare(managed(SSM), managed("AmazonS3FullAccess"))
    assert found.notes == (f"{GONE}ssm:UpdateInstanceInformation, ssmmessages:*, ec2messages:*; {REMEDY} {UNLESS}",)
    assert "ssm:UpdateInstanceInformation on *" in found.actions_lost


@pytest.mark.parametrize("name", [SSM, "AdministratorAccess", "PowerUserAccess"])
def test_keeping_systems_manager_is_not_reported(name: str) -> None:
    assert compare(managed(SSM), managed(name)).notes == ()


def test_without_systems_manager_before_nothing_is_reported() -> None:
    assert compare(managed("AmazonS3FullAccess"), managed("AmazonS3ReadOnlyAccess")).notes == ()


def test_a_boundary_may_remove_systems_manager() -> None:
    notes = compare(managed(SSM), managed(SSM, boundary="AmazonS3FullAccess")).notes
    assert notes[0].startswith(GONE)


@pytest.mark.parametrize(
    ("others", "what", "missing"),
    [
        (["ec2messages:*"], "Session Manager loses", "ssmmessages:*"),
        ([], "Session Manager and Run Command lose", "ssmmessages:*, ec2messages:*"),
    ],
)
def test_losing_the_channels_is_reported(others: list[str], what: str, missing: str) -> None:
    (note,) = compare(managed(SSM), role(allow("ssm:*", *others))).notes
    assert note == f"{what} the instances: the new role lacks {missing}; {REMEDY}"


def test_losing_the_messages_is_reported_for_old_agents() -> None:
    (note,) = compare(managed(SSM), role(allow("ssm:*", "ssmmessages:*"))).notes
    assert note.startswith(
        "Run Command loses instances with an SSM Agent before 3.3.40.0: the new role lacks ec2messages"
    )


def test_narrower_rights_for_systems_manager_are_reported() -> None:
    rights = [allow("ssm:*", on="arn:aws:ec2:*:*:instance/*"), allow("ssmmessages:*", "ec2messages:*")]
    (note,) = compare(managed(SSM), role(*rights)).notes
    limit = "the new role limits ssm:UpdateInstanceInformation"
    assert note == f"the instances may drop out of Systems Manager: {limit}; {REMEDY}"


def test_unreadable_policies_make_the_loss_of_systems_manager_uncertain() -> None:
    first = compare(managed(SSM), Role("New", (), unknown=("a policy could not be read",))).notes[0]
    assert first.startswith(GONE)
    assert first.endswith(", as far as its policies could be read")


LARGE = ["AdministratorAccess", "ReadOnlyAccess", "PowerUserAccess", "SecurityAudit", SSM]


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(LARGE, 2)])
def test_the_largest_policies_are_compared(one: str, other: str) -> None:
    assert compare(managed(one), managed(other)).policies_lost == (one,)


def test_many_actions_on_many_resources_are_compared() -> None:
    actions = [f"s3:Get{n}Object" for n in range(50)]
    before = role(allow(*actions, on=[f"arn:aws:s3:::bucket{n}/*" for n in range(50)]))
    after = role(allow(*actions, on="arn:aws:s3:::bucket7/*"))
    assert len(lost(before, after)) == 49 * 50
