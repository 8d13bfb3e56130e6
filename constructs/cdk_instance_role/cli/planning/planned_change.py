"""What CloudFormation will ask the handler for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ...runtime.association.contract import Property
from ...runtime.association.request.desired import Desired
from ...runtime.association.request.enforcement import EnforcementSettings
from ...runtime.association.request.event import (
    DEFAULT_TIMEOUT_SECONDS,
    Request,
    RequestType,
    digest_of,
    readable,
    timeout_of,
)
from ...runtime.association.request.rollout import Rollout
from ..enforcement.enforcement_preview import max_changes
from ..live.environment import Environment
from ..live.stack_graph import StackGraph
from ..model import Event
from ..template.assembly import StackArtifact
from ..template.deployed_stack import DeployedStack
from ..template.intrinsic_functions import UnresolvedError
from ..template.property_values import NEW
from ..template.replacement import has_other_provider
from ..template.stacks import Address
from .stack_status import RefusedError, check_names, check_status, created_again

_PLANNED_ID = "i-00000000000000000"
"""Stands for the instances that the deployment creates."""

ROLLBACK = (
    "its last update has failed, and these properties are those from before it: this is a rollback, which ignores "
    "conflicts, alarms and waves"
)

_OTHER_PROVIDER = (
    "CloudFormation refuses another provider for an association that is deployed (Modifying service token is not "
    "allowed): keep its provider, or delete the association in one deployment and create it in the next one"
)


@dataclass(frozen=True)
class Intent:
    """What CloudFormation will ask the handler for."""

    event: Event
    desired: Desired | None = None
    """None for a Delete. A target that the deployment creates has `NEW` and the path of its construct as its id."""
    known_ids: frozenset[str] = frozenset()
    """Ids that were selected before, as far as that can be read."""
    wanted: str | None = None
    """ARN of the profile that the targets shall carry."""
    retained: bool = False
    """The association goes, and leaves everything as it is."""
    rollout: Rollout = field(default_factory=Rollout)
    """How targets are changed: all at once, or in waves."""
    timeout: float = DEFAULT_TIMEOUT_SECONDS
    """Seconds that the handler may take."""
    before: Desired | None = None
    """What the association asked for when it was deployed last, as far as it can be read."""
    enforcement: EnforcementSettings | None = None
    """How it is enforced between deployments; None if only these act."""
    max_changes: str = ""
    """How many instances enforcement may change in an hour, as the template says it."""
    digest: str = ""
    """Of the properties, by which the handler knows a former configuration again. Empty if the deployment creates a
    target, which no former configuration has."""

    def ids_before(self, held: Collection[str]) -> frozenset[str]:
        """The ids that were selected before.

        Args:
            held: what the association holds: these were, if nothing else is known of that.
        """
        return frozenset(held) if self.event is Event.UPDATE and self.before is None else self.known_ids

    def is_rollback_to(self, came_from: str) -> bool:
        """Whether the handler will take this for the rollback of a failed Update.

        Args:
            came_from: digest of the properties that the Update came from; empty if none is open.
        """
        return self.event is Event.UPDATE and bool(came_from) and self.digest == came_from


def intent_of(
    environment: Environment, stack: StackArtifact, deployed: DeployedStack | None, logical_id: str
) -> Intent | None:
    """What becomes of an association; None if there is none, neither now nor then.

    Args:
        environment: the account and Region.
        stack: the stack of the association, as the assembly has it.
        deployed: the stack as it is deployed; None if the association is not.
        logical_id: of the association.

    Raises:
        UnresolvedError: a property of the association, or whether it is made, is not known before the deployment.
        RequestError: the handler will refuse the properties.
        RefusedError: CloudFormation will refuse the deployment.
    """
    stacks = environment.stacks
    check_status(stacks, stack.address)
    if gap := created_again(stacks, stack.address):
        if deployed is None:
            raise UnresolvedError(gap)
        stacks.reader.record_gap(gap)
        return _leaving(stacks, stack.address, logical_id)
    is_there = exists_after_deployment(stacks, stack, logical_id)
    if not is_there and not deployed:
        return None
    check_names(environment, stack.address)
    if not is_there:
        return _leaving(stacks, stack.address, logical_id)
    after, created = _wanted(stacks, stack, logical_id)
    request = _request(logical_id, after, created)
    intent = Intent(
        Event.CREATE,
        _with_new(request.desired, after, created),
        wanted=after[Property.INSTANCE_PROFILE_ARN],
        rollout=request.rollout,
        timeout=request.timeout,
        enforcement=request.enforcement,
        max_changes=max_changes(after),
        digest="" if created else digest_of(after),
    )
    if deployed is None or logical_id in deployed.failed:
        return intent
    if not deployed.has_failed_update:
        _check_provider(stacks, stack, deployed, logical_id)
    before = _former_properties(stacks, stack, deployed, logical_id)
    event = Event.NONE if before == after and not created else Event.UPDATE
    known_ids = frozenset((before or {}).get(Property.INSTANCE_IDS, ()))
    timeout = timeout_of(RequestType.UPDATE, after)
    return replace(intent, event=event, known_ids=known_ids, timeout=timeout, before=readable(before))


def _request(logical_id: str, properties: Mapping[str, Any], created: Sequence[str]) -> Request:
    """The properties as the handler will read them, but for the targets that there are not yet.

    Raises:
        RequestError: it will refuse them.
    """
    given = properties
    if created and not properties[Property.INSTANCE_IDS]:
        given = {**properties, Property.INSTANCE_IDS: [_PLANNED_ID]}
    ids = dict.fromkeys(("RequestId", "StackId", "LogicalResourceId"), logical_id)
    return Request.from_event({"RequestType": RequestType.CREATE, **ids, "ResourceProperties": given})


def _with_new(desired: Desired | None, properties: Mapping[str, Any], created: Sequence[str]) -> Desired | None:
    """What is wanted, with the targets that the deployment creates."""
    if desired is None or not created:
        return desired
    ids = dict.fromkeys((*properties[Property.INSTANCE_IDS], *(f"{NEW}{path}" for path in created)))
    return replace(desired, selection=replace(desired.selection, ids=tuple(ids)))


def exists_after_deployment(stacks: StackGraph, stack: StackArtifact, logical_id: str) -> bool:
    """Whether an association is there after the deployment.

    Args:
        stacks: the stacks of the account and Region.
        stack: the stack of the association, as the assembly has it.
        logical_id: of the association.

    Raises:
        UnresolvedError: that is not known before the deployment.
    """
    try:
        if not stacks.exists_after(stack.address) or logical_id not in stack.associations:
            return False
        return stacks.values(stack.address).is_made(logical_id)
    except UnresolvedError as error:
        raise UnresolvedError(f"whether it is made: {error}") from None


def _wanted(stacks: StackGraph, stack: StackArtifact, logical_id: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    values = stacks.values(stack.address)
    try:
        return values.properties(logical_id), tuple(values.new_instances(logical_id))
    except UnresolvedError as error:
        raise UnresolvedError(f"what is wanted: {error}") from None


def _check_provider(stacks: StackGraph, stack: StackArtifact, deployed: DeployedStack, logical_id: str) -> None:
    before, after = stacks.former_values(stack.address, deployed), stacks.values(stack.address)
    was, will_be = before.resources[logical_id], after.resources[logical_id]
    try:
        if has_other_provider(was, will_be, before.resolve, after.resolve):
            raise RefusedError(_OTHER_PROVIDER)
    except UnresolvedError as error:
        raise UnresolvedError(f"whether its provider changes: {error}") from None


def _leaving(stacks: StackGraph, address: Address, logical_id: str) -> Intent:
    # CloudFormation goes by the policies that are deployed, and does not call the handler if one says so.
    try:
        retained = stacks.is_retained(address, logical_id)
        while not retained and address.outer and not stacks.exists_after(address):
            retained = stacks.is_retained(address.outer, address.nested[-1])
            address = address.outer
    except UnresolvedError as error:
        raise UnresolvedError(f"whether it is deleted or left as it is: {error}") from None
    return Intent(Event.NONE if retained else Event.DELETE, retained=retained)


def _former_properties(
    stacks: StackGraph, stack: StackArtifact, deployed: DeployedStack, logical_id: str
) -> Mapping[str, Sequence[str]] | None:
    """The properties as they were sent last. None if they are not known: then they count as changed. After an update
    that has failed, the template has those that the association may not have got, or that were rolled back."""
    if deployed.has_failed_update:
        return None
    try:
        return stacks.former_values(stack.address, deployed).properties(logical_id)
    except UnresolvedError:
        return None
