"""The records of the ledger, on the simulator, the local AWS and moto: all must behave alike."""

from typing import Any

import pytest

from cdk_instance_role.runtime.association.decide.outcome import ErrorKind, Outcome
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action
from cdk_instance_role.runtime.association.exceptions import AssociationError, SupersededError
from cdk_instance_role.runtime.association.ledger.lease import BusyError
from cdk_instance_role.runtime.association.request.event import Request, RequestType
from tests.runtime.ledgers import NOW, OLD, WEB, WEB2, LedgerUser, instance_id, later, request, step
from tests.simulator.clock import VirtualClock
from tests.simulator.dynamodb import BATCH_GET, GET, QUERY, TABLE, TRANSACT, cancelled
from tests.simulator.simulator import Simulator


def test_has_no_records_at_first(user: LedgerUser, request_: Request) -> None:
    assert user.records(request_) == {}
    assert user.ledger.records_of(request_.association, [instance_id(1)]) == {}


def test_reads_back_what_was_written(user: LedgerUser, request_: Request) -> None:
    steps = [step(1), step(2, Action.REPLACE, OLD), step(3, Action.SWAP, OLD), step(4, Action.KEEP, WEB)]
    written = user.claim(request_, *steps)
    assert user.records(request_) == written
    assert user.ledger.records_of(request_.association, [one.instance_id for one in steps]) == written
    assert {id_: record.previous for id_, record in written.items()} == {
        instance_id(1): None,
        instance_id(2): OLD,
        instance_id(3): OLD,
        instance_id(4): WEB,
    }


@pytest.mark.parametrize("previous", [None, OLD])
def test_keeps_a_previous_profile(user: LedgerUser, request_: Request, previous: str | None) -> None:
    user.claim(request_, step(1, before=previous))
    user.claim(request_, step(1, Action.REPLACE, WEB, WEB2))
    assert user.record(request_).previous == previous
    assert user.record(request_).ours == {WEB, WEB2}


def test_records_the_outcome_of_a_step(user: LedgerUser, request_: Request) -> None:
    steps = [step(1, Action.SWAP, OLD), step(2, Action.SWAP, OLD)]
    claimed = user.claim(request_, *steps)
    outcomes = [Outcome(steps[0]), Outcome(steps[1], ErrorKind.REFUSED, "no")]
    user.ledger.note(request_.association, claimed, outcomes, NOW + 1.5)
    done, refused = user.record(request_, 1), user.record(request_, 2)
    assert (done.acted_at, done.detached) == (NOW + 1.5, None)
    assert (refused.acted_at, refused.detached) == (None, OLD)
    assert refused.mine
    assert refused.mine.latest.error == "no"


def test_commits_records_on_the_wanted_profile(user: LedgerUser, request_: Request) -> None:
    user.claim(request_, step(1, Action.SWAP, OLD))
    claimed = user.claim(request_, step(1, Action.REPLACE, WEB, WEB2))
    user.commit(request_, claimed.values(), WEB2)
    assert user.record(request_).is_committed(WEB2)
    user.commit(request_, [user.record(request_)], WEB2, retain=True)
    assert user.record(request_).is_committed(WEB2, retain=True)


def test_forgets_records(user: LedgerUser, request_: Request) -> None:
    claimed = user.claim(request_, step(1), step(2))
    user.forget(request_, [claimed[instance_id(1)]])
    assert user.records(request_).keys() == {instance_id(2)}


def test_nothing_to_write_is_no_error(user: LedgerUser, request_: Request) -> None:
    assert user.claim(request_) == {}
    user.ledger.note(request_.association, {}, [], NOW)
    user.commit(request_, [], WEB)
    user.forget(request_, [])


# moto copies the whole table for each transaction: this would take minutes there.
@pytest.mark.parametrize("dynamodb", ["simulated", "local"], indirect=True)
def test_writes_more_than_fits_in_one_call(user: LedgerUser, request_: Request) -> None:
    steps = [step(number) for number in range(1, 252)]
    claimed = user.claim(request_, *steps)
    user.ledger.note(request_.association, claimed, [Outcome(one) for one in steps], NOW)
    records = user.records(request_)
    assert len(records) == 251
    assert {record.acted_at for record in records.values()} == {NOW}
    user.forget(request_, records.values())
    assert user.records(request_) == {}


