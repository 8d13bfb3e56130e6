"""One DynamoDB table: plain values in and out, and no word about what they mean."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from .batch import chunks
from .contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITES_PER_CALL = 100
"""Most writes in one DynamoDB transaction."""

# Names that DynamoDB reserves, by the placeholder for them in expressions.
_NAMES = {"#action": "Action", "#before": "Before", "#after": "After", "#at": "At", "#error": "Error"}
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


class Table:
    """The table of a ledger. An item is known by its partition (the association) and its entry."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str) -> None:
        self._dynamodb, self._name = dynamodb, name
        self.ConditionFailed = dynamodb.exceptions.ConditionalCheckFailedException

    def get(self, partition: str, entry: str) -> dict[str, Any]:
        """An item; empty if there is none."""
        answer = self._dynamodb.get_item(**self._item(partition, entry), ConsistentRead=True)
        return _plain(answer.get("Item", {}))

    def query(self, partition: str, *, after: str) -> Iterator[dict[str, Any]]:
        """The items of a partition whose entry sorts after another."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression=f"{LEDGER_PARTITION_KEY} = :partition AND {LEDGER_SORT_KEY} > :after",
            ExpressionAttributeValues=_typed({":partition": partition, ":after": after}),
            ConsistentRead=True,
        )
        return (_plain(item) for page in pages for item in page["Items"])

    def scan(self) -> Iterator[dict[str, Any]]:
        """All items."""
        pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._name, ConsistentRead=True)
        return (_plain(item) for page in pages for item in page["Items"])

    def update(
        self, partition: str, entry: str, expression: str, values: Mapping[str, Any], condition: str | None = None
    ) -> dict[str, Any]:
        """Change an item now, and return it as it is then.

        Raises:
            ConditionFailed: the condition does not hold; nothing has changed.
        """
        update = self.change(partition, entry, expression, values, condition)["Update"]
        return _plain(self._dynamodb.update_item(**update, ReturnValues="ALL_NEW")["Attributes"])

    def change(
        self, partition: str, entry: str, expression: str, values: Mapping[str, Any], condition: str | None = None
    ) -> dict[str, Any]:
        """A change of an item, to be written together with others."""
        update = {**self._item(partition, entry), **_expression(expression, values)}
        return {"Update": {**update, "ConditionExpression": condition} if condition else update}

    def removal(self, partition: str, entry: str) -> dict[str, Any]:
        """The removal of an item, to be written together with others."""
        return {"Delete": self._item(partition, entry)}

    def write(self, writes: Iterable[Any]) -> None:
        """Write changes and removals, as many at a time as DynamoDB takes; each such batch wholly or not at all."""
        for chunk in chunks(writes, WRITES_PER_CALL):
            self._dynamodb.transact_write_items(TransactItems=chunk)

    def _item(self, partition: str, entry: str) -> Any:
        return {"TableName": self._name, "Key": _typed({LEDGER_PARTITION_KEY: partition, LEDGER_SORT_KEY: entry})}


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
