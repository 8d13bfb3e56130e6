"""The decision about every instance, as a pure function of what was asked for and what was observed.

Nothing is remembered between two plans. Each plan starts from the live state and the ledger, so an operation that was
interrupted at any point goes on from what is really there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..arn import name_of
from ..contract import OnConflict
from ..request.desired import Desired
from .model import GONE, Association, Instance, InstanceState, Snapshot
from .record import Record, held
from .renewal import order_renewals
from .step import Action, Plan, Step
from .undo import (
    MAX_STALE_SECONDS,
    change,
    later_restore_candidates,
    may_be_outdated,
    plan_claim_below,
    plan_give_back,
    plan_undo_of,
    plan_undos,
    wait_for_ec2,
    wait_until_shown,
)

CONFIRMATION_SECONDS = 180.0
"""How long EC2 may take to confirm an association; up to 65 seconds have been seen."""


@dataclass(frozen=True, slots=True)
class OperationContext:
    """What an operation knows besides what is desired and what is there."""

    known_ids: frozenset[str] = frozenset()
    """Ids that were selected before; one of them may be gone."""
    rolling_back: bool = False
    """The operation goes back to what was before the last one, as CloudFormation does after a failed update.
    Nothing blocks it: an instance that is gone is dropped, what someone else has changed is left alone, and an instance
    whose profile may no longer be replaced gets its previous profile back."""
    before: Desired | None = None
    """What the update asked for that is rolled back, as far as it can be read."""
    begun: bool = False
    """All targets were looked at before. An instance that got the tags since was not among them, and one that is gone
    now was there then."""
    undoes: str | None = None
    """Id of the Create that is rolled back. None: all that the association did is."""
    identity_confirmed: bool = True
    """IAM was asked twice, some time apart, which profile has the wanted name."""
    creates: str | None = None
    """Id of the Create that the operation is; None for another operation."""
    swaps_to_renew: bool = False
    """EC2 keeps a deleted profile when it is replaced by the one that was created under its name."""


ORDINARY = OperationContext()
"""Nothing but what is desired and what is there."""


def plan_desired(desired: Desired, snapshot: Snapshot, context: OperationContext) -> Plan:
    """Plan what turns the snapshot into what is desired: the targets, and the instances that are no longer targets."""
    selected = dict.fromkeys(snapshot.selected)
    targets = [plan_target(desired, id_, snapshot, context) for id_ in selected]
    leaving = [record for id_, record in held(snapshot.records).items() if id_ not in selected]
    renewed = order_renewals(
        targets,
        snapshot,
        confirmed=context.identity_confirmed,
        by_swapping=context.swaps_to_renew,
        rolling_back=context.rolling_back,
    )
    if context.creates and any(step.action is not Action.KEEP for step in renewed):
        # A leftover of an earlier creation could not be restored if the Create fails, so it is undone last.
        leaving = [record for record in leaving if record.mine and record.mine.request == context.creates]
    return Plan((*renewed, *_plan_leaving(desired, leaving, snapshot)))


def plan_undo(snapshot: Snapshot, undoes: str | None = None) -> Plan:
    """Plan what gives every instance that the association holds its previous profile back.

    Args:
        snapshot: what is there.
        undoes: id of the Create that is rolled back; instances get back what they carried before it. Default: all that
            the association did.
    """
    return Plan(tuple(plan_undos(held(snapshot.records, undoes).values(), snapshot, undoes)))


def plan_target(desired: Desired, instance_id: str, snapshot: Snapshot, context: OperationContext) -> Step:
    """Decide about one target. The rows are those of the table "What happens to a target" in the design."""
    instance, record = snapshot.instances.get(instance_id), snapshot.record(instance_id)
    if instance is None and instance_id in snapshot.unconfirmed:
        return wait_for_ec2(instance_id)
    if instance is None or instance.state in GONE:
        return _plan_gone(instance_id, instance, record, context)
    wanted, carried = desired.profile.arn, instance.carries
    if may_be_outdated(record.others, carried, snapshot):
        return wait_until_shown(instance)
    if context.rolling_back and carried != wanted and (step := plan_give_back(record, instance, snapshot)):
        return step
    if context.rolling_back and _must_restore_first(desired, context.before, carried, record):
        return plan_undo_of(record, instance, snapshot)
    if carried == wanted:
        return _plan_wanted(desired, instance, record, snapshot, rolling_back=context.rolling_back)
    may_keep = context.rolling_back or desired.on_conflict is OnConflict.KEEP
    interference = _interference(carried, record, snapshot)
    if interference:
        advice = "find out who does that and why before you deploy again"
        return _plan_conflict(instance, interference, advice, keep=may_keep)
    obstacle = _obstacle(desired, carried, record, context)
    if obstacle:
        is_late_arrival = context.begun and not record.mine and bool(desired.selection.tags)
        advice = "list it there, or take the instance out of the selection"
        # What the association has put there itself it has to be able to disassociate later.
        may_keep = context.rolling_back or (may_keep and carried not in record.ours)
        return _plan_conflict(instance, obstacle, advice, keep=may_keep or is_late_arrival)
    if context.rolling_back and (step := plan_claim_below(wanted, record, instance, snapshot)):
        return step
    if context.rolling_back and snapshot.profiles.get(wanted, ...) is None:
        return _plan_missing(instance, wanted, snapshot)
    what = f"replace {name_of(carried)} with {name_of(wanted)}" if carried else f"associate {name_of(wanted)}"
    return change(instance, wanted, what, record, snapshot)


def _plan_leaving(desired: Desired, leaving: Iterable[Record], snapshot: Snapshot) -> Iterable[Step]:
    """Plan what the instances get back that the association holds and that are no targets, as far as EC2 shows that."""
    hidden = snapshot.unconfirmed if desired.selection.tags else frozenset[str]()
    for step in plan_undos(leaving, snapshot):
        yield replace(step, unseen=True) if step.instance_id in hidden else step


def _plan_gone(instance_id: str, instance: Instance | None, record: Record, context: OperationContext) -> Step:
    if record.mine or context.begun or context.rolling_back or instance_id in context.known_ids:
        fact = f"is {instance.state}" if instance else "does not exist any more"
        return Step(instance_id, Action.FORGET, f"the instance {fact}: dropped", warning=True)
    if instance:
        return Step(instance_id, Action.REJECT, f"is {instance.state}", advice="take it out of the selection")
    advice = "check the id, and that the stack is in the account and Region of the instance"
    return Step(instance_id, Action.REJECT, "does not exist", advice=advice)


def _plan_wanted(
    desired: Desired, instance: Instance, record: Record, snapshot: Snapshot, *, rolling_back: bool
) -> Step:
    assert instance.association is not None
    profile = snapshot.profiles.get(desired.profile.arn)
    if profile and not profile.is_held_by(instance.association):
        reason = f"carries a deleted instance profile {name_of(profile.arn)}, which was created again since"
        return replace(change(instance, profile.arn, reason, record, snapshot), renews=True)
    began = association_began(instance.association, record)
    overdue = snapshot.now - max(began or 0.0, snapshot.started_at) > CONFIRMATION_SECONDS
    action, reason, advice = Action.KEEP, "carries the profile", ""
    # Whether EC2 confirms the association of a stopped instance before it starts is not documented.
    if not instance.association.established and not (overdue and instance.state is InstanceState.STOPPED):
        action, reason = Action.WAIT, "EC2 has not confirmed the association yet"
        if overdue and began is not None:
            # A rollback can do nothing about it, and must not fail: CloudFormation has no other state to go to.
            action = Action.KEEP if rolling_back else Action.REJECT
            reason = f"is still associating after {CONFIRMATION_SECONDS:.0f} seconds"
            advice = (
                f"EC2 can't assume role {name_of(desired.profile.role_arn)}, whose trust policy was checked at first: "
                "look whether it has changed or has conditions, and at the organization's control policies"
            )
    carried, warning = instance.carries, overdue and action is Action.KEEP and bool(advice)
    return Step(instance.id, action, reason, before=carried, after=carried, warning=warning, advice=advice)


def _plan_missing(instance: Instance, wanted: str, snapshot: Snapshot) -> Step:
    """What becomes of a target of a rollback that needs a profile which IAM does not know."""
    action, carried = Action.WAIT if wanted in snapshot.unconfirmed_profiles else Action.REJECT, instance.carries
    reason = f"can't get instance profile {name_of(wanted)}, which does not exist"
    advice = "create it, and continue the rollback"
    return Step(instance.id, action, reason, before=carried, after=carried, advice=advice)


def association_began(association: Association, record: Record) -> float | None:
    """When an association was made at the latest. Of one that is not ours nobody knows, unless EC2 says so: somebody
    may have made it a moment ago."""
    return max((at for at in (association.since, record.tried_at) if at is not None), default=None)


def _interference(carried: str | None, record: Record, snapshot: Snapshot) -> str:
    """What somebody else has done to a target that this operation has changed already; empty if nobody has."""
    if record.acted_at is None or record.mine is None or record.detached or carried in record.ours:
        return ""
    changed = record.acted_at >= snapshot.started_at and snapshot.is_changed(record)
    was_given = changed and not record.mine.latest.error and record.mine.latest.after == record.mine.wanted
    if not was_given or snapshot.now - record.acted_at < MAX_STALE_SECONDS:
        return ""
    now = f"given it instance profile {name_of(carried)}" if carried else "disassociated its instance profile"
    return f"was changed by this deployment, and then somebody has {now}"


def _must_restore_first(desired: Desired, before: Desired | None, carried: str | None, record: Record) -> bool:
    """Whether a target has to get its previous profile in a rollback before anything else, because the handler has no
    right to more: it may not move the target on from what the failed update put there, or not displace what the update
    displaced."""
    if record.mine is None:
        return False
    may_not_move = carried in record.ours and carried is not None and not _may_move(desired, before, carried)
    candidates = later_restore_candidates(record) if record.is_kept_by_others(carried) else record.candidates[:1]
    return may_not_move or not all(map(desired.may_restore, candidates))


def _may_move(desired: Desired, before: Desired | None, carried: str) -> bool:
    """Whether a target may go straight from what it carries to the wanted profile in a rollback: both are of one role,
    or one configuration lists the other's profile."""
    wanted = desired.profile.arn
    listed_before = before is not None and (before.replaceable.allows(wanted) or before.is_own(wanted))
    return carried == wanted or desired.is_own(carried) or desired.replaceable.allows(carried) or listed_before


