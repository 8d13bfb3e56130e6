"""DynamoDB: conditions, transactions, pages, and what happens when it fails."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.simulator.calls import refusal
from tests.simulator.clients import Clients
from tests.simulator.dynamodb import MAX_WRITES, TABLE, TRANSACT, UPDATE
from tests.simulator.errors import AwsError
from tests.simulator.faults import KilledError
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OUTAGE = AwsError("InternalServerError", "Internal server error", HTTPStatus.INTERNAL_SERVER_ERROR)
NO_ANSWER = ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com/")
TOKEN = "one-and-the-same"
ONLY_NEW, ONLY_KNOWN = "attribute_not_exists(Profile)", "attribute_exists(Profile)"


@pytest.fixture
def dynamodb(clients: Clients) -> "DynamoDBClient":
    return clients.dynamodb


def entry(name: str) -> Any:
    """Which item a call is about."""
    return {"TableName": TABLE, "Key": {"Kind": {"S": "one"}, "Id": {"S": name}}}


def change(name: str, profile: str = "Web", condition: str | None = None) -> Any:
    """Put a profile into an item."""
    return {
        **entry(name),
        "UpdateExpression": "SET Profile = :profile",
        "ExpressionAttributeValues": {":profile": {"S": profile}},
        **({"ConditionExpression": condition} if condition else {}),
    }


def content(dynamodb: "DynamoDBClient", name: str) -> str | None:
    """The profile in an item."""
    item = dynamodb.get_item(**entry(name), ConsistentRead=True).get("Item")
    return item["Profile"]["S"] if item else None


def put(name: str, condition: str | None = None, **attributes: str) -> Any:
    """The replacement of an item, as a write of a transaction."""
    texts = {key: {"S": text} for key, text in attributes.items()}
    item = {"TableName": TABLE, "Item": {**entry(name)["Key"], **texts}}
    return {"Put": {**item, "ConditionExpression": condition} if condition else item}


def everything(dynamodb: "DynamoDBClient") -> list[Any]:
    """The pages of a query for everything of one kind."""
    query = dynamodb.get_paginator("query").paginate(
        TableName=TABLE,
        KeyConditionExpression="Kind = :kind",
        ExpressionAttributeValues={":kind": {"S": "one"}},
        ConsistentRead=True,
    )
    return list(query)


def fill(dynamodb: "DynamoDBClient", count: int) -> list[str]:
    """Items, and their names in the order of the table."""
    names = [f"entry-{number:03}" for number in range(count)]
    for name in reversed(names):
        dynamodb.update_item(**change(name))
    return names


def test_an_update_takes_effect(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(**change("a"))
    dynamodb.update_item(**change("a", "Old"))
    assert content(dynamodb, "a") == "Old"


def test_an_update_whose_condition_holds_takes_effect(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(**change("a", condition=ONLY_NEW))
    assert content(dynamodb, "a") == "Web"


def test_an_update_whose_condition_does_not_hold_takes_no_effect(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(**change("a"))
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.update_item(**change("a", "Old", ONLY_NEW))
    assert content(dynamodb, "a") == "Web"


def test_a_transaction_takes_effect_as_a_whole(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(**change("b"))
    dynamodb.transact_write_items(TransactItems=[{"Update": change("a")}, {"Delete": entry("b")}])
    assert (content(dynamodb, "a"), content(dynamodb, "b")) == ("Web", None)


def test_a_transaction_with_one_condition_that_does_not_hold_takes_no_effect(dynamodb: "DynamoDBClient") -> None:
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(
            TransactItems=[{"Update": change("a")}, {"Update": change("b", condition=ONLY_KNOWN)}]
        )
    assert (content(dynamodb, "a"), content(dynamodb, "b")) == (None, None)


@pytest.mark.parametrize(("again", "left"), [(TOKEN, "Old"), ("another", "Web")])
def test_a_transaction_that_is_sent_twice_with_the_same_token_takes_effect_once(
    dynamodb: "DynamoDBClient", again: str, left: str
) -> None:
    dynamodb.transact_write_items(TransactItems=[{"Update": change("a")}], ClientRequestToken=TOKEN)
    dynamodb.update_item(**change("a", "Old"))
    dynamodb.transact_write_items(TransactItems=[{"Update": change("a")}], ClientRequestToken=again)
    assert content(dynamodb, "a") == left


def test_a_transaction_that_was_cancelled_can_be_sent_again_with_the_same_token(dynamodb: "DynamoDBClient") -> None:
    known: Any = {"TransactItems": [{"Update": change("a", condition=ONLY_KNOWN)}], "ClientRequestToken": TOKEN}
    assert refusal(dynamodb.transact_write_items, **known)[0] == "TransactionCanceledException"
    dynamodb.update_item(**change("a", "Old"))
    dynamodb.transact_write_items(**known)
    assert content(dynamodb, "a") == "Web"


@pytest.mark.parametrize("failure", [OUTAGE, NO_ANSWER])
def test_a_transaction_whose_answer_was_lost_is_repeated_and_takes_effect_once(
    simulator: Simulator, dynamodb: "DynamoDBClient", failure: AwsError | ReadTimeoutError
) -> None:
    simulator.traffic.fail(TRANSACT, failure, after_effect=True)
    dynamodb.transact_write_items(TransactItems=[{"Update": change("a", condition=ONLY_NEW)}])
    assert (content(dynamodb, "a"), simulator.traffic.count(TRANSACT)) == ("Web", 2)


def test_an_update_whose_answer_was_lost_is_repeated_and_conflicts_with_itself(
    simulator: Simulator, dynamodb: "DynamoDBClient"
) -> None:
    simulator.traffic.fail(UPDATE, OUTAGE, after_effect=True)
    assert refusal(dynamodb.update_item, **change("a", condition=ONLY_NEW))[0] == "ConditionalCheckFailedException"
    assert (content(dynamodb, "a"), simulator.traffic.count(UPDATE)) == ("Web", 2)


def test_a_call_succeeds_after_a_short_outage(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    simulator.traffic.fail(UPDATE, OUTAGE, times=10)
    with pytest.raises(ClientError, match="InternalServerError"):
        dynamodb.update_item(**change("a"))
    assert content(dynamodb, "a") is None


def test_an_invocation_can_be_killed_after_a_write(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    simulator.traffic.kill_switch.kill_at = 1
    with pytest.raises(KilledError):
        dynamodb.update_item(**change("a"))
    simulator.traffic.kill_switch.restart()
    assert content(dynamodb, "a") == "Web"


def test_a_transaction_accepts_a_hundred_writes(dynamodb: "DynamoDBClient") -> None:
    dynamodb.transact_write_items(TransactItems=[{"Update": change(str(number))} for number in range(MAX_WRITES)])
    assert content(dynamodb, "99") == "Web"


def test_fails_when_a_transaction_has_no_writes_or_more_than_a_hundred(simulator: Simulator) -> None:
    for count in (0, MAX_WRITES + 1):
        writes = [{"Update": change(str(number))} for number in range(count)]
        with pytest.raises(AwsError, match="ValidationException"):
            simulator.dynamodb.actions[TRANSACT]({"TransactItems": writes})


def test_fails_when_a_transaction_writes_an_item_twice(dynamodb: "DynamoDBClient") -> None:
    twice: Any = [{"Update": change("a")}, {"Delete": entry("a")}]
    assert refusal(dynamodb.transact_write_items, TransactItems=twice)[0] == "ValidationException"


@pytest.mark.parametrize("count", [0, 3, 4, 5, 9])
def test_the_pages_of_a_query_hold_every_item_once(
    simulator: Simulator, dynamodb: "DynamoDBClient", count: int
) -> None:
    simulator.dynamodb.page_size = 4
    names = fill(dynamodb, count)
    pages = everything(dynamodb)
    assert [item["Id"]["S"] for page in pages for item in page["Items"]] == names
    assert max(len(page["Items"]) for page in pages) <= 4


def test_an_empty_page_may_follow_a_full_one(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    simulator.dynamodb.page_size = 4
    fill(dynamodb, 4)
    assert [len(page["Items"]) for page in everything(dynamodb)] == [4, 0]


def test_a_query_returns_items_of_one_kind_only(dynamodb: "DynamoDBClient") -> None:
    fill(dynamodb, 2)
    other = change("other")
    dynamodb.update_item(**{**other, "Key": {**other["Key"], "Kind": {"S": "two"}}})
    assert [len(page["Items"]) for page in everything(dynamodb)] == [2]


def test_a_put_replaces_the_whole_item(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(**change("a"))
    dynamodb.transact_write_items(TransactItems=[put("a", Wanted="Web")])
    assert dynamodb.get_item(**entry("a"), ConsistentRead=True)["Item"].keys() == {"Kind", "Id", "Wanted"}


def test_a_put_whose_condition_does_not_hold_takes_no_effect(dynamodb: "DynamoDBClient") -> None:
    dynamodb.update_item(**change("a"))
    conditional = put("a", ONLY_NEW, Profile="Old")
    assert refusal(dynamodb.transact_write_items, TransactItems=[conditional])[0] == "TransactionCanceledException"
    assert content(dynamodb, "a") == "Web"


def test_fails_when_a_read_is_not_consistent(dynamodb: "DynamoDBClient") -> None:
    assert refusal(dynamodb.get_item, **entry("a"))[0] == "ValidationException"


def test_a_partition_allows_a_limited_number_of_writes_in_a_second(
    simulator: Simulator, dynamodb: "DynamoDBClient"
) -> None:
    def write(batch: int) -> None:
        items: Any = [{"Update": change(f"entry-{batch}-{number}")} for number in range(MAX_WRITES)]
        dynamodb.transact_write_items(TransactItems=items)

    for batch in range(5):
        write(batch)
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as cancelled:
        write(5)
    reasons = cancelled.value.response["CancellationReasons"]
    assert {reason["Code"] for reason in reasons} == {"ThrottlingError"}
    assert len(reasons) == MAX_WRITES
    simulator.clock.sleep(0.2)
    write(5)
