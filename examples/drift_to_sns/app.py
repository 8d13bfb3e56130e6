"""A fleet that is kept as it was deployed. What drifts is repaired, and reported to an SNS topic."""

from aws_cdk import App, Duration, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk_instance_role import Enforcement, InstanceRole, InstanceSelection


class Fleet(Stack):
    """One role for all instances with the tags, also for those that are launched or tagged later."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        role = InstanceRole(self, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        # --8<-- [start:enforcement]
        association = role.associate_with(
            "Fleet",
            InstanceSelection.by_tags({"app": ["web", "api"], "env": ["prod"]}),
            enforcement=Enforcement.repair(every=Duration.minutes(15), max_changes="10%"),
        )
        # --8<-- [end:enforcement]
        # --8<-- [start:drift]
        topic = sns.Topic(self, "Drift", enforce_ssl=True)
        topic.add_subscription(subscriptions.EmailSubscription("platform@example.com"))
        state, instance, reason = (
            events.EventField.from_path(f"$.detail.{name}") for name in ("state", "instance", "reason")
        )
        message = events.RuleTargetInput.from_text(f"Drift of {instance} is {state}: {reason}")
        association.on_drift("DriftToTopic", target=targets.SnsTopic(topic, message=message))
        # --8<-- [end:drift]
        # --8<-- [start:alarm]
        # Every sweep writes the metric, unless it is zero. So this is drift that two sweeps have not repaired.
        association.metric_drifted(period=Duration.minutes(15)).create_alarm(
            self,
            "Drifted",
            threshold=1,
            evaluation_periods=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        # --8<-- [end:alarm]


app = App()
Fleet(app, "Fleet", env=Environment(account="111122223333", region="eu-west-1"))
app.synth()
