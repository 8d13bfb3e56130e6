"""IAM's API on the model: the one call about instance profiles that anyone needs here."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from tests.simulator.errors import AwsError
from tests.simulator.fleet import Fleet, Profile

GET_PROFILE = "GetInstanceProfile"
_LONG_AGO = "2026-01-01T00:00:00Z"


class Iam:
    """What IAM answers."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def get_instance_profile(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """A profile by its name, which is unique in the account whatever its path."""
        name = parameters["InstanceProfileName"]
        for profile in self._fleet.profiles.values():
            if profile.name == name:
                return {"InstanceProfile": _described(profile)}
        raise AwsError("NoSuchEntity", f"Instance Profile {name} cannot be found.", HTTPStatus.NOT_FOUND)


def _described(profile: Profile) -> Mapping[str, Any]:
    return {
        "Path": profile.arn.partition(":instance-profile")[2].removesuffix(profile.name),
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": _LONG_AGO,
        "Roles": [_role(profile.role_arn, profile.trust)] if profile.role_arn else [],
    }


def _role(arn: str, trust: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "Path": "/",
        "RoleName": arn.rpartition("/")[2],
        "RoleId": "AROAEXAMPLE",
        "Arn": arn,
        "CreateDate": _LONG_AGO,
        "AssumeRolePolicyDocument": quote(json.dumps(trust)),
    }
