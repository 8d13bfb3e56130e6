"""How a record stands in the ledger: plain values to and from the attributes of an item."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from ..decide.claim import Base, Claim, Denial, Latest, RepeatedError
from ..decide.record import Record
from ..decide.step import Action, Identity
from ..exceptions import AssociationError
from ..value_types import (
    COUNT,
    FLAG,
    TEXT,
    TIME,
    WHOLE,
    MismatchError,
    Structure,
    ValueType,
    arn_of,
    listed,
    made,
    mapped,
    nullable,
    one_of,
    or_empty,
)

RECORD = "record"
"""Sort key of the record of an instance."""

RESTORED = "or delete it and its copies if the instance has nothing to get back"
"""What else people can do than restore a record that can't be read."""

_PROFILE = arn_of("instance-profile")
_PROFILES = listed(_PROFILE, frozenset)
_NO_PROFILE = nullable(_PROFILE)

_LATEST = Structure(
    {
        "Action": ("action", or_empty(one_of(*Action))),
        "Before": ("before", _NO_PROFILE),
        "After": ("after", _NO_PROFILE),
        "At": ("at", TIME),
        "Error": ("error", nullable(TEXT)),
        "Final": ("final", FLAG),
        "Rejected": ("rejected", FLAG),
        "StepRequest": ("request", TEXT),
    }
)
_BASE = Structure(
    {
        "Profile": ("profile", _NO_PROFILE),
        "Rank": ("rank", WHOLE),
        "Wanted": ("wanted", _NO_PROFILE),
        "Ours": ("ours", _PROFILES),
        "Retained": ("retained", FLAG),
    }
)
_REPEATED_ERROR = Structure({"Kind": ("kind", TEXT), "Since": ("since", TIME)})
_DENIAL = Structure({"Role": ("role_arn", TEXT), "First": ("first_at", TIME), "Last": ("last_at", TIME)})
_CLAIM = Structure(
    {
        "Since": ("since", TIME),
        "Rank": ("rank", WHOLE),
        "Wanted": ("wanted", _NO_PROFILE),
        "Ours": ("ours", _PROFILES),
        "Detached": ("detached", _NO_PROFILE),
        "FailingIn": ("failing_in", nullable(TEXT)),
        "Request": ("request", TEXT),
        "Retained": ("retained", FLAG),
    },
    {
        "Base": ("base", made(Base, _BASE)),
        "RepeatedError": ("repeated_error", made(RepeatedError, _REPEATED_ERROR)),
        "Denial": ("denial", made(Denial, _DENIAL)),
        "Given": ("given", FLAG),
    },
)
_IDENTITY = Structure({"Id": ("id", nullable(TEXT)), "RoleArn": ("role_arn", nullable(or_empty(arn_of("role"))))})


def _claim_fields(stored: Any) -> dict[str, Any]:
    fields = {**_CLAIM.read(stored), "latest": Latest(**_LATEST.read(stored))}
    wanted, ours = fields["wanted"], fields["ours"]
    if wanted is not None and wanted not in ours:
        raise MismatchError(f"is without {wanted}, which is wanted", "Ours")
    return fields


def _claim_attributes(claim: Claim) -> dict[str, Any]:
    return {**_CLAIM.write(claim), **_LATEST.write(claim.latest)}


_RECORD = Structure(
    {
        "Previous": ("previous", _NO_PROFILE),
        "ActedAt": ("acted_at", nullable(TIME)),
        "Revision": ("revision", COUNT),
        "Identities": ("identities", mapped(made(Identity, _IDENTITY), _PROFILE)),
    }
)
_CLAIMS = Structure({"Claims": ("claims", mapped(ValueType(_claim_fields, _claim_attributes)))})


def attributes_of(record: Record) -> dict[str, Any]:
    """The attributes of a record at its next revision, for its item and the copies of it."""
    claims = {claim.association: _claim_attributes(claim) for claim in record.claims}
    return {**_RECORD.write(record.next_revision()), "Claims": claims}


def record_of(item: Mapping[str, Any]) -> Record:
    """The record that an item says, as nobody in particular sees it.

    Raises:
        AssociationError: somebody has changed the item so that it can't be read; the message names it.
    """
    kind, id_ = item[LEDGER_PARTITION_KEY], item[LEDGER_SORT_KEY]
    with reading(item, RESTORED):
        claims = _CLAIMS.read(item)["claims"]
        if id_ != RECORD and kind not in claims:
            raise MismatchError(f"is without {kind}, which has this copy", "Claims")
        if not claims:
            raise MismatchError("is empty", "Claims")
        others = tuple(Claim(association, **fields) for association, fields in claims.items())
        return Record(kind if id_ == RECORD else id_, others=others, **_RECORD.read(item))


@contextmanager
def reading(item: Mapping[str, Any], advice: str) -> Iterator[None]:
    """Read an item that somebody may have changed.

    Args:
        item: as the table returns it.
        advice: what else people can do than restore it.

    Raises:
        AssociationError: it can't be read; the message names it.
    """
    try:
        yield
    except MismatchError as error:
        raise unreadable(item, str(error), advice) from None


def unreadable(item: Mapping[str, Any], problem: str, advice: str) -> AssociationError:
    """The error that an item can't be read.

    Args:
        item: as the table returns it.
        problem: what is wrong with it.
        advice: what else people can do than restore it.
    """
    key = f"{item[LEDGER_PARTITION_KEY]} / {item[LEDGER_SORT_KEY]}"
    return AssociationError(
        f"item {key} of the ledger can't be read ({problem}): restore it from the table's backup, {advice}"
    )
