"""One DynamoDB table: plain values in and out, and no word about what they mean."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from ..batch import chunks
from ..contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACTIONS_PER_TRANSACTION = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

KEYS_PER_READ = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""

WRITES_PER_SECOND = 500
"""What one partition takes, with two write units for each write in a transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""

PAUSES_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2)
"""How long to wait before a call comes again that was throttled, or met another one on the same item. botocore does not
do that for transactions."""

T = TypeVar("T")

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
        self.Conflict = dynamodb.exceptions.TransactionConflictException
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

    def get_many(self, keys: Iterable[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        """Those of these items that there are, known by their kinds and ids."""
        for some in chunks(keys, KEYS_PER_READ):
            yield from self._get_some(some)

    def _get_some(self, keys: list[tuple[str, str]]) -> Iterator[dict[str, Any]]:
        asked: Any = {self._name: {"Keys": [_key(*key) for key in keys], "ConsistentRead": True}}
        for pause in itertools.chain(PAUSES_SECONDS, itertools.repeat(PAUSES_SECONDS[-1])):
            answer = self._dynamodb.batch_get_item(RequestItems=asked)
            yield from map(_plain, answer["Responses"].get(self._name, ()))
            asked = answer.get("UnprocessedKeys")
            if not asked:
                return
            self._sleep(pause)

    def update(
        self,
        kind: str,
        id_: str,
        expression: str,
        values: Mapping[str, Any],
        condition: str | None = None,
        names: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """Change an item now, and return it as it is then.

        Raises:
            ConditionFailed: the condition does not hold; nothing has changed.
            Conflict: transactions have been writing the item all the time.
        """

        def change() -> dict[str, Any]:
            answer = self._dynamodb.update_item(
                **self._item(kind, id_),
                UpdateExpression=expression,
                **_conditional(condition, values, names),
                ReturnValues="ALL_NEW",
            )
            return _plain(answer["Attributes"])

        return self._again(change, lambda error: isinstance(error, self.Conflict))

    def delete(self, kind: str, id_: str, condition: str, values: Mapping[str, Any]) -> None:
        """Remove an item now.

        Raises:
            ConditionFailed: the condition does not hold; nothing has changed.
            Conflict: transactions have been writing the item all the time.
        """

        def remove() -> None:
            self._dynamodb.delete_item(**self._item(kind, id_), **_conditional(condition, values))

        self._again(remove, lambda error: isinstance(error, self.Conflict))

    def replacement(
        self,
        kind: str,
        id_: str,
        attributes: Mapping[str, Any],
        condition: str | None = None,
        values: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, Any]:
        """The replacement of an item as a whole, to be written together with others."""
        item = {**_key(kind, id_), **_typed(attributes)}
        return {"Put": {"TableName": self._name, "Item": item, **_conditional(condition, values)}}

    def removal(
        self, kind: str, id_: str, condition: str | None = None, values: Mapping[str, Any] = MappingProxyType({})
    ) -> dict[str, Any]:
        """The removal of an item, to be written together with others."""
        return {"Delete": {**self._item(kind, id_), **_conditional(condition, values)}}

    def change(
        self, kind: str, id_: str, expression: str, values: Mapping[str, Any], condition: str | None = None
    ) -> dict[str, Any]:
        """A change of an item, to be written together with others."""
        return {"Update": {**self._item(kind, id_), "UpdateExpression": expression, **_conditional(condition, values)}}

    def check(self, kind: str, id_: str, condition: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """A condition on an item that is not written, for others to be written only if it holds."""
        return {"ConditionCheck": {**self._item(kind, id_), **_conditional(condition, values)}}

    def write(self, groups: Iterable[Sequence[Any]], check: Any = None) -> None:
        """Write groups of replacements and removals, as many groups at a time as DynamoDB takes; each such batch wholly
        or not at all.

        They go out no faster than DynamoDB takes them. A batch that is throttled all the same, or meets another write,
        comes again.

        Args:
            groups: what belongs together.
            check: what has to hold for each batch; comes first among the reasons of a cancellation. Default: nothing.

        Raises:
            Cancelled: a condition does not hold, or DynamoDB throttles for longer than it should.
        """
        first = [check] if check else []
        for number, batch in enumerate(_batches(groups, ACTIONS_PER_TRANSACTION - len(first))):
            if number >= WRITES_PER_SECOND / ACTIONS_PER_TRANSACTION:
                # Half of a batch, the copies, goes to the partition of the association, the rest to many others.
                self._sleep(len(batch) / 2 / WRITES_PER_SECOND)
            self._transact([*first, *batch])

    def _transact(self, actions: list[Any]) -> None:
        def write() -> None:
            self._dynamodb.transact_write_items(TransactItems=actions)

        self._again(write, lambda error: isinstance(error, self.Cancelled) and _is_transient(error))

    def _again(self, call: Callable[[], T], is_transient: Callable[[ClientError], bool]) -> T:
        """Make a call, and make it again for as long as it is only throttled or meets another one."""
        for pause in PAUSES_SECONDS:
            try:
                return call()
            except ClientError as error:
                if not is_transient(error):
                    raise
            self._sleep(pause)
        return call()

    def _item(self, kind: str, id_: str) -> Any:
        return {"TableName": self._name, "Key": _key(kind, id_)}


def reasons(error: ClientError) -> list[str]:
    """Why each action of a cancelled transaction did not happen, in their order; ``None`` where nothing is wrong."""
    answer: Any = error.response
    return [str(reason.get("Code")) for reason in answer.get("CancellationReasons", ())]


def _is_transient(error: ClientError) -> bool:
    """Whether a transaction was cancelled for nothing but coming too fast, or at the same time as another one:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    codes = set(reasons(error)) - {"None"}
    return bool(codes) and codes <= {"ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflict"}


def _batches(groups: Iterable[Sequence[Any]], size: int) -> Iterator[list[Any]]:
    """Whole groups, in lists of at most ``size`` actions."""
    batch: list[Any] = []
    for group in groups:
        if batch and len(batch) + len(group) > size:
            yield batch
            batch = []
        batch += group
    if batch:
        yield batch


def _key(kind: str, id_: str) -> dict[str, Any]:
    return _typed({LEDGER_PARTITION_KEY: kind, LEDGER_SORT_KEY: id_})


def _conditional(
    condition: str | None, values: Mapping[str, Any], names: Mapping[str, str] = MappingProxyType({})
) -> Any:
    return {
        **({"ExpressionAttributeNames": dict(names)} if names else {}),
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
