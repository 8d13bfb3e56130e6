"""The operation that is going on for an association, on behalf of one event, and who works on it."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from .failures import SupersededError
from .request import Request
from .table import Table

KIND = "operation"
"""Kind of the ledger's entries for operations; their ids are those of their associations."""
REMEMBERED_EVENTS = 20
LONGEST_WAY_BACK_SECONDS = 6 * 3600.0
"""How long after the beginning of an update of ours its stack may go back. Other resources of the stack may work for
hours before one of them fails."""


# The owner may hold it already: when an answer gets lost, the same call is made again.
_FREE = "attribute_not_exists(HeldUntil) OR HeldUntil < :now OR HeldBy = :owner"


class BusyError(Exception):
    """Another invocation is working on the association at this moment."""


class ClosedError(Exception):
    """The operation has ended, and nothing of the association is left."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is being done for an association, on behalf of one event."""

    started_at: float
    """Seconds since the epoch."""
    proven: bool = False
    """EC2 has accepted a change of this operation: it knows the profile, and the handler may act."""
    reverses_since: float = math.inf
    """When the operation began that it takes back, in seconds since the epoch; infinite if it takes none back."""
    failure: str | None = None
    """Why the operation has failed. From then on it gives back what it has done so far."""
    levels: Mapping[str, float] = field(default_factory=dict)
    """Tokens that the last invocation left in the buckets, by action."""
    levels_at: float = 0.0
    """When it left them, in seconds since the epoch."""
    progress: Mapping[str, int] = field(default_factory=dict)
    """How far the last look has found it, by metric."""
    total: int | None = None
    """Targets that were to be changed when the first wave began; None before it."""
    wave: int = 0
    """Waves that are through."""
    bakes_until: float | None = None
    """Until when the current wave is only watched, in seconds since the epoch; None before all its targets are done."""

    def ends_at(self, timeout: float) -> float:
        """When it has had its time, which is given in seconds. Giving back after a failure gets the same time again."""
        return self.started_at + (2 * timeout if self.failure else timeout)

    @property
    def reversing(self) -> bool:
        """It takes back the operation before it."""
        return self.reverses_since < math.inf


