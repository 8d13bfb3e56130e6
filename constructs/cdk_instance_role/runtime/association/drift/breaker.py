"""The circuit breaker: how many instances enforcement may still change, and when it pauses. Pure.

A mistake in tags or in another automation can concern a whole fleet. So each kind of change has a limit for an hour,
and what is beyond it waits for people.

A change counts from before its call, and for an instance it counts once until EC2 has accepted it: a change that has to
be tried again, because an invocation was killed or EC2 gave no answer, is not another one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

BUCKET_SECONDS, HOUR_SECONDS = 300, 3600
"""Changes are counted in intervals of five minutes."""
MAX_BEGUN = 500
"""Instances whose unfinished change is remembered, of each kind. They take up to 40 KB of the 400 KB that an item of
DynamoDB may have. Beyond it, the oldest changes count as made, and count again if they are tried again."""


class ChangeKind(StrEnum):
    """What a change does to an instance."""

    GIVING = "giving"
    """An instance without a profile gets one."""
    TAKING = "taking"
    """A profile is replaced, restored or disassociated."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Changes of one kind are not made."""

    since: float
    """Seconds since the epoch."""
    reason: str
    reported: bool = False
    """An event has reported it."""


@dataclass(frozen=True, slots=True)
class EnforcementState:
    """What enforcement remembers of an association between two looks."""

    request_id: str = ""
    """The event whose operation has succeeded: whatever was remembered before it is over. Empty: it is not known."""
    observed_at: float = 0.0
    """When the last look that went through began, in seconds since the epoch."""
    counts: Mapping[ChangeKind, Mapping[int, int]] = field(default_factory=dict)
    """Changes that were made, by kind and by the start of the interval, in seconds since the epoch."""
    begun: Mapping[ChangeKind, Mapping[str, int]] = field(default_factory=dict)
    """Instances whose change has begun and may not be made yet, by kind: with the start of the interval in which it was
    tried last."""
    held: Mapping[int, int] = field(default_factory=dict)
    """How many instances the ledger held, by the start of the interval."""
    pauses: Mapping[ChangeKind, Pause] = field(default_factory=dict)
    drifted: int = 0
    """Instances with drift at the last look."""
    is_unfinished: bool = False
    """The last look was waiting for something."""
    swept_at: float = 0.0
    """When the last look began that a sweep has caused, in seconds since the epoch."""
    tried_at: float = 0.0
    """When the last look began, whatever became of it, in seconds since the epoch."""
    resumed_at: float = 0.0
    """When the latest message was sent by which people let it go on, in seconds since the epoch."""
    accepts_loss: bool = False
    """People have said that the selection has lost so many instances on purpose."""

    def of_operation(self, request_id: str) -> Self:
        """The state for an operation; an empty one if it is of another one. It counts if its operation is not known."""
        if self.request_id in ("", request_id):
            return replace(self, request_id=request_id)
        return type(self)(request_id)

    def observed(self, now: float, held: int) -> Self:
        """The state at a look: what is older than an hour is dropped, and what is held is noted."""
        oldest = _bucket(now) - HOUR_SECONDS
        counts = {kind: {at: n for at, n in found.items() if at >= oldest} for kind, found in self.counts.items()}
        begun = {kind: {id_: at for id_, at in found.items() if at >= oldest} for kind, found in self.begun.items()}
        known = {at: n for at, n in self.held.items() if at >= oldest}
        return replace(self, counts=counts, begun=begun, held={_bucket(now): held, **known})

    def looked(self, began: float, drifted: int, *, is_unfinished: bool, sweeps: bool) -> Self:
        """The state once a look has gone through.

        Args:
            began: when it began, in seconds since the epoch.
            drifted: instances with drift.
            is_unfinished: whether it waits for something.
            sweeps: whether a sweep has caused it.
        """
        swept_at = began if sweeps else self.swept_at
        return replace(self, observed_at=began, drifted=drifted, is_unfinished=is_unfinished, swept_at=swept_at)

    def used(self, kind: ChangeKind) -> int:
        """Changes of a kind in the last hour, made or begun."""
        return sum(self.counts.get(kind, {}).values()) + len(self.begun.get(kind, {}))

    def has_begun(self, kind: ChangeKind, instance_id: str) -> bool:
        """Whether a change of this kind counts already for an instance, and may not be made yet."""
        return instance_id in self.begun.get(kind, {})

    @property
    def held_an_hour_ago(self) -> int:
        """How many instances the ledger held at the start of the last hour, as far as that was seen."""
        return self.held[min(self.held)] if self.held else 0

    def beginning(self, kind: ChangeKind, instance_ids: Iterable[str], now: float) -> Self:
        """The state once instances are about to be changed."""
        tried = dict.fromkeys(instance_ids, _bucket(now))
        begun = {id_: at for id_, at in self.begun.get(kind, {}).items() if id_ not in tried} | tried
        oldest = sorted(begun, key=begun.__getitem__)[: max(0, len(begun) - MAX_BEGUN)]
        return replace(self, begun={**self.begun, kind: begun}).made(kind, oldest, now)

    def made(self, kind: ChangeKind, instance_ids: Iterable[str], now: float) -> Self:
        """The state once changes that had begun were made."""
        ids, of_kind = set(instance_ids), dict(self.counts.get(kind, {}))
        of_kind[_bucket(now)] = of_kind.get(_bucket(now), 0) + len(ids)
        return replace(self.not_made(kind, ids), counts={**self.counts, kind: of_kind})

    def observed_changes(self, kind: ChangeKind, left: Collection[str], now: float) -> Self:
        """The state once it is seen which instances are still to be changed: other changes that had begun were made. If
        the same instance is to be changed again later, that is another change."""
        made = self.begun.get(kind, {}).keys() - set(left)
        return self.made(kind, made, now) if made else self

    def not_made(self, kind: ChangeKind, instance_ids: Iterable[str]) -> Self:
        """The state once changes that had begun are known not to be made."""
        ids = set(instance_ids)
        left = {id_: at for id_, at in self.begun.get(kind, {}).items() if id_ not in ids}
        return replace(self, begun={**self.begun, kind: left})

    def paused(self, kind: ChangeKind, reason: str, now: float) -> Self:
        """The state once changes of a kind are not made any more. The first reason stays."""
        return replace(self, pauses={kind: Pause(now, reason), **self.pauses})

    def resumed(self, sent_at: float) -> Self:
        """The state once people have said that it is to go on: the hour begins anew.

        Args:
            sent_at: when they sent the message, in seconds since the epoch. It counts once, however often it comes.
        """
        if sent_at <= self.resumed_at:
            return self
        return replace(self, counts={}, begun={}, held={}, pauses={}, accepts_loss=True, resumed_at=sent_at)

    def with_pauses_reported(self) -> Self:
        """The state once an event has reported each pause."""
        return replace(self, pauses={kind: replace(one, reported=True) for kind, one in self.pauses.items()})


def _bucket(now: float) -> int:
    return int(now // BUCKET_SECONDS) * BUCKET_SECONDS
