"""From a cloud assembly to what its deployment would do about every instance."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from ...runtime.association.converge.preview import Preview, no_others, preview, preview_of_delete
from ...runtime.association.decide.plan import OperationContext
from ...runtime.association.decide.record import Records
from ...runtime.association.decide.step import Step
from ...runtime.association.exceptions import RequestError
from ...runtime.association.request.rollout import Rollout
from ..aws.partial_reader import guarded
from ..enforcement.enforcement_preview import Planned, enforcement_plan
from ..enforcement_plan import EnforcementPlan
from ..lazy import lazy
from ..live.association_ledger import AssociationLedger
from ..live.association_order import AssociationOrder
from ..live.environment import Environment, Outcome
from ..live.planned_instances import planned_instances_of
from ..live.planned_observer import PlannedObserver, stated_roles
from ..model import AssociationPlan, Event, unique
from ..template.assembly import StackArtifact
from ..template.deployed_stack import DeployedStack
from ..template.intrinsic_functions import UnresolvedError, properties_of
from ..template.property_values import NEW
from .access_keys import ACCESS_KEY, with_access_key
from .earlier_changes import EarlierChanges, Targets, merged, outcome_before, outcome_of, without_order
from .instance_rows import Rows, warned
from .key_policies import new_key_policies
from .permission_impact import Impact
from .planned_change import ROLLBACK, Intent, exists_after_deployment, intent_of
from .profile_views import KnownProfiles
from .rollout_estimate import RolloutEstimate
from .stack_status import RefusedError, status_warnings


def plan_stack(stack: StackArtifact, environment: Environment, now: float) -> list[AssociationPlan]:
    """What a deployment of a stack, and of those that are nested in it, would do about the instances of each of their
    associations.

    Args:
        stack: the stack, as the assembly has it.
        environment: the account and Region that it is for.
        now: seconds since the epoch.
    """
    environment.reader.reset()
    earlier = EarlierChanges(outcome_before(stack, environment), planned_instances_of(stack, environment))
    planners = [
        planner for one in [*environment.stacks.family(stack)] for planner in _planners(one, environment, earlier, now)
    ]
    plans: dict[_Planner, AssociationPlan | None] = dict.fromkeys(planners)
    in_order = _in_order(planners, AssociationOrder(environment.stacks))
    for planner in in_order:
        environment.reader.reset()
        plans[planner] = guarded(planner.plan, planner.not_planned)
    steps = (step for planner in in_order for step in planner.steps if not step.instance_id.startswith(NEW))
    environment.outcomes[stack.address] = outcome_of(steps)
    return [earlier.with_overlaps(one.key, plan, environment.text) for one, plan in plans.items() if plan]


def _planners(
    stack: StackArtifact, environment: Environment, earlier: EarlierChanges, now: float
) -> Iterator["_Planner"]:
    """Those of the associations of one stack."""
    deployed = environment.stacks.deployed(stack.address)
    # What is said of one association may be about the profile of another one.
    environment.stacks.values(stack.address)
    if deployed:
        environment.stacks.former_values(stack.address, deployed)
    former = deployed.associations if deployed else []
    for logical_id in dict.fromkeys((*stack.associations, *former)):
        before = deployed if logical_id in former else None
        yield _Planner(stack, environment, before, logical_id, earlier, now)


def _in_order(planners: Sequence["_Planner"], order: AssociationOrder) -> list["_Planner"]:
    """The planners in the order of CloudFormation. Each gets to know those that it comes after."""
    leaving = [one for one in planners if one.leaves]
    staying = [one for one in planners if one not in leaving]
    for one in staying:
        one.after = [other for other in staying if order.waits_for(one.key, other.key)]
    # What comes first waits for less than what waits for it.
    return [*sorted(staying, key=lambda one: len(one.after)), *leaving]


class _Planner:
    """Plans one association."""

    def __init__(
        self,
        stack: StackArtifact,
        environment: Environment,
        deployed: DeployedStack | None,
        logical_id: str,
        earlier: EarlierChanges,
        now: float,
    ) -> None:
        self._stack, self._environment, self._logical_id, self._now = stack, environment, logical_id, now
        self._earlier, self._deployed = earlier, deployed
        """None if the association is not deployed."""
        self._reader, self.key = environment.reader, (stack.address, logical_id)
        self.after: Sequence[_Planner] = ()
        """Those of the associations that CloudFormation creates or updates before this one."""
        self.steps: tuple[Step, ...] = ()
        """What the handler does, once that is planned."""
        self._rolls_back = False
        """The handler will take the deployment for the rollback of a failed one."""
        self._observer: PlannedObserver
        self._profiles: KnownProfiles
        """The instances and the profiles as the preview has seen them. It makes these."""

    @property
    def path(self) -> str:
        """The path of its construct."""
        former = self._deployed.template if self._deployed else {}
        here = self._logical_id in self._stack.associations
        return self._stack.address.path(self._stack.template if here else former, self._logical_id)

    @property
    def leaves(self) -> bool:
        """Whether the association is deleted, as far as that is known. CloudFormation deletes after everything else."""
        try:
            return not exists_after_deployment(self._environment.stacks, self._stack, self._logical_id)
        except UnresolvedError:
            return False

    def plan(self) -> AssociationPlan | None:
        """The plan; None if there is no such association, neither now nor then."""
        self._environment.stacks.deployed(self._stack.address)  # that it could not be seen is a matter of each of them
        try:
            intent = intent_of(self._environment, self._stack, self._deployed, self._logical_id)
        except UnresolvedError as error:
            return self.not_planned(str(error))
        except (RequestError, RefusedError) as error:
            return replace(self._about(self._expected), problems=(str(error),))
        if intent is None:
            return None
        return self._shown(intent, self._reader.fetch("the instances", lambda: self._preview(intent), None))

    def not_planned(self, why: str) -> AssociationPlan:
        """What is known where nothing can be said of the instances."""
        self._reader.record_gap(why)
        return self._about(self._expected)

    def _preview(self, intent: Intent) -> Preview:
        ledger = self._ledger
        records = ledger.records() if ledger else {}
        carried = self._before.carried if intent.desired else self._earlier.carried
        stated = stated_roles(records, intent.desired)
        observer = PlannedObserver(self._environment, stated, carried, self._earlier.instances)
        self._observer, self._profiles = observer, KnownProfiles(self._environment, observer)
        if intent.desired is None:  # what is held, if anything, is to be restored
            records = self._earlier.records(ledger, records) if ledger else {}
            return preview_of_delete(records, observer, now=self._now)
        operation = ledger.operation() if ledger else None
        self._rolls_back = operation is not None and intent.is_rollback_to(operation.came_from)
        context = OperationContext(intent.ids_before(records), self._rolls_back, intent.before)
        others = self._others_records if ledger else no_others
        found = preview(intent.desired, records, observer, context, now=self._now, started_at=self._now, look_up=others)
        if intent.event is not Event.NONE:
            self._note(intent, found, context)
        return found

    def _note(self, intent: Intent, found: Preview, context: OperationContext) -> None:
        """Let the other associations of the deployment know what this one does."""
        assert intent.desired
        of_budget = RolloutEstimate(intent, found.plan, found.snapshot.stopped).entry(self.path, self._rolls_back)
        provider = properties_of(self._stack.resources[self._logical_id]).get("ServiceToken")
        among, after = (self._stack.address, str(provider)), {one.key for one in self.after}
        targets = Targets(self.key, self.path, intent.desired, found, context, of_budget, among, after)
        self._earlier.add(self._ledger, targets)

    def _others_records(self, ids: Collection[str]) -> Records:
        claimed = [id_ for id_ in ids if id_ not in self._before.restored]
        return self._ledger.records_of(claimed) if self._ledger else {}

    @lazy
    def _before(self) -> Outcome:
        """What is done to instances before CloudFormation creates or updates the association."""
        in_order = sorted(self.after, key=lambda one: len(one.after))
        return merged([self._earlier.before, *(outcome_of(one.steps) for one in in_order)])

    @lazy
    def _ledger(self) -> AssociationLedger | None:
        look = self._environment.ledger if self._deployed else self._environment.future_ledger
        return look(self._stack.address, self._logical_id)

    def _shown(self, intent: Intent, found: Preview | None) -> AssociationPlan:
        self.steps = found.plan.steps if found and intent.event is not Event.NONE else ()
        intent = replace(intent, rollout=Rollout()) if self._rolls_back else intent
        if found is None:
            return self._about(intent.event)
        rows = Rows(self._environment, self._profiles, self._observer.current).of(intent, found)
        existing = self._observer.current
        changing = [row.id for row in rows if row.changes and row.planned and row.id in existing]
        keys, warnings = with_access_key(self._environment.aws.ec2, self._reader, changing)
        rows = [warned(row, ACCESS_KEY) if row.id in keys else row for row in rows]
        impact = Impact(self._environment, self._profiles)
        own = [row for row in rows if row.changes or row.planned == row.current]  # not what another one gives
        changes = impact.changes(own)
        rollout_estimate = RolloutEstimate(intent, found.plan, found.snapshot.stopped)
        problems = () if intent.event is Event.NONE else (*found.problems, *rollout_estimate.problems)
        no_order = [*without_order(outcome_of(self.steps), self._stack, self._environment)]
        if intent.event not in (Event.NONE, Event.DELETE):
            no_order += self._earlier.instances.without_order(self._observer.changed, self.key)
        of_event = [ROLLBACK] if self._rolls_back else []
        about, others = self._about(intent.event), impact.others(changes, {row.id for row in rows})
        return replace(
            about,
            profile=self._profiles.view(intent.wanted),
            instances=tuple(rows),
            permissions=changes,
            problems=tuple(map(self._environment.text, (*problems, *impact.problems(own)))),
            warnings=unique([*about.warnings, *of_event, *no_order, *warnings, *others]),
            estimate=rollout_estimate.estimate,
            rollout=rollout_estimate.rollout,
            enforcement=self._enforcement(intent, found),
            unseen=tuple(self._reader.unavailable),
        )

    def _enforcement(self, intent: Intent, found: Preview) -> EnforcementPlan | None:
        if intent.enforcement is None or intent.desired is None:
            return None
        changes = intent.event is not Event.NONE
        planned = Planned(
            intent.desired, intent.before, intent.enforcement, intent.max_changes, found.snapshot, changes=changes
        )
        return enforcement_plan(planned, self._ledger)

    @property
    def _expected(self) -> Event:
        """What CloudFormation asks for where nothing more is known of what is wanted."""
        if self._stack.template and self._logical_id not in self._stack.associations:
            return Event.DELETE
        return Event.UPDATE if self._deployed and self._logical_id not in self._deployed.failed else Event.CREATE

    def _about(self, event: Event) -> AssociationPlan:
        """The plan without any instance yet."""
        stacks = self._environment.stacks
        return AssociationPlan(
            stack=self._stack.name,
            association=self.path,
            account=self._environment.aws.account,
            region=self._environment.aws.region,
            event=event,
            profile=None,
            warnings=(*status_warnings(stacks, self._stack.address), *new_key_policies(stacks)),
            unseen=tuple(self._reader.unavailable),
        )
