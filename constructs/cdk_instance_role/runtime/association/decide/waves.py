"""Which steps of a plan are eligible in the current wave of a rollout. Pure.

Only changes of targets are rolled out. An instance that leaves the selection gets its previous profile back after the
last wave. Rollbacks ignore waves.
"""

from collections.abc import Iterable

from .model import Instance, InstanceState, Snapshot
from .step import CHANGES, Action, Plan, Step


def is_change(step: Step) -> bool:
    """Whether a step changes a target, now or as soon as that can be done."""
    waits_for_it = step.action is Action.WAIT and (step.after != step.before or step.renews)
    return not step.undo and (step.action in CHANGES or waits_for_it)


def changes_of_targets(plan: Plan) -> list[Step]:
    """The steps that a rollout is about."""
    return [step for step in plan.steps if is_change(step)]


def possible_changes(plan: Plan) -> list[Step]:
    """The steps that a rollout is about, and those of which that is not known yet."""
    return [step for step in plan.steps if is_change(step) or step.unseen]


def eligible(plan: Plan, snapshot: Snapshot, reached: int | None) -> Plan:
    """The steps of a plan that are eligible in the current wave.

    Args:
        plan: what is to be done in all.
        snapshot: what it was made from.
        reached: how many targets are eligible by the end of this wave; None for all.
    """
    possible = Plan((*plan.of_targets.steps, *(step for step in plan.steps if step.undo and step.unseen)))
    if reached is None:
        return possible
    # With tags, what EC2 does not show may be a target: nobody can see its tags.
    known = snapshot.unconfirmed.union(snapshot.selected)
    begun = {id_ for id_ in known if snapshot.is_changed(snapshot.record(id_))}
    next_ones = [step for step in possible_changes(plan) if step.instance_id not in begun]
    held_back = {step.instance_id for step in rollout_order(next_ones, snapshot)[max(0, reached - len(begun)) :]}
    return possible.without(held_back)


def rollout_order(steps: Iterable[Step], snapshot: Snapshot) -> list[Step]:
    """The steps in an order in which any beginning has of each Availability Zone its share.

    What EC2 does not show comes last, because it would only hold the others up. Before it comes what can't be changed
    at this moment, and before that what is stopped: nobody would see on it whether all is well.
    """
    alike: dict[tuple[int, str], list[Step]] = {}
    for step in steps:
        instance = snapshot.instances.get(step.instance_id)
        alike.setdefault((_difficulty(step, instance), instance.zone if instance else ""), []).append(step)
    placed = (
        (difficulty, (number + 0.5) / len(members), zone, step)
        for (difficulty, zone), members in alike.items()
        for number, step in enumerate(members)
    )
    return [step for *_, step in sorted(placed, key=lambda one: one[:3])]


def _difficulty(step: Step, instance: Instance | None) -> int:
    if step.action is Action.WAIT:
        return 3 if step.unseen else 2
    return 1 if instance and instance.state is InstanceState.STOPPED else 0
