"""What the resources of a stack wait for, before the CDK has written the dependencies between constructs into them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from aws_cdk import CfnResource, Stack
from constructs import Construct, Dependable

from ..support.at_synthesis import resources_of
from ..support.locations import path_of

_IN_TEXT = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}")
"""A reference in the text of `Fn::Sub`."""
_NESTED = "AWS::CloudFormation::Stack"


class DeploymentOrder:
    """The order in which CloudFormation creates the resources of one stack."""

    def __init__(self, stack: Stack) -> None:
        """
        Args:
            stack: the stack, once every Aspect has run.
        """
        constructs = stack.node.find_all()
        self._nested = [one for one in constructs if isinstance(one, Stack) and one is not stack]
        nested = [path_of(one) for one in self._nested]
        found = [one for one in constructs if isinstance(one, CfnResource) and not is_within(path_of(one), nested)]
        logical_ids = stack.resolve([one.logical_id for one in found])
        self._constructs: dict[str, CfnResource] = dict(zip(logical_ids, found, strict=True))
        self._ids = {path_of(one): logical_id for logical_id, one in self._constructs.items()}
        self._path = path_of(stack)
        self._resources = resources_of(stack)

    def may_wait(self, first: CfnResource, second: CfnResource) -> bool:
        """Whether the first resource waits for the second, also by way of others. What a nested stack waits for is not
        known yet; it may be anything."""
        waiting, goal = [self._id_of(first)], self._id_of(second)
        seen = set(waiting)
        while waiting:
            logical_id = waiting.pop()
            if logical_id == goal or self._is_nested(logical_id):
                return True
            new = set(self._awaited(logical_id)) - seen
            seen |= new
            waiting += new
        return False

    def _id_of(self, resource: CfnResource) -> str:
        return self._ids[path_of(resource)]

    def _is_nested(self, logical_id: str) -> bool:
        if logical_id in self._resources:
            return bool(self._resources[logical_id]["Type"] == _NESTED)
        return any(logical_id in resources_of(one) for one in self._nested)

    def _awaited(self, logical_id: str) -> Iterator[str]:
        yield from _names_in(self._resources.get(logical_id, {}))
        if logical_id in self._constructs:
            roots = [*declared_roots(self._constructs[logical_id], self._path)]
            yield from (other for path, other in self._ids.items() if is_within(path, roots))
            if any(is_within(path_of(one), roots) for one in self._nested):
                yield from filter(self._is_nested, self._constructs)


def declared_roots(construct: Construct, top: str) -> Iterator[str]:
    """Paths of the constructs on which a construct depends, or one that it is in.

    Args:
        construct: the construct.
        top: path of the outermost construct whose dependencies count.
    """
    scopes: list[Any] = construct.node.scopes
    for scope in scopes:
        if is_within(path_of(scope), [top]):
            for dependable in scope.node.dependencies:
                yield from roots_of(dependable)


def roots_of(dependable: Any) -> Iterator[str]:
    """Paths of the constructs that a dependency on something stands for."""
    roots: list[Any] = Dependable.of(dependable).dependency_roots
    yield from map(path_of, roots)


def is_within(path: str, tops: Iterable[str]) -> bool:
    """Whether a construct is one of some constructs, or below one."""
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def _names_in(node: Any) -> Iterator[str]:
    """What a part of a template refers to."""
    match node:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), _]}:
            yield name
        case {"Fn::Sub": str(text) | [str(text), _]}:
            yield from _IN_TEXT.findall(text)
    match node:
        case {"DependsOn": str(name)}:
            yield name
        case {"DependsOn": list(names)}:
            yield from names
    if isinstance(node, Mapping | list):
        for part in node.values() if isinstance(node, Mapping) else node:
            yield from _names_in(part)
