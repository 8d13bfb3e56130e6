"""The library where a company has rules: VPC, key, retention, permissions boundary and tags."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection

KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"

app = cdk.App()
stack = cdk.Stack(app, "Roles", env=cdk.Environment(account="111122223333", region="eu-west-1"))

# --8<-- [start:provider]
vpc = ec2.Vpc.from_vpc_attributes(
    stack,
    "Vpc",
    vpc_id="vpc-0123456789abcdef0",
    availability_zones=["eu-west-1a", "eu-west-1b"],
    private_subnet_ids=["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"],
)
provider = AssociationProvider(
    stack,
    AssociationProvider.DEFAULT_ID,
    vpc=vpc,
    encryption_key=kms.Key.from_key_arn(stack, "Key", KEY),
    log_retention=logs.RetentionDays.ONE_YEAR,
    runtime=lambda_.Runtime.PYTHON_3_13,
    tracing=lambda_.Tracing.ACTIVE,
    reserved_concurrent_executions=10,
    ledger_removal_policy=cdk.RemovalPolicy.RETAIN,
    ledger_deletion_protection=True,
)
# --8<-- [end:provider]

# --8<-- [start:handler_name]
handler_role = provider.handler_role.node.default_child
assert isinstance(handler_role, iam.CfnRole)
handler_role.role_name = "instance-role-handler-eu-west-1"
# --8<-- [end:handler_name]

web = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
web.associate_with("Fleet", InstanceSelection.by_tags({"app": ["web"]}))

# --8<-- [start:boundary]
boundary = iam.ManagedPolicy.from_managed_policy_name(stack, "Boundary", "CompanyBoundary")
iam.PermissionsBoundary.of(stack).apply(boundary)
# --8<-- [end:boundary]

# --8<-- [start:tags]
cdk.Tags.of(stack).add("cost-center", "42")
# --8<-- [end:tags]

app.synth()
