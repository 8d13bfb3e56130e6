"""Fuzzes the event parser with inputs of libFuzzer, guided by the branches that are reached: ``make fuzz``.

An input is either an event as JSON, or says how a valid event is changed. The first byte tells which.
"""

import importlib
import json
import sys
from typing import Any

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

atheris: Any = importlib.import_module("atheris")  # untyped, and made for Linux on x86-64 only

with atheris.instrument_imports(include=["cdk_instance_role"]):
    from tests.unit.request_properties import check

VALID = [frozen.event for frozen in frozen_events()]
MAX_CHANGES, MAX_TEXT = 4, 40


def fuzz_one(data: bytes) -> None:
    """Any event is parsed exactly, or refused in one clear line."""
    try:
        event = _decoded(data) if data[:1] in (b"{", b"[") else _broken(atheris.FuzzedDataProvider(data))
    except (ValueError, RecursionError):
        return  # no JSON, so not an event either
    check(event)


def _decoded(data: bytes) -> Any:
    found = json.loads(data)
    # The frozen events, from which the search starts, are beside what they mean.
    return found.get("event", found) if isinstance(found, dict) else found


def _broken(source: Any) -> Any:
    """A valid event that is changed in some places."""
    event: Any = source.PickValueInList(VALID)
    for _ in range(source.ConsumeIntInRange(1, MAX_CHANGES)):
        place = source.PickValueInList(list(places(event))[1:] or [()])
        event = changed(event, place, _change(source, event))
    return event


def _change(source: Any, whole: Any) -> Change:
    match source.ConsumeIntInRange(0, 6):
        case 0:
            return leave_out
        case 1:
            return repeat
        case 2:
            return put(_json_value(source))
        case 3:
            return put(part_of(whole, source.PickValueInList(list(places(whole)))))
        case 4:
            return with_key(source.ConsumeUnicode(MAX_TEXT), _json_value(source))
        case 5:
            return nested(source.ConsumeIntInRange(1, 2_000))
    return twisted(source.PickValueInList(list(TWISTS)))


def _json_value(source: Any) -> Any:
    match source.ConsumeIntInRange(0, 6):
        case 0:
            return source.PickValueInList([None, True, False, "", "*", [], {}])
        case 1:
            return source.ConsumeInt(8)
        case 2:
            return source.ConsumeFloat()
        case 3:
            return [_json_value(source) for _ in range(source.ConsumeIntInRange(0, 3))]
        case 4:
            return {source.ConsumeUnicode(MAX_TEXT): _json_value(source)}
    return source.ConsumeUnicode(MAX_TEXT)


if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz_one)
    atheris.Fuzz()
