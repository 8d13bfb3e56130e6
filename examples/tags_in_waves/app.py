"""A fleet that is selected by tags and changed in waves, with an alarm that ends the rollout."""

from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from cdk_instance_role import InstanceRole, InstanceSelection, Rollout


class Fleet(Stack):
    """One role for all instances with the tags, one alarm, and a dashboard that shows the rollout."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        role = InstanceRole(self, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        # --8<-- [start:rollout]
        errors = cloudwatch.Metric(namespace="Shop", metric_name="Errors", period=Duration.minutes(1)).create_alarm(
            self, "Errors", threshold=10, evaluation_periods=2
        )
        association = role.associate_with(
            "Fleet",
            InstanceSelection.by_tags({"app": ["web", "api"], "env": ["prod"]}),
            rollout=Rollout.in_waves(
                first=1,
                percentages=[1, 10, 50, 100],
                bake=Duration.minutes(5),
                alarms=[errors],
                max_failures="2%",
            ),
        )
        # --8<-- [end:rollout]
        # --8<-- [start:metrics]
        association.metric_failed().create_alarm(
            self,
            "Failed",
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        cloudwatch.Dashboard(self, "Rollout").add_widgets(*association.dashboard_widgets())
        # --8<-- [end:metrics]


app = App()
Fleet(app, "Fleet", env=Environment(account="111122223333", region="eu-west-1"))
app.synth()
