"""How the associations of deployed stacks are: what the ledger says, and what is there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from ...runtime.association.arn import name_of
from ...runtime.association.contract import Property
from ...runtime.association.decide.checks import profile_problems
from ...runtime.association.decide.claim import Claim
from ...runtime.association.decide.model import GONE, Instance
from ...runtime.association.decide.record import Record, held
from ...runtime.association.decide.step import Action
from ...runtime.association.request.desired import ProfileRef
from ..aws.instance_details import Details
from ..aws.partial_reader import guarded
from ..enforcement.enforcement_status import enforcement_of
from ..enforcement.history import History
from ..live.environment import Environment
from ..live.planned_observer import PlannedObserver
from ..status_model import AssociationStatus, HeldView
from ..template.assembly import StackArtifact
from ..template.deployed_stack import DeployedStack
from ..template.intrinsic_functions import UnresolvedError
from ..template.stacks import Address
from .profile_views import KnownProfiles


def status_of_stack(
    stack: StackArtifact, environment: Environment, now: float, history: History | None = None
) -> list[AssociationStatus]:
    """How the associations of a deployed stack are, and of those that are nested in it.

    Args:
        stack: the stack, as the assembly has it. What it has that is not deployed is left out, unless it can't be seen
            whether it is.
        environment: the account and Region that it is in.
        now: seconds since the epoch.
        history: knows who has changed drifted instances. Default: nobody is asked about that.
    """
    environment.reader.reset()
    found: list[AssociationStatus] = []
    for one in [*environment.stacks.family(stack)]:
        if deployed := environment.stacks.deployed(one.address):
            found += (
                _with_changes(status, environment, history)
                for status in _deployed(one.address, deployed, environment, now)
            )
        elif unseen := environment.stacks.read_problems(one.address):
            found += _hidden(one, unseen, environment)
    return found


def _deployed(
    address: Address, deployed: DeployedStack, environment: Environment, now: float
) -> Iterator[AssociationStatus]:
    environment.stacks.former_values(address, deployed)
    for logical_id in deployed.associations:
        environment.reader.reset()
        yield guarded(
            partial(_status, address, deployed, logical_id, environment, now),
            partial(_unknown, address, address.path(deployed.template, logical_id), environment),
        )


def _with_changes(status: AssociationStatus, environment: Environment, history: History | None) -> AssociationStatus:
    """The status with who has changed its drifted instances."""
    drifted = status.drifted
    if history is None or not drifted:
        return status
    changes = history.latest(drifted)
    unseen = tuple(environment.reader.unavailable)
    return replace(status, latest_changes=changes, not_asked_about=len(drifted) - len(changes), unseen=unseen)


def _hidden(stack: StackArtifact, unseen: tuple[str, ...], environment: Environment) -> Iterator[AssociationStatus]:
    """The associations that the assembly has for a stack of which can't be seen whether it is deployed."""
    for path in map(stack.path, stack.associations):
        yield _unknown(stack.address, path, environment, *unseen)


def _unknown(address: Address, path: str, environment: Environment, *unseen: str) -> AssociationStatus:
    """An association about which nothing can be said but why."""
    return AssociationStatus(address.name, path, environment.aws.account, environment.aws.region, unseen=unseen)


def _status(
    address: Address, deployed: DeployedStack, logical_id: str, environment: Environment, now: float
) -> AssociationStatus:
    records = held(environment.records(address, logical_id))
    observer = PlannedObserver(environment)
    instances = environment.reader.fetch("the instances", lambda: observer.instances(None, records).instances, None)
    known = environment.reader.fetch(
        "names of the instances", lambda: environment.instances.of(instances or ()), dict[str, Details]()
    )
    profiles = KnownProfiles(environment, observer)
    enforcement = enforcement_of(environment, address, deployed, logical_id, now)
    is_enforced = enforcement is not None and enforcement.off is None
    contents = _ProfileContents(environment, observer, _stated_role(address, deployed, logical_id, environment))
    views = () if instances is None else _views(records.values(), instances, known, profiles, contents, is_enforced)
    return AssociationStatus(
        stack=address.name,
        association=address.path(deployed.template, logical_id),
        account=environment.aws.account,
        region=environment.aws.region,
        instances=tuple(views),
        unseen=tuple(environment.reader.unavailable),
        enforcement=enforcement,
    )


