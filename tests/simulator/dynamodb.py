"""One DynamoDB table, with exactly what the ledger uses. The contract test compares it with a real table."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from tests.simulator.buckets import Bucket
from tests.simulator.documents import ExpressionError, Item, check_value
from tests.simulator.errors import AwsError
from tests.simulator.expressions import Expressions
from tests.simulator.updates import updated

TABLE, PARTITION_KEY, SORT_KEY = "Ledger", "Kind", "Id"
UPDATE, TRANSACT, GET, QUERY = "UpdateItem", "TransactWriteItems", "GetItem", "Query"
BATCH_GET = "BatchGetItem"
DELETE = "DeleteItem"
WRITING = (UPDATE, TRANSACT, DELETE)
MAX_WRITES, MAX_KEYS = 100, 100
"""In one transaction, and in one BatchGetItem."""
UNITS, UNITS_IN_TRANSACTION = 1000, 2
"""What one partition allows in a second, and what a write of up to a kilobyte takes in a transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""

ON_FAILURE = "ReturnValuesOnConditionCheckFailure"

Key = tuple[str, str]
Request = Mapping[str, Any]

CONFLICT = AwsError("TransactionConflictException", "Transaction is ongoing for the item")
"""The answer to a write outside of a transaction while a transaction for the same item is running.

Inside of one, the same is ``cancelled("TransactionConflict")``.
"""
_MESSAGES = {
    "None": None,
    "ConditionalCheckFailed": "The conditional request failed",
    "ThrottlingError": "Throughput exceeds the current capacity",
    "TransactionConflict": "Transaction is ongoing for the item",
}
_PARTITION = re.compile(rf"{PARTITION_KEY} = (?P<kind>:\w+)( AND begins_with\({SORT_KEY}, (?P<beginning>:\w+)\))?")


def cancelled(*codes: str, items: Mapping[int, Item] | None = None) -> AwsError:
    """The answer to a transaction that takes no effect.

    Args:
        codes: one for each of its actions; ``None`` (the word) for one that would have taken effect.
        items: what the items are like, by the number of the action, where that was asked for.
    """
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(codes)}]"
    reasons: list[dict[str, Any]] = [{"Code": code, "Message": _MESSAGES[code]} for code in codes]
    for number, item in (items or {}).items():
        reasons[number]["Item"] = item
    return AwsError("TransactionCanceledException", message, CancellationReasons=reasons)


