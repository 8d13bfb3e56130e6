"""The same role in two stages of an app: first for the test instances, then for production."""

from collections.abc import Sequence

from aws_cdk import App, Environment, Stack, Stage
from constructs import Construct

from cdk_instance_role import InstanceRole, InstanceSelection


# --8<-- [start:stages]
class Shop(Stage):
    """Everything that one environment of the shop has."""

    def __init__(self, scope: Construct, id: str, *, env: Environment, tagged: Sequence[str]) -> None:
        super().__init__(scope, id, env=env)
        stack = Stack(self, "Roles")
        role = InstanceRole(stack, "Web", managed_policies=["AmazonS3ReadOnlyAccess"])
        role.associate_with("Fleet", InstanceSelection.by_tags({"app": ["web"], "env": tagged}))


app = App()
Shop(app, "Test", env=Environment(account="111122223333", region="eu-west-1"), tagged=["test", "staging"])
Shop(app, "Prod", env=Environment(account="444455556666", region="eu-central-1"), tagged=["prod"])
# --8<-- [end:stages]
app.synth()
