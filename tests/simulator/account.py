"""What the simulator reads from the emulator about an account: its profiles, and the permissions of its functions."""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tests.simulator.authority import Authority, Document
from tests.simulator.fleet import Profile
from tests.simulator.instances import RUN_INSTANCES

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class Account:
    """IAM and Lambda of the emulator. It is read again for every call: what is deleted there is unknown here."""

    def __init__(self, iam: "IAMClient", functions: Any) -> None:
        """
        Args:
            iam: client of the emulator's IAM.
            functions: client of the emulator's Lambda.
        """
        self._iam, self._lambda = iam, functions

    def profiles(self) -> dict[str, Profile]:
        """All instance profiles, by ARN."""
        pages = self._iam.get_paginator("list_instance_profiles").paginate()
        return {one["Arn"]: _profile(one) for page in pages for one in page["InstanceProfiles"]}

    def authority(self, function_arn: str) -> Authority:
        """What is allowed to a function, by the policies that its role has at this moment."""
        account, function = function_arn.split(":")[4], function_arn.rpartition(":")[2]
        role = self._lambda.get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
        return Authority(self._policies(role), principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/{function}")

    def _policies(self, role_name: str) -> Mapping[str, Document]:
        """Inline and managed ones. The handler has no managed policy that is AWS's own."""
        kinds = self._iam.get_account_authorization_details(Filter=["Role", "LocalManagedPolicy"])
        documents: Any = {
            policy["Arn"]: next(one["Document"] for one in policy["PolicyVersionList"] if one["IsDefaultVersion"])
            for policy in kinds["Policies"]
        }
        (role,) = (one for one in kinds["RoleDetailList"] if one["RoleName"] == role_name)
        attached = [one["PolicyArn"] for one in role["AttachedManagedPolicies"]]
        inline: dict[str, Any] = {one["PolicyName"]: one["PolicyDocument"] for one in role["RolePolicyList"]}
        return {**inline, **{arn: documents[arn] for arn in attached}}


class Propagation:
    """When EC2 knows a profile: some time after it is first asked to use it.

    If the time began with the creation of a profile, a slow deployment would never notice it.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._known_from: dict[str, float] = {}

    def apply(self, profiles: Mapping[str, Profile], parameters: Mapping[str, Any]) -> None:
        """Note which profile a call asks for, and from when on EC2 knows each of them."""
        asked = parameters.get("IamInstanceProfile", {}).values()
        # An instance counts as having had its profile for a long time when it is launched.
        takes = 0.0 if parameters["Action"] == RUN_INSTANCES else self._seconds
        for profile in profiles.values():
            if profile.arn in asked or profile.name in asked:
                self._known_from.setdefault(profile.arn, self._clock() + takes)
            profile.known_from = self._known_from.get(profile.arn, math.inf)
        for gone in self._known_from.keys() - profiles.keys():
            del self._known_from[gone]


def _profile(described: Any) -> Profile:
    role = next(iter(described["Roles"]), None)
    if role is None:
        return Profile(described["Arn"], None, id=described["InstanceProfileId"])
    return Profile(described["Arn"], role["Arn"], role["AssumeRolePolicyDocument"], id=described["InstanceProfileId"])