class DynamoDb:
    """What DynamoDB answers. Every method takes a request, and returns the answer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._units: dict[str, Bucket] = {}
        """Of each partition, for writing."""
        self.items: dict[Key, Item] = {}
        self.page_size = 200
        """Most items on a page. The real one counts bytes."""
        self.unprocessed: list[int] = []
        """How many keys each of the next BatchGetItem calls leaves for another one."""
        self._done: set[str] = set()
        """Tokens of the transactions that have taken effect: one that is sent again is not carried out again."""
        self.actions: Mapping[str, Callable[[Request], Mapping[str, Any]]] = {
            GET: self._get,
            BATCH_GET: self._get_batch,
            QUERY: self._query,
            UPDATE: self._update,
            DELETE: self._delete,
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

    def _get_batch(self, request: Request) -> Mapping[str, Any]:
        """The items are in no order. Those that do not exist are left out."""
        _check_keywords(request, "RequestItems")
        if request["RequestItems"].keys() != {TABLE}:
            raise ExpressionError(f"no such tables: {list(request['RequestItems'])}")
        asked = request["RequestItems"][TABLE]
        _check_keywords(asked, "Keys", "ConsistentRead")
        keys = [_key({"TableName": TABLE, "Key": key}) for key in asked["Keys"]]
        if not 1 <= len(keys) <= MAX_KEYS:
            raise ExpressionError("Too many items requested for the BatchGetItem call")
        if len(set(keys)) < len(keys):
            raise ExpressionError("Provided list of item keys contains duplicates")
        count = max(0, len(keys) - (self.unprocessed.pop(0) if self.unprocessed else 0))
        items = [self.items[key] for key in reversed(keys[:count]) if key in self.items]
        left = {TABLE: {**asked, "Keys": asked["Keys"][count:]}} if count < len(keys) else {}
        return {"Responses": {TABLE: items}, "UnprocessedKeys": left}

    def _query(self, request: Request) -> Mapping[str, Any]:
        _check_keywords(request, "ConsistentRead", "KeyConditionExpression", "ExclusiveStartKey")
        condition = _PARTITION.fullmatch(request["KeyConditionExpression"])
        if condition is None:
            raise ExpressionError(f"not understood: {request['KeyConditionExpression']}")
        expressions = Expressions({"ExpressionAttributeValues": request["ExpressionAttributeValues"]})
        kind = expressions.value(condition["kind"])["S"]
        beginning = expressions.value(condition["beginning"])["S"] if condition["beginning"] else ""
        expressions.check_used()
        return self._page((item for item in self.entries(kind) if item[SORT_KEY]["S"].startswith(beginning)), request)

    def _page(self, items: Iterable[Item], request: Request) -> Mapping[str, Any]:
        start = request.get("ExclusiveStartKey")
        begin = _key_of(start) if start else ("", "")
        found = [item for item in items if _key_of(item) > begin][: self.page_size]
        if len(found) < self.page_size:
            return {"Items": found}
        # As the real one: there may be nothing behind a full page.
        return {"Items": found, "LastEvaluatedKey": {name: found[-1][name] for name in (PARTITION_KEY, SORT_KEY)}}

    def _update(self, request: Request) -> Mapping[str, Any]:
        _check_keywords(request, "UpdateExpression", "ConditionExpression", "ReturnValues", ON_FAILURE)
        key = _key(request)
        held, after = self._applied(key, request)
        if not held:
            shown = {"Item": self.items.get(key, {})} if request.get(ON_FAILURE) == "ALL_OLD" else {}
            message = "The conditional request failed"
            raise AwsError("ConditionalCheckFailedException", message, HTTPStatus.BAD_REQUEST, **shown)
        self.items[key] = after
        return {"Attributes": after} if request.get("ReturnValues") == "ALL_NEW" else {}

    def _delete(self, request: Request) -> Mapping[str, Any]:
        _check_keywords(request, "ConditionExpression")
        if not self._holds(_key(request), request):
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed")
        self.items.pop(_key(request), None)
        return {}

    def _transact(self, request: Request) -> Mapping[str, Any]:
        token = request.get("ClientRequestToken")
        if token in self._done:
            return {}
        actions = [next(iter(action.items())) for action in request["TransactItems"]]
        if not 1 <= len(actions) <= MAX_WRITES:
            raise ExpressionError(f"{len(actions)} actions in one transaction")
        keys = [_key_of(one["Item"]) if kind == "Put" else _key(one) for kind, one in actions]
        if len(set(keys)) < len(keys):
            raise ExpressionError("Transaction request cannot include multiple operations on one item")
        after = self._after(keys, actions)
        for kind, count in Counter(kind for kind, _ in keys).items():
            self._use(kind, UNITS_IN_TRANSACTION * count, len(actions))
        for key, item in after.items():
            if item is None:
                self.items.pop(key, None)
            else:
                self.items[key] = item
        if token:
            self._done.add(token)
        return {}

    def _after(self, keys: Sequence[Key], actions: Sequence[tuple[str, Request]]) -> dict[Key, Item | None]:
        """The items as a transaction leaves them.

        Raises:
            AwsError: the condition of one of its actions does not hold.
        """
        results = [self._acted(kind, key, one) for key, (kind, one) in zip(keys, actions, strict=True)]
        if not all(held for held, _ in results):
            asked = {number: key for number, key in enumerate(keys) if actions[number][1].get(ON_FAILURE) == "ALL_OLD"}
            raise cancelled(
                *("None" if held else "ConditionalCheckFailed" for held, _ in results),
                items={number: self.items[key] for number, key in asked.items() if key in self.items},
            )
        return {key: item for key, (_, item) in zip(keys, results, strict=True) if item != self.items.get(key)}

    def _use(self, partition: str, units: int, writes: int) -> None:
        """Use up what a partition allows in a second."""
        now = self._clock()
        bucket = self._units.setdefault(partition, Bucket(UNITS, UNITS, level=UNITS, filled_at=now))
        if not bucket.take(now, units):
            raise cancelled(*["ThrottlingError"] * writes)

    def _acted(self, kind: str, key: Key, request: Request) -> tuple[bool, Item | None]:
        """Whether the condition of an action holds, and the item as the action leaves it."""
        before = self.items.get(key)
        match kind:
            case "Update":
                _check_keywords(request, "UpdateExpression", "ConditionExpression", ON_FAILURE)
                return self._applied(key, request)
            case "Put":
                _check_keywords(request, "Item", "ConditionExpression", ON_FAILURE)
                return self._holds(key, request), _checked(request["Item"])
            case "Delete":
                _check_keywords(request, "ConditionExpression", ON_FAILURE)
                return self._holds(key, request), None
            case "ConditionCheck":
                _check_keywords(request, "ConditionExpression", ON_FAILURE)
                if "ConditionExpression" not in request:
                    raise ExpressionError("a ConditionCheck needs a condition")
                return self._holds(key, request), before
        raise ExpressionError(f"unknown action {kind}")

    def _holds(self, key: Key, request: Request) -> bool:
        expressions = Expressions(request)
        held = expressions.holds(self.items.get(key, {}))
        expressions.check_used()
        return held

    def _applied(self, key: Key, request: Request) -> tuple[bool, Item]:
        """Whether the condition of an update holds, and the item after it. Otherwise the update is not evaluated."""
        expressions, before = Expressions(request), self.items.get(key, {})
        keys = {PARTITION_KEY: {"S": key[0]}, SORT_KEY: {"S": key[1]}}
        if not expressions.holds(before):
            return False, before
        after = updated(expressions, request.get("UpdateExpression"), before)
        expressions.check_used()
        if any(after.get(name, value) != value for name, value in keys.items()):
            raise ExpressionError("the key of an item can't be changed")
        return True, {**after, **keys}


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
