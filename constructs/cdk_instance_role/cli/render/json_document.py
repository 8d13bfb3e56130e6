"""The report as JSON, for programs. ``docs/plan.schema.json`` and ``docs/status.schema.json`` describe it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from typing import Any

from ..model import SCHEMA_VERSION, AssociationPlan, EnvironmentView, InstanceView, PlanReport, ProfileView, Verb
from ..status_model import (
    EnforcementStatus,
    FindingView,
    HeldView,
    LatestChange,
    OffView,
    PauseView,
    Report,
    StatusReport,
    parts,
)
from .findings import whole_estimate
from .words import moment

MAX_INDENTED = 1000
"""Instances with which the text is indented."""
_DERIVED: dict[type, tuple[str, ...]] = {ProfileView: ("is_new",), InstanceView: ("changes",)}
"""Properties that readers would have to work out."""
_MOMENTS: dict[type, tuple[str, ...]] = {
    HeldView: ("since",),
    OffView: ("since",),
    FindingView: ("since",),
    PauseView: ("since",),
    EnforcementStatus: ("last_sweep",),
    LatestChange: ("at",),
}
"""Points in time. One that is not known is null."""


def text(report: Report) -> str:
    """The report as JSON text. In ASCII, so that every terminal and pipe can carry it.

    With thousands of instances it is on one line: to indent it would take longer than to make it.
    """
    whole = document(report)
    indent = 2 if whole["totals"]["instances"] <= MAX_INDENTED else None
    return json.dumps(whole, indent=indent, default=plain) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as what JSON knows, but for its parts: `plain` makes one of them at a time, so that thousands of
    instances need not be there twice. Its keys have always the same order.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "plan" if isinstance(report, PlanReport) else "status",
        "exit_status": int(report.exit),
        "totals": _totals(report),
        "environments": [_environment(*part) for part in parts(report)],
        "associations": report.associations,
        "unseen": report.unseen,
    }


def _environment(view: EnvironmentView, part: Report) -> dict[str, Any]:
    return {
        "account": view.account,
        "region": view.region,
        "exit_status": int(part.exit),
        "totals": _totals(part),
        "unseen": view.unseen,
    }


def _totals(report: Report) -> dict[str, Any]:
    return _plan_totals(report) if isinstance(report, PlanReport) else _held(report)


def plain(value: Any) -> dict[str, Any]:
    """An object of a report as what JSON knows, but for the objects in it.

    Raises:
        TypeError: it is no dataclass.
    """
    kind: Any = type(value)
    told = {name: getattr(value, name) for name in _names(kind)}
    for name in _MOMENTS.get(kind, ()):
        told[name] = moment(told[name]) or None
    if isinstance(value, InstanceView | HeldView):
        told["tags"] = dict(value.tags)
    if isinstance(value, AssociationPlan):
        told["totals"] = _verbs(value.instances)
    return told


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Names of what is reported of an object of a class."""
    return (*(field.name for field in fields(kind)), *_DERIVED.get(kind, ()))


def _plan_totals(report: PlanReport) -> dict[str, Any]:
    plans = report.associations
    instances = [one for plan in plans for one in plan.instances]
    return {
        "associations": len(plans),
        "instances": len(instances),
        "changes": sum(one.changes for one in instances),
        "verbs": _verbs(instances),
        "problems": sum(len(plan.problems) for plan in plans),
        "unseen": len(report.unseen) + sum(len(plan.unseen) for plan in plans),
        "estimate": whole_estimate(plans),
    }


def _held(report: StatusReport) -> dict[str, Any]:
    instances = [one for status in report.associations for one in status.instances]
    return {
        "associations": len(report.associations),
        "instances": len(instances),
        "drifted": sum(len(status.drifted) for status in report.associations),
        "paused": sum(status.is_paused for status in report.associations),
        "stopped": sum(status.is_stopped for status in report.associations),
        "unseen": len(report.unseen) + sum(len(status.unseen) for status in report.associations),
    }


def _verbs(instances: Iterable[InstanceView]) -> dict[str, int]:
    counts = Counter(one.verb for one in instances)
    return {verb.value: counts[verb] for verb in Verb}
