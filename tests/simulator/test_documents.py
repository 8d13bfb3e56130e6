"""DynamoDB's expressions: conditions on an item, and changes inside of one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.clients import Clients
from tests.simulator.documents import Item
from tests.simulator.dynamodb import TABLE
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEY = {"Kind": {"S": "one"}, "Id": {"S": "a"}}
BEFORE: Item = {
    "Wanted": {"S": "Web"},
    "Wave": {"N": "3"},
    "Ours": {"SS": ["Old", "Web"]},
    "Past": {"L": [{"S": "first"}, {"S": "second"}]},
    "Operations": {"M": {"Web-1": {"M": {"Calls": {"N": "40"}}}}},
}
HELD, FAILED, INVALID = "held", "ConditionalCheckFailedException", "ValidationException"

Update = Callable[..., str]


@pytest.fixture
def dynamodb(simulator: Simulator, clients: Clients) -> "DynamoDBClient":
    simulator.dynamodb.items["one", "a"] = {**KEY, **BEFORE}
    return clients.dynamodb


def changed(
    dynamodb: "DynamoDBClient",
    update: str,
    values: dict[str, Any] | None = None,
    names: dict[str, str] | None = None,
    condition: str | None = None,
) -> Item:
    """The changes of the item by an update; None for removed attributes.

    Raises:
        ClientError: it took no effect.
    """
    request: Any = {
        **({"ExpressionAttributeValues": values} if values else {}),
        **({"ExpressionAttributeNames": names} if names else {}),
        **({"ConditionExpression": condition} if condition else {}),
    }
    answer = dynamodb.update_item(TableName=TABLE, Key=KEY, UpdateExpression=update, ReturnValues="ALL_NEW", **request)
    after: Any = answer["Attributes"]
    before = {**KEY, **BEFORE}
    names_of_both = before.keys() | after.keys()
    return {name: after.get(name) for name in names_of_both if after.get(name) != before.get(name)}


def outcome(
    dynamodb: "DynamoDBClient",
    condition: str,
    values: dict[str, Any] | None = None,
    names: dict[str, str] | None = None,
) -> str:
    """The effect of an update with a condition."""
    try:
        changed(dynamodb, "SET Touched = :touched", {":touched": {"BOOL": True}, **(values or {})}, names, condition)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return HELD


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("attribute_exists(Wanted)", HELD),
        ("attribute_exists(Missing)", FAILED),
        ("attribute_not_exists(Missing)", HELD),
        ("attribute_not_exists(Wanted)", FAILED),
        ("attribute_exists(Operations.#a)", HELD),
        ("attribute_exists(Operations.#a.Calls)", HELD),
        ("attribute_not_exists(Operations.#a.Ends)", HELD),
        ("attribute_not_exists(Missing.#a.Calls)", HELD),
        ("attribute_exists(Past[1]) AND attribute_exists(Operations.#a)", HELD),
        ("attribute_exists(Past[2]) AND attribute_exists(Operations.#a)", FAILED),
        ("attribute_not_exists(Missing) AND NOT attribute_exists(Operations.#a)", FAILED),
    ],
)
def test_a_condition_checks_whether_an_attribute_exists(
    dynamodb: "DynamoDBClient", condition: str, expected: str
) -> None:
    names = {"#a": "Web-1"} if "#a" in condition else None
    assert outcome(dynamodb, condition, names=names) == expected


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ("Wave = :v", {"N": "3"}, HELD),
        ("Wave = :v", {"N": "3.0"}, HELD),
        ("Wave = :v", {"S": "3"}, FAILED),
        ("Wave <> :v", {"N": "4"}, HELD),
        ("Wave < :v", {"N": "10"}, HELD),
        ("Wave < :v", {"N": "3"}, FAILED),
        ("Wave <= :v", {"N": "3"}, HELD),
        ("Wave > :v", {"N": "2"}, HELD),
        ("Wave >= :v", {"N": "4"}, FAILED),
        (":v < Wave", {"N": "2"}, HELD),
        ("Wave BETWEEN :v AND :v", {"N": "3"}, HELD),
        ("Wanted IN (:v, Wave)", {"S": "Web"}, HELD),
        ("Wanted IN (:v)", {"S": "Old"}, FAILED),
        ("Wanted = :v", {"S": "Web"}, HELD),
        ("Ours = :v", {"SS": ["Web", "Old"]}, HELD),
        ("contains(Ours, :v)", {"S": "Old"}, HELD),
        ("contains(Ours, :v)", {"S": "Ol"}, FAILED),
        ("contains(Past, :v)", {"S": "first"}, HELD),
        ("begins_with(Wanted, :v)", {"S": "We"}, HELD),
        ("begins_with(Wanted, :v)", {"S": "e"}, FAILED),
        ("size(Past) = :v", {"N": "2"}, HELD),
        ("Operations.#a.Calls = :v", {"N": "40"}, HELD),
        ("Operations.#a.Calls > :v", {"N": "40"}, FAILED),
        ("Past[0] = :v", {"S": "first"}, HELD),
        ("Wave = :v OR Wanted = :v AND Wave = :v", {"N": "3"}, HELD),
        ("(Wave = :v OR Wanted = :v) AND Wanted = :v", {"N": "3"}, FAILED),
        ("NOT Wave = :v OR Wave = :v", {"N": "3"}, HELD),
        ("NOT (Wave = :v OR Wave = :v)", {"N": "3"}, FAILED),
    ],
)
def test_a_condition_compares_values(dynamodb: "DynamoDBClient", condition: str, value: Any, expected: str) -> None:
    names = {"#a": "Web-1"} if "#a" in condition else None
    assert outcome(dynamodb, condition, {":v": value}, names) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("Missing = :v", FAILED), ("Missing < :v", FAILED), ("Missing >= :v", FAILED), ("Missing <> :v", HELD)],
)
def test_a_missing_attribute_is_unequal_to_everything_and_neither_less_nor_more(
    dynamodb: "DynamoDBClient", condition: str, expected: str
) -> None:
    assert outcome(dynamodb, condition, {":v": {"N": "1"}}) == expected


@pytest.mark.parametrize(
    ("update", "values", "expected"),
    [
        ("SET Wanted = :v", {"S": "Old"}, {"Wanted": {"S": "Old"}}),
        ("SET Former = Wanted, Wanted = :v", {"S": "Old"}, {"Former": {"S": "Web"}, "Wanted": {"S": "Old"}}),
        ("SET Wave = Wave + :v", {"N": "2"}, {"Wave": {"N": "5"}}),
        ("SET Wave = Wave - :v", {"N": "2.5"}, {"Wave": {"N": "0.5"}}),
        ("SET Wanted = if_not_exists(Wanted, :v)", {"S": "Old"}, {}),
        ("SET Former = if_not_exists(Former, :v)", {"S": "Old"}, {"Former": {"S": "Old"}}),
        ("SET Started = if_not_exists(Started, :v) + :v", {"N": "1"}, {"Started": {"N": "2"}}),
        ("SET Past = list_append(Past, :v)", {"L": [{"S": "x"}]}, {"Past": {"L": [*BEFORE["Past"]["L"], {"S": "x"}]}}),
        ("SET Past = list_append(:v, Past)", {"L": [{"S": "x"}]}, {"Past": {"L": [{"S": "x"}, *BEFORE["Past"]["L"]]}}),
        ("SET Seen = list_append(if_not_exists(Seen, :v), :v)", {"L": [{"S": "x"}]}, {"Seen": {"L": [{"S": "x"}] * 2}}),
        ("SET Past[0] = :v", {"S": "x"}, {"Past": {"L": [{"S": "x"}, {"S": "second"}]}}),
        ("SET Past[7] = :v", {"S": "x"}, {"Past": {"L": [*BEFORE["Past"]["L"], {"S": "x"}]}}),
        ("ADD Wave :v", {"N": "1"}, {"Wave": {"N": "4"}}),
        ("ADD Repairs :v", {"N": "1"}, {"Repairs": {"N": "1"}}),
        ("ADD Ours :v", {"SS": ["New", "Web"]}, {"Ours": {"SS": ["New", "Old", "Web"]}}),
        ("ADD Others :v", {"SS": ["New"]}, {"Others": {"SS": ["New"]}}),
        ("DELETE Ours :v", {"SS": ["Old", "New"]}, {"Ours": {"SS": ["Web"]}}),
        ("DELETE Ours :v", {"SS": ["Old", "Web"]}, {"Ours": None}),
        ("DELETE Others :v", {"SS": ["Old"]}, {}),
        ("REMOVE Wanted SET Wave = :v", {"N": "1"}, {"Wanted": None, "Wave": {"N": "1"}}),
    ],
)
def test_an_update_changes_attributes(dynamodb: "DynamoDBClient", update: str, values: Any, expected: Item) -> None:
    assert changed(dynamodb, update, {":v": values}) == expected


@pytest.mark.parametrize(
    ("update", "value", "operations"),
    [
        ("SET Operations.#a.Calls = :v", {"N": "9"}, {"Web-1": {"M": {"Calls": {"N": "9"}}}}),
        ("SET Operations.#b = :v", {"N": "9"}, {"Web-1": {"M": {"Calls": {"N": "40"}}}, "Ops.1": {"N": "9"}}),
        ("REMOVE Operations.#a", None, {}),
        ("REMOVE Operations.#b", None, {"Web-1": {"M": {"Calls": {"N": "40"}}}}),
    ],
)
def test_an_update_changes_one_entry_of_a_map_and_nothing_beside_it(
    dynamodb: "DynamoDBClient", update: str, value: Any, operations: Item
) -> None:
    """A name that stands for another is one part of a path, also with a dot in it."""
    names = {"#a": "Web-1"} if "#a" in update else {"#b": "Ops.1"}
    found = changed(dynamodb, update, {":v": value} if value else None, names)
    assert found.get("Operations", BEFORE["Operations"]) == {"M": operations}
    assert found.keys() <= {"Operations"}


def test_an_update_removes_elements_of_a_list_by_their_former_positions(dynamodb: "DynamoDBClient") -> None:
    assert changed(dynamodb, "REMOVE Past[0], Past[1]") == {"Past": {"L": []}}


@pytest.mark.parametrize(
    ("update", "values"),
    [
        ("SET Missing.Calls = :v", {"N": "1"}),
        ("SET Wanted.Calls = :v", {"N": "1"}),
        ("SET Past[5].Calls = :v", {"N": "1"}),
        ("REMOVE Missing.Calls", None),
        ("SET Former = Missing", None),
        ("SET Former = Missing + :v", {"N": "1"}),
        ("SET Wanted = Wanted + :v", {"N": "1"}),
        ("SET Past = list_append(Past, :v)", {"S": "x"}),
        ("SET Wave = :v, Wave = :v", {"N": "1"}),
        ("SET Operations = :v, Operations.Calls = :v", {"N": "1"}),
        ("ADD Wanted :v", {"N": "1"}),
        ("ADD Operations.Calls :v", {"N": "1"}),
        ("DELETE Wave :v", {"N": "1"}),
        ("SET Wave :v", {"N": "1"}),
        ("SET Wave = :v SET Wanted = :v", {"N": "1"}),
        ("SET Wave = :v", {"SS": []}),
        ("SET Wave = :other", {"N": "1"}),
        ("SET Items = :v", {"N": "1"}),
        ("SET Id = :v", {"S": "b"}),
    ],
)
def test_fails_when_an_update_does_not_fit_the_item(dynamodb: "DynamoDBClient", update: str, values: Any) -> None:
    with pytest.raises(ClientError, match=INVALID):
        changed(dynamodb, update, {":v": values} if values else None)
    assert dynamodb.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True)["Item"] == {**KEY, **BEFORE}


@pytest.mark.parametrize("names", [{"#a": "Wanted", "#b": "Wave"}, {"#b": "Wanted"}])
def test_fails_when_a_name_is_not_used_or_not_defined(dynamodb: "DynamoDBClient", names: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=INVALID):
        changed(dynamodb, "REMOVE #a", names=names)


def test_a_condition_that_does_not_hold_comes_before_an_update_that_does_not_fit(dynamodb: "DynamoDBClient") -> None:
    with pytest.raises(ClientError, match=FAILED):
        changed(dynamodb, "SET Missing.Calls = :v", {":v": {"N": "1"}}, condition="attribute_exists(Missing)")
