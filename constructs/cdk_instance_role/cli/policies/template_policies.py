"""What one template says about the policies of roles."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..lazy import lazy
from ..template.expansions import expansions, transforms
from ..template.iam_resources import MADE_UP
from ..template.intrinsic_functions import NO_VALUE, UnresolvedError
from ..template.replacement import MANAGED_POLICY, ROLE
from ..template.stacks import metadata, resources
from .attachments import POLICY_TYPES, Attachment, Gap, Part
from .policy_documents import Document, NotReadError, PolicyDocuments, References
from .policy_resources import PolicyResource


class TemplatePolicies:
    """Reads what a template says about the policies of roles."""

    def __init__(
        self,
        template: Mapping[str, Any],
        resolve: Callable[[Any], Any],
        reference: Callable[[str], str],
        is_new: Callable[[str], bool],
        is_made: Callable[[str], bool],
    ) -> None:
        """
        Args:
            template: the whole template.
            resolve: turns a value of the template into a plain one, or raises `UnresolvedError`.
            reference: what ``Ref`` of a role or a managed policy of the template comes to, also before it exists.
            is_new: whether the deployment creates a resource.
            is_made: whether the template's conditions let a resource be, or raises `UnresolvedError`.
        """
        self._template, self.resolve, self._reference, self._may_be = template, resolve, reference, is_made
        self.resources = resources(template)
        self._documents = PolicyDocuments(self.resources, resolve, is_new)
        self.parts = {id_: self._part(id_) for id_, one in self.resources.items() if one.get("Type") in POLICY_TYPES}
        """What each resource says, by logical id."""

    @lazy
    def unread(self) -> tuple[str, ...]:
        """Why CloudFormation may make resources of the template that are not among its parts, in sentences."""
        return tuple(self._unread())

    def _unread(self) -> Iterator[str]:
        for one in expansions(self._template):
            if one.may_make(POLICY_TYPES):
                yield f"{one.name} is not read: only CloudFormation knows what it makes"
        for name in transforms(self._template):
            yield f"transform {name} is not read: only CloudFormation knows what it makes of the template"

    def inline_document(self, attachment: Attachment, known: References | None = None) -> Document:
        """The document of an inline policy.

        Args:
            attachment: the policy.
            known: what attributes of resources come to that the template does not tell. Default: nothing is known.
        """
        return self._documents.read(attachment.document, known)

    def managed_document(self, logical_id: str, known: References | None = None) -> Document:
        """The document of a managed policy of the template, as `inline_document` gives others."""
        return self._documents.read(self.properties(logical_id).get("PolicyDocument"), known)

    def properties(self, logical_id: str) -> Mapping[str, Any]:
        """The properties of a resource, as the template has them."""
        found = self.resources[logical_id].get("Properties", {})
        return found if isinstance(found, Mapping) else {}

    def plain(self, value: Any) -> Any:
        """The value without functions; readable text stands for those whose result is not known."""
        try:
            return self._documents.plain(value)
        except NotReadError:
            return "(unknown)"

    def identity(self, value: Any) -> Any:
        """What names a role or a managed policy, also one that the deployment creates.

        Raises:
            UnresolvedError: it is not known before the deployment.
        """
        if own := self.own(value):
            try:
                return self._reference(own)
            except UnresolvedError:
                if self.resources[own]["Type"] == ROLE:
                    raise
                return f"(unknown) {own}"
        return self.resolve(value)

    def own(self, value: Any) -> str | None:
        """Logical id of the role or managed policy of the template that a value refers to; None for anything else."""
        match value:
            case {"Ref": str() as id_} | {"Fn::GetAtt": [str() as id_, "PolicyArn"]}:
                pass
            case {"Fn::GetAtt": str() as text} if text.endswith(".PolicyArn"):
                id_ = text.removesuffix(".PolicyArn")
            case _:
                return None
        return id_ if self.resources.get(id_, {}).get("Type") in (ROLE, MANAGED_POLICY) else None

    def holds(self, condition: Any) -> bool:
        """Whether a condition of the template holds.

        Raises:
            UnresolvedError: that is not known before the deployment.
        """
        return bool(self.resolve({"Fn::If": [condition, True, False]}))

    def is_made(self, logical_id: str) -> bool:
        """Whether a resource is there; True if that is not known."""
        if logical_id not in self.resources:
            return False
        try:
            return self._may_be(logical_id)
        except UnresolvedError:
            return True

    def condition(self, logical_id: str) -> Any:
        """The condition of a resource, to compare it; None if there is none."""
        name = self.resources[logical_id].get("Condition")
        return None if name is None else self.comparable({"Fn::If": [name, True, False]})

    def comparable(self, value: Any) -> Any:
        """Equal for two values that come to the same, as far as that is known: what is known of them is equal, and they
        are written alike."""
        return self.written(value), self.plain(value)

    def written(self, value: Any) -> Any:
        """How a value is written, with the conditions and mappings that it names, also by way of others."""
        sections = [self._template.get(name, {}) for name in ("Conditions", "Mappings")]
        named: dict[str, Any] = {}
        unseen = [value]
        while unseen:
            for text in _texts(unseen.pop()):
                if text not in named and (found := [section[text] for section in sections if text in section]):
                    named[text] = found
                    unseen.append(found)
        return value, named

    def name(self, logical_id: str, name_property: str) -> str:
        """The name of a resource: its physical one, or what people know it by before it exists."""
        for value in (self.properties(logical_id).get(name_property), {"Ref": logical_id}):
            try:
                found = None if value is None else self.resolve(value)
                if not (found is None or found is NO_VALUE or MADE_UP in str(found)):
                    return str(found).rpartition("/")[2]  # a reference to a managed policy gives its ARN
            except UnresolvedError:
                pass
        path = metadata(self.resources[logical_id], "aws:cdk:path")
        return path.removesuffix("/Resource") or f"(new) {logical_id}"

    def _part(self, logical_id: str) -> Part:
        gaps = []
        try:
            if not self._may_be(logical_id):
                return Part()
        except UnresolvedError:
            name = self.resources[logical_id].get("Condition")
            sentence = f"whether {logical_id} will be there depends on condition {name} of the template"
            gaps.append(Gap(sentence, self.condition(logical_id), of_known_roles=True))
        return PolicyResource(self, logical_id, gaps).read()


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value of a template, without keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)
