"""The settings of a provider that the entries of an account and Region share."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from .context.keys import ROLES_KEY, ConfigError
from .placement import Placed
from .settings import SETTINGS_KEY, SettingsEntry

_ALSO_OF_STACKS = ("permissions_boundary", "tags")
"""What the stack of an entry has as well, and may have differently."""

Place = tuple[str | None, str | None]
"""Account and Region, as far as the entries name them."""


def shared_settings(stacks: Sequence[Placed], common: SettingsEntry) -> dict[Place, SettingsEntry]:
    """The settings of each provider: those of its entries. A permissions boundary and tags that its entries have
    differently are those for all entries.

    Args:
        stacks: all of them, with their settings.
        common: the settings for all entries.

    Raises:
        ConfigError: the entries of a provider differ in something else, or nothing says which boundary or tags it has.
    """
    places = groupby(sorted(stacks, key=_sortable), key=_place)
    return {place: _settings_at(list(alike), common) for place, alike in places}


def _place(one: Placed) -> Place:
    return one.entry.account, one.entry.region


def _sortable(one: Placed) -> tuple[str, str]:
    account, region = _place(one)
    return account or "", region or ""


def _settings_at(stacks: Sequence[Placed], common: SettingsEntry) -> SettingsEntry:
    """The settings of the provider in one account and Region."""
    first, *others = stacks
    settings = _of(first)
    for one in others:
        _refuse_different(first, one, common)
    differing = {key for one in others for key in _different(settings, _of(one))}
    if "permissions_boundary" in differing:
        _refuse_boundary_of_elsewhere(first, common)
    return settings.model_copy(update={key: getattr(common, key) for key in differing})


def _of(one: Placed) -> SettingsEntry:
    assert one.entry.settings, "every entry has the settings for all"
    return one.entry.settings


def _different(settings: SettingsEntry, others: SettingsEntry) -> list[str]:
    theirs: Mapping[str, Any] = others.of_the_provider()
    return [key for key, value in settings.of_the_provider().items() if not _is_same(value, theirs[key])]


def _is_same(value: Any, other: Any) -> bool:
    """Whether two values of a setting mean the same. No tags, for example, are null or an empty map."""
    return value == other or all(one in (None, {}, []) for one in (value, other))


def _refuse_different(first: Placed, one: Placed, common: SettingsEntry) -> None:
    """Refuse settings of two entries that don't say what their provider has."""
    different = [key for key in _different(_of(first), _of(one)) if not _is_decided(key, common)]
    if different:
        also = [key for key in different if key in _ALSO_OF_STACKS]
        hint = f"give {' and '.join(also)} of the provider in {SETTINGS_KEY}, " if also == different else ""
        raise ConfigError(
            f"the entries {first.name!r} and {one.name!r} of {ROLES_KEY} share one provider{_where(one)} and have "
            f"different settings for it, {', '.join(different)}: give both entries the same ones, {hint}or leave "
            "shared_provider out"
        )


def _is_decided(key: str, common: SettingsEntry) -> bool:
    """Whether the settings for all entries say what a provider has, whatever its entries have."""
    return key in _ALSO_OF_STACKS and getattr(common, key) is not None


def _where(one: Placed) -> str:
    return f" in account {one.entry.account}, {one.entry.region}," if one.entry.account and one.entry.region else ""


def _refuse_boundary_of_elsewhere(one: Placed, common: SettingsEntry) -> None:
    """Refuse a permissions boundary of another account than that of the provider."""
    arn, _, owner = common.places().get("permissions_boundary", ("", "", ""))
    account = one.entry.account
    if owner and account and owner != account:
        raise ConfigError(
            f"{SETTINGS_KEY}.permissions_boundary {arn!r} is in account {owner}, and the shared provider of "
            f"{one.place} is in account {account}: give the name of a policy that each account has"
        )
