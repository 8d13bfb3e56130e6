"""Writes to EC2: carries steps out, and says of each what came of it."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ..decide.model import InstanceState
from ..decide.outcome import ErrorKind, Outcome
from ..decide.step import Action, Step, actions_of
from .errors import error_kind_of, text_of
from .instances import look_up
from .rate_limiter import RateLimiter

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

ASSOCIATE = "AssociateIamInstanceProfile"

MAX_STATE_SECONDS = 5.0
"""How long an instance counts as stopped once it was seen so."""

MAX_CONCURRENCY = 30
"""EC2 answers a change in up to a second and allows five a second, but up to a hundred at first."""


def apply(
    steps: Sequence[Step],
    ec2: "EC2Client",
    rate_limiter: RateLimiter,
    *,
    until: float,
    seen_at: float,
    may_call: Callable[[], bool] = lambda: True,
) -> list[Outcome]:
    """Carry out as many of the steps, in their order, as can begin before ``until``.

    Args:
        steps: steps that change something.
        ec2: client.
        rate_limiter: hands out the right to call.
        until: seconds since the epoch.
        seen_at: when the instances were observed, in seconds since the epoch.
        may_call: whether a call may begin at this moment. Default: always.

    Returns:
        The outcomes of the steps that were begun. The others are still to be done.
    """
    executor = _StepExecutor(ec2, rate_limiter, may_call)
    stopped = _StoppedInstances(steps, ec2, rate_limiter, seen_at)
    with ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="apply") as pool:
        begun = []
        for step in steps:
            # All calls of a step at once: between the two halves of a swap, the instance has no profile.
            is_in_time = all(rate_limiter.acquire(action, until=until) for action in actions_of(step))
            if not is_in_time or not may_call():
                break
            begun.append(pool.submit(executor.carry_out, step, stopped.refusal(step)))
        return [future.result() for future in begun]


class _StoppedInstances:
    """The instances of swaps: one that has been started since it was observed would run without a profile."""

    def __init__(self, steps: Iterable[Step], ec2: "EC2Client", rate_limiter: RateLimiter, seen_at: float) -> None:
        self._ec2, self._rate_limiter, self._seen_at = ec2, rate_limiter, seen_at
        self._ids = {step.instance_id for step in steps if step.action is Action.SWAP and not step.renews}
        self._stopped = self._ids

    def refusal(self, step: Step) -> Outcome | None:
        """Why a step may not begin; None if it may."""
        if step.instance_id not in self._ids:
            return None
        try:
            if self._rate_limiter.clock() - self._seen_at > MAX_STATE_SECONDS:
                self._look()
        except (ClientError, BotoCoreError) as error:
            return Outcome(step, error_kind_of(error), text_of(error))
        if step.instance_id in self._stopped:
            return None
        return Outcome(step, ErrorKind.CHANGED, "the instance is not stopped any more")

    def _look(self) -> None:
        seen_at = self._rate_limiter.clock()
        found, _ = look_up(self._ec2, self._ids, self._rate_limiter)
        self._stopped = {one.id for one in found if one.state is InstanceState.STOPPED}
        self._seen_at = seen_at


class _StepExecutor:
    """Carries out one step. The right to make its calls has been taken already."""

    def __init__(self, ec2: "EC2Client", rate_limiter: RateLimiter, may_call: Callable[[], bool]) -> None:
        self._ec2, self._rate_limiter, self._may_call = ec2, rate_limiter, may_call

    def carry_out(self, step: Step, refusal: Outcome | None = None) -> Outcome:
        if refusal:
            return refusal
        match step.action:
            case Action.ASSOCIATE:
                return self._associate(step)
            case Action.REPLACE:
                return self._tried(step, lambda: self._replace(step))
            case Action.DISASSOCIATE:
                return self._tried(step, lambda: self._disassociate(step))
            case Action.SWAP:
                return self._swap(step)
            case _:
                raise ValueError(f"{step.action} changes nothing")

    def _swap(self, step: Step) -> Outcome:
        disassociated = self._tried(step, lambda: self._disassociate(step))
        return replace(self._associate(step), disassociated=True) if disassociated.accepted else disassociated

    def _associate(self, step: Step) -> Outcome:
        """Associate; if that fails in the second half of a swap, restore the old profile."""
        assert step.after is not None
        after = step.after
        outcome = self._tried(step, lambda: self._put(step.instance_id, after), ASSOCIATE)
        # Another association there means that the instance is not bare: it only has to be looked at again.
        if outcome.accepted or outcome.error_kind is ErrorKind.CHANGED or step.fallback is None:
            return outcome
        fallback = step.fallback
        self._rate_limiter.acquire(ASSOCIATE)
        # Should this fail too, the ledger still says what was disassociated, and the next plan tries that first of all.
        back = self._tried(step, lambda: self._put(step.instance_id, fallback), ASSOCIATE)
        return replace(outcome, reverted=back.accepted)

    def _put(self, instance_id: str, arn: str) -> None:
        # Name and Arn together would let the Arn win silently, so exactly one of them is sent.
        self._ec2.associate_iam_instance_profile(InstanceId=instance_id, IamInstanceProfile={"Arn": arn})

    def _replace(self, step: Step) -> None:
        assert step.association_id is not None
        assert step.after is not None
        self._ec2.replace_iam_instance_profile_association(
            AssociationId=step.association_id, IamInstanceProfile={"Arn": step.after}
        )

    def _disassociate(self, step: Step) -> None:
        assert step.association_id is not None
        self._ec2.disassociate_iam_instance_profile(AssociationId=step.association_id)

    def _tried(self, step: Step, call: Callable[[], None], action: str | None = None) -> Outcome:
        """What came of a call: of the first one of a step, unless an action is named."""
        if not self._may_call():
            return Outcome(step, ErrorKind.UNREACHABLE, "the lease of the association has run out")
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            error_kind = error_kind_of(error)
            if error_kind is ErrorKind.THROTTLED:
                self._rate_limiter.was_throttled(action or actions_of(step)[0])
            return Outcome(step, error_kind, text_of(error))
        return Outcome(step)
