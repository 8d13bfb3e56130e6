"""From an event of CloudFormation to a typed request. Nothing here knows AWS; everything is checked once, here."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from ..contract import MAX_CREATE_SECONDS, MAX_TIMEOUT_SECONDS, MAX_UPDATE_SECONDS, RETAIN, Property
from ..exceptions import RequestError
from .desired import Desired, abbreviated, mapping
from .enforcement import EnforcementSettings
from .rollout import Rollout

DEFAULT_TIMEOUT_SECONDS = 1800

MAX_LEVELS = 30
"""Lists and maps in each other, far more than there are: Python's own limit depends on who calls."""

_PROPERTIES = sorted(Property)


class RequestType(StrEnum):
    CREATE = "Create"
    UPDATE = "Update"
    DELETE = "Delete"


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
    rollout: Rollout = field(default_factory=Rollout)
    """How targets are changed: all at once, or in waves."""
    before: Desired | None = None
    """What an Update changes, as far as it can be read."""
    digests: tuple[str, str] = ("", "")
    """Of the properties before and after this event; empty for a Delete."""
    properties: Mapping[str, Any] = field(default_factory=dict)
    """What a Create or an Update asks for, as CloudFormation sends it."""
    enforcement: EnforcementSettings | None = None
    """How what is desired is kept up between deployments. None: it is not."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self:
        """Parse an event.

        Raises:
            RequestError: a part is missing or malformed; the message names it.
        """
        request, properties = cls.envelope(event), event.get("ResourceProperties", {})
        if request.type is RequestType.DELETE:
            return replace(request, timeout=_timeout_of_delete(properties))
        desired = Desired.from_properties(mapping(properties))
        return replace(
            request,
            desired=desired,
            timeout=timeout_of(request.type, properties),
            rollout=Rollout.from_properties(properties),
            properties=properties,
            enforcement=_enforcement(properties, desired),
        )

    @classmethod
    def envelope(cls, event: Mapping[str, Any]) -> Self:
        """What an event is about but not what it asks for: enough to know the event by which it is rolled back.

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
            before=readable(old) if request_type is RequestType.UPDATE else None,
            digests=("", "") if deleting else (digest_of(old), digest_of(new)),
        )

    @property
    def association(self) -> str:
        """Key of the association in the ledger: the same for every event, also for one with an invented physical id."""
        return f"{self.stack_id}|{self.logical_id}"

    @property
    def generated_physical_id(self) -> str | None:
        """Physical id of the association from its Create to its Delete; the same if a Create is delivered twice. None
        for a Delete with an id that CloudFormation has invented, as after a cancelled Create."""
        if self.type is RequestType.CREATE:
            return self.physical_id_for(self.id)
        is_ours = re.fullmatch(rf"{re.escape(self.logical_id)}-[0-9a-f]{{12}}", self.physical_id or "")
        return self.physical_id if is_ours else None

    def physical_id_for(self, create_id: str) -> str:
        """Physical id of the association since a Create, by the id of that event."""
        digest = hashlib.sha256(f"{self.association}|{create_id}".encode()).hexdigest()
        return f"{self.logical_id}-{digest[:12]}"

    @property
    def stack_name(self) -> str:
        return self._stack_arn_part(5).removeprefix("stack/").partition("/")[0]

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
    # A text that can't be printed would break the lines of the log, or could not be sent to AWS.
    if not isinstance(value, str) or not value or not value.isprintable() or (one_of and value not in one_of):
        raise RequestError(f"the event's {key} is {abbreviated(value)}: it must come from CloudFormation")
    return value


def _known_ids(old_properties: Any) -> frozenset[str]:
    ids = old_properties.get(Property.INSTANCE_IDS, ()) if isinstance(old_properties, Mapping) else ()
    return frozenset(value for value in ids if isinstance(value, str)) if isinstance(ids, list) else frozenset()


def _enforcement(properties: Mapping[str, Any], desired: Desired) -> EnforcementSettings | None:
    settings = EnforcementSettings.from_properties(properties)
    if settings and desired.retain:
        raise RequestError(
            f"{Property.ENFORCEMENT} is given together with {Property.REMOVAL_POLICY} {RETAIN}: enforcement could not "
            "tell a retained profile from drift, leave one of them out"
        )
    return settings


def max_seconds(type_: RequestType | None) -> int:
    """Seconds that an operation may take at most."""
    return MAX_CREATE_SECONDS if type_ is RequestType.CREATE else MAX_UPDATE_SECONDS


def timeout_of(type_: RequestType, properties: Mapping[str, Any]) -> float:
    """Seconds that the handler may take for an event.

    Raises:
        RequestError: they are malformed.
    """
    value = properties.get(Property.TIMEOUT_SECONDS)
    if value is None:
        return DEFAULT_TIMEOUT_SECONDS
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    if not 1 <= seconds <= MAX_TIMEOUT_SECONDS:
        expected = f"expected seconds from 1 to {MAX_TIMEOUT_SECONDS}"
        raise RequestError(f"{Property.TIMEOUT_SECONDS} is {abbreviated(value)}: {expected}")
    return min(seconds, max_seconds(type_))


def _timeout_of_delete(properties: Any) -> float:
    """What the association was given, unless it can't be read: nothing in the properties may stop a Delete."""
    try:
        return timeout_of(RequestType.DELETE, mapping(properties))
    except RequestError:
        return DEFAULT_TIMEOUT_SECONDS


def readable(properties: Any) -> Desired | None:
    """What properties ask for. Those of an Update that was refused for them may be wrong, and are sent when it is
    rolled back."""
    try:
        return Desired.from_properties(mapping(properties))
    except RequestError:
        return None


def digest_of(properties: Any) -> str:
    """Digest of what the properties of the custom resource ask for, by which a former configuration is known again.

    Args:
        properties: as CloudFormation sends them, or as a template has them.

    Raises:
        RequestError: they are nested more deeply than those of a custom resource.
    """
    if _nests(properties, MAX_LEVELS):
        raise RequestError("the event's properties are nested too deeply: they must come from CloudFormation")
    asked = properties if isinstance(properties, Mapping) else {}
    known = {key: _as_sent(asked[key]) for key in _PROPERTIES if key in asked}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _as_sent(value: Any) -> Any:
    """A value as CloudFormation sends it: lists and maps keep their shape, everything else is a text."""
    if isinstance(value, Mapping):
        return {str(key): _as_sent(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_sent(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nests(value: Any, levels: int) -> bool:
    """Whether lists and maps are nested this deeply."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_nests(item, levels - 1) for item in inner if isinstance(item, (dict, list)))
