"""Log lines: one for each step of an instance, and one for each event of an operation."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from ..decide.outcome import Outcome
from ..decide.step import Step
from ..request.event import Request

_log = logging.getLogger(__name__)


def write_steps(request: Request, steps: Iterable[Step]) -> None:
    """One line for every step that changes nothing."""
    for step in steps:
        _write(request, logging.WARNING if step.warning else logging.INFO, step.reason, step)


def write_outcomes(request: Request, outcomes: Iterable[Outcome]) -> None:
    """One line for every step that EC2 was asked for."""
    for outcome in outcomes:
        is_fine = outcome.accepted and not outcome.step.warning
        level = logging.INFO if is_fine else logging.WARNING
        _write(request, level, outcome.step.reason, outcome.step, error=outcome.detail or None)


def write_failed(request: Request, sentences: Mapping[str, str]) -> None:
    """One line for every instance that has failed although the operation as a whole has not."""
    for instance_id, sentence in sentences.items():
        extra = {"association": request.logical_id, "instance": instance_id}
        _log.warning("not as wanted: %s", sentence, extra=extra)


def write_operation(request: Request, message: str, **fields: Any) -> None:
    """A line about the operation as a whole."""
    whose = {"association": request.logical_id, "request": request.type.value, "request_id": request.id}
    _log.info(message, extra={**whose, **fields})


def write_enforcement(request: Request, message: str, **fields: Any) -> None:
    """A line about what enforcement puts off. Of the event that it goes back to, only the id is known."""
    _log.info(message, extra={"association": request.logical_id, "request_id": request.id, **fields})


def write_error(request: Request, error: Exception) -> None:
    """An error that nobody has expected, with where it comes from."""
    _log.error("enforcement has failed: %s", error, exc_info=error, extra={"association": request.logical_id})


def write_problem(message: str, **fields: Any) -> None:
    """A warning about something that belongs to no operation."""
    _log.warning(message, extra=fields)


def _write(request: Request, level: int, reason: str, step: Step, error: str | None = None) -> None:
    fields = {
        "association": request.logical_id,
        "instance": step.instance_id,
        "action": step.action.value,
        "before": step.before,
        "after": step.after,
        "error": error,
    }
    _log.log(level, "%s: %s", step.instance_id, reason, extra=fields)
