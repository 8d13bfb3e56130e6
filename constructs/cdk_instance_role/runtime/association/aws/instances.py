"""Reads instances and their associations from EC2."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from ..batch import chunks
from ..decide.model import GONE, Association, Instance, InstanceState
from ..request.desired import Selection
from .errors import unknown_instances
from .paged_reads import PAGE_SIZE, answer, pages
from .rate_limiter import RateLimiter

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

IDS_PER_CALL = 190
"""EC2 takes at most 200 filter values in one call, all filters together."""

IDS_PER_CONFIRMATION = 100
"""Instances that are asked for by id and not by a filter."""

MAX_CONCURRENCY = 10

T = TypeVar("T")

_SPECIAL = re.compile(r"[*?\\]")
_ACTIVE = ("associating", "associated")


def is_match(instance: Instance, selection: Selection) -> bool:
    """Whether an instance is selected by its tags, and not terminated or about to be."""
    return instance.state not in GONE and selection.matches(instance.tags)


def select_by_tags(ec2: "EC2Client", selection: Selection, rate_limiter: RateLimiter) -> dict[str, Instance]:
    """Every instance that matches all tags and is not terminated (or about to be), by id. Not yet with associations.

    No filter names the states: an instance in a state that is new to EC2 would be missed.
    """
    filters = [{"Name": f"tag:{key}", "Values": [*map(_literal, sorted(values))]} for key, values in selection.tags]
    found = map(_instance, _describe_instances(ec2, filters, rate_limiter))
    # Whatever a filter lets through: only these values are meant, and the handler has rights for no others.
    return {one.id: one for one in found if is_match(one, selection)}


def look_up(ec2: "EC2Client", ids: Iterable[str], rate_limiter: RateLimiter) -> tuple[list[Instance], frozenset[str]]:
    """These instances, as far as EC2 knows them, and the ids of which it does not say that they do not exist.

    The ids go into a filter at first, because one unknown id lets a call with ``InstanceIds`` fail as a whole.
    """

    def look(some: list[str]) -> list[Instance]:
        # What EC2 says of an instance is long: it is not kept until all are looked at.
        return [*map(_instance, _describe_instances(ec2, [{"Name": "instance-id", "Values": some}], rate_limiter))]

    asked = list(ids)
    wanted = set(asked)  # whatever a filter lets through
    found = {one.id: one for one in _side_by_side(look, asked) if one.id in wanted}
    unconfirmed: set[str] = set()
    for some in chunks((id_ for id_ in asked if id_ not in found), IDS_PER_CONFIRMATION):
        confirmed, left = _confirm(ec2, some, rate_limiter)
        found |= confirmed
        unconfirmed |= left
    return [*found.values()], frozenset(unconfirmed)


def _confirm(ec2: "EC2Client", ids: Iterable[str], rate_limiter: RateLimiter) -> tuple[dict[str, Instance], set[str]]:
    """Ask by id for what a filter did not show. Returns the instances that exist, and the ids that EC2 neither shows
    nor denies."""
    left = set(ids)
    while left:
        try:
            page = answer(partial(ec2.describe_instances, InstanceIds=sorted(left)), "DescribeInstances", rate_limiter)
        except ClientError as error:
            unknown = unknown_instances(error) & left
            if not unknown:
                return {}, left
            left -= unknown
        except BotoCoreError:
            return {}, left
        else:
            rows = (row for reservation in page["Reservations"] for row in reservation["Instances"])
            found = {one.id: one for one in map(_instance, rows)}
            return found, left - found.keys()
    return {}, set()


def with_associations(
    ec2: "EC2Client", found: Mapping[str, Instance], rate_limiter: RateLimiter
) -> dict[str, Instance]:
    """The instances with their associations, by id.

    While a profile is being replaced EC2 lists two rows for an instance, in any order: the old one
    ``disassociating``, the new one ``associating``.
    """
    rows: dict[str, list[Any]] = {}
    alive = [id_ for id_, instance in found.items() if instance.state not in GONE]
    for row in _side_by_side(lambda some: list(_describe_associations(ec2, some, rate_limiter)), alive):
        rows.setdefault(row["InstanceId"], []).append(row)
    return {id_: _associated(instance, rows.get(id_, ())) for id_, instance in found.items()}


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
    with ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="observe") as pool:
        return (row for rows in list(pool.map(look, parts)) for row in rows)


def _describe_instances(ec2: "EC2Client", filters: Sequence[Any], rate_limiter: RateLimiter) -> Iterator[Any]:
    parameters = {"Filters": list(filters), "MaxResults": PAGE_SIZE}
    for page in pages(ec2.describe_instances, "DescribeInstances", rate_limiter, **parameters):
        for reservation in page["Reservations"]:
            yield from reservation["Instances"]


def _describe_associations(ec2: "EC2Client", ids: list[str], rate_limiter: RateLimiter) -> Iterator[Any]:
    parameters = {"Filters": [{"Name": "instance-id", "Values": ids}], "MaxResults": PAGE_SIZE}
    call = ec2.describe_iam_instance_profile_associations
    for page in pages(call, "DescribeIamInstanceProfileAssociations", rate_limiter, **parameters):
        yield from page["IamInstanceProfileAssociations"]


def _instance(row: Any) -> Instance:
    """An instance as its description says. Not yet with associations."""
    state, zone = InstanceState.of(row["State"]["Name"]), row.get("Placement", {}).get("AvailabilityZone", "")
    tags = {tag["Key"]: tag["Value"] for tag in row.get("Tags", ())}
    shows = row.get("IamInstanceProfile", {}).get("Arn")
    return Instance(row["InstanceId"], state, zone=zone, tags=tags, shows=shows, launched_at=_launched_at(row))


def _launched_at(row: Any) -> float | None:
    """When an instance was first launched: its primary network interface is attached once. ``LaunchTime`` is its last
    start."""
    attachments = (one.get("Attachment", {}) for one in row.get("NetworkInterfaces", ()))
    found = (
        one["AttachTime"].timestamp() for one in attachments if one.get("DeviceIndex") == 0 and "AttachTime" in one
    )
    return next(found, None)


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
