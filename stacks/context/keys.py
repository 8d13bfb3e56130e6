"""Keys of the context: which ones are the app's, and which are mistyped. All others belong to somebody else."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..entries import RoleEntry
from ..settings import SETTINGS_KEY

ROLES_KEY = "instance_roles"
QUICK_KEYS = ("instance_ids", "managed_policies", "replaces", "on_conflict", "account", "region")
"""Keys of the command line that define one entry without editing a file; lists are separated by commas."""
LISTS = ("instance_ids", "managed_policies", "replaces")

_KNOWN_KEYS = (ROLES_KEY, SETTINGS_KEY, *QUICK_KEYS)
_OF_AN_ENTRY = tuple(key for key in RoleEntry.model_fields if key not in QUICK_KEYS)
"""Keys that work only inside an entry."""
_DISTINCT = (ROLES_KEY, SETTINGS_KEY, "instance_ids", "managed_policies", "instance_tags")
"""Keys that hardly anybody else has: what is like them is a mistake, wherever it comes from."""
_COMMON = ("environments",)
"""Keys of an entry that others have a word like for: `-c environment=prod` is not taken for one of them."""
_CLOSE, _CLOSE_BESIDE_OURS = 0.9, 0.83
"""How much alike two keys are, from 0 to 1, so that one is taken for the other mistyped. ``instances`` is not."""
_OF_THE_CDK = ":/@"
"""Marks in the keys of the CDK itself: feature flags, lookups and settings of the command line."""


class ConfigError(ValueError):
    """The context can't be used; the message names the entry, the key, the value and what is allowed."""


def check_keys(context: Mapping[str, Any]) -> None:
    """Refuse keys that are mistyped, and keys that have no effect where they are.

    Other unknown keys belong to others: the CDK CLI, ``~/.cdk.json`` and other tools may add any.

    Raises:
        ConfigError: there is such a key.
    """
    others = [key for key in context if key not in _KNOWN_KEYS and not any(mark in key for mark in _OF_THE_CDK)]
    for key in others:
        _refuse_misplaced(key)
    for key in others:
        _refuse_mistyped(key, _meant(key, context))
    _refuse_settings_without_instances(context)


def suggestion(key: str, allowed: Sequence[str]) -> str:
    """What may have been meant, and all that is allowed."""
    close = difflib.get_close_matches(key, allowed, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed are {', '.join(allowed)}"


def _refuse_misplaced(key: str) -> None:
    if key in _OF_AN_ENTRY or closest(key, ["instance_tags"]):
        raise ConfigError(
            f"{key!r} has no effect as a context key: put {closest(key, _OF_AN_ENTRY)} into an entry of "
            f"{ROLES_KEY}, in cdk.json or in -c {ROLES_KEY}='{{...}}'"
        )


def _meant(key: str, context: Mapping[str, Any]) -> str | None:
    """The key that was meant by one that is unknown; None if it belongs to somebody else."""
    if found := closest(key, _DISTINCT):
        return found
    # Words such as `region` are common. What is like them is ours only beside other keys of the command line.
    if isinstance(context[key], str) and any(name in context for name in QUICK_KEYS):
        return closest(key, {*QUICK_KEYS, *_OF_AN_ENTRY} - {*_DISTINCT, *_COMMON}, _CLOSE_BESIDE_OURS)
    return None


def _refuse_mistyped(key: str, meant: str | None) -> None:
    if meant:
        raise ConfigError(f"unknown context key {key!r}: did you mean {meant!r}? allowed are {', '.join(_KNOWN_KEYS)}")


def _refuse_settings_without_instances(context: Mapping[str, Any]) -> None:
    given = [key for key in QUICK_KEYS if context.get(key) is not None]
    if given and "instance_ids" not in given:
        raise ConfigError(
            f"{given[0]!r} has no effect without 'instance_ids': add -c instance_ids=..., or put {given[0]} into an "
            f"entry of {ROLES_KEY}"
        )


def closest(key: str, names: Iterable[str], cutoff: float = _CLOSE) -> str | None:
    """The name that a key is like, whatever its capitals and separators are, and if it is in the plural."""
    known = {_normal(name): name for name in names}
    close = difflib.get_close_matches(_normal(key), known, n=1, cutoff=cutoff)
    return known[close[0]] if close else None


def _normal(key: str) -> str:
    """A key without capitals, separators and the ending of its plural.

    >>> _normal("instance-ids"), _normal("managedPolicies"), _normal("REGION")
    ('instanceid', 'managedpolicy', 'region')
    """
    letters = "".join(one for one in key.lower() if one.isalnum())
    return f"{letters[:-3]}y" if letters.endswith("ies") else letters.removesuffix("s")
