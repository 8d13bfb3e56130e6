"""From a cloud assembly to what its deployment would do about every instance."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ..runtime.association.desired import Desired
from ..runtime.association.failures import RequestError
from ..runtime.association.observe import Observer
from ..runtime.association.outlook import Outlook, outlook, outlook_of_delete
from ..runtime.association.plan import Situation
from ..runtime.association.record import Records
from ..runtime.association.step import CHANGES, PROBLEMS, Action, Step
from .assembly import StackArtifact, associations, construct_path
from .deployed import DeployedStack
from .details import Details, details, has_access_key
from .estimate import estimate
from .hints import hints
from .impact import Impact
from .model import AssociationPlan, Estimate, Event, InstanceView, Verb, unique
from .profiles import KnownProfiles
from .resolve import UnresolvedError
from .surroundings import Surroundings

USER_DATA_LOOKS = 100
"""Instances of an association whose user data is looked at: that is a call for each."""

_VERBS = {
    Action.ASSOCIATE: Verb.ASSOCIATE,
    Action.REPLACE: Verb.REPLACE,
    Action.SWAP: Verb.REPLACE,
    Action.DISASSOCIATE: Verb.UNDO,
    Action.KEEP: Verb.KEEP,
    Action.WAIT: Verb.WAIT,
    Action.CONFLICT: Verb.CONFLICT,
    Action.REJECT: Verb.CONFLICT,
    Action.FORGET: Verb.DROP,
}
_RETAIN = frozenset({"Retain", "RetainExceptOnCreate"})
_NOT_CALLED = "CloudFormation calls the handler only when a property of the association changes"


@dataclass(frozen=True)
class Intent:
    """What CloudFormation will ask the handler for."""

    event: Event
    desired: Desired | None = None
    """None for a Delete, and if all targets are created by the deployment."""
    known_ids: frozenset[str] = frozenset()
    """Ids that were selected before."""
    wanted: str | None = None
    """ARN of the profile that the targets shall carry."""
    created: tuple[str, ...] = ()
    """Logical ids of the targets that the deployment creates."""
    retained: bool = False
    """The association goes, and leaves everything as it is."""


def plan_stack(stack: StackArtifact, around: Surroundings, now: float) -> list[AssociationPlan]:
    """What a deployment of a stack would do about the instances of each of its associations.

    Args:
        stack: the stack, as the assembly has it.
        around: the account and Region that it is for.
        now: seconds since the epoch.
    """
    around.sight.turn()
    deployed = around.deployed(stack.name)
    former = [id_ for id_ in associations(deployed.template) if id_ in deployed.physical_ids] if deployed else []
    plans = []
    for logical_id in dict.fromkeys((*stack.associations, *former)):
        around.sight.turn()
        around.deployed(stack.name)  # that it could not be seen is a matter of each of them
        before = deployed if logical_id in former else None
        plans.append(_Planner(stack, around, before, logical_id, now).plan())
    return plans


class _Planner:
    """Plans one association."""

    def __init__(
        self, stack: StackArtifact, around: Surroundings, deployed: DeployedStack | None, logical_id: str, now: float
    ) -> None:
        self._stack, self._around, self._logical_id, self._now = stack, around, logical_id, now
        self._deployed = deployed
        """None if the association is not deployed."""
        self._sight, self._values, self._ec2 = around.sight, around.values(stack.name), around.aws.ec2
        self._look_through(around.observer())

    def plan(self) -> AssociationPlan:
        try:
            intent = self._intent()
        except UnresolvedError as error:
            self._sight.miss(f"what is wanted: {error}")
            return self._about(Event.UPDATE if self._deployed else Event.CREATE)
        except RequestError as error:
            plan = self._about(Event.UPDATE if self._deployed else Event.CREATE)
            return replace(plan, problems=(str(error),))
        if intent.desired:
            self._look_through(self._around.observer(_stated(intent.desired)))
        return self._shown(intent, self._sight.of("the instances", lambda: self._outlook(intent), None))

    def _look_through(self, observer: Observer) -> None:
        self._observer, self._profiles = observer, KnownProfiles(self._around, observer)

    def _intent(self) -> Intent:
        if self._logical_id not in self._stack.associations:
            assert self._deployed is not None
            # CloudFormation goes by the policy that is deployed, and does not call the handler then.
            retained = associations(self._deployed.template)[self._logical_id].get("DeletionPolicy") in _RETAIN
            return Intent(Event.NONE if retained else Event.DELETE, retained=retained)
        after = self._values.properties(self._logical_id)
        created = tuple(self._values.new_instances(self._logical_id))
        desired = None if created and not after["InstanceIds"] else Desired.from_properties(after)
        wanted = after["InstanceProfileArn"]
        if self._deployed is None:
            return Intent(Event.CREATE, desired, wanted=wanted, created=created)
        before = self._former_properties(self._deployed)
        event = Event.NONE if before == after and not created else Event.UPDATE
        return Intent(event, desired, frozenset((before or {}).get("InstanceIds", ())), wanted, created)

    def _former_properties(self, deployed: DeployedStack) -> Mapping[str, Sequence[str]] | None:
        """The properties as they were sent last. None if that can't be told: then they count as others."""
        try:
            return self._around.former_values(self._stack.name, deployed).properties(self._logical_id)
        except UnresolvedError:
            return None

    def _outlook(self, intent: Intent) -> Outlook:
        records = self._records()
        if intent.desired is None:  # what is held, if anything, is to be given back
            return outlook_of_delete(records, self._observer, now=self._now)
        situation = Situation(intent.known_ids)
        return outlook(intent.desired, records, self._observer, situation, now=self._now, started_at=self._now)

    def _records(self) -> Records:
        return self._around.records(self._stack.name, self._logical_id) if self._deployed else {}

    def _shown(self, intent: Intent, found: Outlook | None) -> AssociationPlan:
        if found is None:
            return self._about(intent.event)
        rows = [*self._rows(found), *(self._created_row(id_, intent) for id_ in intent.created)]
        if intent.retained:
            rows = [_retained(row) for row in rows]
        elif intent.event is Event.NONE:
            rows = [_left_alone(row) for row in rows]
        changing = [row.id for row in rows if row.changes and row.planned and row.id not in intent.created]
        keys, warnings = self._access_keys(changing)
        rows = [_with_access_key(row) if row.id in keys else row for row in rows]
        impact = Impact(self._around, self._profiles)
        changes = impact.changes(rows)
        return replace(
            self._about(intent.event),
            profile=self._profiles.view(intent.wanted),
            instances=tuple(rows),
            permissions=changes,
            problems=() if intent.event is Event.NONE else tuple(map(self._around.text, found.problems)),
            warnings=unique([*warnings, *impact.others(changes, {row.id for row in rows})]),
            unseen=tuple(self._sight.unseen),
            estimate=Estimate() if intent.event is Event.NONE else estimate(found.plan.changes),
        )

    def _rows(self, found: Outlook) -> list[InstanceView]:
        look = "names and tags of the instances"
        known = self._sight.of(look, lambda: details(self._ec2, found.snapshot.instances), dict[str, Details]())
        return [self._row(step, found, known.get(step.instance_id, Details())) for step in found.plan.steps]

    def _created_row(self, logical_id: str, intent: Intent) -> InstanceView:
        path = construct_path(self._stack.template, logical_id)
        reason = "the instance is created by this deployment"
        return InstanceView(f"(new) {path}", "", "", Verb.ASSOCIATE, reason, planned=self._profiles.view(intent.wanted))

    def _row(self, step: Step, found: Outlook, known: Details) -> InstanceView:
        instance = found.snapshot.instances.get(step.instance_id)
        current = self._profiles.view(instance.carries if instance else None)
        will_change = step.action in CHANGES or step.action is Action.WAIT
        planned = self._profiles.view(step.after) if will_change else current
        reason = f"{step.reason}: {step.advice}" if step.action in PROBLEMS else step.reason
        if instance:
            reason = reason.removeprefix(f"({instance.state}) ")
        return InstanceView(
            id=step.instance_id,
            name=known.name,
            state=str(instance.state) if instance else "",
            verb=Verb.UNDO if step.undo and step.action in CHANGES else _VERBS[step.action],
            reason=self._around.text(reason),
            current=current,
            planned=planned,
            warnings=hints(known) if planned and planned != current else (),
        )

    def _access_keys(self, ids: Sequence[str]) -> tuple[set[str], list[str]]:
        """Instances in whose user data a long-lived access key is to be seen, and what is to be said about the look."""
        found = set[str]()
        for id_ in ids[:USER_DATA_LOOKS]:
            seen = self._sight.of("user data of the instances", partial(has_access_key, self._ec2, id_), None)
            if seen is None:
                return found, []
            if seen:
                found.add(id_)
        if len(ids) > USER_DATA_LOOKS:
            return found, [f"for access keys the user data of {USER_DATA_LOOKS} of {len(ids)} instances was looked at"]
        return found, []

    def _about(self, event: Event) -> AssociationPlan:
        """The plan without any instance yet."""
        former = self._deployed.template if self._deployed else {}
        here = self._logical_id in self._stack.associations
        return AssociationPlan(
            stack=self._stack.name,
            association=construct_path(self._stack.template if here else former, self._logical_id),
            account=self._around.aws.account,
            region=self._around.aws.region,
            event=event,
            profile=None,
            unseen=tuple(self._sight.unseen),
        )