# Several associations


def test_shares_an_instance_between_associations(user: LedgerUser) -> None:
    one, other = request(), request()
    user.claim(one, step(1, before=OLD))
    user.claim(other, step(1, Action.REPLACE, WEB, WEB2))
    assert user.record(one).previous == OLD
    assert user.record(one).ours == {WEB}
    assert user.record(other).previous == OLD
    assert user.record(other).ours == {WEB2}

    user.forget(one, [user.record(one)])

    assert user.record(one).mine is None
    assert (user.record(other).previous, user.record(other).others) == (OLD, ())


def test_an_association_that_has_not_read_the_latest_record_writes_nothing(user: LedgerUser) -> None:
    one, other = request(), request()
    read = user.records(one)
    user.claim(other, step(1, before=OLD))
    user.begin(one)

    with user.lease(one) as lease, pytest.raises(user.table.Cancelled):
        user.ledger.claim(lease, read, [step(1, before=None, after=WEB2), step(2)], NOW)
    with pytest.raises(user.table.Cancelled):
        user.forget(one, [Record(instance_id(1), revision=7)])

    assert (user.record(other).previous, user.record(other).others) == (OLD, ())
    assert user.ledger.records_of(one.association, [instance_id(2)]) == {}
    assert user.records(one) == {}


def test_an_outcome_is_recorded_although_another_association_has_written_meanwhile(user: LedgerUser) -> None:
    one, other = request(), request()
    claimed = user.claim(one, step(1, before=OLD))
    user.claim(other, step(1, Action.REPLACE, WEB, WEB2))

    user.ledger.note(one.association, claimed, [Outcome(step(1, before=OLD))], NOW + 1)

    assert user.record(one).acted_at == NOW + 1
    assert [claim.association for claim in user.record(one).others] == [other.association]


def test_keeps_associations_apart(user: LedgerUser) -> None:
    one, other = request(), request()
    user.claim(one, step(1))
    user.claim(other, step(2))
    assert user.records(one).keys() == {instance_id(1)}
    assert user.records(other).keys() == {instance_id(2)}


# Layout


def test_an_instance_has_a_record_and_a_copy_of_it_for_each_association(user: LedgerUser) -> None:
    one, other = request(), request()
    partitions = instance_id(1), one.association, other.association
    record, copies = (instance_id(1), "record"), {(key.association, instance_id(1)) for key in (one, other)}

    user.claim(one, step(1, before=OLD))
    assert user.keys(partitions) == {record, (one.association, instance_id(1))}

    user.claim(other, step(1, Action.REPLACE, WEB, WEB2))
    assert user.keys(partitions) == {record, *copies}

    user.forget(one, user.records(one).values())
    assert user.keys(partitions) == {record, (other.association, instance_id(1))}

    user.forget(other, user.records(other).values())
    assert user.keys(partitions) == set()


def test_a_write_of_one_association_is_in_the_copies_of_the_others(user: LedgerUser) -> None:
    one, other = request(), request()
    user.claim(one, step(1, before=OLD))
    claimed = user.claim(other, step(1, Action.REPLACE, WEB, WEB2))
    assert user.records(one)[instance_id(1)] == user.record(one)
    assert [claim.wanted for claim in user.records(one)[instance_id(1)].others] == [WEB2]

    user.ledger.note(other.association, claimed, [Outcome(step(1, Action.REPLACE, WEB, WEB2))], NOW + 2)
    assert user.records(one)[instance_id(1)].acted_at == NOW + 2

    user.forget(other, user.records(other).values())
    assert user.records(one)[instance_id(1)].others == ()


