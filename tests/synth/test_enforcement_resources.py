"""What a provider has for enforcement: its resources, their permissions, and what settings do to them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Aws, Duration, Environment, NestedStack, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Annotations, Match, Template

from cdk_instance_role import AssociationProvider, Enforcement, InstanceRole, InstanceSelection
from tests.synth.all_settings import KEY, OPERATOR, imported_key, vpc_of
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    FLAGS,
    IRELAND,
    OTHER_INSTANCE,
    Resource,
    Statement,
    as_text,
    associated,
    new_app,
    new_stack,
    resources,
)
from tests.synth.test_customized_roles import PRECREATED

REPORT, REPAIR = Enforcement.report(), Enforcement.repair()
PROVIDER = "${InstanceProfileAssociationProvider"
QUEUE, DEAD_LETTERS = f"{PROVIDER}EnforcementQueue", f"{PROVIDER}EnforcementDeadLetters"


def with_provider(instances: InstanceSelection = BY_TAGS, stack: Stack | None = None, **settings: Any) -> Stack:
    """A stack with an association that is enforced, whose provider has settings."""
    stack = stack or new_stack()
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, **settings)
    return associated(instances, stack, enforcement=REPAIR)


def of_enforcement(stack: Stack) -> dict[str, Resource]:
    """Properties of the resources of enforcement, by the end of their ids."""
    found = {id_[:-8].partition("ProviderEnforcement")[2]: one for id_, one in resources(stack).items()}
    return {id_: as_text(one["Properties"]) for id_, one in found.items() if id_}


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    return list(document["Statement"])


def handler_statements(stack: Stack) -> list[Statement]:
    """The inline statements of the handler's role."""
    (role,) = (one for id_, one in resources(stack, "AWS::IAM::Role").items() if "HandlerRole" in id_)
    (policy,) = role["Properties"]["Policies"]
    return [as_text(one) for one in statements_of(policy["PolicyDocument"])]


# Which resources there are


def test_without_enforcement_there_are_no_further_resources() -> None:
    plain = Template.from_stack(associated(BY_TAGS)).to_json()
    none = Template.from_stack(associated(BY_TAGS, enforcement=Enforcement.none())).to_json()
    with_reconcilers = new_stack()
    AssociationProvider(
        with_reconcilers, AssociationProvider.DEFAULT_ID, reconcilers=[iam.ArnPrincipal(OPERATOR)], encrypt_queues=False
    )

    assert json.dumps(none) == json.dumps(plain)
    assert Template.from_stack(associated(BY_TAGS, with_reconcilers)).to_json() == plain


def test_enforcement_adds_at_most_ten_resources() -> None:
    plain, enforced = resources(associated(BY_TAGS)), resources(associated(BY_TAGS, enforcement=REPAIR))
    added = sorted(one["Type"] for id_, one in enforced.items() if id_ not in plain)

    assert added == [
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Function",
        "AWS::SQS::Queue",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::SQS::QueuePolicy",
        "AWS::Scheduler::Schedule",
    ]
    assert len(added) <= 10


def test_a_second_association_adds_no_further_resources() -> None:
    stack = associated(BY_TAGS, enforcement=REPAIR)
    InstanceRole(stack, "Other").associate_with(
        "Fleet", InstanceSelection.by_ids(OTHER_INSTANCE), enforcement=Enforcement.report()
    )
    assert len(of_enforcement(stack)) == 9


def test_the_logical_ids_of_enforcement_stay_the_same() -> None:
    found = resources(associated(BY_TAGS, enforcement=REPAIR))
    ids = sorted(id_.partition("ProviderEnforcement")[2] for id_ in found if "ProviderEnforcement" in id_)
    assert ids == [
        "DeadLettersB8EAD233",
        "DeadLettersPolicy1A1E5D8A",
        "Handler36B919DB",
        "MessagesE66C090E",
        "QueueB75C86C1",
        "QueuePolicy017BF03C",
        "Rule281AADF9",
        "Schedule7EEDF95F",
        "ScheduleRole82A751FC",
    ]


# Rule


