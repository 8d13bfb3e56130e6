"""The first phase: check an event, and begin its operation. Changes nothing in EC2."""

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ..aws.errors import is_unconnected, text_of
from ..aws.stack_status import StackStatus
from ..exceptions import AssociationError, SupersededError
from ..ledger.received_events import ClosedError
from ..ledger.shared_budget import Entry, budget_shortfall
from ..operation import FAILED, SUCCEEDED, Operation
from ..report import log, messages
from ..request.event import Request, RequestType
from ..services import Services
from .retry_window import RetryWindow
from .validation import Validation, validate

PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 3.0
"""How long the first phase tries again, and how often."""

PROPAGATION_SECONDS = 10.0
"""How long IAM may take to show an instance profile that the same deployment has created."""

RESERVED_SECONDS = 60.0
"""How long the shared budget counts an operation that has begun, until its second phase enters it."""
UNBEGUN_SECONDS = 8.0
"""How long it counts a Create that has not begun yet. Shorter than `PROPAGATION_SECONDS`: an operation that does not
fit beside one that was killed is tried again until that has run out."""

T = TypeVar("T")


def begin(request: Request, services: Services) -> None:
    """Look at everything that an event is about, and begin its operation.

    Raises:
        AssociationError: the event can't be carried out; the message names every reason.
        SupersededError: it is an old event that was delivered again.
        ClosedError: it is a Delete of an association of which nothing is left.
    """
    _Beginning(request, services).run()


