"""A plan and its steps: what has to be done about each instance, and why."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class Action(StrEnum):
    ASSOCIATE = "associate"
    REPLACE = "replace"
    SWAP = "swap"
    """Disassociate and associate: EC2 refuses to replace the profile of a stopped instance."""
    DISASSOCIATE = "disassociate"
    KEEP = "keep"
    WAIT = "wait"
    CONFLICT = "conflict"
    """The target carries a profile that may not be replaced."""
    REJECT = "reject"
    """The target can't be acted on at all."""
    FORGET = "forget"
    """Nothing (more) to restore: the association has nothing to do with the instance any more."""


CHANGES = frozenset({Action.ASSOCIATE, Action.REPLACE, Action.SWAP, Action.DISASSOCIATE})
PROBLEMS = frozenset({Action.CONFLICT, Action.REJECT})
NO_ROLE = ""
"""In the place of a role's ARN: the profile held none."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What an instance profile was at some time. One that is created again under its name is another one."""

    id: str | None = None
    role_arn: str | None = None
    """The role in it. ``NO_ROLE``: it held none. None: not known."""


@dataclass(frozen=True, slots=True)
class Step:
    """What has to be done about one instance."""

    instance_id: str
    action: Action
    reason: str
    before: str | None = None
    """Profile that the instance carries now."""
    after: str | None = None
    """Profile that it carries once the step is done."""
    association_id: str | None = None
    """The active association that the step replaces or ends."""
    fallback: str | None = None
    """Profile to restore if the second half of a swap fails."""
    undo: bool = False
    """The step restores the previous profile of the instance."""
    warning: bool = False
    """The log line of the step is a warning."""
    advice: str = ""
    """What to do about it, where that is not the same for every step of this kind."""
    identity: Identity | None = None
    """What the profile is that the instance carries now, for it to be restored later."""
    claims_below: str | None = None
    """Profile that the association claims for later: another one has given the instance the profile that it carries."""
    renews: bool = False
    """The instance carries the wanted profile by its ARN, but one that was deleted since."""
    unseen: bool = False
    """EC2 has not shown yet what a target carries, so nobody knows whether it has to be changed. With tags, so it is of
    an instance that the association holds and EC2 does not show: it may be a target. Without, what is not listed is
    certainly none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of one plan, the targets' first."""

    steps: tuple[Step, ...]

    @property
    def changes(self) -> tuple[Step, ...]:
        """Steps that call EC2."""
        return self._with(CHANGES)

    @property
    def problems(self) -> tuple[Step, ...]:
        return self._with(PROBLEMS)

    @property
    def waiting(self) -> tuple[Step, ...]:
        return self._with({Action.WAIT})

    @property
    def unfinished(self) -> tuple[Step, ...]:
        """Steps of instances that are not as they are to be, those first that wait."""
        return (*self.waiting, *self.changes)

    @property
    def forgotten(self) -> tuple[Step, ...]:
        return self._with({Action.FORGET})

    @property
    def kept(self) -> tuple[Step, ...]:
        return self._with({Action.KEEP})

    @property
    def of_targets(self) -> "Plan":
        """The plan without restoring the instances that are no longer targets."""
        return Plan(tuple(step for step in self.steps if not (step.undo and step.action is not Action.FORGET)))

    @property
    def of_no_change(self) -> "Plan":
        """The steps that call nothing of EC2, of which none is a problem that ends the operation."""
        return Plan(self._with({Action.KEEP, Action.WAIT, Action.FORGET}))

    def without(self, instance_ids: Collection[str]) -> "Plan":
        """The plan without these instances."""
        return Plan(tuple(step for step in self.steps if step.instance_id not in instance_ids))

    @property
    def converged(self) -> bool:
        """Everything that was asked for is so, and EC2 has confirmed it."""
        return not (self.changes or self.waiting or self.problems)

    def _with(self, actions: Iterable[Action]) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action in actions)


def actions_of(step: Step) -> tuple[str, ...]:
    """The EC2 actions that a step calls, in their order."""
    match step.action:
        case Action.ASSOCIATE:
            return ("AssociateIamInstanceProfile",)
        case Action.REPLACE:
            return ("ReplaceIamInstanceProfileAssociation",)
        case Action.SWAP:
            return ("DisassociateIamInstanceProfile", "AssociateIamInstanceProfile")
        case _:
            return ("DisassociateIamInstanceProfile",)


def once_settled(plan: Plan, stopped: Collection[str]) -> Plan:
    """The plan with the change that follows in the place of each step that waits for its instance to settle.

    Args:
        plan: what is to be done.
        stopped: ids of the instances that are stopped or stopping.
    """
    return Plan(tuple(_once_settled(step, step.instance_id in stopped) for step in plan.steps))


def _once_settled(step: Step, is_stopped: bool) -> Step:
    if step.action is not Action.WAIT or (step.before == step.after and not step.renews):
        return step
    if step.before is None:
        action = Action.ASSOCIATE
    elif step.after is None:
        action = Action.DISASSOCIATE
    else:
        action = Action.SWAP if is_stopped else Action.REPLACE
    return replace(step, action=action)


def calls_of(steps: Iterable[Step]) -> Counter[str]:
    """How many calls of each EC2 action the steps take."""
    calls: Counter[str] = Counter()
    for step in steps:
        calls.update(actions_of(step))
    return calls
