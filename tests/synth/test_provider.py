"""The provider behind the associations: its function, its ledger, its log, and sharing it between stacks."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack
from aws_cdk.assertions import Match, Template
from constructs import Construct

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection
from cdk_instance_role.provider_resources import functions
from tests.synth.builders import (
    BY_ID,
    BY_TAGS,
    IRELAND,
    OTHER_INSTANCE,
    as_text,
    associated,
    association_of,
    handler_policies,
    instance_ids,
    new_app,
    new_stack,
    only,
    resources,
)


def handler(stack: Stack) -> dict[str, Any]:
    """Properties of our function, which is the one in Python."""
    (function,) = (
        one["Properties"]
        for one in resources(stack, "AWS::Lambda::Function").values()
        if one["Properties"]["Runtime"].startswith("python")
    )
    return dict(function)


def test_the_ledger_is_on_demand_encrypted_and_recoverable_to_any_point_in_time() -> None:
    assert only(associated(), "AWS::DynamoDB::Table")["Properties"] == {
        "KeySchema": [
            {"AttributeName": "Kind", "KeyType": "HASH"},
            {"AttributeName": "Id", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "Kind", "AttributeType": "S"},
            {"AttributeName": "Id", "AttributeType": "S"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "TimeToLiveSpecification": {"AttributeName": "ExpiresAt", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "Tags": [{"Key": "cdk-instance-role", "Value": "ledger"}],
    }


def test_one_function_serves_both_phases_and_logs_json_to_a_group_of_its_own() -> None:
    function = handler(associated())
    assert (function["Handler"], function["Runtime"], function["Timeout"]) == (
        "association.entry.handle",
        "python3.14",
        480,
    )
    assert as_text(function["LoggingConfig"]) == {
        "LogFormat": "JSON",
        "LogGroup": "${InstanceProfileAssociationProviderLog}",
    }
    assert as_text(function["Environment"]) == {
        "Variables": {
            "LEDGER_TABLE": "${InstanceProfileAssociationProviderLedger}",
            "LOG_GROUP": "${InstanceProfileAssociationProviderLog}",
        }
    }


def test_the_log_outlives_the_stack_and_is_kept_for_three_months() -> None:
    log = only(associated(), "AWS::Logs::LogGroup")
    assert (log["DeletionPolicy"], log["Properties"]["RetentionInDays"]) == ("Retain", 90)


def test_the_waiter_polls_every_five_seconds_for_an_hour() -> None:
    Template.from_stack(associated()).has_resource_properties(
        "AWS::StepFunctions::StateMachine",
        {
            "DefinitionString": {
                "Fn::Join": [
                    "",
                    Match.array_with([Match.string_like_regexp('.*"IntervalSeconds":5,"MaxAttempts":720.*')]),
                ]
            }
        },
    )


def test_all_associations_of_a_stack_share_one_provider() -> None:
    stack = new_stack()
    assert AssociationProvider.of(stack) is AssociationProvider.of(stack)


def test_a_stack_may_have_several_providers() -> None:
    stack = new_stack()
    for number, id_ in enumerate(("One", "Two")):
        provider = AssociationProvider(stack, id_)
        role = InstanceRole(stack, f"Role{id_}")
        instances = InstanceSelection.by_ids(*instance_ids(number + 1)[number:])
        role.associate_with("Fleet", instances, provider=provider)
    handlers = {tuple(map(as_text, policy["Properties"]["Roles"])) for policy in handler_policies(stack).values()}
    assert len(handlers) == 2, "each has the policies of its own associations"


def test_fails_when_the_provider_of_a_stack_is_made_after_its_first_association() -> None:
    stack = associated()
    message = (
        "Stack has the provider InstanceProfileAssociationProvider already: make it once, before the first association "
        "of the stack, to give it settings"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        AssociationProvider(stack, AssociationProvider.DEFAULT_ID, max_policies=20)


def test_a_provider_that_is_made_before_the_first_association_has_its_settings() -> None:
    stack = new_stack()
    provider = AssociationProvider(stack, AssociationProvider.DEFAULT_ID, max_policies=20)
    assert AssociationProvider.of(stack) is provider


def test_another_construct_with_the_id_of_the_provider_fails_as_in_every_app() -> None:
    stack = new_stack()
    Construct(stack, AssociationProvider.DEFAULT_ID)
    with pytest.raises(RuntimeError, match="already a Construct with name"):
        associated(stack=stack)


def asset_of(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(functions, "_RUNTIME", runtime)
    return str(handler(associated())["Code"]["S3Key"])


def test_bytecode_does_not_change_the_asset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = tmp_path / "runtime"
    shutil.copytree(functions._RUNTIME, runtime, ignore=shutil.ignore_patterns("__pycache__"))
    clean = asset_of(runtime, monkeypatch)

    (runtime / "association" / "__pycache__").mkdir()
    (runtime / "association" / "__pycache__" / "main.cpython-314.pyc").write_bytes(b"bytecode")
    assert asset_of(runtime, monkeypatch) == clean

    (runtime / "association" / "main.py").write_text("# another handler")
    assert asset_of(runtime, monkeypatch) != clean


def shared() -> tuple[Stack, Stack, Stack]:
    """A stack with a provider, and two stacks that use it."""
    app = new_app()
    home, one, two = (Stack(app, name, env=IRELAND) for name in ("Home", "One", "Two"))
    provider = AssociationProvider(home, "Provider")
    associated(BY_ID, one, provider=provider)
    associated(InstanceSelection.by_ids(OTHER_INSTANCE), two, provider=provider)
    app.synth()
    return home, one, two


def test_stacks_that_share_a_provider_have_no_function_of_their_own() -> None:
    home, one, two = shared()
    assert handler(home)
    assert resources(one, "AWS::Lambda::Function") == resources(two, "AWS::Lambda::Function") == {}


def test_stacks_that_share_a_provider_depend_on_it_but_it_depends_on_none_of_them() -> None:
    home, one, two = shared()
    assert [stack.stack_name for stack in one.dependencies] == ["Home"]
    assert [stack.stack_name for stack in two.dependencies] == ["Home"]
    assert home.dependencies == []


def test_a_stack_adds_its_own_rights_to_a_shared_provider() -> None:
    home, one, _ = shared()
    assert handler_policies(home) == {}
    (policy,) = handler_policies(one)
    assert policy in association_of(one)["DependsOn"]


def test_fails_when_the_policies_of_all_stacks_are_more_than_a_role_can_have() -> None:
    app = new_app()
    provider = AssociationProvider(Stack(app, "Home", env=IRELAND), "Provider")
    for number in range(9):  # and a tenth policy while one of them is deployed
        associated(BY_TAGS, Stack(app, f"Stack{number}", env=IRELAND), provider=provider)
    with pytest.raises(ValueError, match=r"Stack9 need 10 IAM policies, and a role can have 10, .* for each stack"):
        associated(BY_TAGS, Stack(app, "Stack9", env=IRELAND), provider=provider)


def test_fails_when_the_ids_of_one_stack_leave_no_room_for_another() -> None:
    app = new_app()
    provider = AssociationProvider(Stack(app, "Home", env=IRELAND), "Provider")
    associated(InstanceSelection.by_ids(*instance_ids(420)), Stack(app, "Large", env=IRELAND), provider=provider)
    with pytest.raises(ValueError, match="ids, tags, profiles and alarms of Large, Small need 6 IAM policies"):
        associated(BY_TAGS, Stack(app, "Small", env=IRELAND), provider=provider)


def test_the_framework_logs_nothing_because_its_errors_contain_the_signed_url() -> None:
    functions = resources(associated(), "AWS::Lambda::Function")
    levels = {
        function["Properties"]["Handler"]: function["Properties"]["LoggingConfig"].get("ApplicationLogLevel")
        for function in functions.values()
    }

    assert levels == {
        "association.entry.handle": None,
        "framework.onEvent": "FATAL",
        "framework.isComplete": "FATAL",
        "framework.onTimeout": "FATAL",
    }


def test_no_function_may_write_to_another_log_group_than_that_of_the_provider() -> None:
    stack = associated()
    for id_, role in resources(stack, "AWS::IAM::Role").items():
        properties = role["Properties"]
        assert "AWSLambdaBasicExecutionRole" not in str(properties.get("ManagedPolicyArns")), id_
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
        allowed = [one for document in documents for one in document["Statement"] if "logs:" in str(one["Action"])]
        assert {str(as_text(one["Resource"])) for one in allowed} <= {"${InstanceProfileAssociationProviderLog.Arn}"}


def test_every_function_writes_to_the_log_group_of_the_provider() -> None:
    functions = resources(associated(), "AWS::Lambda::Function").values()
    groups = {as_text(one["Properties"]["LoggingConfig"]["LogGroup"]) for one in functions}
    assert groups == {"${InstanceProfileAssociationProviderLog}"}


def test_the_function_the_ledger_and_the_log_group_are_attributes() -> None:
    stack = new_stack()
    provider = AssociationProvider(stack, "Provider")
    found = [provider.function.function_arn, provider.ledger.table_name, provider.log_group.log_group_name]
    assert [as_text(stack.resolve(one)) for one in found] == [
        "${ProviderHandler.Arn}",
        "${ProviderLedger}",
        "${ProviderLog}",
    ]


@pytest.mark.parametrize("max_policies", [1, 26, 0, -1, "10", 10.5, float("inf"), 10**400])
def test_fails_when_the_number_of_policies_is_out_of_range(max_policies: Any) -> None:
    with pytest.raises(ValueError, match=r"^max_policies is .*: give a number from 2 to 25, up to which IAM can raise"):
        AssociationProvider(new_stack(), "Provider", max_policies=max_policies)


def test_fails_when_the_number_of_policies_is_a_token() -> None:
    stack = new_stack()
    number: Any = CfnParameter(stack, "Most", type="Number").value_as_number
    with pytest.raises(
        ValueError, match=r"^max_policies is a token: give a number that is known at synthesis, from 2 to 25"
    ):
        AssociationProvider(stack, "Provider", max_policies=number)
