"""What an instance gets back, and the steps that change an instance in the way that its state allows."""

from collections.abc import Iterable
from dataclasses import replace

from ..arn import name_of
from .claim import Claim
from .model import GONE, UNSETTLED, Instance, InstanceState, Snapshot
from .record import Record
from .restore import Restore, is_of_another, restore_of, taken_from_another
from .step import NO_ROLE, Action, Identity, Step

MAX_STALE_SECONDS = 60.0
"""How long EC2 may take to show everyone what it has accepted."""


def plan_undos(records: Iterable[Record], snapshot: Snapshot, undoes: str | None = None) -> Iterable[Step]:
    """Decide what to restore on the instances of these records."""
    for record in records:
        yield plan_undo_of(record, snapshot.instances.get(record.instance_id), snapshot, undoes)


def plan_undo_of(record: Record, instance: Instance | None, snapshot: Snapshot, undoes: str | None = None) -> Step:
    """Decide what to restore on one instance. The rows are those of the table "Undo" in the design."""
    if instance is None and record.instance_id in snapshot.unconfirmed:
        return wait_for_ec2(record.instance_id, undo=True)
    if instance is None or instance.state in GONE:
        return Step(record.instance_id, Action.FORGET, "the instance is gone", undo=True)

    carried, restore = instance.carries, restore_of(record, snapshot.profiles, undoes)
    if instance.is_doubtful or may_be_outdated(record.claims, carried, snapshot):
        return wait_until_shown(instance, undo=True)
    if record.is_kept_by_others(carried):
        return forget(instance, "another association keeps it")
    if not snapshot.unconfirmed_profiles.isdisjoint(restore.passed_over):
        return _wait(instance, "IAM is asked again for the profile that it carried before", undo=True)
    if restore.is_lost and (carried is None or (carried == restore.profile and carried in snapshot.profiles)):
        return forget(instance, restore.reason, warning=True)
    if carried == restore.profile:
        return forget(instance, "it carries what it had before")
    if not _is_from_us(record, instance):
        now = name_of(carried) if carried else "no profile"
        if any(carried in claim.ours for claim in record.others):
            return forget(instance, f"left alone: a retained association has given it {now} since")
        return forget(instance, f"left alone: someone has given it {now} since", warning=True)
    return change(instance, *_given(restore), record, snapshot, undo=True, warning=restore.is_to_be_reported)


def may_be_outdated(claims: Iterable[Claim], carried: str | None, snapshot: Snapshot) -> bool:
    """Whether EC2 may show an instance as it was before the latest change of one of these associations, or in the
    middle of that change."""
    changes = (claim.latest for claim in claims if claim.latest.may_be_made)
    recent = [latest for latest in changes if snapshot.now - latest.at < MAX_STALE_SECONDS]
    latest = max(recent, key=lambda one: one.at, default=None)
    return latest is not None and carried != latest.after and carried in (latest.before, None)


def later_restore_candidates(record: Record) -> tuple[str | None, ...]:
    """The restore candidates once all younger claims are gone."""
    assert record.mine is not None
    rank = record.mine.rank
    return replace(record, others=tuple(claim for claim in record.others if claim.rank < rank)).candidates


def _given(restore: Restore) -> tuple[str | None, str]:
    """The profile that an instance gets back, and why."""
    return None if restore.is_lost else restore.profile, restore.reason


def plan_swap_revert(instance_id: str, snapshot: Snapshot) -> Step | None:
    """The step that restores what the first half of a swap has disassociated; None if the instance carries it."""
    record, instance = snapshot.record(instance_id), snapshot.instances.get(instance_id)
    if instance is None or instance.state in GONE or instance.carries or record.detached is None:
        return None
    reason = f"restore {name_of(record.detached)}, which was disassociated"
    return change(instance, record.detached, reason, record, None, undo=True)


