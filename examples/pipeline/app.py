"""CDK Pipelines: deploys the stage for the test instances, waits for an approval, and then deploys production."""

from aws_cdk import App, Environment, Stack, Stage, pipelines
from aws_cdk import aws_codecommit as codecommit
from constructs import Construct

from cdk_instance_role import InstanceRole, InstanceSelection

ENVIRONMENT = Environment(account="111122223333", region="eu-west-1")


class Roles(Stage):
    """The role of one environment, for the instances with its tag."""

    def __init__(self, scope: Construct, id: str, *, tagged: str) -> None:
        super().__init__(scope, id, env=ENVIRONMENT)
        role = InstanceRole(Stack(self, "Roles"), "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        role.associate_with("Fleet", InstanceSelection.by_tags({"app": ["web"], "env": [tagged]}))


class Delivery(Stack):
    """The pipeline. Its repository holds this app and a `requirements.txt` that names cdk-instance-role."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, env=ENVIRONMENT)
        # --8<-- [start:pipeline]
        repository = codecommit.Repository.from_repository_name(self, "Repository", "roles")
        synth = pipelines.ShellStep(
            "Synth",
            input=pipelines.CodePipelineSource.code_commit(repository, "main"),
            commands=["pip install -r requirements.txt", "npx aws-cdk@2.1148.1 synth"],
        )
        pipeline = pipelines.CodePipeline(self, "Pipeline", synth=synth)
        pipeline.add_stage(Roles(self, "Test", tagged="test"))
        pipeline.add_stage(Roles(self, "Prod", tagged="prod"), pre=[pipelines.ManualApprovalStep("Approve")])
        # --8<-- [end:pipeline]


app = App()
Delivery(app, "Delivery")
app.synth()
