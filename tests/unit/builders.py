"""Short ways to say what the tests are about: instances, records, profiles, desired states and events."""

from collections.abc import Iterable, Mapping
from typing import Any

from cdk_instance_role.runtime.association.contract import OnConflict
from cdk_instance_role.runtime.association.decide.claim import Claim, Latest
from cdk_instance_role.runtime.association.decide.model import Association, Instance, InstanceState, Profile, Snapshot
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action
from cdk_instance_role.runtime.association.request.desired import Desired, ProfileRef, Replaceable, Selection
from cdk_instance_role.runtime.association.request.event import Request

ACCOUNT, REGION = "111122223333", "eu-west-1"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/Web/5f3e8c10-0000-11ee-be56-0242ac120002"


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def profile_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}"


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


ID = instance_id(1)
OWN_PATH = "cdk-instance-role/Web/0a1b2c3d"
"""IAM path of the profiles of one `InstanceRole`."""
WANTED, FORMER = (profile_arn(f"{OWN_PATH}/{name}") for name in ("Wanted", "Former"))
"""The wanted profile, and one of the same role that was wanted before."""
LISTED, FOREIGN = (profile_arn(name) for name in ("Listed", "Foreign"))
"""A profile that may be replaced, and one that may not."""
OPERATION, EARLIER = "operation", "earlier"
"""Ids of the event of the present operation, and of one before it."""


def ref(arn: str) -> ProfileRef:
    """A profile that holds the role of its own name."""
    return ProfileRef(arn, role_arn(arn.rpartition("/")[2]))


def existing(*arns: str) -> dict[str, Profile | None]:
    """What IAM says of healthy profiles."""
    return {arn: Profile(arn, ref(arn).role_arn, trusts_ec2=True) for arn in arns}


def instance(
    carries: str | None = None,
    state: InstanceState = InstanceState.RUNNING,
    *,
    id: str = ID,
    established: bool = True,
    leaving: bool = False,
    zone: str = "",
    since: float | None = None,
) -> Instance:
    association = Association(f"iip-assoc-{id}", carries, established, since) if carries else None
    return Instance(id, state, association, leaving, zone)


def record(
    previous: str | None = None,
    ours: Iterable[str] = (WANTED,),
    *,
    id: str = ID,
    detached: str | None = None,
    acted_at: float | None = None,
    changed_at: float | None = None,
    request: str = OPERATION,
) -> Record:
    """What the ledger says of an instance that the association holds, and has begun to change at some time."""
    latest = Latest() if changed_at is None else Latest(Action.ASSOCIATE, None, WANTED, changed_at, request=request)
    claim = Claim("Association", rank=1, wanted=WANTED, ours=frozenset(ours), detached=detached, latest=latest)
    return Record(id, previous, claim, acted_at=acted_at, revision=1)


def snapshot(
    *instances: Instance,
    selected: Iterable[str] = (ID,),
    records: Iterable[Record] = (),
    profiles: Mapping[str, Profile | None] | None = None,
    now: float = 0.0,
    started_at: float = 0.0,
    unconfirmed: Iterable[str] = (),
) -> Snapshot:
    """An observation; without further word every profile of these tests exists."""
    return Snapshot(
        selected=tuple(selected),
        instances={found.id: found for found in instances},
        records={known.instance_id: known for known in records},
        profiles=existing(WANTED, FORMER, LISTED, FOREIGN) if profiles is None else profiles,
        now=now,
        started_at=started_at,
        unconfirmed=frozenset(unconfirmed),
        request=OPERATION,
    )


def desired(
    ids: Iterable[str] = (ID,),
    *,
    wanted: str = WANTED,
    replaces: Iterable[str] = (LISTED,),
    replaces_any: bool = False,
    on_conflict: OnConflict = OnConflict.FAIL,
    tags: Mapping[str, Iterable[str]] | None = None,
) -> Desired:
    selection = Selection(ids=tuple(ids))
    if tags is not None:
        selection = Selection(tags=tuple((key, frozenset(values)) for key, values in sorted(tags.items())))
    replaceable = Replaceable(any=replaces_any, profiles=tuple(ref(arn) for arn in replaces))
    return Desired(ref(wanted), selection, replaceable, on_conflict)


def properties(**changed: Any) -> dict[str, Any]:
    """Properties of the custom resource; a change to None leaves one out."""
    found = {
        "ServiceToken": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:provider",
        "InstanceProfileArn": WANTED,
        "RoleArn": role_arn("Wanted"),
        "InstanceIds": [ID],
        "Replaces": [],
        "OnConflict": "FAIL",
        "TimeoutSeconds": "1800",
        **changed,
    }
    return {key: value for key, value in found.items() if value is not None}


def event(type: str = "Create", **changed: Any) -> dict[str, Any]:
    """An event as CloudFormation sends it; a change to None leaves a key out."""
    found = {
        "RequestType": type,
        "RequestId": "b1c2d3e4",
        "StackId": STACK_ID,
        "LogicalResourceId": "Association",
        "ResourceType": "AWS::CloudFormation::CustomResource",
        "ResourceProperties": properties(),
        "PhysicalResourceId": None if type == "Create" else "Association-0123456789ab",
        "OldResourceProperties": properties() if type == "Update" else None,
        **changed,
    }
    return {key: value for key, value in found.items() if value is not None}


def request(type: str = "Create", **changed: Any) -> Request:
    return Request.from_event(event(type, **changed))
