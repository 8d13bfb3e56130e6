"""What the handler may do: generated from the properties of the association, and never wider."""

from typing import Any

import pytest
from aws_cdk import CfnParameter, NestedStack, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, InstanceSelection, ReplaceableProfiles, Rollout
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    EVERY_INSTANCE,
    INSTANCE,
    IRELAND,
    OTHER_INSTANCE,
    Statement,
    alarm,
    as_text,
    associate_imported,
    associated,
    association_of,
    composite_alarm,
    handler_policies,
    imported_profile,
    listed,
    new_app,
    new_stack,
    only,
    resources,
    statements,
)

ASSOCIATE = "ec2:AssociateIamInstanceProfile"
REPLACE = "ec2:ReplaceIamInstanceProfileAssociation"
DISASSOCIATE = "ec2:DisassociateIamInstanceProfile"
PASS_ROLE, GET_PROFILE = "iam:PassRole", "iam:GetInstanceProfile"
DESCRIBE_ALARMS = "cloudwatch:DescribeAlarms"

PROFILES = f"arn:aws:iam::{ACCOUNT}:instance-profile"
WEB, OLD, IMPORTED, ANY = "${WebInstanceProfile.Arn}", f"{PROFILES}/Old", f"{PROFILES}/Imported", f"{PROFILES}/*"
OF_WEB, OF_THE_STACK = f"{PROFILES}/cdk-instance-role/Stack/29751047/*", f"{PROFILES}/cdk-instance-role/Stack/*"
"""The profiles of the `InstanceRole` ``Web``, whatever their names are, and those of all in the stack."""
OWN, GENERATED = f"{PROFILES}/cdk-instance-role", f"{PROFILES}/Stack*"
"""What is before the name of a stack in a path; profiles without a path whose names CloudFormation may have made."""
FORMER = f"{PROFILES}/cdk-instance-role/Stack/9b5c6b4a/*"
TARGET = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/{INSTANCE}"
TAGGED = {"aws:ResourceTag/app": ["api", "web"], "aws:ResourceTag/env": "prod"}


def replacing_old(instances: InstanceSelection = BY_ID) -> Stack:
    stack = new_stack()
    return associated(instances, stack, replaces=ReplaceableProfiles.profiles(imported_profile(stack, "Old")))


def nested() -> Stack:
    return associated(stack=NestedStack(new_stack(), "Nested"))


def replacing_one_of_another_stack() -> Stack:
    app = new_app()
    legacy = InstanceRole(Stack(app, "Legacy", env=IRELAND), "Web")
    stack = Stack(app, "Stack", env=IRELAND)
    return associated(stack=stack, replaces=ReplaceableProfiles.profiles(legacy.instance_profile))


def replacing_a_plain_one() -> Stack:
    stack = new_stack()
    role = iam.Role(stack, "PlainRole", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
    plain = iam.InstanceProfile(stack, "Plain", role=role, path="/corp/")
    return associated(stack=stack, replaces=ReplaceableProfiles.profiles(plain))


def replacing_a_token() -> Stack:
    stack = new_stack()
    token = iam.InstanceProfile.from_instance_profile_attributes(
        stack,
        "Old",
        instance_profile_arn=CfnParameter(stack, "OldArn").value_as_string,
        role=iam.Role.from_role_name(stack, "OldRole", "Old"),
    )
    return associated(stack=stack, replaces=ReplaceableProfiles.profiles(token))


def imported(**props: Any) -> Stack:
    stack = new_stack()
    associate_imported(stack, **props)
    return stack


def imported_replacing_old() -> Stack:
    stack = new_stack()
    associate_imported(stack, replaces=ReplaceableProfiles.profiles(imported_profile(stack, "Old")))
    return stack


def watching(*kinds: str) -> Stack:
    """A stack whose association watches alarms of these kinds."""
    stack = new_stack()
    alarms: dict[str, cloudwatch.IAlarm] = {
        "Errors": alarm(stack, "Errors"),
        "Latency": alarm(stack, "Latency", alarm_name="latency"),
        "Composite": composite_alarm(stack, "Composite"),
        "Imported": cloudwatch.Alarm.from_alarm_name(stack, "Imported", "imported"),
    }
    return associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=[alarms[kind] for kind in kinds]))


def rights(stack: Stack, action: str) -> list[tuple[Any, Any]]:
    """Resources and conditions of the statements that allow an action."""
    return [(one["Resource"], one.get("Condition", {})) for one in statements(stack, action)]


