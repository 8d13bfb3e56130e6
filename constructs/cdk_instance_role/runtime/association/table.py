"""One DynamoDB table: plain values in and out, and no word about what they mean."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from .batch import chunks
from .contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITES_PER_CALL = 100
"""Most writes in one DynamoDB transaction."""

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Table:
    """The table of a ledger. An item is known by its kind and its id."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str) -> None:
        self._dynamodb, self._name = dynamodb, name
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

        Raises:
            Cancelled: a condition does not hold, or somebody else writes one of the items at this moment.
        """
        for chunk in chunks(writes, WRITES_PER_CALL):
            self._dynamodb.transact_write_items(TransactItems=chunk)

    def _item(self, kind: str, id_: str) -> Any:
        return {"TableName": self._name, "Key": _key(kind, id_)}


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
