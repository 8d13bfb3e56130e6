"""Stacks that share a provider are deployed one after the other where their policies don't fit in twice.

While a stack is deployed, the handler's role has the old and the new policies of that stack. If all stacks were
deployed at the same time, it would have all old and all new ones.
"""

from collections.abc import Iterable, Iterator, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Any

import jsii
from aws_cdk import Stack
from constructs import Construct, IValidation

from ..support.locations import path_of


class StackChain:
    """Lets each of some stacks depend on the one before it.

    The CDK validates constructs once it has resolved all references. Only then it is known which stacks depend on each
    other already, and so in which order they can be deployed.
    """

    def __init__(self, provider: Construct) -> None:
        """
        Args:
            provider: the provider that the stacks share.
        """
        self._stacks: Sequence[Stack] = ()
        provider.node.add_validation(_ChainValidation(self))

    def link(self, stacks: Sequence[Stack]) -> None:
        """Have stacks deployed one after the other, instead of those of an earlier call.

        Args:
            stacks: the stacks; none if all of them may be deployed at the same time.
        """
        self._stacks = stacks

    def add_dependencies(self) -> None:
        """Add what is missing to the dependencies of the stacks."""
        for earlier, later in pairwise(_in_order(self._stacks)):
            # Newer releases of the CDK call it by another name, and warn of the former one.
            getattr(later, "add_stack_dependency", later.add_dependency)(earlier)


def _in_order(stacks: Sequence[Stack]) -> Iterator[Stack]:
    """The stacks in an order in which none depends on a later one, otherwise as they are given."""
    by_path = {path_of(stack): stack for stack in stacks}
    graph = {path: [other for other in _required(by_path[path]) if other in by_path] for path in by_path}
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        yield from (by_path[path] for path in by_path if path in ready)
        sorter.done(*ready)


def _required(stack: Stack) -> Iterable[str]:
    """Paths of all stacks that a stack depends on, also by way of others."""
    found: dict[str, None] = {}
    waiting: list[Any] = [*stack.dependencies]
    while waiting:
        other = waiting.pop()
        if path_of(other) not in found:
            found[path_of(other)] = None
            waiting += other.dependencies
    return found


@jsii.implements(IValidation)
class _ChainValidation:
    def __init__(self, chain: StackChain) -> None:
        self._chain = chain

    def validate(self) -> list[str]:
        self._chain.add_dependencies()
        return []
