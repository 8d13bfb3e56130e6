"""The handler's IAM policies, packed into as few as IAM's size limit allows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aws_cdk import ScopedAws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..permission_search.merging import merged
from ..permission_search.packing import POLICY_SIZE, least_size, packed, size_of
from ..permission_search.statement import RESOURCE, Statement
from ..support.at_synthesis import Resources, forget, resources_of
from .capacity import too_long_tags
from .conditional_references import ConditionalReferences
from .policy_identity import as_text
from .policy_lengths import EstimatedLengths
from .policy_resource import HandlerPolicy, changed_problem
from .policy_texts import PolicyTexts
from .statements import Permissions

_LEFT_OVER = 600
"""Characters of a policy into which no further statement may fit."""


@dataclass(frozen=True)
class RenderedPolicies:
    """What has been written into the policies of a stack."""

    statements: Sequence[Statement]
    """With tokens."""
    granted: Sequence[Permissions]
    texts: PolicyTexts
    problems: Sequence[str]
    """Sentences about what the policies can't name."""


class HandlerPolicies(Construct):
    """What the handler may do for the associations of one stack, as managed policies of its role.

    The logical id of every policy holds a digest of its content. CloudFormation therefore never changes one: it
    creates the new policy first and deletes the old one last, after the deployment has succeeded or has been
    rolled back. During a deployment the handler has the permissions of both. If the policy were changed in place, a
    rollback would find that the permissions to restore profiles are gone already.

    The content is only known at synthesis, because Aspects may change names and paths until then. The number of
    policies is estimated with every association, so that Aspects visit them, and corrected at synthesis.
    """

    def __init__(self, scope: Construct, id: str, *, role: iam.IRole) -> None:
        """
        Args:
            scope: parent construct, in the stack of the associations.
            id: id within the parent.
            role: role of the handler.
        """
        super().__init__(scope, id)
        self._role, self._stack = role, Stack.of(self)
        self._granted: list[Permissions] = []
        self._policies: list[HandlerPolicy] = []
        self._describe_stacks = Statement.of(["cloudformation:DescribeStacks"], _with_parents(self._stack))
        self._width = EstimatedLengths(self._stack)
        self._drafted = [self._describe_stacks]
        self._resources: dict[Any, set[str]] = {}
        """Resources of the drafted statements, by all else that is in them."""
        self._free = 0
        """Characters that the policies still have room for, by the estimate."""

    def add(self, permissions: Permissions) -> None:
        """Add the permissions for an association.

        Raises:
            ValueError: the keys of its tags don't fit into a policy.
        """
        self._width.measure(permissions.profile)
        statements = list(permissions.statements())
        for problem in too_long_tags(permissions.location.path, statements, self._width):
            raise ValueError(problem)
        self._granted.append(permissions)
        self._drafted += statements
        self._free -= sum(map(self._growth, statements))
        if self._free < 0:
            self._plan()

    @property
    def count(self) -> int:
        """Number of policies; an estimate until `write`."""
        return len(self._policies)

    def write(self) -> "RenderedPolicies":
        """Write the policies. To be called once all Aspects have run."""
        changed = [*self._changed_by_others()]
        resources = resources_of(self._stack)
        statements = self._statements()
        profiles = (text for permissions in self._granted for text in permissions.profile_texts())
        values = (text for one in statements for text in sorted(one.texts()))
        texts = PolicyTexts.of(self._stack, [*profiles, *values])
        stable = [*map(texts.stable, statements)]
        if any(least_size(one, texts.width) > POLICY_SIZE for one in stable):
            return RenderedPolicies([], [], texts, [*changed, *self._too_long_tags(texts)])
        parts = packed(merged(stable), texts.width)
        self._provide(len(parts))
        conditional = ConditionalReferences(texts, resources)
        written: list[Statement] = []
        for policy, part in zip(self._policies, parts, strict=True):
            conditional.look_at(policy.found_in(resources), part)
            policy.write(sorted(part, key=as_text), texts, resources)
            written += map(texts.original, part)
        return RenderedPolicies(written, self._granted, texts, [*changed, *conditional.problems()])

    def draft(self, number: int) -> Sequence[Statement]:
        """What will be in a policy about, for an Aspect that looks at it."""
        return dict(enumerate(self._estimate())).get(number, [])

    def _changed_by_others(self) -> Iterator[str]:
        """What Aspects and overrides have changed that would be lost, or would stay without another logical id."""
        if any(self._changed(resources_of(self._stack))):
            # Another action may have changed what the statements refer to since the resources were looked at.
            forget(self._stack)
            yield from map(changed_problem, self._changed(resources_of(self._stack)))

    def _changed(self, resources: Resources) -> Iterator[HandlerPolicy]:
        """The policies whose document is another one than the library has given them."""
        drafts = dict(enumerate(self._estimate()))
        given: Any = [one.given(drafts.get(number, [])) for number, one in enumerate(self._policies)]
        for policy, document in zip(self._policies, self._stack.resolve(given), strict=True):
            if not policy.has(document, resources):
                yield policy

    def _plan(self) -> None:
        """Have as many policies as are needed by the estimate."""
        estimate = self._estimate()
        self._free = len(estimate) * (POLICY_SIZE - _LEFT_OVER) - sum(map(self._length, estimate))
        self._provide(len(estimate))

    def _estimate(self) -> list[list[Statement]]:
        return packed(merged(self._drafted), self._width)

    def _growth(self, statement: Statement) -> int:
        """By about how many characters the policies grow by a statement: most have nothing new but their resources."""
        alike = statement.fields_except(RESOURCE)
        if alike in self._resources:
            new = statement.resources - self._resources[alike]
            self._resources[alike] |= new
            return sum(self._width(one) + 1 for one in new)
        self._resources[alike] = set(statement.resources)
        return self._length([statement])

    def _length(self, statements: Iterable[Statement]) -> int:
        return sum(size_of(one, self._width) + 1 for one in statements)

    def _statements(self) -> list[Statement]:
        return [
            self._describe_stacks,
            *(one for permissions in self._granted for one in permissions.statements()),
        ]

    def _too_long_tags(self, texts: PolicyTexts) -> Iterator[str]:
        """What does not fit into a policy since Aspects have made paths longer."""
        for one in self._granted:
            yield from too_long_tags(one.location.path, map(texts.stable, one.statements()), texts.width)

    def _provide(self, count: int) -> None:
        """Have this many policies."""
        while len(self._policies) > count:
            self.node.try_remove_child(self._policies.pop().id)
        while len(self._policies) < count:
            number = len(self._policies)
            self._policies.append(HandlerPolicy(self, number, self._role, partial(self.draft, number)))


def _with_parents(stack: Stack) -> list[str]:
    """Ids of a stack and of the stacks that it is nested in, each as that stack itself calls it."""
    parent = stack.nested_stack_parent
    return [ScopedAws(stack).stack_id, *(_with_parents(parent) if parent else [])]
