"""An association, and on demand a resource that can't be created once the association is there.

Context: ``stack``; ``instance_ids``, separated by commas; ``replaces``, name of a profile and its role; ``broken``,
true for the resource that fails.
"""

from aws_cdk import App, CfnWaitCondition, CfnWaitConditionHandle, Stack
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceRole, InstanceSelection, ReplaceableProfiles

app = App()
stack = Stack(app, app.node.get_context("stack"))
name = app.node.get_context("replaces")
replaceable = iam.InstanceProfile.from_instance_profile_attributes(
    stack,
    "Replaceable",
    instance_profile_arn=stack.format_arn(service="iam", region="", resource="instance-profile", resource_name=name),
    role=iam.Role.from_role_name(stack, "ReplaceableRole", name),
)
association = InstanceRole(stack, "Role").associate_with(
    "Association",
    InstanceSelection.by_ids(*app.node.get_context("instance_ids").split(",")),
    replaces=ReplaceableProfiles.profiles(replaceable),
)
if app.node.try_get_context("broken") == "true":
    # The signal that it waits for is never sent.
    handle = CfnWaitConditionHandle(stack, "Handle")
    broken = CfnWaitCondition(stack, "Broken", count=1, handle=handle.ref, timeout="1")
    broken.node.add_dependency(association)
app.synth()