def _views(
    records: Iterable[Record],
    instances: Mapping[str, Instance],
    known: Mapping[str, Details],
    profiles: KnownProfiles,
    contents: "_ProfileContents",
    is_enforced: bool,
) -> Iterable[HeldView]:
    for record in records:
        assert record.mine is not None
        instance, latest = instances.get(record.instance_id), record.mine.latest
        described = known.get(record.instance_id, Details())
        yield HeldView(
            id=record.instance_id,
            name=described.name,
            state=str(instance.state) if instance else "",
            carries=profiles.view(instance.carries if instance else None),
            wanted=profiles.view(record.mine.wanted),
            previous=profiles.view(record.previous),
            since=latest.at,
            outcome=f"{latest.action}: {latest.error}" if latest.error else latest.action,
            drift=_drift(record, instance, is_enforced) or contents.drift(instance),
            tags=described.sorted_tags,
        )


class _ProfileContents:
    """Looks into the profiles that instances carry: EC2 says ``associated`` whatever has become of them."""

    def __init__(self, environment: Environment, observer: PlannedObserver, stated_role: str | None) -> None:
        """
        Args:
            environment: the account and Region.
            observer: looks at IAM.
            stated_role: ARN of the role that the wanted profile is said to hold; None if that is not known.
        """
        self._environment, self._observer, self._stated_role = environment, observer, stated_role

    def drift(self, instance: Instance | None) -> str:
        """Why an instance gets no credentials of the role although it carries the profile; empty if it does."""
        if instance is None or instance.association is None:
            return ""
        arn = instance.association.profile_arn
        profile = self._observer.profiles([arn])[arn]
        if arn in self._observer.unseen:
            return ""
        stated = self._stated_role or (profile.role_arn if profile else None) or arn
        problems = profile_problems(ProfileRef(arn, stated), profile)
        if profile and not profile.is_held_by(instance.association):
            what = f"it carries a deleted instance profile {name_of(arn)}, which was created again since"
            problems = [f"{what}: deploy a change of a property of the association"]
        return self._environment.text(problems[0]) if problems else ""


def _stated_role(address: Address, deployed: DeployedStack, logical_id: str, environment: Environment) -> str | None:
    try:
        properties = environment.stacks.former_values(address, deployed).properties(logical_id)
    except UnresolvedError:
        return None
    return str(properties.get(Property.ROLE_ARN, "")) or None


def _drift(record: Record, instance: Instance | None, is_enforced: bool) -> str:
    """What is not as the association has left it. Enforcement drops the records of terminated instances itself."""
    assert record.mine is not None
    if is_enforced and (instance is None or instance.state in GONE):
        return ""
    if instance is None:
        return "the instance does not exist any more"
    if instance.state in GONE:
        return f"the instance is {instance.state}"
    carried = instance.carries
    if carried is not None and carried == record.mine.wanted:
        confirmed = instance.association and instance.association.established
        return "" if confirmed else "EC2 has not confirmed the association yet"
    if record.is_kept_by_others(carried):
        return "another association has given it its profile"
    if _is_half_way(record, record.mine, carried):
        return "an operation is under way, or has ended half-way"
    return "someone has given it another profile" if carried else "someone has disassociated the profile"


def _is_half_way(record: Record, mine: Claim, carried: str | None) -> bool:
    """Whether it is what the association itself may have left, or has not got round to changing."""
    if carried in mine.ours or (carried is None and mine.detached):
        return True
    to_be_changed = mine.latest.action != Action.KEEP and carried == mine.latest.before
    return to_be_changed and (record.acted_at is None or record.acted_at < mine.latest.at)
