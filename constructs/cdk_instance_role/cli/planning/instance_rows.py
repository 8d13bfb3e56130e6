"""What becomes of every instance of an association, for people."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ...runtime.association.converge.preview import Preview
from ...runtime.association.decide.model import Instances
from ...runtime.association.decide.step import CHANGES, PROBLEMS, Action, Step
from ..aws.instance_details import Details
from ..live.environment import Environment
from ..model import Event, InstanceView, ProfileView, Verb
from ..template.property_values import NEW
from .metadata_warnings import hints
from .planned_change import Intent
from .profile_views import KnownProfiles

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
_NOT_CALLED = "CloudFormation calls the handler only when a property of the association changes"
_ENFORCED = "the next sweep of enforcement decides about it"
_IN_ITS_PLACE = "puts a new instance in its place"


class Rows:
    """Turns the handler's steps into what people want to know."""

    def __init__(self, environment: Environment, profiles: KnownProfiles, current: Instances) -> None:
        """
        Args:
            environment: the account and Region.
            profiles: the profiles that the plan talks about.
            current: the instances, with what they carry now.
        """
        self._environment, self._profiles, self._current = environment, profiles, current

    def of(self, intent: Intent, found: Preview) -> list[InstanceView]:
        """The instances that the association has to do with, those that the deployment creates included.

        Args:
            intent: what CloudFormation will ask the handler for.
            found: what the handler would do about it, with what the instances carry by then.
        """
        what = "names and tags of the instances"
        read = partial(self._environment.instances.of, self._current)
        known = self._environment.reader.fetch(what, read, dict[str, Details]())
        steps = ((step, known.get(step.instance_id, Details())) for step in found.plan.steps)
        return [self._of_step(step, intent, found, described) for step, described in steps]

    def _of_step(self, step: Step, intent: Intent, found: Preview, known: Details) -> InstanceView:
        row = self._row(step, found, known)
        if intent.retained:
            return _retained(row, self._profiles.view(_carried(step, found.snapshot.instances)))
        if step.undo and self._environment.is_replaced(row.id):
            return _dropped(row, f"the deployment {_IN_ITS_PLACE}")
        if row.id.startswith(NEW):
            row = replace(row, state="", reason=f"the instance is created by this deployment: {row.reason}")
        if intent.event is Event.NONE:
            row = _left_alone(row, _ENFORCED if intent.enforcement and intent.enforcement.repairs else _NOT_CALLED)
        for warning in self._replacements(row.id, known):
            row = warned(row, warning)
        return row

    def _replacements(self, instance_id: str, known: Details) -> Iterator[str]:
        """Whether CloudFormation puts another instance in the place of one, in sentences."""
        if self._environment.is_replaced(instance_id):
            yield f"the deployment {_IN_ITS_PLACE}"
        elif changed := self._environment.doubts(instance_id, ebs=known.ebs):
            yield f"its {', '.join(changed)} changes: it may be that CloudFormation {_IN_ITS_PLACE}"

    def _row(self, step: Step, found: Preview, known: Details) -> InstanceView:
        instance = found.snapshot.instances.get(step.instance_id)
        current = self._profiles.view(_carried(step, self._current))
        will_change = step.action in CHANGES or step.action is Action.WAIT
        planned = self._profiles.view(step.after if will_change else _carried(step, found.snapshot.instances))
        if step.action in PROBLEMS:  # CloudFormation rolls back what it has changed, too
            planned = current
        renews = will_change and step.renews
        reason = f"{step.reason}: {step.advice}" if step.action in PROBLEMS else step.reason
        if instance:
            reason = reason.removeprefix(f"({instance.state}) ")
        return InstanceView(
            id=step.instance_id,
            name=known.name,
            state=str(instance.state) if instance else "",
            verb=Verb.UNDO if step.undo and step.action in CHANGES else _VERBS[step.action],
            reason=self._environment.text(reason),
            current=current,
            planned=planned,
            warnings=hints(known) if will_change and planned and (planned != current or renews) else (),
            tags=known.sorted_tags,
            renews=renews,
        )


def _carried(step: Step, instances: Instances) -> str | None:
    """ARN of the profile that the instance of a step carries, if any."""
    found = instances.get(step.instance_id)
    return found.carries if found else None


def warned(row: InstanceView, warning: str) -> InstanceView:
    """The row with one warning more."""
    return replace(row, warnings=(*row.warnings, warning))


def _dropped(row: InstanceView, reason: str) -> InstanceView:
    """A row of an instance that does not exist after the deployment."""
    return replace(row, verb=Verb.DROP, planned=row.current, renews=False, reason=reason, warnings=())


def _left_alone(row: InstanceView, why: str) -> InstanceView:
    """A row of an association that the handler is not called for."""
    if row.verb is Verb.KEEP:
        return row
    if row.verb is Verb.WAIT and not row.changes:  # EC2 will confirm it without anyone's help
        return replace(row, verb=Verb.KEEP)
    reason = "nothing about the association changes"
    kept = replace(row, verb=Verb.KEEP, planned=row.current, renews=False, reason=reason)
    return replace(kept, warnings=(f"it is not as wanted ({row.reason}), and the deployment leaves it so: {why}",))


def _retained(row: InstanceView, planned: ProfileView | None) -> InstanceView:
    """A row of an association that goes without the handler being called."""
    reason = "the association goes, and its removal policy leaves everything as it is"
    return replace(row, verb=Verb.KEEP, planned=planned, renews=False, reason=reason, warnings=())
