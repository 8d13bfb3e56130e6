"""Which profile an instance gets back, as a pure function of the ledger and of what IAM says now."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from ..arn import name_of
from .model import Profile
from .record import Record
from .step import NO_ROLE, Identity


@dataclass(frozen=True, slots=True)
class Restore:
    """What an instance shall carry once an association is gone."""

    profile: str | None
    """ARN of the profile; None for none."""
    reason: str
    is_lost: bool = False
    """The profile can't be restored: the instance is left without one."""
    has_changed: bool = False
    """The profile was created again, or got another role."""
    passed_over: tuple[str | None, ...] = ()
    """ARNs of the profiles that would come first, but can't be restored."""

    @property
    def is_to_be_reported(self) -> bool:
        """People should know."""
        return self.is_lost or self.has_changed


def restore_of(record: Record, profiles: Mapping[str, Profile | None], undoes: str | None = None) -> Restore:
    """Decide which profile comes back: of those that the ledger has, the first that can be restored.

    Args:
        record: what the ledger says of the instance.
        profiles: what IAM says of profiles now, by ARN; None for one that does not exist.
        undoes: id of the Create that is rolled back. Default: all that the association did is.
    """
    candidates = record.restore_candidates(undoes)
    judged = [_judged(arn, record, profiles) for arn in candidates]
    lost = [*takewhile(lambda one: one.is_lost, judged)]
    chosen = judged[min(len(lost), len(judged) - 1)]
    return replace(chosen, passed_over=tuple(one.profile for one in lost)) if lost else chosen


def _judged(arn: str | None, record: Record, profiles: Mapping[str, Profile | None]) -> Restore:
    if arn is None:
        return Restore(None, "it had no profile before")
    profile, name, known = profiles.get(arn), name_of(arn), record.identity(arn)
    if profile is None:
        return Restore(arn, f"{arn}, which it carried before, does not exist any more", is_lost=True)
    if profile.role_arn is None:
        return Restore(arn, f"{arn}, which it carried before, holds no role any more", is_lost=True)
    change = _change(known, profile.id, profile.role_arn)
    if change is None:
        return Restore(arn, f"restore {name}")
    if _is_denied(record, profile.role_arn):
        return Restore(arn, f"{arn}, {change}, may not be restored: iam:PassRole was denied", is_lost=True)
    return Restore(arn, f"restore {name}, {change}", has_changed=True)


def _change(known: Identity, id_: str | None, role_arn: str) -> str | None:
    """How a profile differs from what it was when it was displaced; None if it holds the same role, as far as is known.

    Args:
        known: what it was.
        id_: its id now.
        role_arn: the role in it now.
    """
    if known.role_arn == role_arn:
        return None
    if known.role_arn == NO_ROLE:
        return f"which held no role before and holds role {name_of(role_arn)} now"
    if known.role_arn is not None:
        return f"which held role {name_of(known.role_arn)} before and holds {name_of(role_arn)} now"
    was_created_again = len({known.id, id_} - {None}) == 2
    return f"which was created again and holds role {name_of(role_arn)} now" if was_created_again else None


def _is_denied(record: Record, role_arn: str) -> bool:
    """Whether the handler may not pass this role, and not only because a policy is not in force yet."""
    denial = record.mine.denial if record.mine else None
    return denial is not None and denial.role_arn == role_arn and denial.is_confirmed


def taken_from_another(record: Record, carried: str | None) -> str | None:
    """The profile of another association that the latest change of this one has taken off the instance, or is giving
    back; None if there is none. A rollback of this association sends no event to the other one."""
    mine = record.mine
    if mine is None or not mine.latest.is_change or not (carried in mine.ours if carried else mine.detached):
        return None
    others = (arn for arn in (mine.latest.after, mine.latest.before) if arn and record.is_kept_by_others(arn))
    return next((arn for arn in others if arn != carried), None)


def is_of_another(record: Record, carried: str | None) -> bool:
    """Whether an instance had this profile of another association before the update that is rolled back: the latest
    change of the instance is that association's, or has given the profile back."""
    mine, holders = record.mine, [one for one in record.others if carried in one.ours and not one.retained]
    if holders and mine and mine.latest.after == carried != mine.wanted:
        return True
    latest = [one.latest for one in holders if one.latest.is_change and one.latest.after == carried]
    return any(one.at == record.acted_at for one in latest)
