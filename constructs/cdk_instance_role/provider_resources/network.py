"""Functions inside a VPC: where they are, and what their roles need for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from .provider_settings import ProviderSettings

_INTERFACE_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)


@dataclass(frozen=True)
class Network:
    """Where the functions are."""

    vpc: ec2.IVpc
    vpc_subnets: ec2.SubnetSelection | None
    security_groups: Sequence[ec2.ISecurityGroup]

    @classmethod
    def of(cls, scope: Construct, settings: ProviderSettings) -> "Network | None":
        """The network of all functions; None if they are outside of a VPC.

        Args:
            scope: the provider. Without a given security group, it gets one that lets connections out and none in.
            settings: its settings.
        """
        if settings.vpc is None:
            return None
        groups = settings.security_groups or [
            ec2.SecurityGroup(
                scope, "SecurityGroup", vpc=settings.vpc, description="Functions that associate instance profiles"
            )
        ]
        return cls(settings.vpc, settings.vpc_subnets, groups)

    @property
    def props(self) -> dict[str, Any]:
        """What a function, and the provider framework, take."""
        return {"vpc": self.vpc, "vpc_subnets": self.vpc_subnets, "security_groups": list(self.security_groups)}


def network_interface_statements() -> list[iam.PolicyStatement]:
    """What Lambda needs, in the name of a function's role, to connect the function to a VPC.

    The CDK gives it only to roles that it makes itself. The second statement keeps it from the code of the function:
    the key is present only in calls of that code.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    """
    actions = [*_INTERFACE_ACTIONS]
    return [
        iam.PolicyStatement(actions=actions, resources=["*"]),
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=actions,
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        ),
    ]
