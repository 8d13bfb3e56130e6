"""The handler behind the custom resource: one function, two phases.

The provider framework calls ``on_event`` once for every event of CloudFormation, and then ``is_complete`` until
it says so: https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.custom_resources/README.html
"""

import logging
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .aws.errors import error_kind_of, text_of
from .aws.stack_status import StackStatus
from .converge.begin import PAUSE_SECONDS, begin
from .converge.loop import Convergence
from .converge.retry_window import RetryWindow
from .exceptions import AssociationError, RequestError, SupersededError
from .ledger.lease import BusyError, EndedError, Lease
from .ledger.received_events import ClosedError
from .operation import FAILED, Operation
from .report import log, messages
from .request.event import Request, RequestType
from .services import Services

PHASE = "Phase"
"""Key that the first phase adds to the event, by which the second one is known."""

CONVERGE, OVER = "converge", "over"
"""What is to be done in the second phase: the work, or nothing any more."""

SLICE_SECONDS = 360.0
"""How long one invocation works before it leaves the rest to the next: long beside a look at thousands of instances,
and short beside the function's time-out."""

logging.getLogger(__package__).setLevel(logging.INFO)


def on_event(event: dict[str, Any], services: Services) -> dict[str, Any]:
    """Check an event and begin its operation. Changes nothing in EC2.

    Raises:
        AssociationError: the event can't be carried out; the message names every reason.
    """
    request, phase = _parse_or_record_failure(event, services), CONVERGE
    try:
        begin(request, services)
    except ClosedError:
        phase = OVER
        log.write_operation(request, "nothing is left to be done for this Delete")
    except AssociationError as error:
        if request.type is not RequestType.CREATE:  # of a refused Create nothing is written
            _end_in_failure(request, services, error)
        raise
    else:
        log.write_operation(request, "begun")
    return {"PhysicalResourceId": request.physical_id or request.generated_physical_id, PHASE: phase}


def is_complete(event: dict[str, Any], services: Services, owner: str) -> dict[str, Any]:
    """Bring the instances nearer to what the event wants, and say whether they are there.

    Raises:
        AssociationError: the operation has failed.
    """
    if event[PHASE] == OVER:
        return {"IsComplete": True, "Data": {}}
    request = Request.from_event(event)
    try:
        attributes = _SecondPhase(request, services, owner).run()
    except AssociationError as error:
        with suppress(ClientError, BotoCoreError):  # what has failed before matters more
            services.ledger.budget.leave(request.association, request.id)
        _end_in_failure(request, services, error)
        raise
    return {"IsComplete": False} if attributes is None else {"IsComplete": True, "Data": attributes}


def on_queue(event: dict[str, Any], services: Services, owner: str) -> dict[str, Any]:
    """Look at the associations that messages of enforcement are about, and repair what has drifted.

    A message only says where to look. Whatever happens is decided from what is observed then.

    Returns:
        The messages that come again, as Lambda expects it.
    """
    from .enforce.invocation import Invocation, read  # a fifth of a cold start, and of no use to deployments

    hints = read(event["Records"])
    again = Invocation(hints, services, owner).run() if hints else []
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in again]}


