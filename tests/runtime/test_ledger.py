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
from cdk_instance_role.runtime.association.operation import BusyError, ClosedError
from cdk_instance_role.runtime.association.record import Record, held
from cdk_instance_role.runtime.association.request import Request, RequestType
from cdk_instance_role.runtime.association.services import CHANGING, READING
from cdk_instance_role.runtime.association.step import Action, Step
from cdk_instance_role.runtime.association.table import Table
from localaws.ministack import LocalAws
from tests.simulator.clients import Clients
from tests.simulator.dynamodb import TABLE, UPDATE
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
def ledger(dynamodb: Any, simulator: Simulator) -> Iterator[Ledger]:
    """A ledger that is empty: all associations share its instances, and all these tests the local table."""
    ledger = Ledger(Table(dynamodb, TABLE, sleep=simulator.clock.sleep))
    yield ledger
    ledger.forget(Record(id_, revision=record.revision) for id_, record in ledger.records("nobody").items())


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


def _id(number: int) -> str:
    return f"i-{number:017x}"


def _step(
    number: int, action: Action = Action.ASSOCIATE, before: str | None = None, after: str | None = WEB, **more: Any
) -> Step:
    return Step(_id(number), action, "because", before, after, **more)


def _hold(ledger: Ledger, request: Request, owner: str = "me", now: float = NOW) -> Any:
    return ledger.hold(request, owner, now, now + 100)


def _claim(ledger: Ledger, request: Request, *steps: Step, now: float = NOW) -> dict[str, Record]:
    """Claim with what the ledger says now, and return what it says of these instances then."""
    return ledger.claim(request.association, ledger.records(request.association), steps, now)


def _of(ledger: Ledger, request: Request, number: int = 1) -> Record:
    """What the ledger says of one instance."""
    return ledger.records(request.association)[_id(number)]


def test_knows_nothing_at_first(ledger: Ledger, request_: Request) -> None:
    assert held(ledger.records(request_.association)) == {}


def test_says_again_what_was_written(ledger: Ledger, request_: Request) -> None:
    steps = [_step(1), _step(2, Action.REPLACE, OLD), _step(3, Action.SWAP, OLD), _step(4, Action.KEEP, WEB)]
    written = _claim(ledger, request_, *steps)
    assert held(ledger.records(request_.association)) == written
    assert {id_: record.previous for id_, record in written.items()} == {
        _id(1): None,
        _id(2): OLD,
        _id(3): OLD,
        _id(4): WEB,
    }


@pytest.mark.parametrize("previous", [None, OLD])
def test_keeps_a_previous_profile(ledger: Ledger, request_: Request, previous: str | None) -> None:
    _claim(ledger, request_, _step(1, before=previous))
    _claim(ledger, request_, _step(1, Action.REPLACE, WEB, WEB2))
    assert _of(ledger, request_).previous == previous
    assert _of(ledger, request_).ours == {WEB, WEB2}


def test_notes_what_came_of_a_step(ledger: Ledger, request_: Request) -> None:
    steps = [_step(1, Action.SWAP, OLD), _step(2, Action.SWAP, OLD)]
    claimed = _claim(ledger, request_, *steps)
    outcomes = [Outcome(steps[0]), Outcome(steps[1], Meaning.REFUSED, "no")]
    ledger.note(request_.association, claimed, outcomes, NOW + 1.5, 0.0)
    done, refused = _of(ledger, request_, 1), _of(ledger, request_, 2)
    assert (done.acted_at, done.detached) == (NOW + 1.5, None)
    assert (refused.acted_at, refused.detached) == (None, OLD)
    assert refused.mine
    assert refused.mine.latest.error == "no"


def test_settles_what_is_ours(ledger: Ledger, request_: Request) -> None:
    _claim(ledger, request_, _step(1, Action.SWAP, OLD))
    claimed = _claim(ledger, request_, _step(1, Action.REPLACE, WEB, WEB2))
    ledger.settle(claimed.values(), WEB2)
    assert _of(ledger, request_).is_settled(WEB2)


def test_forgets(ledger: Ledger, request_: Request) -> None:
    claimed = _claim(ledger, request_, _step(1), _step(2))
    ledger.forget([claimed[_id(1)]])
    assert held(ledger.records(request_.association)).keys() == {_id(2)}


def test_nothing_to_write_is_no_error(ledger: Ledger, request_: Request) -> None:
    assert _claim(ledger, request_) == {}
    ledger.note(request_.association, {}, [], NOW, 0.0)
    ledger.settle([], WEB)
    ledger.forget([])


def test_writes_more_than_fits_in_one_call(ledger: Ledger, request_: Request) -> None:
    steps = [_step(number) for number in range(1, 252)]
    claimed = _claim(ledger, request_, *steps)
    ledger.note(request_.association, claimed, [Outcome(step) for step in steps], NOW, 0.0)
    records = held(ledger.records(request_.association))
    assert len(records) == 251
    assert {record.acted_at for record in records.values()} == {NOW}
    ledger.forget(records.values())
    assert held(ledger.records(request_.association)) == {}


