"""Any event is parsed exactly, or refused in one clear line."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.builders import event, properties
from tests.unit.event_mutations import (
    TWISTS,
    Change,
    changed,
    leave_out,
    nested,
    part_of,
    places,
    put,
    repeat,
    twisted,
    with_key,
)
from tests.unit.frozen_events import frozen_events
from tests.unit.request_properties import check

VALID = [frozen.event for frozen in frozen_events()]
ODD_VALUES: list[Any] = [None, True, 0, -1.5, float("nan"), "", "x", [], {}, [None], {"": None}, [[]], [{}]]
HUGE = "\u00e4" * 3_000
WORDS = sorted({str(key) for valid in VALID for place in places(valid) for key in place})

texts = st.text(st.characters(), max_size=10)
"""All text of Python, lone surrogates included."""
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.sampled_from(["", "*", "-", "nan", "inf", "1e3", "1_0", " 60 ", "0x10", "FAIL", "keep", "i-01234567"])
)
keys = st.sampled_from(WORDS) | texts
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
huge_values = st.builds(
    lambda make, size: make(size),
    st.sampled_from([lambda n: "x" * n, lambda n: [HUGE] * n, lambda n: {f"k\n{i}": "v" for i in range(n)}]),
    st.sampled_from([9, 900]),
)


@st.composite
def changes(draw: st.DrawFn, whole: Any) -> Change:
    """Something to do to one part of an event."""
    other_part = part_of(whole, draw(st.sampled_from(list(places(whole)))))
    return draw(
        st.just(leave_out)
        | st.just(repeat)
        | st.sampled_from(TWISTS).map(twisted)
        | (json_values | huge_values | st.just(other_part)).map(put)
        | st.builds(with_key, keys, json_values)
        | st.sampled_from([1, 3, 40]).map(nested)
    )


@st.composite
def broken_events(draw: st.DrawFn) -> Any:
    """A valid event that was changed in some places."""
    broken: Any = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(list(places(broken))[1:] or [()]))
        broken = changed(broken, place, draw(changes(broken)))
    return broken


@given(json_values)
def test_junk_is_refused(junk: Any) -> None:
    assert check(junk) is None


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(broken_events())
def test_a_broken_event_is_parsed_exactly_or_refused(broken: Any) -> None:
    check(broken)


@pytest.mark.parametrize("valid", VALID, ids=[str(frozen) for frozen in frozen_events()])
@pytest.mark.parametrize("twist", range(len(TWISTS)))
def test_texts_that_look_nearly_right(valid: dict[str, Any], twist: int) -> None:
    """Every text of every event, one at a time."""
    for place in places(valid):
        if isinstance(part_of(valid, place), str):
            check(changed(valid, place, TWISTS[twist]))


@pytest.mark.parametrize("valid", VALID, ids=[str(frozen) for frozen in frozen_events()])
def test_values_of_another_type_and_values_that_are_missing(valid: dict[str, Any]) -> None:
    for place in list(places(valid))[1:]:
        for change in (leave_out, repeat, nested(1), nested(40), put([HUGE] * 30), put({HUGE: HUGE, "a\n": []})):
            check(changed(valid, place, change))
        for other in (*ODD_VALUES, [valid]):
            check(changed(valid, place, put(other)))


@pytest.mark.parametrize("valid", VALID, ids=[str(frozen) for frozen in frozen_events()])
def test_values_in_the_place_of_others_and_in_new_places(valid: dict[str, Any]) -> None:
    parts = [part_of(some, place) for some in VALID[:2] for place in places(some)]
    different = {json.dumps(part, sort_keys=True): part for part in parts}
    for part in different.values():
        for word in WORDS:
            check(changed(valid, (), with_key(word, part)))
            for map_ in {"ResourceProperties", "OldResourceProperties"} & valid.keys():
                check(changed(valid, (map_,), with_key(word, part)))


def test_a_valid_event_is_parsed() -> None:
    """Shows that the properties are checked on valid events, too."""
    for valid in VALID:
        assert check(valid) is not None
    assert check(event(ResourceProperties=properties())) is not None