def _stated(desired: Desired) -> dict[str, str]:
    """The roles that profiles are said to hold."""
    return {one.arn: one.role_arn for one in (*desired.replaceable.profiles, desired.profile)}


def _left_alone(row: InstanceView) -> InstanceView:
    """A row of an association that the handler is not called for."""
    if row.verb is Verb.KEEP:
        return row
    if row.verb is Verb.WAIT and not row.changes:  # EC2 will confirm it without anyone's help
        return replace(row, verb=Verb.KEEP)
    kept = replace(row, verb=Verb.KEEP, planned=row.current, reason="nothing about the association changes")
    return replace(kept, warnings=(f"it is not as wanted ({row.reason}), and stays so: {_NOT_CALLED}",))


def _retained(row: InstanceView) -> InstanceView:
    """A row of an association that goes without the handler being called."""
    reason = "the association goes, and its removal policy leaves everything as it is"
    return replace(row, verb=Verb.KEEP, planned=row.current, reason=reason, warnings=())


def _with_access_key(row: InstanceView) -> InstanceView:
    warning = "its user data holds a long-lived access key: with the role that can go"
    return replace(row, warnings=(*row.warnings, warning))


def nested(stacks: Iterable[StackArtifact]) -> list[str]:
    """What is to be said about nested stacks, whose associations are not shown."""
    return [
        f"{stack.name}: nested stack {id_} holds associations, which are not shown"
        for stack in stacks
        for id_ in stack.nested
    ]
