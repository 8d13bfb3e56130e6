"""What an association shall bring about: the properties of the custom resource, checked, as plain values."""

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..arn import name_of
from ..contract import ANY_PROFILE, DESTROY, PATH_PREFIX, RETAIN, OnConflict, Property
from ..exceptions import RequestError

INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_PATH_AND_NAME = r"(?:[\w+=,.@/-]*/)?[\w+=,.@-]{1,128}"
PROFILE_ARN = re.compile(rf"arn:[a-z-]+:iam::\d{{12}}:instance-profile/{_PATH_AND_NAME}", re.ASCII)
ROLE_ARN = re.compile(rf"arn:[a-z-]+:iam::\d{{12}}:role/{_PATH_AND_NAME}", re.ASCII)

_IAM_PATH = re.compile(rf"/(?:[\w+=,.@-]+/)*{PATH_PREFIX}/(?:[\w+=,.@-]+/)*", re.ASCII)
"""Path of the profiles of an `InstanceRole`, after one that an Aspect may have set."""

MAX_VALUE, MAX_ID = 500, 60
"""Bytes of a value, and of one of several ids, in a message: CloudFormation takes 4096 for the whole of it."""

_ABRIDGED = reprlib.Repr()
_ABRIDGED.maxstring = _ABRIDGED.maxother = MAX_VALUE
_ABRIDGED.maxlist = _ABRIDGED.maxdict = 10


@dataclass(frozen=True, slots=True)
class ProfileRef:
    """An instance profile together with the role that it is said to hold."""

    arn: str
    role_arn: str

    @property
    def name(self) -> str:
        return name_of(self.arn)


