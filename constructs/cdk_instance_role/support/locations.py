"""Where constructs are, asked of Node.js once for all that are in the same scope."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_cdk import Stack


@dataclass(frozen=True)
class Location:
    """Where a construct is."""

    stack: Stack
    path: str
    """Path of the construct in the app."""

    @classmethod
    def of(cls, scope: Any, id: str) -> "Location":
        """The location of a child.

        Args:
            scope: the parent construct.
            id: id of the child.
        """
        # As the CDK does it: https://github.com/aws/constructs (`sanitizeId`)
        return cls(stack_of(scope), f"{path_of(scope)}/{id.replace('/', '--')}")


@cache  # jsii keeps every construct for as long as the process lives, so nothing is kept alive by this
def stack_of(scope: Any) -> Stack:
    """The stack of a construct."""
    return Stack.of(scope)


@cache  # as above
def path_of(construct: Any) -> str:
    path: str = construct.node.path
    return path
