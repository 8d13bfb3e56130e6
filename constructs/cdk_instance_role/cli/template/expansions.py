"""What CloudFormation makes other resources of while it reads a template: loops, transforms, modules and SAM."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .intrinsic_functions import function_in
from .replacement import MANAGED_POLICY
from .stacks import ASSOCIATION_TYPE, STACK_TYPE, of_type

_ANY = "*"
"""Stands for every type of resources."""
_LOOP = "Fn::ForEach::"
_OF_SAM = {"AWS::Serverless::Application": STACK_TYPE, "AWS::Serverless::Connector": MANAGED_POLICY}
"""Resources of SAM of which it makes others that roles or instances outside may be concerned by."""
_HARMLESS_TRANSFORMS = (
    "AWS::CodeDeployBlueGreen",
    "AWS::LanguageExtensions",
    "AWS::SecretsManager-",
    "AWS::Serverless-",
)
"""Transforms that give no policy to a role, and make no association, except of what is in `expansions`."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """An entry of ``Resources`` that is no resource as it stands."""

    name: str
    types: frozenset[str]
    """Types of the resources that CloudFormation makes of it, or `_ANY`."""

    def may_make(self, types: Collection[str]) -> bool:
        """Whether it may make resources of some types, or stacks with some."""
        return not self.types.isdisjoint((_ANY, STACK_TYPE, *types))


def expansions(template: Mapping[str, Any]) -> Iterator[Expansion]:
    """The entries of ``Resources`` of which only CloudFormation knows what it makes.

    Example:
        >>> body = ["X", ["1", "2"], {"Topic${X}": {"Type": "AWS::SNS::Topic"}}]
        >>> [*expansions({"Resources": {"Fn::ForEach::Topics": body, "Web": {"Type": "AWS::IAM::Role"}}})]
        [Expansion(name='Fn::ForEach::Topics', types=frozenset({'AWS::SNS::Topic'}))]
    """
    for name, entry in template.get("Resources", {}).items():
        types = frozenset(_types(name, entry))
        is_resource = isinstance(entry, Mapping) and function_in(entry) is None and types == {entry.get("Type")}
        if not is_resource:
            yield Expansion(name, types)


def transforms(template: Mapping[str, Any]) -> list[str]:
    """The transforms of a whole template that may make anything of it, by their names."""
    found = template.get("Transform", ())
    listed = [*found] if isinstance(found, list | tuple) else [found]
    listed += [template["Fn::Transform"]] if "Fn::Transform" in template else []
    names = (str(one.get("Name") if isinstance(one, Mapping) else one) for one in listed)
    return [name for name in names if not name.startswith(_HARMLESS_TRANSFORMS)]


def may_make_associations(template: Mapping[str, Any]) -> list[str]:
    """What of a template may make associations that are not in it, for people. A macro gets a template without any as
    it gets all others of a company, for example to add tags."""
    found = [one.name for one in expansions(template) if one.may_make({ASSOCIATION_TYPE})]
    if of_type(template, ASSOCIATION_TYPE):
        found += [f"transform {name}" for name in transforms(template)]
    return found


def _types(name: str, entry: Any) -> Iterator[str]:
    """Types of the resources that CloudFormation makes of an entry of ``Resources``."""
    match entry:
        case [_, _, Mapping() as entries] if name.startswith(_LOOP):
            for inner, one in entries.items():
                yield from _types(inner, one)
        case {"Type": str() as kind} if not ("{" in kind or kind.endswith("::MODULE") or name.startswith("Fn::")):
            yield _OF_SAM.get(kind, kind)
            if "Connectors" in entry:
                yield MANAGED_POLICY
        case _:
            yield _ANY