def test_the_rule_matches_state_changes_and_changes_of_the_selecting_tag_keys() -> None:
    rule = of_enforcement(associated(BY_TAGS, enforcement=REPORT))["Rule"]

    assert rule["Targets"] == [{"Id": "Queue", "Arn": f"{QUEUE}.Arn}}"}]
    assert rule["EventPattern"] == {
        "$or": [
            {
                "source": ["aws.ec2"],
                "detail-type": ["EC2 Instance State-change Notification"],
                "detail": {"state": ["running", "stopped"]},
            },
            {
                "source": ["aws.tag"],
                "detail-type": ["Tag Change on Resource"],
                "detail": {"service": ["ec2"], "resource-type": ["instance"], "changed-tag-keys": ["app", "env"]},
            },
        ]
    }
    assert "EventBusName" not in rule, "EC2 sends to the default bus only"


def test_for_a_selection_by_ids_the_rule_leaves_tags_out() -> None:
    stack = associated(BY_ID, enforcement=REPORT)
    InstanceRole(stack, "Plain").associate_with("Fleet", BY_TAGS)  # without enforcement
    assert of_enforcement(stack)["Rule"]["EventPattern"]["source"] == ["aws.ec2"]


def test_more_keys_than_a_pattern_can_hold_match_changes_of_all_keys() -> None:
    tags = {f"a-rather-long-key-of-a-tag-number-{number}": ["x"] for number in range(40)}
    rule = of_enforcement(associated(InstanceSelection.by_tags(tags), enforcement=REPORT))["Rule"]

    _, changes = rule["EventPattern"]["$or"]
    assert changes["detail"] == {"service": ["ec2"], "resource-type": ["instance"]}


# Schedule


@pytest.mark.parametrize(
    ("every", "expression", "window", "age"),
    [
        (Duration.minutes(1), "rate(1 minute)", {"Mode": "OFF"}, 60),
        (Duration.seconds(61), "rate(2 minutes)", {"Mode": "OFF"}, 120),
        (Duration.minutes(9), "rate(9 minutes)", {"Mode": "OFF"}, 540),
        (Duration.minutes(15), "rate(15 minutes)", {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1}, 900),
        (Duration.hours(1), "rate(60 minutes)", {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 6}, 3600),
        (Duration.days(1), "rate(1440 minutes)", {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 144}, 86400),
    ],
    ids=["a minute", "a second more", "nine minutes", "the default", "an hour", "a day"],
)
def test_the_schedule_sends_a_sweep_as_often_as_asked(
    every: Duration, expression: str, window: dict[str, Any], age: int
) -> None:
    schedule = of_enforcement(associated(BY_TAGS, enforcement=Enforcement.report(every)))["Schedule"]

    assert schedule["ScheduleExpression"] == expression
    assert schedule["FlexibleTimeWindow"] == window
    assert schedule["Target"] == {
        "Arn": f"{QUEUE}.Arn}}",
        "RoleArn": f"{PROVIDER}EnforcementScheduleRole.Arn}}",
        "Input": '{"Kind": "Sweep"}',
        "RetryPolicy": {"MaximumEventAgeInSeconds": age},
    }
    assert "GroupName" not in schedule, "it is in the default group, which the trust policy names"


def test_the_role_of_the_schedule_is_for_the_schedule_group_of_this_account_and_may_send_only() -> None:
    role = of_enforcement(associated(BY_TAGS, enforcement=REPORT))["ScheduleRole"]

    assert statements_of(role["AssumeRolePolicyDocument"]) == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": "111122223333",
                    "aws:SourceArn": "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/default",
                }
            },
        }
    ]
    assert [statements_of(one["PolicyDocument"]) for one in role["Policies"]] == [
        [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": f"{QUEUE}.Arn}}"}]
    ]


# Queues


def test_messages_are_kept_for_a_day_and_those_that_fail_for_two_weeks() -> None:
    found = of_enforcement(associated(BY_TAGS, enforcement=REPORT))

    assert found["Queue"] == {
        "VisibilityTimeout": 360,
        "MessageRetentionPeriod": 86400,
        "RedrivePolicy": {"deadLetterTargetArn": f"{DEAD_LETTERS}.Arn}}", "maxReceiveCount": 100},
        "SqsManagedSseEnabled": True,
    }
    assert found["DeadLetters"] == {"MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": True}


