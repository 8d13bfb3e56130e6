"""A model of EC2, of the ledger and of the handler's loop, without a clock and without a call.

EC2 is modelled as strictly as it is: what it would refuse is an assertion here, so that a plan which asks for it
fails the test. The ledger and the loop do what `ledger.py`, `apply.py` and `converge.py` do with the steps of a plan.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cdk_instance_role.runtime.association.decide.model import Association, Instance, InstanceState, Snapshot
from cdk_instance_role.runtime.association.decide.plan import OperationContext, plan_desired, plan_undo
from cdk_instance_role.runtime.association.decide.record import Record, held
from cdk_instance_role.runtime.association.decide.step import Action, Plan, Step
from cdk_instance_role.runtime.association.request.desired import Desired
from tests.unit.builders import existing

MAX_ROUNDS = 12
"""More than any operation of these few instances needs, each state of which settles within a round."""

_SETTLED = {InstanceState.PENDING: InstanceState.RUNNING, InstanceState.STOPPING: InstanceState.STOPPED}


class CrashError(Exception):
    """The handler is killed at this point."""


class RefusedError(Exception):
    """The operation meets a problem."""


@dataclass
class Machine:
    """An instance in EC2."""

    state: InstanceState
    profile: str | None = None
    established: bool = True
    leaving: bool = False
    association: int = 0
    """Number of the active association; every change makes a new one."""

    def settle(self) -> None:
        """Time passes."""
        self.state = _SETTLED.get(self.state, self.state)
        self.established, self.leaving = True, False


@dataclass
class World:
    machines: dict[str, Machine]
    profiles: set[str]
    """Instance profiles that exist."""
    ledger: dict[str, Record] = field(default_factory=dict)
    """Records of all associations, by instance id."""
    association: str = "Association"
    """The one that acts; several may share the ledger."""
    crash_after: int | None = None
    """Writes after which the handler is killed."""
    touched: set[str] = field(default_factory=set)
    """Instances that EC2 was asked to change."""
    calls: int = 0
    """Changes that EC2 was asked for."""

    @property
    def records(self) -> dict[str, Record]:
        """The ledger as the association sees it."""
        return {id_: record.for_association(self.association) for id_, record in self.ledger.items()}

    def carried(self) -> dict[str, str | None]:
        return {id_: machine.profile for id_, machine in self.machines.items()}

    # The loop

    def associate(self, desired: Desired, known_ids: Iterable[str] = (), *, rolling_back: bool = False) -> Plan:
        """A whole operation. It changes nothing if the first look finds a problem."""
        context = OperationContext(frozenset(known_ids), rolling_back)
        return self._converge(lambda: self.plan(desired, context), desired)

    def undo(self) -> Plan:
        """Undo everything in the ledger."""
        return self._converge(lambda: plan_undo(self.observe()), None)

    def plan(self, desired: Desired, context: OperationContext) -> Plan:
        return plan_desired(desired, self.observe(desired.selection.ids), context)

    def _converge(self, look: Callable[[], Plan], desired: Desired | None) -> Plan:
        for _ in range(MAX_ROUNDS):
            plan = look()
            if plan.problems:
                raise RefusedError(plan.problems)
            self._write_down(plan, desired)
            if plan.converged:
                self._settle_records(desired)
                return plan
            for step in plan.changes:
                self._claim(step)
                self._carry_out(step)
                self._note(step)
            self.time_passes()
        raise AssertionError(f"no end after {MAX_ROUNDS} rounds: {plan}")

    # EC2

    def observe(self, selected: Iterable[str] = ()) -> Snapshot:
        selected = tuple(selected)
        records = self.records
        known = [id_ for id_ in {**dict.fromkeys(selected), **held(records)} if id_ in self.machines]
        previous = {arn for record in records.values() for arn in record.candidates if arn}
        profiles = {arn: found for arn, found in existing(*previous).items() if arn in self.profiles}
        return Snapshot(
            selected=selected,
            instances={id_: _seen(id_, self.machines[id_]) for id_ in known},
            records=records,
            profiles={**dict.fromkeys(previous), **profiles},
            now=120.0,  # all is at 0, and EC2 shows everything that it has accepted
        )

    def time_passes(self) -> None:
        for machine in self.machines.values():
            machine.settle()

    def _carry_out(self, step: Step) -> None:
        self.touched.add(step.instance_id)
        match step.action:
            case Action.ASSOCIATE:
                self._put(step)
            case Action.REPLACE:
                self._end(step, InstanceState.RUNNING)
                self._put(step)
            case Action.DISASSOCIATE:
                self._end(step, InstanceState.RUNNING, InstanceState.STOPPED)
                self._write()
            case Action.SWAP:
                self._end(step, InstanceState.STOPPED)
                self._write()
                self._put(step)

    def _put(self, step: Step) -> None:
        machine = self.machines[step.instance_id]
        assert step.after in self.profiles, f"EC2 does not know profile {step.after}"
        assert machine.state in (InstanceState.RUNNING, InstanceState.STOPPED), f"EC2 refuses in state {machine.state}"
        assert machine.profile is None, "EC2 refuses: there is an existing association"
        # A replace creates the new association before the old one ends.
        assert not machine.leaving or step.action is Action.REPLACE, "EC2 refuses: the former association is not gone"
        machine.profile, machine.established = step.after, False
        machine.association += 1
        self._write()

    def _end(self, step: Step, *states: InstanceState) -> None:
        machine = self.machines[step.instance_id]
        assert machine.profile is not None, "EC2 has no active association"
        assert step.association_id == _association_id(machine), "EC2 refuses: not the active association"
        assert machine.state in states, f"EC2 refuses to {step.action} in state {machine.state}"
        machine.profile, machine.leaving = None, machine.state is InstanceState.RUNNING

    # The ledger

    def _write_down(self, plan: Plan, desired: Desired | None) -> None:
        for step in plan.forgotten:
            if record := self.records.get(step.instance_id):
                self._store(record.released())
        if desired is None:
            return
        wanted = desired.profile.arn
        for step in plan.kept:
            if step.after == wanted and wanted not in self._record(step).ours:
                self._claim(step)

    def _record(self, step: Step) -> Record:
        return self.records.get(step.instance_id) or Record(step.instance_id)

    def _store(self, record: Record) -> None:
        if record.claims:
            self.ledger[record.instance_id] = record
        else:
            del self.ledger[record.instance_id]

    def _claim(self, step: Step) -> None:
        self._store(self._record(step).claimed(self.association, step, 0.0))
        self._write()

    def _note(self, step: Step) -> None:
        self._store(self._record(step).noted(None, 0.0))
        self._write()

    def _settle_records(self, desired: Desired | None) -> None:
        mine = held(self.records)
        if desired is None:
            assert not mine, "what is restored is forgotten"
            return
        for record in mine.values():
            self._store(record.committed(desired.profile.arn))

    def _write(self) -> None:
        self.calls += 1
        if self.crash_after is not None:
            if self.crash_after == 0:
                self.crash_after = None
                raise CrashError
            self.crash_after -= 1


def world(carries: Mapping[str, tuple[InstanceState, str | None]], profiles: Iterable[str]) -> World:
    """A world in which these profiles exist and no change was made yet."""
    return World({id_: Machine(state, profile) for id_, (state, profile) in carries.items()}, set(profiles))


def _association_id(machine: Machine) -> str:
    return f"iip-assoc-{machine.association}"


def _seen(id_: str, machine: Machine) -> Instance:
    association = None
    if machine.profile is not None:
        association = Association(_association_id(machine), machine.profile, machine.established)
    return Instance(id_, machine.state, association, machine.leaving)
