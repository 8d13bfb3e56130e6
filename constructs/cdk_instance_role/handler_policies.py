"""The handler's IAM policies, packed into as few as IAM's size limit allows."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

POLICY_SIZE = 6144
"""Characters, without white space: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
_ENVELOPE = len('{"Version":"2012-10-17","Statement":[]}')
_LONGEST_PSEUDO = {"AWS::Partition": 10, "AWS::Region": 14, "AWS::AccountId": 12, "AWS::URLSuffix": 16}
_LONGEST_ARN = 250


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
        self._role = role
        self._packs: list[_Pack] = []

    def add(self, statements: Iterable[iam.PolicyStatement]) -> None:
        """Add statements."""
        for statement in statements:
            rendered = Stack.of(self).resolve(statement.to_statement_json())
            size = _size(rendered) + 1
            pack = next((pack for pack in self._packs if pack.size + size <= POLICY_SIZE), None) or self._new_pack()
            pack.add(statement, rendered, size)

    @property
    def count(self) -> int:
        """Number of policies."""
        return len(self._packs)

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
        self.size = _ENVELOPE

    def add(self, statement: iam.PolicyStatement, rendered: Any, size: int) -> None:
        self._policy.add_statements(statement)
        self.size += size
        self._digest.update(json.dumps(rendered, sort_keys=True).encode())
        self._resource.override_logical_id(f"{self._base_id}{self._digest.hexdigest()[:8]}")


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
            return sum(_size(part) + len(separator) for part in parts)
        case dict() if len(value) == 1 and next(iter(value)).startswith("Fn::"):
            return _LONGEST_ARN
        case dict():
            return sum(len(key) + 4 + _size(item) for key, item in value.items()) + 1
        case _:
            return len(json.dumps(value))
