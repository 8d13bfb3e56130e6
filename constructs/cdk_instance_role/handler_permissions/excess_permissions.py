"""What is refused at synthesis because the permissions of several associations together reach too far."""

from collections.abc import Iterator, Sequence
from functools import cache

from ..permission_search.declared import Declared
from ..permission_search.placeholders import INSTANCES, Placeholders, profile_arn, role_arn
from ..permission_search.search import Excess, excess
from ..permission_search.statement import Statement
from ..support.arns import is_token
from ..support.at_synthesis import resource_of
from ..support.locations import targets_of
from ..support.names import name_in
from .policies import RenderedPolicies

_ARNS = {"AWS::IAM::InstanceProfile": profile_arn, "AWS::IAM::Role": role_arn}
"""What makes an ARN of path and name."""


def excesses(stacks: Sequence[RenderedPolicies]) -> Iterator[str]:
    """Sentences about what the handler could do beyond what the associations of a provider declare.

    `ReplaceableProfiles.any` allows the handler to pass every role. With it there is nothing to search.

    Args:
        stacks: what has been written into the policies of each stack.
    """
    permissions = [one for stack in stacks for one in stack.granted]
    if not permissions or any(one.replaces.is_any for one in permissions):
        return
    found = excess(*_with_placeholders(stacks), INSTANCES)
    if found:
        yield _sentence(found)


def _with_placeholders(stacks: Sequence[RenderedPolicies]) -> tuple[list[Statement], list[Declared]]:
    """The statements and what is declared, without tokens."""
    known: dict[str, str] = {}
    statements, declared = [], []
    given_arn = cache(_given_arn)  # most associations have profiles and roles in common
    for stack in stacks:
        text = Placeholders(known, stack.texts.canonical)
        for permissions in stack.granted:
            for profile in (permissions.profile, *permissions.replaces.known):
                arn, role = map(stack.texts.canonical, (profile.arn, profile.role_arn))
                if is_token(arn) and not arn.startswith("arn:"):
                    made_up = profile_arn(next(iter(profile.paths), "/"), f"profile-{len(known)}")
                    known.setdefault(arn, given_arn(arn) or made_up)
                if given := given_arn(role):
                    known.setdefault(role, given)
        statements += [one.replaced(text) for one in stack.statements]
        declared += [permissions.declared(text) for permissions in stack.granted]
    return statements, declared


def _given_arn(reference: str) -> str | None:
    """The ARN of a role or a profile of the app by the name that the app gives it. An ARN as text may mean the same."""
    for target in targets_of(reference):
        resource = resource_of(target)
        name, path = name_in(resource), resource.get("Properties", {}).get("Path", "/")
        if isinstance(name, str) and isinstance(path, str):
            return _ARNS[resource["Type"]](path, name)
    return None


def _sentence(found: Excess) -> str:
    if found.listing and found.wanting:
        both = f"{found.listing.name} lists a profile of {found.wanting.name} in `replaces`"
        return (
            f"{both}, and both have one provider: "
            "by way of that profile its function could give instances what neither of the two declares for them. "
            "Use another provider for one of them: provider=AssociationProvider(...)"
        )
    return (
        f"the permissions of the handler would let an instance with {found.carried or 'no profile'} get "
        f"{found.reached or 'none'}, which no association declares: please report this as a fault of cdk-instance-role"
    )
