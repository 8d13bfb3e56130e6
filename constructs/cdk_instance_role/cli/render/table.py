"""The report as tables, for a terminal or a log."""

from rich.console import Console

from ..model import AssociationPlan, InstanceView, PermissionChange, PlanReport, Verb
from ..status_model import AssociationStatus, HeldView, Report
from ..text import one_line
from . import findings, words
from .screen import Screen

_PLAN = ("Action", "Instance", "State", "Now", "Reason")
_STATUS = ("Instance", "State", "Profiles", "Latest")
"""What belongs together stands in one cell, one below the other: side by side it would not fit into a terminal."""

_STYLES = {
    Verb.ASSOCIATE: "green",
    Verb.REPLACE: "yellow",
    Verb.KEEP: "dim",
    Verb.WAIT: "blue",
    Verb.CONFLICT: "bold red",
    Verb.UNDO: "magenta",
    Verb.DROP: "dim",
}


def show(report: Report, console: Console, *, full: bool = False) -> None:
    """Print a report. No line is longer than the console is wide, and colours appear on a terminal only."""
    screen = Screen(console, full=full)
    if report.unseen:
        screen.items(findings.UNSEEN, findings.unseen(report), "red", indent=0)
        screen.blank()
    if not report.associations:
        screen.line(findings.NO_ASSOCIATIONS)
        return
    if isinstance(report, PlanReport):
        for plan in report.associations:
            _show_plan(plan, screen)
    else:
        for status in report.associations:
            _show_status(status, screen)
    screen.line(findings.summary(report))
    screen.line(findings.verdict(report), "bold")


def _show_plan(plan: AssociationPlan, screen: Screen) -> None:
    screen.heading(plan.association, f"{words.event(plan)} ({words.place(plan)})")
    facts = {
        "profile": words.profile(plan.profile),
        "instances": words.totals(plan.instances),
        **({"rollout": words.rollout(plan.rollout, screen.ids)} if plan.rollout else {}),
        "estimate": words.estimate(plan.estimate),
    }
    screen.facts(facts.items())
    screen.items(findings.REFUSED, findings.refusals(plan), "red")
    screen.items(findings.UNSEEN, findings.unseen(plan), "red")
    rows = [(_plan_cells(one), _STYLES[one.verb]) for one in findings.by_weight(plan.instances)]
    screen.table(_PLAN, rows, words.totals(plan.instances))
    screen.blank()
    for change in plan.permissions:
        _show_permissions(change, screen)
    warnings = findings.warnings(plan, screen.ids)
    if warnings:
        screen.items(findings.WARNINGS, warnings, "yellow")
        screen.blank()


def _show_permissions(change: PermissionChange, screen: Screen) -> None:
    screen.line(f"{findings.exchange(change, screen.ids)}:", "bold", indent=2)
    for heading, items in findings.permissions(change):
        screen.items(f"{heading}:", items, _list_style(heading), indent=4)
    screen.blank()


def _show_status(status: AssociationStatus, screen: Screen) -> None:
    screen.heading(status.association, f"({words.place(status)})")
    screen.facts([("holds", words.held_totals(status.instances))])
    screen.items(findings.UNSEEN, findings.unseen(status), "red")
    screen.items(findings.DRIFTED, findings.drifts(status), "yellow")
    rows = [(_held_cells(one), "yellow" if one.drift else "") for one in findings.by_drift(status.instances)]
    screen.table(_STATUS, rows, words.held_state(status.instances))
    screen.blank()


def _list_style(heading: str) -> str:
    return "red" if heading.endswith("lost") else "green" if heading.endswith("gained") else "yellow"


def _plan_cells(one: InstanceView) -> list[str]:
    return [
        one.verb,
        _instance(one),
        one.state or "-",
        words.profile(one.current, gap="\n"),
        one_line(one.reason),
    ]


def _instance(one: InstanceView | HeldView) -> str:
    return f"{one.id}\n{one_line(one.name)}".strip()


def _held_cells(one: HeldView) -> list[str]:
    profiles = {"carries": one.carries, "wanted": one.wanted, "previous": one.previous}
    return [
        _instance(one),
        one.state or "-",
        "\n".join(f"{label:<8} {words.profile(view)}" for label, view in profiles.items()),
        f"{one_line(one.outcome)}\n{words.moment(one.since)}".strip(),
    ]
