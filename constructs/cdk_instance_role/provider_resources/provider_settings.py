"""The settings of a provider, checked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import RemovalPolicy, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from ..runtime.association.request.desired import abbreviated
from ..support.argument_types import check_list, check_optional, check_type
from ..support.arn_checks import check_partition
from ..support.arns import Arns
from ..support.lookups import is_dummy
from ..support.names import KEY_ARN
from .limits import MAX_RESERVED_EXECUTIONS, OLDEST_PYTHON
from .reconcilers import check_reconcilers

_PYTHON = re.compile(r"python(\d+)\.(\d+)")


@dataclass(frozen=True)
class ProviderSettings:
    """What an `AssociationProvider` was given. The meaning of each is in its docstring."""

    vpc: ec2.IVpc | None
    vpc_subnets: ec2.SubnetSelection | None
    security_groups: Sequence[ec2.ISecurityGroup] | None
    encryption_key: kms.IKey | None
    log_retention: logs.RetentionDays
    log_removal_policy: RemovalPolicy
    runtime: lambda_.Runtime
    architecture: lambda_.Architecture | None
    tracing: lambda_.Tracing | None
    reserved_concurrent_executions: int | None
    ledger_removal_policy: RemovalPolicy
    ledger_deletion_protection: bool
    encrypt_queues: bool | None
    reconcilers: Sequence[iam.IGrantable]

    def check(self, stack: Stack) -> None:
        """Refuse what can't work.

        Args:
            stack: the stack of the provider.

        Raises:
            ValueError: a setting needs another one, or its value can't be used.
        """
        _check_types(self)
        _check_network(self, stack)
        _check_runtime(self.runtime)
        _check_concurrency(self.reserved_concurrent_executions)
        if self.encryption_key is not None:
            _check_key(self.encryption_key, stack)
        elif self.encrypt_queues:
            raise ValueError("encrypt_queues is True without encryption_key: give the key, or leave encrypt_queues out")
        check_reconcilers(self.reconcilers, stack)

    @property
    def traces(self) -> bool:
        """Whether functions send traces."""
        return self.tracing not in (None, lambda_.Tracing.DISABLED)


def _check_types(settings: ProviderSettings) -> None:
    removal = "a RemovalPolicy, like RemovalPolicy.RETAIN"
    check_optional("vpc", settings.vpc, "vpc_id", "a VPC, like ec2.Vpc.from_vpc_attributes(...)")
    check_optional("vpc_subnets", settings.vpc_subnets, ec2.SubnetSelection, "an ec2.SubnetSelection")
    if settings.security_groups is not None:
        check_list("security_groups", settings.security_groups, "security groups")
        for group in settings.security_groups:
            check_type("a security group", group, "security_group_id", "one, like ec2.SecurityGroup(...)")
    check_optional("encryption_key", settings.encryption_key, "key_arn", "a key, like kms.Key.from_key_arn(...)")
    check_type("log_retention", settings.log_retention, logs.RetentionDays, "a RetentionDays, like ONE_YEAR")
    check_type("log_removal_policy", settings.log_removal_policy, RemovalPolicy, removal)
    check_type("runtime", settings.runtime, lambda_.Runtime, "a Runtime, like Runtime.PYTHON_3_13")
    check_optional("architecture", settings.architecture, lambda_.Architecture, "Architecture.ARM_64 or X86_64")
    check_optional("tracing", settings.tracing, lambda_.Tracing, "a Tracing, like Tracing.ACTIVE")
    check_type("ledger_removal_policy", settings.ledger_removal_policy, RemovalPolicy, removal)
    check_type("ledger_deletion_protection", settings.ledger_deletion_protection, bool, "True or False")
    check_optional("encrypt_queues", settings.encrypt_queues, bool, "True or False")


def _check_network(settings: ProviderSettings, stack: Stack) -> None:
    if settings.vpc is not None:
        _check_place(settings.vpc, stack)
        if settings.security_groups is not None and not settings.security_groups:
            raise ValueError("security_groups is empty: name at least one, or leave it out to get a new one")
        return
    for name in ("vpc_subnets", "security_groups"):
        if getattr(settings, name) is not None:
            raise ValueError(f"{name} is given without vpc: give the VPC that it belongs to, or leave {name} out")


def _check_place(vpc: ec2.IVpc, stack: Stack) -> None:
    env = vpc.env
    for what, theirs, ours in (("Region", env.region, stack.region), ("account", env.account, stack.account)):
        if not Token.is_unresolved(theirs) and not Token.is_unresolved(ours) and theirs != ours:
            raise ValueError(f"vpc is in {what} {theirs}, and the provider in {ours}: give a VPC in {what} {ours}")


def _check_runtime(runtime: lambda_.Runtime) -> None:
    name = runtime.name
    found = _PYTHON.fullmatch(name)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        raise ValueError(f"runtime is {name}: the handler needs python{oldest} or newer, like Runtime.PYTHON_3_13")


def _check_concurrency(number: int | None) -> None:
    if number is None or Token.is_unresolved(number):
        return
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_RESERVED_EXECUTIONS:
        raise ValueError(
            f"reserved_concurrent_executions is {abbreviated(number)}: give a number from 1 to "
            f"{MAX_RESERVED_EXECUTIONS}; with 0 no deployment could invoke the functions"
        )


def _check_key(key: kms.IKey, stack: Stack) -> None:
    arn = key.key_arn
    if hasattr(key, "alias_name") or ":alias/" in arn:
        raise ValueError(
            "encryption_key is an alias, which IAM policies can't name: give the key itself, as with "
            "kms.Key.from_key_arn(...)"
        )
    is_known = not Token.is_unresolved(arn) and not is_dummy(arn)
    found = KEY_ARN.fullmatch(arn) if is_known else None
    if is_known and found is None:
        raise ValueError(
            f"encryption_key is {arn!r}, which is not the ARN of a key: expected one like "
            "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
        )
    check_partition("encryption_key", arn, Arns.of(stack), "the provider")
    region = found["region"] if found else key.env.region
    if not Token.is_unresolved(region) and not Token.is_unresolved(stack.region) and region != stack.region:
        raise ValueError(
            f"encryption_key is in {region}, and the provider in {stack.region}: give a key in {stack.region}, such as "
            "a replica of a multi-Region key"
        )