def moving(instances: InstanceSelection = BY_ID, **props: Any) -> Stack:
    """A stack whose `InstanceRole` gets another profile when its name or its role's changes."""
    stack = new_stack()
    InstanceRole(stack, "Web", **(props or {"role_name": "web"})).associate_with("Fleet", instances)
    return stack


def test_associates_the_targets_only_with_the_wanted_profile() -> None:
    assert rights(associated(), ASSOCIATE) == [(TARGET, {"ArnLike": {"ec2:NewInstanceProfile": WEB}})]


def test_associates_tagged_instances_only_with_the_wanted_profile() -> None:
    assert rights(associated(BY_TAGS), ASSOCIATE) == [
        (EVERY_INSTANCE, {"ArnLike": {"ec2:NewInstanceProfile": WEB}, "StringEquals": TAGGED})
    ]


def test_associates_the_targets_only_with_an_imported_profile_that_is_wanted() -> None:
    assert rights(imported(), ASSOCIATE) == [(TARGET, {"ArnLike": {"ec2:NewInstanceProfile": IMPORTED}})]


def test_may_associate_any_profile_with_the_targets_if_any_may_be_displaced() -> None:
    stack = associated(replaces=ReplaceableProfiles.any())
    assert rights(stack, ASSOCIATE) == [(TARGET, {"ArnLike": {"ec2:NewInstanceProfile": ANY}})]


# The profile with the former name may have to be restored on a target.
@pytest.mark.parametrize(
    "props", [{"instance_profile_name": "web"}, {"role_name": "web"}], ids=["profile name", "role name"]
)
def test_a_profile_that_may_be_replaced_is_identified_by_its_path(props: dict[str, Any]) -> None:
    assert rights(moving(**props), ASSOCIATE) == [(TARGET, {"ArnLike": {"ec2:NewInstanceProfile": OF_WEB}})]


def test_a_renamed_profile_does_not_change_what_a_target_may_be_associated_with() -> None:
    before, after = (rights(moving(instance_profile_name=name), ASSOCIATE) for name in ("before", "after"))
    assert before == after


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("${aws:username}", "${$}{aws:username}"),
        ("a${b}c${d", "a${$}{b}c${$}{d"),
        ("$${x}", "$${$}{x}"),
        ("${$}", "${$}{$}"),
        ("$1 {x} *?", "$1 {x} *?"),
    ],
)
def test_a_tag_value_is_not_a_policy_variable(value: str, escaped: str) -> None:
    stack = associated(InstanceSelection.by_tags({"app": [value]}), replaces=ReplaceableProfiles.any())
    tagged = {"StringEquals": {"aws:ResourceTag/app": escaped}}
    found = [condition for _, condition in rights(stack, ASSOCIATE) + rights(stack, REPLACE)]
    assert [one["StringEquals"] for one in found if "StringEquals" in one] == [tagged["StringEquals"]] * 2


def test_the_handler_gets_a_tag_value_unescaped() -> None:
    stack = associated(InstanceSelection.by_tags({"app": ["${aws:username}"]}))
    assert association_of(stack)["Properties"]["InstanceTags"] == {"app": ["${aws:username}"]}


# Variables are for values: IAM would look for a tag with the escaped key.
def test_a_tag_key_is_not_escaped() -> None:
    stack = associated(InstanceSelection.by_tags({"${app}": ["web"]}))
    ((_, condition),) = rights(stack, ASSOCIATE)
    assert condition["StringEquals"] == {"aws:ResourceTag/${app}": "web"}


def test_a_tag_value_may_contain_a_token() -> None:
    values = [f"${{a}}-{Token.as_string({'Ref': 'AWS::Region'})}"]
    ((_, condition),) = rights(associated(InstanceSelection.by_tags({"home": values})), ASSOCIATE)
    assert condition["StringEquals"] == {"aws:ResourceTag/home": "${$}{a}-eu-west-1"}


@pytest.mark.parametrize(
    ("instances", "resource", "tagged"),
    [(BY_ID, TARGET, {}), (BY_TAGS, EVERY_INSTANCE, {"StringEquals": TAGGED})],
    ids=["ids", "tags"],
)
def test_without_replaces_moves_targets_between_profiles_of_the_role_only(
    instances: InstanceSelection, resource: str, tagged: dict[str, Any]
) -> None:
    between = {"ec2:InstanceProfile": OF_WEB, "ec2:NewInstanceProfile": OF_WEB}
    assert rights(moving(instances), REPLACE) == [(resource, {"ArnLike": between, **tagged})]


