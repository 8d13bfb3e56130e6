"""Targets that carry the wanted profile by its ARN, but one that was deleted and created again since. Pure.

EC2 keeps delivering nothing for the deleted profile. Whether a replace by the same ARN makes it look the profile up
again is not documented. So one running instance is replaced alone. If that does not help, it is disassociated and
associated. EC2 refuses to replace the profile of a stopped instance, so a stopped instance is disassociated and
associated in any case. One instance is disassociated and associated alone, and then all others together.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from .model import Snapshot
from .step import Action, Step

RENEWAL_CHECK_SECONDS = 10.0
"""How long EC2 may show the former association after a change."""


def order_renewals(
    steps: Sequence[Step], snapshot: Snapshot, *, confirmed: bool, by_swapping: bool, rolling_back: bool
) -> list[Step]:
    """The steps, with those that renew an association in the order in which they may be made.

    Args:
        steps: what is to be done about the targets.
        snapshot: what they were planned from.
        confirmed: IAM was asked twice, some time apart, which profile has the wanted name.
        by_swapping: it is known that a replace does not help.
        rolling_back: nothing blocks the operation. The targets carry what they are to carry, by its ARN, so those that
            can't be renewed stay as they are.
    """
    if rolling_back:
        steps = _given_up(steps, [step for step in steps if _was_refused(step, snapshot)], Action.KEEP)
    stale = [step for step in steps if _is_renewal(step)]
    if not stale:
        return list(steps)
    if not confirmed:
        return _waiting(steps, stale, "IAM is asked again which profile has the name")
    steps = _replaces_in_order(steps, snapshot, by_swapping=by_swapping)
    return _swaps_in_order(steps, snapshot, Action.KEEP if rolling_back else Action.REJECT)


def _replaces_in_order(steps: Sequence[Step], snapshot: Snapshot, *, by_swapping: bool) -> list[Step]:
    """The steps, with the replaces of running instances held back until one replace has helped, or made swaps."""
    replaces = _by_failure([step for step in steps if step.renews and step.action is Action.REPLACE], snapshot)
    tried = [step for step in steps if _is_renewal(step) and _was_replaced(step, snapshot)]
    if any(_is_in_flight(step, snapshot) for step in tried):
        return _waiting(steps, [*replaces, *tried], "EC2 has not shown yet whether a replace renews the association")
    if by_swapping or tried:
        ids = {step.instance_id for step in replaces}
        return [replace(step, action=Action.SWAP) if step.instance_id in ids else step for step in steps]
    if _has_renewed_any(_was_replaced, steps, snapshot):
        return list(steps)
    return _waiting(steps, replaces[1:], "one instance is replaced first")


def _swaps_in_order(steps: Sequence[Step], snapshot: Snapshot, if_useless: Action) -> list[Step]:
    """The steps, with the swaps held back until one instance carries the new profile after a swap.

    Args:
        steps: what is to be done about the targets.
        snapshot: what they were planned from.
        if_useless: what is done about a target whose swap has not helped.
    """
    swaps = [step for step in steps if step.renews and step.action is Action.SWAP]
    done = [step for step in swaps if _was_reassociated(step, snapshot)]
    in_flight = [step for step in done if _is_in_flight(step, snapshot)]
    steps = _waiting(steps, in_flight, "EC2 has not shown yet whether the association is a new one")
    steps = _given_up(steps, [step for step in done if step not in in_flight], if_useless)
    if _has_renewed_any(_was_reassociated, steps, snapshot):
        return steps
    left = _by_failure([step for step in swaps if step not in done], snapshot)
    is_begun = bool(in_flight) or any(_is_between_halves(step, snapshot) for step in steps)
    return _waiting(steps, left if is_begun else left[1:], "one instance is disassociated and associated first")


def _by_failure(steps: Sequence[Step], snapshot: Snapshot) -> list[Step]:
    return sorted(steps, key=snapshot.failed_at)


def _waiting(steps: Sequence[Step], held_back: Sequence[Step], why: str) -> list[Step]:
    ids = {step.instance_id for step in held_back}
    return [
        replace(step, action=Action.WAIT, reason=f"{step.reason}: {why}") if step.instance_id in ids else step
        for step in steps
    ]


def _given_up(steps: Sequence[Step], useless: Sequence[Step], action: Action) -> list[Step]:
    """The steps, with this action in the place of those that can't renew their association."""
    ids, warning = {step.instance_id for step in useless}, action is Action.KEEP
    reason = "still carries a deleted instance profile, which EC2 does not renew"
    advice = "look at the instance, and disassociate and associate its instance profile by hand"
    return [
        replace(step, action=action, reason=reason, advice=advice, warning=warning) if step.instance_id in ids else step
        for step in steps
    ]


def _is_renewal(step: Step) -> bool:
    """Whether a target is to be renewed, and has not been given up."""
    return step.renews and step.action is not Action.KEEP


def _was_refused(step: Step, snapshot: Snapshot) -> bool:
    """Whether EC2 has refused for good in this operation to renew the association."""
    return step.renews and snapshot.was_refused(step)


def _was_replaced(step: Step, snapshot: Snapshot) -> bool:
    """Whether this operation has replaced the deleted profile by the new one, or was not allowed to."""
    record = snapshot.record(step.instance_id)
    if record.mine is None or not snapshot.is_changed(record):
        return False
    latest = record.mine.latest
    is_renewal = latest.action == Action.REPLACE and latest.before == latest.after == step.before
    return is_renewal and (not latest.error or record.mine.repeated_error is not None)


def _is_in_flight(step: Step, snapshot: Snapshot) -> bool:
    mine = snapshot.record(step.instance_id).mine
    return mine is not None and not mine.latest.error and snapshot.now - mine.latest.at < RENEWAL_CHECK_SECONDS


def _was_reassociated(step: Step, snapshot: Snapshot) -> bool:
    """Whether EC2 has accepted in this operation that the target is associated with the profile."""
    record = snapshot.record(step.instance_id)
    if record.mine is None or not snapshot.is_changed(record) or record.detached:
        return False
    latest = record.mine.latest
    return latest.action in (Action.SWAP, Action.ASSOCIATE) and not latest.error and latest.after == step.before


def _is_between_halves(step: Step, snapshot: Snapshot) -> bool:
    """Whether the target is without a profile, in the middle of a swap for the profile of the same name."""
    is_bare = step.action in (Action.ASSOCIATE, Action.WAIT) and step.before is None
    detached = snapshot.record(step.instance_id).detached
    return is_bare and detached is not None and detached == step.after


def _has_renewed_any(was_done: Callable[[Step, Snapshot], bool], steps: Sequence[Step], snapshot: Snapshot) -> bool:
    """Whether this operation has renewed the association of some target in this way."""
    return any(
        step.action in (Action.KEEP, Action.WAIT) and not step.renews and was_done(step, snapshot) for step in steps
    )
