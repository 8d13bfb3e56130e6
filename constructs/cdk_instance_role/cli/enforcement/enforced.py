"""The deployed associations with enforcement, and what a sweep may change about each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...runtime.association.decide.record import held
from ...runtime.association.drift.breaker import EnforcementState
from ...runtime.association.request.enforcement import EnforcementSettings
from ..live.association_ledger import AssociationLedger
from ..live.environment import Environment
from ..model import CliError, counted
from ..status_model import OffView
from ..template.assembly import StackArtifact
from ..template.deployed_stack import DeployedStack
from ..template.stacks import Address
from .enforcement_status import declaration, why_off


@dataclass(frozen=True)
class Enforced:
    """A deployed association with enforcement."""

    name: str
    """Path of the construct, with stack, account and Region."""
    environment: Environment
    ledger: AssociationLedger
    queue: str | None
    """URL of the queue; None if the deployed provider has none."""
    off: OffView | None
    """Why nothing is enforced at the moment; None if it is."""
    settings: EnforcementSettings | None
    """None if they can't be read."""
    enforcement_state: EnforcementState
    targets: int = 0
    """Instances that the association holds."""

    @property
    def problem(self) -> str:
        """Why no sweep can be started; empty if one can."""
        if self.off:
            return f"enforcement is off: {self.off.reason}"
        return "" if self.queue else "its provider has no queue: deploy with the current release"

    @property
    def said(self) -> str:
        """The problem, with the name of the association."""
        return f"{self.name}: {self.problem}"

    @property
    def repairs(self) -> bool:
        """Whether a sweep can change instances."""
        return self.settings is not None and self.settings.repairs

    def statement(self, *, resumes: bool) -> str:
        """What a sweep may change.

        Args:
            resumes: whether changes go on that are paused.
        """
        if not self.settings or not self.repairs:
            return f"{self.name}: report, nothing is changed"
        limit = self.settings.limit(self.enforcement_state.held_an_hour_ago or self.targets)
        paused = " and ".join(self.enforcement_state.pauses)
        state = "goes on" if resumes else "stays paused without --resume"
        return (
            f"{self.name}: repair, {counted(self.targets, 'target')}, at most {counted(limit, 'change')} of each kind "
            f"in an hour{f'; {paused} {state}' if paused else ''}"
        )


def enforced(stack: StackArtifact, environment: Environment) -> tuple[list[Enforced], list[str]]:
    """The associations with enforcement of a deployed stack, and of those that are nested in it.

    Args:
        stack: the stack, as the assembly has it.
        environment: the account and Region that it is in.

    Returns:
        The associations, and in sentences why others can't be seen.
    """
    addresses = [one.address for one in environment.stacks.family(stack)]
    found, unseen = list[Enforced](), [why for one in addresses for why in environment.stacks.read_problems(one)]
    for address, deployed, logical_id in _declared(addresses, environment):
        environment.reader.reset()
        try:
            found.append(_enforced(address, deployed, logical_id, environment))
        except CliError as error:
            unseen.append(str(error))
    return found, unseen


def why_none(stack: StackArtifact, environment: Environment) -> str:
    """Why a stack that could be seen has no associations with enforcement, in a sentence.

    Args:
        stack: the stack, as the assembly has it.
        environment: the account and Region that it is in.
    """
    deployed = [*filter(None, (environment.stacks.deployed(one.address) for one in environment.stacks.family(stack)))]
    if not deployed:
        return f"stack {stack.name} is not deployed in {environment.aws.region}"
    if not any(one.associations for one in deployed):
        return f"stack {stack.name} has no deployed association"
    return f"stack {stack.name}: no deployed association has enforcement"


def _declared(addresses: Iterable[Address], environment: Environment) -> Iterator[tuple[Address, DeployedStack, str]]:
    """The deployed associations of stacks that have enforcement: each with its stack, and its logical id."""
    for address in addresses:
        if deployed := environment.stacks.deployed(address):
            for logical_id in deployed.associations:
                if declaration(deployed, logical_id) is not None:
                    yield address, deployed, logical_id


def _enforced(address: Address, deployed: DeployedStack, logical_id: str, environment: Environment) -> Enforced:
    path = address.path(deployed.template, logical_id)
    aws = environment.aws
    name = f"{path} (stack {address.name}, account {aws.account}, {aws.region})"
    provider, ledger = environment.provider(address, logical_id), environment.ledger(address, logical_id)
    if provider is None or ledger is None:
        raise CliError(f"{name}: {'; '.join(environment.reader.unavailable)}")
    state, operation = ledger.desired_state(), ledger.operation()
    off = why_off(state, operation)
    found = Enforced(
        name=name,
        environment=environment,
        ledger=ledger,
        queue=provider.queue,
        off=off,
        settings=EnforcementSettings.from_properties(state.properties) if state and not off else None,
        enforcement_state=ledger.enforcement_state().of_operation(state.request_id) if state else EnforcementState(),
        targets=len(held(ledger.records())),
    )
    for unseen in environment.reader.unavailable:
        raise CliError(f"{name}: {unseen}")
    return found
