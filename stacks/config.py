"""What the app is configured with: CDK context, validated, one entry per role."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from cdk_instance_role.names import NAME, POLICY_ARN
from cdk_instance_role.runtime.association.desired import INSTANCE_ID, PROFILE_ARN, ROLE_ARN
from cdk_instance_role.runtime.association.rollout import MOST_ALARMS, Tolerance, rises_to_100

ROLES_KEY = "instance_roles"
DEFAULT_NAME = "default"
QUICK_KEYS = ("instance_ids", "managed_policies", "replaces", "on_conflict", "account", "region")
"""Keys of the command line that define one entry without editing a file; lists are separated by commas."""
KNOWN_KEYS = (ROLES_KEY, *QUICK_KEYS)
_LISTS = ("instance_ids", "managed_policies", "replaces")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
_ALARM = re.compile(r"(?!arn:)[^\x00-\x1f]{1,255}")
_BRANCH = re.compile(r"[\[(]|^ProfileEntry$")
_EXPECTED = {
    "managed_policies": "names of AWS managed policies like AmazonS3ReadOnlyAccess, or ARNs",
    "instance_ids": "a list of ids like i-0123456789abcdef0, with at least one id",
    "instance_tags": 'a map of tags like {"app": ["web"]}, each with at least one value',
    "replaces": 'a list of profile names or ARNs, or of {"instance_profile": ..., "role": ...}, or "*"',
    "on_conflict": '"fail" or "keep"',
    "account": "12 digits, in quotes",
    "region": "a Region like eu-west-1",
    "timeout_minutes": "whole minutes from 1 to 60",
    "rollout": 'a map like {"percentages": [1, 10, 50, 100], "bake_minutes": 5}',
    "rollout.first": "the number of targets of the first wave, at least 1",
    "rollout.growth": "how many times as large as the one before each wave is, a number from 1",
    "rollout.percentages": "rising numbers above 0, the last of which is 100, like [1, 10, 50, 100]",
    "rollout.bake_minutes": "minutes from 0 to less than 60",
    "rollout.alarms": f"a list of names of alarms, at most {MOST_ALARMS}",
    "rollout.max_failures": 'a whole number of targets, or a percentage of them like "2%"',
}


class ConfigError(ValueError):
    """The context can't be used; the message names the entry, the key, the value and what is allowed."""


def _like(*patterns: re.Pattern[str]) -> AfterValidator:
    """For a string that is as one of the library's own patterns says."""

    def check(value: str) -> str:
        if not any(pattern.fullmatch(value) for pattern in patterns):
            raise ValueError("unlike any of the patterns")
        return value

    return AfterValidator(check)


def _check_percentages(values: list[float]) -> list[float]:
    if not rises_to_100(values):
        raise ValueError("not rising to 100")
    return values


def _check_failures(value: int | str) -> int | str:
    Tolerance.parse(str(value))
    return value


def _check_finite(value: float) -> float:
    try:
        float(value)
    except OverflowError:
        raise ValueError("larger than any float") from None
    return value


def _refuse_null(value: Any) -> Any:
    """Node.js hands on a number that is too large as null, which must not pass for one that was left out."""
    if value is None:
        raise ValueError("null")
    return value


