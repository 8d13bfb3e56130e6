"""What all associations of a provider need together: the handler's policies, and what is refused about them."""

from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from ..permission_search.packing import MAX_MANAGED_POLICIES
from ..support.arns import is_token
from ..support.at_synthesis import at_synthesis, resource_of
from ..support.locations import environment_of, outermost, stack_of
from ..support.problems import Problems
from .capacity import capacity
from .excess_permissions import excesses
from .policies import HandlerPolicies
from .stack_chain import StackChain
from .statements import Permissions

_SELECTED: dict[Hashable, dict[str, str]] = {}
"""Path of the association that selects an instance, by environment and id. jsii keeps every construct for as long as
the process lives, so nothing is kept alive by this."""


class Grants:
    """The permissions of a provider's handler, by stack and association.

    The policies are in the stacks of the associations: one in the provider's stack could not name what belongs to a
    stack that depends on it.
    """

    def __init__(self, provider: Construct, role: iam.IRole, policies_id: str, max_policies: int) -> None:
        """
        Args:
            provider: the provider.
            role: role of its handler.
            policies_id: id of the policies in every stack.
            max_policies: managed policies that the role can have.
        """
        self._provider, self._role = provider, role
        self._policies_id, self._max_policies = policies_id, max_policies
        self._policies: dict[Stack, HandlerPolicies] = {}
        self._granted: list[Permissions] = []
        self._problems = Problems(provider)
        self._chain: StackChain | None = None
        self._others = 0
        """Managed policies that the role has besides, for example by an Aspect; none before the synthesis."""
        at_synthesis(provider, self._write)

    def add(self, permissions: Permissions) -> IDependable:
        """Add what an association needs.

        Raises:
            ValueError: the association is in another account or Region, selects an instance that another one selects
                already, or the permissions of all don't fit into as many policies as the role can have.
        """
        stack = permissions.location.stack
        self._refuse_selected_twice(permissions)
        policies = self._policies.get(stack) or self._new_policies(stack)
        policies.add(permissions)
        self._granted.append(permissions)
        self._refuse_too_many()
        return policies

    def _new_policies(self, stack: Stack) -> HandlerPolicies:
        self._refuse_elsewhere(stack)
        self._policies[stack] = HandlerPolicies(stack, self._policies_id, role=self._role)
        return self._policies[stack]

    def _write(self) -> None:
        """Write the policies, and have the synthesis fail for what is only known now."""
        written = [policies.write() for policies in self._policies.values()]
        self._others = self._count_others()
        self._link()
        unnamed = (problem for one in written for problem in one.problems)
        self._problems.report([*self._too_many(), *unnamed, *excesses(written)])

    def _refuse_elsewhere(self, stack: Stack) -> None:
        own = Stack.of(self._provider)
        for what, mine, theirs in (("account", own.account, stack.account), ("Region", own.region, stack.region)):
            if mine != theirs and not is_token(mine) and not is_token(theirs):
                raise ValueError(
                    f"the provider is in {what} {mine} and the association in {theirs}: "
                    f"use a provider in the same {what}"
                )

    def _refuse_selected_twice(self, permissions: Permissions) -> None:
        location = permissions.location
        for environment in {environment_of(location.stack), environment_of(stack_of(self._provider))}:
            selected = _SELECTED.setdefault(environment, {})
            for instance_id in permissions.instances.inspected_ids:
                other = selected.setdefault(instance_id, location.path)
                if other != location.path:
                    raise ValueError(
                        f"instance {instance_id} is selected by {other} already: an instance carries one profile only"
                    )

    def _refuse_too_many(self) -> None:
        for problem in self._too_many():
            raise ValueError(problem)

    def _link(self) -> None:
        """Have the stacks deployed one after the other, unless the role can have the policies of all of them twice."""
        counts = self._counts()
        is_needed = 2 * counts.total() + self._others > self._max_policies
        if self._chain is None and is_needed and len(counts) > 1:
            self._chain = StackChain(self._provider)
        if self._chain:
            self._chain.link([*counts] if is_needed else [])

    def _counts(self) -> Counter[Stack]:
        """Policies by stack. Nested stacks are deployed together with the one that they are in."""
        counts: Counter[Stack] = Counter()
        for stack, policies in self._policies.items():
            counts[outermost(stack)] += policies.count
        return counts

    def _count_others(self) -> int:
        resource: Any = self._role.node.default_child
        if resource is None:
            return 0
        return len(resource_of(resource).get("Properties", {}).get("ManagedPolicyArns", []))

    def _too_many(self) -> Iterator[str]:
        """While a stack is deployed, the role has the old and the new policies of that stack."""
        counts = [*self._counts().values()]
        if counts and sum(counts) + max(counts) + self._others > self._max_policies:
            stacks = ", ".join(stack.stack_name for stack in self._policies)
            yield (
                f"the instance ids, tags, profiles and alarms of {stacks} need {sum(counts)} IAM policies, and a role "
                f"can have {self._max_policies}, old and new ones together while a stack is deployed{self._besides()}. "
                f"{self._room()}: {', or '.join(self._ways_to_need_fewer())}"
            )

    def _besides(self) -> str:
        return f", and has {self._others} besides" if self._others else ""

    def _room(self) -> str:
        """What fits, for a message."""
        if len(self._policies) > 1:
            return f"Each stack needs at least one policy, so at most {self._max_policies - 1} stacks fit"
        return f"That is enough for {capacity(self._max_policies)}"

    def _ways_to_need_fewer(self) -> Iterator[str]:
        if any(permissions.lists_many_ids for permissions in self._granted):
            yield "select the instances by tags"
        if any(permissions.lists_long_tags for permissions in self._granted):
            yield "select by fewer or shorter tag values"
        if any(permissions.lists_several_profiles for permissions in self._granted):
            yield "list fewer profiles in `replaces`"
        if any(permissions.lists_many_alarms for permissions in self._granted):
            yield "watch a composite alarm of the alarms"
        if len(self._policies) > 1:
            yield "use a provider for each stack"
        elif len(self._granted) > 1:
            yield "spread the associations over several stacks"
        if self._max_policies < MAX_MANAGED_POLICIES:
            yield "have IAM's quota of managed policies of a role raised and say so with max_policies"