class Operations:
    """The operations of all associations that share a ledger."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, request: Request, now: float) -> Operation:
        """Make an event's operation the current one; an older one that still runs stops at its next invocation.

        Raises:
            SupersededError: the event is an old one that was delivered again.
        """
        current = self._table.get(KIND, request.association)
        if current.get("RequestId") == request.id:
            return _operation(current)
        if request.id in current.get("Past", ()):
            raise SupersededError("a later event for this association was handled already: this one is ignored")
        former = current.get("RequestId")
        past = [*current.get("Past", ()), *([former] if former else ())]
        try:
            item = self._table.update(
                KIND,
                request.association,
                "SET RequestId = :id, StartedAt = :now, Past = :past, Fingerprints = :prints, ReversesSince = :since "
                "REMOVE Proven, Failure, Progress, Targets, Wave, BakesUntil",
                {
                    ":id": request.id,
                    ":now": now,
                    ":past": past[-REMEMBERED_EVENTS:],
                    ":prints": list(request.fingerprints),
                    ":since": _reversed_since(request, current, now),
                    **({":former": former} if former else {}),
                },
                condition="RequestId = :former" if former else "attribute_not_exists(RequestId)",
            )
        except self._table.ConditionFailed:  # another event has begun meanwhile
            return self.begin(request, now)
        return _operation(item)

    @contextmanager
    def hold(self, request: Request, owner: str, now: float, until: float) -> Iterator["Held"]:
        """Keep every other invocation from working on the association meanwhile.

        Two invocations for one event (a retry), or the last one of a cancelled Create and the first one of the
        Delete that follows it, would otherwise undo each other's work.

        Args:
            request: the event that the caller works for.
            owner: the caller, unique per invocation.
            now: seconds since the epoch.
            until: when the caller can't be running any more, should it die before it lets go.

        Raises:
            BusyError: someone else holds the association.
            ClosedError: the operation is over.
            SupersededError: the caller's event is not the current one.
        """
        try:
            item = self._table.update(
                KIND,
                request.association,
                "SET HeldBy = :owner, HeldUntil = :until",
                {":owner": owner, ":until": until, ":id": request.id, ":now": now},
                condition=f"RequestId = :id AND ({_FREE})",
            )
        except self._table.ConditionFailed:
            current = self._table.get(KIND, request.association)
            if not current:
                raise ClosedError from None
            if current["RequestId"] != request.id:
                raise SupersededError("a later event for this association has taken over") from None
            raise BusyError from None
        held = Held(self._table, request, owner, _operation(item))
        try:
            yield held
        finally:
            held.let_go()

    def close(self, association: str) -> None:
        """Drop the operation: nothing of the association is left."""
        self._table.write([self._table.removal(KIND, association)])


class Held:
    """An association that no other invocation works on."""

    def __init__(self, table: Table, request: Request, owner: str, operation: Operation) -> None:
        self._table, self._request, self._owner = table, request, owner
        self.operation = operation

    def prove(self) -> None:
        """EC2 has accepted a change."""
        self._set("SET Proven = :yes", {":yes": True})

    def fail(self, reason: str) -> None:
        """The operation has failed and gives back what it has done so far."""
        self._set("SET Failure = :reason", {":reason": reason})

    def begin_waves(self, total: int) -> None:
        """This many targets are to be changed in waves."""
        self._set("SET Targets = :total, Wave = :none", {":total": total, ":none": 0})

    def bake(self, until: float | None) -> None:
        """All targets of the current wave are done: it is watched until then, in seconds since the epoch. None if they
        are not any more."""
        self._set("SET BakesUntil = :until", {":until": until})

    def end_wave(self) -> None:
        """The current wave is through."""
        self._set("SET Wave = :next REMOVE BakesUntil", {":next": self.operation.wave + 1})

    def leave(self, levels: Mapping[str, float], progress: Mapping[str, int], now: float) -> None:
        """Leave the state of the buckets, and how far it is, to the next invocation."""
        left = {":levels": dict(levels), ":now": now, ":progress": dict(progress)}
        self._set("SET Levels = :levels, LevelsAt = :now, Progress = :progress", left)

    def let_go(self) -> None:
        """Let other invocations in. Nothing happens if the association is over."""
        with suppress(self._table.ConditionFailed):
            self._update("REMOVE HeldBy, HeldUntil", {}, "HeldBy = :owner")

    def _set(self, expression: str, values: Mapping[str, Any]) -> None:
        """Change the operation, unless a later event has begun another one meanwhile."""
        mine = {**values, ":id": self._request.id}
        try:
            item = self._update(expression, mine, "HeldBy = :owner AND RequestId = :id")
        except self._table.ConditionFailed:
            raise SupersededError("a later event for this association has taken over") from None
        self.operation = _operation(item)

    def _update(self, expression: str, values: Mapping[str, Any], condition: str) -> dict[str, Any]:
        held = {**values, ":owner": self._owner}
        return self._table.update(KIND, self._request.association, expression, held, condition=condition)


def _reversed_since(request: Request, last: Mapping[str, Any], now: float) -> float | None:
    """When the operation began that an event takes back, or tries again to, as CloudFormation does after a failed
    update; None if it takes none back.

    An update that is tried once more after it was rolled back is no way back, although it takes the last event back.
    Nor is one that comes much later: by then someone has gone back on purpose, and the usual rules hold.
    """
    began = float(last.get("StartedAt", 0))
    if now - began > LONGEST_WAY_BACK_SECONDS:
        return None
    before, after = last.get("Fingerprints", ("", ""))
    if (since := last.get("ReversesSince")) is not None:
        return float(since) if request.fingerprints == (before, after) else None
    return began if request.reverses((before, after)) else None


def _operation(item: Mapping[str, Any]) -> Operation:
    return Operation(
        started_at=float(item["StartedAt"]),
        proven=bool(item.get("Proven")),
        reverses_since=math.inf if (since := item.get("ReversesSince")) is None else float(since),
        failure=item.get("Failure"),
        levels={action: float(level) for action, level in item.get("Levels", {}).items()},
        levels_at=float(item.get("LevelsAt", 0)),
        progress={metric: int(value) for metric, value in item.get("Progress", {}).items()},
        total=None if (total := item.get("Targets")) is None else int(total),
        wave=int(item.get("Wave", 0)),
        bakes_until=None if (until := item.get("BakesUntil")) is None else float(until),
    )
