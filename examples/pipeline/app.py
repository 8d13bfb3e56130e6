"""CDK Pipelines: waves of accounts. A wave deploys all Regions of its accounts at the same time."""

from aws_cdk import App, Environment, Stack, Stage, pipelines
from constructs import Construct

from cdk_instance_role import InstanceRole, InstanceSelection

# --8<-- [start:waves]
WAVES = {
    "Test": {"111122223333": ["eu-west-1", "us-east-1"]},
    "Pilot": {"444455556666": ["eu-west-1", "us-east-1"]},
    "Production": {"777788889999": ["eu-west-1", "us-east-1"], "123456789012": ["eu-west-1", "us-east-1"]},
}
"""The Regions of each account, by the wave that it belongs to."""
APPROVED = {"Production"}
"""Waves that wait until a person approves them."""
# --8<-- [end:waves]
CONNECTION = "arn:aws:codestar-connections:eu-west-1:222233334444:connection/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
"""Create it once in the console: https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-create.html"""


class Roles(Stage):
    """The role in one account and Region, for the instances with its tags."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        role = InstanceRole(Stack(self, "Roles"), "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        role.associate_with("Fleet", InstanceSelection.by_tags({"app": ["web"]}))


class Delivery(Stack):
    """The pipeline. Its repository holds this app and a `requirements.txt` that names cdk-instance-role."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        # --8<-- [start:pipeline]
        synth = pipelines.ShellStep(
            "Synth",
            input=pipelines.CodePipelineSource.connection("example/roles", "main", connection_arn=CONNECTION),
            commands=["pip install -r requirements.txt", "npx aws-cdk@2.1148.1 synth"],
        )
        # Artifacts that other accounts read need a key of their own.
        pipeline = pipelines.CodePipeline(self, "Pipeline", synth=synth, cross_account_keys=True)
        for name, accounts in WAVES.items():
            approval = [pipelines.ManualApprovalStep(f"Approve{name}")] if name in APPROVED else []
            wave = pipeline.add_wave(name, pre=approval)
            for account, regions in accounts.items():
                for region in regions:
                    stage = Roles(self, f"{name}-{account}-{region}", env=Environment(account=account, region=region))
                    wave.add_stage(stage)
        # --8<-- [end:pipeline]


app = App()
Delivery(app, "Delivery", env=Environment(account="222233334444", region="eu-west-1"))
app.synth()
