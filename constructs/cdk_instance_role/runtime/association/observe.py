"""Reads from EC2 and IAM, and nothing else."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from .batch import chunks
from .desired import Selection
from .errors import is_unknown_profile
from .model import GONE, SELECTABLE, Association, Instance, InstanceState, Profile, name_of
from .pacing import Pace
from .trust import allows_ec2

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import PaginatorConfigTypeDef
    from mypy_boto3_iam import IAMClient

IDS_PER_CALL = 190
"""EC2 takes at most 200 filter values in one call, all filters together."""

CALLS_AT_ONCE = 10

PAGES: "PaginatorConfigTypeDef" = {"PageSize": 1000}
"""The largest pages that EC2 gives."""

T = TypeVar("T")

_SPECIAL = re.compile(r"[*?\\]")
_ACTIVE = ("associating", "associated")


class Observer:
    """Takes snapshots. What IAM says of a profile is asked for once; instances are looked at every time."""

    def __init__(self, ec2: "EC2Client", iam: "IAMClient", pace: Pace) -> None:
        self._ec2, self._iam, self._pace = ec2, iam, pace
        self._profiles: dict[str, Profile | None] = {}

    def instances(
        self, selection: Selection | None, others: Iterable[str]
    ) -> tuple[tuple[str, ...], dict[str, Instance]]:
        """The ids that are selected, and these instances and the others as far as EC2 knows them."""
        selected = selection.ids if selection else ()
        found: dict[str, Instance] = {}
        if selection and selection.tags:
            found = select_by_tags(self._ec2, selection, self._pace)
            selected = tuple(found)
        missing = [id_ for id_ in dict.fromkeys((*selected, *others)) if id_ not in found]
        found |= known_instances(self._ec2, missing, self._pace)
        return selected, with_associations(self._ec2, found, self._pace)

    def profiles(self, arns: Iterable[str]) -> dict[str, Profile | None]:
        """These profiles; None for one that does not exist."""
        wanted = set(arns)
        for arn in sorted(wanted - self._profiles.keys()):
            self._profiles[arn] = profile(self._iam, arn)
        return {arn: self._profiles[arn] for arn in wanted}


def select_by_tags(ec2: "EC2Client", selection: Selection, pace: Pace) -> dict[str, Instance]:
    """Every instance that matches all tags and is not terminated (or about to be), by id. Not yet with associations."""
    filters = [{"Name": f"tag:{key}", "Values": [*map(_literal, sorted(values))]} for key, values in selection.tags]
    filters.append({"Name": "instance-state-name", "Values": list(SELECTABLE)})
    return {
        row["InstanceId"]: _bare(row)
        for row in _describe_instances(ec2, filters, pace)
        # Whatever a filter lets through: only these values are meant, and the handler has rights for no others.
        if selection.matches({tag["Key"]: tag["Value"] for tag in row.get("Tags", ())})
    }


def known_instances(ec2: "EC2Client", ids: Iterable[str], pace: Pace) -> dict[str, Instance]:
    """Those of these instances that EC2 knows, by id. Not yet with associations.

    The ids go into a filter and not into ``InstanceIds``, which fails as a whole for one unknown id.
    """

    def look(some: list[str]) -> list[Instance]:
        # What EC2 says of an instance is long: it is not kept until all are looked at.
        return [_bare(row) for row in _describe_instances(ec2, [{"Name": "instance-id", "Values": some}], pace)]

    return {instance.id: instance for instance in _side_by_side(look, ids)}


def with_associations(ec2: "EC2Client", found: Mapping[str, Instance], pace: Pace) -> dict[str, Instance]:
    """The instances with their associations, by id.

    While a profile is being replaced EC2 lists two rows for an instance, in any order: the old one
    ``disassociating``, the new one ``associating``.
    """
    rows: dict[str, list[Any]] = {}
    alive = [id_ for id_, instance in found.items() if instance.state not in GONE]
    for row in _side_by_side(lambda some: list(_describe_associations(ec2, some, pace)), alive):
        rows.setdefault(row["InstanceId"], []).append(row)
    return {id_: _associated(instance, rows.get(id_, ())) for id_, instance in found.items()}


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
    return Profile(arn, role["Arn"] if role else None, allows_ec2(trust))


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
    pages = iter(ec2.get_paginator("describe_instances").paginate(Filters=list(filters), PaginationConfig=PAGES))
    for page in _paced(pages, "DescribeInstances", pace):
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def _describe_associations(ec2: "EC2Client", ids: list[str], pace: Pace) -> Iterator[Any]:
    paginator = ec2.get_paginator("describe_iam_instance_profile_associations")
    pages = iter(paginator.paginate(Filters=[{"Name": "instance-id", "Values": ids}], PaginationConfig=PAGES))
    for page in _paced(pages, "DescribeIamInstanceProfileAssociations", pace):
        yield from page["IamInstanceProfileAssociations"]


def _paced(pages: Iterator[Any], action: str, pace: Pace) -> Iterator[Any]:
    """The pages, each of which is a call."""
    more: Any = True
    while more:
        pace.take(action)
        page = next(pages, None)
        if page is None:
            return
        yield page
        more = page.get("NextToken")


def _bare(row: Any) -> Instance:
    state, zone = InstanceState(row["State"]["Name"]), row.get("Placement", {}).get("AvailabilityZone", "")
    return Instance(row["InstanceId"], state, zone=zone)


def _associated(instance: Instance, rows: Sequence[Any]) -> Instance:
    active = [row for row in rows if row["State"] in _ACTIVE]
    association = None
    if active:
        # Two active rows would be news; the younger one is what EC2 is working on.
        row = max(active, key=lambda row: (str(row.get("Timestamp", "")), row["State"] == "associating"))
        since = row["Timestamp"].timestamp() if "Timestamp" in row else None
        is_established = row["State"] == "associated"
        association = Association(row["AssociationId"], row["IamInstanceProfile"]["Arn"], is_established, since)
    leaving = any(row["State"] == "disassociating" for row in rows)
    return replace(instance, association=association, leaving=leaving)
