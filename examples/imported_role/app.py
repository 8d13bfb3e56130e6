"""A role that exists already, in place of the role that instances have now."""

from aws_cdk import App, Environment, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk_instance_role import InstanceRole, InstanceSelection, ReplaceableProfiles


class Billing(Stack):
    """Instances move from the profile `Legacy`, which holds `LegacyRole`, to the role `CompanyBilling`."""

    def __init__(self, scope: Construct, id: str, *, env: Environment) -> None:
        super().__init__(scope, id, env=env)
        # --8<-- [start:role]
        imported = iam.Role.from_role_arn(self, "Imported", "arn:aws:iam::111122223333:role/CompanyBilling")
        legacy = iam.InstanceProfile.from_instance_profile_attributes(
            self,
            "Legacy",
            instance_profile_arn="arn:aws:iam::111122223333:instance-profile/Legacy",
            role=iam.Role.from_role_name(self, "LegacyRole", "LegacyRole"),
        )
        InstanceRole(self, "Billing", role=imported).associate_with(
            "Fleet",
            InstanceSelection.by_ids("i-0123456789abcdef0"),
            replaces=ReplaceableProfiles.profiles(legacy),
        )
        # --8<-- [end:role]


app = App()
Billing(app, "Billing", env=Environment(account="111122223333", region="eu-west-1"))
app.synth()
