"""What would become of every instance if an event were carried out now: looked at and planned, and nothing changed.

The handler's first phase asks this before it begins, and the command line to tell people in advance.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ..aws.observe import Observer
from ..decide import checks
from ..decide.model import Instances, ObservedInstances, Snapshot
from ..decide.plan import ORDINARY, OperationContext, plan_desired, plan_undo
from ..decide.record import Record, Records, held
from ..decide.step import Plan
from ..request.desired import Desired


@dataclass(frozen=True, slots=True)
class Preview:
    """What is there, and what would be done about it."""

    snapshot: Snapshot
    plan: Plan
    problems: tuple[str, ...] = ()
    """What is wrong with the selection and the profiles, in whole sentences. The targets' problems are the plan's."""


LookUp = Callable[[Collection[str]], Records]
"""Gives the records of instances that the association does not hold (yet), by their ids."""


def no_others(_: Collection[str]) -> Records:
    """No other association has to do with any instance."""
    return {}


def preview(
    desired: Desired,
    records: Records,
    observer: Observer,
    context: OperationContext,
    *,
    now: float,
    started_at: float,
    request: str | None = None,
    look_up: LookUp = no_others,
) -> Preview:
    """Look at everything that is desired, and at what is no longer desired.

    Args:
        desired: what the association shall bring about.
        records: what the association holds, by instance id.
        observer: looks at EC2 and IAM.
        context: what else is known of the operation.
        now: seconds since the epoch.
        started_at: when the operation began, in seconds since the epoch.
        request: id of the event of the operation. Default: there is no operation yet.
        look_up: gives the records of targets that it does not hold yet.
    """
    snapshot = observed(
        observer,
        records,
        desired,
        also={listed.arn for listed in desired.replaceable.profiles},
        context=context,
        clock=lambda: now,
        started_at=started_at,
        request=request,
        look_up=look_up,
    )
    problems = [] if context.rolling_back else checks.problems(desired, snapshot)  # nothing blocks a rollback
    return Preview(snapshot, plan_desired(desired, snapshot, context), tuple(problems))


def preview_of_delete(records: Records, observer: Observer, *, now: float) -> Preview:
    """Look at everything that the association holds, to be restored. Arguments as for `preview`."""
    snapshot = observed(observer, records, None, clock=lambda: now)
    return Preview(snapshot, plan_undo(snapshot))


def observed(
    observer: Observer,
    records: Records,
    desired: Desired | None,
    *,
    also: Collection[str] = (),
    context: OperationContext = ORDINARY,
    clock: Callable[[], float],
    started_at: float = 0.0,
    request: str | None = None,
    look_up: LookUp = no_others,
) -> Snapshot:
    """Look at what is selected and at what is held, and at the profiles that may have to be restored.

    Args:
        observer: looks at EC2 and IAM.
        records: what the association holds, by instance id.
        desired: what is wanted. None: everything is to be restored.
        also: ARNs of further profiles to look at.
        context: what else is known of the operation.
        clock: seconds since the epoch, asked once everything is looked at.
        started_at: when the operation began, in seconds since the epoch.
        request: id of the event of the operation. Default: there is no operation yet.
        look_up: gives the records of targets that it does not hold yet.
    """
    mine = held(records, context.undoes)
    found = observer.find(desired.selection if desired else None, mine)
    new = [id_ for id_ in found.selected if id_ not in records]
    records = {**records, **look_up(new)} if new else records
    # After the records: what another association changes from now on changes a record, too, and nothing can be claimed
    # that was planned from a former one.
    seen = observer.with_associations(found)
    # What a target has to get back may not be looked at before it is known that it is listed.
    leaving = mine if context.rolling_back else mine.keys() - set(seen.selected)
    needed = _profiles_to_restore((mine[id_] for id_ in leaving), seen.instances, context.undoes)
    if desired:
        needed |= {desired.profile.arn, *_displaced(desired, seen)}
    profiles = observer.profiles(needed.union(also))
    return Snapshot(
        seen.selected,
        seen.instances,
        records,
        profiles,
        clock(),
        started_at,
        seen.unconfirmed,
        request=request,
    )


def _displaced(desired: Desired, seen: ObservedInstances) -> set[str]:
    """The profiles that targets carry and that may be displaced. Their identity must be recorded for a later
    restore."""
    carried = {found.carries for id_ in seen.selected if (found := seen.instances.get(id_))}
    return {arn for arn in carried if arn and desired.replaceable.allows(arn)}


def _profiles_to_restore(records: Iterable[Record], instances: Instances, undoes: str | None) -> set[str]:
    """The profiles of which has to be known whether they exist, should these instances be restored."""
    leaving = ((record, instances.get(record.instance_id)) for record in records)
    # Where the instance carries what is another's, nothing is restored, and it may not even be allowed to ask.
    changing = (record for record, found in leaving if found and _may_be_restored(record, found.carries))
    return {arn for record in changing for arn in record.restore_candidates(undoes) if arn}


def _may_be_restored(record: Record, carried: str | None) -> bool:
    return carried is None or (carried in record.ours and not record.is_kept_by_others(carried))
