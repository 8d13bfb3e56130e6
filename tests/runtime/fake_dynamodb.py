"""A fake of the DynamoDB client with exactly what the ledger uses. The contract test holds it to a real table."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from tests.runtime.fake_expressions import ExpressionError, Expressions, Item
from tests.runtime.fake_faults import Traffic, client_error

TABLE, PARTITION_KEY, SORT_KEY = "Ledger", "Association", "Entry"
UPDATE, TRANSACT, GET, QUERY, SCAN = "UpdateItem", "TransactWriteItems", "GetItem", "Query", "Scan"
MOST_WRITES = 100

Key = tuple[str, str]


class ConditionalCheckFailedException(ClientError):  # noqa: N818 - so it is called
    """The condition of a write does not hold."""


class FakeDynamoDb:
    """One table in memory. It raises `ExpressionError` for whatever the real service would not take, or it can't do."""

    class exceptions:  # noqa: N801 - so it is called
        ConditionalCheckFailedException: ClassVar = ConditionalCheckFailedException

    def __init__(self, traffic: Traffic) -> None:
        self.items: dict[Key, Item] = {}
        self.page_size = 7
        self._traffic = traffic

    def get_item(self, *, TableName: str, Key: Mapping[str, Any], ConsistentRead: bool) -> Any:  # noqa: N803
        assert ConsistentRead, "a stale read would let two invocations work at once"
        key = _key(TableName, Key)
        item = self._traffic.carry(GET, {"Key": Key}, lambda: self.items.get(key), writes=False)
        return {"Item": item} if item is not None else {}

    def update_item(self, *, ReturnValues: str, **request: Any) -> Any:  # noqa: N803
        assert ReturnValues == "ALL_NEW"
        _check_keywords(request, "UpdateExpression", "ConditionExpression")
        return {"Attributes": self._traffic.carry(UPDATE, request, lambda: self._update(request), writes=True)}

    def transact_write_items(self, *, TransactItems: list[Mapping[str, Any]]) -> Any:  # noqa: N803
        if not 1 <= len(TransactItems) <= MOST_WRITES:
            raise ExpressionError(f"{len(TransactItems)} writes in one transaction")
        self._traffic.carry(TRANSACT, {"Writes": TransactItems}, lambda: self._transact(TransactItems), writes=True)
        return {}

    def get_paginator(self, operation: str) -> "_QueryPaginator | _ScanPaginator":
        assert operation in ("query", "scan")
        return _QueryPaginator(self, self._traffic) if operation == "query" else _ScanPaginator(self, self._traffic)

    def entries(self, association: str) -> list[Item]:
        """The items of one partition, in the order of the table. They are replaced, never changed."""
        keys = sorted((key for key in self.items if key[0] == association), key=lambda key: key[1].encode())
        return [self.items[key] for key in keys]

    def _update(self, request: Mapping[str, Any]) -> Item:
        key = _key(request["TableName"], request["Key"])
        held, updated = self._applied(key, request)
        if not held:
            raise _condition_failed()
        self.items[key] = updated
        return updated

    def _transact(self, writes: list[Mapping[str, Any]]) -> None:
        after: dict[Key, Item | None] = {}
        for write in writes:
            ((kind, request),) = write.items()
            key = _key(request["TableName"], request["Key"])
            if key in after:
                raise ExpressionError("a transaction can't write the same item twice")
            match kind:
                case "Update":
                    _check_keywords(request, "UpdateExpression", "ConditionExpression")
                    held, after[key] = self._applied(key, request)
                case "Delete":
                    _check_keywords(request, "ConditionExpression")
                    held, _ = Expressions(request).apply(self.items.get(key, {}))
                    after[key] = None
                case _:
                    raise ExpressionError(f"unknown write {kind}")
            if not held:
                message = "Transaction cancelled, please refer cancellation reasons [ConditionalCheckFailed]"
                raise client_error("TransactionCanceledException", message, TRANSACT)
        for key, item in after.items():
            if item is None:
                self.items.pop(key, None)
            else:
                self.items[key] = item

    def _applied(self, key: Key, request: Mapping[str, Any]) -> tuple[bool, Item]:
        keys = {PARTITION_KEY: {"S": key[0]}, SORT_KEY: {"S": key[1]}}
        held, updated = Expressions(request).apply(self.items.get(key, {}))
        if any(updated.get(name, value) != value for name, value in keys.items()):
            raise ExpressionError("the key of an item can't be changed")
        return held, {**updated, **keys}


class _QueryPaginator:
    _CONDITION = re.compile(rf"{PARTITION_KEY} = (:\w+) AND {SORT_KEY} > (:\w+)")

    def __init__(self, table: FakeDynamoDb, traffic: Traffic) -> None:
        self._table, self._traffic = table, traffic

    def paginate(
        self,
        *,
        TableName: str,  # noqa: N803
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Mapping[str, Any],  # noqa: N803
        ConsistentRead: bool,  # noqa: N803
    ) -> Iterator[Any]:
        assert ConsistentRead
        assert TableName == TABLE
        condition = self._CONDITION.fullmatch(KeyConditionExpression)
        if condition is None:
            raise ExpressionError(f"not understood: {KeyConditionExpression}")
        expressions = Expressions({"ExpressionAttributeValues": ExpressionAttributeValues})
        partition, after = (expressions.value(name)["S"] for name in condition.groups())
        expressions.check_used()
        start: str | None = after
        while start is not None:
            begin = start
            page = self._traffic.carry(
                QUERY,
                {"After": begin},
                lambda begin=begin: self._page(partition, begin),  # type: ignore[misc]
                writes=False,
            )
            start = page["LastEvaluatedKey"][SORT_KEY]["S"] if "LastEvaluatedKey" in page else None
            yield page

    def _page(self, partition: str, after: str) -> Any:
        found = [item for item in self._table.entries(partition) if item[SORT_KEY]["S"].encode() > after.encode()]
        page = found[: self._table.page_size]
        if len(page) < self._table.page_size:
            return {"Items": page}
        # As the real one: there may be nothing behind a full page.
        return {"Items": page, "LastEvaluatedKey": {name: page[-1][name] for name in (PARTITION_KEY, SORT_KEY)}}


class _ScanPaginator:
    def __init__(self, table: FakeDynamoDb, traffic: Traffic) -> None:
        self._table, self._traffic = table, traffic

    def paginate(self, *, TableName: str, ConsistentRead: bool) -> Iterator[Any]:  # noqa: N803
        assert ConsistentRead
        assert TableName == TABLE
        items = self._traffic.carry(SCAN, {}, lambda: list(self._table.items.values()), writes=False)
        size = self._table.page_size
        return ({"Items": items[start : start + size]} for start in range(0, len(items) + 1, size))


def _key(table: str, key: Mapping[str, Any]) -> Key:
    if table != TABLE or key.keys() != {PARTITION_KEY, SORT_KEY}:
        raise ExpressionError(f"no such table or key: {table}, {key}")
    return key[PARTITION_KEY]["S"], key[SORT_KEY]["S"]


def _check_keywords(request: Mapping[str, Any], *expressions: str) -> None:
    known = {"TableName", "Key", "ExpressionAttributeNames", "ExpressionAttributeValues", *expressions}
    if unknown := request.keys() - known:
        raise ExpressionError(f"unknown parameters {sorted(unknown)}")


def _condition_failed() -> ConditionalCheckFailedException:
    error = client_error("ConditionalCheckFailedException", "The conditional request failed", UPDATE)
    return ConditionalCheckFailedException(error.response, UPDATE)
