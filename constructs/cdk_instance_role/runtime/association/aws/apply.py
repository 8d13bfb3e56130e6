"""Writes to EC2, and nothing else: carries steps out, and says of each what came of it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ..decide.error_kind import ErrorKind
from ..decide.outcome import Outcome
from ..decide.step import Action, Step, first_call
from .errors import error_kind_of, text_of
from .rate_limiter import RateLimiter

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

MAX_CONCURRENCY = 30
"""EC2 answers a change in up to a second and allows five a second, but up to a hundred at first."""


def apply(
    steps: Sequence[Step],
    ec2: "EC2Client",
    rate_limiter: RateLimiter,
    *,
    until: float,
    may_call: Callable[[], bool] = lambda: True,
) -> list[Outcome]:
    """Carry out as many of the steps, in their order, as can begin before ``until``.

    Args:
        steps: steps that change something.
        ec2: client.
        rate_limiter: hands out the right to call.
        until: seconds since the epoch.
        may_call: whether a call may begin at this moment. Default: always.

    Returns:
        The outcomes of the steps that were begun. The others are still to be done.
    """
    executor = _StepExecutor(ec2, rate_limiter, may_call)
    with ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="apply") as pool:
        begun = []
        for step in steps:
            if not rate_limiter.acquire(first_call(step), until=until) or not may_call():
                break
            begun.append(pool.submit(executor.carry_out, step))
        return [future.result() for future in begun]


class _StepExecutor:
    """Carries out one step. The right to make its first call has been taken already."""

    def __init__(self, ec2: "EC2Client", rate_limiter: RateLimiter, may_call: Callable[[], bool]) -> None:
        self._ec2, self._rate_limiter, self._may_call = ec2, rate_limiter, may_call

    def carry_out(self, step: Step) -> Outcome:
        match step.action:
            case Action.ASSOCIATE:
                return self._associate(step)
            case Action.REPLACE:
                return self._tried(step, first_call(step), lambda: self._replace(step))
            case Action.DISASSOCIATE:
                return self._tried(step, first_call(step), lambda: self._disassociate(step))
            case Action.SWAP:
                return self._swap(step)
            case _:
                raise ValueError(f"{step.action} changes nothing")

    def _swap(self, step: Step) -> Outcome:
        taken_off = self._tried(step, first_call(step), lambda: self._disassociate(step))
        if not taken_off.accepted:
            return taken_off
        self._rate_limiter.acquire("AssociateIamInstanceProfile")
        return self._associate(step)

    def _associate(self, step: Step) -> Outcome:
        """Associate; if that fails in the second half of a swap, restore the old profile."""
        assert step.after is not None
        after = step.after
        outcome = self._tried(step, "AssociateIamInstanceProfile", lambda: self._put(step.instance_id, after))
        # Another association there means that the instance is not bare: it only has to be looked at again.
        if outcome.accepted or outcome.error_kind is ErrorKind.CHANGED or step.fallback is None:
            return outcome
        fallback = step.fallback
        self._rate_limiter.acquire("AssociateIamInstanceProfile")
        # Should this fail too, the ledger still says what was disassociated, and the next plan tries that first of all.
        back = self._tried(step, "AssociateIamInstanceProfile", lambda: self._put(step.instance_id, fallback))
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

    def _tried(self, step: Step, action: str, call: Callable[[], None]) -> Outcome:
        if not self._may_call():
            return Outcome(step, ErrorKind.UNREACHABLE, "the lease of the association has run out")
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            error_kind = error_kind_of(error)
            if error_kind is ErrorKind.THROTTLED:
                self._rate_limiter.was_throttled(action)
            return Outcome(step, error_kind, text_of(error))
        return Outcome(step)
