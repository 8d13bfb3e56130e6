"""Whether operations that share EC2's buckets end in time. The numbers are calculated by hand.

EC2 lets 100 calls of Associate through at once and then 5 a second; of Replace 50 and 5.
"""

import pytest

from cdk_instance_role.runtime.association.ledger.shared_budget import Entry, budget_shortfall

ASSOCIATE, REPLACE = "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"
NOW = 1_800_000_000.0


def entry(
    association: str, calls: int, seconds: float, *, began: float = 0, action: str = ASSOCIATE, may_wait: bool = True
) -> Entry:
    return Entry(association, NOW + began, NOW + seconds, {action: calls}, may_wait)


def test_a_single_operation_always_fits() -> None:
    """Whether it can end in time by itself is checked elsewhere."""
    assert budget_shortfall([entry("A", 100_000, 10)], "A", NOW) is None


def test_two_operations_that_need_500_seconds_do_not_fit_into_300() -> None:
    # 2 x 1,300 calls: (2,600 - 100) / 5 = 500 s; each alone: (1,300 - 100) / 5 = 240 s.
    first, second = entry("A", 1300, 300), entry("B", 1300, 300, began=1)
    assert budget_shortfall([first, second], "B", NOW) == (500.0, [first])


@pytest.mark.parametrize(("seconds", "fits"), [(499, False), (500, True)])
def test_the_last_second_counts(seconds: float, fits: bool) -> None:
    entries = [entry("A", 1300, seconds), entry("B", 1300, seconds, began=1)]
    assert (budget_shortfall(entries, "B", NOW) is None) is fits


def test_the_operation_that_began_first_is_not_refused() -> None:
    entries = [entry("A", 1300, 300), entry("B", 1300, 300, began=1)]
    assert budget_shortfall(entries, "A", NOW) is None


def test_of_two_operations_that_began_at_once_the_later_by_name_is_refused() -> None:
    entries = [entry("B", 1300, 300), entry("A", 1300, 300)]
    assert budget_shortfall(entries, "A", NOW) is None
    assert budget_shortfall(entries, "B", NOW) is not None


def test_a_short_operation_ends_before_a_long_one() -> None:
    # Side by side: after 2 x 200 calls B is through, at (400 - 100) / 5 = 60 s. A goes on to (1,400 - 100) / 5 = 260 s.
    long, short = entry("A", 1200, 260), entry("B", 200, 60, began=1)
    assert budget_shortfall([long, short], "B", NOW) is None
    assert budget_shortfall([long, entry("B", 200, 59, began=1)], "B", NOW) is not None
    assert budget_shortfall([entry("A", 1200, 259), short], "B", NOW) is not None, "nor may it make the other one late"


def test_three_operations_share_the_bucket_equally() -> None:
    # 3 x 500 calls: (1,500 - 100) / 5 = 280 s.
    earlier = [entry("A", 500, 280), entry("B", 500, 280, began=1)]
    assert budget_shortfall([*earlier, entry("C", 500, 280, began=2)], "C", NOW) is None
    assert budget_shortfall([*earlier, entry("C", 500, 279, began=2)], "C", NOW) == (280.0, earlier)


def test_every_action_has_its_own_bucket() -> None:
    entries = [entry("A", 1300, 300), entry("B", 1300, 300, began=1, action=REPLACE)]
    assert budget_shortfall(entries, "B", NOW) is None  # 240 s and (1,300 - 50) / 5 = 250 s


def test_an_operation_that_cannot_wait_counts_but_is_never_refused() -> None:
    undo = entry("A", 1300, 300, may_wait=False)
    late = entry("B", 1300, 300, began=1, may_wait=False)
    assert budget_shortfall([undo, late], "B", NOW) is None
    assert budget_shortfall([undo, entry("B", 1300, 300, began=1)], "B", NOW) == (500.0, [undo])


def test_an_operation_that_is_too_long_by_itself_does_not_block_others() -> None:
    # A needs 240 s by itself and has 100; B is through at (200 - 100) / 5 = 20 s.
    assert budget_shortfall([entry("A", 1300, 100), entry("B", 100, 20, began=1)], "B", NOW) is None


def test_calls_within_the_burst_fit_at_once() -> None:
    assert budget_shortfall([entry("A", 50, 0), entry("B", 50, 0, began=1)], "B", NOW) is None
    assert budget_shortfall([entry("A", 51, 0), entry("B", 50, 0, began=1)], "B", NOW) is not None
