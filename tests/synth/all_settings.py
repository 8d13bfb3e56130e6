"""All settings of a provider, as a company with rules gives them."""

from typing import Any

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from tests.synth.builders import ACCOUNT, REGION

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:role/Operator"


def vpc_of(scope: Construct) -> ec2.IVpc:
    return ec2.Vpc.from_vpc_attributes(
        scope,
        "Vpc",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=[f"{REGION}a", f"{REGION}b"],
        private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
        private_subnet_route_table_ids=["rtb-0123456789abcdef0", "rtb-0fedcba9876543210"],
    )


def imported_key(scope: Construct, arn: str = KEY) -> kms.IKey:
    return kms.Key.from_key_arn(scope, "Key", arn)


def everything(stack: Stack) -> dict[str, Any]:
    """All settings."""
    return {
        "vpc": vpc_of(stack),
        "encryption_key": imported_key(stack),
        "log_retention": logs.RetentionDays.ONE_YEAR,
        "log_removal_policy": RemovalPolicy.DESTROY,
        "runtime": lambda_.Runtime.PYTHON_3_13,
        "architecture": lambda_.Architecture.ARM_64,
        "tracing": lambda_.Tracing.ACTIVE,
        "reserved_concurrent_executions": 10,
        "ledger_removal_policy": RemovalPolicy.RETAIN,
        "ledger_deletion_protection": True,
        "max_policies": 20,
        "encrypt_queues": True,
        "reconcilers": [iam.ArnPrincipal(OPERATOR)],
    }
