"""Entries of the shared budget live as long as their operations. A duplicate event leaves none, a killed invocation
leaves none that counts for long, and an operation removes its own entry only."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cdk_instance_role.runtime.association import handler
from cdk_instance_role.runtime.association.exceptions import AssociationError
from cdk_instance_role.runtime.association.ledger.shared_budget import Entry, SharedBudget
from tests.runtime.ledgers import NOW, LedgerUser
from tests.simulator.driver import Resource, World
from tests.simulator.dynamodb import TRANSACT, UPDATE
from tests.simulator.ec2 import ASSOCIATE

FIRST = Entry("stack|First", NOW, NOW + 600, {ASSOCIATE: 12}, request_id="create")
SECOND = Entry("stack|Second", NOW + 1, NOW + 900, {ASSOCIATE: 7}, request_id="other")
LATER = replace(FIRST, began_at=NOW + 5, request_id="delete")


@pytest.fixture
def budget(user: LedgerUser) -> SharedBudget:
    return user.ledger.budget


def listed(user: LedgerUser) -> set[str]:
    """The associations in the item."""
    return {key for item in user.table.query("shared") for key in item if "|" in key}


def entries(world: World) -> dict[str, Any]:
    """The requests of the entries, by association."""
    item = world.dynamodb.items.get(("shared", "open operations"), {})
    return {key: value["M"]["Request"]["S"] for key, value in item.items() if "|" in key}


def test_an_operation_removes_its_own_entry_only(budget: SharedBudget) -> None:
    budget.enter(FIRST, NOW)
    budget.enter(LATER, NOW + 5)
    budget.leave(FIRST.association, "create")
    assert budget.enter(SECOND, NOW + 6) == [LATER, SECOND]
    budget.leave(FIRST.association, "delete")
    assert budget.enter(SECOND, NOW + 7) == [SECOND]


def test_an_earlier_operation_does_not_replace_the_entry_of_a_later_one(budget: SharedBudget) -> None:
    budget.enter(LATER, NOW + 5)
    assert budget.enter(FIRST, NOW + 6) == [LATER]


def test_a_reservation_counts_until_it_runs_out(budget: SharedBudget) -> None:
    reservation = replace(FIRST, counts_until=NOW + 60)
    budget.enter(reservation, NOW)
    assert budget.enter(SECOND, NOW + 59) == [reservation, SECOND]
    assert budget.enter(SECOND, NOW + 60) == [SECOND]


@pytest.mark.parametrize("value", ["nonsense", {"BeganAt": "today"}])
def test_entries_that_do_not_count_are_removed_with_the_next_entry(
    user: LedgerUser, budget: SharedBudget, value: object
) -> None:
    budget.enter(FIRST, NOW)
    names = {"#broken": "stack|Broken"}
    user.table.update("shared", "open operations", "SET #broken = :value", {":value": value}, names=names)
    budget.enter(SECOND, NOW + 600)
    assert listed(user) == {SECOND.association}


def test_an_entry_whose_item_lost_its_mark_can_be_removed(user: LedgerUser, budget: SharedBudget) -> None:
    budget.enter(FIRST, NOW)
    user.table.update("shared", "open operations", "REMOVE Mark", {})
    budget.leave(FIRST.association, "create")
    assert listed(user) == set()


# Events


def test_the_first_phase_of_an_old_create_that_comes_again_after_an_update_leaves_nothing(world: World) -> None:
    resource, (one, other) = Resource(world), world.instances(2)
    create = resource.event("Create", world.properties([one]))
    assert resource.deliver(create).ok
    resource.properties = world.properties([one])
    assert resource.update(world.properties([other])).ok
    items = {key: dict(item) for key, item in world.ledger_items.items()}

    with pytest.raises(AssociationError, match="a later event for this association was handled already"):
        handler.on_event(dict(create), world.services)
    assert world.ledger_items == items
    assert entries(world) == {}


def test_the_first_phase_of_a_failed_delete_that_comes_again_leaves_no_entry(world: World) -> None:
    resource, (target,) = Resource(world), world.instances(1)
    properties = world.properties([target], timeout=60)
    assert resource.create(properties).ok
    world.refuse("DisassociateIamInstanceProfile", target)
    delete = resource.event("Delete", properties)
    failed = resource.deliver(delete)
    assert not failed.ok

    with pytest.raises(AssociationError) as raised:
        handler.on_event(dict(delete), world.services)
    assert str(raised.value) == failed.reason
    assert entries(world) == {}


def kill_at_the_next_point(world: World) -> Callable[[], None]:
    def kill() -> None:
        world.traffic.kill_switch.kill_at = len(world.traffic.kill_switch.points)

    return kill


@pytest.mark.usefixtures("a_tenth")
@pytest.mark.parametrize(("action", "nth"), [(TRANSACT, 1), (UPDATE, 3)])
def test_a_create_whose_first_phase_is_killed_refuses_no_other_association(world: World, action: str, nth: int) -> None:
    """It is noted with the first update of the ledger, enters the budget with the second one, begins with a transaction
    and enters again."""
    # 30 calls alone: (30 - 10) / 0.5 = 40 s; two of them together: 100 s, which do not fit into 90.
    killed, other = Resource(world, "Killed"), Resource(world, "Other")
    killed.goes_on_when_killed = False
    world.traffic.meanwhile(action, kill_at_the_next_point(world), nth=nth)
    event = killed.event("Create", world.properties(world.instances(30), timeout=90))
    assert killed.deliver(event).reason == "the function was killed"
    assert entries(world) == {killed.association: event["RequestId"]}
    world.traffic.kill_switch.kill_at = None

    created = other.create(world.properties(world.instances(30), timeout=90))
    assert created.ok, created.reason
    assert entries(world) == {}


@pytest.mark.usefixtures("a_tenth")
@pytest.mark.parametrize("kind", ["Update", "Delete"])
def test_an_operation_that_is_never_polled_refuses_others_for_a_minute_only(world: World, kind: str) -> None:
    resource, other, (target,) = Resource(world), Resource(world, "Other"), world.instances(1)
    before, more = world.properties([target], timeout=90), world.instances(30)
    assert resource.create(before).ok
    after = world.properties([target, *more], timeout=90)
    if kind == "Delete":
        assert resource.update(after).ok
        world.clock.sleep(600)
    resource.begin(resource.event(kind, after, before if kind == "Update" else None))
    assert entries(world).keys() == {resource.association}
    world.clock.sleep(60)

    assert other.create(world.properties(world.instances(30), timeout=90)).ok
    assert entries(world) == {}


def test_the_last_poll_of_a_cancelled_create_leaves_the_entry_of_the_delete(world: World) -> None:
    resource, targets = Resource(world), world.instances(20)
    properties = world.properties(targets, timeout=600)
    create = resource.begin(resource.event("Create", properties))
    world.traffic.meanwhile(ASSOCIATE, kill_at_the_next_point(world), nth=10)
    resource.goes_on_when_killed = False
    assert not resource.finish(create).ok
    world.traffic.kill_switch.kill_at = None
    delete = resource.begin(resource.event("Delete", properties))
    assert entries(world) == {resource.association: delete["RequestId"]}

    with pytest.raises(AssociationError, match="a later event for this association has taken over"):
        resource.poll(create)
    assert entries(world) == {resource.association: delete["RequestId"]}
    result = resource.finish(delete)
    assert result.ok, result.reason
    assert entries(world) == {}


def test_an_operation_that_succeeds_removes_what_an_earlier_one_has_left(budget: SharedBudget) -> None:
    budget.enter(replace(FIRST, request_id="delete", began_at=NOW), NOW)
    budget.leave(FIRST.association, "next delete", began_at=NOW - 1)
    assert [one.request_id for one in budget.enter(SECOND, NOW)] == ["delete", SECOND.request_id]
    budget.leave(FIRST.association, "next delete", began_at=NOW + 1)
    assert [one.request_id for one in budget.enter(SECOND, NOW)] == [SECOND.request_id]
