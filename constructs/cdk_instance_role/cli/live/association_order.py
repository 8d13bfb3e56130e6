"""The order in which CloudFormation creates and updates associations: that of their dependencies.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ..template.intrinsic_functions import VARIABLE, UnresolvedError
from ..template.stacks import Address
from .stack_graph import StackGraph


class AssociationOrder:
    """Knows which associations of a stack, and of those that are nested in it, wait for others."""

    def __init__(self, stacks: StackGraph) -> None:
        """
        Args:
            stacks: the stacks of the account and Region.
        """
        self._stacks = stacks
        self._awaited: dict[tuple[Address, str], frozenset[str]] = {}
        self._named: dict[tuple[Address, str], frozenset[str]] = {}

    def waits_for(self, second: tuple[Address, str], first: tuple[Address, str]) -> bool:
        """Whether an association comes after another one: its resource, or the nested stack that it is in, depends on
        that of the other one, also by way of others.

        Args:
            second: the association: its stack and its logical id.
            first: the other one, of the same stack at the top.
        """
        one, other = (*second[0].nested, second[1]), (*first[0].nested, first[1])
        depth = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
        if depth is None:
            return False
        return other[depth] in self._awaited_by(Address(second[0].name, one[:depth]), one[depth])

    def _awaited_by(self, address: Address, logical_id: str) -> frozenset[str]:
        """What a resource of a stack waits for."""
        key = address, logical_id
        if key not in self._awaited:
            waiting, found = [logical_id], set[str]()
            while waiting:
                new = self._named_by(address, waiting.pop()) - found
                found |= new
                waiting += new
            self._awaited[key] = frozenset(found)
        return self._awaited[key]

    def _named_by(self, address: Address, logical_id: str) -> frozenset[str]:
        """The resources of a stack that one of them refers to, without those that are not made, or of which that is not
        known."""
        key = address, logical_id
        if key not in self._named:
            resources = self._stacks.values(address).resources
            names = {*_names_in(resources[logical_id])} & resources.keys()
            self._named[key] = frozenset(one for one in names if self._is_made(address, one))
        return self._named[key]

    def _is_made(self, address: Address, logical_id: str) -> bool:
        with suppress(UnresolvedError):
            return self._stacks.values(address).is_made(logical_id)
        return False


def _names_in(node: Any) -> Iterator[str]:
    """What a part of a resource refers to, names of resources and others."""
    match node:
        case {"Ref": str(name)} | {"DependsOn": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(name)}:
            yield name.partition(".")[0]
        case {"Fn::Sub": str(text) | [str(text), *_]}:
            yield from (name.partition(".")[0] for _, name in VARIABLE.findall(text))
    match node:
        case {"DependsOn": list(names)}:
            yield from names
    if isinstance(node, Mapping | list):
        for part in node.values() if isinstance(node, Mapping) else node:
            yield from _names_in(part)
