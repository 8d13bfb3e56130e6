"""An imported profile and one of the stack's own, each associated with an instance, in one stack.

Context: ``stack``; ``profile`` and ``role``, names of the imported ones; ``imported_to`` and, if there is to be a
second association, ``own_to``, ids of instances; ``retained``, true if the instances keep the imported profile.
"""

from aws_cdk import App, CfnOutput, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, InstanceSelection

app = App()
stack = Stack(app, app.node.get_context("stack"))
imported = iam.InstanceProfile.from_instance_profile_attributes(
    stack,
    "Imported",
    instance_profile_arn=stack.format_arn(
        service="iam", region="", resource="instance-profile", resource_name=app.node.get_context("profile")
    ),
    role=iam.Role.from_role_name(stack, "ImportedRole", app.node.get_context("role")),
)
InstanceProfileAssociation(
    stack,
    "Imports",
    instance_profile=imported,
    instances=InstanceSelection.by_ids(app.node.get_context("imported_to")),
    removal_policy=RemovalPolicy.RETAIN if app.node.try_get_context("retained") == "true" else RemovalPolicy.DESTROY,
)
own_to = app.node.try_get_context("own_to")
if own_to:
    role = InstanceRole(stack, "Own")
    role.associate_with("Association", InstanceSelection.by_ids(own_to))
    CfnOutput(stack, "OwnProfileArn", value=role.instance_profile.instance_profile_arn)
app.synth()
