"""What can be known to be wrong before anything is changed: pure checks, each giving whole sentences."""

from .model import Profile, Profiles, Snapshot, name_of
from .request import Desired, ProfileRef


def problems(desired: Desired, snapshot: Snapshot, *, reversing: bool) -> list[str]:
    """Everything that is wrong with the selection and the profiles; the targets themselves are the plan's."""
    wanted = profile_problems(desired.profile, snapshot.profiles.get(desired.profile.arn))
    if reversing:  # only what makes going back impossible may stand in its way
        return wanted
    return [
        *selection_problems(desired, snapshot),
        *wanted,
        *_replaceable_problems(desired, snapshot.profiles),
        *_restorable_problems(desired, snapshot),
    ]


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
    """Whether the selection is empty."""
    if snapshot.selected:
        return []
    tags = ", ".join(f"{key}={'|'.join(sorted(values))}" for key, values in desired.selection.tags)
    return [f"no instances are selected: none that is not terminated has the tags {tags}; correct them, or tag one"]


def _replaceable_problems(desired: Desired, profiles: Profiles) -> list[str]:
    return [
        _other_role(listed, found.role_arn)
        for listed in desired.replaceable.profiles
        if (found := profiles.get(listed.arn)) and found.role_arn and found.role_arn != listed.role_arn
    ]


def _restorable_problems(desired: Desired, snapshot: Snapshot) -> list[str]:
    """What the ledger must be able to give back is what `replaces` lists: the handler has no right to more."""
    lost = {
        record.previous
        for id_ in snapshot.selected
        if (record := snapshot.records.get(id_)) and record.previous and not desired.may_restore(record.previous)
    }
    return [
        f"instance profile {name_of(arn)} has to be given back one day and is no longer in `replaces`: list it there"
        for arn in sorted(lost)
    ]


def _other_role(stated: ProfileRef, found: str | None) -> str:
    holds = f"role {name_of(found)}" if found else "no role"
    return f"instance profile {stated.name} holds {holds}, not {name_of(stated.role_arn)}: state the role that it holds"
