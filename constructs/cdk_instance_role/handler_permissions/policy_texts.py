"""How the values of statements, with their tokens, read in a template, and how long they are once deployed."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from ..permission_search.statement import Statement
from ..support.arns import is_list_token, is_token, tokens_in
from ..support.at_synthesis import resources_of
from ..support.locations import resolve_unlinked, stack_of_targets, targets_of
from .policy_lengths import Lengths

VERSION = "2012-10-17"
"""Of the language that policies are written in."""
_KNOWN_BY_ID = iam.CfnInstanceProfile | iam.CfnRole | cloudwatch.CfnAlarm
_DYNAMIC = "{{resolve:"
"""Begins a value that CloudFormation looks up:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"""


@dataclass(frozen=True)
class PolicyTexts:
    """The values of the statements of one stack.

    Tokens are numbered in the order of their creation, so their text says nothing and changes with every construct that
    is added. Statements are therefore merged, packed and compared by what the values resolve to.
    """

    _resolved: Mapping[str, Any]
    """By text with tokens, and by token."""
    _stable: Mapping[str, str]
    _original: Mapping[str, str]
    _stack: Stack

    @classmethod
    def of(cls, stack: Stack, values: Iterable[str]) -> "PolicyTexts":
        """The values of statements, asked of Node.js at once.

        Args:
            stack: the stack that the policies are in.
            values: the values.
        """
        texts = [value for value in dict.fromkeys(values) if is_token(value) or is_list_token(value)]
        asked = [*dict.fromkeys([*texts, *(token for text in texts for _, token in tokens_in(text))])]
        resolved = dict(zip(asked, resolve_unlinked(stack, asked), strict=True))
        stable = _distinct({text: _marked(text, _as_text(resolved[text])) for text in texts})
        return cls(resolved, stable, {stable[text]: text for text in stable}, stack)

    def stable(self, statement: Statement) -> Statement:
        """The statement with values that are the same in every synthesis."""
        return statement.replaced(lambda value: self._stable.get(value, value))

    def canonical(self, value: str) -> str:
        """A value with tokens, the same for all that resolve to the same."""
        return self._original[self._stable[value]] if value in self._stable else value

    def original(self, statement: Statement) -> Statement:
        """A statement of stable values with its tokens."""
        return statement.replaced(lambda value: self._original.get(value, value))

    def width(self, value: str) -> int:
        """Characters that a stable value comes to at most, with its quotation marks."""
        match self.resolved(value):
            case {"Fn::GetAtt": [str(logical_id), "Arn"], **rest} if not rest:
                return self._width_of_arn(self._original[value], logical_id)
            case found:
                return Lengths.of(self._stack).width(found)

    def resolved(self, value: str) -> Any:
        """A stable value as it stands in the template."""
        return self._resolved[self._original[value]] if value in self._original else value

    def resources_in(self, value: str) -> set[str]:
        """Logical ids of what a stable value refers to in the own stack."""
        names = set(_referenced(self.resolved(value)))
        is_own = names and stack_of_targets(self._original[value]) in (None, self._stack)
        return names if is_own else set()

    def given_at_deployment(self, text: str) -> Iterator[tuple[str, str, str]]:
        """The tokens in a text whose values only the deployment knows: what is before each, what it resolves to, as
        text, and the token.

        The logical id of a role, a profile or an alarm of the app stands for it. The id of an instance of the app is
        given at deployment, because CloudFormation may replace the instance.

        Args:
            text: a value with its tokens.
        """
        for before, token in tokens_in(text):
            resolved = self._resolved[token]
            if _is_unknown(resolved) and not any(isinstance(one, _KNOWN_BY_ID) for one in targets_of(token)):
                yield before, json.dumps(resolved, sort_keys=True), token

    def render(self, statements: Iterable[Statement]) -> dict[str, Any]:
        """A policy document, with tokens."""
        return {"Version": VERSION, "Statement": [self._with_tokens(one.render()) for one in statements]}

    def _width_of_arn(self, reference: str, logical_id: str) -> int:
        """The stack that it refers to may be another one, in which a resource of the same logical id is another one."""
        stack = stack_of_targets(reference)
        if stack is None:
            return Lengths.of(self._stack).width_of_arn(logical_id, {})
        return Lengths.of(stack).width_of_arn(logical_id, resources_of(stack).get(logical_id, {}))

    def _with_tokens(self, node: Any) -> Any:
        match node:
            case str():
                return self._original.get(node, node)
            case list():
                return [self._with_tokens(one) for one in node]
        return {key: self._with_tokens(value) for key, value in node.items()}


def _is_unknown(resolved: Any) -> bool:
    """Whether the template does not tell a value, which may be another one in another deployment of the stack."""
    match resolved:
        case str():
            return _DYNAMIC in resolved
        case {"Ref": str(name)}:
            return not name.startswith("AWS::")
    return True


def _referenced(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            yield name
        case list() | dict():
            for part in value.values() if isinstance(value, dict) else value:
                yield from _referenced(part)


def _as_text(value: Any) -> str:
    match value:
        case str():
            return value
        case {"Ref": str(name), **rest} if not rest:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(name), str(attribute)], **rest} if not rest:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": ["", list(parts)], **rest} if not rest:
            return "".join(map(_as_text, parts))
    return json.dumps(value, sort_keys=True)


def _marked(original: str, stable: str) -> str:
    """A text that is known for a list as the original is: `permission_search.statement.is_list`."""
    return f"#{{{stable}}}" if is_list_token(original) else stable


def _distinct(texts: Mapping[str, str]) -> dict[str, str]:
    """Texts of which only those are alike that mean the same: two stacks may have resources of one logical id."""
    counts = Counter(texts.values())
    owners = {key: _owners(key) for key, text in texts.items() if counts[text] > 1}
    several = {text for text in counts if len({owners[key] for key in owners if texts[key] == text}) > 1}
    return {key: f"{text}#{owners[key]}" if text in several else text for key, text in texts.items()}


def _owners(text: str) -> str:
    """Paths of the constructs that the tokens in a text refer to."""
    return " ".join(target.node.path for target in targets_of(text))
