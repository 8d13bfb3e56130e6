"""A customer's key: which principals use it for what.

- Lambda decrypts the variables of a function with the rights of its role.
- DynamoDB uses the key of a table with the rights of its caller.
- Step Functions uses the key of a state machine with the rights of its role.
- SQS uses the key of a queue with the rights of those who send and receive. EventBridge sends with its own.
- CloudWatch Logs uses the key of a log group with its own rights, which only the policy of the key can give.
"""

import json
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from aws_cdk import Annotations, Arn, ArnComponents, ArnFormat, CfnResource, Resource, Stack, Token, region_info
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs

from ..runtime.association.contract import KEY_POLICY_METADATA

SENDER_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
"""What a principal needs to send messages to an encrypted queue."""
_NAMED = "<{}>"
_LOG_ACTIONS = ("kms:Decrypt*", "kms:Describe*", "kms:Encrypt*", "kms:GenerateDataKey*", "kms:ReEncrypt*")


def variables_statement(key: kms.IKey, stack: Stack) -> iam.PolicyStatement:
    """What the role of a function needs for its encrypted variables.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html

    Args:
        key: the key.
        stack: the stack of the function. The policy of its role can't name the function, which is made after it.
    """
    any_function = _arn(stack, "lambda", "function", "*")
    return iam.PolicyStatement(
        actions=["kms:Decrypt"],
        resources=[key.key_arn],
        conditions={"StringLike": {"kms:EncryptionContext:aws:lambda:FunctionArn": any_function}},
    )


def service_statement(key: kms.IKey, stack: Stack, service: str, *actions: str) -> iam.PolicyStatement:
    """What a role needs to use a key through another service only.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service

    Args:
        key: the key.
        stack: a stack in the Region of the service.
        service: the service, as its endpoint begins.
        actions: of KMS.
    """
    # The names of endpoints end differently in other partitions.
    return iam.PolicyStatement(
        actions=[*actions],
        resources=[key.key_arn],
        conditions={"StringLike": {"kms:ViaService": f"{service}.{stack.region}.*"}},
    )


def waiter_statement(key: kms.IKey, stack: Stack) -> iam.PolicyStatement:
    """What the role of an encrypted state machine needs.

    https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html

    Args:
        key: the key.
        stack: the stack of the state machine. Its policy can't name the state machine, which is made after it.
    """
    any_machine = _arn(stack, "states", "stateMachine", "*")
    return iam.PolicyStatement(
        actions=["kms:Decrypt", "kms:GenerateDataKey"],
        resources=[key.key_arn],
        conditions={"StringLike": {"kms:EncryptionContext:aws:states:stateMachineArn": any_machine}},
    )


def complete_key_policy(key: kms.IKey, group: logs.LogGroup) -> None:
    """Let CloudWatch Logs, and with a key of another account the roles, use a key: only its policy can do that.

    Args:
        key: the key.
        group: the log group.
    """
    stack = group.stack
    statements = [logs_statement(stack), *([account_statement(stack)] if _is_of_another_account(key, stack) else [])]
    add_to_key_policy(key, group, statements)


def add_to_key_policy(key: kms.IKey, user: Resource, statements: Iterable[iam.PolicyStatement]) -> None:
    """Add statements to the policy of a key.

    The policy of an imported key is its owner's. What its owner has to add becomes a note of the CDK, and metadata in
    the template, which `instance-role plan` shows.

    Args:
        key: the key.
        user: the resource that is encrypted with it.
        statements: what its policy has to hold.
    """
    missing = [one for one in statements if not key.add_to_resource_policy(one).statement_added]
    if not missing:
        return
    stack = user.stack
    name = _readable(stack.resolve(key.key_arn))
    texts = " and ".join(_text(statement, stack) for statement in missing)
    note = f"the policy of key {name} belongs to its owner, who has to add {texts}"
    Annotations.of(user).add_info_v2(KEY_POLICY_METADATA, note)
    resource = user.node.default_child
    assert isinstance(resource, CfnResource)
    resource.add_metadata(KEY_POLICY_METADATA, note)


def _is_of_another_account(key: kms.IKey, stack: Stack) -> bool:
    arn = key.key_arn
    account = key.env.account if Token.is_unresolved(arn) else arn.split(":")[4]
    return not Token.is_unresolved(account) and not Token.is_unresolved(stack.account) and account != stack.account


def logs_statement(stack: Stack) -> iam.PolicyStatement:
    """What CloudWatch Logs needs to encrypt the log groups of an account and Region.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html

    Args:
        stack: a stack there.
    """
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")],
        actions=[*_LOG_ACTIONS],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": _arn(stack, "logs", "log-group", "*")}},
    )


def account_statement(stack: Stack) -> iam.PolicyStatement:
    """What the roles of another account than that of the key need, besides their own policies.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html

    Args:
        stack: a stack in the account of the roles.
    """
    return iam.PolicyStatement(
        principals=[iam.AccountPrincipal(stack.account)],
        actions=["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*"],
        resources=["*"],
    )


def events_statement(stack: Stack) -> iam.PolicyStatement:
    """What EventBridge needs to send messages of the rules of an account and Region to encrypted queues.

    It can't name the rule, which needs the queue, which needs the key.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html

    Args:
        stack: a stack there.
    """
    any_rule = stack.format_arn(service="events", resource="rule", resource_name="*")
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal("events.amazonaws.com")],
        actions=[*SENDER_KEY_ACTIONS],
        resources=["*"],
        conditions={"ArnLike": {"aws:SourceArn": any_rule}},
    )


def sender_statement(principals: Sequence[iam.IPrincipal]) -> iam.PolicyStatement:
    """What principals need to send messages to encrypted queues."""
    return iam.PolicyStatement(principals=[*principals], actions=[*SENDER_KEY_ACTIONS], resources=["*"])


def _arn(stack: Stack, service: str, resource: str, name: str) -> str:
    components = ArnComponents(
        service=service, resource=resource, resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )
    return Arn.format(components, stack)


def _text(statement: iam.PolicyStatement, stack: Stack) -> str:
    """A statement as JSON. What only the deployment knows is shown as its name, such as ``<AWS::AccountId>``."""
    text = json.dumps(_readable(stack.resolve(statement.to_statement_json())))
    if Token.is_unresolved(stack.region):
        return text
    facts = region_info.RegionInfo.get(stack.region)
    known = {"AWS::Partition": facts.partition, "AWS::URLSuffix": facts.domain_suffix}
    return reduce(
        lambda found, name: found.replace(_NAMED.format(name), known[name] or _NAMED.format(name)), known, text
    )


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name}:
            return _NAMED.format(name)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(map(_readable, parts))
        case {**intrinsic} if any(key.startswith("Fn::") for key in intrinsic):
            return _NAMED.format(json.dumps(intrinsic))
        case _:
            return {key: _readable(one) for key, one in value.items()}
