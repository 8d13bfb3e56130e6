"""A sweep that is started by hand: the message to the queue of the provider, and when it is over."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from ...runtime.association.aws.errors import error_kind_of
from ...runtime.association.contract import SWEEP, Message
from ...runtime.association.decide.outcome import ErrorKind
from ...runtime.association.drift.breaker import EnforcementState
from ...runtime.association.ledger.desired_states import DesiredState
from ...runtime.association.operation import FAILED, SUCCEEDED, Operation
from ...runtime.association.request.event import RequestType
from ..aws.partial_reader import AwsError, sentence
from ..model import CliError
from .enforced import Enforced
from .enforcement_status import DELETING, why_off

WAIT_SECONDS, POLL_SECONDS = 300.0, 3.0
"""How long the result of a sweep is waited for, and the time between two looks for it."""

NO_RIGHT = (
    "sqs:SendMessage is denied: name the role in `reconcilers` of the AssociationProvider, or in those of "
    "`instance_role_settings`, and deploy"
)
NO_SWEEP = "there was no sweep within 5 minutes: look into the log of the provider. The message is kept for a day"
UNFINISHED = (
    "the sweep has begun and is not finished: it waits for EC2 or for instances. Ask `instance-role status` later"
)
BEGUN = "a deployment has begun, and enforcement goes on once it has succeeded"
DELETED = "the association was deleted meanwhile"
TURNED_OFF = "the latest deployment has turned enforcement off"
OFF = "enforcement is off"
FAILED_MEANWHILE = f"{OFF}, correct the reason and deploy again"
_DENIED_BY_KEY = "kms:"


@dataclass
class Sweep:
    """A sweep of one association that was asked for."""

    association: Enforced
    resumes: bool
    sent_at: float
    """Seconds since the epoch, by the clock of SQS."""
    enforcement_state: EnforcementState = field(default_factory=EnforcementState)
    """What enforcement remembers by now."""
    problem: str = ""
    unread: str = ""
    """Why the latest look was in vain; empty if it was not."""

    @property
    def has_begun(self) -> bool:
        """Whether an observation that began after the message has gone through."""
        observed_at, before = self.enforcement_state.observed_at, self.association.enforcement_state.observed_at
        is_resumed = not self.resumes or all(
            one.since >= self.sent_at for one in self.enforcement_state.pauses.values()
        )
        return observed_at > before and observed_at >= self.sent_at and is_resumed

    @property
    def is_over(self) -> bool:
        return bool(self.problem) or (self.has_begun and not self.enforcement_state.is_unfinished)


def start(association: Enforced, *, resumes: bool, clock: Callable[[], float]) -> Sweep:
    """Start a sweep of an association.

    Args:
        association: one without a problem.
        resumes: whether changes go on that are paused.
        clock: seconds since the epoch, for an answer of SQS without a time.

    Raises:
        CliError: no message can be sent.
    """
    assert association.queue
    body: dict[str, Any] = {Message.KIND: SWEEP, Message.ASSOCIATION: association.ledger.association}
    if resumes:
        body[Message.RESUME] = True
    now = clock()
    try:
        answer = association.environment.aws.sqs.send_message(QueueUrl=association.queue, MessageBody=json.dumps(body))
    except AwsError as error:
        raise CliError(f"{association.name}: {_reason(error)}") from None
    return Sweep(association, resumes, _sent_at(answer, now))


def wait(
    sweeps: Sequence[Sweep], say: Callable[[str], None], *, clock: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    """Wait until sweeps are over, and note why those are not that last too long.

    Args:
        sweeps: those that were started.
        say: shows a line about what has happened.
        clock: seconds, of any clock.
        sleep: waits for so many seconds.
    """
    until = clock() + WAIT_SECONDS
    waiting = list(sweeps)
    while waiting and clock() < until:
        sleep(POLL_SECONDS)
        for sweep in waiting:
            _look(sweep, say)
        waiting = [sweep for sweep in waiting if not sweep.is_over]
    for sweep in waiting:
        sweep.problem = sweep.unread or (UNFINISHED if sweep.has_begun else NO_SWEEP)


def _look(sweep: Sweep, say: Callable[[str], None]) -> None:
    had_begun = sweep.has_begun
    try:
        _read(sweep)
    except CliError as error:  # whatever it is, the others are waited for
        sweep.problem = str(error)
    if sweep.is_over and not sweep.problem:
        say(f"{sweep.association.name}: the sweep is finished")
    elif sweep.has_begun and not had_begun:
        say(f"{sweep.association.name}: the sweep has begun, and waits for EC2 or for instances")


def _read(sweep: Sweep) -> None:
    """Read what enforcement remembers by now. A lost connection is left to the next look."""
    ledger, reader = sweep.association.ledger, sweep.association.environment.reader
    reader.reset()
    enforcement_state, operation = ledger.enforcement_state(), ledger.operation()
    state = ledger.desired_state_after(operation)
    sweep.unread = "; ".join(reader.unavailable)
    if reader.has_lost_connection:
        return
    sweep.enforcement_state, sweep.problem = enforcement_state, sweep.unread
    if not sweep.problem:
        sweep.problem = _why_ended(state, operation)


def _why_ended(state: DesiredState | None, operation: Operation | None) -> str:
    """Why enforcement has ended while its sweep was waited for; empty if it has not."""
    off = why_off(state, operation)
    if off is None:
        return ""
    if operation is None:  # the deletion of an association, and nothing else, leaves none
        return DELETED
    is_delete = operation.type is RequestType.DELETE
    if operation.ended == FAILED:
        return f"{OFF if is_delete else FAILED_MEANWHILE}: {off.reason}"
    if operation.ended != SUCCEEDED:
        return DELETING if is_delete else BEGUN
    return f"{OFF}: {off.reason}" if state else TURNED_OFF


def _sent_at(answer: Any, now: float) -> float:
    """When SQS has taken a message. The observation is dated by a clock of AWS, and this computer's may be off."""
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).timestamp() if date else now


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError) and error_kind_of(error) is ErrorKind.DENIED:
        by_key = _DENIED_BY_KEY in error.response["Error"].get("Message", "")
        return f"{NO_RIGHT}. The key of the queue has to allow it, too" if by_key else NO_RIGHT
    return f"no message can be sent: {sentence(error)}"
