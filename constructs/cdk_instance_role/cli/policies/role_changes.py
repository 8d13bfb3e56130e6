"""What a role may do once a deployment is over.

That is what it may do now, without what the deployment takes away, and with what it adds. What others have attached to
the role stays.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..iam.role import Policy, Role
from ..model import unique
from ..template.iam_resources import MADE_UP
from .attachments import Attachment, Key
from .policy_documents import Document
from .policy_updates import PolicyUpdate

Family = Sequence[PolicyUpdate]
"""A stack with those that are nested in it, which are deployed together."""


class ManagedPolicies(Protocol):
    """The managed policies that exist."""

    def policy(self, arn: str) -> Policy | None:
        """A policy; None if it does not exist, or can't be read."""

    def why(self, arn: str) -> str:
        """Why a policy could not be read, in a sentence."""

    def is_missing(self, arn: str) -> bool:
        """Whether there is no such policy."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """A role after a deployment."""

    role: Role
    """What it may do then; unknown is what could not be read of it."""
    touched: bool = False
    """Whether the deployment changes something about it, or may do so."""
    notes: tuple[str, ...] = ()
    """What is unexpected about the change."""
    unread: tuple[str, ...] = ()
    """What could not be read of what changes, in sentences."""
    missing: tuple[str, ...] = ()
    """ARNs of managed policies that it gets and that do not exist."""


def role_after(
    live: Role,
    deployment: Sequence[Family],
    policies: ManagedPolicies,
    claims: Callable[[Key], Iterator[str]] = lambda _: iter(()),
) -> RoleChange:
    """What a role may do after a deployment.

    Args:
        live: the role as it is; without policies if the deployment creates it.
        deployment: the stacks that are deployed, in their order.
        policies: the managed policies that exist.
        claims: the resources, in words, that give a role a policy after the deployment, of other stacks too.
    """
    change = _Change(live, policies, [update for family in deployment for update in family])
    for family in _from_its_creation(live.name, deployment):
        change.deploy(family)
    return change.result(claims)


def _from_its_creation(role: str, deployment: Sequence[Family]) -> Sequence[Family]:
    """The stacks that are deployed once the role is there: what was before was about another one of its name."""
    for place, family in enumerate(deployment):
        if any(update.is_new(role) for update in family):
            return deployment[place:]
    return deployment


class _Change:
    """A role while a deployment changes it."""

    def __init__(self, live: Role, policies: ManagedPolicies, updates: Sequence[PolicyUpdate]) -> None:
        self._live, self._name, self._managed = live, live.name, policies
        self._updates = updates
        self._policies = {policy.key: policy for policy in live.policies}
        self._boundary = live.boundary
        self._removed: dict[str, str] = {}
        """Which stack has detached a policy from the role, in words, by the policy."""
        self._touched = False
        self._names: list[str] = []
        self._unread: list[str] = []
        self._missing: list[str] = []
        self._notes: list[str] = []

    def deploy(self, family: Family) -> None:
        """Let a stack be deployed, as CloudFormation does: it deletes last."""
        for update in family:
            for _, one in update.taken(self._name):
                self._remove(update, one)
        for update in family:
            self._miss(update.gaps(self._name))
            self._notes += update.doubts(self._name)
            for logical_id, one in update.put(self._name):
                self._put(update, logical_id, one)
            self._limit(update)
        for update in family:
            for _, one in update.deleted(self._name):
                self._remove(update, one)
            if update.deletes(self._name):
                self._policies, self._touched = {}, True
                self._notes.append(f"the deployment of stack {update.stack} deletes role {self._name}")

    def result(self, claims: Callable[[Key], Iterator[str]]) -> RoleChange:
        policies = {key: self._as_deployed(policy) for key, policy in self._policies.items()}
        boundary = self._as_deployed(self._boundary) if self._boundary else None
        unread, unknown = unique(self._unread), unique([*self._unread, *self._names])
        told = (f"role {self._name}: {sentence}" for sentence in unknown)
        role = Role(self._live.name, tuple(policies.values()), boundary, (*self._live.unknown, *told))
        lost = self._removed.keys() - policies.keys()
        notes = (note for key in sorted(lost) for note in self._still_claimed(key, claims))
        missing = unique(self._missing)
        return RoleChange(
            role,
            self._touched,
            unique([*self._notes, *notes, *(f"policy {arn} does not exist" for arn in missing)]),
            unread,
            missing,
        )

    def _remove(self, update: PolicyUpdate, one: Attachment) -> None:
        _, key = one.key
        if self._policies.pop(key, None):
            self._touched = True
            self._removed[key] = f"stack {update.stack} takes policy {one.name}"

    def _put(self, update: PolicyUpdate, logical_id: str, one: Attachment) -> None:
        _, key = one.key
        self._touched = True
        if one.arn:
            if policy := self._existing(one.arn, one.name):
                self._policies[key] = policy
            return
        where = f"policy {one.name} ({logical_id} of stack {update.stack})"
        found = self._told(update.document(logical_id, one, update.known(self._live)), one.name, where)
        former = self._policies.get(key)
        content = former.document if former and found.unread and not found.content else found.content
        self._policies[key] = Policy(one.name, content, inline=True)

    def _limit(self, update: PolicyUpdate) -> None:
        if found := update.boundary(self._name):
            (one,) = found
            self._touched = True
            self._boundary = self._existing(one.arn, one.name, "its permissions boundary, ") if one else None

    def _existing(self, arn: str, name: str, kind: str = "") -> Policy | None:
        """A managed policy: one that the deployment creates, or one that exists."""
        if any(arn in update.managed for update in self._updates):
            return Policy(name, {}, arn=arn)  # its document comes from the deployment
        if MADE_UP in arn:
            self._miss([f"{kind}policy {arn} is not known before the deployment"])
            return None
        found = self._managed.policy(arn)
        if found is None and self._managed.is_missing(arn):
            self._missing.append(arn)
        elif found is None:
            self._miss([f"{kind}{self._managed.why(arn)}"])
        return found

    def _as_deployed(self, policy: Policy) -> Policy:
        """A policy with the document that the deployment gives it, if it does."""
        for update in self._updates:
            if policy.arn and policy.arn in update.managed:
                self._touched = True
                policy = self._with_new_document(policy, update, update.managed[policy.arn])
        return policy

    def _with_new_document(self, policy: Policy, update: PolicyUpdate, logical_id: str) -> Policy:
        where = f"policy {policy.name} ({logical_id} of stack {update.stack})"
        found = self._told(update.document(logical_id, None, update.known(self._live)), policy.name, where)
        return policy if found.unread and not found.content else replace(policy, document=found.content)

    def _told(self, document: Document, name: str, where: str) -> Document:
        self._names += [f"policy {name} speaks of {what}" for what in document.unknown]
        self._miss(f"{where} is not read: {why}" for why in document.unread)
        return document

    def _miss(self, sentences: Iterable[str]) -> None:
        found = [*sentences]
        self._touched |= bool(found)
        self._unread += found

    def _still_claimed(self, key: str, claims: Callable[[Key], Iterator[str]]) -> Iterator[str]:
        if others := sorted(set(claims((self._name, key)))):
            verb = "attaches" if len(others) == 1 else "attach"
            yield (
                f"{self._removed[key]} off the role although {' and '.join(others)} {verb} it, too: "
                "CloudFormation does not put it back"
            )
