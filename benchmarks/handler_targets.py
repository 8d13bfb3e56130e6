"""Targets of every kind, as the handler sees them between looking and planning."""

from collections.abc import Callable, Sequence

from cdk_instance_role.runtime.association.decide.model import Association, Instance, InstanceState, Snapshot
from cdk_instance_role.runtime.association.decide.record import Record
from cdk_instance_role.runtime.association.decide.step import Action, Step
from cdk_instance_role.runtime.association.request.desired import Desired, ProfileRef, Replaceable, Selection

ASSOCIATION = "arn:aws:cloudformation:eu-west-1:111122223333:stack/Web/0f1e2d3c|Association"
PROFILES, ROLES = "arn:aws:iam::111122223333:instance-profile", "arn:aws:iam::111122223333:role"
WANTED, OLD = f"{PROFILES}/cdk-instance-role/Web/Web", f"{PROFILES}/Old"
BEGAN = 1_800_000_000.0

Kind = Callable[[str], tuple[Instance, Record | None]]


def desired(selected: Sequence[str]) -> Desired:
    """The association: of these targets, which may have the profile `OLD` now."""
    return Desired(
        ProfileRef(WANTED, f"{ROLES}/Web"),
        Selection(ids=tuple(selected)),
        Replaceable(profiles=(ProfileRef(OLD, f"{ROLES}/Old"),)),
    )


def ids(count: int) -> list[str]:
    """This many instance ids."""
    return [f"i-{number:017x}" for number in range(count)]


def mixed(count: int) -> Snapshot:
    """This many instances: as many of each kind, and of those that are held each tenth is no longer selected."""
    seen = [KINDS[number % len(KINDS)](id_) for number, id_ in enumerate(ids(count))]
    return Snapshot(
        selected=tuple(one.id for number, (one, record) in enumerate(seen) if number % 10 or not record),
        instances={instance.id: instance for instance, _ in seen},
        records={record.instance_id: record for _, record in seen if record},
        now=BEGAN + 60,
        started_at=BEGAN,
    )


def claimed(instance_id: str, before: str | None = None) -> Record:
    """What the ledger says of an instance that the association has put its profile on."""
    action = Action.REPLACE if before else Action.ASSOCIATE
    step = Step(instance_id, action, "", before=before, after=WANTED)
    return Record(instance_id).claimed(ASSOCIATION, step, BEGAN).next_revision()


def _with(instance_id: str, profile: str | None, state: InstanceState = InstanceState.RUNNING) -> Instance:
    association = Association(f"iip-assoc-{instance_id[2:]}", profile, established=True) if profile else None
    return Instance(instance_id, state, association)


KINDS: Sequence[Kind] = (
    lambda id_: (_with(id_, None), None),
    lambda id_: (_with(id_, OLD), None),
    lambda id_: (_with(id_, OLD, InstanceState.STOPPED), None),
    lambda id_: (_with(id_, WANTED), claimed(id_, OLD)),
    lambda id_: (_with(id_, WANTED), claimed(id_)),
    lambda id_: (_with(id_, WANTED), None),
    lambda id_: (_with(id_, None, InstanceState.PENDING), None),
)
"""To associate, to replace, to swap, done, done, right without us, to wait for."""