def test_a_record_and_its_copies_are_written_in_one_transaction(simulated: LedgerUser, simulator: Simulator) -> None:
    one, other = request(), request()
    simulated.claim(one, step(1))
    simulated.claim(other, step(1, Action.REPLACE, WEB, WEB2))

    actions = _transactions(simulator)[-1]
    written = {(put["Kind"]["S"], put["Id"]["S"]) for put in (action["Put"]["Item"] for action in actions[1:])}
    copies = {(key.association, instance_id(1)) for key in (one, other)}
    assert written == {(instance_id(1), "record"), *copies}


def test_an_observation_reads_only_what_the_association_holds(simulated: LedgerUser, simulator: Simulator) -> None:
    """For any number of other associations that share the ledger."""
    read, looks = _count_items_read(simulator), []
    for association in range(8):
        one = request()
        simulated.claim(one, *(step(20 * association + number) for number in range(20)))
        read.clear()
        assert len(simulated.records(one)) == 20
        looks.append(len(read))
    assert looks == [20] * 8


def test_records_that_an_association_may_take_over_are_read_by_their_ids(
    simulated: LedgerUser, simulator: Simulator
) -> None:
    one, other = request(), request()
    simulated.claim(one, *(step(number) for number in range(150)))
    simulator.dynamodb.unprocessed = [60]
    read = _count_items_read(simulator)

    ids = [instance_id(number) for number in range(120)]
    assert simulated.ledger.records_of(other.association, ids).keys() == set(ids)
    assert len(read) == 120
    assert simulator.traffic.count(BATCH_GET) == 3 + 2, "three more than for the claim: 100, the 60 left, and 20"


# The lease is checked with each write


def test_no_transaction_is_longer_than_dynamodb_accepts_and_each_one_checks_the_lease(
    simulated: LedgerUser, request_: Request, simulator: Simulator
) -> None:
    steps = [step(number) for number in range(1, 252)]
    claimed = simulated.claim(request_, *steps)
    simulated.commit(request_, claimed.values(), WEB)
    simulated.forget(request_, simulated.records(request_).values())

    begun, *transactions = _transactions(simulator)
    assert len(begun) == 2
    assert [len(actions) for actions in transactions] == 3 * [99, 99, 99, 99, 99, 13]
    for first, *_ in transactions:
        assert first["ConditionCheck"]["Key"] == {"Kind": {"S": "operation"}, "Id": {"S": request_.association}}
        assert first["ConditionCheck"]["ConditionExpression"] == "LeaseOwner = :owner AND RequestId = :id"


def test_an_invocation_whose_lease_was_taken_over_writes_nothing(user: LedgerUser, request_: Request) -> None:
    claimed = user.claim(request_, step(1, before=OLD))
    with user.lease(request_, "one") as lease:
        user.clock.stop_all()
        user.clock.sleep(61)
        with user.lease(request_, "two"):
            with pytest.raises(BusyError):
                user.ledger.claim(lease, {}, [step(2)], NOW)
            with pytest.raises(BusyError):
                user.ledger.commit(lease, claimed.values(), WEB, retain=False)
            with pytest.raises(BusyError):
                user.ledger.forget(lease, claimed.values())
    assert user.records(request_) == claimed


def test_an_invocation_whose_event_was_superseded_writes_nothing(user: LedgerUser, request_: Request) -> None:
    claimed = user.claim(request_, step(1, before=OLD))
    with user.lease(request_) as lease:
        user.begin(later(request_, RequestType.DELETE))
        with pytest.raises(SupersededError):
            user.ledger.claim(lease, {}, [step(2)], NOW)
        with pytest.raises(SupersededError):
            user.ledger.forget(lease, claimed.values())
    assert user.records(request_) == claimed


def test_a_write_that_conflicts_with_another_one_is_repeated(
    simulated: LedgerUser, request_: Request, simulator: Simulator, clock: VirtualClock
) -> None:
    """A renewal of the lease may be under way when a transaction checks it."""
    simulator.traffic.fail(TRANSACT, cancelled("TransactionConflict", "None", "None"), times=3)
    simulated.claim(request_, step(1))
    assert simulated.records(request_).keys() == {instance_id(1)}
    assert clock.elapsed == pytest.approx(0.2 + 0.4 + 0.8)


