"""The report as JSON, for programs. ``docs/plan.schema.json`` and ``docs/status.schema.json`` describe it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
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
    """The report as JSON text. In ASCII, so that every terminal and pipe can carry it."""
    return json.dumps(document(report), indent=2) + "\n"


def document(report: Report) -> dict[str, Any]:
    """The report as what JSON knows. Its keys have always the same order."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "plan" if isinstance(report, PlanReport) else "status",
        "exit_status": int(report.exit),
        "totals": _totals(report),
        "environments": [_environment(*part) for part in parts(report)],
        "associations": [_plain(one) for one in report.associations],
        "unseen": _plain(report.unseen),
    }


def _environment(view: EnvironmentView, part: Report) -> dict[str, Any]:
    return {
        "account": view.account,
        "region": view.region,
        "exit_status": int(part.exit),
        "totals": _totals(part),
        "unseen": _plain(view.unseen),
    }


def _totals(report: Report) -> dict[str, Any]:
    return _plan_totals(report) if isinstance(report, PlanReport) else _held(report)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if not is_dataclass(value):
        return value  # enums are strings already
    names = [*(field.name for field in fields(value)), *_DERIVED.get(type(value), ())]
    plain = {name: _plain(getattr(value, name)) for name in names}
    plain |= {name: moment(plain[name]) or None for name in _MOMENTS.get(type(value), ())}
    if isinstance(value, InstanceView | HeldView):
        plain["tags"] = dict(value.tags)
    if isinstance(value, AssociationPlan):
        plain["totals"] = _verbs(value.instances)
    return plain


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
        "estimate": _plain(whole_estimate(plans)),
    }


def _held(report: StatusReport) -> dict[str, Any]:
    instances = [one for status in report.associations for one in status.instances]
    return {
        "associations": len(report.associations),
        "instances": len(instances),
        "drifted": sum(len(status.drifted) for status in report.associations),
        "paused": sum(status.is_paused for status in report.associations),
        "unseen": len(report.unseen) + sum(len(status.unseen) for status in report.associations),
    }


def _verbs(instances: Iterable[InstanceView]) -> dict[str, int]:
    counts = Counter(one.verb for one in instances)
    return {verb.value: counts[verb] for verb in Verb}
