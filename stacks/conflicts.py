"""What entries can't say together, and which settings can't be right in an account and Region."""

from collections import Counter
from collections.abc import Sequence

from .context.keys import ROLES_KEY, ConfigError
from .entries import RoleEntry
from .placement import Placed
from .provider_settings import shared_settings
from .settings import SETTINGS_KEY, SettingsEntry


def check_entry(name: str, entry: RoleEntry) -> None:
    """Refuse what has no meaning in an entry, whatever its account and Region.

    Raises:
        ConfigError: there is something.
    """
    _refuse_listed_twice(name, entry)
    _refuse_shared_provider(f"{ROLES_KEY}.{name}", entry.settings)
    for number, environment in enumerate(entry.environments or ()):
        _refuse_shared_provider(f"{ROLES_KEY}.{name}.environments[{number}]", environment.settings)


def check_together(stacks: Sequence[Placed], common: SettingsEntry | None) -> None:
    """Refuse what can't be right in an account and Region, or beside another stack.

    Args:
        stacks: all of them, with their settings.
        common: the settings for all entries.

    Raises:
        ConfigError: there is something.
    """
    _refuse_selected_twice(stacks)
    for one in stacks:
        _refuse_settings_of_elsewhere(one)
        _refuse_queues_without_a_key(one)
    _refuse_a_vpc_in_two_regions(stacks)
    if common and common.shared_provider:
        shared_settings(stacks, common)


def _refuse_listed_twice(name: str, entry: RoleEntry) -> None:
    for profile, times in Counter(profile.path_and_name for profile in entry.listed).items():
        if times > 1:
            raise ConfigError(
                f"{ROLES_KEY}.{name}.replaces: profile {profile!r} is listed more than once, list it once"
            )


def _refuse_shared_provider(place: str, settings: SettingsEntry | None) -> None:
    if settings and settings.shared_provider is not None:
        raise ConfigError(
            f"{place}.settings.shared_provider has no effect in an entry: give it in {SETTINGS_KEY}, "
            "because all entries of an account and Region share the provider"
        )


def _refuse_selected_twice(stacks: Sequence[Placed]) -> None:
    selected: dict[str, Placed] = {}
    for one in stacks:
        for instance_id in dict.fromkeys(one.entry.instance_ids or ()):
            other = selected.setdefault(instance_id, one)
            if other.name != one.name:
                raise ConfigError(
                    f"instance {instance_id} is in the entries {other.name!r} and {one.name!r} of {ROLES_KEY}: "
                    "an instance carries one profile only, leave it in one of them"
                )
            if other is not one:
                raise ConfigError(
                    f"instance {instance_id} is in {other.place} and {one.place}: an id belongs to one Region, leave "
                    "it in one of them"
                )


def _refuse_settings_of_elsewhere(one: Placed) -> None:
    """Refuse a key of another Region, and a permissions boundary of another account."""
    region, account = one.entry.region, one.entry.account
    where = f"{one.place}.settings" if one.is_alone else f"settings of an environment for {region} alone"
    for key, (arn, of_region, of_account) in (one.entry.settings.places() if one.entry.settings else {}).items():
        if of_region and region and of_region != region:
            raise ConfigError(
                f"{one.place} is for {region}, and {key} {arn!r} is in {of_region}: give one of {region} in {where}"
            )
        if of_account and account and of_account != account:
            raise ConfigError(
                f"{one.place} is for account {account}, and {key} {arn!r} is in account {of_account}: give one of that "
                f"account in {one.place}.settings, or the name of a policy that each account has"
            )


def _refuse_a_vpc_in_two_regions(stacks: Sequence[Placed]) -> None:
    # Accounts may share a VPC, but it is in one Region:
    # https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html
    known: dict[str, Placed] = {}
    for one in stacks:
        vpc = one.entry.settings.vpc if one.entry.settings else None
        if vpc is None or one.entry.region is None:
            continue
        other = known.setdefault(vpc.vpc_id, one)
        if other.entry.region != one.entry.region:
            raise ConfigError(
                f"{other.place} in {other.entry.region} and {one.place} in {one.entry.region} both have the vpc "
                f"{vpc.vpc_id!r}: a VPC is in one Region, give one for each Region in settings of an entry or an "
                "environment"
            )


def _refuse_queues_without_a_key(one: Placed) -> None:
    settings = one.entry.settings
    if settings and settings.encrypt_queues and not settings.encryption_key:
        raise ConfigError(
            f"the settings of {one.place} have encrypt_queues true and no encryption_key: give the key, or leave "
            "encrypt_queues out"
        )
