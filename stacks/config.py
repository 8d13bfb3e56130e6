"""What the app is configured with: CDK context, validated, one entry per role."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from cdk_instance_role.runtime.association.request.desired import shown

from .context import LISTS, QUICK_KEYS, ROLES_KEY, ConfigError, check_keys
from .entries import EnforcementEntry, ProfileEntry, RoleEntry, RolloutEntry
from .mistakes import mistakes
from .settings import SETTINGS_KEY, SettingsEntry
from .values import Strict

__all__ = [
    "ConfigError",
    "EnforcementEntry",
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


def load(context: Mapping[str, Any]) -> dict[str, RoleEntry]:
    """The roles that the context defines, by name, each with the settings that hold for it.

    Args:
        context: the whole context of the app.

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
        _refuse_listed_twice(name, entry)
        _refuse_shared_provider(name, entry)
    _refuse_selected_twice(roles)
    roles = {name: _with_settings(entry, settings) for name, entry in roles.items()}
    for name, entry in roles.items():
        _refuse_settings_of_elsewhere(name, entry)
        _refuse_queues_without_a_key(name, entry)
    if settings and settings.shared_provider:
        _refuse_different_providers(roles)
    return roles


def common_settings(context: Mapping[str, Any]) -> SettingsEntry | None:
    """The settings for all entries; None if there are none.

    Raises:
        ConfigError: something in them can't be used.
    """
    given = context.get(SETTINGS_KEY)
    return None if given is None else _settings(given)


def _with_settings(entry: RoleEntry, settings: SettingsEntry | None) -> RoleEntry:
    """An entry with the settings for all entries, where it has none of its own."""
    return entry.model_copy(update={"settings": settings.overridden(entry.settings)}) if settings else entry


def _refuse_settings_of_elsewhere(name: str, entry: RoleEntry) -> None:
    """Refuse a key of another Region, and a permissions boundary of another account, than those of an entry."""
    found = entry.settings.places() if entry.settings else {}
    for key, (arn, region, account) in found.items():
        place = f"{ROLES_KEY}.{name}"
        if region and entry.region and region != entry.region:
            raise ConfigError(
                f"{place} is for {entry.region}, and {key} {arn!r} is in {region}: give one of {entry.region} in "
                f"{place}.settings"
            )
        if account and entry.account and account != entry.account:
            raise ConfigError(
                f"{place} is for account {entry.account}, and {key} {arn!r} is in account {account}: give one of that "
                f"account in {place}.settings"
            )


def _refuse_queues_without_a_key(name: str, entry: RoleEntry) -> None:
    if entry.settings and entry.settings.encrypt_queues and not entry.settings.encryption_key:
        raise ConfigError(
            f"the settings of {ROLES_KEY}.{name} have encrypt_queues true and no encryption_key: give the key, or "
            "leave encrypt_queues out"
        )


def _refuse_shared_provider(name: str, entry: RoleEntry) -> None:
    if entry.settings and entry.settings.shared_provider is not None:
        raise ConfigError(
            f"{ROLES_KEY}.{name}.settings.shared_provider has no effect in an entry: give it in {SETTINGS_KEY}, "
            "because all entries of an account and Region share the provider"
        )


def _refuse_different_providers(roles: Mapping[str, RoleEntry]) -> None:
    """Refuse entries that share a provider and have different settings for it."""
    known: dict[tuple[str | None, str | None], tuple[str, dict[str, Any]]] = {}
    for name, entry in roles.items():
        assert entry.settings
        found = entry.settings.of_the_provider()
        other, theirs = known.setdefault((entry.account, entry.region), (name, found))
        different = [key for key, value in found.items() if value != theirs[key]]
        if different:
            raise ConfigError(
                f"the entries {other!r} and {name!r} of {ROLES_KEY} share one provider and have different settings for "
                f"it, {', '.join(different)}: give them in {SETTINGS_KEY}, or leave shared_provider out"
            )


def _refuse_listed_twice(name: str, entry: RoleEntry) -> None:
    for profile, times in Counter(profile.path_and_name for profile in entry.listed).items():
        if times > 1:
            raise ConfigError(
                f"{ROLES_KEY}.{name}.replaces: profile {profile!r} is listed more than once, list it once"
            )


def _refuse_selected_twice(roles: Mapping[str, RoleEntry]) -> None:
    selected: dict[str, str] = {}
    for name, entry in roles.items():
        for instance_id in dict.fromkeys(entry.instance_ids or ()):
            other = selected.setdefault(instance_id, name)
            if other != name:
                raise ConfigError(
                    f"instance {instance_id} is in the entries {other!r} and {name!r} of {ROLES_KEY}: "
                    "an instance carries one profile only, leave it in one of them"
                )


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
            raise ConfigError(f"{key} is {shown(value)}, which is not JSON ({error}): give {expected}") from None
    if not isinstance(value, dict):
        raise ConfigError(f"{key} is {shown(value)}: give {expected}")
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
        raise ConfigError(f"{ROLES_KEY}.{name} is {shown(value)}: give a map with instance_ids or instance_tags")
    return _validated(f"{ROLES_KEY}.{name}", value, RoleEntry)


def _validated(place: str, value: Mapping[str, Any], model: type[Model]) -> Model:
    """What a map of the context says."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ConfigError("; ".join(mistakes(place, error, model))) from None
