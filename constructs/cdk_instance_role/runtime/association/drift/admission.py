"""Which changes of one look may be made, within the limits of the circuit breaker. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..request.enforcement import EnforcementSettings
from ..words import counted
from .breaker import ChangeKind, Memory
from .result import Assessment, Change


@dataclass(frozen=True, slots=True)
class Admission:
    """What may be changed now, and what is remembered of that."""

    changes: Sequence[Change]
    held_back: Sequence[Change]
    memory: Memory
    """With the pauses that have begun. Changes are counted when they are about to be made."""


def admit(assessment: Assessment, memory: Memory, settings: EnforcementSettings, now: float) -> Admission:
    """Decide what may be changed.

    Args:
        assessment: what enforcement would change.
        memory: what is remembered of the association, of the same operation.
        settings: with the limit.
        now: seconds since the epoch.
    """
    memory = _noting_loss(assessment, memory.observed(now, assessment.held), now)
    admitted: list[Change] = []
    held_back: list[Change] = []
    limit = settings.limit(memory.held_an_hour_ago)
    for kind in ChangeKind:
        limited = [change for change in assessment.changes if change.kind is kind and change.is_limited]
        begun = [change for change in limited if memory.has_begun(kind, change.step.instance_id)]
        others = [change for change in limited if not memory.has_begun(kind, change.step.instance_id)]
        if kind in memory.pauses:
            held_back += limited
            continue
        left = max(0, limit - memory.used(kind))
        admitted += [*begun, *others[:left]]
        held_back += others[left:]
        if len(others) > left:
            memory = memory.paused(kind, _reason(kind, len(others), limit, memory.used(kind)), now)
    free = [change for change in assessment.changes if not change.is_limited]
    return Admission([*free, *admitted], held_back, memory)


def _noting_loss(assessment: Assessment, memory: Memory, now: float) -> Memory:
    """The memory once it is known how many instances have lost the selecting tags."""
    if 2 * assessment.lost <= assessment.held:
        return replace(memory, accepts_loss=False)
    if memory.accepts_loss:
        return memory
    are = "is" if assessment.lost == 1 else "are"
    reason = f"{assessment.lost} of {assessment.held} instances {are} no longer selected, more than half at once"
    return memory.paused(ChangeKind.TAKING, reason, now)


def _reason(kind: ChangeKind, wanted: int, limit: int, used: int) -> str:
    what = "be given the profile" if kind is ChangeKind.GIVING else "get another profile, or lose it"
    made = f"{used} of {limit} changes of this kind in an hour were made or begun already"
    return f"{counted(wanted, 'instance')} would {what}, and {made}"