class _SecondPhase:
    """One invocation of the second phase."""

    def __init__(self, request: Request, services: Services, owner: str) -> None:
        self._request, self._services, self._owner = request, services, owner
        self._until = services.clock() + SLICE_SECONDS
        self._status = StackStatus(services.stacks, request.stack_id, clock=services.clock, sleep=services.sleep)
        self._rolls_back = False
        """The Update is known to roll another one back, although that was not known when it began."""
        self._lease: Lease | None = None
        self._failure: str | None = None
        """Why a Create is given up, which restores its instances before it reports that."""

    def run(self) -> dict[str, str] | None:
        """The attributes of the resource, or None if there is more to do.

        Raises:
            AssociationError: the operation has failed.
        """
        patience = RetryWindow(self._services.clock)
        while True:
            try:
                return self._converge(patience)
            except BusyError:
                return None
            except EndedError as ended:
                return _result_of(ended.operation)
            except ClosedError:  # an invocation that was cut off before it could say so has finished the job
                return self._closed()
            except SupersededError:
                raise
            except AssociationError as error:
                self._raise_unless_rolling_back(error)
            except (ClientError, BotoCoreError) as error:
                # Nothing is lost: the next try starts from what it finds.
                log.write_operation(self._request, "AWS did not answer, to be continued", error=text_of(error))
                if patience.is_over(error) or self._is_late():
                    self._give_up(error)
                    patience = RetryWindow(self._services.clock)
                elif not error_kind_of(error).is_specific or self._services.clock() + PAUSE_SECONDS > self._until:
                    return None
            self._services.sleep(PAUSE_SECONDS)

    def _converge(self, patience: RetryWindow) -> dict[str, str] | None:
        with self._services.ledger.lease(self._request, self._owner, self._services.timing) as lease:
            self._lease = lease
            if self._failure and lease.operation.failure is None:
                lease.fail(self._failure)
            if self._rolls_back and not lease.operation.rolling_back:
                lease.roll_back()
            return Convergence(self._services, self._request, lease, patience, self._until).run()

    def _give_up(self, error: Exception) -> None:
        """What has failed can't go on. A Create goes on once more: with undoing what it has done so far.

        Raises:
            AssociationError: the operation has failed.
        """
        message, lease = self._unanswered(error), self._lease
        restores = self._request.type is RequestType.CREATE and lease and not (self._failure or lease.operation.failure)
        if not restores:
            self._raise_unless_rolling_back(AssociationError(message))
            return
        log.write_operation(self._request, "undoing what has been done so far", reason=message)
        self._failure = message

    def _raise_unless_rolling_back(self, error: AssociationError) -> None:
        """Fail, unless it is an Update that rolls another one back: its stack may have shown that too late. Another
        Update that fails while its stack rolls back was cancelled, and its own rollback is about to come.

        Raises:
            AssociationError: the operation has failed.
        """
        operation = self._lease.operation if self._lease else None
        if self._request.type is not RequestType.UPDATE or operation is None or operation.rolling_back:
            raise error
        if not operation.returns or self._rolls_back or not self._status.rolls_back_after_all():
            unreadable = self._status.unreadable
            raise AssociationError(messages.failed_unread(str(error), unreadable)) if unreadable else error
        log.write_operation(self._request, "the stack rolls back, goes on as a rollback", reason=str(error))
        self._rolls_back = True

    def _closed(self) -> dict[str, str]:
        if self._request.type is RequestType.DELETE:
            return {}
        raise AssociationError("the operation has failed, and everything is restored")

    def _is_late(self) -> bool:
        operation = self._lease.operation if self._lease else Operation(self._services.clock())
        return operation.exceeded(self._services.clock(), self._request.timeout) is not None

    def _unanswered(self, error: Exception) -> str:
        failure = self._lease.operation.failure if self._lease else None
        return messages.unanswered(self._request, text_of(error), failure)


def _result_of(operation: Operation) -> dict[str, str]:
    """What an operation has come to that has ended before this invocation.

    Raises:
        AssociationError: it has failed.
    """
    if operation.ended == FAILED:
        raise AssociationError(operation.reason)
    return dict(operation.result)


def _parse_or_record_failure(event: dict[str, Any], services: Services) -> Request:
    """The request. If an Update is malformed, the ledger records that it has failed, so that its rollback is known.

    Raises:
        RequestError: the event is malformed.
    """
    try:
        return Request.from_event(event)
    except RequestError as error:
        request = Request.envelope(event)
        if request.type is RequestType.UPDATE:  # CloudFormation will roll it back
            with suppress(ClientError, BotoCoreError):  # but what is wrong with the event matters more
                services.ledger.operations.begin(request, services.clock())
                _end_in_failure(request, services, error)
        raise


def _end_in_failure(request: Request, services: Services, error: AssociationError) -> None:
    """Remember that an operation has failed, so that its event may come again, and that it may be rolled back."""
    if isinstance(error, SupersededError):
        return
    with suppress(ClientError, BotoCoreError):  # what has failed before matters more
        services.ledger.operations.end_in_failure(request, str(error))
