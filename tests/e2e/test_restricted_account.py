"""A stack with all settings is deployed, changed and destroyed."""

import json
from typing import Any

import pytest

from localaws.cdk import Cdk
from localaws.fleet import Fleet
from localaws.ministack import LocalAws
from tests.e2e.stack import entries, outputs

pytestmark = pytest.mark.only_on("simulator")


def settings_of(aws: LocalAws) -> dict[str, Any]:
    """All settings of the app, with a VPC, a key and a boundary that exist."""
    ec2, kms, iam = aws.client("ec2"), aws.client("kms"), aws.client("iam")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [anything]})
    iam.create_policy(PolicyName=f"Boundary-{vpc}", PolicyDocument=document)
    return {
        "vpc": {"vpc_id": vpc, "subnet_ids": [subnet]},
        "encryption_key": kms.create_key()["KeyMetadata"]["Arn"],
        "log_retention_days": 365,
        "log_removal_policy": "destroy",
        "architecture": "arm64",
        "tracing": "active",
        "reserved_concurrent_executions": 10,
        "ledger_removal_policy": "destroy",
        "max_policies": 20,
        "permissions_boundary": f"Boundary-{vpc}",
        "tags": {"cost-center": "42"},
    }


def test_a_stack_with_all_settings_is_deployed_changed_and_destroyed(
    aws: LocalAws, cdk: Cdk, fleet: Fleet, unique: str
) -> None:
    old = f"Old-{unique}"
    fleet.add_profile(old)
    bare, carrying = fleet.launch(), fleet.launch(old)
    entry = {"instance_ids": [bare], "managed_policies": ["AmazonS3ReadOnlyAccess"], "replaces": [old]}
    stack, context = (
        f"InstanceRole-{unique}",
        {
            "instance_roles": {unique: entry},
            "instance_role_settings": settings_of(aws),
        },
    )
    before = fleet.look()

    deployed = cdk.deploy(context=context)
    assert deployed.ok, deployed.output
    assert "who has to add" in deployed.output
    ours = outputs(aws, stack)["InstanceProfileArn"].rpartition("/")[2]
    assert fleet.carried(bare, carrying) == [ours, old]

    context["instance_roles"] = {unique: {**entry, "instance_ids": [bare, carrying]}}
    changed = cdk.deploy(context=context)
    assert changed.ok, changed.output
    assert fleet.carried(bare, carrying) == [ours, ours]
    assert entries(aws, stack).keys() == {bare, carrying}

    destroyed = cdk.destroy(context=context)
    assert destroyed.ok, destroyed.output
    assert fleet.look(settled=True) == before
