"""The alarms of CloudWatch that a rollout watches. Only reads."""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ..batch import chunks
from ..decide.outcome import ErrorKind
from ..words import counted
from .errors import error_kind_of
from .paged_reads import pages
from .rate_limiter import RateLimiter

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import AlarmTypeType

NAMES_PER_CALL = 100
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""

IN_ALARM = "ALARM"


class Alarms:
    """Tells which alarms stop the rollout."""

    def __init__(self, connect: Callable[[], "CloudWatchClient"], rate_limiter: RateLimiter | None = None) -> None:
        """
        Args:
            connect: makes the client, which most associations don't need.
            rate_limiter: lets time pass before a further attempt. Default: in real time.
        """
        self._connect, self._rate_limiter = connect, rate_limiter or RateLimiter()

    def problems(self, names: Collection[str]) -> list[str]:
        """What is wrong with these alarms, in sentences; nothing if all are there and OK.

        An alarm without enough data counts as OK: the rollout may be what its data come from.

        Raises:
            ClientError, BotoCoreError: CloudWatch does not answer, and no alarm is known to be in ALARM. A denial names
                the alarms that are no metric alarms.
        """
        metric = self._states_of("MetricAlarm", names)
        others = [name for name in names if name not in metric]
        in_alarm = [_sentence(name, exists=True) for name in names if metric.get(name) == IN_ALARM]
        try:
            composite = self._composite(others)
        except (ClientError, BotoCoreError):
            if in_alarm:  # that is certain, whatever the others are
                return in_alarm
            raise
        states = metric | composite
        wrong = [name for name in names if states.get(name, IN_ALARM) == IN_ALARM]
        return [_sentence(name, exists=name in states) for name in wrong]

    def _composite(self, names: Sequence[str]) -> dict[str, str]:
        """The states of composite alarms: of those of these names that are no metric alarms."""
        try:
            return self._states_of("CompositeAlarm", names)
        except ClientError as error:
            # A caller with the right to certain alarms only is always denied, and any caller while its policy is not in
            # force yet. So whether these alarms exist is not known, and only a denial that lasts is believed.
            if error_kind_of(error) is ErrorKind.DENIED:
                raise _denial(error, names) from error
            raise

    def _states_of(self, kind: "AlarmTypeType", names: Collection[str]) -> dict[str, str]:
        states: dict[str, str] = {}
        for chunk in chunks(names, NAMES_PER_CALL):
            call = self._client.describe_alarms
            for page in pages(call, "DescribeAlarms", self._rate_limiter, AlarmNames=chunk, AlarmTypes=[kind]):
                for alarm in (*page.get("MetricAlarms", ()), *page.get("CompositeAlarms", ())):
                    states[alarm["AlarmName"]] = alarm["StateValue"]
        return states

    @cached_property
    def _client(self) -> "CloudWatchClient":
        return self._connect()


def _denial(error: ClientError, names: Sequence[str]) -> ClientError:
    """A denial of the right to look at composite alarms, which says first what may be wrong with these alarms."""
    answer, others = error.response["Error"], f", like {counted(len(names) - 1, 'other')}" if len(names) > 1 else ""
    sentence = (
        f"alarm {names[0]} does not exist as a metric alarm{others}: create what is missing, take it out of the "
        "rollout's alarms, or allow cloudwatch:DescribeAlarms on * if it is a composite alarm"
    )
    told = f"{sentence} ({answer.get('Message', '')})"
    return ClientError({**error.response, "Error": {**answer, "Message": told}}, error.operation_name)


def _sentence(name: str, *, exists: bool) -> str:
    if exists:
        return f"alarm {name} is in ALARM: find out why, or take it out of the rollout's alarms"
    return f"alarm {name} does not exist: create it, or take it out of the rollout's alarms"
