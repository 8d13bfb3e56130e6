"""Reads from EC2 and IAM, and nothing else."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from .arn import name_of
from .batch import chunks
from .desired import Selection
from .errors import is_unknown_profile, unknown_instances
from .model import GONE, Association, Instance, InstanceState, Profile, Sighting
from .pacing import Pace
from .reading import PAGE_SIZE, answer, pages
from .trust import allows_ec2

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_iam import IAMClient

IDS_PER_CALL = 190
"""EC2 takes at most 200 filter values in one call, all filters together."""

IDS_PER_CONFIRMATION = 100
"""Instances that are asked for by id and not by a filter."""

CALLS_AT_ONCE = 10

T = TypeVar("T")

_SPECIAL = re.compile(r"[*?\\]")
_ACTIVE = ("associating", "associated")


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
            ahead = pool.submit(_association_rows, self._ec2, likely, self._pace)
            profiles = pool.submit(Observer.profiles, self, self._expected)
            selected, found, unconfirmed = self._found(selection, listed)
            rows = ahead.result()
            profiles.result()
        rows |= _association_rows(self._ec2, (id_ for id_ in _alive(found) if id_ not in likely), self._pace)
        self._memory.ids = found.keys()
        return Sighting(selected, _with_rows(found, rows), unconfirmed)

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


@dataclass(frozen=True, slots=True)
class LookedUp:
    """An instance that was asked for by its id. Not yet with associations."""

    instance: Instance
    tags: Mapping[str, str]

    def matches(self, selection: Selection) -> bool:
        """Whether it is selected by its tags."""
        return self.instance.state not in GONE and selection.matches(self.tags)


def select_by_tags(ec2: "EC2Client", selection: Selection, pace: Pace) -> dict[str, Instance]:
    """Every instance that matches all tags and is not terminated (or about to be), by id. Not yet with associations.

    No filter names the states: an instance in a state that is new to EC2 would be missed.
    """
    filters = [{"Name": f"tag:{key}", "Values": [*map(_literal, sorted(values))]} for key, values in selection.tags]
    found = map(_looked_up, _describe_instances(ec2, filters, pace))
    # Whatever a filter lets through: only these values are meant, and the handler has rights for no others.
    return {one.instance.id: one.instance for one in found if one.matches(selection)}


def look_up(ec2: "EC2Client", ids: Iterable[str], pace: Pace) -> tuple[list[LookedUp], frozenset[str]]:
    """These instances, as far as EC2 knows them, and the ids of which it does not say that they do not exist.

    The ids go into a filter at first, because one unknown id lets a call with ``InstanceIds`` fail as a whole.
    """

    def look(some: list[str]) -> list[LookedUp]:
        # What EC2 says of an instance is long: it is not kept until all are looked at.
        return [*map(_looked_up, _describe_instances(ec2, [{"Name": "instance-id", "Values": some}], pace))]

    asked = list(ids)
    found = {one.instance.id: one for one in _side_by_side(look, asked)}
    unconfirmed: set[str] = set()
    for some in chunks((id_ for id_ in asked if id_ not in found), IDS_PER_CONFIRMATION):
        confirmed, left = _confirm(ec2, some, pace)
        found |= confirmed
        unconfirmed |= left
    return [*found.values()], frozenset(unconfirmed)


def _confirm(ec2: "EC2Client", ids: Iterable[str], pace: Pace) -> tuple[dict[str, LookedUp], set[str]]:
    """Ask by id for what a filter did not show: what EC2 knows after all, and of which it says nothing."""
    left = set(ids)
    while left:
        try:
            page = answer(partial(ec2.describe_instances, InstanceIds=sorted(left)), "DescribeInstances", pace)
        except ClientError as error:
            unknown = unknown_instances(error) & left
            if not unknown:
                return {}, left
            left -= unknown
        except BotoCoreError:
            return {}, left
        else:
            rows = (row for reservation in page["Reservations"] for row in reservation["Instances"])
            found = {one.instance.id: one for one in map(_looked_up, rows)}
            return found, left - found.keys()
    return {}, set()


def with_associations(ec2: "EC2Client", found: Mapping[str, Instance], pace: Pace) -> dict[str, Instance]:
    """The instances with their associations, by id."""
    return _with_rows(found, _association_rows(ec2, _alive(found), pace))


def _alive(found: Mapping[str, Instance]) -> Iterator[str]:
    return (id_ for id_, instance in found.items() if instance.state not in GONE)


def _association_rows(ec2: "EC2Client", ids: Iterable[str], pace: Pace) -> dict[str, list[Any]]:
    """What EC2 lists of associations, by instance id.

    While a profile is being replaced EC2 lists two rows for an instance, in any order: the old one
    ``disassociating``, the new one ``associating``.
    """
    rows: dict[str, list[Any]] = {}
    for row in _side_by_side(lambda some: list(_describe_associations(ec2, some, pace)), ids):
        rows.setdefault(row["InstanceId"], []).append(row)
    return rows


def _with_rows(found: Mapping[str, Instance], rows: Mapping[str, Sequence[Any]]) -> dict[str, Instance]:
    return {
        id_: instance if instance.state in GONE else _associated(instance, rows.get(id_, ()))
        for id_, instance in found.items()
    }


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


def _literal(value: str) -> str:
    r"""A value for EC2's filters, where ``*`` and ``?`` are wildcards and ``\`` takes that meaning from them:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
    """
    return _SPECIAL.sub(r"\\\g<0>", value)


def _side_by_side(look: Callable[[list[str]], list[T]], ids: Iterable[str]) -> Iterator[T]:
    """What looks at all of these ids have found, as many ids at a time as EC2 takes. One after the other, the looks at
    thousands of instances would take longer than the buckets for changes need to fill up."""
    parts = list(chunks(ids, IDS_PER_CALL))
    if len(parts) < 2:
        return (row for part in parts for row in look(part))
    with ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="observe") as pool:
        return (row for rows in list(pool.map(look, parts)) for row in rows)


def _describe_instances(ec2: "EC2Client", filters: Sequence[Any], pace: Pace) -> Iterator[Any]:
    parameters = {"Filters": list(filters), "MaxResults": PAGE_SIZE}
    for page in pages(ec2.describe_instances, "DescribeInstances", pace, **parameters):
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def _describe_associations(ec2: "EC2Client", ids: list[str], pace: Pace) -> Iterator[Any]:
    parameters = {"Filters": [{"Name": "instance-id", "Values": ids}], "MaxResults": PAGE_SIZE}
    call = ec2.describe_iam_instance_profile_associations
    for page in pages(call, "DescribeIamInstanceProfileAssociations", pace, **parameters):
        yield from page["IamInstanceProfileAssociations"]


def _looked_up(row: Any) -> LookedUp:
    state, zone = InstanceState.of(row["State"]["Name"]), row.get("Placement", {}).get("AvailabilityZone", "")
    tags = {tag["Key"]: tag["Value"] for tag in row.get("Tags", ())}
    return LookedUp(Instance(row["InstanceId"], state, zone=zone), tags)


def _associated(instance: Instance, rows: Sequence[Any]) -> Instance:
    active = [row for row in rows if row["State"] in _ACTIVE]
    association = None
    if active:
        # Two active rows would be news; the younger one is what EC2 is working on.
        row = max(active, key=lambda row: (str(row.get("Timestamp", "")), row["State"] == "associating"))
        since = row["Timestamp"].timestamp() if "Timestamp" in row else None
        is_established = row["State"] == "associated"
        held = row["IamInstanceProfile"]
        association = Association(row["AssociationId"], held["Arn"], is_established, since, held.get("Id"))
    leaving = any(row["State"] == "disassociating" for row in rows)
    return replace(instance, association=association, leaving=leaving)
