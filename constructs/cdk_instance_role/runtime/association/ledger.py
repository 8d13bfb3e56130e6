"""The durable record of what every instance carried before, and of the operation that is going on.

One DynamoDB table with a partition per association: an item for every instance and one for the operation. The
previous profile is written before the first change of its instance and never overwritten.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from .apply import Outcome
from .batch import chunks
from .contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from .failures import SupersededError
from .model import Record
from .plan import Action, Step
from .request import Request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITES_PER_CALL = 100
"""Most writes in one DynamoDB transaction."""
REMEMBERED_EVENTS = 20

_OPERATION = "#operation"  # sorts before every instance id
_NAMES = {"#action": "Action", "#before": "Before", "#after": "After", "#at": "At", "#error": "Error"}
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


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
    reversing: bool = False
    """It takes back the operation before it."""
    failure: str | None = None
    """Why the operation has failed. From then on it gives back what it has done so far."""
    levels: Mapping[str, float] = field(default_factory=dict)
    """Tokens that the last invocation left in the buckets, by action."""
    levels_at: float = 0.0
    """When it left them, in seconds since the epoch."""


class Ledger:
    """The ledger of all associations that share a provider."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb, self._table = dynamodb, table

    def begin(self, request: Request, now: float) -> Operation:
        """Make an event's operation the current one; an older one that still runs stops at its next invocation.

        Raises:
            SupersededError: the event is an old one that was delivered again.
        """
        current = self._operation(request.association)
        if current.get("RequestId") == request.id:
            return _operation(current)
        if request.id in current.get("Past", ()):
            raise SupersededError("a later event for this association was handled already: this one is ignored")
        past = [*current.get("Past", ()), *([current["RequestId"]] if current else ())]
        before, after = current.get("Fingerprints", ("", ""))
        item = self._update(
            request.association,
            "SET RequestId = :id, StartedAt = :now, Past = :past, Fingerprints = :prints, Reversing = :reversing "
            "REMOVE Proven, Failure",
            {
                ":id": request.id,
                ":now": now,
                ":past": past[-REMEMBERED_EVENTS:],
                ":prints": list(request.fingerprints),
                ":reversing": request.reverses((before, after)),
            },
        )
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
            item = self._update(
                request.association,
                "SET HeldBy = :owner, HeldUntil = :until",
                {":owner": owner, ":until": until, ":id": request.id, ":now": now},
                condition="RequestId = :id AND (attribute_not_exists(HeldUntil) OR HeldUntil < :now)",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            current = self._operation(request.association)
            if not current:
                raise ClosedError from None
            if current["RequestId"] != request.id:
                raise SupersededError("a later event for this association has taken over") from None
            raise BusyError from None
        held = Held(self, request.association, owner, _operation(item))
        try:
            yield held
        finally:
            held.let_go()

    def records(self, association: str) -> dict[str, Record]:
        """All records of an association, by instance id."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=f"{LEDGER_PARTITION_KEY} = :association AND {LEDGER_SORT_KEY} > :operation",
            ExpressionAttributeValues=_typed({":association": association, ":operation": _OPERATION}),
            ConsistentRead=True,
        )
        records = (_record(_plain(item)) for page in pages for item in page["Items"])
        return {record.instance_id: record for record in records}

    def claim(self, association: str, steps: Iterable[Step], now: float) -> None:
        """Write ahead what the instances of these steps carry, before they are touched."""
        self._transact(self._claim(association, step, now) for step in steps)

    def note(self, association: str, outcomes: Iterable[Outcome], now: float) -> None:
        """Write down what came of the steps."""
        self._transact(self._outcome(association, outcome, now) for outcome in outcomes)

    def settle(self, association: str, instance_ids: Iterable[str], ours: str) -> None:
        """From now on only this profile is ours on these instances, not what earlier operations have put there."""
        self._transact(
            self._change(association, id_, "SET Ours = :ours REMOVE Detached", {":ours": {ours}})
            for id_ in instance_ids
        )

    def forget(self, association: str, instance_ids: Iterable[str]) -> None:
        """Drop records."""
        self._transact({"Delete": self._item(association, id_)} for id_ in instance_ids)

    def close(self, association: str) -> None:
        """Drop the operation: nothing of the association is left."""
        self.forget(association, [_OPERATION])

    def _claim(self, association: str, step: Step, now: float) -> Any:
        sets = "Previous = if_not_exists(Previous, :before), #before = :before, #action = :action, #at = :at"
        values = {":before": step.before, ":action": str(step.action), ":at": now}
        if step.action is Action.SWAP:
            sets += ", Detached = :before"
        if step.undo:
            return self._change(association, step.instance_id, f"SET {sets}", values)
        return self._change(
            association, step.instance_id, f"SET {sets} ADD Ours :ours", {**values, ":ours": {step.after}}
        )

    def _outcome(self, association: str, outcome: Outcome, now: float) -> Any:
        id_ = outcome.step.instance_id
        if outcome.accepted:
            values = {":after": outcome.step.after, ":at": now}
            return self._change(association, id_, "SET #after = :after, ActedAt = :at REMOVE #error, Detached", values)
        # Detached stays: whether the first half of a swap took effect is for the next observation to tell.
        return self._change(association, id_, "SET #error = :error", {":error": outcome.detail[:500]})

    def _change(self, association: str, item: str, expression: str, values: Mapping[str, Any]) -> Any:
        return {"Update": {**self._item(association, item), **_expression(expression, values)}}

    def _update(
        self, association: str, expression: str, values: Mapping[str, Any], condition: str | None = None
    ) -> dict[str, Any]:
        """Change the item of the operation."""
        extra: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        answer = self._dynamodb.update_item(
            **self._item(association, _OPERATION), **_expression(expression, values), **extra, ReturnValues="ALL_NEW"
        )
        return _plain(answer["Attributes"])

    def _operation(self, association: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(**self._item(association, _OPERATION), ConsistentRead=True)
        return _plain(answer.get("Item", {}))

    def _transact(self, writes: Iterable[Any]) -> None:
        for chunk in chunks(writes, WRITES_PER_CALL):
            self._dynamodb.transact_write_items(TransactItems=chunk)

    def _item(self, association: str, item: str) -> Any:
        return {"TableName": self._table, "Key": _typed({LEDGER_PARTITION_KEY: association, LEDGER_SORT_KEY: item})}


class Held:
    """An association that no other invocation works on."""

    def __init__(self, ledger: Ledger, association: str, owner: str, operation: Operation) -> None:
        self._ledger, self._association, self._owner = ledger, association, owner
        self.operation = operation

    def prove(self) -> None:
        """EC2 has accepted a change."""
        self._set("SET Proven = :yes", {":yes": True})

    def fail(self, reason: str) -> None:
        """The operation has failed and gives back what it has done so far."""
        self._set("SET Failure = :reason", {":reason": reason})

    def leave(self, levels: Mapping[str, float], now: float) -> None:
        """Leave the state of the buckets to the next invocation."""
        self._set("SET Levels = :levels, LevelsAt = :now", {":levels": dict(levels), ":now": now})

    def let_go(self) -> None:
        """Let other invocations in. Nothing happens if the association is over."""
        try:
            self._set("REMOVE HeldBy, HeldUntil", {})
        except self._ledger._dynamodb.exceptions.ConditionalCheckFailedException:
            return

    def _set(self, expression: str, values: Mapping[str, Any]) -> None:
        item = self._ledger._update(
            self._association, expression, {**values, ":owner": self._owner}, condition="HeldBy = :owner"
        )
        self.operation = _operation(item)


def _expression(expression: str, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: attribute for name, attribute in _NAMES.items() if name in expression}
    return {
        "UpdateExpression": expression,
        "ExpressionAttributeValues": _typed(values),
        **({"ExpressionAttributeNames": names} if names else {}),
    }


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _serialize(_exact(value)) for name, value in values.items()}


def _exact(value: Any) -> Any:
    """DynamoDB knows decimal numbers only."""
    if isinstance(value, float):
        return Decimal(repr(value))
    return {key: _exact(item) for key, item in value.items()} if isinstance(value, dict) else value


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in item.items()}


def _record(item: Mapping[str, Any]) -> Record:
    acted_at = item.get("ActedAt")
    return Record(
        instance_id=item[LEDGER_SORT_KEY],
        previous=item.get("Previous"),
        ours=frozenset(item.get("Ours", ())),
        detached=item.get("Detached"),
        acted_at=None if acted_at is None else float(acted_at),
    )


def _operation(item: Mapping[str, Any]) -> Operation:
    return Operation(
        started_at=float(item["StartedAt"]),
        proven=bool(item.get("Proven")),
        reversing=bool(item.get("Reversing")),
        failure=item.get("Failure"),
        levels={action: float(level) for action, level in item.get("Levels", {}).items()},
        levels_at=float(item.get("LevelsAt", 0)),
    )
