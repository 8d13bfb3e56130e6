"""Observes instances and profiles: reads from EC2 and IAM, and nothing else."""

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from .arn import name_of
from .desired import Selection
from .errors import is_unknown_profile
from .model import Instance, Profile, Sighting
from .pacing import Pace
from .reading import answer
from .trust import allows_ec2

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

from .instances import CALLS_AT_ONCE, alive, association_rows, look_up, select_by_tags, with_rows


@dataclass
class Memory:
    """Which instances an association was about when they were looked at last, in the same process.

    It is only a hint, by which more can be asked for at the same time: nothing is decided by it.
    """

    association: str = ""
    ids: Collection[str] = ()

    def of(self, association: str) -> "Memory":
        """The same memory, empty if it is of another association."""
        if self.association != association:
            self.association, self.ids = association, ()
        return self


class Observer:
    """Takes snapshots. IAM is asked for a profile once, until that is forgotten; EC2 is asked every time."""

    def __init__(
        self,
        ec2: "EC2Client",
        iam: "IAMClient",
        pace: Pace,
        *,
        expected: Iterable[str] = (),
        memory: Memory | None = None,
    ) -> None:
        """
        Args:
            ec2: client.
            iam: client.
            pace: decides when calls may go out.
            expected: ARNs of profiles that will be asked for. IAM is asked while EC2 is. Default: none.
            memory: what was seen before. Default: nothing.
        """
        self._ec2, self._iam, self._pace, self._expected = ec2, iam, pace, frozenset(expected)
        self._profiles: dict[str, Profile | None] = {}
        self._memory = memory or Memory()

    def instances(self, selection: Selection | None, others: Iterable[str]) -> Sighting:
        """What is selected, and these other instances, as far as EC2 shows them.

        An answer to a filter may be incomplete. So what it lacks is asked for by id before it counts as gone, or as no
        longer selected.
        """
        listed = (*(selection.ids if selection else ()), *others)
        with ThreadPoolExecutor(2, thread_name_prefix="ahead") as pool:
            # The associations of the instances that are likely to be found, while these are looked for.
            likely = dict.fromkeys((*listed, *self._memory.ids))
            ahead = pool.submit(association_rows, self._ec2, likely, self._pace)
            profiles = pool.submit(Observer.profiles, self, self._expected)
            selected, found, unconfirmed = self._found(selection, listed)
            rows = ahead.result()
            profiles.result()
        rows |= association_rows(self._ec2, (id_ for id_ in alive(found) if id_ not in likely), self._pace)
        self._memory.ids = found.keys()
        return Sighting(selected, with_rows(found, rows), unconfirmed)

    def _found(
        self, selection: Selection | None, listed: Iterable[str]
    ) -> tuple[tuple[str, ...], dict[str, Instance], frozenset[str]]:
        """The selected ids, the instances that EC2 shows, and the ids of which it does not say that they are gone."""
        by_tags = selection is not None and bool(selection.tags)
        found = select_by_tags(self._ec2, selection, self._pace) if selection and by_tags else {}
        missing = [id_ for id_ in dict.fromkeys(listed) if id_ not in found]
        looked_up, unconfirmed = look_up(self._ec2, missing, self._pace)
        matching = [one.instance.id for one in looked_up if selection and one.matches(selection)]
        found |= {one.instance.id: one.instance for one in looked_up}
        ids = selection.ids if selection else ()
        selected = (*(id_ for id_ in found if id_ not in missing), *matching) if by_tags else ids
        return selected, found, unconfirmed

    def profiles(self, arns: Iterable[str]) -> dict[str, Profile | None]:
        """These profiles; None for one that does not exist."""
        wanted = set(arns)
        unknown = sorted(wanted - self._profiles.keys())
        with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="profiles") as pool:
            answers = pool.map(self._profile, unknown) if len(unknown) > 1 else map(self._profile, unknown)
            self._profiles |= dict(zip(unknown, answers, strict=True))
        return {arn: self._profiles[arn] for arn in wanted}

    def _profile(self, arn: str) -> Profile | None:
        return answer(partial(profile, self._iam, arn), "GetInstanceProfile", self._pace)

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
