"""What is refused at synthesis because the permissions of several associations together reach too far."""

from collections.abc import Iterator, Sequence

from ..permission_search.concrete import INSTANCES, Concrete, profile_arn
from ..permission_search.declared import Declared
from ..permission_search.search import Excess, excess
from ..permission_search.statement import Statement
from ..support.arns import is_token
from .policies import Written


def excesses(stacks: Sequence[Written]) -> Iterator[str]:
    """Sentences about what the handler could do beyond what the associations of a provider declare.

    `ReplaceableProfiles.any` allows the handler to pass every role. With it there is nothing to search.

    Args:
        stacks: what has been written into the policies of each stack.
    """
    permissions = [one for stack in stacks for one in stack.granted]
    if not permissions or any(one.replaces.is_any for one in permissions):
        return
    found = excess(*_concrete(stacks), INSTANCES)
    if found:
        yield _sentence(found)


def _concrete(stacks: Sequence[Written]) -> tuple[list[Statement], list[Declared]]:
    """The statements and what is declared, without tokens."""
    known: dict[str, str] = {}
    statements, declared = [], []
    for stack in stacks:
        text = Concrete(known, stack.texts.canonical)
        for permissions in stack.granted:
            for profile in (permissions.profile, *permissions.replaces.known):
                arn = stack.texts.canonical(profile.arn)
                if is_token(arn) and not arn.startswith("arn:"):
                    known.setdefault(arn, profile_arn(next(iter(profile.paths), "/"), f"profile-{len(known)}"))
        statements += [one.replaced(text) for one in stack.statements]
        declared += [permissions.declared(text) for permissions in stack.granted]
    return statements, declared


def _sentence(found: Excess) -> str:
    if found.listing and found.wanting:
        both = f"{found.listing.name} lists the profile of {found.wanting.name} in `replaces`"
        return (
            f"{both}, and both have one provider: "
            "by way of that profile its function could give instances what neither of the two declares for them. "
            "Use another provider for one of them: provider=AssociationProvider(...)"
        )
    return (
        f"the permissions of the handler would let an instance with {found.carried or 'no profile'} get "
        f"{found.reached or 'none'}, which no association declares: please report this as a fault of cdk-instance-role"
    )
