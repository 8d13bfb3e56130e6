"""How a record stands in the ledger: plain values to and from the attributes of an item."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from ..decide.claim import Base, Claim, Denial, Latest, RepeatedError
from ..decide.record import Record
from ..decide.step import Identity
from ..exceptions import AssociationError

RESTORED = "or delete it and its copies if the instance has nothing to get back"
"""What else people can do than restore a record that can't be read."""


def attributes_of(record: Record) -> dict[str, Any]:
    """The attributes of a record, for its item and the copies of it."""
    return {
        "InstanceId": record.instance_id,
        "Previous": record.previous,
        "ActedAt": record.acted_at,
        "Revision": record.revision + 1,
        "Identities": {arn: {"Id": one.id, "RoleArn": one.role_arn} for arn, one in record.identities.items()},
        "Claims": {claim.association: _claim_attributes(claim) for claim in record.claims},
    }


def record_of(item: Mapping[str, Any]) -> Record:
    """The record that an item says, as nobody in particular sees it.

    Raises:
        AssociationError: somebody has changed the item so that it can't be read; the message names it.
    """
    with reading(item, RESTORED):
        return Record(
            instance_id=item["InstanceId"],
            previous=item["Previous"],
            others=tuple(_claim(*one) for one in item["Claims"].items()),
            acted_at=_time(item["ActedAt"]),
            revision=int(item["Revision"]),
            identities={arn: Identity(one["Id"], one["RoleArn"]) for arn, one in item["Identities"].items()},
        )


def holders_of(item: Mapping[str, Any]) -> frozenset[str]:
    """Keys of the associations that have claims in a record.

    Raises:
        AssociationError: somebody has changed the item so that it can't be read; the message names it.
    """
    with reading(item, RESTORED):
        return frozenset(item["Claims"].keys())


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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        key = f"{item[LEDGER_PARTITION_KEY]} / {item[LEDGER_SORT_KEY]}"
        raise AssociationError(
            f"item {key} of the ledger can't be read ({type(error).__name__}: {error}): restore it from the table's "
            f"backup, {advice}"
        ) from None


def _claim_attributes(claim: Claim) -> dict[str, Any]:
    latest, repeated_error, denial = claim.latest, claim.repeated_error, claim.denial
    return {
        "Since": claim.since,
        "Rank": claim.rank,
        "Wanted": claim.wanted,
        "Ours": sorted(claim.ours),
        "Detached": claim.detached,
        "Action": latest.action,
        "Before": latest.before,
        "After": latest.after,
        "At": latest.at,
        "Error": latest.error,
        "Final": latest.final,
        "Rejected": latest.rejected,
        "StepRequest": latest.request,
        "FailingSince": claim.failing_since,
        "Request": claim.request,
        "Retained": claim.retained,
        **({"Base": _base_attributes(claim.base)} if claim.base else {}),
        **({"RepeatedError": {"Kind": repeated_error.kind, "Since": repeated_error.since}} if repeated_error else {}),
        **({"Denial": {"Role": denial.role_arn, "First": denial.first_at, "Last": denial.last_at}} if denial else {}),
    }


def _claim(association: str, item: Mapping[str, Any]) -> Claim:
    step, at = (item["Action"], item["Before"], item["After"]), float(item["At"])
    latest = Latest(*step, at, item["Error"], item["Final"], item["Rejected"], item["StepRequest"])
    return Claim(
        association,
        since=float(item["Since"]),
        rank=int(item["Rank"]),
        wanted=item["Wanted"],
        ours=frozenset(item["Ours"]),
        detached=item["Detached"],
        latest=latest,
        failing_since=_time(item["FailingSince"]),
        request=item["Request"],
        retained=bool(item["Retained"]),
        base=_base(item.get("Base")),
        repeated_error=_repeated_error(item.get("RepeatedError")),
        denial=_denial(item.get("Denial")),
    )


def _base_attributes(base: Base) -> dict[str, Any]:
    return {
        "Profile": base.profile,
        "Rank": base.rank,
        "Wanted": base.wanted,
        "Ours": sorted(base.ours),
        "Retained": base.retained,
    }


def _base(item: Mapping[str, Any] | None) -> Base | None:
    if item is None:
        return None
    return Base(item["Profile"], int(item["Rank"]), item["Wanted"], frozenset(item["Ours"]), bool(item["Retained"]))


def _repeated_error(item: Mapping[str, Any] | None) -> RepeatedError | None:
    return RepeatedError(item["Kind"], float(item["Since"])) if item else None


def _denial(item: Mapping[str, Any] | None) -> Denial | None:
    return Denial(item["Role"], float(item["First"]), float(item["Last"])) if item else None


def _time(value: Any) -> float | None:
    return None if value is None else float(value)
