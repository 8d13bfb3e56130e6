"""The app's part of the context with its null values. The CDK leaves them out of maps on their way to Python."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..settings import SETTINGS_KEY
from .keys import ROLES_KEY

_CONTEXT, _FILE_WITH_MORE = "CDK_CONTEXT_JSON", "CONTEXT_OVERFLOW_LOCATION_ENV"
"""Variables in which the CDK CLI hands on the context, and the name of a file with the keys that are too large for the
first: https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/cx-api/lib/cxapi.ts"""


def with_nulls(context: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The context with every null that the CDK CLI has handed on in a map of the app.

    Node.js writes a number that is too large as null as well. An entry or a setting that code has set instead of the
    CLI stays as it is, and so does everything if what the CLI has handed on can't be read.

    Args:
        context: what the CDK says, without these nulls.
        environ: variables of the app's process.
    """
    try:
        handed_on = _handed_on(environ)
        restored = {key: _restored(handed_on[key], context[key]) for key in _maps_in(context) if key in handed_on}
    except (OSError, RecursionError, ValueError):
        return dict(context)
    return {**context, **restored}


def _maps_in(context: Mapping[str, Any]) -> list[str]:
    return [key for key in (ROLES_KEY, SETTINGS_KEY) if isinstance(context.get(key), dict)]


def _handed_on(environ: Mapping[str, str]) -> dict[str, Any]:
    """The context of the CDK CLI, as `App` puts it together."""
    text, more = environ.get(_CONTEXT), environ.get(_FILE_WITH_MORE)
    return {
        **(_parsed(text) if text else {}),
        **(_parsed(Path(more).read_text(encoding="utf-8")) if more else {}),
    }


def _parsed(text: str) -> dict[str, Any]:
    found = json.loads(text, parse_float=_finite)
    if not isinstance(found, dict):
        raise ValueError("the context is no map")
    return found


def _finite(digits: str) -> float | None:
    """A number, or null for one that is too large, as Node.js has it."""
    number = float(digits)
    return None if math.isinf(number) else number


def _restored(handed_on: Any, found: Mapping[str, Any]) -> dict[str, Any]:
    """A map with its nulls. Each key is compared by itself, so what code has set for one leaves the nulls of others."""
    if not isinstance(handed_on, dict):
        return dict(found)
    given = {
        key: _value_restored(item, found.get(key)) for key, item in handed_on.items() if item is None or key in found
    }
    return {**given, **{key: item for key, item in found.items() if key not in given}}


def _value_restored(handed_on: Any, found: Any) -> Any:
    """A value with its nulls; as the CDK says if it differs in something else, because code has set another."""
    return _with_nulls(handed_on, found) if _without_nulls(handed_on) == found else found


def _without_nulls(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_nulls(item) for key, item in value.items() if item is not None}
        case list():
            return [*map(_without_nulls, value)]
    return value


def _with_nulls(handed_on: Any, found: Any) -> Any:
    match handed_on, found:
        case dict(), dict():
            return {key: _with_nulls(item, found.get(key)) for key, item in handed_on.items()}
        case list(), list():
            return [_with_nulls(*pair) for pair in zip(handed_on, found, strict=True)]
    return found
