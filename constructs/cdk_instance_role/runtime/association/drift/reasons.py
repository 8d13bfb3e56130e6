"""Why an instance counts as drifted, in words that people read in the status and in events. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from ..arn import name_of
from ..decide.record import Record
from ..decide.step import Action, Step
from ..words import counted
from .finding import OF_THE_PROFILE, Drift
from .history import has_given

ADVICE = "enforcement that repairs changes it, and so does a deployment that changes a property of the association"

ADVICE_TO_CORRECT = "correct that; enforcement goes on by itself then"
ADVICE_TO_RENEW = "deploy a change of a property of the association, which gives these targets the new profile"


def missing(step: Step, record: Record) -> tuple[Step, Drift]:
    """The drift of a target that carries no profile, and why."""
    if has_given(record):
        why = "somebody has disassociated it"
    elif record.mine:
        why = "no attempt to give it one has succeeded yet"
    else:
        why = "it was launched or tagged after the deployment"
    return replace(step, reason=f"carries no instance profile: {why}", advice=ADVICE), Drift.MISSING


def replaceable(step: Step) -> tuple[Step, Drift]:
    """The drift of a target that carries a profile which may be replaced, and why."""
    reason = f"carries instance profile {name_of(step.before or '')}, which `replaces` lists"
    return replace(step, reason=reason, advice=ADVICE), Drift.REPLACEABLE


def owner_not_enforced(step: Step, owner: str) -> tuple[Step, Drift]:
    """The drift of a target that belongs to another association, which is not enforced.

    Args:
        step: what a deployment would do about it.
        owner: key of the other association.
    """
    stack, _, logical_id = owner.partition("|")
    whose = f"{logical_id} of stack {stack.split('/')[1] if '/' in stack else stack}"
    what = f"carries instance profile {name_of(step.before)}" if step.before else "carries no instance profile"
    reason = f"{what}, and belongs to association {whose}, which is not enforced now"
    advice = "deploy that association again, or take the instance out of one of the two selections"
    return replace(step, reason=reason, advice=advice), Drift.REPLACEABLE if step.before else Drift.MISSING


def inside(profile: str, problems: Sequence[str], stale: Sequence[Step]) -> tuple[Step, Drift]:
    """The drift of the instance profile itself, and why.

    Args:
        profile: its ARN.
        problems: why EC2 can't deliver its role, in sentences.
        stale: targets that carry a deleted profile of its name.
    """
    reasons, advice = [*problems], [ADVICE_TO_CORRECT] if problems else []
    if stale:
        reasons.append(f"{counted(len(stale), 'target')}, such as {stale[0].instance_id}: {stale[0].reason}")
        advice.append(ADVICE_TO_RENEW)
    step = Step(OF_THE_PROFILE, Action.KEEP, "; ".join(reasons), after=profile, advice="; ".join(advice))
    return step, Drift.INSIDE
