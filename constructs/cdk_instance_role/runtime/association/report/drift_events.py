"""Events that enforcement sends to the default bus: transitions, and not repetitions.

The schema is part of the contract with those who receive them, so a field is never renamed and never given another
meaning: what changes gets another ``version``.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..aws.enforcement_calls import Event
from ..contract import EventType
from ..decide.outcome import Outcome
from ..drift.breaker import EnforcementState
from ..drift.finding import OF_THE_PROFILE, Finding
from ..request.event import Request

VERSION = "1"


def of_finding(request: Request, finding: Finding, wanted: str) -> Event:
    """Drift has opened, changed or closed."""
    state = "CLOSED" if finding.drift is None else "CHANGED" if finding.reported else "OPEN"
    drift = finding.drift or finding.reported
    detail = {
        **_common(request),
        "id": finding.stable_id(request.association),
        "state": state,
        "drift": str(drift),
        "instance": None if finding.instance_id == OF_THE_PROFILE else finding.instance_id,
        "wanted": wanted,
        "carries": finding.carries,
        "reason": finding.reason,
        "advice": finding.advice,
        "since": _time(finding.since) if finding.drift else None,
    }
    return Event(EventType.DRIFT, detail, _resources(request, detail["instance"]))


def of_repairs(request: Request, outcomes: Iterable[Outcome]) -> list[Event]:
    """Instances were changed."""
    return [_of_repair(request, one) for one in outcomes if one.accepted]


def of_pauses(request: Request, state: EnforcementState) -> list[Event]:
    """Changes of a kind are not made any more."""
    return [
        Event(
            EventType.PAUSED,
            {**_common(request), "kind": str(kind), "reason": pause.reason, "since": _time(pause.since)},
            (request.stack_id,),
        )
        for kind, pause in state.pauses.items()
        if not pause.reported
    ]


def _of_repair(request: Request, outcome: Outcome) -> Event:
    step = outcome.step
    detail = {
        **_common(request),
        "instance": step.instance_id,
        "action": str(step.action),
        "before": step.before,
        "after": step.after,
        "reason": step.reason,
    }
    return Event(EventType.REPAIRED, detail, _resources(request, step.instance_id))


def _common(request: Request) -> Mapping[str, Any]:
    return {"version": VERSION, "stackId": request.stack_id, "association": request.logical_id}


def _resources(request: Request, instance_id: Any) -> tuple[str, ...]:
    if not instance_id:
        return (request.stack_id,)
    partition = request.stack_id.split(":")[1]
    return (f"arn:{partition}:ec2:{request.region}:{request.account}:instance/{instance_id}", request.stack_id)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
