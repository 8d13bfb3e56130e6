"""What a report comes to, as sentences and lists that every format shows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from ..model import AssociationPlan, Estimate, Exit, InstanceView, PermissionChange, PlanReport, Verb, counted
from ..status_model import AssociationStatus, HeldView, Report, StatusReport
from ..text import one_line
from . import words

NO_ASSOCIATIONS = "There are no associations."
NONE_SEEN = "Not everything could be looked at. No association was found."
REFUSED = "The deployment would be refused:"
UNSEEN = "Could not be looked at:"
WARNINGS = "Warnings:"
DRIFTED = "Not as the association left them:"

_PLANNED = {
    Exit.ERROR: "not fully seen",
    Exit.CONFLICTS: "would be refused",
    Exit.CHANGES: "changes",
    Exit.NOTHING: "nothing to do",
}
_FOUND = {Exit.ERROR: "not fully seen", Exit.CHANGES: "not in order", Exit.NOTHING: "in order"}
_WORST_FIRST = (Exit.ERROR, Exit.CONFLICTS, Exit.CHANGES, Exit.NOTHING)
_BY_WEIGHT = (Verb.CONFLICT, Verb.REPLACE, Verb.ASSOCIATE, Verb.UNDO, Verb.WAIT, Verb.DROP, Verb.KEEP)
"""What people have to see comes first, also where a table is cut."""


def verdict(report: Report) -> str:
    """What it comes to, in a sentence or two."""
    said = _plan_verdict(report) if isinstance(report, PlanReport) else _status_verdict(report)
    return f"Not everything could be looked at. {said}" if report.exit is Exit.ERROR else said


def summary(report: Report) -> str:
    """The totals of everything, in one line."""
    whole = f"{counted(len(report.associations), 'association')}: {instances(report)}"
    if isinstance(report, StatusReport):
        return whole
    return f"{whole}; {words.estimate(whole_estimate(report.associations))}"


def instances(report: Report) -> str:
    """How many instances there are of each kind."""
    if is_unavailable(report):
        return "unknown"
    if isinstance(report, StatusReport):
        return words.held_totals(report.associations)
    return words.totals(one for plan in report.associations for one in plan.instances)


def result(report: Report) -> str:
    """What it comes to, in a few words."""
    if is_unavailable(report):
        return "not seen"
    return (_PLANNED if isinstance(report, PlanReport) else _FOUND)[report.exit]


def is_unavailable(report: Report) -> bool:
    """Whether nothing could be seen, which is no sign that there is nothing."""
    return report.exit is Exit.ERROR and not report.associations


def weight(result: Exit) -> int:
    """The less, the sooner people have to see it."""
    return _WORST_FIRST.index(result)


def whole_estimate(plans: Iterable[AssociationPlan]) -> Estimate:
    """The estimates together: EC2 counts per account and Region, and these can go on at the same time, and so can all
    bakes."""
    calls, longest, seconds = 0, 0.0, defaultdict[tuple[str, str], float](float)
    for plan in plans:
        calls += plan.estimate.calls
        longest = max(longest, plan.estimate.whole)
        seconds[plan.account, plan.region] += plan.estimate.seconds
    busiest = max(seconds.values(), default=0.0)
    return Estimate(calls, busiest, max(0.0, longest - busiest))


def by_weight(instances: Iterable[InstanceView]) -> list[InstanceView]:
    """The instances, conflicts and changes first."""
    return sorted(instances, key=lambda one: _BY_WEIGHT.index(one.verb))


def by_drift(instances: Iterable[HeldView]) -> list[HeldView]:
    """The instances, those that have drifted first."""
    return sorted(instances, key=lambda one: not one.drift)


def refusals(plan: AssociationPlan) -> list[str]:
    """Why the deployment would be refused."""
    conflicts = [words.instance(one) for one in plan.instances if one.verb is Verb.CONFLICT]
    several = f"{counted(len(conflicts), 'instance')} in conflict: {words.some(conflicts)}"
    return [*map(one_line, plan.problems), *([several] if conflicts else [])]


def warnings(plan: AssociationPlan, limit: int | None = words.SHOWN_IDS) -> list[str]:
    """What people should know. What is true of many instances is said once."""
    about: dict[str, list[str]] = {}
    for one in plan.instances:
        for warning in one.warnings:
            about.setdefault(one_line(warning), []).append(words.instance(one))
    return [
        *map(one_line, plan.warnings),
        *(f"{words.some(those, limit)}: {text}" for text, those in about.items()),
    ]


def unseen(one: AssociationPlan | AssociationStatus | Report) -> list[str]:
    """What could not be looked at."""
    return [one_line(text) for text in one.unseen]


def drifts(status: AssociationStatus) -> list[str]:
    """What is not as the association has left it, but for what enforcement reports in its own words."""
    reported = {one.instance for one in status.enforcement.drift} if status.enforcement else set()
    left = (one for one in status.instances if one.drift and one.id not in reported)
    return [f"{words.instance(one)}: {one_line(one.drift)}" for one in left]


def permission_heading(change: PermissionChange, limit: int | None = words.SHOWN_IDS) -> str:
    """Which role takes the place of which, and where."""
    where = f"{counted(len(change.instances), 'instance')} ({words.some(change.instances, limit)})"
    return f"Permissions with role {change.after} instead of {change.before} on {where}"


def permission_lists(change: PermissionChange) -> list[tuple[str, list[str]]]:
    """What weighs heavily, what is lost and what is gained, each with its heading."""
    lists = {
        "note": change.notes,
        "policies lost": change.policies_lost,
        "actions lost": change.actions_lost,
        "policies gained": change.policies_gained,
        "actions gained": change.actions_gained,
    }
    found = [(heading, [one_line(item) for item in items]) for heading, items in lists.items() if items]
    return found or [("note", ["no difference was found"])]


def _plan_verdict(report: PlanReport) -> str:
    if any(refusals(plan) for plan in report.associations):
        return "The deployment would be refused."
    changed = sum(one.changes for plan in report.associations for one in plan.instances)
    if not changed and report.exit is Exit.ERROR:
        return "In what could be seen, it would change no instance."
    return f"The deployment would change {counted(changed, 'instance') if changed else 'no instance'}."


def _status_verdict(report: StatusReport) -> str:
    return " ".join(_wrong(report)) or (
        "What could be seen is in order." if report.exit is Exit.ERROR else "Everything is in order."
    )


def _wrong(report: StatusReport) -> Iterator[str]:
    drifted = sum(len(status.drifted) for status in report.associations)
    if drifted:
        are, them = ("is", "it") if drifted == 1 else ("are", "them")
        yield f"{counted(drifted, 'instance')} {are} not as the association left {them}."
    elif any(status.has_drift for status in report.associations):
        yield "An instance profile is not as the association left it."
    paused = sum(status.is_paused for status in report.associations)
    if paused:
        yield f"Enforcement of {counted(paused, 'association')} is paused."
    stopped = sum(status.is_stopped for status in report.associations)
    if stopped:
        yield f"Nothing is enforced for {counted(stopped, 'association')}."
    if any(status.enforcement and status.enforcement.dead_letters for status in report.associations):
        yield "There are messages that could not be handled."