def test_moves_targets_from_the_profile_of_a_former_id_and_back_to_it() -> None:
    stack = moving(former_ids=("Former",))
    both = [OF_WEB, FORMER]
    assert rights(stack, ASSOCIATE) == [(TARGET, {"ArnLike": {"ec2:NewInstanceProfile": both}})]
    assert rights(stack, REPLACE) == [
        (TARGET, {"ArnLike": {"ec2:InstanceProfile": both, "ec2:NewInstanceProfile": both}})
    ]


def test_without_replaces_a_profile_that_stays_the_same_gives_no_right_to_replace() -> None:
    assert rights(associated(), REPLACE) == []


def test_without_replaces_an_imported_profile_gives_no_right_to_replace() -> None:
    assert rights(imported(), REPLACE) == []


def test_removes_the_profiles_of_the_stack_from_any_instance() -> None:
    ours = {"ArnLike": {"ec2:InstanceProfile": OF_THE_STACK}}
    assert rights(associated(), DISASSOCIATE) == [(EVERY_INSTANCE, ours)]


def test_removes_only_the_profiles_of_the_role_if_that_is_in_another_stack() -> None:
    app = new_app()
    home, stack = Stack(app, "Home", env=IRELAND), Stack(app, "Stack", env=IRELAND)
    web = InstanceRole(home, "Web")
    InstanceProfileAssociation(stack, "Fleet", instance_profile=web.instance_profile, instances=BY_ID)
    ours = {"ArnLike": {"ec2:InstanceProfile": f"{PROFILES}/cdk-instance-role/Home/29751047/*"}}
    assert rights(stack, DISASSOCIATE) == [(EVERY_INSTANCE, ours)]


def test_removes_an_imported_profile_from_any_instance() -> None:
    ours = {"ArnLike": {"ec2:InstanceProfile": IMPORTED}}
    assert rights(imported(), DISASSOCIATE) == [(EVERY_INSTANCE, ours)]


@pytest.mark.parametrize(
    ("selection", "resource", "tagged"),
    [(BY_ID, TARGET, {}), (BY_TAGS, EVERY_INSTANCE, {"StringEquals": TAGGED})],
    ids=["ids", "tags"],
)
def test_displaces_a_listed_profile_only_on_the_targets_and_only_by_the_wanted_one(
    selection: InstanceSelection, resource: str, tagged: dict[str, Any]
) -> None:
    displace = {
        "ArnLike": {"ec2:InstanceProfile": OLD},
        # A disassociation has no new profile.
        "ArnLikeIfExists": {"ec2:NewInstanceProfile": WEB},
        **tagged,
    }
    stack = replacing_old(selection)
    assert (resource, displace) in rights(stack, REPLACE)
    assert (resource, displace) in rights(stack, DISASSOCIATE)


BACK = {"ArnLike": {"ec2:InstanceProfile": OF_WEB, "ec2:NewInstanceProfile": OLD}}


def test_restores_a_listed_profile_on_the_targets_only() -> None:
    restoring = [one for one in rights(replacing_old(), REPLACE) if "ArnLikeIfExists" not in one[1]]
    assert restoring == [(TARGET, BACK)]


# The tags may be gone by then, and where a token stands for another instance, the policy is changed in place.
@pytest.mark.parametrize("selection", ["tags", "token"])
def test_restores_a_listed_profile_on_any_instance_with_the_wanted_one(selection: str) -> None:
    stack = new_stack()
    token = InstanceSelection.by_ids(INSTANCE, CfnParameter(stack, "Instance").value_as_string)
    replaces = ReplaceableProfiles.profiles(imported_profile(stack, "Old"))
    associated(BY_TAGS if selection == "tags" else token, stack, replaces=replaces)
    restoring = [one for one in rights(stack, REPLACE) if "ArnLikeIfExists" not in one[1]]
    assert restoring == [(EVERY_INSTANCE, BACK)]


def test_restores_a_listed_profile_on_an_instance_with_an_imported_one() -> None:
    back = {"ec2:InstanceProfile": IMPORTED, "ec2:NewInstanceProfile": OLD}
    assert (TARGET, {"ArnLike": back}) in rights(imported_replacing_old(), REPLACE)


def test_restores_a_listed_profile_on_a_target_that_is_bare_in_a_swap() -> None:
    back = {"ec2:NewInstanceProfile": [WEB, OLD]}
    assert rights(replacing_old(), ASSOCIATE) == [(TARGET, {"ArnLike": back})]