def test_a_write_that_conflicts_too_often_is_given_up(
    simulated: LedgerUser, request_: Request, simulator: Simulator
) -> None:
    simulator.traffic.fail(TRANSACT, cancelled("None", "TransactionConflict", "None"), times=6)
    with pytest.raises(simulated.table.Cancelled):
        simulated.claim(request_, step(1))
    assert simulated.records(request_) == {}


# Items that somebody has changed


@pytest.mark.parametrize("attributes", [{}, {"InstanceId": "x", "Previous": None, "Claims": "none"}])
def test_an_item_that_cannot_be_read_is_named_and_blocks_no_other_association(
    user: LedgerUser, attributes: dict[str, Any]
) -> None:
    one, other = request(), request()
    user.claim(one, step(1), step(2))
    user.claim(other, step(3))
    user.table.write([[user.table.replacement(one.association, instance_id(2), attributes)]])

    with pytest.raises(AssociationError) as raised:
        user.records(one)

    text = str(raised.value)
    assert text.startswith(f"item {one.association} / {instance_id(2)} of the ledger can't be read (")
    assert text.endswith("or delete it and its copies if the instance has nothing to get back")
    assert user.records(other).keys() == {instance_id(3)}
    assert user.ledger.records_of(other.association, [instance_id(1)])[instance_id(1)].previous is None


# How DynamoDB answers what is wrong


@pytest.mark.parametrize(
    "change",
    [
        {"UpdateExpression": "SET Action = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "SET Held = :v", "ExpressionAttributeValues": {":v": {"S": "x"}, ":w": {"S": "x"}}},
        {"UpdateExpression": "SET Held = :w", "ExpressionAttributeValues": {":v": {"S": "x"}}},
        {"UpdateExpression": "ADD Ours :v", "ExpressionAttributeValues": {":v": {"SS": []}}},
        {"UpdateExpression": "SET Id = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
    ],
)
def test_the_simulator_is_as_strict_as_a_real_table(dynamodb: Any, change: dict[str, Any]) -> None:
    key = {"Kind": {"S": "strict"}, "Id": {"S": "item"}}
    with pytest.raises(dynamodb.exceptions.ClientError):
        dynamodb.update_item(TableName=TABLE, Key=key, ReturnValues="ALL_NEW", **change)


@pytest.mark.parametrize("dynamodb", ["simulated", "local"], indirect=True)  # what moto does: test_moto_deviations.py
def test_refuses_an_expression_name_that_is_not_defined(dynamodb: Any) -> None:
    key, change = {"Kind": {"S": "strict"}, "Id": {"S": "item"}}, "SET #a = :v"
    with pytest.raises(dynamodb.exceptions.ClientError):
        dynamodb.update_item(
            TableName=TABLE, Key=key, UpdateExpression=change, ExpressionAttributeValues={":v": {"S": "x"}}
        )


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
def test_the_simulator_refuses_every_request_that_it_does_not_know(
    simulated_dynamodb: Any, change: dict[str, Any]
) -> None:
    key = {"Kind": {"S": "strict"}, "Id": {"S": "item"}}
    with pytest.raises(simulated_dynamodb.exceptions.ClientError):
        simulated_dynamodb.update_item(TableName=TABLE, Key=key, ReturnValues="ALL_NEW", **change)


def _transactions(simulator: Simulator) -> list[Any]:
    """The actions of each transaction that has taken effect."""
    calls = [call for call in simulator.traffic.calls if call.action == TRANSACT and not call.error]
    return [call.parameters["TransactItems"] for call in calls]


def _count_items_read(simulator: Simulator) -> list[None]:
    """What grows by one for each item that is read from now on."""
    read, actions = list[None](), simulator.dynamodb.actions

    def counting(action: str) -> Any:
        def act(parameters: Any) -> Any:
            answer = actions[action](parameters)
            found = [*answer.get("Items", ()), *answer.get("Responses", {}).get(TABLE, ())]
            read.extend([None] * (len(found) + ("Item" in answer)))
            return answer

        return act

    simulator.dynamodb.actions = {**actions, **{action: counting(action) for action in (GET, QUERY, BATCH_GET)}}
    return read
