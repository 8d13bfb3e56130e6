"""One DynamoDB table: plain values in and out, and no word about what they mean."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from .batch import chunks
from .contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITES_PER_CALL = 100
"""Most writes in one DynamoDB transaction."""

WRITES_PER_SECOND = 500
"""What one partition takes, with two write units for each write in a transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""

PAUSES_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2)
"""How long to wait before a throttled transaction comes again. botocore does not do that for transactions."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Table:
    """The table of a ledger. An item is known by its kind and its id."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """
        Args:
            dynamodb: client.
            name: of the table.
            sleep: waits for seconds.
        """
        self._dynamodb, self._name, self._sleep = dynamodb, name, sleep
        self.ConditionFailed = dynamodb.exceptions.ConditionalCheckFailedException
        self.Cancelled = dynamodb.exceptions.TransactionCanceledException

    def get(self, kind: str, id_: str) -> dict[str, Any]:
        """An item; empty if there is none."""
        answer = self._dynamodb.get_item(**self._item(kind, id_), ConsistentRead=True)
        return _plain(answer.get("Item", {}))

    def query(self, kind: str) -> Iterator[dict[str, Any]]:
        """All items of a kind."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression=f"{LEDGER_PARTITION_KEY} = :kind",
            ExpressionAttributeValues=_typed({":kind": kind}),
            ConsistentRead=True,
        )
        return (_plain(item) for page in pages for item in page["Items"])

    def update(
        self, kind: str, id_: str, expression: str, values: Mapping[str, Any], condition: str | None = None
    ) -> dict[str, Any]:
        """Change an item now, and return it as it is then.

        Raises:
            ConditionFailed: the condition does not hold; nothing has changed.
        """
        answer = self._dynamodb.update_item(
            **self._item(kind, id_),
            UpdateExpression=expression,
            **_conditional(condition, values),
            ReturnValues="ALL_NEW",
        )
        return _plain(answer["Attributes"])

    def replacement(
        self, kind: str, id_: str, attributes: Mapping[str, Any], condition: str, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The replacement of an item as a whole, to be written together with others."""
        item = {**_key(kind, id_), **_typed(attributes)}
        return {"Put": {"TableName": self._name, "Item": item, **_conditional(condition, values)}}

    def removal(
        self, kind: str, id_: str, condition: str | None = None, values: Mapping[str, Any] = MappingProxyType({})
    ) -> dict[str, Any]:
        """The removal of an item, to be written together with others."""
        return {"Delete": {**self._item(kind, id_), **_conditional(condition, values)}}

    def write(self, writes: Iterable[Any]) -> None:
        """Write replacements and removals, as many at a time as DynamoDB takes; each such batch wholly or not at all.

        They go out no faster than DynamoDB takes them, and a batch that is throttled all the same comes again.

        Raises:
            Cancelled: a condition does not hold, somebody else writes one of the items at this moment, or DynamoDB
                throttles for longer than it should.
        """
        for number, chunk in enumerate(chunks(writes, WRITES_PER_CALL)):
            if number >= WRITES_PER_SECOND / WRITES_PER_CALL:
                self._sleep(WRITES_PER_CALL / WRITES_PER_SECOND)
            self._write_patiently(chunk)

    def _write_patiently(self, writes: list[Any]) -> None:
        for pause in (*PAUSES_SECONDS, None):
            try:
                self._dynamodb.transact_write_items(TransactItems=writes)
            except self.Cancelled as error:
                if pause is None or not _is_throttled(error):
                    raise
                self._sleep(pause)
            else:
                return

    def _item(self, kind: str, id_: str) -> Any:
        return {"TableName": self._name, "Key": _key(kind, id_)}


def _is_throttled(error: ClientError) -> bool:
    """Whether a transaction was cancelled for nothing but coming too fast:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    answer: Any = error.response
    codes = {reason.get("Code") for reason in answer.get("CancellationReasons", ())} - {"None", None}
    return bool(codes) and codes <= {"ThrottlingError", "ProvisionedThroughputExceeded"}


def _key(kind: str, id_: str) -> dict[str, Any]:
    return _typed({LEDGER_PARTITION_KEY: kind, LEDGER_SORT_KEY: id_})


def _conditional(condition: str | None, values: Mapping[str, Any]) -> Any:
    return {
        **({"ConditionExpression": condition} if condition else {}),
        **({"ExpressionAttributeValues": _typed(values)} if values else {}),
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
