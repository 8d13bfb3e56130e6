"""What instances need of the stack when their association is retained: the profile that they keep, and its role."""

from collections.abc import Iterator

from aws_cdk import Annotations, CfnResource, Stack
from constructs import Construct

from ..support.at_synthesis import resource_of
from ..support.locations import path_of, stack_of, targets_of
from .known_profile import KnownProfile

_WARNING = "cdk-instance-role:profileIsNotRetained"


def warn_of_lost_profile(association: Construct, stack: Stack, profile: KnownProfile) -> None:
    """Warn if the profile of a retained association, or the role in it, is deleted with its stack.

    To be called once all Aspects have run. It is no error: an association may also be removed from a stack that stays.

    Args:
        association: the association.
        stack: its stack.
        profile: its profile.
    """
    lost = [*_lost(stack, profile)]
    if lost:
        verb, them = ("is", "it") if len(lost) == 1 else ("are", "them")
        Annotations.of(association).add_warning_v2(
            _WARNING,
            f"{path_of(association)} is retained, but {' and '.join(lost)} {verb} deleted with the stack: the "
            f"instances would keep a profile that delivers no credentials. Retain {them} with the policies, for "
            "example with RemovalPolicies.of(instance_role).retain(). If you only remove the association from a stack "
            "that stays, acknowledge this warning",
        )


def _lost(stack: Stack, profile: KnownProfile) -> Iterator[str]:
    for arn in (profile.arn, profile.role_arn):
        own = (one for one in targets_of(arn) if isinstance(one, CfnResource) and stack_of(one) is stack)
        for target in own:
            if resource_of(target).get("DeletionPolicy", "Delete") == "Delete":
                yield path_of(target)
