"""The types of configuration keys in words, out of their JSON schema."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_NAMES = {"boolean": "true or false", "integer": "whole number", "number": "number", "string": "string"}
_KEY = re.compile(r"^\| `(\w+)` \| (?=.* \|$)", re.MULTILINE)


def types_of(model: type[BaseModel]) -> dict[str, str]:
    """What the keys of a model take, in words, by key."""
    return {key: _words(schema) for key, schema in model.model_json_schema()["properties"].items()}


def with_types(table: str, model: type[BaseModel]) -> str:
    """A table of keys in Markdown with a second column: what each key takes.

    Args:
        table: rows that begin with a key set as code.
        model: what the keys belong to.

    Raises:
        ValueError: the table has a key that the model has not, or lacks one.
    """
    types, keys = types_of(model), _KEY.findall(table)
    if sorted(keys) != sorted(types):
        raise ValueError(f"the table has the keys {sorted(keys)}, and {model.__name__} has {sorted(types)}")
    table = table.replace("| key | ", "| key | type | ", 1).replace("|---|", "|---|---|", 1)
    return _KEY.sub(lambda match: f"| `{match[1]}` | {types[match[1]]} | ", table)


def _words(schema: Mapping[str, Any], *, plural: bool = False) -> str:
    match schema:
        case {"$ref": reference}:
            return f"{'maps' if plural else 'map'} ({reference.rpartition('/')[2].removesuffix('Entry').lower()})"
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"enum": values}:
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case {"anyOf": options} | {"oneOf": options}:
            return _either(options, plural=plural) + _bounds(schema)
        case {"type": "array", "items": items}:
            return f"{'lists' if plural else 'list'} of {_words(items, plural=True)}{_bounds(schema)}"
        case {"type": "object", "additionalProperties": values}:
            return f"{'maps' if plural else 'map'} of {_words(values, plural=True)}"
        case {"type": name}:
            return _NAMES[name] + ("s" if plural else "") + _bounds(schema)
    raise ValueError(f"no words for {schema}")


def _either(options: list[Mapping[str, Any]], *, plural: bool) -> str:
    names = {option.get("type") for option in options}
    known = [option for option in options if option.get("type") != "null"]
    if {"integer", "number"} <= names:  # each number is a number
        known = [option for option in known if option.get("type") != "integer"]
    return " or ".join(_words(option, plural=plural) for option in known)


def _bounds(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum", schema.get("ge")), schema.get("maximum")
    parts = [
        f" from {least}" if least is not None else "",
        f" to {most}" if most is not None else "",
        f", below {schema['lt']}" if "lt" in schema else "",
        f", at most {schema['maxItems']}" if "maxItems" in schema else "",
    ]
    return "".join(parts)
