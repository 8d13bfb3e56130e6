"""Which ledger an association has: that of the function by which it is handled."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...runtime.association.contract import LEDGER_TABLE_VARIABLE
from ..template.deployed_stack import DeployedStack
from ..template.intrinsic_functions import UnresolvedError
from ..template.stacks import Address, of_type
from .stack_graph import StackGraph

_FUNCTION = "AWS::Lambda::Function"


def ledger_of(stacks: StackGraph, address: Address, deployed: DeployedStack, logical_id: str) -> str:
    """Name of the ledger table of an association.

    The provider may be in the stack of the association, in one around it, or in another one that shares it.

    Args:
        stacks: the stacks of the account and Region.
        address: of the association's stack.
        deployed: the same as it is deployed.
        logical_id: of the association.

    Raises:
        UnresolvedError: it is not known.
    """
    function = _name(stacks.former_values(address, deployed).service_token(logical_id))
    for home in dict.fromkeys(_homes(stacks, address, deployed, logical_id)):
        found = stacks.deployed(home)
        if found and (table := _table(found, function)):
            return table
    raise UnresolvedError("no stack of the assembly is deployed that has it")


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
        table = variables.get(LEDGER_TABLE_VARIABLE)
        if isinstance(table, Mapping) and "Ref" in table:
            return str(table["Ref"])
        waiting += [_called(value) for value in variables.values()]
    return None


def _homes(stacks: StackGraph, address: Address, deployed: DeployedStack, logical_id: str) -> Iterator[Address]:
    """The stacks that may have the function, the likely ones first."""
    association = deployed.resource(logical_id) or {}
    match association.get("Properties", {}).get("ServiceToken"):
        case {"Fn::GetStackOutput": {"StackName": str() as name}}:
            yield Address(name)  # which may be none of the assembly's
    environment: Address | None = address
    while environment:
        yield environment
        environment = environment.outer
    for stack in stacks.artifacts:
        if any(LEDGER_TABLE_VARIABLE in _variables(one) for one in of_type(stack.template, _FUNCTION).values()):
            yield stack.address


def _table(stack: DeployedStack, function: str) -> str | None:
    """The ledger table behind the function with this name, if it is one of the stack's."""
    ids = (id_ for id_ in of_type(stack.template, _FUNCTION) if _name(stack.physical_ids.get(id_, "")) == function)
    table = table_behind(stack.template, next(ids, None))
    return stack.physical_ids.get(table) if table else None


def _variables(function: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = function.get("Properties", {}).get("Environment", {}).get("Variables", {})
    return found


def _called(value: Any) -> str | None:
    """Logical id of the function whose ARN this is."""
    match value:
        case {"Fn::GetAtt": [str() as logical_id, "Arn"]}:
            return logical_id
    return None


def _name(function: str) -> str:
    """Name of a function, of which some local AWS give the ARN."""
    return function.rpartition(":")[2]
