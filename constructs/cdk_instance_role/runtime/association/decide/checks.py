"""What can be known to be wrong before anything is changed: pure checks, each giving whole sentences."""

from ..arn import name_of
from ..request.desired import Desired, ProfileRef
from .model import Profile, Profiles, Snapshot
from .undo import later_restore_candidates


def problems(desired: Desired, snapshot: Snapshot) -> list[str]:
    """Everything that is wrong with the selection and the profiles; the targets themselves are the plan's."""
    return [
        *selection_problems(desired, snapshot),
        *profile_problems(desired.profile, snapshot.profiles.get(desired.profile.arn)),
        *_replaceable_problems(desired, snapshot.profiles),
        *_restorable_problems(desired, snapshot),
    ]


def retryable(desired: Desired, snapshot: Snapshot) -> bool:
    """Whether it may only be that IAM does not show yet what has been created a moment ago."""
    profile = snapshot.profiles.get(desired.profile.arn)
    return profile is None or profile.role_arn is None


def profile_problems(wanted: ProfileRef, profile: Profile | None) -> list[str]:
    """Why EC2 could not deliver the wanted role, if so."""
    if profile is None:
        return [f"instance profile {wanted.arn} does not exist: create it, or correct its name or path"]
    if profile.role_arn is None:
        return [f"instance profile {wanted.name} holds no role: put role {name_of(wanted.role_arn)} into it"]
    if profile.role_arn != wanted.role_arn:
        return [_other_role(wanted, profile.role_arn)]
    if not profile.trusts_ec2:
        role = name_of(profile.role_arn)
        advice = "allow sts:AssumeRole for ec2.amazonaws.com in its trust policy"
        return [f"EC2 may not assume role {role} of instance profile {wanted.name}: {advice}"]
    return []


def selection_problems(desired: Desired, snapshot: Snapshot) -> list[str]:
    """Whether the selection is empty, for certain."""
    if snapshot.selected or snapshot.hides_targets:
        return []
    tags = ", ".join(f"{key}={'|'.join(sorted(values))}" for key, values in desired.selection.tags)
    advice = "correct the tags, or tag an instance"
    return [f"no instances are selected: no instance that is not terminated has the tags {tags}: {advice}"]


def survival_problems(snapshot: Snapshot) -> list[str]:
    """Whether all targets are gone by now, which on the way is no reason to give up as long as there are others."""
    if snapshot.hides_targets or not all(map(snapshot.is_gone, snapshot.selected)):
        return []
    return ["no target is left, all have been terminated meanwhile: select others"]


def _replaceable_problems(desired: Desired, profiles: Profiles) -> list[str]:
    return [
        _other_role(listed, found.role_arn)
        for listed in desired.replaceable.profiles
        if (found := profiles.get(listed.arn)) and found.role_arn and found.role_arn != listed.role_arn
    ]


def _restorable_problems(desired: Desired, snapshot: Snapshot) -> list[str]:
    """What the ledger must be able to restore is what `replaces` lists: the handler has no right to more."""
    candidates = {arn for id_ in snapshot.selected for arn in _profiles_to_restore(desired, snapshot, id_)}
    return [
        f"instance profile {name_of(arn)} must be restored later and is not in `replaces`: list it there"
        for arn in sorted(arn for arn in candidates if arn and not desired.may_restore(arn))
    ]


def _profiles_to_restore(desired: Desired, snapshot: Snapshot, instance_id: str) -> tuple[str | None, ...]:
    """The profiles that a target may get back later, if the association changes it."""
    instance, record = snapshot.instances.get(instance_id), snapshot.record(instance_id)
    if instance is None:
        return ()
    carried = instance.carries
    displaced = carried is None or carried in record.ours or desired.replaceable.allows(carried)
    if displaced or (carried == desired.profile.arn and not record.mine):
        return record.candidates_after(carried)
    if record.mine is None:
        return ()
    return later_restore_candidates(record) if record.is_kept_by_others(carried) else record.candidates


def _other_role(stated: ProfileRef, found: str) -> str:
    holds, said = name_of(found), name_of(stated.role_arn)
    if holds == said:  # they differ in their paths
        holds, said = found, stated.role_arn
    return f"instance profile {stated.name} holds role {holds}, not {said}: state the role that it holds"
