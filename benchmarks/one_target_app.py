"""The stack whose providers are measured: ours, and the provider framework around a function that has nothing to do.

Context: ``stack``, its name; ``instance``, id of an instance that its association gets.
"""

from aws_cdk import App, CfnOutput, CustomResource, Stack, custom_resources
from aws_cdk import aws_lambda as lambda_

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection

# The local AWS waits 50 ms for a line of the log unless there is one. Ours writes one in the second phase.
_CODE = """
def handle(event, context):
    if "Phase" not in event:
        return {"PhysicalResourceId": "nothing", "Phase": "second"}
    print("nothing to do", flush=True)
    return {"IsComplete": True}
"""


def main() -> None:
    app = App()
    stack = Stack(app, app.node.get_context("stack"))
    _ours(stack, app.node.get_context("instance"))
    _idle(stack)
    app.synth()


def _ours(stack: Stack, instance_id: str) -> None:
    role, provider = InstanceRole(stack, "Web"), AssociationProvider(stack, "Provider")
    role.associate_with("Association", InstanceSelection.by_ids(instance_id), provider=provider)
    CfnOutput(stack, "OursToken", value=provider.service_token)
    CfnOutput(stack, "ProfileArn", value=role.instance_profile.instance_profile_arn)
    CfnOutput(stack, "RoleArn", value=role.role.role_arn)


def _idle(stack: Stack) -> None:
    function = lambda_.Function(
        stack,
        "Idle",
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler="index.handle",
        code=lambda_.Code.from_inline(_CODE),
    )
    provider = custom_resources.Provider(stack, "IdleProvider", on_event_handler=function, is_complete_handler=function)
    CustomResource(stack, "IdleResource", service_token=provider.service_token)
    CfnOutput(stack, "IdleToken", value=provider.service_token)
    CfnOutput(stack, "IdleFunction", value=function.function_arn)


if __name__ == "__main__":
    main()
