"""One of the handler's policies: a resource that has another logical id whenever it says something else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import IAnyProducer, IResolveContext, Lazy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from ..permission_search.statement import Statement
from ..support.at_synthesis import Resources
from ..support.locations import path_of
from ..support.names import DigestedName
from .policy_identity import digest_of, with_values
from .policy_texts import VERSION, PolicyTexts

_DESCRIPTION = "What the instance profile handler may do for this stack"
_MAX_POLICY_NAME, _MAX_LOGICAL_ID = 128, 255
_ANY_STATEMENT = Statement.of(["ec2:DescribeInstances"], ["*"])
"""The handler has it anyway."""
_RETAINING = ("DeletionPolicy", "UpdateReplacePolicy")
CUSTOMIZED_ROLES = "@aws-cdk/iam:customizeRoles"
"""Context key of `iam.Role.customize_roles`."""


class HandlerPolicy:
    """One policy. An Aspect may give it a name, a logical id, a path and a description, but no other document."""

    def __init__(
        self, scope: Construct, number: int, role: iam.IRole, draft: Callable[[], Sequence[Statement]]
    ) -> None:
        """
        Args:
            scope: parent construct.
            number: which policy it is, from 0.
            role: role of the handler.
            draft: what will be in it about, for an Aspect that looks at it.
        """
        self.id = f"Policy{number + 1}"
        self.path = f"{path_of(scope)}/{self.id}"
        self._reported: iam.ManagedPolicy | None = None
        self._written: Mapping[str, Any] | None = None
        """The document of an earlier synthesis."""
        if scope.node.try_get_context(CUSTOMIZED_ROLES) is None:
            document = Lazy.uncached_any(_Draft(draft))
            self._resource: Any = iam.CfnManagedPolicy(
                scope, self.id, description=_DESCRIPTION, policy_document=document, roles=[role.role_name]
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
        self._description: Any = _DESCRIPTION
        """The one without values: the library's own, or one that an Aspect has set."""
        self._described: Any = _DESCRIPTION
        """The one that was written, as it stands in the template."""

    def write(self, statements: Sequence[Statement], texts: PolicyTexts, resources: Resources) -> None:
        """Write what is in the policy, and name it after that.

        Args:
            statements: what is in it, with stable values.
            texts: what these stand for.
            resources: those of the stack, once all Aspects have run.
        """
        document = texts.render(statements)
        if self._reported:
            self._reported.add_statements(*map(iam.PolicyStatement.from_json, document["Statement"]))
            self._reported = None
        if self._resource:
            self._resource.policy_document = self._written = document
            self._never_retain()
            properties = self.found_in(resources).get("Properties", {})
            if self._rename(digest_of(statements), properties) is None:
                self._describe([*map(texts.original, statements)], texts, properties)

    def found_in(self, resources: Resources) -> Mapping[str, Any]:
        """The policy as the template has it; nothing if it is only reported, or not written yet."""
        return resources.get(self._current_id, {}) if self._resource else {}

    def given(self, draft: Sequence[Statement]) -> Mapping[str, Any]:
        """The document that the library has given to the policy, with tokens.

        Args:
            draft: what the policy holds until it is written.
        """
        if self._written:
            return self._written
        return _document([_ANY_STATEMENT] if self._reported else draft)

    def has(self, document: Mapping[str, Any], resources: Resources) -> bool:
        """Whether it has a document in the template. One without a statement has no list of them there."""
        found = self.found_in(resources)
        in_template = found.get("Properties", {}).get("PolicyDocument", {})
        return not found or {"Statement": [], **in_template} == document

    @property
    def _current_id(self) -> str:
        """The logical id, which an Aspect may have set."""
        logical_id: str = self._stack.resolve(self._resource.logical_id)
        return logical_id

    def _never_retain(self) -> None:
        """Have CloudFormation delete it. An Aspect such as `RemovalPolicies` may retain everything, or an override: a
        former policy would stay attached then."""
        self._resource.cfn_options.deletion_policy = self._resource.cfn_options.update_replace_policy = None
        for attribute in _RETAINING:
            self._resource.add_deletion_override(attribute)

    def _rename(self, digest: str, properties: Mapping[str, Any]) -> Any:
        """Add the digest to the logical id and to the name. An Aspect may have set either; the old policy has the name
        while the new one is made. Gives the name, if there is one."""
        self._resource.override_logical_id(self._logical_id.renewed(self._current_id, digest))
        name = self._name.renewed(properties.get("ManagedPolicyName"), digest)
        if name is not None:
            self._resource.add_property_override("ManagedPolicyName", name)
        return name

    def _describe(self, statements: Sequence[Statement], texts: PolicyTexts, properties: Mapping[str, Any]) -> None:
        """Add the values of tokens to the description, also to one that an Aspect has set. With other values
        CloudFormation creates another policy, which can't be done under a fixed name."""
        current = properties.get("Description", self._described)
        if current != self._described:
            self._description = current
        if isinstance(self._description, str):
            description = with_values(self._description, statements, texts)
            self._described = self._stack.resolve(description)
            if self._described != current:
                self._resource.add_property_override("Description", description)


def changed_problem(policy: HandlerPolicy) -> str:
    """What is wrong with a policy whose document is not the library's any more."""
    return (
        f"the document of {policy.path} is changed by an Aspect or an override, and the library writes it anew at "
        "synthesis: leave this policy out, and add the statement with "
        "provider.handler_role.add_to_principal_policy(...), or set a permissions boundary"
    )


@jsii.implements(IAnyProducer)
class _Draft:
    """The content of a policy until it is written."""

    def __init__(self, draft: Callable[[], Sequence[Statement]]) -> None:
        self._draft = draft

    def produce(self, context: IResolveContext) -> Any:
        del context
        return _document(self._draft())


def _document(statements: Sequence[Statement]) -> Mapping[str, Any]:
    return {"Version": VERSION, "Statement": [one.render() for one in statements]}
