"""Statements are merged and packed without any change of what they allow together."""

import json
from collections.abc import Iterable, Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.permission_search.merging import merged
from cdk_instance_role.permission_search.packing import POLICY_SIZE, packed, size_of
from cdk_instance_role.permission_search.statement import Statement
from tests.simulator.authority import Attempt, Authority

ACTIONS = ("ec2:AssociateIamInstanceProfile", "ec2:DisassociateIamInstanceProfile")
RESOURCES = tuple(f"arn:aws:ec2:eu-west-1:111122223333:instance/i-{number}" for number in range(3))
PROFILES = tuple(f"arn:aws:iam::111122223333:instance-profile/{name}" for name in ("A", "B"))
TAGS = ("web", "api")
NEW, CARRIED, TAG = "ec2:NewInstanceProfile", "ec2:InstanceProfile", "aws:ResourceTag/app"


def some(values: Iterable[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from([*values]), min_size=1, max_size=3, unique=True)


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "ArnLike": st.fixed_dictionaries({}, optional={NEW: some(PROFILES), CARRIED: some(PROFILES)}),
        "ArnLikeIfExists": st.fixed_dictionaries({NEW: some(PROFILES)}),
        "StringEquals": st.fixed_dictionaries({TAG: some(TAGS)}),
        "Null": st.fixed_dictionaries({CARRIED: st.just(["true"])}),
    },
)
STATEMENTS = st.lists(st.builds(Statement.of, some(ACTIONS), some(RESOURCES), CONDITIONS), min_size=1, max_size=8)


def attempts() -> Iterable[Attempt]:
    """Every call that the statements may be about."""
    for action, resource, new, carried, tag in product(
        ACTIONS, RESOURCES, (None, *PROFILES), (None, *PROFILES), (None, *TAGS)
    ):
        keys = {key: value for key, value in ((NEW, new), (CARRIED, carried), (TAG, tag)) if value}
        yield Attempt(action, resource, keys)


def allowed_by(*policies: Iterable[Statement]) -> set[str]:
    """The calls that policies allow."""
    documents = {
        str(number): {"Version": "2012-10-17", "Statement": [one.render() for one in statements]}
        for number, statements in enumerate(policies)
    }
    authority = Authority(documents)
    return {str(attempt) for attempt in attempts() if authority.allows(attempt)}


def width(value: str) -> int:
    return len(json.dumps(value))


def length(statements: Iterable[Statement]) -> int:
    document = {"Version": "2012-10-17", "Statement": [one.render() for one in statements]}
    return len(json.dumps(document, separators=(",", ":")))


@given(STATEMENTS)
def test_merged_statements_allow_the_same(statements: list[Statement]) -> None:
    fewer = merged(statements)
    assert len(fewer) <= len(statements)
    assert allowed_by(fewer) == allowed_by(statements)


@given(STATEMENTS)
def test_the_size_of_a_statement_is_that_of_its_text(statements: list[Statement]) -> None:
    for one in statements:
        assert size_of(one, width) == len(json.dumps(one.render(), separators=(",", ":")))


def statement(resources: Iterable[str], **more: Mapping[str, Iterable[str]]) -> Statement:
    return Statement.of(["ec2:AssociateIamInstanceProfile"], resources, more)


def test_merges_statements_that_differ_in_the_resources() -> None:
    (one,) = merged([statement(["a"]), statement(["b"]), statement(["c", "a"])])
    assert one.render()["Resource"] == ["a", "b", "c"]


def test_merges_statements_that_differ_in_the_values_of_one_condition() -> None:
    first, second = (statement(["*"], ArnLike={NEW: [profile], CARRIED: ["x"]}) for profile in PROFILES)
    assert [one.render()["Condition"]["ArnLike"] for one in merged([first, second])] == [
        {CARRIED: "x", NEW: [*PROFILES]}
    ]


def test_does_not_merge_statements_that_differ_in_two_conditions() -> None:
    statements = [statement(["*"], ArnLike={NEW: [new], CARRIED: [carried]}) for new, carried in ("ab", "cd")]
    assert merged(statements) == statements


def ids(count: int) -> list[str]:
    return [f"arn:aws:ec2:eu-west-1:111122223333:instance/i-{number:017x}" for number in range(count)]


@pytest.mark.parametrize("count", [1, 80, 95, 96, 300, 500])
def test_a_policy_is_not_longer_than_iam_accepts_and_no_resource_is_lost(count: int) -> None:
    policies = packed([statement(ids(count), ArnLike={NEW: [PROFILES[0]]})], width)
    assert all(length(policy) <= POLICY_SIZE for policy in policies)
    assert sorted(value for policy in policies for one in policy for value in one.resources) == ids(count)
    assert len(policies) == -(-count * (width(ids(1)[0]) + 1) // (POLICY_SIZE - 200))


@given(STATEMENTS, st.integers(1, 12))
def test_packed_statements_allow_the_same(statements: list[Statement], factor: int) -> None:
    policies = packed(statements, lambda value: factor * width(value))
    assert allowed_by(*policies) == allowed_by(statements)


def test_splits_a_statement_that_is_long_in_two_fields_into_parts_that_fit() -> None:
    wide = statement(ids(100), StringEquals={TAG: [f"{number:03}".ljust(200, "x") for number in range(40)]})
    policies = packed([wide], width)
    assert all(length(policy) <= POLICY_SIZE for policy in policies)
    pairs = {
        pair
        for policy in policies
        for one in policy
        for pair in product(one.resources, one.by_field["StringEquals", TAG])
    }
    assert len(pairs) == 100 * 40


def test_fills_the_rest_of_a_policy_with_a_part_of_a_statement() -> None:
    single = [statement(["*"], StringEquals={f"aws:ResourceTag/k{number}": ["x" * 4000]}) for number in range(2)]
    policies = packed([statement(ids(48)), *single], width)
    assert [len(policy) for policy in policies] == [2, 2]


def test_fails_when_a_value_alone_is_longer_than_a_policy() -> None:
    with pytest.raises(OverflowError, match="characters"):
        packed([statement(["x" * 7000])], width)


# The CDK puts a list in the place of a list with its token alone: beside other values there would be no place for it.
def test_a_list_that_is_a_token_stays_alone_and_in_brackets() -> None:
    def tagged(*values: str) -> Statement:
        return Statement.of(ACTIONS[:1], RESOURCES[:1], {"StringEquals": {TAG: values}})

    found = merged([tagged("#{Apps}"), tagged("web"), tagged("#{Teams}"), tagged("api")])

    values = [one.render()["Condition"]["StringEquals"][TAG] for one in found]
    assert sorted(values) == [["#{Apps}"], ["#{Teams}"], ["api", "web"]]
