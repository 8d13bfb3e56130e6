"""From an event of CloudFormation to a typed request. Nothing here knows AWS; everything is checked once, here."""

import hashlib
import json
import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from .contract import ANY_PROFILE, OnConflict, Property
from .failures import AssociationError
from .model import name_of

INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_PATH_AND_NAME = r"(?:[\w+=,.@/-]*/)?[\w+=,.@-]{1,128}"
PROFILE_ARN = re.compile(rf"arn:[a-z-]+:iam::\d{{12}}:instance-profile/{_PATH_AND_NAME}", re.ASCII)
ROLE_ARN = re.compile(rf"arn:[a-z-]+:iam::\d{{12}}:role/{_PATH_AND_NAME}", re.ASCII)
DEFAULT_TIMEOUT_SECONDS = 1800

LONGEST_VALUE, LONGEST_ID = 500, 60
"""Bytes of a value, and of one of several ids, in a message: CloudFormation takes 4096 for the whole of it."""

MOST_LEVELS = 30
"""Lists and maps in each other, far more than there are: Python's own limit depends on who calls."""

_ABRIDGED = reprlib.Repr()
_ABRIDGED.maxstring = _ABRIDGED.maxother = LONGEST_VALUE
_ABRIDGED.maxlist = _ABRIDGED.maxdict = 10


class RequestError(AssociationError):
    """The event can't be acted on."""


