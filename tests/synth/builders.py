"""What the synth tests share: stacks to build in, and templates that read like text."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from constructs import Construct

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, InstanceSelection

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "111122223333", "eu-west-1"
IRELAND = Environment(account=ACCOUNT, region=REGION)
INSTANCE, OTHER_INSTANCE = "i-0123456789abcdef0", "i-0fedcba9876543210"
EVERY_INSTANCE = f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*"
BY_ID = InstanceSelection.by_ids(INSTANCE)
BY_TAGS = InstanceSelection.by_tags({"app": ["web", "api"], "env": ["prod"]})
POLICY_SIZE = 6144
"""Most characters of a managed policy: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
FLAGS: dict[str, Any] = {
    key: value for key, value in json.loads((ROOT / "cdk.json").read_text())["context"].items() if key.startswith("@")
}
"""The feature flags of this repository's app."""

NOT_COPIED = {"aws:cdk:disable-asset-staging": True}
"""Context of an app whose assets are not read: they stay where they are. A template has the same hashes of them."""

Resource = dict[str, Any]
Statement = dict[str, Any]


def new_app(flags: Mapping[str, Any] = FLAGS) -> App:
    """An app with feature flags: those of this repository, unless others are given."""
    return App(context={**NOT_COPIED, **flags})


def new_stack(id: str = "Stack", *, env: Environment | None = IRELAND, flags: Mapping[str, Any] = FLAGS) -> Stack:
    """An empty stack in an app of its own."""
    return Stack(new_app(flags), id, env=env)


def associated(instances: InstanceSelection = BY_ID, stack: Stack | None = None, **association_props: Any) -> Stack:
    """A stack with a role `Web` and its association `Fleet`."""
    stack = stack or new_stack()
    InstanceRole(stack, "Web").associate_with("Fleet", instances, **association_props)
    return stack


def imported_profile(scope: Construct, name: str, id: str | None = None) -> iam.IInstanceProfile:
    """A profile that lives elsewhere, with a role of the same name."""
    id_, partition = id or name, Stack.of(scope).partition
    return iam.InstanceProfile.from_instance_profile_attributes(
        scope,
        id_,
        instance_profile_arn=f"arn:{partition}:iam::{ACCOUNT}:instance-profile/{name}",
        role=iam.Role.from_role_arn(scope, f"{id_}Role", f"arn:{partition}:iam::{ACCOUNT}:role/{name}"),
    )


def associate_imported(stack: Stack, **association_props: Any) -> InstanceProfileAssociation:
    """An association of the imported profile `Imported`."""
    return InstanceProfileAssociation(
        stack,
        "Fleet",
        instance_profile=imported_profile(stack, "Imported"),
        instances=association_props.pop("instances", BY_ID),
        **association_props,
    )


def alarm(scope: Construct, id: str = "Alarm", **props: Any) -> cloudwatch.Alarm:
    """A metric alarm."""
    metric = cloudwatch.Metric(namespace="Shop", metric_name="Errors")
    return cloudwatch.Alarm(scope, id, metric=metric, threshold=1, evaluation_periods=1, **props)


def composite_alarm(scope: Construct, id: str) -> cloudwatch.CompositeAlarm:
    """An alarm that is made of a metric alarm."""
    rule = cloudwatch.AlarmRule.from_alarm(alarm(scope, f"{id}Part"), cloudwatch.AlarmState.ALARM)
    return cloudwatch.CompositeAlarm(scope, id, alarm_rule=rule)


def instance_ids(count: int) -> list[str]:
    """This many different instance ids of the longest kind."""
    return [f"i-{number:017x}" for number in range(count)]


def resources(stack: Stack, type: str | None = None) -> dict[str, Resource]:
    """The resources of a stack, all or those of one type, by logical id."""
    found: dict[str, Resource] = Template.from_stack(stack).to_json().get("Resources", {})
    return {id_: resource for id_, resource in found.items() if type in (None, resource["Type"])}


def only(stack: Stack, type: str) -> Resource:
    """The only resource of a type."""
    (resource,) = resources(stack, type).values()
    return resource


def association_of(stack: Stack) -> Resource:
    """The only association of a stack."""
    return only(stack, "Custom::InstanceProfileAssociation")


def handler_policies(stack: Stack) -> dict[str, Resource]:
    """The policies that give the handler its rights for the associations of a stack, by logical id."""
    found = resources(stack, "AWS::IAM::ManagedPolicy")
    return {id_: policy for id_, policy in found.items() if id_.startswith("InstanceProfileHandlerPolicies")}


def statements(stack: Stack, action: str | None = None) -> list[Statement]:
    """The statements in a stack's handler policies, all or those that allow an action, as in `as_text`."""
    policies = handler_policies(stack).values()
    found = [as_text(one) for policy in policies for one in policy["Properties"]["PolicyDocument"]["Statement"]]
    return [one for one in found if action is None or action in listed(one["Action"])]


def listed(value: Any) -> list[Any]:
    """IAM writes a list of one without brackets."""
    return value if isinstance(value, list) else [value]


def as_text(value: Any, parameters: Mapping[str, str] | None = None) -> Any:
    """A part of a template with its references as text: ``${Web.Arn}`` without the digest of the logical id, and
    pseudo parameters as they are in Ireland or as given."""
    pseudo = parameters or {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}
    match value:
        case {"Ref": name, **rest} if not rest:
            return pseudo.get(name, f"${{{_without_digest(name)}}}")
        case {"Fn::GetAtt": [name, attribute], **rest} if not rest:
            return pseudo.get(f"{name}.{attribute}", f"${{{_without_digest(name)}.{attribute}}}")
        case {"Fn::Join": [separator, parts], **rest} if not rest:
            return separator.join(as_text(part, parameters) for part in parts)
        case dict():
            return {key: as_text(item, parameters) for key, item in value.items()}
        case list():
            return [as_text(item, parameters) for item in value]
        case _:
            return value


def _without_digest(logical_id: str) -> str:
    return logical_id[:-8]


def environment_with_node(**variables: str) -> dict[str, str]:
    """Environment of a subprocess that finds the Node.js of this virtual environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, **variables}
