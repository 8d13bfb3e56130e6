"""One entry of the configuration: its keys, and which values they take. pydantic says what is wrong with a value."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictInt,
    Tag,
    field_validator,
    model_validator,
)

from cdk_instance_role.runtime.association.contract import MAX_SWEEP_SECONDS
from cdk_instance_role.runtime.association.request.desired import PROFILE_ARN, ROLE_ARN
from cdk_instance_role.runtime.association.request.rollout import MAX_ALARMS
from cdk_instance_role.support.change_limits import change_limit
from cdk_instance_role.support.names import ALARM_NAME, NAME

from .environments import AccountId, EnvironmentEntry, Environments, InstanceIds, Region
from .settings import MAPS_OF_SETTINGS, SettingsEntry
from .values import (
    Failures,
    Number,
    Percentages,
    PolicyName,
    Strict,
    TagKey,
    TagValue,
    check_finite,
    check_name_alone,
    check_role_name,
    null_refused,
    text,
)

_ALARM = re.compile(rf"(?!arn:){ALARM_NAME.pattern}")
_ACCOUNT_OF_AN_ARN = re.compile(r"arn:[a-z-]+:iam::(\d{12}):")

_NAME_ALONE, _MAP, _ANY, _LIST, _MODE = "(name)", "(map)", "(any)", "(list)", "(mode)"
"""Types of which a value may have one. With them pydantic reports the errors of that one, and not of all."""

ProfileName = Annotated[str, text("Input should be the name or ARN of an instance profile", NAME, PROFILE_ARN)]
RoleName = Annotated[
    str, text("Input should be the name or ARN of a role", NAME, ROLE_ARN), AfterValidator(check_role_name)
]
AlarmName = Annotated[str, text("Input should be the name of an alarm, up to 255 characters, not an ARN", _ALARM)]
TagValues = Annotated[list[TagValue], Field(min_length=1)]


class ProfileEntry(Strict):
    """A profile that may be replaced, with the role in it where that has another name."""

    instance_profile: ProfileName
    role: RoleName

    @classmethod
    def of(cls, profile: "str | ProfileEntry") -> "ProfileEntry":
        """A profile named alone is taken to hold the role of the same name, as the EC2 console makes them."""
        if isinstance(profile, ProfileEntry):
            return profile
        return cls(instance_profile=profile, role=profile.rpartition("/")[2])

    @property
    def name(self) -> str:
        """The name of the profile."""
        return self.instance_profile.rpartition("/")[2]

    @property
    def path_and_name(self) -> str:
        """The name of the profile with its path, also where it is given as an ARN."""
        return self.instance_profile.rpartition(":instance-profile/")[2]


def _refuse_a_name_alone(value: Any) -> Any:
    if isinstance(value, str) and value != "*":
        raise ValueError('Input should be a list of profiles, like ["OldProfile"], or "*" for any')
    return value


def _refuse_any_in_a_list(value: Any) -> Any:
    if value == "*":
        raise ValueError('Input should be a profile: for any, give "*" in place of the list')
    return value


Replaceable = Annotated[
    Annotated[ProfileName, AfterValidator(check_name_alone), Tag(_NAME_ALONE)] | Annotated[ProfileEntry, Tag(_MAP)],
    Discriminator(lambda value: _MAP if isinstance(value, dict | ProfileEntry) else _NAME_ALONE),
    BeforeValidator(_refuse_any_in_a_list),
]
Replaces = Annotated[
    Annotated[Literal["*"], Tag(_ANY)] | Annotated[list[Replaceable], Tag(_LIST)],
    Discriminator(lambda value: _ANY if isinstance(value, str) else _LIST),
    BeforeValidator(_refuse_a_name_alone),
]


class RolloutEntry(Strict):
    """In which waves the instances get the role. What is left out is as the library has it."""

    first: Annotated[StrictInt, Field(ge=1), AfterValidator(check_finite)] | None = None
    growth: Annotated[Number, Field(ge=1)] | None = None
    percentages: Percentages | None = None
    bake_minutes: Annotated[Number, Field(ge=0, lt=60)] | None = None
    alarms: Annotated[list[AlarmName], Field(max_length=MAX_ALARMS)] = Field(default_factory=list)
    max_failures: Failures | None = None

    _given = field_validator("first", "growth", "bake_minutes", "max_failures", mode="before")(null_refused())
    _listed = field_validator("percentages", "alarms", mode="before")(null_refused("list"))

    @model_validator(mode="after")
    def _size_once(self) -> "RolloutEntry":
        if self.growth is not None and self.percentages is not None:
            raise ValueError("give either growth or percentages, not both")
        return self


def _check_changes(value: Any) -> Any:
    try:
        change_limit(value)
    except ValueError:
        raise ValueError(
            'Input should be a whole number of instances from 1, or a percentage of them up to 100, like "10%"'
        ) from None
    return value


class EnforcementEntry(Strict):
    """What is done between deployments. What is left out is as the library has it."""

    mode: Literal["report", "repair"]
    every_minutes: Annotated[StrictInt, Field(ge=1, le=MAX_SWEEP_SECONDS // 60)] | None = None
    max_changes: Annotated[int | str, BeforeValidator(_check_changes)] | None = None

    _given = field_validator("every_minutes", "max_changes", mode="before")(null_refused())

    @model_validator(mode="after")
    def _limit_changes_only_where_there_are_any(self) -> "EnforcementEntry":
        if self.mode == "report" and self.max_changes is not None:
            raise ValueError('max_changes has no effect in the mode "report", which changes nothing: leave it out')
        return self

    @classmethod
    def of(cls, enforcement: "str | EnforcementEntry") -> "EnforcementEntry":
        """A mode alone leaves everything else to the library."""
        return enforcement if isinstance(enforcement, EnforcementEntry) else cls.model_validate({"mode": enforcement})


def _check_mode(value: Any) -> Any:
    if value not in ("report", "repair"):
        raise ValueError('Input should be "report" or "repair", or a map with mode, every_minutes and max_changes')
    return value


EnforcementMode = Annotated[
    Annotated[Literal["report", "repair"], BeforeValidator(_check_mode), Tag(_MODE)]
    | Annotated[EnforcementEntry, Tag(_MAP)],
    Discriminator(lambda value: _MAP if isinstance(value, dict | EnforcementEntry) else _MODE),
]


class RoleEntry(Strict):
    """One role, and the instances that shall have it."""

    managed_policies: list[PolicyName] = Field(default_factory=list)
    instance_ids: InstanceIds | None = None
    instance_tags: Annotated[dict[TagKey, TagValues], Field(min_length=1)] | None = None
    replaces: Replaces = Field(default_factory=list)
    on_conflict: Literal["fail", "keep"] = "fail"
    account: AccountId | None = None
    region: Region | None = None
    environments: Environments | None = None
    timeout_minutes: Annotated[StrictInt, Field(ge=1, le=60)] | None = None
    rollout: RolloutEntry | None = None
    enforcement: EnforcementMode | None = None
    settings: SettingsEntry | None = None

    _given = field_validator("timeout_minutes", mode="before")(null_refused())

    @model_validator(mode="after")
    def _place_once(self) -> "RoleEntry":
        short = [key for key in ("account", "region") if getattr(self, key) is not None]
        if self.environments and short:
            raise ValueError(f"give either environments or {' and '.join(short)}, not both")
        return self

    @model_validator(mode="after")
    def _select_once(self) -> "RoleEntry":
        given = [key for key in ("instance_ids", "instance_tags") if getattr(self, key) is not None]
        if any(one.instance_ids for one in self.environments or ()):
            self._refuse_ids_beside(given)
        elif len(given) != 1:
            raise ValueError("give either instance_ids or instance_tags" + (", not both" if given else ""))
        elif self.instance_ids and sum(len(one.regions) for one in self.environments or ()) > 1:
            raise ValueError(
                "instance_ids belong to one Region, and environments has several: select by instance_tags, or give "
                "instance_ids in each environment"
            )
        return self

    @model_validator(mode="after")
    def _stay_in_the_account(self) -> "RoleEntry":
        accounts = list(dict.fromkeys([one.account for one in self.environments or ()] or filter(None, [self.account])))
        advice = ": make an entry for each account" if len(accounts) > 1 else ""
        for arn, account in itertools.product(self._names(), accounts):
            found = _ACCOUNT_OF_AN_ARN.match(arn)
            if found and found[1] != account:
                raise ValueError(f"{arn} is in account {found[1]}, and the entry is for account {account}{advice}")
        return self

    def _refuse_ids_beside(self, given: Sequence[str]) -> None:
        """Refuse ids in environments beside another selection, or in some environments only."""
        if given:
            raise ValueError(
                f"give either {' and '.join(given)} in the entry or instance_ids in environments, not both"
            )
        for number, one in enumerate(self.environments or ()):
            if one.instance_ids is None:
                raise ValueError(
                    f"environments[{number}] has no instance_ids, and others have: give them in each environment, or "
                    "give instance_tags in the entry"
                )

    @property
    def listed(self) -> list[ProfileEntry]:
        """The profiles in `replaces`; none where every profile may be replaced."""
        return [] if self.replaces == "*" else [ProfileEntry.of(profile) for profile in self.replaces]

    def _names(self) -> Iterator[str]:
        """What may be an ARN."""
        yield from self.managed_policies
        for profile in self.listed:
            yield from (profile.instance_profile, profile.role)


MAPS: dict[str, type[Strict]] = {
    "replaces": ProfileEntry,
    "rollout": RolloutEntry,
    "enforcement": EnforcementEntry,
    "settings": SettingsEntry,
    "environments": EnvironmentEntry,
    **MAPS_OF_SETTINGS,
}
"""What the maps within an entry are, by their keys."""