PolicyName = Annotated[str, _like(NAME, POLICY_ARN)]
InstanceId = Annotated[str, _like(INSTANCE_ID)]
ProfileName = Annotated[str, _like(NAME, PROFILE_ARN)]
RoleName = Annotated[str, _like(NAME, ROLE_ARN)]
TagValues = Annotated[list[str], Field(min_length=1)]
AlarmName = Annotated[str, _like(_ALARM)]
Integer = Annotated[StrictInt, AfterValidator(_check_finite)]
Number = Integer | Annotated[StrictFloat, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProfileEntry(_Strict):
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


class RolloutEntry(_Strict):
    """In which waves the instances get the role. What is left out is as the library has it."""

    first: Annotated[Integer, Field(ge=1)] | None = None
    growth: Annotated[Number, Field(ge=1)] | None = None
    percentages: Annotated[list[Number], AfterValidator(_check_percentages)] | None = None
    bake_minutes: Annotated[Number, Field(ge=0, lt=60)] | None = None
    alarms: Annotated[list[AlarmName], Field(max_length=MOST_ALARMS)] = []
    max_failures: Annotated[StrictInt | StrictStr, AfterValidator(_check_failures)] | None = None

    _given = field_validator("*", mode="before")(_refuse_null)

    @model_validator(mode="after")
    def _size_once(self) -> "RolloutEntry":
        if self.growth is not None and self.percentages is not None:
            raise ValueError("give either growth or percentages, not both")
        return self


class RoleEntry(_Strict):
    """One role, and the instances that shall have it."""

    managed_policies: list[PolicyName] = []
    instance_ids: Annotated[list[InstanceId], Field(min_length=1)] | None = None
    instance_tags: Annotated[dict[str, TagValues], Field(min_length=1)] | None = None
    replaces: Literal["*"] | list[ProfileName | ProfileEntry] = []
    on_conflict: Literal["fail", "keep"] = "fail"
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")] | None = None
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] | None = None
    timeout_minutes: Annotated[StrictInt, Field(ge=1, le=60)] | None = None
    rollout: RolloutEntry | None = None

    _given = field_validator("timeout_minutes", mode="before")(_refuse_null)

    @model_validator(mode="after")
    def _select_once(self) -> "RoleEntry":
        if (self.instance_ids is None) == (self.instance_tags is None):
            found = "neither" if self.instance_ids is None else "both"
            raise ValueError(f"give either instance_ids or instance_tags, not {found}")
        return self

    @property
    def listed(self) -> list[ProfileEntry]:
        """The profiles in `replaces`; none where every profile may be replaced."""
        return [] if self.replaces == "*" else [ProfileEntry.of(profile) for profile in self.replaces]


_WITHIN: Mapping[str, type[_Strict]] = {"replaces": ProfileEntry, "rollout": RolloutEntry}
"""What the maps within an entry are."""


def load(context: Mapping[str, Any]) -> dict[str, RoleEntry]:
    """The roles that the context defines, by name.

    Args:
        context: the whole context of the app.

    Raises:
        ConfigError: something in it can't be used.
    """
    _refuse_unknown_keys(context)
    entries = _committed(context.get(ROLES_KEY) or {})
    quick = {key: _listed(key, context[key]) for key in QUICK_KEYS if context.get(key) is not None}
    if quick:
        if DEFAULT_NAME in entries:
            raise ConfigError(
                f"{ROLES_KEY} has an entry {DEFAULT_NAME!r} already: change it there, or leave out {', '.join(quick)}"
            )
        entries[DEFAULT_NAME] = quick
    if not entries:
        raise ConfigError(
            f"no instances selected: add an entry to {ROLES_KEY} in cdk.json, or pass "
            "-c instance_ids=i-0123456789abcdef0 -c managed_policies=AmazonS3ReadOnlyAccess"
        )
    roles = {name: _entry(name, value) for name, value in entries.items()}
    for name, entry in roles.items():
        _refuse_listed_twice(name, entry)
    _refuse_selected_twice(roles)
    return roles


def _refuse_unknown_keys(context: Mapping[str, Any]) -> None:
    """Keys with a colon or a slash are the CDK's own: feature flags, look-ups and settings of the command line."""
    for key in context:
        if key not in KNOWN_KEYS and not any(mark in key for mark in ":/@"):
            raise ConfigError(f"unknown context key {key!r}: {_suggestion(key, KNOWN_KEYS)}")


def _refuse_listed_twice(name: str, entry: RoleEntry) -> None:
    for profile, times in Counter(profile.path_and_name for profile in entry.listed).items():
        if times > 1:
            raise ConfigError(
                f"{ROLES_KEY}.{name}.replaces: profile {profile!r} is listed more than once, list it once"
            )


