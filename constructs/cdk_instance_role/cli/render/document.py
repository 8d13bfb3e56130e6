"""A report as a document: what is said, and in which order. A format only decides how it looks.

document(report) -> Document -> table.show(...)
                             -> markdown.text(...)
"""

from collections.abc import Iterable

from ..model import (
    AssociationPlan,
    EnvironmentView,
    Exit,
    InstanceView,
    PermissionChange,
    PlanReport,
    ProfileView,
    Verb,
)
from ..status_model import AssociationStatus, HeldView, Report, StatusReport, parts
from ..text import one_line
from . import enforcement_text, findings, words
from .elements import Cell, Column, Comparison, Document, Notice, Row, Section, Table, Tone

_PLAN = (Column("Action"), Column("Instance"), Column("Name", "Instance"), *map(Column, ("State", "Now", "Reason")))
# What it carries afterwards is in the reason; with a column of its own, ids would be broken over two lines.
_STATUS = (
    Column("Instance"),
    Column("Name", "Instance"),
    Column("State"),
    *(Column(heading, "Profiles", labelled=True) for heading in ("Carries", "Wanted", "Previous")),
    Column("Outcome", "Latest"),
    Column("Since", "Latest"),
    Column("Drift", is_optional=True),
)

_ENVIRONMENTS = tuple(map(Column, ("Account", "Region", "Result", "Associations", "Instances")))
RESULT = 2
"""Number of the cell that says what an account and Region comes to."""

_TONES = {
    Verb.ASSOCIATE: Tone.GOOD,
    Verb.REPLACE: Tone.WARNING,
    Verb.KEEP: Tone.MINOR,
    Verb.WAIT: Tone.WAITING,
    Verb.CONFLICT: Tone.DANGER,
    Verb.UNDO: Tone.RESTORED,
    Verb.DROP: Tone.MINOR,
}

_RESULT_TONES = {
    Exit.ERROR: Tone.DANGER,
    Exit.CONFLICTS: Tone.DANGER,
    Exit.CHANGES: Tone.WARNING,
    Exit.NOTHING: Tone.PLAIN,
}


def document(report: Report, ids: int | None = words.SHOWN_IDS) -> Document:
    """What a report says.

    Args:
        report: what was found.
        ids: how many ids a sentence names; None for all.
    """
    if isinstance(report, PlanReport):
        kind, sections = "plan", tuple(_of_plan(plan, ids) for plan in report.associations)
    else:
        kind, sections = "status", tuple(map(_of_status, report.associations))
    unseen = Notice(Tone.DANGER, findings.UNSEEN, tuple(findings.unseen(report)))
    environments = _environments(parts(report)) if len(report.environments) > 1 else None
    if not sections:
        verdict = findings.NONE_SEEN if report.exit is Exit.ERROR else findings.NO_ASSOCIATIONS
        return Document(kind, verdict, "", unseen, environments, ())
    return Document(kind, findings.verdict(report), findings.summary(report), unseen, environments, sections)


def _environments(found: Iterable[tuple[EnvironmentView, Report]]) -> Table:
    sorted_ = sorted(found, key=lambda one: findings.weight(one[1].exit))
    rows = tuple(Row(_environment_cells(*one), _RESULT_TONES[one[1].exit]) for one in sorted_)
    unchanged = sum(part.exit is Exit.NOTHING for _, part in sorted_)
    return Table(_ENVIRONMENTS, rows, "", unchanged)


def _environment_cells(view: EnvironmentView, part: Report) -> tuple[Cell, ...]:
    place = Cell(view.account, is_name=True), Cell(view.region, is_name=True)
    return (*place, *map(Cell, (findings.result(part), str(len(part.associations)), findings.instances(part))))


def _of_plan(plan: AssociationPlan, ids: int | None) -> Section:
    totals = words.totals(plan.instances)
    rows = (Row(_plan_cells(one), _TONES[one.verb]) for one in findings.by_weight(plan.instances))
    return Section(
        name=plan.association,
        event=words.event(plan),
        place=(plan.stack, plan.account, plan.region),
        profile=_profile(plan.profile),
        totals=totals,
        estimate=words.estimate(plan.estimate),
        rollout=words.rollout(plan.rollout, ids) if plan.rollout else "",
        enforcement=enforcement_text.plan_fact(plan.enforcement) if plan.enforcement else "",
        notices=_notices(
            Notice(Tone.DANGER, findings.REFUSED, tuple(findings.refusals(plan))),
            Notice(Tone.DANGER, findings.UNSEEN, tuple(findings.unseen(plan))),
            Notice(
                Tone.WARNING,
                findings.WARNINGS,
                (*findings.warnings(plan, ids), *enforcement_text.plan_warnings(plan.enforcement, ids)),
            ),
        ),
        table=Table(_PLAN, tuple(rows), totals),
        comparisons=tuple(_comparison(change, ids) for change in plan.permissions),
        result=PlanReport((plan,)).exit,
    )


def _of_status(status: AssociationStatus) -> Section:
    rows = (
        Row(_held_cells(one), Tone.WARNING if one.drift else Tone.PLAIN) for one in findings.by_drift(status.instances)
    )
    return Section(
        name=status.association,
        event="",
        place=(status.stack, status.account, status.region),
        profile=None,
        totals=words.held_totals([status]),
        estimate="",
        rollout="",
        enforcement=enforcement_text.fact(status.enforcement) if status.enforcement else "",
        notices=_notices(
            Notice(Tone.DANGER, findings.UNSEEN, tuple(findings.unseen(status))),
            Notice(Tone.DANGER, enforcement_text.PAUSED, tuple(enforcement_text.pauses(status))),
            Notice(Tone.WARNING, enforcement_text.FOUND, tuple(enforcement_text.drift(status))),
            Notice(Tone.WARNING, findings.DRIFTED, tuple(findings.drifts(status))),
            Notice(Tone.WARNING, enforcement_text.LATEST_CHANGES, tuple(enforcement_text.latest_changes(status))),
            Notice(Tone.WARNING, enforcement_text.DEAD_LETTERS, tuple(enforcement_text.dead_letters(status))),
        ),
        table=Table(_STATUS, tuple(rows), words.held_state([status])),
        comparisons=(),
        result=StatusReport((status,)).exit,
    )


def _notices(*notices: Notice) -> tuple[Notice, ...]:
    return tuple(notice for notice in notices if notice.items)


def _comparison(change: PermissionChange, ids: int | None) -> Comparison:
    lists = ((heading, tuple(items)) for heading, items in findings.permission_lists(change))
    return Comparison(findings.permission_heading(change, ids), tuple(lists))


def _plan_cells(one: InstanceView) -> tuple[Cell, ...]:
    return (Cell(one.verb), *_instance(one), _profile(one.current), Cell(one_line(one.reason)))


def _held_cells(one: HeldView) -> tuple[Cell, ...]:
    profiles = map(_profile, (one.carries, one.wanted, one.previous))
    outcome, drift = Cell(one_line(one.outcome)), Cell(one_line(one.drift))
    return (*_instance(one), *profiles, outcome, Cell(words.moment(one.since)), drift)


def _instance(one: InstanceView | HeldView) -> Iterable[Cell]:
    return Cell(one.id, is_name=True), Cell(one_line(one.name), is_name=True), Cell(one.state)


def _profile(view: ProfileView | None) -> Cell:
    return Cell(words.profile(view, gap="\n"), is_name=view is not None)
