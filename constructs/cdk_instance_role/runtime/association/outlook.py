"""What would become of every instance if an event were carried out now: looked at and planned, and nothing changed.

The handler's first phase asks this before it begins, and the command line to tell people in advance.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from . import preflight
from .desired import Desired, Selection
from .model import Instances, Snapshot
from .observe import Observer
from .plan import Plan, Situation, plan_desired, plan_undo
from .record import Record, Records, held


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is there, and what would be done about it."""

    snapshot: Snapshot
    plan: Plan
    problems: tuple[str, ...] = ()
    """What is wrong with the selection and the profiles, in whole sentences. The targets' problems are the plan's."""


def outlook(
    desired: Desired, records: Records, observer: Observer, situation: Situation, *, now: float, started_at: float
) -> Outlook:
    """Look at everything that is desired, and at what is desired no more.

    Args:
        desired: what the association shall bring about.
        records: the ledger, as the association sees it.
        observer: looks at EC2 and IAM.
        situation: what else is known of the operation.
        now: seconds since the epoch.
        started_at: when the operation began, in seconds since the epoch.
    """
    snapshot = observed(
        observer,
        records,
        desired.selection,
        also={desired.profile.arn, *(listed.arn for listed in desired.replaceable.profiles)},
        reversing=situation.reversing,
        clock=lambda: now,
        started_at=started_at,
    )
    problems = preflight.problems(desired, snapshot, reversing=situation.reversing)
    return Outlook(snapshot, plan_desired(desired, snapshot, situation), tuple(problems))


def outlook_of_delete(records: Records, observer: Observer, *, now: float) -> Outlook:
    """Look at everything that the association holds, to be given back. Arguments as for `outlook`."""
    snapshot = observed(observer, records, None, clock=lambda: now)
    return Outlook(snapshot, plan_undo(snapshot))


def observed(
    observer: Observer,
    records: Records,
    selection: Selection | None,
    *,
    also: Collection[str] = (),
    reversing: bool = False,
    clock: Callable[[], float],
    started_at: float = 0.0,
) -> Snapshot:
    """Look at what is selected and at what is held, and at the profiles that may have to be given back.

    Args:
        observer: looks at EC2 and IAM.
        records: the ledger, as the association sees it.
        selection: the targets. None: everything is to be given back.
        also: ARNs of further profiles to look at.
        reversing: on the way back targets, too, may have to be given back.
        clock: seconds since the epoch, asked once everything is looked at.
        started_at: when the operation began, in seconds since the epoch.
    """
    mine = held(records)
    selected, instances = observer.instances(selection, mine)
    # What a target has to get back may not be looked at before it is known that it is listed.
    leaving = mine if reversing else mine.keys() - set(selected)
    beneath = _to_give_back((mine[id_] for id_ in leaving), instances)
    return Snapshot(selected, instances, records, observer.profiles(beneath.union(also)), clock(), started_at)


def _to_give_back(records: Iterable[Record], instances: Instances) -> set[str]:
    """The profiles of which has to be known whether they exist, should these instances be given back."""
    leaving = ((record, instances.get(record.instance_id)) for record in records)
    # Where the instance carries what is another's, nothing is given back, and it may not even be allowed to ask.
    changing = (record for record, found in leaving if found and _may_be_given_back(record, found.carries))
    return {arn for record in changing for arn in record.beneath if arn}


def _may_be_given_back(record: Record, carried: str | None) -> bool:
    return carried is None or (carried in record.ours and not record.is_kept_by_others(carried))
