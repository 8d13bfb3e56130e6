"""DynamoDB: several items in one call, read in a batch or checked and written in a transaction."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.authority import Authority
from tests.simulator.calls import refusal
from tests.simulator.clients import Clients
from tests.simulator.dynamodb import CONFLICT, TABLE, TRANSACT, UPDATE, cancelled
from tests.simulator.simulator import TABLE_ARN, Simulator

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FREE, HELD = "attribute_not_exists(Owner1)", "attribute_exists(Owner1)"
INVALID, CANCELLED = "ValidationException", "TransactionCanceledException"


@pytest.fixture
def dynamodb(clients: Clients) -> "DynamoDBClient":
    return clients.dynamodb


def key(name: str, kind: str = "one") -> Any:
    return {"Kind": {"S": kind}, "Id": {"S": name}}


def put(name: str, **more: Any) -> Any:
    return {"Put": {"TableName": TABLE, "Item": key(name), **more}}


def check(name: str, condition: str, **more: Any) -> Any:
    return {"ConditionCheck": {"TableName": TABLE, "Key": key(name), "ConditionExpression": condition, **more}}


def asked(*names: str, **more: Any) -> Any:
    keys = [key(name) for name in names]
    return {"RequestItems": {TABLE: {"Keys": keys, "ConsistentRead": True, **more}}}


def names(items: list[Any]) -> set[str]:
    return {item["Id"]["S"] for item in items}


def reasons(dynamodb: "DynamoDBClient", *actions: Any) -> list[Any]:
    """Why a transaction is cancelled."""
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as error:
        dynamodb.transact_write_items(TransactItems=list(actions))
    return error.value.response["CancellationReasons"]


def test_a_batch_returns_the_items_that_exist(dynamodb: "DynamoDBClient") -> None:
    dynamodb.transact_write_items(TransactItems=[put("a"), put("b")])
    answer = dynamodb.batch_get_item(**asked("a", "b", "c"))
    assert names(answer["Responses"][TABLE]) == {"a", "b"}
    assert answer["UnprocessedKeys"] == {}


def test_a_batch_may_leave_keys_for_another_call(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    """What is left over has the form of a request."""
    dynamodb.transact_write_items(TransactItems=[put("a"), put("b"), put("c")])
    simulator.dynamodb.unprocessed = [2, 1]
    found, request = list[Any](), asked("a", "b", "c")
    sizes: list[int] = []
    while request["RequestItems"]:
        answer = dynamodb.batch_get_item(**request)
        sizes.append(len(answer["Responses"][TABLE]))
        found += answer["Responses"][TABLE]
        request = {"RequestItems": answer["UnprocessedKeys"]}
    assert (sizes, names(found)) == ([1, 1, 1], {"a", "b", "c"})


def test_a_batch_may_leave_all_of_its_keys(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    simulator.dynamodb.unprocessed = [100]
    answer = dynamodb.batch_get_item(**asked("a", "b"))
    assert answer["Responses"][TABLE] == []
    assert answer["UnprocessedKeys"] == asked("a", "b")["RequestItems"]


def test_a_batch_accepts_a_hundred_keys(dynamodb: "DynamoDBClient") -> None:
    many = [str(number) for number in range(101)]
    assert dynamodb.batch_get_item(**asked(*many[:100]))["UnprocessedKeys"] == {}
    assert refusal(dynamodb.batch_get_item, **asked(*many))[0] == INVALID


def test_fails_when_a_batch_asks_for_an_item_twice(dynamodb: "DynamoDBClient") -> None:
    assert refusal(dynamodb.batch_get_item, **asked("a", "a"))[0] == INVALID


def test_fails_when_a_batch_is_not_consistent(dynamodb: "DynamoDBClient") -> None:
    assert refusal(dynamodb.batch_get_item, **asked("a", ConsistentRead=False))[0] == INVALID


def test_a_query_may_ask_for_ids_with_a_prefix(dynamodb: "DynamoDBClient") -> None:
    dynamodb.transact_write_items(TransactItems=[put("i-1"), put("i-2"), put("operation")])
    found = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="Kind = :kind AND begins_with(Id, :beginning)",
        ExpressionAttributeValues={":kind": {"S": "one"}, ":beginning": {"S": "i-"}},
        ConsistentRead=True,
    )
    assert names(found["Items"]) == {"i-1", "i-2"}


def test_a_check_that_holds_changes_nothing_and_the_other_actions_take_effect(
    simulator: Simulator, dynamodb: "DynamoDBClient"
) -> None:
    dynamodb.transact_write_items(TransactItems=[check("lease", FREE), put("a")])
    assert simulator.dynamodb.items.keys() == {("one", "a")}


def test_a_check_that_does_not_hold_cancels_the_other_actions(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    (lease, item) = reasons(dynamodb, check("lease", HELD), put("a"))
    assert (lease["Code"], item["Code"]) == ("ConditionalCheckFailed", "None")
    assert simulator.dynamodb.items == {}


def test_the_reasons_are_in_the_order_of_the_actions(dynamodb: "DynamoDBClient") -> None:
    actions = [check("lease", FREE), put("a", ConditionExpression=HELD), put("b"), check("c", HELD)]
    codes = [reason["Code"] for reason in reasons(dynamodb, *actions)]
    assert codes == ["None", "ConditionalCheckFailed", "None", "ConditionalCheckFailed"]


def test_a_reason_shows_the_item_if_asked_for(dynamodb: "DynamoDBClient") -> None:
    dynamodb.transact_write_items(TransactItems=[put("lease")])
    shown, hidden = reasons(
        dynamodb,
        check("lease", HELD, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
        put("lease2", ConditionExpression=HELD),
    )
    assert (shown["Item"], "Item" in hidden) == (key("lease"), False)


def test_the_failure_of_an_update_shows_the_item_if_asked_for(dynamodb: "DynamoDBClient") -> None:
    dynamodb.transact_write_items(TransactItems=[put("lease")])
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as error:
        dynamodb.update_item(
            TableName=TABLE,
            Key=key("lease"),
            UpdateExpression="REMOVE Owner1",
            ConditionExpression=HELD,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    answer: Any = error.value.response
    assert answer["Item"] == key("lease")


def test_an_update_returns_the_item_if_asked_for(dynamodb: "DynamoDBClient") -> None:
    update: Any = {"TableName": TABLE, "Key": key("a"), "UpdateExpression": "REMOVE Owner1"}
    assert "Attributes" not in dynamodb.update_item(**update)
    assert dynamodb.update_item(**update, ReturnValues="ALL_NEW")["Attributes"] == key("a")


def test_fails_when_a_transaction_checks_an_item_that_it_writes(dynamodb: "DynamoDBClient") -> None:
    assert refusal(dynamodb.transact_write_items, TransactItems=[check("a", FREE), put("a")])[0] == INVALID


def test_a_check_counts_among_the_hundred_actions(dynamodb: "DynamoDBClient") -> None:
    puts = [put(str(number)) for number in range(100)]
    dynamodb.transact_write_items(TransactItems=[check("lease", FREE), *puts[:99]])
    assert refusal(dynamodb.transact_write_items, TransactItems=[check("lease", FREE), *puts])[0] == INVALID


def test_each_partition_has_a_throughput_of_its_own(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    def write(partition: str) -> None:
        items = [key(str(number), partition) for number in range(100)]
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": TABLE, "Item": item}} for item in items])

    for _ in range(5):
        write("one")
    write("two")
    simulator.dynamodb.items.clear()
    assert {reason["Code"] for reason in reasons(dynamodb, put("a"))} == {"ThrottlingError"}


def test_a_check_uses_up_throughput_like_a_write(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    checks = [check(str(number), FREE) for number in range(100)]
    for _ in range(5):
        dynamodb.transact_write_items(TransactItems=checks)
    assert {reason["Code"] for reason in reasons(dynamodb, put("a"))} == {"ThrottlingError"}
    simulator.clock.sleep(1)
    dynamodb.transact_write_items(TransactItems=[put("a")])


def test_an_update_can_conflict_with_a_transaction_and_botocore_does_not_retry_it(
    simulator: Simulator, dynamodb: "DynamoDBClient"
) -> None:
    simulator.traffic.fail(UPDATE, CONFLICT)
    update: Any = {"TableName": TABLE, "Key": key("a"), "UpdateExpression": "REMOVE Owner1"}
    with pytest.raises(dynamodb.exceptions.ClientError, match="TransactionConflictException"):
        dynamodb.update_item(**update)
    assert simulator.traffic.count(UPDATE) == 1
    dynamodb.update_item(**update)


def test_a_transaction_can_conflict_with_another_one(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    simulator.traffic.fail(TRANSACT, cancelled("None", "TransactionConflict"))
    first, second = reasons(dynamodb, put("a"), put("b"))
    assert (first["Code"], second["Code"]) == ("None", "TransactionConflict")


@pytest.mark.parametrize(
    ("allowed", "denied"),
    [("PutItem", "ConditionCheckItem"), ("ConditionCheckItem", "PutItem")],
)
def test_a_transaction_needs_the_right_to_each_of_its_actions(
    simulator: Simulator, dynamodb: "DynamoDBClient", allowed: str, denied: str
) -> None:
    simulator.authority = Authority({"Policy": allowing(allowed)})
    code, message = refusal(dynamodb.transact_write_items, TransactItems=[check("lease", FREE), put("a")])
    assert (code, f"dynamodb:{denied} on resource: {TABLE_ARN}" in message) == ("AccessDeniedException", True)
    simulator.authority.attach("Rest", allowing(denied))
    dynamodb.transact_write_items(TransactItems=[check("lease", FREE), put("a")])


def test_a_batch_needs_a_right_of_its_own(simulator: Simulator, dynamodb: "DynamoDBClient") -> None:
    simulator.authority = Authority({"Policy": allowing("GetItem")})
    assert "dynamodb:BatchGetItem" in refusal(dynamodb.batch_get_item, **asked("a"))[1]
    simulator.authority.attach("Rest", allowing("BatchGetItem"))
    dynamodb.batch_get_item(**asked("a"))


def allowing(action: str) -> Any:
    statement = {"Effect": "Allow", "Action": f"dynamodb:{action}", "Resource": TABLE_ARN}
    return {"Version": "2012-10-17", "Statement": [statement]}
