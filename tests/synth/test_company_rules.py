"""The settings of a provider: the resources that they change, which permissions they add, and what is refused."""

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from aws_cdk import (
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    Environment,
    IStackSynthesizer,
    LegacyStackSynthesizer,
    NestedStack,
    PermissionsBoundary,
    Stack,
    Tags,
    custom_resources,
)
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Annotations, Match, Template

from cdk_instance_role import AssociationProvider, Enforcement, InstanceRole
from tests.synth.all_settings import KEY, everything, imported_key, vpc_of
from tests.synth.builders import ACCOUNT, BY_ID, FLAGS, IRELAND, REGION, as_text, associated, listed, new_app, new_stack

FUNCTION, ROLE, TABLE = "AWS::Lambda::Function", "AWS::IAM::Role", "AWS::DynamoDB::Table"
LOG_GROUP, MACHINE, QUEUE = "AWS::Logs::LogGroup", "AWS::StepFunctions::StateMachine", "AWS::SQS::Queue"

REACHED: dict[str, dict[str, str]] = {
    FUNCTION: {
        "vpc": "VpcConfig",
        "encryption_key": "KmsKeyArn",
        "architecture": "Architectures",
        "tracing": "TracingConfig",
        "reserved_concurrent_executions": "ReservedConcurrentExecutions",
        "tags": "Tags",
    },
    MACHINE: {"encryption_key": "EncryptionConfiguration", "tracing": "TracingConfiguration", "tags": "Tags"},
    TABLE: {
        "encryption_key": "SSESpecification",
        "ledger_deletion_protection": "DeletionProtectionEnabled",
        "tags": "Tags",
    },
    LOG_GROUP: {"encryption_key": "KmsKeyId", "log_retention": "RetentionInDays", "tags": "Tags"},
    QUEUE: {"encryption_key": "KmsMasterKeyId", "tags": "Tags"},
    ROLE: {"permissions_boundary": "PermissionsBoundary", "tags": "Tags"},
    "AWS::EC2::SecurityGroup": {"tags": "Tags"},
    "AWS::Events::Rule": {"tags": "Tags"},
    "AWS::Lambda::EventSourceMapping": {"tags": "Tags"},
    # What no setting is about. CloudFormation can't tag these.
    "AWS::IAM::InstanceProfile": {},
    "AWS::IAM::ManagedPolicy": {},
    "AWS::IAM::Policy": {},
    "AWS::SQS::QueuePolicy": {},
    "AWS::Scheduler::Schedule": {},
    "Custom::InstanceProfileAssociation": {},
}
"""By type of resource: the property that each setting gives it. A resource of another type fails the test: a
change that adds a type has to say which settings reach it."""

INTERFACES = "ec2:CreateNetworkInterface"
NO_KEY_IDS = [
    "a",
    "0a1b2c3d",
    "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5",
    "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f0",
    "0a1b2c3d0a1b2c3d4e5f0a1b2c3d4e5f",
    "mrk-0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f",
    "mrk-0a1b2c3d",
]
"""Neither a UUID nor mrk- and 32 hexadecimal digits."""
BEIJING = Environment(account=ACCOUNT, region="cn-north-1")


def with_settings(stack: Stack | None = None, *, enforcement: Enforcement | None = None, **settings: Any) -> Stack:
    """A stack with an association whose provider has settings."""
    stack = stack or new_stack()
    AssociationProvider(stack, AssociationProvider.DEFAULT_ID, **settings)
    return associated(stack=stack, enforcement=enforcement)


@cache
def template_with_everything() -> dict[str, Any]:
    stack = new_stack()
    with_settings(stack, enforcement=Enforcement.repair(), **everything(stack))
    boundary = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "CompanyBoundary")
    iam.PermissionsBoundary.of(stack).apply(boundary)
    Tags.of(stack).add("cost-center", "42")
    return dict(Template.from_stack(stack).to_json())


