"""The circuit breaker's counters: by kind, in intervals of five minutes, for an hour."""

from cdk_instance_role.runtime.association.drift.breaker import ChangeKind, Memory

NOW = 1_800_000_000.0
GIVING, TAKING = ChangeKind.GIVING, ChangeKind.TAKING


def test_changes_are_counted_by_kind() -> None:
    memory = Memory("r").counted(GIVING, 3, NOW).counted(GIVING, 2, NOW + 10).counted(TAKING, 1, NOW)
    assert (memory.used(GIVING), memory.used(TAKING)) == (5, 1)


def test_changes_count_for_an_hour() -> None:
    memory = Memory("r").counted(GIVING, 3, NOW)
    assert memory.observed(NOW + 3599, 10).used(GIVING) == 3
    assert memory.observed(NOW + 3900, 10).used(GIVING) == 0


def test_the_base_is_the_number_of_held_instances_at_the_start_of_the_hour() -> None:
    memory = Memory("r").observed(NOW, 100).observed(NOW + 1800, 190).observed(NOW + 3000, 250)
    assert memory.held_an_hour_ago == 100
    assert memory.observed(NOW + 3000 + 1500, 260).held_an_hour_ago == 190


def test_a_second_look_in_one_interval_does_not_change_the_base() -> None:
    assert Memory("r").observed(NOW, 100).observed(NOW + 10, 5).held_an_hour_ago == 100


def test_the_first_reason_for_a_pause_stays() -> None:
    memory = Memory("r").paused(GIVING, "first", NOW).paused(GIVING, "second", NOW + 1)
    assert (memory.pauses[GIVING].reason, memory.pauses[GIVING].since) == ("first", NOW)


def test_another_operation_begins_with_zero_changes() -> None:
    memory = Memory("r").counted(GIVING, 3, NOW).paused(TAKING, "why", NOW)
    assert memory.of_operation("r") == memory
    assert memory.of_operation("s") == Memory("s")
