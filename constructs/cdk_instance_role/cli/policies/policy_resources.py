"""Reads one resource that gives policies to roles, in every form that CloudFormation takes."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..template.intrinsic_functions import NO_VALUE, UnresolvedError
from ..template.replacement import MANAGED_POLICY, ROLE
from .attachments import ROLES_OF, Attachment, Gap, Part

if TYPE_CHECKING:
    from .template_policies import TemplatePolicies


class PolicyResource:
    """A role, or a policy that names its roles."""

    def __init__(self, template: "TemplatePolicies", logical_id: str, gaps: list[Gap]) -> None:
        """
        Args:
            template: the template of the resource.
            logical_id: of the resource.
            gaps: what is not known of it already.
        """
        self._template, self._id, self._gaps = template, logical_id, gaps
        self._kind: str = template.resources[logical_id]["Type"]
        self._properties = template.properties(logical_id)

    def read(self) -> Part:
        """What it says about the policies of roles."""
        identity = self._identity()
        attachments = self._of_role(identity) if self._kind == ROLE else self._of_policy(identity)
        found = {one.key: one for one in attachments}
        gaps = self._take_gaps()
        boundary = self._boundary(identity) if self._kind == ROLE and identity else None
        boundary_gaps = self._take_gaps()
        if _function_in(self._properties):
            self._miss(f"{self._id} is not read: {_why(self._properties)}", self._properties)
        whole = self._take_gaps()
        return Part(
            found,
            (*whole, *gaps),
            role=identity if self._kind == ROLE else None,
            boundary=boundary,
            boundary_gaps=(*whole, *boundary_gaps),
            managed=identity if self._kind == MANAGED_POLICY else None,
        )

    def _identity(self) -> str | None:
        """Name of the role, or ARN of the managed policy; None if it is neither, or if that is not known."""
        try:
            return str(self._template.identity({"Ref": self._id})) if self._kind in (ROLE, MANAGED_POLICY) else None
        except UnresolvedError:  # no profile can refer to such a role either
            return None

    def _of_role(self, role: str | None) -> Iterator[Attachment]:
        if role is None:
            return
        yield from self._managed(role, "ManagedPolicyArns")
        for one in self._items(self._properties.get("Policies")):
            if isinstance(one, Mapping) and "PolicyName" in one and not _function_in(one):
                yield self._inline(role, one)
            else:
                self._miss(f"a policy of {self._id} is not read: {_why(one)}", one)

    def _of_policy(self, arn: str | None) -> Iterator[Attachment]:
        for _, role in self._identities(ROLES_OF[self._kind]):
            if self._kind != MANAGED_POLICY:
                yield self._inline(role, self._properties)
            elif arn is not None:
                yield Attachment(role, self._template.name(self._id, "ManagedPolicyName"), arn)

    def _inline(self, role: str, properties: Mapping[str, Any]) -> Attachment:
        name = str(self._template.plain(properties.get("PolicyName", "")))
        return Attachment(role, name, document=properties.get("PolicyDocument"))

    def _boundary(self, role: str) -> Attachment | None:
        return next(self._managed(role, "PermissionsBoundary"), None)

    def _managed(self, role: str, name: str) -> Iterator[Attachment]:
        """The managed policies that a property of the role names."""
        for value, arn in self._identities(name):
            own = self._template.own(value)
            label = self._template.name(own, "ManagedPolicyName") if own else arn.rpartition("/")[2]
            yield Attachment(role, label, arn)

    def _identities(self, name: str) -> Iterator[tuple[Any, str]]:
        """The roles or managed policies that a property names: each as the template has it, and its name or ARN."""
        for value in self._items(self._properties.get(name)):
            try:
                found = self._template.identity(value)
            except UnresolvedError as error:
                self._miss(self._unknown_identity(name, value, error), value)
                continue
            for one in found if isinstance(found, list) else [found]:
                if one is not NO_VALUE:
                    yield value, str(one)

    def _unknown_identity(self, name: str, value: Any, error: UnresolvedError) -> str:
        if self._kind != ROLE:
            return f"which roles {self._id} is for is not known: {error}"
        kind = "its permissions boundary, " if name == "PermissionsBoundary" else ""
        return f"{kind}policy {self._template.plain(value)} could not be read: {error}"

    def _items(self, values: Any) -> Iterator[Any]:
        """The items of a list, as the template has them. CloudFormation takes a single one for a list of one."""
        for value in self._chosen(values):
            if isinstance(value, list):
                yield from (found for item in value for found in self._items(item))
            else:
                yield value

    def _chosen(self, value: Any) -> list[Any]:
        """A value, or the one that ``Fn::If`` comes to; none if there is none."""
        match value:
            case None | {"Ref": "AWS::NoValue"}:
                return []
            case {"Fn::If": [condition, yes, no]}:
                try:
                    return self._chosen(yes if self._template.holds(condition) else no)
                except UnresolvedError:
                    what = "it" if self._kind == ROLE else self._id
                    self._miss(f"what {what} has depends on condition {condition} of the template", value)
                    return []
        return [value]

    def _miss(self, sentence: str, value: Any) -> None:
        self._gaps.append(Gap(sentence, self._template.comparable(value)))

    def _take_gaps(self) -> tuple[Gap, ...]:
        """What was missed since the last time."""
        taken, self._gaps = tuple(self._gaps), []
        return taken


def _function_in(value: Any) -> str | None:
    """The function that a mapping is, or has among its keys; None if there is none."""
    return next((key for key in value if key.startswith("Fn::")), None) if isinstance(value, Mapping) else None


def _why(value: Any) -> str:
    if function := _function_in(value):
        return f"what {function} comes to is not known before the deployment"
    return "it is not what CloudFormation expects"
