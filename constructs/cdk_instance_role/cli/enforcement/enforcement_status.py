"""How an association is enforced: since when not, what has drifted, and what is paused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from ...runtime.association.contract import EnforcementProperty, Property
from ...runtime.association.drift.breaker import EnforcementState
from ...runtime.association.drift.finding import Finding
from ...runtime.association.exceptions import RequestError
from ...runtime.association.ledger.desired_states import UPGRADE, DesiredState
from ...runtime.association.operation import FAILED, SUCCEEDED, Operation
from ...runtime.association.request.enforcement import EnforcementSettings
from ...runtime.association.request.event import RequestType, max_seconds
from ..live.association_ledger import AssociationLedger
from ..live.environment import Environment
from ..status_model import EnforcementStatus, FindingView, OffView, PauseView
from ..template.deployed_stack import DeployedStack
from ..template.stacks import Address

DELETING = "the association is being deleted"
DELETE_FAILED = "the latest delete has failed, correct the reason and delete the stack again with `cdk destroy`"
_MESSAGES: Literal["ApproximateNumberOfMessages"] = "ApproximateNumberOfMessages"
MISSED_SWEEPS, MIN_OVERDUE_SECONDS = 4, 1800.0
"""Sweeps are overdue after so many times the time between two, and not before so many seconds: EventBridge Scheduler
has a flexible window, and a message that can't be handled at once comes back for 15 minutes."""


def enforcement_of(
    environment: Environment, address: Address, deployed: DeployedStack, logical_id: str, now: float
) -> EnforcementStatus | None:
    """How an association of a deployed stack is enforced; None if its template asks for no enforcement.

    Args:
        environment: the account and Region.
        address: of the association's stack.
        deployed: the same as it is deployed.
        logical_id: of the association.
        now: seconds since the epoch.
    """
    declared = declaration(deployed, logical_id)
    ledger = environment.ledger(address, logical_id) if declared else None
    if declared is None or ledger is None:
        return None
    state, operation = ledger.desired_state(), ledger.operation()
    off = why_off(state, operation)
    settings = _settings(declared)
    status = EnforcementStatus(
        mode=settings.mode if settings else "",
        every=settings.every if settings else None,
        max_changes=str(declared.get(EnforcementProperty.MAX_CHANGES, "")),
        dead_letters=_dead_letters(environment, address, logical_id),
    )
    if off or operation is None or state is None:
        return replace(status, off=off, is_stopped=not _is_under_way(operation, now))
    enforcement_state = ledger.enforcement_state().of_operation(operation.request_id)
    return replace(
        _on(status, ledger, enforcement_state, environment), is_stopped=_is_overdue(state, enforcement_state, now)
    )


def declaration(deployed: DeployedStack, logical_id: str) -> Mapping[str, Any] | None:
    """What the template of a deployed association says about enforcement; None if it asks for none."""
    found = (deployed.resource(logical_id) or {}).get("Properties", {}).get(Property.ENFORCEMENT)
    return found if isinstance(found, Mapping) else None


def why_off(state: DesiredState | None, operation: Operation | None) -> OffView | None:
    """Why nothing is enforced although the template asks for it; None if it is.

    Args:
        state: what the ledger says that the association wants; None if it says nothing.
        operation: the latest operation of the association; None if there is none.
    """
    if operation is None:
        return OffView("the ledger has no operation of the association: deploy it")
    kind, since = operation.type.lower() if operation.type else "operation", operation.started_at
    if operation.ended == FAILED:
        reason = f": {operation.reason}" if operation.reason else ""
        if operation.type is RequestType.DELETE:  # CloudFormation does not update a stack in DELETE_FAILED
            return OffView(f"{DELETE_FAILED}{reason}", since)
        return OffView(f"the latest {kind} has failed, and enforcement goes on after one that succeeds{reason}", since)
    if operation.type is RequestType.DELETE and not operation.ended:
        return OffView(DELETING, since)
    if operation.ended != SUCCEEDED:
        return OffView(f"the latest {kind} is open, and enforcement goes on once it has succeeded", since)
    if state and state.problem:
        return OffView(state.problem)
    if state is None or state.request_id != operation.request_id:
        return OffView(f"the latest {kind} has not turned it on: {UPGRADE}", since)
    try:
        EnforcementSettings.from_properties(state.properties)
    except RequestError as error:
        return OffView(f"its desired state can't be read ({error}): {UPGRADE}", state.since)
    return None


def _on(
    status: EnforcementStatus, ledger: AssociationLedger, enforcement_state: EnforcementState, environment: Environment
) -> EnforcementStatus:
    # What was found before the latest deployment counts no more than what has been repaired since.
    findings = ledger.findings().values() if enforcement_state.observed_at else ()
    return replace(
        status,
        last_sweep=enforcement_state.swept_at,
        is_unfinished=enforcement_state.is_unfinished,
        drift=tuple(_finding(one, environment) for one in findings if one.drift),
        pauses=tuple(PauseView(kind, one.since, one.reason) for kind, one in enforcement_state.pauses.items()),
    )


def _is_under_way(operation: Operation | None, now: float) -> bool:
    """Whether an operation goes on, which turns enforcement on once it has succeeded."""
    return operation is not None and not operation.ended and now - operation.started_at <= max_seconds(operation.type)


def _is_overdue(state: DesiredState, enforcement_state: EnforcementState, now: float) -> bool:
    """Whether a sweep should have been there since the latest one, or since enforcement was turned on."""
    settings = EnforcementSettings.from_properties(state.properties)
    every = settings.every if settings else 0.0
    return now - max(enforcement_state.swept_at, state.since) > max(MISSED_SWEEPS * every, MIN_OVERDUE_SECONDS)


def _finding(finding: Finding, environment: Environment) -> FindingView:
    return FindingView(
        finding.instance_id,
        str(finding.drift),
        finding.since,
        environment.text(finding.reason),
        environment.text(finding.advice),
    )


def _settings(declared: Mapping[str, Any]) -> EnforcementSettings | None:
    """What the template says; None if it can't be read without the deployment."""
    try:
        return EnforcementSettings.from_properties({Property.ENFORCEMENT: declared})
    except RequestError:
        return None


def _dead_letters(environment: Environment, address: Address, logical_id: str) -> int | None:
    """How many messages the dead-letter queue has; None if that can't be seen."""
    provider, sqs = environment.provider(address, logical_id), environment.aws.sqs
    url = provider.dead_letters if provider else None
    if url is None:
        return None

    def look() -> int:
        return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[_MESSAGES])["Attributes"][_MESSAGES])

    return environment.reader.once(f"dead-letter queue {url.rpartition('/')[2]}", look, None)
