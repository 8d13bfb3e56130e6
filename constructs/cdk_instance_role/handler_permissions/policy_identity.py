"""What makes a policy of the handler another one, so that CloudFormation replaces it instead of changing it."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..permission_search.statement import Statement
from .policy_lengths import longest_value
from .policy_texts import PolicyTexts

_MAX_DESCRIPTION = 1000
"""Characters: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-iam-managedpolicy.html"""
_TAG = "aws:ResourceTag/"


def as_text(statement: Statement) -> str:
    """A statement as text, by which the statements of a policy are sorted."""
    return json.dumps(statement.render(), sort_keys=True)


def digest_of(statements: Sequence[Statement]) -> str:
    """A digest of what is in a policy, for its logical id."""
    return hashlib.sha256("\n".join(map(as_text, statements)).encode()).hexdigest()[:8]


def with_values(description: str, statements: Iterable[Statement], texts: PolicyTexts) -> str:
    """A description of a policy, with the values in the policy that only the deployment knows, as far as they fit.

    The template is the same whatever these values are, so the logical id does not change with them. They belong into
    the description, because CloudFormation replaces a policy to change that, and it has no function that makes one
    short value of several. Long ones come first: without the name of a profile a rollback can't give it back, without
    the id of an instance only a stopped one stays without its own. The values of tags are not needed, because with tags
    every instance may get its previous profile.

    Args:
        description: what comes before the values.
        statements: those of the policy, with tokens.
        texts: what the tokens stand for.
    """
    values = _given_at_deployment(statements, texts)
    chosen: list[str] = []
    free = _MAX_DESCRIPTION - len(f"{description}, with ")
    for resolved in sorted(values, key=lambda one: (-values[one].longest, one)):
        needed = values[resolved].longest + len(", ")
        if needed <= free:
            chosen.append(values[resolved].token)
            free -= needed
    return f"{description}, with {', '.join(chosen)}" if chosen else description


@dataclass(frozen=True)
class _Value:
    """A value that only the deployment knows."""

    token: str
    longest: int
    """About its most characters."""


def _given_at_deployment(statements: Iterable[Statement], texts: PolicyTexts) -> dict[str, _Value]:
    """These values by what they resolve to."""
    fields = (pair for one in statements for pair in one.fields)
    those = {text for field, values in fields if not (isinstance(field, tuple) and _TAG in field[1]) for text in values}
    found: dict[str, _Value] = {}
    for text in those:
        for before, resolved, token in texts.given_at_deployment(text):
            longest = longest_value(before)
            if resolved not in found or found[resolved].longest < longest:
                found[resolved] = _Value(token, longest)
    return found