def _refuse_selected_twice(roles: Mapping[str, RoleEntry]) -> None:
    selected: dict[str, str] = {}
    for name, entry in roles.items():
        for instance_id in dict.fromkeys(entry.instance_ids or ()):
            other = selected.setdefault(instance_id, name)
            if other != name:
                raise ConfigError(
                    f"instance {instance_id} is in the entries {other!r} and {name!r} of {ROLES_KEY}: "
                    "an instance carries one profile only, leave it in one of them"
                )


def _committed(value: Any) -> dict[str, Any]:
    """The map of entries, which the command line gives as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{ROLES_KEY} is {value!r}, which is not JSON ({error}): give a map of entries") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{ROLES_KEY} is {value!r}: give a map of entries by name")
    return dict(value)


def _listed(key: str, value: Any) -> Any:
    """A value from the command line, where a list is separated by commas."""
    if key not in _LISTS or not isinstance(value, str) or value == "*":
        return value
    return [item.strip() for item in value.split(",") if item.strip()]


def _entry(name: str, value: Any) -> RoleEntry:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{ROLES_KEY} has an entry {name!r}: a name is letters, digits and hyphens, as in a stack's name"
        )
    if not isinstance(value, dict):
        raise ConfigError(f"{ROLES_KEY}.{name} is {value!r}: give a map with instance_ids or instance_tags")
    try:
        return RoleEntry.model_validate(value)
    except ValidationError as error:
        errors: list[Any] = list(error.errors())
        # pydantic reports every branch of a union; where a key is unknown, that alone is the mistake.
        unknown = {_path(details)[0] for details in errors if details["type"] == "extra_forbidden"}
        said = (
            _sentence(name, value, details)
            for details in errors
            if details["type"] == "extra_forbidden" or not unknown.intersection(_path(details)[:1])
        )
        raise ConfigError("; ".join(dict.fromkeys(said))) from None


def _path(details: Any) -> list[str | int]:
    """Where a mistake is, without pydantic's names for the branches of a union."""
    return [part for part in details["loc"] if isinstance(part, int) or not _BRANCH.search(part)]


def _sentence(name: str, entry: dict[str, Any], details: Any) -> str:
    """One sentence for one of pydantic's errors: the entry, the key, the value, what is allowed."""
    path, place = _path(details), f"{ROLES_KEY}.{name}"
    if not path:
        return f"{place}: {details['msg'].removeprefix('Value error, ')}"
    key = str(path[0])
    if details["type"] == "extra_forbidden":
        allowed = (RoleEntry if len(path) == 1 else _WITHIN[key]).model_fields
        where = place if len(path) == 1 else f"{place}.{key}"
        return f"{where} has the unknown key {path[-1]!r}: {_suggestion(str(path[-1]), list(allowed))}"
    if key == "rollout":
        return _sentence_on_rollout(place, entry[key], path, details)
    value = entry[key] if key == "replaces" else details["input"]
    inner = f".{path[1]}" if key == "instance_tags" and len(path) > 1 else ""
    return f"{place}.{key}{inner}: {value!r} can't be used, expected {_EXPECTED.get(key, details['msg'])}"


def _sentence_on_rollout(place: str, rollout: Any, path: list[str | int], details: Any) -> str:
    """One sentence for an error in a rollout, which says more of each key than that the map can't be used."""
    if len(path) == 1 and isinstance(rollout, dict):
        return f"{place}.rollout: {details['msg'].removeprefix('Value error, ')}"
    inner = ".".join(["rollout", *map(str, path[1:2])])
    value = rollout[path[1]] if len(path) > 1 else rollout
    return f"{place}.{inner}: {value!r} can't be used, expected {_EXPECTED[inner]}"


def _suggestion(key: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed are {', '.join(allowed)}"
