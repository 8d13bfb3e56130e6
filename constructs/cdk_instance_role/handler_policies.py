"""The handler's IAM policies, packed into as few as IAM's size limit allows."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from .permissions import Permissions, Statement

POLICY_SIZE = 6144
"""Characters, without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
_ENVELOPE = len('{"Version":"2012-10-17","Statement":[]}')
_LONGEST_PSEUDO = {"AWS::Partition": 10, "AWS::Region": 15, "AWS::AccountId": 12, "AWS::URLSuffix": 16}
_LONGEST_ARN = 340
"""Of an instance profile of an `InstanceRole`, in a stack with the longest name."""
_LONGEST_ID = len("i-0123456789abcdef0")


class HandlerPolicies(Construct):
    """What the handler may do for the associations of one stack, as managed policies of its role.

    The logical id of every policy holds a digest of its content. CloudFormation therefore never changes one: it
    creates the new policy first and deletes the old one last, after the deployment has succeeded or has been
    rolled back. While instances are moved on, or given back what they had, the handler has the rights of both.
    Were the policy changed in place, a rollback would find that the rights to give back are gone already.
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
        self._packs: list[_Pack] = []
        self._known: set[str] = set()

    def add(self, association: Construct, permissions: Permissions) -> None:
        """Add the rights for an association.

        Raises:
            ValueError: one of its statements alone is longer than a policy.
        """
        for statement, rendered in self._new(permissions.statements()):
            size = _size(rendered) + 1
            if _ENVELOPE + size > POLICY_SIZE:
                raise ValueError(
                    f"{association.node.path} needs an IAM statement of {size} characters, and a policy takes "
                    f"{POLICY_SIZE} in all: {', or '.join(permissions.ways_to_shorten)}"
                )
            self._pack_for(rendered).add(statement, rendered)

    def _new(self, statements: Iterable[Statement]) -> Iterable[tuple[Statement, Any]]:
        """Those statements that no other association has needed yet, also without tokens."""
        new = {text: one for one in statements if (text := json.dumps(one.render())) not in self._known}
        self._known.update(new)
        rendered = self._stack.resolve([one.render() for one in new.values()])
        return zip(new.values(), rendered, strict=True)

    @property
    def count(self) -> int:
        """Number of policies."""
        return len(self._packs)

    def _pack_for(self, rendered: Any) -> "_Pack":
        """The policy that grows least by a statement, so that associations share what they have in common."""
        fitting = [pack for pack in self._packs if pack.size + pack.growth(rendered) <= POLICY_SIZE]
        return min(fitting, key=lambda pack: pack.growth(rendered), default=None) or self._new_pack()

    def _new_pack(self) -> "_Pack":
        pack = _Pack(self, f"Policy{len(self._packs) + 1}", self._role)
        self._packs.append(pack)
        return pack


class _Pack:
    """One policy, until it is full."""

    def __init__(self, scope: Construct, id: str, role: iam.IRole) -> None:
        self._policy = iam.ManagedPolicy(
            scope, id, description="What the instance profile handler may do for this stack", roles=[role]
        )
        self._resource: iam.CfnManagedPolicy = self._policy.node.default_child  # type: ignore[assignment]
        self._base_id = Stack.of(scope).get_logical_id(self._resource)
        self._digest = hashlib.sha256()
        self._statements: dict[str, iam.PolicyStatement] = {}
        """By everything in them but the resources."""
        self._resources: dict[str, set[str]] = {}
        self.size = _ENVELOPE

    def growth(self, rendered: Any) -> int:
        """By how many characters the policy grows if it takes a statement.

        Two statements that differ in their resources only allow the same as one with the resources of both.
        """
        known = self._resources.get(_but_for_resources(rendered))
        if known is None:
            return _size(rendered) + 1
        new = [one for one in _resources(rendered) if json.dumps(one) not in known]
        brackets = 2 if new and len(known) == 1 else 0
        return sum(_size(one) + 1 for one in new) + brackets

    def add(self, statement: Statement, rendered: Any) -> None:
        growth = self.growth(rendered)
        if not growth:
            return
        self.size += growth
        kind = _but_for_resources(rendered)
        if kind in self._statements:
            self._statements[kind].add_resources(*statement.resources)
        else:
            self._statements[kind] = statement.to_policy_statement()
            self._policy.add_statements(self._statements[kind])
        self._resources.setdefault(kind, set()).update(json.dumps(one) for one in _resources(rendered))
        self._digest.update(json.dumps(rendered, sort_keys=True).encode())
        self._resource.override_logical_id(f"{self._base_id}{self._digest.hexdigest()[:8]}")


def _but_for_resources(rendered: Any) -> str:
    return json.dumps({key: value for key, value in rendered.items() if key != "Resource"}, sort_keys=True)


def _resources(rendered: Any) -> list[Any]:
    found = rendered["Resource"]
    return found if isinstance(found, list) else [found]


def _size(value: Any) -> int:
    """Length of a resolved value as JSON, with every token as long as it can get."""
    match value:
        case str():
            return len(json.dumps(value))
        case list():
            return sum(_size(item) + 1 for item in value) + 1
        case {"Ref": name, **rest} if not rest:
            return _LONGEST_PSEUDO.get(name, _LONGEST_ARN)
        case {"Fn::Join": [separator, parts], **rest} if not rest:
            parts_with_former = zip(parts, ["", *parts], strict=False)
            return sum(_size_of_part(part, former) + len(separator) for part, former in parts_with_former)
        case dict() if len(value) == 1 and next(iter(value)).startswith("Fn::"):
            return _LONGEST_ARN
        case dict():
            return sum(len(key) + 4 + _size(item) for key, item in value.items()) + 1
        case _:
            return len(json.dumps(value))


def _size_of_part(part: Any, former: Any) -> int:
    """Length of a part of a joined value. A reference that follows this text can only be the id of an instance."""
    is_id = isinstance(part, dict) and isinstance(former, str) and former.endswith(":instance/")
    return _LONGEST_ID if is_id else _size(part)
