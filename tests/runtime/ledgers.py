"""What the tests of the ledger share: events, steps, and short ways to work with a ledger as an invocation does."""

import itertools
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from cdk_instance_role.runtime.association.contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action, Step
from cdk_instance_role.runtime.association.ledger.lease import Lease
from cdk_instance_role.runtime.association.ledger.lock import Timing
from cdk_instance_role.runtime.association.ledger.records import Ledger
from cdk_instance_role.runtime.association.ledger.table import Table
from cdk_instance_role.runtime.association.operation import Operation
from cdk_instance_role.runtime.association.request.event import Request, RequestType
from tests.simulator.clock import VirtualClock
from tests.simulator.dynamodb import TABLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = 1_800_000_000.25
OLD, WEB, WEB2 = (f"arn:aws:iam::111122223333:instance-profile/{name}" for name in ("Old", "Web", "Web2"))
_numbers = itertools.count(1)


def request(
    stack: str | None = None, type_: RequestType = RequestType.CREATE, digests: tuple[str, str] = ("", "a")
) -> Request:
    """An event; without a stack, the first one of an association of its own."""
    number = next(_numbers)
    return Request(
        type=type_,
        id=f"request-{number}",
        stack_id=stack or f"stack-{number}",
        logical_id="Association",
        physical_id=None,
        desired=None,
        digests=digests,
    )


def later(earlier: Request, type_: RequestType = RequestType.UPDATE, digests: tuple[str, str] = ("a", "b")) -> Request:
    """An event for the same association."""
    return request(earlier.stack_id, type_, digests)


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def step(
    number: int, action: Action = Action.ASSOCIATE, before: str | None = None, after: str | None = WEB, **more: Any
) -> Step:
    return Step(instance_id(number), action, "because", before, after, **more)


def create_table(dynamodb: "DynamoDBClient") -> None:
    """The table as the construct defines it."""
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": LEDGER_PARTITION_KEY, "KeyType": "HASH"},
            {"AttributeName": LEDGER_SORT_KEY, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in (LEDGER_PARTITION_KEY, LEDGER_SORT_KEY)
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=TABLE)


def empty_table(dynamodb: "DynamoDBClient") -> None:
    """Delete all items."""
    names = (LEDGER_PARTITION_KEY, LEDGER_SORT_KEY)
    for page in dynamodb.get_paginator("scan").paginate(TableName=TABLE, ConsistentRead=True):
        for item in page["Items"]:
            dynamodb.delete_item(TableName=TABLE, Key={name: item[name] for name in names})


class LedgerUser:
    """Works with a ledger as the handler's invocations do, on virtual time."""

    def __init__(self, dynamodb: "DynamoDBClient", clock: VirtualClock) -> None:
        self.dynamodb, self.clock = dynamodb, clock
        self.table = Table(dynamodb, TABLE, sleep=clock.sleep)
        self.ledger = Ledger(self.table)
        self.timing = Timing(clock, clock.monotonic, clock.sleep, clock.every)

    def begin(self, request: Request, now: float = NOW) -> Operation:
        return self.ledger.operations.begin(request, now)

    def lease(self, request: Request, owner: str = "me") -> AbstractContextManager[Lease]:
        return self.ledger.lease(request, owner, self.timing)

    def claim(self, request: Request, *steps: Step, now: float = NOW) -> dict[str, Record]:
        """Claim with what the ledger says now, and return what it says of these instances then."""
        self.begin(request)
        known = self.ledger.records_of(request.association, [one.instance_id for one in steps])
        with self.lease(request) as lease:
            return self.ledger.claim(lease, known, steps, now)

    def commit(self, request: Request, records: Iterable[Record], wanted: str, *, retain: bool = False) -> None:
        with self.lease(request) as lease:
            self.ledger.commit(lease, records, wanted, retain=retain)

    def forget(self, request: Request, records: Iterable[Record], *, reverting: bool = False) -> None:
        with self.lease(request) as lease:
            self.ledger.forget(lease, records, reverting=reverting)

    def records(self, request: Request) -> dict[str, Record]:
        """What the association holds."""
        return self.ledger.records(request.association)

    def record(self, request: Request, number: int = 1) -> Record:
        """What the ledger says of one instance, whichever association holds it."""
        id_ = instance_id(number)
        return self.ledger.records_of(request.association, [id_])[id_]

    def keys(self, partitions: Collection[str]) -> set[tuple[str, str]]:
        """The keys of all items in some partitions."""
        items = (item for partition in partitions for item in self.table.query(partition))
        return {(item[LEDGER_PARTITION_KEY], item[LEDGER_SORT_KEY]) for item in items}
