"""The handler's IAM policies, packed into as few as IAM's size limit allows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsii
from aws_cdk import IAnyProducer, IResolveContext, Lazy, ScopedAws, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..permission_search.merging import merged
from ..permission_search.packing import POLICY_SIZE, least_size, packed, size_of
from ..permission_search.statement import RESOURCE, Statement
from ..support.at_synthesis import Resources, resources_of
from ..support.names import DigestedName
from .capacity import too_long_tags
from .conditional_references import ConditionalReferences
from .policy_identity import as_text, digest_of, with_values
from .policy_lengths import EstimatedLengths
from .policy_texts import VERSION, PolicyTexts
from .statements import Permissions

_DESCRIPTION = "What the instance profile handler may do for this stack"
_MAX_POLICY_NAME, _MAX_LOGICAL_ID = 128, 255
_LEFT_OVER = 600
"""Characters of a policy into which no further statement may fit."""
_ANY_STATEMENT = Statement.of(["ec2:DescribeInstances"], ["*"])
"""The handler has it anyway."""
CUSTOMIZED_ROLES = "@aws-cdk/iam:customizeRoles"
"""Context key of `iam.Role.customize_roles`."""


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
        self._policies: list[_Policy] = []
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
        resources = resources_of(self._stack)
        statements = self._statements()
        profiles = (text for permissions in self._granted for text in permissions.profile_texts())
        values = (text for one in statements for text in sorted(one.texts()))
        texts = PolicyTexts.of(self._stack, [*profiles, *values])
        stable = [*map(texts.stable, statements)]
        if any(least_size(one, texts.width) > POLICY_SIZE for one in stable):
            return RenderedPolicies([], [], texts, [*self._too_long_tags(texts)])
        parts = packed(merged(stable), texts.width)
        self._provide(len(parts))
        conditional = ConditionalReferences(texts, resources)
        written: list[Statement] = []
        for policy, part in zip(self._policies, parts, strict=True):
            conditional.look_at(policy.found_in(resources), part)
            original = [*map(texts.original, part)]
            description = with_values(_DESCRIPTION, original, texts)
            policy.write(sorted(part, key=as_text), texts, resources, description)
            written += original
        return RenderedPolicies(written, self._granted, texts, [*conditional.problems()])

    def draft(self, number: int) -> Sequence[Statement]:
        """What will be in a policy about, for an Aspect that looks at it."""
        return dict(enumerate(self._estimate())).get(number, [])

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
            self._policies.append(_Policy(self, len(self._policies), self._role))


class _Policy:
    """One policy."""

    def __init__(self, scope: HandlerPolicies, number: int, role: iam.IRole) -> None:
        self.id = f"Policy{number + 1}"
        self._reported: iam.ManagedPolicy | None = None
        if scope.node.try_get_context(CUSTOMIZED_ROLES) is None:
            draft = Lazy.uncached_any(_Draft(scope, number))
            self._resource: Any = iam.CfnManagedPolicy(
                scope, self.id, description=_DESCRIPTION, policy_document=draft, roles=[role.role_name]
            )
        else:
            # The report of `customize_roles` is made of these only. They are resources only if all that it does is to
            # report, and have to have a statement.
            statements = [iam.PolicyStatement(actions=[*_ANY_STATEMENT.actions], resources=[*_ANY_STATEMENT.resources])]
            self._reported = iam.ManagedPolicy(
                scope, self.id, description=_DESCRIPTION, roles=[role], statements=statements
            )
            self._resource = self._reported.node.default_child
        self._stack = Stack.of(scope)
        self._name = DigestedName(_MAX_POLICY_NAME)
        self._logical_id = DigestedName(_MAX_LOGICAL_ID, separator="")

    def write(
        self, statements: Sequence[Statement], texts: PolicyTexts, resources: Resources, description: str
    ) -> None:
        """Write what is in the policy, and name it after that."""
        document = texts.render(statements)
        if self._reported:
            self._reported.add_statements(*map(iam.PolicyStatement.from_json, document["Statement"]))
            self._reported = None
        if self._resource:
            self._resource.policy_document = document
            # An Aspect such as `RemovalPolicies` may retain everything. A former policy would stay attached then.
            self._resource.cfn_options.deletion_policy = self._resource.cfn_options.update_replace_policy = None
            self._rename(digest_of(statements), self.found_in(resources).get("Properties", {}), description)

    def found_in(self, resources: Resources) -> Mapping[str, Any]:
        """The policy as the template has it; nothing if it is only reported, or not written yet."""
        return resources.get(self._current_id, {}) if self._resource else {}

    @property
    def _current_id(self) -> str:
        """The logical id, which an Aspect may have set."""
        logical_id: str = self._stack.resolve(self._resource.logical_id)
        return logical_id

    def _rename(self, digest: str, properties: Mapping[str, Any], description: str) -> None:
        """Add the digest to the logical id and to the name. An Aspect may have set either; the old policy has the name
        while the new one is made. With other values of tokens, the description makes CloudFormation create another
        policy, which can't be done under a fixed name."""
        self._resource.override_logical_id(self._logical_id.renewed(self._current_id, digest))
        name = self._name.renewed(properties.get("ManagedPolicyName"), digest)
        if name is not None:
            self._resource.add_property_override("ManagedPolicyName", name)
        elif description != _DESCRIPTION:
            self._resource.description = description


@jsii.implements(IAnyProducer)
class _Draft:
    """The content of a policy until it is written."""

    def __init__(self, policies: HandlerPolicies, number: int) -> None:
        self._policies, self._number = policies, number

    def produce(self, context: IResolveContext) -> Any:
        del context
        return {"Version": VERSION, "Statement": [one.render() for one in self._policies.draft(self._number)]}


def _with_parents(stack: Stack) -> list[str]:
    """Ids of a stack and of the stacks that it is nested in, each as that stack itself calls it."""
    parent = stack.nested_stack_parent
    return [ScopedAws(stack).stack_id, *(_with_parents(parent) if parent else [])]
