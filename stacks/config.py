"""What the app is configured with: CDK context, validated, one entry per role."""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from cdk_instance_role.runtime.association.request.desired import abbreviated

from .conflicts import check_entry, check_together
from .context.keys import LISTS, QUICK_KEYS, ROLES_KEY, ConfigError, check_keys
from .entries import EnforcementEntry, ProfileEntry, RoleEntry, RolloutEntry
from .environments import EnvironmentEntry
from .mistakes import mistakes
from .placement import STACK_PREFIX, Placed, check_regions, placed
from .settings import SETTINGS_KEY, SettingsEntry
from .values import Strict

__all__ = [
    "STACK_PREFIX",
    "ConfigError",
    "EnforcementEntry",
    "EnvironmentEntry",
    "Placed",
    "ProfileEntry",
    "RoleEntry",
    "RolloutEntry",
    "SettingsEntry",
    "common_settings",
    "load",
]

Model = TypeVar("Model", bound=Strict)

DEFAULT_NAME = "default"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")


def load(context: Mapping[str, Any], regions: Collection[str] | None = None) -> list[Placed]:
    """The stacks that the context defines, each with its entry in one account and Region and the settings for it.

    Args:
        context: the whole context of the app.
        regions: the Regions that exist. Default: any will do.

    Raises:
        ConfigError: something in it can't be used.
    """
    check_keys(context)
    settings = common_settings(context)
    entries = _map(ROLES_KEY, context.get(ROLES_KEY) or {}, "a map of entries by name")
    quick = {key: _listed(key, context[key]) for key in QUICK_KEYS if context.get(key) is not None}
    if quick:
        if DEFAULT_NAME in entries:
            raise ConfigError(
                f"{ROLES_KEY} has an entry {DEFAULT_NAME!r} already: change it there, or leave out {', '.join(quick)}"
            )
        entries[DEFAULT_NAME] = quick
    if not entries:
        raise ConfigError(
            f"no instances selected: add an entry to {ROLES_KEY} in cdk.json, or pass "
            "-c instance_ids=i-0123456789abcdef0 -c managed_policies=AmazonS3ReadOnlyAccess"
        )
    roles = {name: _entry(name, value) for name, value in entries.items()}
    for name, entry in roles.items():
        check_entry(name, entry)
    if regions is not None:
        check_regions(roles, regions)
    stacks = [one.with_common(settings) for one in placed(roles)]
    check_together(stacks, settings)
    return stacks


def common_settings(context: Mapping[str, Any]) -> SettingsEntry | None:
    """The settings for all entries; None if there are none.

    Raises:
        ConfigError: something in them can't be used.
    """
    given = context.get(SETTINGS_KEY)
    return None if given is None else _settings(given)


def _settings(value: Any) -> SettingsEntry:
    """The settings for all entries."""
    return _validated(SETTINGS_KEY, _map(SETTINGS_KEY, value, "a map of settings"), SettingsEntry)


def _map(key: str, value: Any, expected: str) -> dict[str, Any]:
    """The map of a context key, which the command line gives as JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value, object_pairs_hook=partial(_without_duplicates, key))
        except ConfigError:
            raise
        except (RecursionError, ValueError) as error:
            raise ConfigError(f"{key} is {abbreviated(value)}, which is not JSON ({error}): give {expected}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{key} is {abbreviated(value)}: give {expected}")
    return dict(value)


def _without_duplicates(place: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A map, in which JSON would let the last of several values for a key win."""
    for key, times in Counter(key for key, _ in pairs).items():
        if times > 1:
            raise ConfigError(f"{place} has the key {key!r} {times} times in one map: leave one of them")
    return dict(pairs)


def _listed(key: str, value: Any) -> Any:
    """A value from the command line, where a list is separated by commas."""
    if key not in LISTS or not isinstance(value, str) or value == "*":
        return value
    return [item.strip() for item in value.split(",") if item.strip()]


def _entry(name: str, value: Any) -> RoleEntry:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{ROLES_KEY} has an entry {name!r}: a name is letters, digits and hyphens, as in a stack's name"
        )
    if not isinstance(value, dict):
        raise ConfigError(f"{ROLES_KEY}.{name} is {abbreviated(value)}: give a map with instance_ids or instance_tags")
    return _validated(f"{ROLES_KEY}.{name}", value, RoleEntry)


def _validated(place: str, value: Mapping[str, Any], model: type[Model]) -> Model:
    """What a map of the context says."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ConfigError("; ".join(mistakes(place, error, model))) from None
