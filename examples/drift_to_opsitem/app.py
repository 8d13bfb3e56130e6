"""A fleet that is watched and not changed. Drift becomes an OpsItem of AWS Systems Manager."""

import json
from typing import Any

import jsii
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_instance_role import Enforcement, InstanceRole, InstanceSelection


# --8<-- [start:target]
@jsii.implements(events.IRuleTarget)
class OpsItem:
    """Makes an OpsItem of the event of a drift. The CDK has no such target.

    The id of a drift stays the same as long as it is open, so OpsCenter makes one OpsItem of it:
    https://docs.aws.amazon.com/systems-manager/latest/userguide/OpsCenter-automatically-create-OpsItems-2.html
    """

    def __init__(self, stack: Stack) -> None:
        self._arn = stack.format_arn(service="ssm", resource="opsitem")
        ours = {"StringEquals": {"aws:SourceAccount": stack.account}}
        self._role = iam.Role(
            stack, "OpsItemRole", assumed_by=iam.ServicePrincipal("events.amazonaws.com", conditions=ours)
        )
        self._role.add_to_policy(iam.PolicyStatement(actions=["ssm:CreateOpsItem"], resources=["*"]))

    def bind(self, rule: Any, id: str | None = None) -> events.RuleTargetConfig:
        """What the rule needs to know."""
        del rule, id
        return events.RuleTargetConfig(
            arn=self._arn, role=self._role, input=events.RuleTargetInput.from_object(self._input())
        )

    def _input(self) -> dict[str, Any]:
        field = events.EventField.from_path
        dedup = json.dumps({"dedupString": field("$.detail.id")})
        resources = json.dumps([{"arn": field("$.resources[0]")}])
        return {
            "title": f"Instance profile drift: {field('$.detail.instance')}",
            "description": f"{field('$.detail.reason')} {field('$.detail.advice')}",
            "source": field("$.source"),
            "severity": "3",
            "category": "Security",
            "operationalData": {
                "/aws/dedup": {"type": "SearchableString", "value": dedup},
                "/aws/resources": {"type": "SearchableString", "value": resources},
            },
        }


# --8<-- [end:target]


class Fleet(Stack):
    """One role for all instances with the tags."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        role = InstanceRole(self, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        # --8<-- [start:drift]
        association = role.associate_with(
            "Fleet", InstanceSelection.by_tags({"app": ["web"]}), enforcement=Enforcement.report()
        )
        association.on_drift(
            "DriftToOpsItem",
            target=OpsItem(self),
            event_pattern=events.EventPattern(detail={"state": ["OPEN"]}),
        )
        # --8<-- [end:drift]


app = App()
Fleet(app, "Fleet", env=Environment(account="111122223333", region="eu-west-1"))
app.synth()
