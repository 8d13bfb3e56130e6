"""The report as Markdown, for a comment on a pull request."""

from collections.abc import Iterable, Iterator

from ..model import AssociationPlan, InstanceView, PermissionChange, PlanReport, ProfileView, counted
from ..status_model import AssociationStatus, HeldView, Report
from . import findings, words
from .blocks import ALL, alert, bullets, folded, row, table
from .escape import code, sentence

LIMIT = 65_000
"""Bytes. GitHub takes 65,536 characters of a comment; a workflow may want to add a line."""

_MARKERS = {"plan": "<!-- instance-role plan -->", "status": "<!-- instance-role status -->"}
"""By these a workflow finds its comment again, to update it."""

_LIMITS = (100, 50, 20, 10, 5, 1)
"""Rows and items per association: as many as fit."""

_UNSEEN = 10
"""Things that could not be looked at and that belong to no association, of which each is shown."""

# What it carries afterwards is in the reason; with a column of its own, ids would be broken over two lines.
_PLAN = ("Action", "Instance", "Name", "State", "Now", "Reason")
_STATUS = ("Instance", "Name", "State", "Carries", "Wanted", "Previous", "Since", "Outcome", "Drift")


def text(report: Report, *, full: bool = False) -> str:
    """The report as a comment that GitHub takes.

    Args:
        report: what was found.
        full: show as many instances as the comment can hold, not only the first of every association.
    """
    limits: tuple[int | None, ...] = (None, 1000, 400, 200, *_LIMITS) if full else _LIMITS
    for limit in limits:
        whole = _document(_head(report), _sections(report, limit))
        if _fits(whole):
            return whole
    return _cut(report)


def _fits(whole: str) -> bool:
    return len(whole.encode()) <= LIMIT


def _document(head: Iterable[str], sections: Iterable[str]) -> str:
    return "\n\n".join([*head, *sections]) + "\n"


def _cut(report: Report) -> str:
    """As many associations as fit, each as short as can be."""
    head, sections = _head(report), list(_sections(report, _LIMITS[-1]))
    size = len(_document(head, [_more(len(sections))]).encode())
    shown = []
    for section in sections:
        size += len(section.encode()) + len("\n\n")
        if size > LIMIT:
            break
        shown.append(section)
    return _document(head, [*shown, _more(len(sections) - len(shown))])


def _more(associations: int) -> str:
    return f"**And {counted(associations, 'more association')}**: they are too many for a comment. {ALL}."


def _head(report: Report) -> list[str]:
    kind = "plan" if isinstance(report, PlanReport) else "status"
    head = [_MARKERS[kind], f"## Instance role {kind}"]
    unseen = alert("CAUTION", findings.UNSEEN, findings.unseen(report), _UNSEEN)
    if not report.associations:
        return [*head, findings.NO_ASSOCIATIONS, *unseen]
    return [*head, f"**{findings.verdict(report)}** {findings.summary(report)}.", *unseen]


def _sections(report: Report, limit: int | None) -> Iterator[str]:
    if isinstance(report, PlanReport):
        for plan in report.associations:
            yield "\n\n".join(_plan_section(plan, limit))
    else:
        for status in report.associations:
            yield "\n\n".join(_status_section(status, limit))


def _plan_section(plan: AssociationPlan, limit: int | None) -> Iterator[str]:
    yield f"### {sentence(plan.association)} {words.event(plan)}"
    yield (
        f"{_place(plan)}: profile {_profile(plan.profile)}; "
        f"{words.totals(plan.instances)}; {words.estimate(plan.estimate)}."
    )
    if plan.rollout:
        yield f"Rollout in {sentence(words.rollout(plan.rollout))}."
    yield from alert("CAUTION", findings.REFUSED, findings.refusals(plan), limit)
    yield from alert("CAUTION", findings.UNSEEN, findings.unseen(plan), limit)
    yield from alert("WARNING", "", findings.warnings(plan), limit)
    rows = [row(_plan_cells(one)) for one in findings.by_weight(plan.instances)]
    yield from table(_PLAN, rows, words.totals(plan.instances), limit)
    for change in words.first(plan.permissions, limit):
        yield from _permissions(change, limit)
    more = len(plan.permissions) - len(words.first(plan.permissions, limit))
    if more:
        yield f"And {counted(more, 'more change')} of permissions; {ALL}."


def _status_section(status: AssociationStatus, limit: int | None) -> Iterator[str]:
    yield f"### {sentence(status.association)}"
    yield f"{_place(status)}: {words.held_totals(status.instances)}."
    yield from alert("CAUTION", findings.UNSEEN, findings.unseen(status), limit)
    yield from alert("WARNING", findings.DRIFTED, findings.drifts(status), limit)
    rows = [row(_held_cells(one)) for one in findings.by_drift(status.instances)]
    yield from table(_STATUS, rows, words.held_state(status.instances), limit)


def _place(one: AssociationPlan | AssociationStatus) -> str:
    return f"Stack {code(one.stack)}, account {code(one.account)}, {code(one.region)}"


def _permissions(change: PermissionChange, limit: int | None) -> Iterator[str]:
    lists = dict(findings.permissions(change))
    notes = lists.pop("note", [])
    yield f"**{sentence(findings.exchange(change))}**"
    if notes:
        yield bullets(notes, limit)
    if lists:
        counts = "; ".join(f"{heading}: {len(items)}" for heading, items in lists.items())
        yield folded(counts, "\n\n".join(f"{heading}:\n\n{bullets(lists[heading], limit)}" for heading in lists))


def _profile(view: ProfileView | None) -> str:
    return code(words.profile(view)) if view else words.profile(view)


def _plan_cells(one: InstanceView) -> list[str]:
    return [
        one.verb,
        code(one.id),
        code(one.name),
        sentence(one.state),
        _profile(one.current),
        sentence(one.reason),
    ]


def _held_cells(one: HeldView) -> list[str]:
    return [
        code(one.id),
        code(one.name),
        sentence(one.state),
        _profile(one.carries),
        _profile(one.wanted),
        _profile(one.previous),
        words.moment(one.since),
        sentence(one.outcome),
        sentence(one.drift),
    ]