def test_shares_an_instance_between_associations(ledger: Ledger) -> None:
    one, other = _request(), _request()
    _claim(ledger, one, _step(1, before=OLD))
    _claim(ledger, other, _step(1, Action.REPLACE, WEB, WEB2))
    assert _of(ledger, one).previous == OLD
    assert _of(ledger, one).ours == {WEB}
    assert _of(ledger, other).previous == OLD
    assert _of(ledger, other).ours == {WEB2}

    ledger.forget([_of(ledger, one)])

    assert _of(ledger, one).mine is None
    assert (_of(ledger, other).previous, _of(ledger, other).others) == (OLD, ())


def test_who_has_not_read_what_another_has_written_writes_nothing(ledger: Ledger, dynamodb: Any) -> None:
    one, other = _request(), _request()
    read = ledger.records(one.association)
    _claim(ledger, other, _step(1, before=OLD))

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        ledger.claim(one.association, read, [_step(1, before=None, after=WEB2), _step(2)], NOW)
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        ledger.forget([Record(_id(1), revision=7)])

    assert (_of(ledger, other).previous, _of(ledger, other).others) == (OLD, ())
    assert _id(2) not in ledger.records(one.association)


def test_an_outcome_is_noted_although_another_has_written_meanwhile(ledger: Ledger) -> None:
    one, other = _request(), _request()
    step = _step(1, before=OLD)
    claimed = _claim(ledger, one, step)
    _claim(ledger, other, _step(1, Action.REPLACE, WEB, WEB2))

    ledger.note(one.association, claimed, [Outcome(step)], NOW + 1, 0.0)

    assert _of(ledger, one).acted_at == NOW + 1
    assert [claim.association for claim in _of(ledger, one).others] == [other.association]


def test_keeps_associations_apart(ledger: Ledger) -> None:
    one, other = _request(), _request()
    _claim(ledger, one, _step(1))
    _claim(ledger, other, _step(2))
    ledger.begin(one, NOW)
    assert held(ledger.records(one.association)).keys() == {_id(1)}
    assert held(ledger.records(other.association)).keys() == {_id(2)}


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


def test_an_update_that_changes_nothing_takes_nothing_back(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    ledger.begin(_later(request_, prints=("a", "a")), NOW)

    assert not ledger.begin(_later(request_, prints=("a", "a")), NOW).reversing


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
        levels = {"AssociateIamInstanceProfile": 12.125, "DescribeInstances": -0.5}
        held.leave(levels, {"Targets": 5, "Done": 3}, NOW + 3)
    with _hold(ledger, request_) as held:
        assert (held.operation.proven, held.operation.failure) == (True, "because")
        assert (held.operation.levels, held.operation.progress) == (levels, {"Targets": 5, "Done": 3})
        assert (held.operation.levels_at, held.operation.started_at) == (NOW + 3, NOW)


def test_the_next_operation_starts_afresh_but_with_the_same_buckets(ledger: Ledger, request_: Request) -> None:
    ledger.begin(request_, NOW)
    with _hold(ledger, request_) as held:
        held.prove()
        held.fail("because")
        held.leave({"DescribeInstances": 1.0}, {"Targets": 5}, NOW)
    operation = ledger.begin(_later(request_), NOW + 10)
    assert (operation.proven, operation.failure, operation.started_at) == (False, None, NOW + 10)
    assert (operation.levels, operation.progress) == ({"DescribeInstances": 1.0}, {})


def test_an_event_that_comes_between_is_not_lost(
    simulated_dynamodb: Any, request_: Request, simulator: Simulator
) -> None:
    """Two events begin at the same moment, and each has read what was there before."""
    ledger = Ledger(Table(simulated_dynamodb, TABLE))
    ledger.begin(request_, NOW)
    second, third = _later(request_), _later(request_)

    def come_between() -> None:
        ledger.begin(second, NOW + 1)

    simulator.traffic.meanwhile(UPDATE, come_between)
    ledger.begin(third, NOW + 2)
    with pytest.raises(SupersededError):
        ledger.begin(second, NOW + 3)


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
    claimed = _claim(ledger, request_, _step(1))
    with _hold(ledger, request_):
        ledger.forget(claimed.values())
        ledger.close(request_.association)
    for kind, id_ in (("operation", request_.association), ("instance", _id(1))):
        key = {LEDGER_PARTITION_KEY: {"S": kind}, LEDGER_SORT_KEY: {"S": id_}}
        assert "Item" not in dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)


@pytest.mark.parametrize(
    "change",
    [
        {"UpdateExpression": "SET Action = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "SET Held = :v", "ExpressionAttributeValues": {":v": {"S": "x"}, ":w": {"S": "x"}}},
        {"UpdateExpression": "SET Held = :w", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "SET #a = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "ADD Ours :v", "ExpressionAttributeValues": {":v": {"SS": []}}},
        {"UpdateExpression": "SET Id = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
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
        {"UpdateExpression": "DELETE Ours :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "SET Held = Other", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    ],
)
def test_the_simulator_takes_nothing_that_it_does_not_know(simulated_dynamodb: Any, change: dict[str, Any]) -> None:
    key = {LEDGER_PARTITION_KEY: {"S": "strict"}, LEDGER_SORT_KEY: {"S": "item"}}
    with pytest.raises(simulated_dynamodb.exceptions.ClientError):
        simulated_dynamodb.update_item(TableName=TABLE, Key=key, ReturnValues="ALL_NEW", **change)