def resources_of(template: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {id_: one for id_, one in template["Resources"].items() if one["Type"] == kind}


def template_of(stack: Stack) -> dict[str, Any]:
    return dict(Template.from_stack(stack).to_json())


# What settings reach


def test_every_setting_is_tested() -> None:
    parameters = set(inspect.signature(AssociationProvider.__init__).parameters) - {"self", "scope", "id"}
    assert set(everything(new_stack())) == parameters - {"vpc_subnets", "security_groups"}


@pytest.mark.parametrize("id_", template_with_everything()["Resources"])
def test_every_setting_reaches_every_resource_that_it_is_for(id_: str) -> None:
    resource = template_with_everything()["Resources"][id_]
    missing = [
        setting for setting, name in REACHED[resource["Type"]].items() if name not in resource.get("Properties", {})
    ]
    assert not missing


def test_settings_add_no_resource_but_a_security_group() -> None:
    def types(template: Mapping[str, Any]) -> list[str]:
        return sorted(one["Type"] for one in template["Resources"].values())

    assert len(types(template_of(associated()))) == 18
    without = types(template_of(associated(enforcement=Enforcement.repair())))
    assert types(template_with_everything()) == sorted([*without, "AWS::EC2::SecurityGroup"])


def test_all_functions_get_the_same_values() -> None:
    for function in resources_of(template_with_everything(), FUNCTION).values():
        properties = function["Properties"]
        assert properties["VpcConfig"]["SubnetIds"] == ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
        assert properties["KmsKeyArn"] == KEY
        assert properties["Architectures"] == ["arm64"]
        assert properties["TracingConfig"] == {"Mode": "Active"}
        # The one that enforces gets what its event source may run.
        expected = 5 if properties["Handler"].endswith("handle_messages") else 10
        assert properties["ReservedConcurrentExecutions"] == expected


def test_the_runtime_is_set_for_the_handler_only() -> None:
    functions = resources_of(template_with_everything(), FUNCTION).values()
    runtimes = [one["Properties"]["Runtime"] for one in functions]
    assert runtimes.count("python3.13") == 2
    assert all(name.startswith(("python", "nodejs")) for name in runtimes)


def test_every_resource_that_keeps_data_is_encrypted_with_the_key() -> None:
    template = template_with_everything()
    (table,), (group,), (machine,) = (resources_of(template, kind).values() for kind in (TABLE, LOG_GROUP, MACHINE))
    assert table["Properties"]["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert group["Properties"]["KmsKeyId"] == KEY
    assert machine["Properties"]["EncryptionConfiguration"] == {"Type": "CUSTOMER_MANAGED_KMS_KEY", "KmsKeyId": KEY}


def test_ledger_and_log_are_retained_or_deleted_as_set() -> None:
    template = template_with_everything()
    (table,), (group,) = (resources_of(template, kind).values() for kind in (TABLE, LOG_GROUP))
    assert (table["DeletionPolicy"], table["Properties"]["DeletionProtectionEnabled"]) == ("Retain", True)
    assert (group["DeletionPolicy"], group["Properties"]["RetentionInDays"]) == ("Delete", 365)


def test_without_a_key_the_ledger_is_encrypted_with_the_key_that_aws_owns() -> None:
    """The CDK's lookup role may not decrypt with any key of the account."""
    (table,) = resources_of(template_of(associated()), TABLE).values()
    assert "SSESpecification" not in table["Properties"]


@pytest.mark.parametrize("name", ["runtime", "architecture", "tracing", "reserved_concurrent_executions"])
def test_the_framework_of_the_cdk_still_does_not_accept(name: str) -> None:
    """Once it does, `Functions._apply_settings` has to give it there."""
    assert name not in inspect.signature(custom_resources.Provider.__init__).parameters


def test_the_framework_of_the_cdk_still_accepts_no_key_for_its_waiter() -> None:
    parameters = inspect.signature(custom_resources.Provider.__init__).parameters
    assert [name for name in parameters if "encryption" in name] == ["provider_function_env_encryption"]


# Permissions


def statements_by_role(template: Mapping[str, Any], service: str) -> dict[str, list[dict[str, Any]]]:
    """The statements of each role that a service assumes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for id_, role in resources_of(template, ROLE).items():
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"]["Service"] == service:
            inline = role["Properties"].get("Policies", ())
            attached = [
                one["Properties"]
                for one in resources_of(template, "AWS::IAM::Policy").values()
                if {"Ref": id_} in one["Properties"]["Roles"]
            ]
            found[id_] = [one for policy in (*inline, *attached) for one in policy["PolicyDocument"]["Statement"]]
    return found


def allowing(statements: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    return [one for one in statements if action in listed(one["Action"]) and one["Effect"] == "Allow"]


def test_every_function_may_connect_to_the_vpc_but_its_code_may_not_use_that_right() -> None:
    roles = statements_by_role(template_with_everything(), "lambda.amazonaws.com")
    assert len(roles) == 3
    for statements in roles.values():
        (allowed,) = allowing(statements, INTERFACES)
        (denied,) = (one for one in statements if one["Effect"] == "Deny")
        interfaces = [action for action in denied["Action"] if "NetworkInterface" in action]
        assert len(interfaces) == 3
        assert set(denied["Action"]) <= set(allowed["Action"])
        assert "ec2:DescribeInstances" not in denied["Action"]
        assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


VARIABLES = {
    "StringLike": {"kms:EncryptionContext:aws:lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"}
}


def through(service: str) -> dict[str, Any]:
    return {"StringLike": {"kms:ViaService": f"{service}.{REGION}.*"}}


def uses_of_the_key(template: Mapping[str, Any]) -> dict[str, list[Any]]:
    """On which conditions each role of a function may use the key."""
    roles = statements_by_role(template, "lambda.amazonaws.com")
    found = {id_: [one for one in those if "kms:" in str(one["Action"])] for id_, those in roles.items()}
    assert {(one["Action"], one["Resource"]) for those in found.values() for one in those} == {("kms:Decrypt", KEY)}
    return {id_: [as_text(one.get("Condition")) for one in those] for id_, those in found.items()}


def test_the_functions_of_the_framework_may_decrypt_variables_of_functions_only() -> None:
    conditions = uses_of_the_key(template_with_everything())
    (_,) = (conditions.pop(id_) for id_ in [*conditions] if "HandlerRole" in id_)
    assert list(conditions.values()) == [[VARIABLES], [VARIABLES]]


@pytest.mark.parametrize("encrypt_queues", [True, False])
def test_the_handler_may_decrypt_variables_and_what_services_hold_for_it_only(encrypt_queues: bool) -> None:
    stack = new_stack()
    settings = {"encryption_key": imported_key(stack), "encrypt_queues": encrypt_queues}
    with_settings(stack, enforcement=Enforcement.repair(), **settings)
    (found,) = (those for id_, those in uses_of_the_key(template_of(stack)).items() if "HandlerRole" in id_)
    services = ["dynamodb", "sqs"] if encrypt_queues else ["dynamodb"]
    assert sorted(found, key=str) == sorted([VARIABLES, *map(through, services)], key=str)


def test_the_waiter_may_use_the_key_for_state_machines_only() -> None:
    (statements,) = statements_by_role(template_with_everything(), "states.amazonaws.com").values()
    (statement,) = allowing(statements, "kms:GenerateDataKey")
    assert statement["Resource"] == KEY
    assert as_text(statement["Condition"]) == {
        "StringLike": {
            "kms:EncryptionContext:aws:states:stateMachineArn": (f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:*")
        }
    }


def test_functions_that_send_traces_may_do_so() -> None:
    template = template_with_everything()
    for service in ("lambda.amazonaws.com", "states.amazonaws.com"):
        for statements in statements_by_role(template, service).values():
            assert allowing(statements, "xray:PutTraceSegments")


def test_functions_pass_traces_through_and_the_waiter_does_not_begin_any() -> None:
    template = template_of(with_settings(tracing=lambda_.Tracing.PASS_THROUGH))
    modes = [one["Properties"]["TracingConfig"] for one in resources_of(template, FUNCTION).values()]
    (machine,) = resources_of(template, MACHINE).values()
    assert modes == [{"Mode": "PassThrough"}] * 4
    assert "TracingConfiguration" not in machine["Properties"]


@pytest.mark.parametrize("tracing", [None, lambda_.Tracing.DISABLED])
def test_without_traces_no_role_may_send_any(tracing: lambda_.Tracing | None) -> None:
    assert "xray:" not in json.dumps(template_of(with_settings(tracing=tracing)))


def test_without_settings_no_role_has_more_permissions() -> None:
    text = json.dumps(template_of(associated()))
    assert not [part for part in ("kms:", INTERFACES, "xray:") if part in text]


# The network


def test_the_functions_exist_only_while_the_endpoints_and_rules_of_the_app_exist() -> None:
    """Otherwise an undo could begin after the endpoints for AWS are deleted."""
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0)
    vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
    group, other = (ec2.SecurityGroup(stack, name, vpc=vpc, allow_all_outbound=False) for name in ("Own", "Other"))
    vpc.add_interface_endpoint("Ec2", service=ec2.InterfaceVpcEndpointAwsService.EC2, security_groups=[other])
    group.connections.allow_to(other, ec2.Port.tcp(443))
    subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    with_settings(stack, vpc=vpc, vpc_subnets=subnets, security_groups=[group])
    template = template_of(stack)
    (association,) = resources_of(template, "Custom::InstanceProfileAssociation")
    kinds = ("AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroupEgress")
    ways = [id_ for kind in kinds for id_ in resources_of(template, kind)]
    assert len(ways) == 3
    assert set(ways) <= needed_by(template, association)


def needed_by(template: Mapping[str, Any], id_: str) -> set[str]:
    """What is made before a resource, and deleted after it."""
    found, todo = set[str](), {id_}
    while todo:
        text = json.dumps(template["Resources"][todo.pop()])
        more = {other for other in template["Resources"] if f'"{other}"' in text} - found
        found |= more
        todo |= more
    return found


# Keys


def test_a_key_of_the_app_allows_cloudwatch_logs_to_use_it_for_the_log_groups_of_the_account() -> None:
    stack = new_stack()
    with_settings(stack, encryption_key=kms.Key(stack, "Own"))
    (key,) = resources_of(template_of(stack), "AWS::KMS::Key").values()
    _, statement = key["Properties"]["KeyPolicy"]["Statement"]
    host = {"Fn::Join": ["", [f"logs.{REGION}.", {"Ref": "AWS::URLSuffix"}]]}
    assert statement["Principal"] == {"Service": host}
    assert as_text(statement["Condition"]) == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"}
    }
    assert notes(stack) == []


def notes(stack: Stack) -> list[str]:
    found = Annotations.from_stack(stack).find_info("*", Match.any_value())
    return [str(one.entry.data) for one in found]


@pytest.mark.parametrize(
    ("env", "service", "partition"),
    [
        (IRELAND, "logs.eu-west-1.amazonaws.com", "aws"),
        (Environment(account=ACCOUNT, region="cn-north-1"), "logs.cn-north-1.amazonaws.com.cn", "aws-cn"),
    ],
)
def test_a_note_says_what_the_owner_of_an_imported_key_has_to_add(
    env: Environment, service: str, partition: str
) -> None:
    stack, region = new_stack(env=env), env.region
    key = f"arn:{partition}:kms:{region}:{ACCOUNT}:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
    with_settings(stack, encryption_key=imported_key(stack, key))
    (note,) = notes(stack)
    head, _, rest = note.partition(" who has to add ")
    statement, _ = json.JSONDecoder().raw_decode(rest)

    assert head == f"the policy of key {key} belongs to its owner,"
    assert statement["Principal"] == {"Service": service}
    context = f"arn:{partition}:logs:{region}:{ACCOUNT}:log-group:*"
    assert statement["Condition"] == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": context}}


def test_a_stack_for_any_region_refers_to_the_region_of_the_deployment() -> None:
    stack = new_stack(env=None)
    with_settings(stack, encryption_key=imported_key(stack))
    (note,) = notes(stack)
    assert "logs.<AWS::Region>.<AWS::URLSuffix>" in note


def test_a_key_of_another_stack_of_the_app_can_be_used() -> None:
    app = new_app()
    keys, roles = Stack(app, "Keys", env=IRELAND), Stack(app, "Roles", env=IRELAND)
    with_settings(roles, encryption_key=kms.Key(keys, "Key"))
    assert notes(roles) == []
    assert "kms:EncryptionContext:aws:logs:arn" in json.dumps(template_of(keys))


# What is refused


def refused(**settings: Any) -> str:
    stack = new_stack()
    prepared = {name: value(stack) if callable(value) else value for name, value in settings.items()}
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what is tested
        AssociationProvider(stack, "Provider", **prepared)
    return str(caught.value)


def test_subnets_and_security_groups_without_a_vpc_are_refused() -> None:
    for name, value in (("vpc_subnets", ec2.SubnetSelection()), ("security_groups", [])):
        said = f"{name} is given without vpc: give the VPC that it belongs to, or leave {name} out"
        assert refused(**{name: value}) == said


def test_an_empty_list_of_security_groups_is_refused() -> None:
    said = "security_groups is empty: name at least one, or leave it out to get a new one"
    assert refused(vpc=vpc_of, security_groups=[]) == said


@pytest.mark.parametrize("runtime", [lambda_.Runtime.NODEJS_22_X, lambda_.Runtime.PYTHON_3_10, lambda_.Runtime.JAVA_21])
def test_a_runtime_that_the_handler_does_not_run_on_is_refused(runtime: lambda_.Runtime) -> None:
    said = f"runtime is {runtime.name}: the handler needs python3.11 or newer, like Runtime.PYTHON_3_13"
    assert refused(runtime=runtime) == said


@pytest.mark.parametrize("runtime", [lambda_.Runtime.PYTHON_3_11, lambda_.Runtime.PYTHON_3_14])
def test_the_oldest_and_the_newest_python_are_accepted(runtime: lambda_.Runtime) -> None:
    functions = resources_of(template_of(with_settings(runtime=runtime)), FUNCTION).values()
    assert runtime.name in [one["Properties"]["Runtime"] for one in functions]


def test_a_key_of_another_region_is_refused() -> None:
    arn = KEY.replace(REGION, "us-east-1")
    assert refused(encryption_key=lambda scope: imported_key(scope, arn)) == (
        "encryption_key is in us-east-1, and the provider in eu-west-1: give a key in eu-west-1, such as a replica of "
        "a multi-Region key"
    )


@pytest.mark.parametrize("env", [BEIJING, Environment(region="cn-north-1")], ids=["account and Region", "Region"])
def test_a_key_of_another_partition_is_refused(env: Environment) -> None:
    stack, arn = new_stack(env=env), KEY.replace(REGION, "cn-north-1")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what is tested
        AssociationProvider(stack, "Provider", encryption_key=imported_key(stack, arn))
    assert str(caught.value) == (
        f"encryption_key '{arn}' is in partition aws, and the provider in aws-cn: use one in the same partition"
    )


def test_a_key_of_any_partition_is_accepted_if_the_partition_of_the_stack_is_a_token() -> None:
    stack = new_stack(env=None)
    AssociationProvider(stack, "Provider", encryption_key=imported_key(stack, KEY.replace("arn:aws:", "arn:aws-cn:")))


@pytest.mark.parametrize("id_", NO_KEY_IDS)
def test_a_key_with_an_invalid_id_is_refused(id_: str) -> None:
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{id_}"
    assert refused(encryption_key=lambda scope: imported_key(scope, arn)) == (
        f"encryption_key is '{arn}', which is not the ARN of a key: expected one like "
        "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
    )


def test_a_multi_region_key_is_accepted() -> None:
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/mrk-0a1b2c3d0a1b2c3d4e5f0a1b2c3d4e5f"
    stack = new_stack()
    AssociationProvider(stack, "Provider", encryption_key=imported_key(stack, arn))


def test_an_alias_is_refused() -> None:
    assert refused(encryption_key=lambda scope: kms.Alias.from_alias_name(scope, "Alias", "alias/company")) == (
        "encryption_key is an alias, which IAM policies can't name: give the key itself, as with "
        "kms.Key.from_key_arn(...)"
    )


@pytest.mark.parametrize("number", [0, -1, True, 2.5, 1_000_001])
def test_reserved_concurrency_that_blocks_every_invocation_is_refused(number: Any) -> None:
    assert refused(reserved_concurrent_executions=number) == (
        f"reserved_concurrent_executions is {number!r}: give a number from 1 to 1000000; with 0 no deployment could "
        "invoke the functions"
    )


def test_an_alias_of_the_app_is_refused() -> None:
    said = "encryption_key is an alias, which IAM policies can't name"
    assert refused(encryption_key=lambda scope: kms.Key(scope, "Key").add_alias("alias/company")).startswith(said)


def test_a_vpc_of_another_region_is_refused() -> None:
    app = new_app()
    elsewhere = ec2.Vpc(Stack(app, "Elsewhere", env=Environment(account=ACCOUNT, region="us-east-1")), "Vpc")
    said = "vpc is in Region us-east-1, and the provider in eu-west-1: give a VPC in Region eu-west-1"
    with pytest.raises(ValueError, match=said):
        AssociationProvider(Stack(app, "Stack", env=IRELAND), "Provider", vpc=elsewhere)


def test_the_default_provider_of_a_stack_can_be_given_settings_before_its_first_association() -> None:
    stack = new_stack()
    provider = AssociationProvider(stack, AssociationProvider.DEFAULT_ID, log_retention=logs.RetentionDays.ONE_DAY)
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID)

    assert AssociationProvider.of(stack) is provider
    assert ids_of(stack) == ids_of(associated())


def ids_of(stack: Stack) -> set[str]:
    return set(_ids(template_of(stack)))


def _ids(template: Mapping[str, Any]) -> Iterator[str]:
    # The id of a policy says what is in it.
    return (id_ for id_, one in template["Resources"].items() if one["Type"] != "AWS::IAM::ManagedPolicy")


def tagged(count: int) -> Stack:
    """A stack with this many tags."""
    stack = associated()
    for number in range(count):
        Tags.of(stack).add(f"key-{number}", "value")
    return stack


def test_the_ledger_has_a_tag_of_its_own_beside_as_many_as_fit() -> None:
    (ledger,) = resources_of(template_of(tagged(49)), TABLE).values()
    assert len(ledger["Properties"]["Tags"]) == 50


def test_more_tags_than_a_table_can_have_are_refused() -> None:
    message = (
        r"\[Stack/InstanceProfileAssociationProvider/Ledger\] the ledger has 51 tags, one of which is its own, "
        "'cdk-instance-role', and AWS takes 50 on a table: take 1 from its stack or its app"
    )
    with pytest.raises(RuntimeError, match=message):
        template_of(tagged(50))


def given_to_a_stack(tags: Mapping[str, str], is_nested: bool = False) -> Stack:
    """A stack with tags of its own, which CloudFormation passes on to its resources and to the stacks nested in it."""
    stack = Stack(new_app(), "Stack", env=IRELAND, tags=tags)
    scope = NestedStack(stack, "Nested") if is_nested else stack
    InstanceRole(scope, "Web").associate_with("Fleet", BY_ID)
    return stack


@pytest.mark.parametrize("is_nested", [False, True], ids=["of its stack", "of the stack around its stack"])
def test_tags_that_cloudformation_passes_on_count_as_those_of_the_ledger(is_nested: bool) -> None:
    tags = {f"key-{number}": "value" for number in range(50)}
    with pytest.raises(RuntimeError, match="the ledger has 51 tags"):
        template_of(given_to_a_stack(tags, is_nested))


def test_a_tag_of_both_the_stack_and_its_resources_counts_once() -> None:
    tags = {f"key-{number}": "value" for number in range(49)}
    stack = given_to_a_stack(tags)
    for key in tags:
        Tags.of(stack).add(key, "another value")
    assert len(resources_of(template_of(stack), TABLE)) == 1


# A permissions boundary, and other synthesizers


def by_aspect() -> Stack:
    stack = new_stack()
    boundary = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "CompanyBoundary")
    iam.PermissionsBoundary.of(stack).apply(boundary)
    return stack


def by_context() -> Stack:
    return new_stack(flags={**FLAGS, "@aws-cdk/core:permissionsBoundary": {"name": "CompanyBoundary"}})


def by_property() -> Stack:
    boundary = PermissionsBoundary.from_name("CompanyBoundary")
    return Stack(new_app(), "Stack", env=IRELAND, permissions_boundary=boundary)


@pytest.mark.parametrize("bounded", [by_aspect, by_context, by_property])
def test_a_permissions_boundary_reaches_all_roles(bounded: Callable[[], Stack]) -> None:
    roles = resources_of(template_of(associated(stack=bounded())), ROLE)
    assert len(roles) == 5
    names = {as_text(one["Properties"]["PermissionsBoundary"]).rpartition(":")[2] for one in roles.values()}
    assert names == {"policy/CompanyBoundary"}


@pytest.mark.parametrize(
    "synthesizer",
    [
        lambda: DefaultStackSynthesizer(qualifier="company"),
        CliCredentialsStackSynthesizer,
        LegacyStackSynthesizer,
    ],
    ids=["qualifier", "credentials of the CLI", "legacy"],
)
def test_every_synthesizer_that_supports_assets_works(synthesizer: Callable[[], IStackSynthesizer]) -> None:
    stack = Stack(new_app(), "Stack", env=IRELAND, synthesizer=synthesizer())
    assert ids_of(associated(stack=stack)) == ids_of(associated())