class _Beginning:
    """The beginning of one operation."""

    def __init__(self, request: Request, services: Services) -> None:
        self._request, self._services, self._key = request, services, request.association
        self._clock = services.clock
        self._status = StackStatus(services.stacks, request.stack_id, clock=services.clock, sleep=services.sleep)
        self._begun: Operation | None = None
        """The operation of an Update or a Delete, once it has begun."""

    def run(self) -> None:
        found = self._settled(self._begin)
        if found.problems and self._rolls_back_after_all():
            found = self._settled(self._begin)
        if found.problems:
            unreadable = [self._status.unreadable] if self._status.unreadable else []
            raise AssociationError(messages.refusal(self._request, [*found.problems, *unreadable]))

    def _begin(self) -> Validation:
        """Validate the event, and begin the operation. A Create begins only if it is valid."""
        match self._request.type:
            case RequestType.CREATE:
                return self._begin_create()
            case RequestType.UPDATE:
                return self._begin_update()
            case RequestType.DELETE:
                return self._begin_delete()

    def _begin_create(self) -> Validation:
        # Begun only if it is not refused: no Delete follows a refused one, so nobody would clean up behind it. That it
        # has come expires by itself.
        known = self._services.ledger.operations.get(self._key)
        if known and known.request_id == self._request.id:
            return _of_ended(known) or Validation()
        self._services.ledger.operations.receive(self._request, self._clock())
        operation = Operation(self._clock(), type=RequestType.CREATE)
        found = self._validated(operation)
        refused = self._fitted(operation, found, UNBEGUN_SECONDS)
        if refused.problems:
            return refused
        try:
            begun = self._services.ledger.operations.begin(self._request, self._clock())
        except SupersededError:
            self._services.ledger.budget.leave(self._key, self._request.id)
            raise
        self._enter(begun, found, RESERVED_SECONDS)
        return refused

    def _begin_update(self) -> Validation:
        # Begun even if it is refused next: should CloudFormation then roll it back, that is known.
        operation = self._services.ledger.operations.begin(
            self._request, self._clock(), stack_rolls_back=self._status.rolls_back
        )
        self._begun = operation
        return _of_ended(operation) or self._fitted(operation, self._validated(operation), RESERVED_SECONDS)

    def _begin_delete(self) -> Validation:
        ledger = self._services.ledger
        ledger.operations.receive(self._request, self._clock())  # a cancelled Create that has not begun never begins
        if ledger.operations.get(self._key) is None and not ledger.records(self._key):
            raise ClosedError
        operation = ledger.operations.begin(self._request, self._clock())
        self._begun = operation
        return _of_ended(operation) or self._fitted(operation, self._validated(operation), RESERVED_SECONDS)

    def _validated(self, operation: Operation) -> Validation:
        found = validate(self._request, operation, self._services)
        log.write_steps(self._request, found.dropped)
        return found

    def _fitted(self, operation: Operation, found: Validation, seconds: float) -> Validation:
        """What was found, and whether the operation can share EC2's buckets with those that are open.

        Args:
            operation: the operation.
            found: its problems and calls.
            seconds: how long the calls are reserved.
        """
        if found.problems:
            return found
        shortfall = budget_shortfall(self._enter(operation, found, seconds), self._key, self._clock())
        if shortfall is None:
            return Validation()
        self._services.ledger.budget.leave(self._key, self._request.id)
        return Validation([messages.exceeds_shared_budget(*shortfall, self._request.timeout)], retryable=True)

    def _enter(self, operation: Operation, found: Validation, seconds: float) -> list[Entry]:
        """Reserve the calls of the operation for some seconds. Returns the entries of all that are open."""
        if not any(found.calls.values()):
            return []
        request, now = self._request, self._clock()
        ends_at = operation.ends_at(request.timeout) - found.waiting
        may_wait = request.type is not RequestType.DELETE and not operation.rolling_back
        entry = Entry(
            self._key, operation.started_at, ends_at, found.calls, may_wait, request.id, counts_until=now + seconds
        )
        return self._services.ledger.budget.enter(entry, now)

    def _rolls_back_after_all(self) -> bool:
        """Whether an Update that would be refused rolls another one back, as a second look at the stack shows."""
        begun = self._begun if self._request.type is RequestType.UPDATE else None
        if begun is None or begun.rolling_back or begun.ended:
            return False
        is_under_way = self._status.rolls_back_after_all()
        if is_under_way:
            self._begun = self._services.ledger.operations.roll_back(self._request)
        return is_under_way

    @property
    def _only_restores(self) -> bool:
        """A Delete or a rollback has begun. Nothing speaks against it, and its failure would block the stack."""
        deletes = self._request.type is RequestType.DELETE
        return self._begun is not None and (deletes or self._begun.rolling_back)

    @property
    def _may_be_refused(self) -> bool:
        """Whether a refusal leaves everything as it is. An Update has to have begun, so that its rollback is known."""
        return self._request.type is RequestType.CREATE or (self._begun is not None and not self._only_restores)

    def _settled(self, begin: Callable[[], Validation]) -> Validation:
        """What a beginning finds, once AWS answers, the handler's policy is in force, and IAM shows the profile."""
        began, patience = self._clock(), RetryWindow(self._clock)
        while True:
            try:
                found = begin()
                patience.passed()
                if not (found.problems and found.retryable) or self._clock() - began > PROPAGATION_SECONDS:
                    return found
            except (ClientError, BotoCoreError) as error:
                is_over = patience.is_over(error) or self._clock() - began > 2 * PATIENCE_SECONDS
                if is_over or (is_unconnected(error) and self._may_be_refused):
                    if self._only_restores or self._rolls_back_after_all():
                        log.write_operation(self._request, "can't be looked at now, goes on", error=text_of(error))
                        return Validation()  # the second phase looks again until the time is over
                    raise AssociationError(messages.unanswered(self._request, text_of(error))) from error
            self._services.sleep(PAUSE_SECONDS)


def _of_ended(operation: Operation) -> Validation | None:
    """What there is to say to an event that was delivered again after its operation has ended; None if it has not.

    Raises:
        AssociationError: the operation has failed.
    """
    if operation.ended == FAILED:
        raise AssociationError(operation.reason)
    return Validation() if operation.ended == SUCCEEDED else None
