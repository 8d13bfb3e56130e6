"""The item in which the open operations of a provider say how many calls they have still to make."""

import pytest

from cdk_instance_role.runtime.association.ledger.shared_budget import Entry, SharedBudget
from tests.runtime.ledgers import NOW, LedgerUser
from tests.simulator.driver import Resource, World
from tests.simulator.ec2 import ASSOCIATE, DISASSOCIATE, REPLACE

FIRST = Entry("stack|First", NOW, NOW + 600, {ASSOCIATE: 12, REPLACE: 3}, request_id="first")
SECOND = Entry("stack|Second", NOW + 1.5, NOW + 900, {DISASSOCIATE: 7}, may_wait=False, request_id="second")


@pytest.fixture
def budget(user: LedgerUser) -> SharedBudget:
    return user.ledger.budget


def _items(user: LedgerUser) -> int:
    return len(list(user.table.query("shared")))


def test_an_operation_that_enters_reads_all_open_ones(budget: SharedBudget) -> None:
    assert budget.enter(FIRST, NOW) == [FIRST]
    assert sorted(budget.enter(SECOND, NOW), key=lambda one: one.began_at) == [FIRST, SECOND]


def test_an_operation_that_enters_again_replaces_its_entry(budget: SharedBudget) -> None:
    budget.enter(FIRST, NOW)
    less = Entry(FIRST.association, FIRST.began_at, FIRST.ends_at, {ASSOCIATE: 1})
    assert budget.enter(less, NOW) == [less]


def test_an_entry_without_remaining_calls_lists_none(budget: SharedBudget) -> None:
    done = Entry(FIRST.association, NOW, NOW + 600, {ASSOCIATE: 0})
    assert budget.enter(done, NOW) == [Entry(FIRST.association, NOW, NOW + 600, {})]


def test_an_operation_that_has_left_is_not_counted(budget: SharedBudget) -> None:
    budget.enter(FIRST, NOW)
    budget.leave(FIRST.association, "first")
    budget.leave(FIRST.association, "first")
    assert budget.enter(SECOND, NOW) == [SECOND]


def test_an_operation_past_its_timeout_is_not_counted(budget: SharedBudget) -> None:
    budget.enter(FIRST, NOW)
    assert budget.enter(SECOND, NOW + 600) == [SECOND]


def test_the_item_is_deleted_with_its_last_entry(user: LedgerUser, budget: SharedBudget) -> None:
    budget.enter(FIRST, NOW)
    budget.enter(SECOND, NOW)
    budget.leave(FIRST.association, "first")
    assert _items(user) == 1
    budget.leave(SECOND.association, "second")
    assert _items(user) == 0
    budget.leave(SECOND.association, "second")
    assert _items(user) == 0


@pytest.mark.parametrize("value", ["nonsense", {}, {"BeganAt": 1, "EndsAt": "soon", "Calls": {}, "MayWait": True}])
def test_an_unreadable_entry_is_not_counted(user: LedgerUser, budget: SharedBudget, value: object) -> None:
    user.table.update("shared", "open operations", "SET Broken = :value", {":value": value})
    assert budget.enter(FIRST, NOW) == [FIRST]


# Whole operations: two of 30 targets that take 40 s each, (30 - 10) / 0.5, and 100 s together


def _two(world: World) -> tuple[Resource, Resource, list[str], list[str]]:
    targets = world.instances(60)
    return Resource(world, "First"), Resource(world, "Second"), targets[:30], targets[30:]


@pytest.mark.usefixtures("a_tenth")
def test_the_second_of_two_operations_that_do_not_fit_together_is_refused() -> None:
    world = World()
    first, second, some, others = _two(world)
    begun = first.begin(first.event("Create", world.properties(some, timeout=60)))

    result = second.deliver(second.event("Create", world.properties(others, timeout=60)))

    assert not result.ok
    assert "First" in result.reason
    assert first.finish(begun).ok
    world.clock.sleep(60)  # until EC2's buckets are full again
    assert second.deliver(second.event("Create", world.properties(others, timeout=60))).ok, "the bucket is free now"


@pytest.mark.usefixtures("a_tenth")
def test_an_operation_counts_the_changes_of_targets_that_have_to_settle_first() -> None:
    world = World()
    first, second = Resource(world, "First"), Resource(world, "Second")
    begun = first.begin(first.event("Create", world.properties(world.instances(30, state="pending"), timeout=600)))
    others = world.instances(30)

    result = second.deliver(second.event("Create", world.properties(others, timeout=60)))
    assert not result.ok
    assert "First" in result.reason

    first.poll(begun)
    entries = world.ledger.budget.enter(Entry("nobody", 0, 0, {}), world.clock())
    assert {one.association: one.calls for one in entries} == {first.association: {ASSOCIATE: 30}}


@pytest.mark.usefixtures("a_tenth")
def test_a_delete_counts_and_is_never_refused() -> None:
    world = World()
    first, second, some, others = _two(world)
    assert first.create(world.properties(some, timeout=600)).ok
    assert second.create(world.properties(others[:20], timeout=600)).ok
    world.clock.sleep(600)
    begun = second.begin(second.event("Delete", world.properties(others[:20], timeout=600)))

    deleting = first.begin(first.event("Delete", world.properties(some, timeout=60)))

    entries = world.ledger.budget.enter(Entry("nobody", 0, 0, {}), world.clock())
    assert {one.association: one.may_wait for one in entries} == {first.association: False, second.association: False}
    assert first.finish(deleting).ok
    assert second.finish(begun).ok
