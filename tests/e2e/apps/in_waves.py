"""An association that changes its targets in waves, watched by an alarm.

Context: ``stack``; ``instance_ids``, separated by commas; ``role``, name of the role; ``alarm``, name of the alarm;
``bake``, seconds that every wave is watched for.
"""

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk_instance_role import InstanceRole, InstanceSelection, Rollout

app = App()
stack = Stack(app, app.node.get_context("stack"))
alarm = cloudwatch.Alarm(
    stack,
    "Alarm",
    alarm_name=app.node.get_context("alarm"),
    metric=cloudwatch.Metric(namespace="Web", metric_name="Errors"),
    threshold=1,
    evaluation_periods=1,
)
InstanceRole(stack, "Role", role_name=app.node.get_context("role")).associate_with(
    "Association",
    InstanceSelection.by_ids(*app.node.get_context("instance_ids").split(",")),
    rollout=Rollout.in_waves(
        first=1,
        percentages=[100],
        bake=Duration.seconds(int(app.node.get_context("bake"))),
        alarms=[alarm],
    ),
)
app.synth()