def over_plain_http(queue: str) -> Statement:
    return {
        "Effect": "Deny",
        "Action": "sqs:*",
        "Principal": {"AWS": "*"},
        "Resource": f"{queue}.Arn}}",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_only_the_rule_and_the_schedule_may_send() -> None:
    found = of_enforcement(associated(BY_TAGS, enforcement=REPORT))

    assert statements_of(found["QueuePolicy"]["PolicyDocument"]) == [
        over_plain_http(QUEUE),
        {
            "Sid": "EventRule",
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Principal": {"Service": "events.amazonaws.com"},
            "Resource": f"{QUEUE}.Arn}}",
            "Condition": {"ArnEquals": {"aws:SourceArn": f"{PROVIDER}EnforcementRule.Arn}}"}},
        },
        {
            "Sid": "OtherSenders",
            "Effect": "Deny",
            "Action": "sqs:SendMessage",
            "Principal": {"AWS": "*"},
            "Resource": f"{QUEUE}.Arn}}",
            "Condition": {
                "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                "ArnNotEquals": {"aws:PrincipalArn": [f"{PROVIDER}EnforcementScheduleRole.Arn}}"]},
            },
        },
    ]
    assert statements_of(found["DeadLettersPolicy"]["PolicyDocument"]) == [over_plain_http(DEAD_LETTERS)]
    assert found["QueuePolicy"]["Queues"] == [f"{QUEUE}}}"]


def test_reconcilers_may_send_too() -> None:
    stack = new_stack()
    operator, owned = iam.ArnPrincipal(OPERATOR), iam.Role(stack, "Owned", assumed_by=iam.AccountRootPrincipal())
    with_provider(stack=stack, reconcilers=[operator, owned, operator])
    statements = statements_of(of_enforcement(stack)["QueuePolicy"]["PolicyDocument"])
    by_sid = {one.get("Sid"): one for one in statements}

    assert by_sid["Reconcilers"]["Principal"] == {"AWS": [OPERATOR, "${Owned.Arn}"]}
    assert by_sid["Reconcilers"]["Action"] == ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
    assert by_sid["OtherSenders"]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"] == [
        f"{PROVIDER}EnforcementScheduleRole.Arn}}",
        OPERATOR,
        "${Owned.Arn}",
    ]
    assert not resources(stack, "AWS::IAM::Policy").keys() & {"OwnedDefaultPolicy"}


def test_a_reconciler_may_be_a_role_of_another_stack() -> None:
    app = new_app()
    operators, stack = Stack(app, "Operators", env=IRELAND), Stack(app, "Stack", env=IRELAND)
    role = iam.Role(operators, "Operator", assumed_by=iam.AccountRootPrincipal())
    key = kms.Key(stack, "Key")
    with_provider(stack=stack, reconcilers=[role], encryption_key=key)
    app.synth()

    assert operators in stack.dependencies
    assert stack not in operators.dependencies


