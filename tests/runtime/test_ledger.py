"""The ledger, on the simulator and on the DynamoDB of the local AWS: both must behave alike."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_instance_role.runtime.association.apply import Outcome
from cdk_instance_role.runtime.association.contract import LEDGER_PARTITION_KEY, LEDGER_SORT_KEY
from cdk_instance_role.runtime.association.errors import Meaning
from cdk_instance_role.runtime.association.failures import SupersededError
from cdk_instance_role.runtime.association.ledger import Ledger
from cdk_instance_role.runtime.association.model import Record
from cdk_instance_role.runtime.association.operation import BusyError, ClosedError
from cdk_instance_role.runtime.association.request import Request, RequestType
from cdk_instance_role.runtime.association.services import CHANGING, READING
from cdk_instance_role.runtime.association.step import Action, Step
from cdk_instance_role.runtime.association.table import Table
from localaws.ministack import LocalAws
from tests.simulator.clients import Clients
from tests.simulator.dynamodb import TABLE
from tests.simulator.simulator import Simulator

NOW = 1_800_000_000.25
OLD, WEB, WEB2 = (f"arn:aws:iam::111122223333:instance-profile/{name}" for name in ("Old", "Web", "Web2"))
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def local_dynamodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with LocalAws(tmp_path_factory.mktemp("ministack")) as aws:
        dynamodb = aws.client("dynamodb")
        keys = {LEDGER_PARTITION_KEY: "HASH", LEDGER_SORT_KEY: "RANGE"}
        dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.get_waiter("table_exists").wait(TableName=TABLE)
        yield dynamodb


@pytest.fixture
def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
def simulated_dynamodb(simulator: Simulator) -> Any:
    simulator.dynamodb.page_size = 7
    return Clients.of(simulator, reading=READING, changing=CHANGING).dynamodb


@pytest.fixture(params=["simulated", "local"])
def dynamodb(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{request.param}_dynamodb")


@pytest.fixture
def ledger(dynamodb: Any) -> Ledger:
    return Ledger(Table(dynamodb, TABLE))


@pytest.fixture
def request_() -> Request:
    return _request()


def _request(
    stack: str | None = None, type_: RequestType = RequestType.CREATE, prints: tuple[str, str] = ("", "a")
) -> Request:
    number = next(_numbers)
    return Request(
        type=type_,
        id=f"request-{number}",
        stack_id=stack or f"stack-{number}",
        logical_id="Association",
        physical_id=None,
        desired=None,
        fingerprints=prints,
    )


def _later(request: Request, type_: RequestType = RequestType.UPDATE, prints: tuple[str, str] = ("a", "b")) -> Request:
    return _request(request.stack_id, type_, prints)


def _step(
    number: int, action: Action = Action.ASSOCIATE, before: str | None = None, after: str | None = WEB, **more: Any
) -> Step:
    return Step(f"i-{number:017x}", action, "because", before, after, **more)


def _hold(ledger: Ledger, request: Request, owner: str = "me", now: float = NOW) -> Any:
    return ledger.hold(request, owner, now, now + 100)


def test_knows_nothing_at_first(ledger: Ledger, request_: Request) -> None:
    assert ledger.records(request_.association) == {}


def test_writes_the_previous_profile_ahead(ledger: Ledger, request_: Request) -> None:
    steps = [_step(1), _step(2, Action.REPLACE, OLD), _step(3, Action.SWAP, OLD), _step(4, Action.KEEP, WEB)]
    ledger.claim(request_.association, steps, NOW)
    assert ledger.records(request_.association) == {
        "i-00000000000000001": Record("i-00000000000000001", None, frozenset({WEB})),
        "i-00000000000000002": Record("i-00000000000000002", OLD, frozenset({WEB})),
        "i-00000000000000003": Record("i-00000000000000003", OLD, frozenset({WEB}), detached=OLD),
        "i-00000000000000004": Record("i-00000000000000004", WEB, frozenset({WEB})),
    }


@pytest.mark.parametrize("previous", [None, OLD])
def test_never_overwrites_a_previous_profile(ledger: Ledger, request_: Request, previous: str | None) -> None:
    ledger.claim(request_.association, [_step(1, before=previous)], NOW)
    ledger.claim(request_.association, [_step(1, Action.REPLACE, WEB, WEB2)], NOW)
    (record,) = ledger.records(request_.association).values()
    assert record == Record(record.instance_id, previous, frozenset({WEB, WEB2}))


def test_an_undo_claims_no_profile(ledger: Ledger, request_: Request) -> None:
    ledger.claim(request_.association, [_step(1, before=OLD)], NOW)
    ledger.claim(request_.association, [_step(1, Action.SWAP, WEB, OLD, undo=True)], NOW)
    (record,) = ledger.records(request_.association).values()
    assert record == Record(record.instance_id, OLD, frozenset({WEB}), detached=WEB)


def test_remembers_since_when_it_knows_what_an_instance_had(ledger: Ledger, request_: Request) -> None:
    ledger.claim(request_.association, [_step(1, before=OLD)], NOW)
    ledger.claim(request_.association, [_step(1, Action.REPLACE, WEB, WEB2)], NOW + 5)
    assert [record.since for record in ledger.records(request_.association).values()] == [NOW]
    ledger.claim(request_.association, [_step(1, before=None, first=True)], NOW + 10)
    assert [record.since for record in ledger.records(request_.association).values()] == [NOW + 10]


def test_notes_what_came_of_a_step(ledger: Ledger, request_: Request) -> None:
    steps = [_step(1, Action.SWAP, OLD), _step(2, Action.SWAP, OLD)]
    ledger.claim(request_.association, steps, NOW)
    ledger.note(request_.association, [Outcome(steps[0]), Outcome(steps[1], Meaning.REFUSED, "no")], NOW + 1.5)
    done, refused = ledger.records(request_.association).values()
    assert (done.acted_at, done.detached) == (NOW + 1.5, None)
    assert (refused.acted_at, refused.detached) == (None, OLD)


def test_settles_what_is_ours(ledger: Ledger, request_: Request) -> None:
    ledger.claim(request_.association, [_step(1, Action.SWAP, OLD)], NOW)
    ledger.claim(request_.association, [_step(1, Action.REPLACE, WEB, WEB2)], NOW)
    ledger.settle(request_.association, ["i-00000000000000001"], WEB2)
    (record,) = ledger.records(request_.association).values()
    assert record == Record("i-00000000000000001", OLD, frozenset({WEB2}))


def test_forgets(ledger: Ledger, request_: Request) -> None:
    ledger.claim(request_.association, [_step(1), _step(2)], NOW)
    ledger.forget(request_.association, ["i-00000000000000001", "i-00000000000000009"])
    assert ledger.records(request_.association).keys() == {"i-00000000000000002"}


def test_nothing_to_write_is_no_error(ledger: Ledger, request_: Request) -> None:
    ledger.claim(request_.association, [], NOW)
    ledger.note(request_.association, [], NOW)
    ledger.settle(request_.association, [], WEB)
    ledger.forget(request_.association, [])


def test_writes_more_than_fits_in_one_call(ledger: Ledger, request_: Request) -> None:
    steps = [_step(number) for number in range(1, 252)]
    ledger.claim(request_.association, steps, NOW)
    ledger.note(request_.association, [Outcome(step) for step in steps], NOW)
    records = ledger.records(request_.association)
    assert len(records) == 251
    assert {record.acted_at for record in records.values()} == {NOW}
    ledger.forget(request_.association, records)
    assert ledger.records(request_.association) == {}


def test_keeps_associations_apart(ledger: Ledger) -> None:
    one, other = _request(), _request()
    ledger.claim(one.association, [_step(1)], NOW)
    ledger.claim(other.association, [_step(2)], NOW)
    ledger.begin(one, NOW)
    assert ledger.records(one.association).keys() == {"i-00000000000000001"}
    assert ledger.records(other.association).keys() == {"i-00000000000000002"}


def test_begins_an_operation_once(ledger: Ledger, request_: Request) -> None:
    assert ledger.begin(request_, NOW).started_at == NOW
    assert ledger.begin(request_, NOW + 100).started_at == NOW


def test_refuses_an_event_that_was_superseded(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    ledger.begin(_later(request_), NOW)
    ledger.begin(_later(request_, RequestType.DELETE), NOW)
    with pytest.raises(SupersededError):
        ledger.begin(request_, NOW)


def test_knows_the_way_back(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    assert not ledger.begin(_later(request_, prints=("a", "b")), NOW).reversing
    back = _later(request_, prints=("b", "a"))
    assert ledger.begin(back, NOW).reversing
    assert ledger.begin(back, NOW).reversing, "also when it is delivered twice"
    assert not ledger.begin(_later(request_, prints=("a", "c")), NOW).reversing


def test_who_goes_back_much_later_does_so_on_purpose(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    ledger.begin(_later(request_, prints=("a", "b")), NOW)

    assert not ledger.begin(_later(request_, prints=("b", "a")), NOW + 7 * 3600).reversing


def test_remembers_how_far_an_operation_is(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    with _hold(ledger, request_) as held:
        assert (held.operation.proven, held.operation.failure, held.operation.levels) == (False, None, {})
        held.prove()
        held.fail("because")
        held.leave({"AssociateIamInstanceProfile": 12.125, "DescribeInstances": -0.5}, NOW + 3)
    with _hold(ledger, request_) as held:
        assert (held.operation.proven, held.operation.failure) == (True, "because")
        assert held.operation.levels == {"AssociateIamInstanceProfile": 12.125, "DescribeInstances": -0.5}
        assert (held.operation.levels_at, held.operation.started_at) == (NOW + 3, NOW)


def test_the_next_operation_starts_afresh_but_with_the_same_buckets(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    with _hold(ledger, request_) as held:
        held.prove()
        held.fail("because")
        held.leave({"DescribeInstances": 1.0}, NOW)
    operation = ledger.begin(_later(request_), NOW + 10)
    assert (operation.proven, operation.failure, operation.started_at) == (False, None, NOW + 10)
    assert operation.levels == {"DescribeInstances": 1.0}


def test_lets_only_one_in(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    with _hold(ledger, request_, "one"), pytest.raises(BusyError), _hold(ledger, request_, "two", NOW + 99):
        pass
    with _hold(ledger, request_, "two"):
        pass


def test_lets_the_next_one_in_once_the_last_one_must_be_over(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    with _hold(ledger, request_, "one"), _hold(ledger, request_, "two", NOW + 101), pytest.raises(BusyError):
        _hold(ledger, request_, "three", NOW + 102).__enter__()


def test_lets_go_also_after_an_error(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    with pytest.raises(ZeroDivisionError), _hold(ledger, request_, "one"):
        raise ZeroDivisionError
    with _hold(ledger, request_, "two"):
        pass


def test_does_not_let_a_superseded_event_in(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    ledger.begin(_later(request_), NOW)
    with pytest.raises(SupersededError), _hold(ledger, request_):
        pass


def test_knows_that_an_operation_is_over(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    with _hold(ledger, request_):
        ledger.close(request_.association)
    with pytest.raises(ClosedError), _hold(ledger, request_):
        pass


def test_leaves_nothing_behind(ledger: Ledger, request_: Request, dynamodb: Any) -> None:
    ledger.begin(request_, NOW)
    ledger.claim(request_.association, [_step(1)], NOW)
    with _hold(ledger, request_):
        ledger.forget(request_.association, ledger.records(request_.association))
        ledger.close(request_.association)
    for entry in ("#operation", "i-00000000000000001"):
        key = {LEDGER_PARTITION_KEY: {"S": request_.association}, LEDGER_SORT_KEY: {"S": entry}}
        assert "Item" not in dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)


@pytest.mark.parametrize(
    "change",
    [
        {"UpdateExpression": "SET Action = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "SET Held = :v", "ExpressionAttributeValues": {":v": {"S": "x"}, ":w": {"S": "x"}}},
        {"UpdateExpression": "SET Held = :w", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "SET #a = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "ADD Ours :v", "ExpressionAttributeValues": {":v": {"SS": []}}},
        {"UpdateExpression": "SET Entry = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    ],
)
def test_the_simulator_is_as_strict_as_a_table(dynamodb: Any, change: dict[str, Any]) -> None:
    key = {LEDGER_PARTITION_KEY: {"S": "strict"}, LEDGER_SORT_KEY: {"S": "item"}}
    with pytest.raises(dynamodb.exceptions.ClientError):
        dynamodb.update_item(TableName=TABLE, Key=key, ReturnValues="ALL_NEW", **change)


@pytest.mark.parametrize(
    "change",
    [
        {"UpdateExpression": "REMOVE Held", "ExpressionAttributeValues": {}},
        {"UpdateExpression": "SET Held = :v REMOVE Held", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "SET Held :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "DELETE Ours :v", "ExpressionAttributeValues": {":v": {"SS": ["x"]}}},
        {"UpdateExpression": "SET Held = Other", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    ],
)
def test_the_simulator_takes_nothing_that_it_does_not_know(simulated_dynamodb: Any, change: dict[str, Any]) -> None:
    key = {LEDGER_PARTITION_KEY: {"S": "strict"}, LEDGER_SORT_KEY: {"S": "item"}}
    with pytest.raises(simulated_dynamodb.exceptions.ClientError):
        simulated_dynamodb.update_item(TableName=TABLE, Key=key, ReturnValues="ALL_NEW", **change)
