"""What is said about the enforcement of an association, in the words of every format."""

from collections.abc import Iterator

from ...runtime.association.drift.finding import OF_THE_PROFILE
from ..enforcement_plan import EnforcementPlan, SweepPlan
from ..model import counted
from ..status_model import AssociationStatus, EnforcementStatus
from ..text import one_line
from . import words

PAUSED = "Paused until the next deployment or `instance-role reconcile --resume`:"
OVERDUE = "the next one is overdue: look at the schedule, the queue and the log of the provider"
FOUND = "Found by enforcement:"
LATEST_CHANGES = "Changed last, as CloudTrail's event history says:"
DEAD_LETTERS = "Messages that could not be handled:"

_KINDS = {"giving": "giving the profile", "taking": "replacing, restoring and disassociating profiles"}


def settings(mode: str, every: float | None, max_changes: str) -> str:
    """How an association is enforced.

    >>> settings("repair", 900, "10%"), settings("report", 90, "")
    ('repair every 15 min, at most 10% of the targets an hour', 'report every 1 min 30 s')
    """
    often = f" every {words.duration(every)}" if every else ""
    limit = f", at most {max_changes}{' of the targets' if max_changes.endswith('%') else ''} an hour"
    return f"{mode}{often}{limit if max_changes else ''}"


def fact(status: EnforcementStatus) -> str:
    """How an association is enforced, and since when it is not, or when the latest sweep was."""
    if status.off:
        since = f" since {words.moment(status.off.since)}" if status.off.since else ""
        state = f"off{since}: {one_line(status.off.reason)}"
    elif status.last_sweep:
        state = f"last sweep {words.moment(status.last_sweep)}{', not finished' if status.is_unfinished else ''}"
    else:
        state = "no sweep since the latest deployment"
    late = f", {OVERDUE}" if status.is_stopped and not status.off else ""
    return f"{settings(status.mode, status.every, status.max_changes)}; {state}{late}"


def plan_fact(plan: EnforcementPlan) -> str:
    """How an association will be enforced, and what the next sweep does."""
    facts = [settings(plan.mode, plan.every, plan.max_changes)]
    if plan.late_arrivals:
        facts.append(f"{counted(len(plan.late_arrivals), 'late arrival')}")
    if plan.next_sweep:
        facts.append(f"the next sweep {_sweep(plan.next_sweep, plan.mode)}")
    return "; ".join(facts)


def plan_warnings(plan: EnforcementPlan | None, limit: int | None) -> Iterator[str]:
    """What people should know about the enforcement of an association.

    Args:
        plan: the enforcement; None if there is none.
        limit: how many ids are named; None for all.
    """
    if plan is None:
        return
    for one in plan.next_sweep.pauses if plan.next_sweep else ():
        state = "is paused" if one.has_begun else "would pause in the next sweep"
        yield f"enforcement: {kind(one.kind)} {state}: {one_line(one.reason)}"
    for other in plan.overlaps:
        which = words.some(other.instances, limit)
        yield f"{which}: {one_line(other.association)} has them too; {other.ours} of them belong to this association"
    yield from map(one_line, plan.notes)


def _sweep(sweep: SweepPlan, mode: str) -> str:
    if mode == "report":
        return f"reports drift of {counted(sweep.drifted, 'instance')}" if sweep.drifted else "finds no drift"
    made = sum(not one.held_back for one in sweep.changes)
    held_back = len(sweep.changes) - made
    return f"changes {counted(made, 'instance') if made else 'no instance'}" + (
        f" and holds back {held_back}" if held_back else ""
    )


def kind(name: str) -> str:
    """A kind of changes, in words."""
    return _KINDS.get(name, name)


def pauses(status: AssociationStatus) -> Iterator[str]:
    """What is not changed any more, and why."""
    for one in status.enforcement.pauses if status.enforcement else ():
        yield f"{kind(one.kind)}, since {words.moment(one.since)}: {one_line(one.reason)}"


def drift(status: AssociationStatus) -> Iterator[str]:
    """What was found and is not repaired."""
    names = {one.id: words.instance(one) for one in status.instances} | {OF_THE_PROFILE: "the instance profile"}
    for one in status.enforcement.drift if status.enforcement else ():
        advice = f": {one_line(one.advice)}" if one.advice else ""
        who = names.get(one.instance, one.instance)
        yield f"{who}: {one.kind} since {words.moment(one.since)}: {one_line(one.reason)}{advice}"


def latest_changes(status: AssociationStatus) -> Iterator[str]:
    """Who has changed drifted instances last."""
    for one in status.latest_changes:
        if one.action:
            yield f"{one.instance}: {one_line(one.action)} by {one_line(one.by)} at {words.moment(one.at)}"
        else:
            yield f"{one.instance}: no change of its instance profile was found; an event can be some minutes late"
    if status.not_asked_about:
        yield f"{counted(status.not_asked_about, 'more instance')} were not looked up"


def dead_letters(status: AssociationStatus) -> Iterator[str]:
    """What the dead-letter queue has."""
    number = status.enforcement.dead_letters if status.enforcement else None
    if number:
        yield f"{counted(number, 'message')} in the dead-letter queue of the provider: look at its log"
