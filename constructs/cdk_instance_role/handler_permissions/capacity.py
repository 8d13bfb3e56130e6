"""How much fits into the policies of one provider. The numbers are measured: see tests/synth/test_capacity.py."""

from collections.abc import Iterable, Iterator

from ..permission_search.packing import MAX_MANAGED_POLICIES, POLICY_SIZE, Width, least_size
from ..permission_search.statement import Statement
from ..support.argument_types import is_number_token

DEFAULT_MAX_POLICIES = 10
"""Managed policies of a role, without a raised quota."""

ASSOCIATIONS, LISTING, IDS, IDS_LISTING = 65, 18, 420, 130
"""What fits into ten policies: associations with a role and tags of their own; the same with a profile of its own in
`replaces` each; ids of one association; and ids of one with a profile in `replaces`."""


def capacity(max_policies: int) -> str:
    """What about fits, for a message.

    Args:
        max_policies: managed policies that the role can have.
    """
    associations, listing, ids, ids_listing = (
        number * max_policies // DEFAULT_MAX_POLICIES for number in (ASSOCIATIONS, LISTING, IDS, IDS_LISTING)
    )
    return (
        f"about {associations} associations with a role and tags of their own, {listing} with a profile in `replaces`, "
        f"{ids} ids, or {ids_listing} ids with a profile in `replaces`"
    )


def too_long_tags(path: str, statements: Iterable[Statement], width: Width) -> Iterator[str]:
    """A sentence if a statement is longer than a policy: it holds all keys of the tags, which can't be split.

    Args:
        path: of the association.
        statements: those for it.
        width: tells how long a value is.
    """
    needed = max(least_size(one, width) for one in statements)
    if needed > POLICY_SIZE:
        yield (
            f"the tags of {path} need {needed:,} characters, and an IAM policy holds {POLICY_SIZE:,}: select by fewer "
            "or shorter tags, or by ids"
        )


def check_max_policies(max_policies: int) -> None:
    """Check the number of policies that a provider is given.

    Raises:
        ValueError: it is out of range, or a token.
    """
    if is_number_token(max_policies):
        raise ValueError(
            f"max_policies is a token: give a number that is known at synthesis, from 2 to {MAX_MANAGED_POLICIES}, "
            "because the policies are counted then"
        )
    if not isinstance(max_policies, int) or not 2 <= max_policies <= MAX_MANAGED_POLICIES:
        raise ValueError(
            f"max_policies is {max_policies!r}: give a number from 2 to {MAX_MANAGED_POLICIES}, up to which IAM can "
            "raise the quota of managed policies of a role"
        )