@pytest.mark.parametrize(
    "reconciler",
    [
        OPERATOR,
        iam.ServicePrincipal("lambda.amazonaws.com"),
        iam.AnyPrincipal(),
        iam.AccountRootPrincipal(),
        iam.AccountPrincipal(ACCOUNT),
        iam.ArnPrincipal(f"arn:aws:iam::{ACCOUNT}:role/*"),
        iam.ArnPrincipal(f"arn:aws:sts::{ACCOUNT}:assumed-role/Operator/me"),
        iam.PrincipalWithConditions(iam.ArnPrincipal(OPERATOR), {"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        iam.CompositePrincipal(iam.ArnPrincipal(OPERATOR), iam.AnyPrincipal()),
        None,
    ],
    ids=["text", "service", "any", "root", "account", "pattern", "session", "conditions", "several", "none"],
)
def test_refuses_a_reconciler_that_is_not_a_role(reconciler: Any) -> None:
    with pytest.raises(ValueError, match="in reconcilers is neither a role nor a user: give a role of the app"):
        AssociationProvider(new_stack(), "Provider", reconcilers=[reconciler])


def reconciler_of_aws(scope: Stack, how: str) -> iam.IGrantable:
    """A reconciler whose ARN is of the partition `aws`."""
    match how:
        case "a role":
            return iam.ArnPrincipal(OPERATOR)
        case "a user":
            return iam.ArnPrincipal(f"arn:aws:iam::{ACCOUNT}:user/Operator")
        case "an imported role":
            return iam.Role.from_role_arn(scope, "Operator", OPERATOR)
        case _:
            return iam.ArnPrincipal(f"arn:aws:iam::{Aws.ACCOUNT_ID}:role/Operator")


@pytest.mark.parametrize("how", ["a role", "a user", "an imported role", "a role of an account that is a token"])
def test_refuses_a_reconciler_of_another_partition(how: str) -> None:
    stack = new_stack(env=Environment(account=ACCOUNT, region="cn-north-1"))
    said = r"^reconciler 'arn:aws:iam::.*Operator' is in partition aws, and the provider in aws-cn: use one in the same"
    with pytest.raises(ValueError, match=said):
        AssociationProvider(stack, "Provider", reconcilers=[reconciler_of_aws(stack, how)])


@pytest.mark.parametrize("how", ["a role", "a user", "an imported role", "a role of an account that is a token"])
def test_accepts_a_reconciler_of_any_partition_if_the_partition_of_the_stack_is_a_token(how: str) -> None:
    stack = new_stack(env=None)
    AssociationProvider(stack, "Provider", reconcilers=[reconciler_of_aws(stack, how)])


def test_accepts_a_reconciler_of_another_account() -> None:
    operator = iam.ArnPrincipal("arn:aws:iam::444455556666:role/Operator")
    AssociationProvider(new_stack(), "Provider", reconcilers=[operator])


def test_refuses_a_reconciler_that_is_not_in_a_list() -> None:
    with pytest.raises(ValueError, match=f"reconcilers is '{OPERATOR}': give a list of roles"):
        AssociationProvider(new_stack(), "Provider", reconcilers=OPERATOR)  # type: ignore[arg-type]


# Function


def test_the_function_is_the_handler_with_another_entry_point_a_short_timeout_and_the_queue() -> None:
    stack = associated(BY_TAGS, enforcement=REPORT)
    functions = {id_: as_text(one["Properties"]) for id_, one in resources(stack, "AWS::Lambda::Function").items()}
    handler, enforcer = (
        next(one for id_, one in functions.items() if id_[:-8].endswith(end))
        for end in ("ProviderHandler", "EnforcementHandler")
    )

    assert (enforcer["Handler"], enforcer["Timeout"]) == ("association.entry.handle_messages", 60)
    assert enforcer["Environment"]["Variables"] == {
        "LEDGER_TABLE": f"{PROVIDER}Ledger}}",
        "LOG_GROUP": f"{PROVIDER}Log}}",
        "QUEUE_URL": f"{QUEUE}}}",
    }
    different = {"Handler", "Timeout", "Environment", "Description"}
    assert {key: value for key, value in enforcer.items() if key not in different} == {
        key: value for key, value in handler.items() if key not in different
    }


def test_lambda_passes_ten_messages_at_once_to_five_invocations() -> None:
    assert of_enforcement(associated(BY_TAGS, enforcement=REPORT))["Messages"] == {
        "BatchSize": 10,
        "EventSourceArn": f"{QUEUE}.Arn}}",
        "FunctionName": f"{PROVIDER}EnforcementHandler}}",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 5},
    }


def test_the_handler_may_receive_messages_and_send_events_of_its_source_only() -> None:
    plain = handler_statements(associated(BY_TAGS))
    added = [one for one in handler_statements(associated(BY_TAGS, enforcement=REPORT)) if one not in plain]

    assert added == [
        {
            "Effect": "Allow",
            "Action": [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            "Resource": f"{QUEUE}.Arn}}",
        },
        {
            "Effect": "Allow",
            "Action": "events:PutEvents",
            "Resource": f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default",
            "Condition": {"StringEquals": {"events:source": "cdk-instance-role"}},
        },
    ]


# Settings


def test_the_function_is_in_the_vpc_of_the_others() -> None:
    stack = new_stack()
    with_provider(stack=stack, vpc=vpc_of(stack))
    functions = resources(stack, "AWS::Lambda::Function").values()

    assert len(functions) == 5
    assert len({json.dumps(one["Properties"]["VpcConfig"]) for one in functions}) == 1


def test_it_reserves_as_many_executions_as_its_event_source_runs() -> None:
    """With fewer, Lambda would refuse some of them; more are never used."""
    stack = with_provider(reserved_concurrent_executions=20)
    reserved = {
        id_[:-8]: one["Properties"]["ReservedConcurrentExecutions"]
        for id_, one in resources(stack, "AWS::Lambda::Function").items()
    }
    assert reserved.pop("InstanceProfileAssociationProviderEnforcementHandler") == 5
    assert set(reserved.values()) == {20}


def test_a_key_of_the_app_encrypts_the_queues_and_allows_eventbridge_and_the_schedule_to_use_it() -> None:
    stack = new_stack()
    with_provider(stack=stack, encryption_key=kms.Key(stack, "Key"), reconcilers=[iam.ArnPrincipal(OPERATOR)])
    found = of_enforcement(stack)
    (key,) = resources(stack, "AWS::KMS::Key").values()
    statements = [as_text(one) for one in statements_of(key["Properties"]["KeyPolicy"])]

    assert [found[name]["KmsMasterKeyId"] for name in ("Queue", "DeadLetters")] == ["${Key.Arn}"] * 2
    assert [one for one in statements if one["Principal"] == {"Service": "events.amazonaws.com"}] == [
        {
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Principal": {"Service": "events.amazonaws.com"},
            "Resource": "*",
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/*"}},
        }
    ]
    assert [one["Action"] for one in statements if one["Principal"] == {"AWS": OPERATOR}] == [
        ["kms:Decrypt", "kms:GenerateDataKey"]
    ]
    (policy,) = found["ScheduleRole"]["Policies"]
    assert statements_of(policy["PolicyDocument"])[1] == {
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": "${Key.Arn}",
        "Condition": {"StringLike": {"kms:ViaService": "sqs.eu-west-1.*"}},
    }


def test_a_key_of_another_stack_encrypts_the_queues() -> None:
    app = new_app()
    keys, stack = Stack(app, "Keys", env=IRELAND), Stack(app, "Stack", env=IRELAND)
    role = iam.Role(stack, "Operator", assumed_by=iam.AccountRootPrincipal())
    with_provider(stack=stack, encryption_key=kms.Key(keys, "Key"), reconcilers=[role])
    app.synth()

    assert "KmsMasterKeyId" in of_enforcement(stack)["Queue"]
    grants = json.dumps([one for id_, one in resources(stack, "AWS::IAM::Policy").items() if "Operator" in id_])
    assert "kms:GenerateDataKey" in grants


def test_with_an_imported_key_the_queues_are_encrypted_by_sqs() -> None:
    stack = new_stack()
    with_provider(stack=stack, encryption_key=imported_key(stack))
    found = of_enforcement(stack)

    assert found["Queue"]["SqsManagedSseEnabled"] is True
    assert found["Handler"]["KmsKeyArn"] == KEY
    notes = [one.entry.data for one in Annotations.from_stack(stack).find_info("*", Match.any_value())]
    assert not [one for one in notes if "events.amazonaws.com" in str(one)]


def test_with_an_imported_key_the_queues_use_it_if_set_and_a_note_is_for_its_owner() -> None:
    stack = new_stack()
    with_provider(
        stack=stack,
        encryption_key=imported_key(stack),
        encrypt_queues=True,
        reconcilers=[iam.ArnPrincipal(OPERATOR)],
    )
    (queue,) = (one for id_, one in resources(stack, "AWS::SQS::Queue").items() if "EnforcementQueue" in id_)
    note = queue["Metadata"]["cdk-instance-role:KeyPolicy"]

    assert queue["Properties"]["KmsMasterKeyId"] == KEY
    assert note.startswith(f"the policy of key {KEY} belongs to its owner, who has to add {{")
    assert '"Principal": {"Service": "events.amazonaws.com"}' in note
    assert f'"aws:SourceArn": "arn:aws:events:eu-west-1:{ACCOUNT}:rule/*"' in note
    assert OPERATOR in note


def test_queues_may_be_left_out_of_encryption_with_a_key() -> None:
    stack = new_stack()
    with_provider(stack=stack, encryption_key=kms.Key(stack, "Key"), encrypt_queues=False)
    (key,) = resources(stack, "AWS::KMS::Key").values()

    assert of_enforcement(stack)["Queue"]["SqsManagedSseEnabled"] is True
    assert "events.amazonaws.com" not in json.dumps(key["Properties"]["KeyPolicy"])


def test_refuses_to_encrypt_queues_without_a_key() -> None:
    with pytest.raises(ValueError, match="encrypt_queues is True without encryption_key: give the key"):
        AssociationProvider(new_stack(), "Provider", encrypt_queues=True)


# Several stacks


def two_stacks(app: App) -> tuple[Stack, Stack, Stack]:
    """A provider in a stack of its own, and two stacks with an association each."""
    shared, web, batch = (Stack(app, name, env=IRELAND) for name in ("Shared", "Web", "Batch"))
    provider = AssociationProvider(shared, "Provider")
    associated(BY_TAGS, web, provider=provider, enforcement=Enforcement.report(Duration.hours(1)))
    by_role = InstanceSelection.by_tags({"role": ["batch"]})
    associated(by_role, batch, provider=provider, enforcement=Enforcement.repair(Duration.minutes(5)))
    return shared, web, batch


def test_associations_of_several_stacks_share_the_resources_of_their_provider() -> None:
    shared, web, batch = two_stacks(new_app())
    found = of_enforcement(shared)
    _, tag_changes = found["Rule"]["EventPattern"]["$or"]

    assert len(found) == 9
    assert tag_changes["detail"]["changed-tag-keys"] == ["app", "env", "role"]
    assert found["Schedule"]["ScheduleExpression"] == "rate(5 minutes)"
    assert (of_enforcement(web), of_enforcement(batch)) == ({}, {})


def test_the_provider_depends_on_no_stack_that_uses_it() -> None:
    app = new_app()
    shared, web, batch = two_stacks(app)
    app.synth()

    assert shared.dependencies == []
    assert (web.dependencies, batch.dependencies) == ([shared], [shared])


# Other places


def test_a_stack_for_any_account_and_region_refers_to_its_own_in_the_trust_of_the_schedule() -> None:
    stack = new_stack(env=None)
    associated(BY_TAGS, stack, enforcement=REPORT)
    (role,) = (one for id_, one in resources(stack, "AWS::IAM::Role").items() if "ScheduleRole" in id_)
    (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert trust["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
    in_ireland = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": ACCOUNT}
    assert as_text(trust["Condition"]["StringEquals"]["aws:SourceArn"], in_ireland) == (
        f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule-group/default"
    )


def test_in_another_partition_the_arns_are_those_of_the_partition() -> None:
    stack = new_stack(env=Environment(account=ACCOUNT, region="cn-north-1"))
    associated(BY_TAGS, stack, enforcement=REPORT)
    text = json.dumps([as_text(one, {"AWS::Partition": "aws-cn"}) for one in resources(stack).values()])

    assert f"arn:aws-cn:scheduler:cn-north-1:{ACCOUNT}:schedule-group/default" in text
    assert f"arn:aws-cn:events:cn-north-1:{ACCOUNT}:event-bus/default" in text
    assert "arn:aws:" not in text


def test_a_nested_stack_has_all_of_it() -> None:
    nested = NestedStack(new_stack(), "Nested")
    associated(BY_TAGS, nested, enforcement=REPORT)
    assert len(of_enforcement(nested)) == 9


def test_the_permissions_that_enforcement_needs_of_precreated_roles_are_reported(tmp_path: Path) -> None:
    app = App(context=FLAGS, outdir=str(tmp_path))
    stack = Stack(app, "Stack", env=IRELAND)
    schedule_role = "Stack/InstanceProfileAssociationProvider/Enforcement/ScheduleRole"
    iam.Role.customize_roles(stack, use_precreated_roles={**PRECREATED, schedule_role: "schedule-role"})
    associated(BY_TAGS, stack, enforcement=REPORT)
    template = app.synth().get_stack_by_name("Stack").template
    report = json.loads((tmp_path / "iam-policy-report.json").read_text())["roles"]
    needed = {one["roleConstructPath"]: json.dumps(one["identityPolicyStatements"]) for one in report}

    assert "AWS::IAM::Role" not in {one["Type"] for one in template["Resources"].values()}
    assert "sqs:SendMessage" in needed[schedule_role]
    for action in ("sqs:ReceiveMessage", "events:PutEvents"):
        assert action in needed["Stack/InstanceProfileAssociationProvider/HandlerRole"]
    assert (
        f"arn:aws:iam::{ACCOUNT}:role/schedule-role"
        in as_text(next(one for one in template["Resources"].values() if one["Type"] == "AWS::Scheduler::Schedule"))[
            "Properties"
        ]["Target"]["RoleArn"]
    )
