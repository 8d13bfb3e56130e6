"""The handler behind the custom resource: one function, two phases.

The provider framework calls ``on_event`` once for every event of CloudFormation, and then ``is_complete`` until
it says so: https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.custom_resources/README.html
"""

import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import report
from .contract import LONGEST_INVOCATION_SECONDS
from .converge import Convergence
from .errors import is_final, meaning_of, text_of
from .failures import AssociationError, RequestError
from .operation import BusyError, ClosedError, Operation
from .request import Request, RequestType
from .services import Services
from .survey import Survey, survey

PHASE = "Phase"
"""Key that the first phase adds to the event, by which the second one is known."""

SLICE_SECONDS = 360.0
"""How long one invocation works before it leaves the rest to the next: long beside a look at thousands of instances,
and short beside the function's time-out."""

PATIENCE_SECONDS, PAUSE_SECONDS = 60.0, 3.0
"""How long the first phase tries again, and how often."""

PROPAGATION_SECONDS = 10.0
"""How long IAM may take to show an instance profile that the same deployment has created."""

logging.getLogger(__package__).setLevel(logging.INFO)


def on_event(event: dict[str, Any], services: Services) -> dict[str, Any]:
    """Check an event and begin its operation. Changes nothing in EC2.

    Raises:
        AssociationError: the event can't be carried out; the message names every reason.
    """
    request = _parsed(event, services)
    found = _patiently(services, request, lambda: _look(request, services))
    if found.problems:
        raise AssociationError(report.refusal(request, found.problems))
    report.log_operation(request, "begun")
    return {"PhysicalResourceId": request.physical_id or _physical_id(request), PHASE: "converge"}


def is_complete(event: dict[str, Any], services: Services, owner: str) -> dict[str, Any]:
    """Bring the instances nearer to what the event wants, and say whether they are there.

    Raises:
        AssociationError: the operation has failed.
    """
    request, now = Request.from_event(event), services.clock()
    held = None
    try:
        with services.ledger.hold(request, owner, now, now + LONGEST_INVOCATION_SECONDS) as held:
            attributes = Convergence(services, request, held, now + SLICE_SECONDS).run()
    except BusyError:
        attributes = None
    except ClosedError:  # an invocation that was cut off before it could say so has finished the job
        if request.type is not RequestType.DELETE:
            raise AssociationError("the operation has failed, and everything is given back") from None
        attributes = {}
    except (ClientError, BotoCoreError) as error:
        operation, now = held.operation if held else Operation(now), services.clock()
        if is_final(meaning_of(error), now - operation.started_at) or now > operation.ends_at(request.timeout):
            raise AssociationError(report.unanswered(request, text_of(error), operation.failure)) from error
        # Nothing is lost: the next invocation starts from what it finds.
        report.log_operation(request, "AWS did not answer, to be continued", error=text_of(error))
        attributes = None
    if attributes is None:
        return {"IsComplete": False}
    return {"IsComplete": True, "Data": attributes}


def _look(request: Request, services: Services) -> Survey:
    """Look, and begin the operation."""
    if request.type is RequestType.CREATE:
        # Begun only if it is not refused: no Delete follows a refused one, so nobody would clean up behind it.
        found = survey(request, Operation(services.clock()), services)
        if not found.problems:
            services.ledger.begin(request, services.clock())
        return found
    # Begun even if it is refused next: should CloudFormation then go back, that is known to be the way back.
    return survey(request, services.ledger.begin(request, services.clock()), services)


def _parsed(event: dict[str, Any], services: Services) -> Request:
    try:
        return Request.from_event(event)
    except RequestError:
        request = Request.envelope(event)
        if request.type is RequestType.UPDATE:  # CloudFormation will go back from it
            with suppress(ClientError, BotoCoreError):  # but what is wrong with the event matters more
                services.ledger.begin(request, services.clock())
        raise


def _patiently(services: Services, request: Request, look: Callable[[], Survey]) -> Survey:
    """Look again while AWS does not answer, the handler's own policy may not be in force yet, or IAM may not show
    the profile yet."""
    began = services.clock()
    while True:
        try:
            found = look()
            if not found.may_pass or services.clock() - began > PROPAGATION_SECONDS:
                return found
        except (ClientError, BotoCoreError) as error:
            age = services.clock() - began
            if is_final(meaning_of(error), age) or age > PATIENCE_SECONDS:
                raise AssociationError(report.unanswered(request, text_of(error))) from error
        services.sleep(PAUSE_SECONDS)


def _physical_id(request: Request) -> str:
    """Stable for the life of the association, and the same should a Create be delivered twice."""
    digest = hashlib.sha256(request.association.encode()).hexdigest()
    return f"{request.logical_id}-{digest[:12]}"