class RequestType(StrEnum):
    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


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

    def may_restore(self, arn: str | None) -> bool:
        """Whether this profile could be given back one day: the handler has the rights for these only."""
        return arn is None or arn == self.profile.arn or self.replaceable.allows(arn)

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
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One event for one association."""

    type: RequestType
    id: str
    stack_id: str
    logical_id: str
    physical_id: str | None
    desired: Desired | None
    """None for a Delete: what has to be undone is in the ledger, whatever the properties say."""
    known_ids: frozenset[str] = frozenset()
    """Ids that were already selected before this event."""
    timeout: float = DEFAULT_TIMEOUT_SECONDS
    """Seconds that the operation may take."""
    fingerprints: tuple[str, str] = ("", "")
    """Of the properties before and after this event; empty for a Delete, which nothing takes back."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Parse an event.

        Raises:
            RequestError: a part is missing or malformed; the message names it.
        """
        request, properties = cls.envelope(event), event.get("ResourceProperties", {})
        if request.type is RequestType.DELETE:
            return replace(request, timeout=_timeout_of_delete(properties))
        desired = Desired.from_properties(_mapping(properties))
        return replace(request, desired=desired, timeout=_timeout(properties.get(Property.TIMEOUT_SECONDS)))

    @classmethod
    def envelope(cls, event: Mapping[str, Any]) -> Self:
        """What an event is about but not what it asks for: enough to know the event by which it is taken back.

        Raises:
            RequestError: it does not come from CloudFormation.
        """
        if not isinstance(event, Mapping):  # not shown, because the signed URL may be in it
            raise RequestError(f"the event is a {type(event).__name__}: it must be a map and come from CloudFormation")
        request_type = RequestType(_text(event, "RequestType", one_of=list(RequestType)))
        old, new = event.get("OldResourceProperties", {}), event.get("ResourceProperties", {})
        deleting = request_type is RequestType.DELETE
        return cls(
            type=request_type,
            id=_text(event, "RequestId"),
            stack_id=_text(event, "StackId"),
            logical_id=_text(event, "LogicalResourceId"),
            physical_id=None if event.get("PhysicalResourceId") is None else _text(event, "PhysicalResourceId"),
            desired=None,
            known_ids=_known_ids(old),
            fingerprints=("", "") if deleting else (_fingerprint(old), _fingerprint(new)),
        )

    @property
    def association(self) -> str:
        """Key of the association in the ledger: the same for every event, also for one with an invented physical id."""
        return f"{self.stack_id}|{self.logical_id}"

    def reverses(self, fingerprints: tuple[str, str]) -> bool:
        """Whether this event takes back the one with these fingerprints."""
        return self.type is RequestType.UPDATE and self.fingerprints == fingerprints[::-1]

    @property
    def region(self) -> str:
        return self._stack_arn_part(3)

    @property
    def account(self) -> str:
        return self._stack_arn_part(4)

    def _stack_arn_part(self, index: int) -> str:
        parts = self.stack_id.split(":")
        return parts[index] if len(parts) > index else "?"


def _text(source: Mapping[str, Any], key: str, one_of: list[RequestType] | None = None) -> str:
    value = source.get(key)
    # A text that can't be printed would break the lines of the log, or could not be told to AWS.
    if not isinstance(value, str) or not value or not value.isprintable() or (one_of and value not in one_of):
        raise RequestError(f"the event's {key} is {_shown(value)}: it must come from CloudFormation")
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RequestError(f"the event's properties are {_shown(value)}: expected a map")
    return value


def _known_ids(old_properties: Any) -> frozenset[str]:
    ids = old_properties.get(Property.INSTANCE_IDS, ()) if isinstance(old_properties, Mapping) else ()
    return frozenset(value for value in ids if isinstance(value, str)) if isinstance(ids, list) else frozenset()


def _profile(properties: Mapping[str, Any]) -> ProfileRef:
    return ProfileRef(
        arn=_matching(properties.get(Property.INSTANCE_PROFILE_ARN), PROFILE_ARN, Property.INSTANCE_PROFILE_ARN),
        role_arn=_matching(properties.get(Property.ROLE_ARN), ROLE_ARN, Property.ROLE_ARN),
    )


def _matching(value: Any, pattern: re.Pattern[str], what: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        kind = "role" if pattern is ROLE_ARN else "instance-profile"
        raise RequestError(f"{what} is {_shown(value)}: expected an ARN like arn:aws:iam::111122223333:{kind}/Name")
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
        found = f"{Property.INSTANCE_IDS} is {_shown(value)}"
        raise RequestError(f"no instances are selected: {found}, list at least one id")
    malformed = [item for item in value if not isinstance(item, str) or not INSTANCE_ID.fullmatch(item)]
    if malformed:
        listed = ", ".join(_shown(item, LONGEST_ID) for item in malformed[:10])
        raise RequestError(
            f"malformed instance id {listed}: an id is i- and 8 or 17 hexadecimal digits, like i-0123456789abcdef0"
        )
    return tuple(dict.fromkeys(value))


def _tags(value: Any) -> tuple[tuple[str, frozenset[str]], ...]:
    if not isinstance(value, Mapping) or not value:
        found = f"{Property.INSTANCE_TAGS} is {_shown(value)}"
        raise RequestError(f"no instances are selected: {found}, name at least one tag")
    return tuple((key, _tag_values(key, values)) for key, values in sorted(value.items()))


def _tag_values(key: str, values: Any) -> frozenset[str]:
    if not key or not isinstance(values, list) or not values or not all(map(_is_text, (key, *values))):
        raise RequestError(f"tag {_shown(key)} has the values {_shown(values)}: list at least one string")
    return frozenset(values)


def _replaceable(value: Any) -> Replaceable:
    if value == ANY_PROFILE:
        return Replaceable(any=True)
    if not isinstance(value, list | tuple):
        raise RequestError(f"{Property.REPLACES} is {_shown(value)}: expected a list of profiles or {ANY_PROFILE!r}")
    try:
        return Replaceable(profiles=tuple(_profile(_mapping(item)) for item in value))
    except RequestError as error:
        raise RequestError(f"in {Property.REPLACES}, {error}") from None


def _on_conflict(value: Any) -> OnConflict:
    if value not in list(OnConflict):
        allowed = " or ".join(OnConflict)
        raise RequestError(f"{Property.ON_CONFLICT} is {_shown(value)}: expected {allowed}")
    return OnConflict(value)


def _timeout(value: Any) -> float:
    if value is None:
        return DEFAULT_TIMEOUT_SECONDS
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise RequestError(f"{Property.TIMEOUT_SECONDS} is {_shown(value)}: expected seconds from 1 to 3600")
    return seconds


def _timeout_of_delete(properties: Any) -> float:
    """What the association was given, unless it can't be read: nothing in the properties may stop a Delete."""
    try:
        return _timeout(_mapping(properties).get(Property.TIMEOUT_SECONDS))
    except RequestError:
        return DEFAULT_TIMEOUT_SECONDS


def _fingerprint(properties: Any) -> str:
    if _nests(properties, MOST_LEVELS):
        raise RequestError("the event's properties are nested too deeply: they must come from CloudFormation")
    return hashlib.sha256(json.dumps(properties, sort_keys=True).encode()).hexdigest()


def _nests(value: Any, levels: int) -> bool:
    """Whether lists and maps are nested this deeply."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_nests(item, levels - 1) for item in inner if isinstance(item, (dict, list)))


def _is_text(value: Any) -> bool:
    """Whether AWS can be told this: a string, and none with half a character, which JSON can spell but UTF-8 can't."""
    return isinstance(value, str) and value == value.encode(errors="ignore").decode()


def _shown(value: Any, size: int = LONGEST_VALUE) -> str:
    """A value in a message: on one line, and abridged to a number of bytes."""
    text = _ABRIDGED.repr(value).encode()
    return text.decode() if len(text) <= size else f"{text[:size].decode(errors='ignore')}..."
