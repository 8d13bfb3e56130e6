"""What the provider of an association has: the ledger of the function that handles it, and the queue of enforcement."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...runtime.association.contract import LEDGER_TABLE_VARIABLE, QUEUE_VARIABLE
from ..template.deployed_stack import DeployedStack
from ..template.intrinsic_functions import UnresolvedError
from ..template.property_values import StackValues
from ..template.stacks import Address, of_type
from .stack_graph import StackGraph

_FUNCTION, _QUEUE = "AWS::Lambda::Function", "AWS::SQS::Queue"


@dataclass(frozen=True, slots=True)
class Provider:
    """What a deployed provider has."""

    ledger: str
    """Name of the table."""
    queue: str | None = None
    """URL of the queue of enforcement; None if it has none."""
    dead_letters: str | None = None
    """URL of its dead-letter queue."""


def provider_of(stacks: StackGraph, address: Address, values: StackValues, logical_id: str) -> Provider:
    """The provider of an association.

    The provider may be in the stack of the association, in one around it, or in another one that shares it.

    Args:
        stacks: the stacks of the account and Region.
        address: of the association's stack.
        values: of the same stack, as it is or as it will be.
        logical_id: of the association.

    Raises:
        UnresolvedError: it is not known.
    """
    function = _name(values.service_token(logical_id))
    for candidate in _provider_stacks(stacks, address, values.resources[logical_id]):
        found = stacks.deployed(candidate)
        if found and (provider := _provider(found, function)):
            return provider
    raise UnresolvedError("no stack of the assembly has it, nor one with a tagged ledger")


def table_behind(template: Mapping[str, Any], function: str | None) -> str | None:
    """Logical id of the ledger table in the environment of a function, or of a function that it calls; None if there is
    none.

    Args:
        template: the template of the functions.
        function: logical id of the one that CloudFormation calls.
    """
    functions, waiting, seen = of_type(template, _FUNCTION), [function], set[str | None]()
    while waiting:
        id_ = waiting.pop()
        if id_ is None or id_ in seen:
            continue
        seen.add(id_)
        variables = _variables(functions.get(id_, {}))
        if table := _referred(variables.get(LEDGER_TABLE_VARIABLE)):
            return table
        waiting += [_with_arn(value) for value in variables.values()]
    return None


def queues_beside(template: Mapping[str, Any], table: str) -> tuple[str | None, str | None]:
    """Logical ids of the queue of enforcement and of its dead-letter queue; None for what there is not.

    The function that enforces has the names of the ledger and of the queue in its environment.

    Args:
        template: the template of the provider.
        table: logical id of its ledger table.
    """
    for function in of_type(template, _FUNCTION).values():
        variables = _variables(function)
        if _referred(variables.get(LEDGER_TABLE_VARIABLE)) == table and QUEUE_VARIABLE in variables:
            queue = _referred(variables[QUEUE_VARIABLE])
            properties = of_type(template, _QUEUE).get(queue or "", {}).get("Properties", {})
            redrive = properties.get("RedrivePolicy")
            target = redrive.get("deadLetterTargetArn") if isinstance(redrive, Mapping) else None
            return queue, _with_arn(target)
    return None, None


def _provider_stacks(stacks: StackGraph, address: Address, association: Mapping[str, Any]) -> Iterator[Address]:
    """The stacks that may have the function, the likely ones first."""
    match association.get("Properties", {}).get("ServiceToken"):
        case {"Fn::GetStackOutput": {"StackName": str() as name}}:
            yield Address(name)  # which may be none of the assembly's
    around: Address | None = address
    while around:
        yield around
        around = around.outer
    for stack in stacks.artifacts:
        if any(LEDGER_TABLE_VARIABLE in _variables(one) for one in of_type(stack.template, _FUNCTION).values()):
            yield stack.address
    yield from map(Address, stacks.with_ledgers())  # the assembly need not have the stack of a provider


def _provider(stack: DeployedStack, function: str) -> Provider | None:
    """The provider behind the function with this name, if it is one of the stack's."""
    ids = (id_ for id_ in of_type(stack.template, _FUNCTION) if _name(stack.physical_ids.get(id_, "")) == function)
    table = table_behind(stack.template, next(ids, None))
    if table is None or table not in stack.physical_ids:
        return None
    queue, dead_letters = queues_beside(stack.template, table)
    urls = (stack.physical_ids.get(one) if one else None for one in (queue, dead_letters))
    return Provider(stack.physical_ids[table], *urls)


def _variables(function: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = function.get("Properties", {}).get("Environment", {}).get("Variables", {})
    return found


def _referred(value: Any) -> str | None:
    """Logical id of the resource that a template refers to."""
    return str(value["Ref"]) if isinstance(value, Mapping) and "Ref" in value else None


def _with_arn(value: Any) -> str | None:
    """Logical id of the resource whose ARN this is."""
    match value:
        case {"Fn::GetAtt": [str() as logical_id, "Arn"]}:
            return logical_id
    return None


def _name(function: str) -> str:
    """Name of a function, of which some local AWS give the ARN."""
    return function.rpartition(":")[2]
