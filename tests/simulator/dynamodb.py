"""One DynamoDB table, with exactly what the ledger uses. The contract test holds it to a real table."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulator.buckets import Bucket
from tests.simulator.errors import AwsError
from tests.simulator.expressions import ExpressionError, Expressions, Item, check_value

TABLE, PARTITION_KEY, SORT_KEY = "Ledger", "Kind", "Id"
UPDATE, TRANSACT, GET, QUERY = "UpdateItem", "TransactWriteItems", "GetItem", "Query"
WRITING = (UPDATE, TRANSACT)
MOST_WRITES = 100
UNITS, UNITS_IN_TRANSACTION = 1000, 2
"""What one partition lets through in a second, and what a write of up to a kilobyte takes in a transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""

Key = tuple[str, str]
Request = Mapping[str, Any]

_PARTITION = re.compile(rf"{PARTITION_KEY} = (:\w+)")


class DynamoDb:
    """What DynamoDB answers. Every method takes a request, and returns the answer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._units: dict[str, Bucket] = {}
        """Of each partition, for writing."""
        self.items: dict[Key, Item] = {}
        self.page_size = 200
        """Most items on a page. The real one counts bytes."""
        self._done: set[str] = set()
        """Tokens of the transactions that have taken effect: one that is sent again is not carried out again."""
        self.actions: Mapping[str, Callable[[Request], Mapping[str, Any]]] = {
            GET: self._get,
            QUERY: self._query,
            UPDATE: self._update,
            TRANSACT: self._transact,
        }

    def entries(self, kind: str) -> list[Item]:
        """The items of one partition, in the order of the table. They are replaced, never changed."""
        keys = sorted((key for key in self.items if key[0] == kind), key=lambda key: key[1].encode())
        return [self.items[key] for key in keys]

    def _get(self, request: Request) -> Mapping[str, Any]:
        _check_keywords(request, "ConsistentRead")
        item = self.items.get(_key(request))
        return {"Item": item} if item is not None else {}

    def _query(self, request: Request) -> Mapping[str, Any]:
        _check_keywords(request, "ConsistentRead", "KeyConditionExpression", "ExclusiveStartKey")
        condition = _PARTITION.fullmatch(request["KeyConditionExpression"])
        if condition is None:
            raise ExpressionError(f"not understood: {request['KeyConditionExpression']}")
        expressions = Expressions({"ExpressionAttributeValues": request["ExpressionAttributeValues"]})
        kind = expressions.value(condition[1])["S"]
        expressions.check_used()
        return self._page(self.entries(kind), request)

    def _page(self, items: Iterable[Item], request: Request) -> Mapping[str, Any]:
        start = request.get("ExclusiveStartKey")
        begin = _key_of(start) if start else ("", "")
        found = [item for item in items if _key_of(item) > begin][: self.page_size]
        if len(found) < self.page_size:
            return {"Items": found}
        # As the real one: there may be nothing behind a full page.
        return {"Items": found, "LastEvaluatedKey": {name: found[-1][name] for name in (PARTITION_KEY, SORT_KEY)}}

    def _update(self, request: Request) -> Mapping[str, Any]:
        _check_keywords(request, "UpdateExpression", "ConditionExpression", "ReturnValues")
        key = _key(request)
        held, updated = self._applied(key, request)
        if not held:
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed")
        self.items[key] = updated
        return {"Attributes": updated}

    def _transact(self, request: Request) -> Mapping[str, Any]:
        token = request.get("ClientRequestToken")
        if token in self._done:
            return {}
        writes = request["TransactItems"]
        if not 1 <= len(writes) <= MOST_WRITES:
            raise ExpressionError(f"{len(writes)} writes in one transaction")
        after: dict[Key, Item | None] = {}
        for write in writes:
            ((kind, one),) = write.items()
            key = _key_of(one["Item"]) if kind == "Put" else _key(one)
            if key in after:
                raise ExpressionError("a transaction can't write the same item twice")
            after[key] = self._written(kind, key, one)
        for kind, count in Counter(kind for kind, _ in after).items():
            self._use(kind, UNITS_IN_TRANSACTION * count, len(writes))
        for key, item in after.items():
            if item is None:
                self.items.pop(key, None)
            else:
                self.items[key] = item
        if token:
            self._done.add(token)
        return {}

    def _use(self, partition: str, units: int, writes: int) -> None:
        """Use up what a partition lets through in a second."""
        now = self._clock()
        bucket = self._units.setdefault(partition, Bucket(UNITS, UNITS, level=UNITS, filled_at=now))
        if not bucket.take(now, units):
            message = "Transaction cancelled, please refer cancellation reasons for specific reasons [ThrottlingError]"
            reasons = [{"Code": "ThrottlingError", "Message": "Throughput exceeds the current capacity"}] * writes
            raise AwsError("TransactionCanceledException", message, CancellationReasons=reasons)

    def _written(self, kind: str, key: Key, request: Request) -> Item | None:
        """An item as a write of a transaction leaves it."""
        item: Item | None
        match kind:
            case "Update":
                _check_keywords(request, "UpdateExpression", "ConditionExpression")
                held, item = self._applied(key, request)
            case "Put":
                _check_keywords(request, "Item", "ConditionExpression")
                held, _ = Expressions(request).apply(self.items.get(key, {}))
                item = _checked(request["Item"])
            case "Delete":
                _check_keywords(request, "ConditionExpression")
                held, _ = Expressions(request).apply(self.items.get(key, {}))
                item = None
            case _:
                raise ExpressionError(f"unknown write {kind}")
        if not held:
            message = "Transaction cancelled, please refer cancellation reasons [ConditionalCheckFailed]"
            reasons = [{"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}]
            raise AwsError("TransactionCanceledException", message, CancellationReasons=reasons)
        return item

    def _applied(self, key: Key, request: Request) -> tuple[bool, Item]:
        keys = {PARTITION_KEY: {"S": key[0]}, SORT_KEY: {"S": key[1]}}
        held, updated = Expressions(request).apply(self.items.get(key, {}))
        if any(updated.get(name, value) != value for name, value in keys.items()):
            raise ExpressionError("the key of an item can't be changed")
        return held, {**updated, **keys}


def _key(request: Request) -> Key:
    if request["TableName"] != TABLE or request["Key"].keys() != {PARTITION_KEY, SORT_KEY}:
        raise ExpressionError(f"no such table or key: {request['TableName']}, {request['Key']}")
    return _key_of(request["Key"])


def _checked(item: Item) -> Item:
    for value in item.values():
        check_value(value)
    return item


def _key_of(item: Mapping[str, Any]) -> Key:
    return item[PARTITION_KEY]["S"], item[SORT_KEY]["S"]


def _check_keywords(request: Request, *more: str) -> None:
    known = {"TableName", "Key", "ExpressionAttributeNames", "ExpressionAttributeValues", *more}
    if unknown := request.keys() - known:
        raise ExpressionError(f"unknown parameters {sorted(unknown)}")
    if "ConsistentRead" in more and not request.get("ConsistentRead"):
        raise ExpressionError("a stale read would let two invocations work at once")