def test_restores_a_listed_profile_on_a_bare_instance_that_may_have_lost_its_tags() -> None:
    bare = {"ArnLike": {"ec2:NewInstanceProfile": OLD}, "Null": {"ec2:InstanceProfile": "true"}}
    assert (EVERY_INSTANCE, bare) in rights(replacing_old(BY_TAGS), ASSOCIATE)


def test_any_profile_may_be_displaced_on_the_targets_only() -> None:
    displaced = [
        resource
        for resource, condition in rights(associated(replaces=ReplaceableProfiles.any()), REPLACE)
        if condition["ArnLike"]["ec2:InstanceProfile"] == ANY
    ]
    assert displaced == [TARGET]


@pytest.mark.parametrize(
    ("stack", "roles"),
    [
        (associated, "${WebRole.Arn}"),
        (imported, f"arn:aws:iam::{ACCOUNT}:role/Imported"),
        (replacing_old, ["${WebRole.Arn}", f"arn:aws:iam::{ACCOUNT}:role/Old"]),
        (imported_replacing_old, [f"arn:aws:iam::{ACCOUNT}:role/Imported", f"arn:aws:iam::{ACCOUNT}:role/Old"]),
        (lambda: associated(replaces=ReplaceableProfiles.any()), f"arn:aws:iam::{ACCOUNT}:role/*"),
    ],
    ids=["own", "imported", "own for old", "imported for old", "any"],
)
def test_passes_only_the_roles_of_its_profiles_and_only_to_ec2(stack: Any, roles: Any) -> None:
    assert rights(stack(), PASS_ROLE) == [(roles, {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})]


@pytest.mark.parametrize(
    ("stack", "profiles"),
    [
        (associated, [GENERATED, OF_THE_STACK]),
        (imported, [f"{PROFILES}/*/Imported", IMPORTED]),
        (replacing_old, [f"{PROFILES}/*/Old", OLD, GENERATED, OF_THE_STACK]),
        (lambda: moving(instance_profile_name="web"), [OF_THE_STACK, f"{PROFILES}/web"]),
        (lambda: associated(stack=new_stack("A" * 30)), [f"{PROFILES}/{'A' * 24}*", f"{OWN}/{'A' * 30}/*"]),
        (nested, [GENERATED, f"{OWN}/StackNested94489670/*"]),
        (replacing_one_of_another_stack, [GENERATED, OF_THE_STACK, f"{OWN}/Legacy/29751047/*", f"{PROFILES}/Legacy*"]),
        (replacing_a_plain_one, [GENERATED, "${Plain.Arn}", OF_THE_STACK]),
        (replacing_a_token, ANY),
        (lambda: associated(replaces=ReplaceableProfiles.any()), ANY),
    ],
    ids=["own", "imported", "own for old", "named", "long", "nested", "other stack", "plain", "token", "any"],
)
def test_gets_its_own_profiles_only(stack: Any, profiles: Any) -> None:
    ((found, conditions),) = rights(stack(), GET_PROFILE)
    assert (sorted(listed(found)), conditions) == (sorted(listed(profiles)), {})


# A profile is read by its name alone, and IAM decides by its path, or without a path if it is deleted.
def test_gets_a_profile_by_its_name_with_any_path() -> None:
    stack = new_stack()
    associated(stack=stack, replaces=ReplaceableProfiles.profiles(imported_profile(stack, "team/Old")))
    ((profiles, _),) = rights(stack, GET_PROFILE)
    assert profiles == [f"{PROFILES}/*/Old", f"{PROFILES}/Old", GENERATED, OF_THE_STACK, f"{PROFILES}/team/Old"]


def test_gets_a_profile_by_the_name_that_an_aspect_gives_it() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    web.associate_with("Fleet", BY_ID)
    resource = web.instance_profile.node.default_child
    assert isinstance(resource, iam.CfnInstanceProfile)
    resource.add_property_override("InstanceProfileName", "corp")
    ((profiles, _),) = rights(stack, GET_PROFILE)
    (profile,) = resources(stack, "AWS::IAM::InstanceProfile").values()
    assert f"{PROFILES}/{profile['Properties']['InstanceProfileName']}" in profiles


