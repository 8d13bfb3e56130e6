"""The circuit breaker's counters: by kind, in intervals of five minutes, for an hour."""

from cdk_instance_role.runtime.association.drift.breaker import ChangeKind, EnforcementState

NOW = 1_800_000_000.0
GIVING, TAKING = ChangeKind.GIVING, ChangeKind.TAKING


def test_changes_are_counted_by_kind() -> None:
    state = (
        EnforcementState("r")
        .beginning(GIVING, "abc", NOW)
        .beginning(GIVING, "de", NOW + 10)
        .beginning(TAKING, "a", NOW)
    )
    assert (state.used(GIVING), state.used(TAKING)) == (5, 1)


def test_changes_count_for_an_hour_whether_they_were_made_or_only_begun() -> None:
    begun = EnforcementState("r").beginning(GIVING, "abc", NOW)
    for state in (begun, begun.made(GIVING, "abc", NOW)):
        assert state.observed(NOW + 3599, 10).used(GIVING) == 3
        assert state.observed(NOW + 3900, 10).used(GIVING) == 0


def test_a_change_that_is_tried_again_is_one_change() -> None:
    state = EnforcementState("r").beginning(GIVING, "ab", NOW).beginning(GIVING, "bc", NOW + 600)
    assert state.used(GIVING) == 3
    assert state.made(GIVING, "bc", NOW + 601).used(GIVING) == 3


def test_a_change_counts_for_an_hour_after_it_was_tried_last() -> None:
    state = EnforcementState("r").beginning(GIVING, "a", NOW).beginning(GIVING, "a", NOW + 3000)
    assert state.observed(NOW + 3900, 10).used(GIVING) == 1
    assert state.observed(NOW + 3000 + 3900, 10).used(GIVING) == 0


def test_a_change_of_an_instance_that_was_changed_before_is_another_one() -> None:
    state = EnforcementState("r").beginning(GIVING, "a", NOW).made(GIVING, "a", NOW).beginning(GIVING, "a", NOW + 600)
    assert state.used(GIVING) == 2


def test_a_change_that_was_not_made_does_not_count() -> None:
    state = EnforcementState("r").beginning(GIVING, "ab", NOW).not_made(GIVING, "a")
    assert (state.used(GIVING), state.has_begun(GIVING, "a"), state.has_begun(GIVING, "b")) == (1, False, True)


def test_of_a_large_fleet_that_gets_no_answer_the_oldest_changes_count_as_made() -> None:
    state = EnforcementState("r").beginning(GIVING, [f"i-{n}" for n in range(400)], NOW)
    state = state.beginning(GIVING, [f"i-{n}" for n in range(400, 1000)], NOW + 600)
    assert state.used(GIVING) == 1000
    assert [n for n in range(1000) if state.has_begun(GIVING, f"i-{n}")] == [*range(500, 1000)]


def test_the_base_is_the_number_of_held_instances_at_the_start_of_the_hour() -> None:
    state = EnforcementState("r").observed(NOW, 100).observed(NOW + 1800, 190).observed(NOW + 3000, 250)
    assert state.held_an_hour_ago == 100
    assert state.observed(NOW + 3000 + 1500, 260).held_an_hour_ago == 190


def test_a_second_look_in_one_interval_does_not_change_the_base() -> None:
    assert EnforcementState("r").observed(NOW, 100).observed(NOW + 10, 5).held_an_hour_ago == 100


def test_the_first_reason_for_a_pause_stays() -> None:
    state = EnforcementState("r").paused(GIVING, "first", NOW).paused(GIVING, "second", NOW + 1)
    assert (state.pauses[GIVING].reason, state.pauses[GIVING].since) == ("first", NOW)


def test_another_operation_begins_with_zero_changes() -> None:
    state = EnforcementState("r").beginning(GIVING, "abc", NOW).paused(TAKING, "why", NOW)
    assert state.of_operation("r") == state
    assert state.of_operation("s") == EnforcementState("s")
