"""How the associations of deployed stacks are: what the ledger says, and what is there."""

from collections.abc import Iterable, Mapping

from ..runtime.association.model import Instance
from ..runtime.association.record import Record, held
from .assembly import associations, construct_path
from .deployed import DeployedStack
from .details import Details, details
from .model import AssociationStatus, HeldView
from .profiles import KnownProfiles
from .surroundings import Surroundings


def status_of_stack(name: str, deployed: DeployedStack, around: Surroundings) -> list[AssociationStatus]:
    """How the associations of a stack are.

    Args:
        name: name of the stack.
        deployed: the stack.
        around: the account and Region that it is in.
    """
    around.former_values(name, deployed)
    about_all = tuple(around.sight.unseen)
    found = []
    for logical_id in associations(deployed.template):
        if logical_id in deployed.physical_ids:
            around.sight.unseen[:] = about_all
            found.append(_status(name, deployed, logical_id, around))
    return found


def _status(name: str, deployed: DeployedStack, logical_id: str, around: Surroundings) -> AssociationStatus:
    records = held(around.records(name, f"{deployed.id}|{logical_id}"))
    observer = around.observer()
    instances = around.sight.of("the instances", lambda: observer.instances(None, records)[1], None)
    known = around.sight.of(
        "names of the instances", lambda: details(around.aws.ec2, instances or ()), dict[str, Details]()
    )
    profiles = KnownProfiles(around, observer)
    return AssociationStatus(
        stack=name,
        association=construct_path(deployed.template, logical_id),
        account=around.aws.account,
        region=around.aws.region,
        instances=() if instances is None else tuple(_views(records.values(), instances, known, profiles)),
        unseen=tuple(around.sight.unseen),
    )


def _views(
    records: Iterable[Record],
    instances: Mapping[str, Instance],
    known: Mapping[str, Details],
    profiles: KnownProfiles,
) -> Iterable[HeldView]:
    for record in records:
        assert record.mine is not None
        instance, latest = instances.get(record.instance_id), record.mine.latest
        yield HeldView(
            id=record.instance_id,
            name=known.get(record.instance_id, Details()).name,
            state=str(instance.state) if instance else "",
            carries=profiles.view(instance.carries if instance else None),
            wanted=profiles.view(record.mine.wanted),
            previous=profiles.view(record.previous),
            since=latest.at,
            outcome=f"{latest.action}: {latest.error}" if latest.error else latest.action,
            drift=_drift(record, instance),
        )


def _drift(record: Record, instance: Instance | None) -> str:
    """What is not as the association has left it."""
    assert record.mine is not None
    if instance is None:
        return "the instance does not exist any more"
    carried = instance.carries
    if carried == record.mine.wanted:
        confirmed = instance.association and instance.association.established
        return "" if confirmed else "EC2 has not confirmed the association yet"
    if record.is_kept_by_others(carried):
        return "another association has given it its profile"
    if carried in record.ours:
        return "an operation is under way, or has ended half-way"
    return "someone has given it another profile" if carried else "someone has taken the profile off"