def test_the_handler_itself_only_reads_and_writes_to_its_own_ledger_and_log() -> None:
    found = resources(associated(), "AWS::IAM::Role")
    (role,) = (one for id_, one in found.items() if "HandlerRole" in id_)
    assert "ManagedPolicyArns" not in role["Properties"]
    (policy,) = role["Properties"]["Policies"]
    allowed: list[Statement] = as_text(policy["PolicyDocument"]["Statement"])
    assert [(sorted(listed(one["Action"])), one["Resource"]) for one in allowed] == [
        (["ec2:DescribeIamInstanceProfileAssociations", "ec2:DescribeInstances"], "*"),
        (
            [
                "dynamodb:BatchGetItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            "${InstanceProfileAssociationProviderLedger.Arn}",
        ),
        (["logs:CreateLogStream", "logs:PutLogEvents"], "${InstanceProfileAssociationProviderLog.Arn}"),
    ]


def test_two_associations_have_the_rights_of_both_and_no_more() -> None:
    stack = associated()
    other = imported_profile(stack, "Imported")
    InstanceProfileAssociation(
        stack, "Other", instance_profile=other, instances=InstanceSelection.by_ids(OTHER_INSTANCE)
    )
    assert rights(stack, ASSOCIATE) == [
        (TARGET, {"ArnLike": {"ec2:NewInstanceProfile": WEB}}),
        (TARGET.replace(INSTANCE, OTHER_INSTANCE), {"ArnLike": {"ec2:NewInstanceProfile": IMPORTED}}),
    ]


def test_an_imported_profile_with_the_path_of_another_stack_does_not_belong_to_this_one() -> None:
    stack = new_stack()
    name = "cdk-instance-role/Elsewhere/Web"
    profile = iam.InstanceProfile.from_instance_profile_attributes(
        stack,
        "Profile",
        instance_profile_arn=f"{PROFILES}/{name}",
        role=iam.Role.from_role_arn(stack, "Role", f"arn:aws:iam::{ACCOUNT}:role/Web"),
    )
    InstanceProfileAssociation(stack, "Fleet", instance_profile=profile, instances=BY_ID)
    assert rights(stack, DISASSOCIATE) == [(EVERY_INSTANCE, {"ArnLike": {"ec2:InstanceProfile": f"{PROFILES}/{name}"}})]


def test_describes_only_the_metric_alarms_of_the_app_that_a_rollout_watches() -> None:
    assert rights(watching("Errors", "Latency"), DESCRIBE_ALARMS) == [(["${Errors.Arn}", "${Latency.Arn}"], {})]


# CloudWatch shows composite alarms only to callers with the right to all, and an imported alarm may be composite.
@pytest.mark.parametrize("kinds", [("Composite",), ("Imported",), ("Errors", "Composite"), ("Errors", "Imported")])
def test_describes_every_alarm_if_one_may_be_composite(kinds: tuple[str, ...]) -> None:
    assert rights(watching(*kinds), DESCRIBE_ALARMS) == [("*", {})]


@pytest.mark.parametrize("rollout", [None, Rollout.all_at_once(), Rollout.in_waves()], ids=["none", "all", "waves"])
def test_without_alarms_there_is_no_right_to_describe_any(rollout: Rollout | None) -> None:
    assert rights(associated(BY_TAGS, rollout=rollout), DESCRIBE_ALARMS) == []


def test_policies_are_attached_to_the_role_of_the_handler_alone() -> None:
    for policy in handler_policies(replacing_old()).values():
        assert as_text(policy["Properties"]["Roles"]) == ["${InstanceProfileAssociationProviderHandlerRole}"]


def test_reads_the_status_of_its_own_stack_only() -> None:
    (one,) = handler_policies(associated()).values()
    found = [
        statement["Resource"]
        for statement in one["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "cloudformation:DescribeStacks"
    ]
    assert found == [{"Ref": "AWS::StackId"}]


# A parent in the middle is named as it names itself: named by its parent, it would depend on itself.
def test_reads_the_status_of_the_stacks_that_its_own_is_nested_in() -> None:
    root = new_stack("Root")
    middle = NestedStack(root, "Middle")
    inner = NestedStack(middle, "Inner")
    associated(stack=inner)
    ((resources_, _),) = rights(inner, "cloudformation:DescribeStacks")
    assert len(resources_) == 3
    parameters = Template.from_stack(inner).to_json()["Parameters"]
    assert len([name for name in parameters if name.endswith("AWSStackId")]) == 2
    passed = only(root, "AWS::CloudFormation::Stack")["Properties"]["Parameters"]
    assert [value for name, value in passed.items() if name.endswith("AWSStackId")] == [{"Ref": "AWS::StackId"}]
