"""What CloudFormation will ask the handler for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..runtime.association.contract import Property
from ..runtime.association.desired import Desired
from .assembly import StackArtifact
from .deployed import DeployedStack
from .landscape import Landscape
from .model import Event
from .resolve import UnresolvedError

_RETAIN = frozenset({"Retain", "RetainExceptOnCreate"})


@dataclass(frozen=True)
class Intent:
    """What CloudFormation will ask the handler for."""

    event: Event
    desired: Desired | None = None
    """None for a Delete, and if all targets are created by the deployment."""
    known_ids: frozenset[str] = frozenset()
    """Ids that were selected before."""
    wanted: str | None = None
    """ARN of the profile that the targets shall carry."""
    created: tuple[str, ...] = ()
    """The targets that the deployment creates, as paths of their constructs."""
    retained: bool = False
    """The association goes, and leaves everything as it is."""


def intent_of(
    stacks: Landscape, stack: StackArtifact, deployed: DeployedStack | None, logical_id: str
) -> Intent | None:
    """What becomes of an association; None if there is none, neither now nor then.

    Args:
        stacks: the stacks of the account and Region.
        stack: the stack of the association, as the assembly has it.
        deployed: the stack as it is deployed; None if the association is not.
        logical_id: of the association.

    Raises:
        UnresolvedError: a property of the association, or whether it is made, is not known before the deployment.
        RequestError: the handler will refuse the properties.
    """
    if not _will_be_there(stacks, stack, logical_id):
        return _leaving(stacks, stack, deployed, logical_id) if deployed else None
    after, created = _wanted(stacks, stack, logical_id)
    desired = None if created and not after[Property.INSTANCE_IDS] else Desired.from_properties(after)
    wanted = after[Property.INSTANCE_PROFILE_ARN]
    if deployed is None:
        return Intent(Event.CREATE, desired, wanted=wanted, created=created)
    before = _former_properties(stacks, stack, deployed, logical_id)
    event = Event.NONE if before == after and not created else Event.UPDATE
    return Intent(event, desired, frozenset((before or {}).get(Property.INSTANCE_IDS, ())), wanted, created)


def _will_be_there(stacks: Landscape, stack: StackArtifact, logical_id: str) -> bool:
    try:
        if not stacks.stays(stack.address) or logical_id not in stack.associations:
            return False
        return stacks.values(stack.address).is_made(logical_id)
    except UnresolvedError as error:
        raise UnresolvedError(f"whether it is made: {error}") from None


def _wanted(stacks: Landscape, stack: StackArtifact, logical_id: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    values = stacks.values(stack.address)
    try:
        return values.properties(logical_id), tuple(values.new_instances(logical_id))
    except UnresolvedError as error:
        raise UnresolvedError(f"what is wanted: {error}") from None


def _leaving(stacks: Landscape, stack: StackArtifact, deployed: DeployedStack, logical_id: str) -> Intent:
    # CloudFormation goes by the policies that are deployed, and does not call the handler if one says so.
    retained, address = _is_retained(deployed, logical_id), stack.address
    while address.outer and not stacks.stays(address):
        around = stacks.deployed(address.outer)
        retained |= around is not None and _is_retained(around, address.nested[-1])
        address = address.outer
    return Intent(Event.NONE if retained else Event.DELETE, retained=retained)


def _is_retained(deployed: DeployedStack, logical_id: str) -> bool:
    return (deployed.resource(logical_id) or {}).get("DeletionPolicy") in _RETAIN


def _former_properties(
    stacks: Landscape, stack: StackArtifact, deployed: DeployedStack, logical_id: str
) -> Mapping[str, Sequence[str]] | None:
    """The properties as they were sent last. None if that can't be told: then they count as others."""
    try:
        return stacks.former_values(stack.address, deployed).properties(logical_id)
    except UnresolvedError:
        return None
