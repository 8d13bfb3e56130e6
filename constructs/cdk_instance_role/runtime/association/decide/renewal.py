"""Targets that carry the wanted profile by its ARN, but one that was deleted and created again since. Pure.

EC2 keeps delivering nothing for the deleted profile. Whether a replace by the same ARN makes it look the profile up
again is not documented. So one instance is replaced alone. If that does not help, it is disassociated and associated,
and then the others are.
"""

from collections.abc import Sequence
from dataclasses import replace

from .model import Snapshot
from .step import CHANGES, Action, Step

VISIBLE_SECONDS = 10.0
"""How long EC2 may show the former association after a change."""


def in_order(steps: Sequence[Step], snapshot: Snapshot, *, confirmed: bool, by_swapping: bool) -> list[Step]:
    """The steps, with those that renew an association in the order in which they may be made.

    Args:
        steps: what is to be done about the targets.
        snapshot: what they were planned from.
        confirmed: IAM was asked twice, some time apart, which profile has the wanted name.
        by_swapping: it is known that a replace does not help.
    """
    stale = [step for step in steps if step.renews]
    if not stale:
        return list(steps)
    if not confirmed:
        return _waiting(steps, stale, "IAM is asked again which profile has the name")
    tried = [step for step in stale if _was_replaced(step, snapshot)]
    if any(_is_in_flight(step, snapshot) for step in tried):
        return _waiting(steps, stale, "EC2 has not shown yet whether a replace renews the association")
    if by_swapping or tried:
        return [_swap(step, snapshot) if step.renews else step for step in steps]
    if _has_helped(steps, snapshot):
        return list(steps)
    first = next((step for step in stale if step.action in CHANGES), None)
    others = [step for step in stale if step is not first and step.action in CHANGES]
    return _waiting(steps, others, "one instance is replaced first")


def _waiting(steps: Sequence[Step], held_back: Sequence[Step], why: str) -> list[Step]:
    ids = {step.instance_id for step in held_back}
    return [
        replace(step, action=Action.WAIT, reason=f"{step.reason}: {why}") if step.instance_id in ids else step
        for step in steps
    ]


def _swap(step: Step, snapshot: Snapshot) -> Step:
    if _was_put_on_again(step, snapshot):
        reason = "still carries a deleted instance profile after it was disassociated and associated again"
        advice = "look at the instance, and disassociate and associate its instance profile by hand"
        return replace(step, action=Action.REJECT, reason=reason, advice=advice)
    return replace(step, action=Action.SWAP) if step.action is Action.REPLACE else step


def _was_replaced(step: Step, snapshot: Snapshot) -> bool:
    """Whether this operation has replaced the deleted profile by the new one, or was not allowed to."""
    record = snapshot.record(step.instance_id)
    if record.mine is None or not record.has_changed_since(snapshot.started_at):
        return False
    latest = record.mine.latest
    is_renewal = latest.action == Action.REPLACE and latest.before == latest.after == step.before
    return is_renewal and (not latest.error or record.mine.trouble is not None)


def _is_in_flight(step: Step, snapshot: Snapshot) -> bool:
    mine = snapshot.record(step.instance_id).mine
    return mine is not None and not mine.latest.error and snapshot.now - mine.latest.at < VISIBLE_SECONDS


def _was_put_on_again(step: Step, snapshot: Snapshot) -> bool:
    record = snapshot.record(step.instance_id)
    if record.mine is None or not record.has_changed_since(snapshot.started_at) or record.detached:
        return False
    latest = record.mine.latest
    return latest.action in (Action.SWAP, Action.ASSOCIATE) and not latest.error and latest.after == step.before


def _has_helped(steps: Sequence[Step], snapshot: Snapshot) -> bool:
    """Whether a replace by this operation has renewed the association of some target."""
    return any(
        step.action in (Action.KEEP, Action.WAIT) and not step.renews and _was_replaced(step, snapshot)
        for step in steps
    )