def plan_give_back(record: Record, instance: Instance, snapshot: Snapshot) -> Step | None:
    """The step that restores what the update that is rolled back has taken from another association; None if it has
    taken nothing, or if that does not exist any more."""
    taken = taken_from_another(record, instance.carries)
    if taken is None or snapshot.profiles.get(taken, ...) is None:
        return None
    if may_be_outdated(record.claims, instance.carries, snapshot):
        return wait_until_shown(instance, undo=True)
    reason = f"restore {name_of(taken)}, which another association has put there"
    return change(instance, taken, reason, record, snapshot, undo=True)


def plan_claim_below(wanted: str, record: Record, instance: Instance, snapshot: Snapshot) -> Step | None:
    """The step that leaves a target of a rollback the profile of another association that it had before, and claims it
    for later; None if it had none."""
    if not is_of_another(record, instance.carries):
        return None
    if may_be_outdated(record.claims, instance.carries, snapshot):
        return wait_until_shown(instance)
    carried, mine = instance.carries, record.mine
    above = min(claim.rank for claim in record.others if carried in claim.ours)
    is_claimed = mine is not None and mine.wanted == wanted and mine.rank < above
    reason = f"carries {name_of(carried or '')}, which another association has put there"
    claims = None if is_claimed else wanted
    return Step(instance.id, Action.KEEP, reason, before=carried, after=carried, claims_below=claims)


def _is_from_us(record: Record, instance: Instance) -> bool:
    """Whether the instance is as this association left it, also in the middle of a swap."""
    carried = instance.carries
    return carried in record.ours if carried else record.detached is not None


def change(
    instance: Instance,
    after: str | None,
    reason: str,
    record: Record,
    snapshot: Snapshot | None,
    *,
    undo: bool = False,
    warning: bool = False,
) -> Step:
    """The step that makes an instance carry ``after``, in the way that its state allows."""
    before = instance.carries
    fallback = record.detached if before is None else None
    if instance.state in UNSETTLED:
        action, reason = Action.WAIT, f"the instance is {instance.state}"
    elif instance.is_doubtful:
        action, reason = Action.WAIT, f"EC2 describes it with {name_of(instance.shows or '')} and lists no association"
    elif before is None and instance.leaving:
        action, reason = Action.WAIT, "its former association is still disassociating"
    elif before is None:
        action = Action.ASSOCIATE
    elif after is None:
        action = Action.DISASSOCIATE
    elif instance.state is InstanceState.STOPPED:
        action, fallback = Action.SWAP, before
    else:
        action = Action.REPLACE
    return Step(
        instance.id,
        action,
        reason,
        before=before,
        after=after,
        association_id=instance.association.id if instance.association else None,
        fallback=fallback if fallback != after else None,
        undo=undo,
        warning=warning,
        identity=_identity(instance, snapshot) if snapshot else None,
    )


def _identity(instance: Instance, snapshot: Snapshot) -> Identity | None:
    """What the profile is that the instance carries."""
    if instance.association is None:
        return None
    profile = snapshot.profiles.get(instance.association.profile_arn)
    return Identity(instance.association.profile_id, (profile.role_arn or NO_ROLE) if profile else None)


def forget(instance: Instance, reason: str, *, warning: bool = False) -> Step:
    return Step(
        instance.id, Action.FORGET, reason, before=instance.carries, after=instance.carries, undo=True, warning=warning
    )


def wait_until_shown(instance: Instance, *, undo: bool = False) -> Step:
    """Wait until EC2 certainly shows what an instance carries."""
    step = _wait(instance, "EC2 may not show yet what the instance carries", undo=undo)
    return replace(step, unseen=not undo)


def _wait(instance: Instance, reason: str, *, undo: bool) -> Step:
    return Step(instance.id, Action.WAIT, reason, before=instance.carries, after=instance.carries, undo=undo)


def wait_for_ec2(instance_id: str, *, undo: bool = False) -> Step:
    reason = "EC2 does not show the instance, and has not said that it does not exist"
    return Step(instance_id, Action.WAIT, reason, undo=undo, unseen=not undo)