@dataclass(frozen=True, slots=True)
class Selection:
    """The targets: either listed by id, or all instances that match every tag. Exactly one of them is set."""

    ids: tuple[str, ...] = ()
    tags: tuple[tuple[str, frozenset[str]], ...] = ()

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Whether an instance with these tags is selected by tags."""
        return bool(self.tags) and all(tags.get(key) in values for key, values in self.tags)


@dataclass(frozen=True, slots=True)
class Replaceable:
    """The profiles that may be displaced, and therefore must be restorable."""

    any: bool = False
    profiles: tuple[ProfileRef, ...] = ()

    def allows(self, arn: str) -> bool:
        return self.any or any(profile.arn == arn for profile in self.profiles)


@dataclass(frozen=True, slots=True)
class Desired:
    """What the association shall bring about."""

    profile: ProfileRef
    selection: Selection
    replaceable: Replaceable = Replaceable()
    on_conflict: OnConflict = OnConflict.FAIL
    former_paths: tuple[str, ...] = ()
    """IAM paths that profiles of the same `InstanceRole` had under its former construct ids."""
    retain: bool = False
    """Instances keep their profile when the association is removed."""

    def may_restore(self, arn: str | None) -> bool:
        """Whether this profile could be restored later: the handler has the rights for these only."""
        return arn is None or arn == self.profile.arn or self.replaceable.allows(arn) or self.is_own(arn)

    def is_own(self, arn: str) -> bool:
        """Whether this profile is of the same `InstanceRole` as the wanted one, now or under a former construct id. Its
        path says so. Between these the handler may move instances."""
        (account, wanted), (other_account, path) = _account_and_path(self.profile.arn), _account_and_path(arn)
        own = (wanted, *self.former_paths) if _IAM_PATH.fullmatch(wanted) else ()
        return account == other_account and path in own

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Self:
        """Read the properties of the custom resource.

        CloudFormation delivers every scalar as a string; lists and maps keep their shape.
        """
        return cls(
            profile=_profile(properties),
            selection=_selection(properties),
            replaceable=_replaceable(properties.get(Property.REPLACES, ())),
            on_conflict=_on_conflict(properties.get(Property.ON_CONFLICT, OnConflict.FAIL)),
            former_paths=_paths(properties.get(Property.FORMER_PATHS, ())),
            retain=_removal_policy(properties.get(Property.REMOVAL_POLICY, DESTROY)) == RETAIN,
        )


def mapping(value: Any, what: str = "the event's properties are") -> Mapping[str, Any]:
    """A map, if it is one."""
    if not isinstance(value, Mapping):
        raise RequestError(f"{what} {abbreviated(value)}: expected a map")
    return value


def _profile(properties: Mapping[str, Any]) -> ProfileRef:
    return ProfileRef(
        arn=_matching(properties.get(Property.INSTANCE_PROFILE_ARN), PROFILE_ARN, Property.INSTANCE_PROFILE_ARN),
        role_arn=_matching(properties.get(Property.ROLE_ARN), ROLE_ARN, Property.ROLE_ARN),
    )


def _matching(value: Any, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        kind = "role" if pattern is ROLE_ARN else "instance-profile"
        raise RequestError(
            f"{what} is {abbreviated(value)}: expected an ARN like arn:aws:iam::111122223333:{kind}/Name"
        )
    return value


def _selection(properties: Mapping[str, Any]) -> Selection:
    ids, tags = properties.get(Property.INSTANCE_IDS), properties.get(Property.INSTANCE_TAGS)
    if (ids is None) == (tags is None):
        raise RequestError(
            f"exactly one of {Property.INSTANCE_IDS} and {Property.INSTANCE_TAGS} is needed, "
            f"not {'neither' if ids is None else 'both'}"
        )
    return Selection(tags=_tags(tags)) if ids is None else Selection(ids=_ids(ids))


def _ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        found = f"{Property.INSTANCE_IDS} is {abbreviated(value)}"
        raise RequestError(f"no instances are selected: {found}, list at least one id")
    malformed = [item for item in value if not isinstance(item, str) or not INSTANCE_ID.fullmatch(item)]
    if malformed:
        listed = ", ".join(abbreviated(item, MAX_ID) for item in malformed[:10])
        raise RequestError(
            f"malformed instance id {listed}: an id is i- and 8 or 17 hexadecimal digits, like i-0123456789abcdef0"
        )
    return tuple(dict.fromkeys(value))


def _tags(value: Any) -> tuple[tuple[str, frozenset[str]], ...]:
    if not isinstance(value, Mapping) or not value:
        found = f"{Property.INSTANCE_TAGS} is {abbreviated(value)}"
        raise RequestError(f"no instances are selected: {found}, name at least one tag")
    return tuple((key, _tag_values(key, values)) for key, values in sorted(value.items()))


def _tag_values(key: str, values: Any) -> frozenset[str]:
    if not key or not isinstance(values, list) or not values or not all(map(is_text, (key, *values))):
        raise RequestError(f"tag {abbreviated(key)} has the values {abbreviated(values)}: list at least one string")
    return frozenset(values)


def _replaceable(value: Any) -> Replaceable:
    if value == ANY_PROFILE:
        return Replaceable(any=True)
    if not isinstance(value, list | tuple):
        raise RequestError(
            f"{Property.REPLACES} is {abbreviated(value)}: expected a list of profiles or {ANY_PROFILE!r}"
        )
    try:
        return Replaceable(profiles=tuple(_profile(mapping(item)) for item in value))
    except RequestError as error:
        raise RequestError(f"in {Property.REPLACES}, {error}") from None


def _on_conflict(value: Any) -> OnConflict:
    if value not in list(OnConflict):
        allowed = " or ".join(OnConflict)
        raise RequestError(f"{Property.ON_CONFLICT} is {abbreviated(value)}: expected {allowed}")
    return OnConflict(value)


def _paths(value: Any) -> tuple[str, ...]:
    paths = tuple(value) if isinstance(value, list | tuple) else (None,)
    if not all(isinstance(path, str) and _IAM_PATH.fullmatch(path) for path in paths):
        expected = f"expected IAM paths like /{PATH_PREFIX}/Stack/0a1b2c3d/"
        raise RequestError(f"{Property.FORMER_PATHS} are {abbreviated(value)}: {expected}")
    return paths


def _removal_policy(value: Any) -> str:
    if value not in (RETAIN, DESTROY):
        raise RequestError(f"{Property.REMOVAL_POLICY} is {abbreviated(value)}: expected {RETAIN} or {DESTROY}")
    return str(value)


def _account_and_path(profile_arn: str) -> tuple[str, str]:
    """Where a profile is: the beginning of its ARN, and its IAM path.

    >>> _account_and_path("arn:aws:iam::111122223333:instance-profile/team/Web")
    ('arn:aws:iam::111122223333', '/team/')
    """
    account, _, path_and_name = profile_arn.partition(":instance-profile/")
    path = path_and_name.rpartition("/")[0]
    return account, f"/{path}/" if path else "/"


def is_text(value: Any) -> bool:
    """Whether AWS can receive this: a string, and none with half a character, which JSON can spell but UTF-8 can't."""
    return isinstance(value, str) and value == value.encode(errors="ignore").decode()


def abbreviated(value: Any, max_bytes: int = MAX_VALUE) -> str:
    """A value in a message: on one line, and abridged to a number of bytes."""
    text = _ABRIDGED.repr(value).encode()
    return text.decode() if len(text) <= max_bytes else f"{text[:max_bytes].decode(errors='ignore')}..."
