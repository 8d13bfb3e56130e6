"""What a role allows, by the statements of its policies."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..model import unique
from .permission_set import Grant, PermissionRegion, PermissionSet
from .role import Policy, Role

_ONE_WORD = re.compile(r'[^\s,"]+')


@dataclass(frozen=True, slots=True)
class Reading:
    """What a role allows, and what its policies have that nobody can read."""

    allowed: PermissionSet
    """What the policies allow and the boundary lets through, without what either denies."""
    oddities: tuple[str, ...] = ()
    """In sentences."""


def read(role: Role) -> Reading:
    """Work out what a role allows."""
    allows, denies, oddities = _regions(role.policies)
    allowed = PermissionSet(allows)
    if role.boundary:
        within, beyond, odd = _regions([role.boundary])
        allowed, denies, oddities = allowed.within(PermissionSet(within)), [*denies, *beyond], [*oddities, *odd]
    return Reading(allowed.without(PermissionSet(denies)), tuple(f"role {role.name}: {oddity}" for oddity in oddities))


def _regions(policies: Iterable[Policy]) -> tuple[list[PermissionRegion], list[PermissionRegion], list[str]]:
    """What the policies allow, what they deny, and which statements say neither."""
    regions: dict[str, list[PermissionRegion]] = {"Allow": [], "Deny": []}
    oddities = []
    for policy in policies:
        for statement in _listed(policy.document.get("Statement", ())):
            spoken_of = [*_statement_regions(statement)] if isinstance(statement, Mapping) else []
            effect = statement.get("Effect") if spoken_of else None
            if isinstance(effect, str) and effect in regions:
                regions[effect] += spoken_of
            else:
                oddities.append(f"a statement of policy {policy.label} is none of an IAM policy, and left out")
    return regions["Allow"], regions["Deny"], list(unique(oddities))


def _statement_regions(statement: Mapping[str, Any]) -> Iterator[PermissionRegion]:
    """One region for each action on each resource. ``NotAction`` and ``NotResource`` mean all but those."""
    if not ({"Action", "NotAction"} & statement.keys() and {"Resource", "NotResource"} & statement.keys()):
        return
    condition = statement.get("Condition") or {}
    if not _is_condition(condition):
        return
    conditions = frozenset(_condition_texts(condition))
    other_actions, other_resources = _texts_of(statement, "NotAction"), _texts_of(statement, "NotResource")
    for action in ["*"] if "NotAction" in statement else _texts_of(statement, "Action"):
        for resource in ["*"] if "NotResource" in statement else _texts_of(statement, "Resource"):
            exclusions = [_grant(other, resource, conditions) for other in other_actions]
            exclusions += [_grant(action, other, conditions) for other in other_resources]
            yield PermissionRegion(_grant(action, resource, conditions), tuple(exclusions))


def _grant(action: str, resource: str, conditions: frozenset[str]) -> Grant:
    return Grant(frozenset({action}), frozenset({resource}), conditions)


def _condition_texts(conditions: Any) -> Iterator[str]:
    """Each condition by itself, all of which have to hold."""
    for operator, keys in conditions.items():
        for key, values in keys.items():
            yield f"{operator} {key} {', '.join(sorted(map(_condition_value, _listed(values))))}"


def _condition_value(value: Any) -> str:
    """The value, in quotes if it could be taken for several values or for a part of the key."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _ONE_WORD.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _is_condition(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(keys, Mapping) for keys in value.values())


def _texts_of(statement: Mapping[str, Any], key: str) -> list[str]:
    return [str(value) for value in _listed(statement.get(key, ()))]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
