"""What the deployment of one template changes about the policies of roles: the difference to the deployed template."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..iam.role import Role
from ..lazy import lazy
from ..template.iam_resources import MADE_UP
from ..template.intrinsic_functions import as_text
from .attachments import Attachment, Key, Part
from .known_values import MARKS, inferred_references
from .policy_documents import Document, References
from .resource_changes import ResourceChanges
from .template_policies import TemplatePolicies
from .unread_changes import UnreadChanges

_NOTHING = Part()


@dataclass(frozen=True)
class PolicyUpdate:
    """The deployed and the new template of a stack, or of a nested one.

    CloudFormation changes and creates resources first. What is not in the new template any more it deletes afterwards,
    for example because another resource has given the role the same policy meanwhile.
    """

    stack: str
    """The stack, for people."""
    before: TemplatePolicies | None
    """None if it is not deployed."""
    after: TemplatePolicies | None
    """None if the deployment deletes it."""
    retained: bool = False
    """The deployment leaves the nested stack as it is, although it is in no template any more."""
    read_problem: str = ""
    """Why the difference can't be seen; empty if it can."""

    def is_new(self, role: str) -> bool:
        """Whether it creates a role."""
        return any(part.role == role and not self._is_kept(id_) for id_, part in self._after(role).items())

    def deletes(self, role: str) -> bool:
        """Whether it deletes a role."""
        return any(part.role == role for _, part in self._deleted)

    def touches(self, role: str) -> bool:
        """Whether it may change something about the policies of a role."""
        changes = (self.put(role), self.taken(role), self.deleted(role), self.gaps(role), self.managed)
        return self.is_new(role) or self.deletes(role) or bool(self.boundary(role)) or any(map(any, changes))

    def put(self, role: str) -> Iterator[tuple[str, Attachment]]:
        """The policies that a role gets or that change, each with the logical id of the resource."""
        for id_, part in self._after(role).items():
            known = self._former(id_).attachments
            for key, one in part.of(role).items():
                if key not in known or self._changes(known[key], one):
                    yield id_, one

    def taken(self, role: str) -> Iterator[tuple[str, Attachment]]:
        """The policies that resources take off a role which they go on to exist without."""
        for id_, part in self._after(role).items():
            # What can't be read may be what seems gone.
            if not self._is_complete or [*self._unread.of_resource(id_, part, role)]:
                continue
            former = self._former(id_).of(role)
            yield from ((id_, one) for key, one in former.items() if key not in part.attachments)

    def deleted(self, role: str) -> Iterator[tuple[str, Attachment]]:
        """The policies that a role loses because the resources go."""
        for id_, part in self._deleted:
            if part.role is None:
                yield from ((id_, one) for one in part.of(role).values())

    def boundary(self, role: str) -> tuple[Attachment | None] | None:
        """The permissions boundary that a role gets, or None for none; nothing if its boundary stays."""
        for id_, part in self._after(role).items():
            former = self._former(id_)
            if part.role != role or (part.boundary is None and part.boundary_gaps):
                continue
            if not self._is_kept(id_) or former.boundary_gaps or former.boundary != part.boundary:
                return (part.boundary,)
        return None

    @lazy
    def managed(self) -> dict[str, str]:
        """The managed policies that it creates or changes: logical ids by their ARNs."""
        found = {part.managed: id_ for id_, part in self.after.parts.items() if part.managed} if self.after else {}
        if self.read_problem:
            return {arn: id_ for arn, id_ in found.items() if MADE_UP in arn}
        return {arn: id_ for arn, id_ in found.items() if self._changes_managed(id_)}

    def document(self, logical_id: str, attachment: Attachment | None, known: References) -> Document:
        """The new document of a policy.

        Args:
            logical_id: of the resource.
            attachment: an inline policy; None if the resource is a managed policy.
            known: what attributes of resources come to.
        """
        assert self.after
        if attachment:
            return self.after.inline_document(attachment, known)
        return self.after.managed_document(logical_id, known)

    def known(self, live: Role) -> References:
        """What attributes of resources come to, by what the live policies of a role say."""
        return inferred_references(self._live_documents(live), self.before.resolve) if self.before else {}

    def _live_documents(self, live: Role) -> Iterator[tuple[Document, Any]]:
        """Documents of the deployed template, each with the live one."""
        assert self.before
        documents = {policy.key: policy.document for policy in live.policies}
        for id_, part in self.before.parts.items():
            for (_, key), one in part.of(live.name).items():
                if key in documents and not one.arn:
                    yield self.before.inline_document(one, MARKS), documents[key]
            if part.managed in documents:
                yield self.before.managed_document(id_, MARKS), documents[part.managed]

    def gaps(self, role: str) -> Iterator[str]:
        """What can't be read and may change something about the policies of a role, in sentences."""
        if self.read_problem and (self.after is None or self._concerns(role)):
            yield self._unseen
        found = [*self.after.unread] if self.after else []
        for id_, part in self._after(role).items():
            found += self._unread.of_resource(id_, part, role)
        found += self._unread.of_undecided(role) if self._is_before_known else ()
        yield from (f"{sentence} (stack {self.stack})" for sentence in found)
        removed = self._unread.of_removed(role) if self._is_before_known else ()
        yield from (f"{sentence} (stack {self.stack}, as it is deployed)" for sentence in removed)

    def doubts(self, role: str) -> Iterator[str]:
        """What can't be seen and is unlikely to be about a role, in sentences."""
        if self.read_problem and self.after and not self._concerns(role):
            yield self._unseen

    def claims(self, key: Key) -> Iterator[str]:
        """The resources that give a role a policy afterwards."""
        yield from (id_ for id_, part in self._after(key[0]).items() if key in part.attachments)

    def _after(self, role: str) -> dict[str, Part]:
        """The new resources that may be about a role. Of a stack that can't be seen, only those about a new role are
        known."""
        if self.after is None:
            return {}
        parts = self.after.parts
        found = {id_: parts[id_] for id_ in self._about.get(role, ()) if id_ in parts}
        if self.read_problem and not (MADE_UP in role and any(part.role == role for part in found.values())):
            return {}
        return found | {id_: parts[id_] for id_ in self._about_any}

    @lazy
    def _about(self) -> dict[str, dict[str, None]]:
        """Logical ids of the resources that say something about a role, in either template, by the role."""
        found: dict[str, dict[str, None]] = {}
        for template in filter(None, (self.after, self.before)):
            for id_, part in template.parts.items():
                for role in {part.role, *(one.role for one in part.attachments.values())} - {None}:
                    found.setdefault(str(role), {})[id_] = None
        return found

    @lazy
    def _about_any(self) -> list[str]:
        """Logical ids of the resources that may say something about any role."""
        parts = self.after.parts.items() if self.after else ()
        return [id_ for id_, part in parts if part.role is None and part.gaps]

    def _concerns(self, role: str) -> bool:
        """Whether the new template says something about the policies of a role."""
        parts = self.after.parts.values() if self.after else ()
        return any(part.role == role or part.of(role) or [*part.gaps_of(role)] for part in parts)

    @property
    def _unseen(self) -> str:
        return f"what the deployment of stack {self.stack} changes is not known: {self.read_problem}"

    @property
    def _is_complete(self) -> bool:
        """Whether all resources are known that there will be."""
        return self.after is None or not self.after.unread

    @property
    def _is_before_known(self) -> bool:
        """Whether it is known what becomes of the deployed resources."""
        return not (self.retained or self.read_problem) and self._is_complete

    @property
    def _deleted(self) -> list[tuple[str, Part]]:
        """The resources that CloudFormation deletes, with what they say."""
        if self.before is None or not self._is_before_known:
            return []
        return [(id_, self.before.parts[id_]) for id_ in self._changes_of_resources.deleted]

    def _is_kept(self, logical_id: str) -> bool:
        """Whether a resource is deployed and stays what it is."""
        return logical_id in self._changes_of_resources.kept

    @lazy
    def _changes_of_resources(self) -> ResourceChanges:
        return ResourceChanges(self.before, self.after)

    @lazy
    def _unread(self) -> UnreadChanges:
        return UnreadChanges(self.before, self.after, self._changes_of_resources)

    def _former(self, logical_id: str) -> Part:
        """What a resource has said that stays what it is."""
        return self.before.parts.get(logical_id, _NOTHING) if self.before and self._is_kept(logical_id) else _NOTHING

    def _changes(self, former: Attachment, one: Attachment) -> bool:
        assert self.before
        assert self.after
        if former.arn:  # of a managed policy only the attachment is the role's
            return False
        alike = self.before.written(former.document) == self.after.written(one.document)
        return _differ(self.before.inline_document(former), self.after.inline_document(one), alike)

    def _changes_managed(self, logical_id: str) -> bool:
        if not self._is_kept(logical_id):
            return True
        assert self.before
        assert self.after
        before, after = (
            one.written(one.properties(logical_id).get("PolicyDocument")) for one in (self.before, self.after)
        )
        return _differ(
            self.before.managed_document(logical_id), self.after.managed_document(logical_id), before == after
        )


def _differ(before: Document, after: Document, written_alike: bool) -> bool:
    """Whether two documents differ. What is not known of them is equal if they are written alike."""
    is_partly_known = any((before.unread, after.unread, before.unknown, after.unknown))
    return as_text(before.content) != as_text(after.content) or (is_partly_known and not written_alike)
