"""What has caused a look: messages, and how long instances have waited since then. Pure."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from ..drift.breaker import EnforcementState
from .queue_messages import Hint


def is_waited_for(hint: Hint, state: EnforcementState) -> bool:
    """Whether people wait for what a message asks for: paused changes that go on, or a sweep of one association.

    Args:
        hint: what the message says, about the association.
        state: what is remembered of the association.
    """
    resumes = hint.resumes and hint.sent_at > state.resumed_at
    return resumes or (hint.is_sweep and hint.association is not None and hint.sent_at > state.swept_at)


@dataclass(frozen=True, slots=True)
class Cause:
    """The messages that a look is made for."""

    hints: Sequence[Hint]
    """What they say."""
    unseen_since: float | None
    """When a message can have been sent at the earliest about an instance that no message here names and that no look
    has found before, in seconds since the epoch. None: the message about it is still to come."""

    @classmethod
    def of(cls, hints: Sequence[Hint]) -> Self:
        """The cause of the first look at an association in an invocation."""
        return cls(hints, min((hint.sent_at for hint in hints if hint.receives == 1), default=None))

    def again(self, looked_at: float) -> Self:
        """The cause of the next look, which is made because messages came to others while the last one ran.

        Args:
            looked_at: when the last one began, in seconds since the epoch.
        """
        return replace(self, unseen_since=looked_at)

    def for_next_look(self, state: EnforcementState) -> list[Hint]:
        """The messages that have to come again for the next look: one is enough, the youngest, and all that people wait
        for.

        Args:
            state: what was remembered of the association before the look.
        """
        youngest = max(self.hints, key=lambda hint: hint.sent_at)
        return [youngest, *(hint for hint in self.unfulfilled(state) if hint is not youngest)]

    def unfulfilled(self, state: EnforcementState) -> list[Hint]:
        """The messages that another look, which somebody else makes, does not stand for.

        Args:
            state: what was remembered of the association before.
        """
        return [hint for hint in self.hints if is_waited_for(hint, state)]

    @property
    def sweeps(self) -> bool:
        """Whether a sweep has caused it."""
        return any(hint.is_sweep for hint in self.hints)

    @property
    def resumed_at(self) -> float:
        """When a message was sent that lets paused changes go on, in seconds since the epoch; 0 for none."""
        return max((hint.sent_at for hint in self.hints if hint.resumes), default=0.0)

    def longest_wait(self, changed: Iterable[str], known: Container[str], now: float) -> float:
        """The seconds that an instance has waited for its change at most; 0 if no message says so.

        Args:
            changed: ids of instances that were changed.
            known: those of instances that an earlier look has found to be wrong.
            now: seconds since the epoch.
        """
        since = [at for id_ in changed if (at := self._since(id_, id_ in known)) is not None]
        return max(0.0, now - min(since, default=now))  # a message may be from a host whose clock is ahead

    def _since(self, instance_id: str, is_known: bool) -> float | None:
        named = [hint.sent_at for hint in self.hints if hint.instance_id == instance_id]
        if named or self.sweeps:
            return min(named or [hint.sent_at for hint in self.hints if hint.is_sweep])
        if is_known:  # the message that comes again stands for all that was left
            return max(hint.sent_at for hint in self.hints)
        return self.unseen_since
