"""Settings of the app under the rules of a company: their keys, and which values they take."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, StringConstraints, field_validator

from cdk_instance_role.permission_search.packing import MAX_MANAGED_POLICIES
from cdk_instance_role.provider_resources.limits import MAX_LEDGER_TAGS, MAX_RESERVED_EXECUTIONS, OLDEST_PYTHON
from cdk_instance_role.runtime.association.request.desired import ROLE_ARN
from cdk_instance_role.support.names import KEY_ARN, NAME, POLICY_ARN

from .values import Strict, check_role_name, text

SETTINGS_KEY = "instance_role_settings"

RETENTION = {
    1: "ONE_DAY",
    3: "THREE_DAYS",
    5: "FIVE_DAYS",
    7: "ONE_WEEK",
    14: "TWO_WEEKS",
    30: "ONE_MONTH",
    60: "TWO_MONTHS",
    90: "THREE_MONTHS",
    120: "FOUR_MONTHS",
    150: "FIVE_MONTHS",
    180: "SIX_MONTHS",
    365: "ONE_YEAR",
    400: "THIRTEEN_MONTHS",
    545: "EIGHTEEN_MONTHS",
    731: "TWO_YEARS",
    1096: "THREE_YEARS",
    1827: "FIVE_YEARS",
    2192: "SIX_YEARS",
    2557: "SEVEN_YEARS",
    2922: "EIGHT_YEARS",
    3288: "NINE_YEARS",
    3653: "TEN_YEARS",
}
"""The days that CloudWatch Logs takes, with the CDK's names for them:
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
assert RUNTIMES[0] == "python{}.{}".format(*OLDEST_PYTHON)

_MAX_SUBNETS, _MAX_GROUPS = 16, 5
"""Of a function: https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html"""
_HEX_ID = r"-(?:[0-9a-f]{8}|[0-9a-f]{17})"


def _id(prefix: str, what: str) -> BeforeValidator:
    like = f"{prefix}- and 8 or 17 hexadecimal digits, like {prefix}-0123456789abcdef0"
    return text(f"Input should be the id of a {what}: {like}", re.compile(prefix + _HEX_ID))


def _one_of(allowed: tuple[Any, ...]) -> BeforeValidator:
    """For one of a list of values."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) or value not in allowed:
            raise ValueError(f"Input should be one of {', '.join(map(str, allowed))}")
        return value

    return BeforeValidator(check)


def _check_key(value: Any) -> Any:
    if not isinstance(value, str) or not KEY_ARN.fullmatch(value):
        raise ValueError(
            "Input should be the ARN of a KMS key, not of an alias, like "
            "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
        )
    return value


VpcId = Annotated[str, _id("vpc", "VPC")]
SubnetId = Annotated[str, _id("subnet", "subnet")]
SecurityGroupId = Annotated[str, _id("sg", "security group")]
KeyArn = Annotated[str, BeforeValidator(_check_key)]
BoundaryName = Annotated[
    str,
    text(
        "Input should be the name of a managed policy of the account, like CompanyBoundary, or an ARN", NAME, POLICY_ARN
    ),
]
RoleArn = Annotated[
    str,
    text("Input should be the ARN of a role, like arn:aws:iam::111122223333:role/Operator", ROLE_ARN),
    AfterValidator(check_role_name),
]
_OF_TAGS = re.compile(r"(?!\s)[\w .:/=+@-]*(?<!\s)")
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_Tag.html"""
_TAG_CHARACTERS = "should be letters, digits, blanks inside, and _ . : / = + - @, which IAM takes"
TagKey = Annotated[str, StringConstraints(min_length=1, max_length=128), text(f"A tag key {_TAG_CHARACTERS}", _OF_TAGS)]
TagValue = Annotated[
    str, StringConstraints(min_length=1, max_length=256), text(f"A tag value {_TAG_CHARACTERS}", _OF_TAGS)
]
"""A tag may have an empty value in AWS, but CloudFormation takes none of a state machine."""
Retention = Annotated[int, _one_of(tuple(RETENTION))]
RuntimeName = Annotated[str, _one_of(RUNTIMES)]
RemovalPolicyName = Literal["destroy", "retain"]


class VpcEntry(Strict):
    """Where all functions run."""

    vpc_id: VpcId
    subnet_ids: Annotated[list[SubnetId], Field(min_length=1, max_length=_MAX_SUBNETS)]
    security_group_ids: Annotated[list[SecurityGroupId], Field(min_length=1, max_length=_MAX_GROUPS)] | None = None


class SettingsEntry(Strict):
    """What holds for all resources of a stack. What is left out, or null, is as the library has it."""

    vpc: VpcEntry | None = None
    encryption_key: KeyArn | None = None
    log_retention_days: Retention | None = None
    log_removal_policy: RemovalPolicyName | None = None
    runtime: RuntimeName | None = None
    architecture: Literal["x86_64", "arm64"] | None = None
    tracing: Literal["active", "pass_through"] | None = None
    reserved_concurrent_executions: Annotated[StrictInt, Field(ge=1, le=MAX_RESERVED_EXECUTIONS)] | None = None
    ledger_removal_policy: RemovalPolicyName | None = None
    ledger_deletion_protection: StrictBool | None = None
    max_policies: Annotated[StrictInt, Field(ge=2, le=MAX_MANAGED_POLICIES)] | None = None
    permissions_boundary: BoundaryName | None = None
    tags: dict[TagKey, TagValue] | None = None
    encrypt_queues: StrictBool | None = None
    reconcilers: list[RoleArn] | None = None
    shared_provider: StrictBool | None = None

    @field_validator("tags")
    @classmethod
    def _of_the_user(cls, tags: dict[str, str] | None) -> dict[str, str] | None:
        most = MAX_LEDGER_TAGS - 1
        if tags and len(tags) > most:
            raise ValueError(
                f"{len(tags)} tags are more than {most}: AWS takes {MAX_LEDGER_TAGS} on a table, and the ledger has "
                "one of its own"
            )
        seen: dict[str, str] = {}
        for key in tags or ():
            if key.lower().startswith("aws:"):
                raise ValueError(f"the key {key!r} is reserved by AWS: give another one")
            if (other := seen.setdefault(key.lower(), key)) != key:
                raise ValueError(
                    f"IAM takes the keys {other!r} and {key!r} for one, because it ignores case: leave one"
                )
        return tags

    def places(self) -> dict[str, tuple[str, str, str]]:
        """What belongs to a Region or an account: the value, its Region and its account, each empty if any will do."""
        arns = {"encryption_key": self.encryption_key or "", "permissions_boundary": self.permissions_boundary or ""}
        parts = {name: (arn, *arn.split(":")[3:5]) for name, arn in arns.items() if arn.startswith("arn:")}
        # A key may be of another account, and what belongs to AWS to any.
        return {
            name: (arn, region, "" if name == "encryption_key" or account == "aws" else account)
            for name, (arn, region, account) in parts.items()
        }

    def of_the_provider(self) -> dict[str, Any]:
        """What a provider has."""
        return self.model_dump(exclude={"shared_provider"})

    def overridden(self, other: "SettingsEntry | None") -> "SettingsEntry":
        """These settings, with those keys of others that are given; null gives a key back to the library.

        Args:
            other: settings of an entry.
        """
        return self.model_copy(update={key: getattr(other, key) for key in other.model_fields_set}) if other else self


MAPS_OF_SETTINGS: dict[str, type[Strict]] = {"vpc": VpcEntry}
"""What the maps within the settings are, by their keys."""