def _obstacle(desired: Desired, carried: str | None, record: Record, context: OperationContext) -> str:
    """Why a target may not be given the wanted profile; empty if it may."""
    if carried and not _may_displace(desired, carried, record, context):
        listed = {profile.name for profile in desired.replaceable.profiles}
        shown = (
            carried if name_of(carried) in listed else name_of(carried)
        )  # it differs from the listed one in its path
        whose = " of another role" if carried in record.ours else ""
        return f"carries instance profile {shown}{whose}, which `replaces` does not list"
    if record.mine or not (context.begun or context.rolling_back):  # the preflight tells everything at once
        return ""
    # Nor may it be taken over from another association on the way, when nobody looks at the preflight any more.
    denied = next((arn for arn in record.candidates_after(carried) if arn and not desired.may_restore(arn)), None)
    return f"must get instance profile {name_of(denied)} back later, which `replaces` does not list" if denied else ""


def _may_displace(desired: Desired, carried: str, record: Record, context: OperationContext) -> bool:
    """Whether a target may be moved on from the profile that it carries: `replaces` lists it, or an association put it
    there for the same role. The handler has rights for no others."""
    if carried in record.ours and context.rolling_back:
        return _may_move(desired, context.before, carried)
    put_there = any(carried in claim.ours for claim in record.claims)  # also one that has gone, and retained it
    return desired.replaceable.allows(carried) or (put_there and desired.is_own(carried))


def _plan_conflict(instance: Instance, obstacle: str, advice: str, *, keep: bool) -> Step:
    return Step(
        instance.id,
        Action.KEEP if keep else Action.CONFLICT,
        f"({instance.state}) {obstacle}",
        before=instance.carries,
        after=instance.carries,
        warning=keep,
        advice=advice,
    )
