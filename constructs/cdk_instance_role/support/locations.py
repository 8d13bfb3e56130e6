"""Where constructs are, asked of Node.js once for all that are in the same scope; and which ones texts refer to."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_cdk import DefaultTokenResolver, Reference, Stack, StringConcat, Tokenization

from .arns import is_list_token, is_token


@dataclass(frozen=True)
class Location:
    """Where a construct is."""

    stack: Stack
    path: str
    """Path of the construct in the app."""

    @classmethod
    def of(cls, scope: Any, id: str) -> "Location":
        """The location of a child.

        Args:
            scope: the parent construct.
            id: id of the child.
        """
        # As the CDK does it: https://github.com/aws/constructs (`sanitizeId`)
        return cls(stack_of(scope), f"{path_of(scope)}/{id.replace('/', '--')}")


@cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
def stack_of(scope: Any) -> Stack:
    """The stack of a construct."""
    return Stack.of(scope)


@cache  # as above
def environment_of(stack: Any) -> Hashable:
    """What the account and Region of a stack are known by in its app. If they are not known before the deployment,
    another stack may be deployed elsewhere, so it is the stack that it is nested in, or itself."""
    account, region = stack.account, stack.region
    if not is_token(account) and not is_token(region):
        return stack.node.root, account, region
    parent = stack.nested_stack_parent
    return environment_of(parent) if parent else stack


@cache  # as above
def outermost(stack: Any) -> Stack:
    """The stack with which a stack is deployed: itself, or the one that it is nested in."""
    parent = stack.nested_stack_parent
    found: Stack = outermost(parent) if parent else stack
    return found


@cache  # as above
def path_of(construct: Any) -> str:
    path: str = construct.node.path
    return path


@cache  # as above, and tokens too
def targets_of(text: str) -> Sequence[Any]:
    """The constructs that the references in a text refer to; nothing for other tokens.

    Until the references between stacks are resolved, one to another stack reads in the template as if it were one to a
    resource of the same stack.
    """
    tokens: list[Any] = [*Tokenization.reverse_string(text).tokens]
    return [one.target for one in tokens if Reference.is_reference(one)]


def resolve_unlinked(stack: Stack, texts: Sequence[str]) -> Sequence[Any]:
    """What texts stand for, with references to other stacks as if they were references to the same stack.

    The CDK links stacks by imports, outputs or parameters after the library has looked at their references. In a second
    synthesis of the app they are linked already, but what the library makes of them has to be the same.

    Args:
        stack: the stack that the texts are in.
        texts: texts with tokens, or the tokens of lists.
    """
    found: list[Any] = stack.resolve([*map(_resolvable, texts)]) if texts else []
    return [_unlinked(stack, text, value) for text, value in zip(texts, found, strict=True)]


_FIRST: dict[tuple[Stack, str], Any] = {}
"""What texts stood for when they were resolved first. jsii keeps every construct for as long as the process lives, so
nothing is kept alive by this."""


def _resolvable(text: str) -> str | list[str]:
    return [text] if is_list_token(text) else text


def _unlinked(stack: Stack, text: str, value: Any) -> Any:
    first = _FIRST.setdefault((stack, text), value)
    if value == first:
        return value
    owners = {stack_of(target) for target in targets_in(_resolvable(text), stack)}
    match [*owners - {stack}]:
        case []:
            return value
        case [owner] if stack not in owners:
            return owner.resolve(_resolvable(text))
    return first


def stack_of_targets(text: str) -> Stack | None:
    """The stack that a text refers to; None if it refers to none, or to several."""
    stacks = {stack_of(target) for target in targets_of(text)}
    return stacks.pop() if len(stacks) == 1 else None


def targets_in(value: Any, stack: Stack) -> Sequence[Any]:
    """The constructs that the references in a value refer to, also where the CDK makes it at synthesis."""
    found = _TargetsFound()
    Tokenization.resolve(value, resolver=found, scope=stack, preparing=False)
    return found.targets


class _TargetsFound(DefaultTokenResolver):
    """Notes what references refer to while it resolves them."""

    def __init__(self) -> None:
        super().__init__(StringConcat())
        self.targets: list[Any] = []

    def resolve_token(self, t: Any, context: Any, post_processor: Any) -> Any:
        """Resolve a token as usual."""
        if Reference.is_reference(t):
            self.targets.append(t.target)
        return super().resolve_token(t, context, post_processor)
