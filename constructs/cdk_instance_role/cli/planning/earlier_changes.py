"""What the associations of a deployment do to the targets of one another.

CloudFormation creates and updates first, in the order of dependencies, and deletes in the clean-up at the end:
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from ...runtime.association.arn import name_of
from ...runtime.association.converge.preview import Preview
from ...runtime.association.decide.plan import OperationContext, plan_target
from ...runtime.association.decide.record import Record
from ...runtime.association.decide.step import CHANGES, PROBLEMS, Action, Step
from ...runtime.association.ledger.shared_budget import Entry
from ...runtime.association.request.desired import Desired
from ..live.association_ledger import AssociationLedger
from ..live.environment import Environment, Outcome
from ..live.planned_instances import PlannedInstances
from ..live.planned_observer import with_profile
from ..model import AssociationPlan
from ..template.assembly import StackArtifact, deployed_with
from ..template.stacks import Address, AssociationKey
from .rollout_estimate import shared_budget_warning

_SHOWN = 5
"""Ids that a sentence names."""
_REACHED = CHANGES | {Action.KEEP, Action.WAIT}


@dataclass(frozen=True)
class Targets:
    """What an association that is created or updated does about its targets."""

    key: AssociationKey
    association: str
    """Its path, for people. Several associations may have the same."""
    desired: Desired
    found: Preview
    context: OperationContext
    entry: Entry
    """Its part of the budget of its provider."""
    provider: tuple[Address, str]
    """Its stack, and how the template of that names the provider."""
    after: Set[AssociationKey] = frozenset()
    """The associations that it comes after."""

    @property
    def profile(self) -> str:
        """Name of the profile that it wants."""
        return name_of(self.desired.profile.arn)

    @property
    def reached(self) -> set[str]:
        """Ids of the targets that carry its profile once it is done."""
        wanted = self.desired.profile.arn
        steps = self.found.plan.of_targets.steps
        return {step.instance_id for step in steps if step.action in _REACHED and step.after == wanted}

    @property
    def left(self) -> dict[str, str | None]:
        """ARNs of the profiles that it leaves on instances, as far as it has to do with them, by instance id."""
        given = dict.fromkeys(self.reached, self.desired.profile.arn)
        return {**given, **outcome_of(self.found.plan.steps).carried}

    def comes_to(self, instance_id: str, former: "Targets") -> str | None:
        """Name of the profile that a target carries once this association comes after another one; None if it is
        refused then."""
        snapshot = self.found.snapshot
        carries = with_profile(snapshot.instances[instance_id], former.desired.profile.arn)
        step = plan_target(self.desired, instance_id, replace(snapshot, instances={instance_id: carries}), self.context)
        if step.action not in _REACHED:
            return None
        return former.profile if step.action is Action.KEEP else self.profile


class EarlierChanges:
    """Records and profiles of instances, as the associations planned so far leave them."""

    def __init__(self, before: Outcome, instances: PlannedInstances) -> None:
        """
        Args:
            before: what the associations of the stacks do that come before.
            instances: what becomes of instances by the templates of these stacks and of the stack itself.
        """
        self.before, self.instances = before, instances
        self._records: dict[tuple[str, str], Record] = {}
        """By the names of their ledgers and the ids of the instances."""
        self.carried = dict(before.carried)
        """ARNs of the profiles that changed instances carry afterwards, by instance id."""
        self._targets: list[Targets] = []

    def add(self, ledger: AssociationLedger | None, targets: Targets) -> None:
        """An association is created or updated.

        Args:
            ledger: its ledger; None if there is none yet.
            targets: what it does about its targets.
        """
        self._targets.append(targets)
        if ledger:
            self._note(ledger, targets.found, targets.desired)

    def with_overlaps(self, key: AssociationKey, plan: AssociationPlan, text: Callable[[str], str]) -> AssociationPlan:
        """The plan of an association with what becomes of the targets that others of the deployment want another
        profile for: a problem if it is refused in any case, otherwise a warning. Another one says that there may be
        no time for all of them.

        Args:
            key: an association.
            plan: its plan.
            text: puts names that people know into a sentence.
        """
        mine = [one for one in self._targets if one.key == key]
        pairs = [(one, other) for one in mine for other in self._targets]
        found = [(refused, text(sentence)) for pair in pairs for refused, sentence in _overlaps(*pair)]
        problems = (sentence for refused, sentence in found if refused)
        warnings = [sentence for refused, sentence in found if not refused]
        if not plan.problems:  # it begins
            warnings += filter(None, map(self._late_together, mine))
        return replace(plan, problems=(*plan.problems, *problems), warnings=(*plan.warnings, *warnings))

    def _late_together(self, mine: Targets) -> str:
        """That there may be no time for an association and those that begin at the same time; empty if there is."""
        same = [one for one in self._targets if one.provider == mine.provider and one is not mine]
        others = [one for one in same if one.key not in mine.after and mine.key not in one.after]
        first = [one.entry for one in others if not any(other.key in one.after for other in others)]
        return shared_budget_warning(mine.entry, first)

    def _note(self, ledger: AssociationLedger, found: Preview, desired: Desired) -> None:
        for step in found.plan.of_targets.steps:
            if step.after != desired.profile.arn or step.undo:
                continue
            record = _after(found.snapshot.record(step.instance_id), ledger.association, step, desired)
            self._records[ledger.name, step.instance_id] = record
            if step.action in CHANGES:
                self.carried[step.instance_id] = step.after

    def records(self, ledger: AssociationLedger, known: Mapping[str, Record]) -> dict[str, Record]:
        """The records of an association after all that.

        Args:
            ledger: its ledger.
            known: its records, by instance id.
        """
        changed = {id_: record for id_ in known if (record := self._records.get((ledger.name, id_)))}
        return {**known, **{id_: record.for_association(ledger.association) for id_, record in changed.items()}}


def outcome_before(stack: StackArtifact, environment: Environment) -> Outcome:
    """What the deployment of the stacks does that a stack needs."""
    needed = deployed_with([stack], environment.stacks.stacks)
    return merged([environment.outcomes[one.address] for one in needed if one.address in environment.outcomes])


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """What is done to instances by several, one after the other, if none is refused."""
    carried: dict[str, str | None] = {}
    restored: set[str] = set()
    for outcome in outcomes:
        carried |= outcome.carried
        restored = (restored - outcome.carried.keys()) | outcome.restored
    return Outcome(carried, frozenset(), restored)


def outcome_of(steps: Iterable[Step]) -> Outcome:
    """What these steps do to instances."""
    carried: dict[str, str | None] = {}
    refused: set[str] = set()
    restored: set[str] = set()
    for step in steps:
        if step.action in CHANGES or (step.action is Action.WAIT and step.before != step.after):
            carried[step.instance_id] = step.after
            (restored.add if step.undo else restored.discard)(step.instance_id)
        elif step.action in PROBLEMS:
            refused.add(step.instance_id)
    return Outcome(carried, refused, restored)


def without_order(mine: Outcome, stack: StackArtifact, environment: Environment) -> Iterator[str]:
    """The instances that stacks are about of which neither needs the other, in sentences.

    Args:
        mine: what an association of the stack does.
        stack: the stack.
        environment: the account and Region, with the outcomes of the stacks that come before.
    """
    needed = {one.address for one in deployed_with([stack], environment.stacks.stacks)}
    for address, other in environment.outcomes.items():
        shared = (mine.carried.keys() & (other.carried.keys() | other.refused)) | (mine.refused & other.carried.keys())
        if shared and address not in needed:
            yield (
                f"stack {address.name} is also about {_listed(sorted(shared))}, and the stacks have no order: what "
                "becomes of it depends on which one is deployed first, so let one depend on the other"
            )


def _overlaps(mine: Targets, other: Targets) -> Iterator[tuple[bool, str]]:
    """What comes of the targets that two associations have in common: whether it is refused in both orders, and what
    it is, in a sentence."""
    if mine.key in other.after or other.key in mine.after:
        first, second = (mine, other) if mine.key in other.after else (other, mine)
        yield from ((False, sentence) for sentence in _in_order(first, second))
        return
    if mine.desired.profile.arn == other.desired.profile.arn:
        return
    alike: dict[tuple[str | None, str | None], list[str]] = {}
    for id_ in sorted(mine.reached & other.reached):
        alike.setdefault((other.comes_to(id_, mine), mine.comes_to(id_, other)), []).append(id_)
    for (mine_first, other_first), ids in alike.items():
        refused = mine_first is None and other_first is None
        how = (
            "neither `replaces` the profile of the other: let only one of them select it"
            if refused
            else f"CloudFormation has no order for the two: if {mine.association} comes first, {_result(mine_first)}, "
            f"otherwise {_result(other_first)}"
        )
        yield refused, f"{other.association} wants {other.profile} on {_listed(ids)}, too, and {how}"


def _in_order(first: Targets, second: Targets) -> Iterator[str]:
    """What an association finds on its targets that another one has left there."""
    alike: dict[str | None, list[str]] = {}
    left = first.left
    for step in second.found.plan.of_targets.steps:
        if left.get(step.instance_id, second.desired.profile.arn) != second.desired.profile.arn:
            alike.setdefault(left[step.instance_id], []).append(step.instance_id)
    for arn, ids in alike.items():
        what = name_of(arn) if arn else "no instance profile"
        yield (
            f"{second.association} depends on {first.association}, so it comes second and finds {what} on "
            f"{_listed(sorted(ids))}"
        )


def _listed(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"{', '.join(ids[:_SHOWN])}{more}"


def _result(profile: str | None) -> str:
    return f"the result is {profile}" if profile else "the deployment is refused"


def _after(record: Record, association: str, step: Step, desired: Desired) -> Record:
    """The record of a target once it carries what is wanted."""
    claimed = record.claimed(association, step, now=0.0, retain=desired.retain)
    noted = claimed.noted(None, now=0.0) if step.action in CHANGES else claimed
    return noted.committed(desired.profile.arn, retain=desired.retain)
