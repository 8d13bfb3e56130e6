"""Which changes of one look may be made, within the limits of the circuit breaker. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..request.enforcement import EnforcementSettings
from ..words import counted
from .breaker import ChangeKind, EnforcementState
from .result import Assessment, Change


@dataclass(frozen=True, slots=True)
class Admission:
    """What may be changed now, and what is remembered of that."""

    changes: Sequence[Change]
    held_back: Sequence[Change]
    state: EnforcementState
    """With the pauses that have begun. Changes are counted when they are about to be made."""


def admit(assessment: Assessment, state: EnforcementState, settings: EnforcementSettings, now: float) -> Admission:
    """Decide what may be changed.

    Args:
        assessment: what enforcement would change.
        state: what is remembered of the association, of the same operation.
        settings: with the limit.
        now: seconds since the epoch.
    """
    state = _noting_loss(assessment, state.observed(now, assessment.held), now)
    admitted: list[Change] = []
    held_back: list[Change] = []
    limit = settings.limit(state.held_an_hour_ago)
    for kind in ChangeKind:
        limited = [change for change in assessment.changes if change.kind is kind and change.is_limited]
        state = state.observed_changes(kind, {change.step.instance_id for change in limited}, now)
        begun = [change for change in limited if state.has_begun(kind, change.step.instance_id)]
        others = [change for change in limited if not state.has_begun(kind, change.step.instance_id)]
        if kind in state.pauses:
            held_back += limited
            continue
        left = max(0, limit - state.used(kind))
        admitted += [*begun, *others[:left]]
        held_back += others[left:]
        if len(others) > left:
            state = state.paused(kind, _reason(kind, len(others), limit, state.used(kind)), now)
    free = [change for change in assessment.changes if not change.is_limited]
    return Admission([*free, *admitted], held_back, state)


def _noting_loss(assessment: Assessment, state: EnforcementState, now: float) -> EnforcementState:
    """The state once it is known how many instances have lost the selecting tags."""
    if 2 * assessment.lost <= assessment.held:
        return replace(state, accepts_loss=False)
    if state.accepts_loss:
        return state
    are = "is" if assessment.lost == 1 else "are"
    reason = f"{assessment.lost} of {assessment.held} instances {are} no longer selected, more than half at once"
    return state.paused(ChangeKind.TAKING, reason, now)


def _reason(kind: ChangeKind, wanted: int, limit: int, used: int) -> str:
    what = "be given the profile" if kind is ChangeKind.GIVING else "get another profile, or lose it"
    made = f"{used} of {limit} changes of this kind in an hour were made or begun already"
    return f"{counted(wanted, 'instance')} would {what}, and {made}"
