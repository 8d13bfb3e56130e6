"""CloudFormation's API on the model, as far as a custom resource asks: the status of a stack."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tests.simulator.errors import AwsError

DESCRIBE_STACKS = "DescribeStacks"
_LONG_AGO = "2026-01-01T00:00:00Z"


class Status(StrEnum):
    """Statuses of a stack. https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html"""

    CREATING, CREATED = "CREATE_IN_PROGRESS", "CREATE_COMPLETE"
    CREATE_FAILED = "CREATE_FAILED"
    CREATE_ROLLING_BACK, CREATE_ROLLED_BACK = "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"
    CREATE_ROLLBACK_FAILED = "ROLLBACK_FAILED"
    UPDATING, UPDATED = "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"
    UPDATE_CLEANING_UP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    UPDATE_FAILED = "UPDATE_FAILED"
    ROLLING_BACK, ROLLED_BACK = "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"
    ROLLBACK_CLEANING_UP = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"
    ROLLBACK_FAILED = "UPDATE_ROLLBACK_FAILED"
    DELETING, DELETED = "DELETE_IN_PROGRESS", "DELETE_COMPLETE"
    DELETE_FAILED = "DELETE_FAILED"


@dataclass
class Stack:
    """A stack, as an operation on it sees it."""

    status: str
    """For example ``UPDATE_IN_PROGRESS``."""
    parent: str | None = None
    """Id of the stack that a nested one is a resource of."""
    root: str | None = None
    """Id of the outermost one."""


class CloudFormation:
    """What CloudFormation answers."""

    def __init__(self) -> None:
        self.stacks: dict[str, Stack] = {}
        """By id, which is an ARN."""

    def describe_stacks(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        """A stack by its id, or by its name."""
        asked = parameters["StackName"]
        id_ = self._id(asked)
        if id_ is None:
            raise AwsError("ValidationError", f"Stack with id {asked} does not exist")
        return {"Stacks": [_described(id_, self.stacks[id_])]}

    def resource(self, parameters: Mapping[str, Any]) -> str:
        """What a caller needs the right to: the ARN of the stack. One that does not exist has any name and id."""
        asked: str = parameters["StackName"]
        unknown = asked if asked.startswith("arn:") else f"arn:aws:cloudformation:*:*:stack/{asked}/*"
        return self._id(asked) or unknown

    def _id(self, asked: str) -> str | None:
        """A stack that was deleted has an id and no name."""
        named = {_name(id_): id_ for id_, stack in self.stacks.items() if stack.status != "DELETE_COMPLETE"}
        return asked if asked in self.stacks else named.get(asked)


def _name(id_: str) -> str:
    return id_.split("/")[1]


def _described(id_: str, stack: Stack) -> Mapping[str, Any]:
    return {
        "StackId": id_,
        "StackName": _name(id_),
        "CreationTime": _LONG_AGO,
        "StackStatus": stack.status,
        "ParentId": stack.parent,
        "RootId": stack.root,
    }
