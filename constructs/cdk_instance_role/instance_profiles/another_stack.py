"""A profile in another stack than its association: the order of stacks is that of a creation, not of a replacement."""

from aws_cdk import Annotations, Stack
from constructs import Construct

from ..support.locations import outermost, path_of, stack_of_targets, targets_of
from .known_profile import KnownProfile

_WARNING = "cdk-instance-role:profileInAnotherStack"


def warn_of_another_stack(association: Construct, stack: Stack, profile: KnownProfile) -> None:
    """Warn if the profile of an `InstanceRole` may become another one, and is in another stack than the association.

    CloudFormation creates the new profile and deletes the old one in one deployment of the profile's stack, and the
    association's stack moves the instances in its own, which comes later. To be called once all Aspects have run.

    Args:
        association: the association.
        stack: its stack.
        profile: its profile.
    """
    owner = stack_of_targets(profile.arn)
    if owner is None or outermost(owner) is outermost(stack) or not profile.moves:
        return
    theirs, mine = outermost(owner).stack_name, outermost(stack).stack_name
    Annotations.of(association).add_warning_v2(
        _WARNING,
        f"{path_of(association)} is in another stack than its profile {path_of(targets_of(profile.arn)[0])}: another "
        "role, role name, role path, profile name or id of its InstanceRole makes another profile, and "
        f"{theirs} deletes the old one before {mine} moves the instances, or can't be deployed while its export is in "
        f"use. Define the InstanceRole in {mine}, or change it in two deployments: add a new one first, associate that "
        "and list the old one in `replaces`, then remove the old one",
    )
