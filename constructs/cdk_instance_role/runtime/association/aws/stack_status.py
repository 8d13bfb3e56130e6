"""What CloudFormation says of the stack of an association. Only reads."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from .errors import text_of

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

ROLLING_BACK = "UPDATE_ROLLBACK_IN_PROGRESS"
"""Status of a stack while CloudFormation rolls an update back: by itself, continued, or asked to."""


PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 3.0
"""How long a status that can't be read is read again, and how often."""

SECOND_LOOK_SECONDS = 5.0
"""A stack may show late that it rolls back: before an Update fails, the status is read again after this time."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """Whether a stack rolls an update back."""

    is_under_way: bool
    unreadable: str = ""
    """What could not be read, and what to do about it; empty if everything could."""


class Stacks:
    """Tells whether stacks roll back."""

    def __init__(self, connect: Callable[[], "CloudFormationClient"]) -> None:
        """
        Args:
            connect: makes the client, which only Updates need.
        """
        self._connect = connect

    def rollback(self, stack_id: str) -> Rollback:
        """Whether a stack, its parent or the root of its nested stacks rolls an update back.

        A child is rolled back with its parent, and what its own status is then is not documented.
        """
        waiting, seen, unreadable = [stack_id], set[str](), ""
        while waiting:
            one = waiting.pop(0)
            seen.add(one)
            try:
                stack = self._describe(one)
            except (ClientError, BotoCoreError) as error:
                unreadable = unreadable or self._sentence(one, error)
                continue
            if stack["StackStatus"] == ROLLING_BACK:
                return Rollback(is_under_way=True)
            waiting += {stack.get("ParentId", one), stack.get("RootId", one)} - seen - set(waiting)
        return Rollback(is_under_way=False, unreadable=unreadable)

    def _describe(self, stack_id: str) -> "StackTypeDef":
        return self._client.describe_stacks(StackName=stack_id)["Stacks"][0]

    def _sentence(self, stack_id: str, error: Exception) -> str:
        return (
            f"whether stack {stack_id} rolls back could not be read ({text_of(error)}): allow "
            f"cloudformation:DescribeStacks on it, and let the function reach {self._client.meta.endpoint_url}"
        )

    @cached_property
    def _client(self) -> "CloudFormationClient":
        return self._connect()


class StackStatus:
    """Reads for one event whether its stack rolls back, with a minute's patience."""

    def __init__(
        self, stacks: Stacks, stack_id: str, *, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        """
        Args:
            stacks: read.
            stack_id: ARN of the stack.
            clock: seconds since the epoch.
            sleep: waits for seconds.
        """
        self._stacks, self._stack_id, self._clock, self._sleep = stacks, stack_id, clock, sleep
        self._read_at = clock()
        """When the status was read last, here or in an earlier invocation, in seconds since the epoch."""
        self.unreadable = ""
        """What could not be read, and what to do about it; empty if everything could."""

    def rolls_back(self) -> bool:
        """Whether the stack rolls an update back."""
        began = self._clock()
        while True:
            read = self._stacks.rollback(self._stack_id)
            self._read_at, self.unreadable = self._clock(), read.unreadable
            if not read.unreadable or self._clock() - began >= PATIENCE_SECONDS:
                return read.is_under_way
            self._sleep(PAUSE_SECONDS)

    def rolls_back_after_all(self) -> bool:
        """The same, read some seconds after the last time."""
        self._sleep(max(0.0, self._read_at + SECOND_LOOK_SECONDS - self._clock()))
        return self.rolls_back()
