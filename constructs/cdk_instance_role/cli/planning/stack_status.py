"""What the status of a deployed stack, and the names of what is there, mean for its next deployment, by CloudFormation
and the CDK CLI:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
"""

from collections.abc import Iterator

from ..live.environment import Environment
from ..live.stack_graph import StackGraph
from ..template.assembly import StackArtifact
from ..template.deployed_stack import DeployedStack
from ..template.expansions import may_make_associations
from ..template.stacks import Address

_CREATED_AGAIN = "ROLLBACK_FAILED"
_PAUSED = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})
"""Statuses that a deployment with ``--no-rollback`` leaves, and that only such a one goes on from."""
_ADVICE = {
    "DELETE_FAILED": "delete it again with `cdk destroy`",
    "UPDATE_ROLLBACK_FAILED": "continue its rollback with `cdk rollback`",
}
_WAIT = "wait until that is over"
_OTHERWISE = "correct that in CloudFormation"


class RefusedError(Exception):
    """CloudFormation will refuse the deployment; the message says why, and what to do."""


def check_status(stacks: StackGraph, address: Address) -> None:
    """Refuse a stack that CloudFormation does not update, or that is nested in one.

    Raises:
        RefusedError: that is so.
    """
    for stack in _around(stacks, address):
        if not (stack.status.endswith("_COMPLETE") or stack.status in {*_PAUSED, _CREATED_AGAIN}):
            advice = _WAIT if stack.status.endswith("_IN_PROGRESS") else _ADVICE.get(stack.status, _OTHERWISE)
            raise RefusedError(
                f"CloudFormation does not update stack {stack.name} while it is in {stack.status}: {advice}, then plan "
                "again"
            )


def check_names(environment: Environment, address: Address) -> None:
    """Refuse a stack that creates something with a name that something else has.

    Raises:
        RefusedError: that is so.
    """
    if conflicts := environment.name_conflicts.of(address):
        raise RefusedError("; ".join(conflicts))


def created_again(stacks: StackGraph, address: Address) -> str | None:
    """Why only the first half of a deployment is known, if the CDK CLI deletes the stack and creates it again."""
    for stack in _around(stacks, address):
        if stack.status == _CREATED_AGAIN:
            return (
                f"stack {stack.name} is in {stack.status}, so the CDK CLI deletes it first, and then creates it again: "
                "delete it with `cdk destroy`, then plan what is created"
            )
    return None


def unseen_associations(stacks: StackGraph, stack: StackArtifact, *, planned: bool) -> Iterator[str]:
    """What may make associations, in a stack and in those that are nested in it, in sentences.

    Args:
        stacks: the stacks of the account and Region.
        stack: the stack, as the assembly has it.
        planned: also those that are not deployed yet.
    """
    for one in stacks.family(stack):
        deployed = stacks.deployed(one.address)
        templates = (one.template if planned else {}, deployed.template if deployed else {})
        for name in dict.fromkeys(name for template in templates for name in may_make_associations(template)):
            yield f"stack {one.name}: what {name} makes is known to CloudFormation only, and can be associations"


def status_warnings(stacks: StackGraph, address: Address) -> Iterator[str]:
    """What people should know of the stack, and of those that it is nested in."""
    for stack in _around(stacks, address):
        if stack.status in _PAUSED:
            yield (
                f"stack {stack.name} is in {stack.status}: this is what a deployment with --no-rollback does; without "
                "that option, the CDK CLI rolls the stack back first"
            )


def _around(stacks: StackGraph, address: Address) -> Iterator[DeployedStack]:
    """A stack after those that it is nested in, as far as they are deployed."""
    if address.outer:
        yield from _around(stacks, address.outer)
    if deployed := stacks.deployed(address):
        yield deployed
