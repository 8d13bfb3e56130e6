"""Observes instances and profiles: reads from EC2 and IAM, and nothing else."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ..arn import name_of
from ..decide.model import ObservedInstances, Profile, Profiles
from ..request.desired import Selection
from .errors import is_unknown_profile
from .paged_reads import answer
from .rate_limiter import RateLimiter
from .trust import allows_ec2

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

from .instances import is_match, look_up, select_by_tags, with_associations

LOSS_SECONDS = 10.0
"""How long IAM must have said that a profile does not exist or holds no role until that is believed."""


class Observer:
    """Takes snapshots. IAM is asked for a profile once, until that is forgotten; EC2 is asked every time."""

    def __init__(self, ec2: "EC2Client", iam: "IAMClient", rate_limiter: RateLimiter) -> None:
        self._ec2, self._iam, self._rate_limiter = ec2, iam, rate_limiter
        self._profiles: dict[str, Profile | None] = {}
        self._lost_since: dict[str, float] = {}
        """When IAM first said that a profile does not exist or holds no role, in seconds since the epoch, by ARN."""

    def instances(self, selection: Selection | None, others: Iterable[str]) -> ObservedInstances:
        """What is selected, and these other instances, with their associations."""
        return self.with_associations(self.find(selection, others))

    def find(self, selection: Selection | None, others: Iterable[str]) -> ObservedInstances:
        """What is selected, and these other instances, as far as EC2 shows them. Not yet with associations.

        An answer to a filter may be incomplete. So what it lacks is asked for by id before it counts as gone, or as no
        longer selected.
        """
        by_tags = selection is not None and bool(selection.tags)
        found = select_by_tags(self._ec2, selection, self._rate_limiter) if selection and by_tags else {}
        listed, by_filter = selection.ids if selection else (), tuple(found)
        missing = [id_ for id_ in dict.fromkeys((*listed, *others)) if id_ not in found]
        looked_up, unconfirmed = look_up(self._ec2, missing, self._rate_limiter)
        matching = [one.id for one in looked_up if selection and is_match(one, selection)]
        found |= {one.id: one for one in looked_up}
        selected = (*by_filter, *matching) if by_tags else listed
        return ObservedInstances(selected, found, unconfirmed)

    def with_associations(self, seen: ObservedInstances) -> ObservedInstances:
        """The same with the associations of the instances."""
        return replace(seen, instances=with_associations(self._ec2, seen.instances, self._rate_limiter))

    def profiles(self, arns: Iterable[str]) -> dict[str, Profile | None]:
        """These profiles; None for one that does not exist."""
        wanted = set(arns)
        for arn in sorted(wanted - self._profiles.keys()):
            self._profiles[arn] = answer(partial(profile, self._iam, arn), "GetInstanceProfile", self._rate_limiter)
        return {arn: self._profiles[arn] for arn in wanted}

    def unconfirmed_profiles(self, profiles: Profiles, now: float) -> frozenset[str]:
        """Those of these profiles that IAM has called missing or empty only a moment ago. It is asked again next time.

        A profile whose role is changed holds none for a second.
        """
        lost = {arn for arn, found in profiles.items() if found is None or found.role_arn is None}
        self._lost_since = {arn: self._lost_since.get(arn, now) for arn in lost}
        unconfirmed = frozenset(arn for arn, since in self._lost_since.items() if now - since < LOSS_SECONDS)
        self.forget(unconfirmed)
        return unconfirmed

    def forget(self, arns: Iterable[str]) -> None:
        """Ask IAM again for these profiles next time."""
        for arn in arns:
            self._profiles.pop(arn, None)


def profile(iam: "IAMClient", arn: str) -> Profile | None:
    """The instance profile, or None if IAM does not know it."""
    try:
        found = iam.get_instance_profile(InstanceProfileName=name_of(arn))["InstanceProfile"]
    except ClientError as error:
        if is_unknown_profile(error):
            return None
        raise
    if found["Arn"] != arn:  # names are unique without their path, so another path means another profile
        return None
    role = next(iter(found["Roles"]), None)
    # boto3 decodes the policy document; its type only says that IAM sends text.
    trust: Any = role.get("AssumeRolePolicyDocument", {}) if role else {}
    return Profile(arn, role["Arn"] if role else None, allows_ec2(trust), found["InstanceProfileId"])
