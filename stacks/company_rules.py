"""The settings of the app, applied to a stack: by value, without looking anything up."""

from typing import Any

from aws_cdk import Annotations, RemovalPolicy, Stack, Tags
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from cdk_instance_role import AssociationProvider
from cdk_instance_role.support.arn_checks import check_partition
from cdk_instance_role.support.arns import Arns

from .settings import RETENTION, SettingsEntry, VpcEntry

_NO_ROUTE_TABLE = "@aws-cdk/aws-ec2:noSubnetRouteTableId"
_REMOVAL_POLICIES = {"destroy": RemovalPolicy.DESTROY, "retain": RemovalPolicy.RETAIN}
_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}
_TRACING = {"active": lambda_.Tracing.ACTIVE, "pass_through": lambda_.Tracing.PASS_THROUGH}


def new_provider(stack: Stack, settings: SettingsEntry) -> AssociationProvider | None:
    """A provider with settings, for a stack that has no association yet; None if they say nothing about it.

    Args:
        stack: the stack.
        settings: the settings.
    """
    props = {name: value for name, value in _provider_props(stack, settings).items() if value is not None}
    return AssociationProvider(stack, AssociationProvider.DEFAULT_ID, **props) if props else None


def apply_to_all_resources(stack: Stack, settings: SettingsEntry) -> None:
    """Apply what holds for all resources of a stack, whatever they are for.

    Args:
        stack: the stack.
        settings: the settings.

    Raises:
        ValueError: the permissions boundary is in another partition than the stack.
    """
    if settings.permissions_boundary:
        iam.PermissionsBoundary.of(stack).apply(_boundary(stack, settings.permissions_boundary))
    for key, value in (settings.tags or {}).items():
        Tags.of(stack).add(key, value)


def _provider_props(stack: Stack, settings: SettingsEntry) -> dict[str, Any]:
    key, runtime, days = settings.encryption_key, settings.runtime, settings.log_retention_days
    return {
        **(_network(stack, settings.vpc) if settings.vpc else {}),
        "encryption_key": kms.Key.from_key_arn(stack, "EncryptionKey", key) if key else None,
        "log_retention": getattr(logs.RetentionDays, RETENTION[days]) if days else None,
        "log_removal_policy": _REMOVAL_POLICIES.get(settings.log_removal_policy or ""),
        "runtime": lambda_.Runtime(runtime, lambda_.RuntimeFamily.PYTHON) if runtime else None,
        "architecture": _ARCHITECTURES.get(settings.architecture or ""),
        "tracing": _TRACING.get(settings.tracing or ""),
        "reserved_concurrent_executions": settings.reserved_concurrent_executions,
        "ledger_removal_policy": _REMOVAL_POLICIES.get(settings.ledger_removal_policy or ""),
        "ledger_deletion_protection": settings.ledger_deletion_protection,
        "max_policies": settings.max_policies,
        "encrypt_queues": settings.encrypt_queues,
        "reconcilers": [*map(iam.ArnPrincipal, settings.reconcilers)] if settings.reconcilers else None,
    }


def _network(stack: Stack, entry: VpcEntry) -> dict[str, Any]:
    # Nobody asks for the Zones: the subnets are given.
    vpc = ec2.Vpc.from_vpc_attributes(stack, "Vpc", vpc_id=entry.vpc_id, availability_zones=["unknown"])
    subnets = [
        ec2.Subnet.from_subnet_id(stack, f"Subnet{subnet_id}", subnet_id)
        for subnet_id in dict.fromkeys(entry.subnet_ids)
    ]
    for subnet in subnets:  # nobody needs the route table either
        Annotations.of(subnet).acknowledge_warning(_NO_ROUTE_TABLE)
    groups = [
        ec2.SecurityGroup.from_security_group_id(stack, f"SecurityGroup{group_id}", group_id)
        for group_id in dict.fromkeys(entry.security_group_ids or ())
    ]
    return {"vpc": vpc, "vpc_subnets": ec2.SubnetSelection(subnets=subnets), "security_groups": groups or None}


def _boundary(stack: Stack, name: str) -> iam.IManagedPolicy:
    if name.startswith("arn:"):
        check_partition("permissions_boundary", name, Arns.of(stack), stack.node.path)
        return iam.ManagedPolicy.from_managed_policy_arn(stack, "PermissionsBoundary", name)
    return iam.ManagedPolicy.from_managed_policy_name(stack, "PermissionsBoundary", name)
