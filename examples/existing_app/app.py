"""A role for instances that already run, beside the other resources of an app."""

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

# --8<-- [start:import]
from cdk_instance_role import InstanceRole, InstanceSelection

# --8<-- [end:import]


class Shop(Stack):
    """A stack that existed before, with a bucket. The role and the association are new."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        bucket = s3.Bucket(self, "Orders")

        # --8<-- [start:role]
        role = InstanceRole(self, "Web", managed_policies=["AmazonSSMManagedInstanceCore"])
        bucket.grant_read(role)
        role.associate_with("Fleet", InstanceSelection.by_ids("i-0123456789abcdef0", "i-0fedcba9876543210"))
        # --8<-- [end:role]


app = App()
Shop(app, "Shop", env=Environment(account="111122223333", region="eu-west-1"))
app.synth()
