"""Entries in their accounts and Regions: one for each stack."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from .context.keys import ROLES_KEY, ConfigError
from .entries import RoleEntry
from .environments import EnvironmentEntry
from .settings import SettingsEntry

STACK_PREFIX = "InstanceRole-"
_MAX_STACK_NAME = 128
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html"""


@dataclass(frozen=True)
class Placed:
    """An entry in one account and Region."""

    name: str
    """Name of the entry in the configuration."""
    stack: str
    """What follows the prefix in the id of the stack."""
    place: str
    """Where the configuration says so, for messages."""
    is_alone: bool
    """Whether nothing else is configured at that place, so that settings there are for this account and Region only."""
    entry: RoleEntry
    """The entry with `account` and `region`, and without `environments`."""
    given_there: frozenset[str] = frozenset()
    """Keys that the environment gives instead of the entry."""

    def place_of(self, key: str) -> str:
        """Where the configuration has the value of a key.

        Args:
            key: a key of the entry, which an environment may give as well.
        """
        return f"{self.place if key in self.given_there else f'{ROLES_KEY}.{self.name}'}.{key}"

    def with_common(self, settings: SettingsEntry | None) -> "Placed":
        """The same with the settings for all entries, where it has none of its own."""
        if settings is None:
            return self
        return replace(self, entry=_with(self.entry, settings=settings.overridden(self.entry.settings)))


def placed(roles: Mapping[str, RoleEntry]) -> list[Placed]:
    """All stacks of the entries.

    Args:
        roles: the entries by name.

    Raises:
        ConfigError: two stacks would have one id, or ids that differ only in case, or an id is too long.
    """
    found: dict[str, Placed] = {}
    for one in (one for name, entry in roles.items() for one in _placed(name, entry)):
        stack = STACK_PREFIX + one.stack
        if len(stack) > _MAX_STACK_NAME:
            raise ConfigError(
                f"{one.place} needs the stack {stack}, whose name has {len(stack)} characters, and CloudFormation "
                f"takes {_MAX_STACK_NAME}: shorten the name of the entry by {len(stack) - _MAX_STACK_NAME}"
            )
        if other := found.get(one.stack.lower()):
            raise ConfigError(
                f"the entries {other.name!r} and {one.name!r} of {ROLES_KEY} {_alike(other, one)}: rename one"
            )
        found[one.stack.lower()] = one
    return list(found.values())


def _alike(one: Placed, other: Placed) -> str:
    """Why the stacks of two entries can't be beside each other."""
    first, second = STACK_PREFIX + one.stack, STACK_PREFIX + other.stack
    if first == second:
        return f"both need the stack {first}"
    return (
        f"need the stacks {first} and {second}, which differ only in case, and macOS and Windows take the files of "
        "their templates for one"
    )


def check_regions(roles: Mapping[str, RoleEntry], known: Collection[str]) -> None:
    """Refuse a Region that does not exist.

    Args:
        roles: the entries by name.
        known: the Regions that aws-cdk-lib lists.

    Raises:
        ConfigError: an entry has another one.
    """
    for name, entry in roles.items():
        for key, region in _regions(entry):
            if region not in known:
                close = difflib.get_close_matches(region, known, n=1)
                hint = f"did you mean {close[0]!r}? " if close else ""
                raise ConfigError(
                    f"{ROLES_KEY}.{name}.{key} is {region!r}, and aws-cdk-lib lists no such Region: {hint}give one "
                    "that exists, or update aws-cdk-lib for a new one"
                )


def _regions(entry: RoleEntry) -> Iterator[tuple[str, str]]:
    """The Regions of an entry, each with its key."""
    if entry.region:
        yield "region", entry.region
    for number, environment in enumerate(entry.environments or ()):
        for index, region in enumerate(environment.regions):
            yield f"environments[{number}].regions[{index}]", region


def _placed(name: str, entry: RoleEntry) -> Iterator[Placed]:
    place = f"{ROLES_KEY}.{name}"
    if not entry.environments:
        yield Placed(name, name, place, True, entry)
    for number, one in enumerate(entry.environments or ()):
        for region in one.regions:
            yield Placed(
                name=name,
                stack=f"{name}-{one.account}-{region}",
                place=f"{place}.environments[{number}]",
                is_alone=len(one.regions) == 1,
                entry=_in_environment(entry, one, region),
                given_there=frozenset(one.model_fields_set),
            )


def _in_environment(entry: RoleEntry, environment: EnvironmentEntry, region: str) -> RoleEntry:
    settings = entry.settings.overridden(environment.settings) if entry.settings else environment.settings
    ids = environment.instance_ids or entry.instance_ids
    placed_there = _with(entry, account=environment.account, region=region, environments=None)
    return _with(placed_there, settings=settings, instance_ids=ids)


def _with(entry: RoleEntry, **values: object) -> RoleEntry:
    return entry.model_copy(update=values)
