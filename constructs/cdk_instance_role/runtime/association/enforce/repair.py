"""Makes the changes that the circuit breaker lets through: counted first, then claimed, made and noted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..aws.apply import apply
from ..aws.rate_limiter import LIMITS, RateLimiter
from ..converge.execution import NOT_BEGUN
from ..decide.model import Snapshot
from ..decide.outcome import ErrorKind, Outcome
from ..decide.record import Records
from ..decide.step import Step, actions_of
from ..decide.swaps import SwapGate
from ..drift.assessment import SOON_SECONDS
from ..drift.breaker import ChangeKind, EnforcementState
from ..drift.finding import Finding
from ..drift.result import Assessment, Change
from ..ledger.enforcement_lease import EnforcementLease
from ..report import log
from ..request.event import Request
from ..services import Services

STEPS_PER_BATCH = 49
"""Steps that are claimed in one transaction of the ledger, beside the condition on the lease."""
BATCH_SECONDS = 5.0
"""How long the calls of a batch take at most: a deployment that begins meanwhile has to wait for them."""

_REFUSALS = frozenset({ErrorKind.DENIED, ErrorKind.REFUSED, ErrorKind.UNAUTHENTICATED, ErrorKind.PROPAGATING})
"""Errors after which the next try waits longer each time."""


class Repair:
    """The changes of one look."""

    def __init__(
        self, services: Services, request: Request, lease: EnforcementLease, rate_limiter: RateLimiter, until: float
    ) -> None:
        """
        Args:
            services: clients and clock.
            request: what the association wants.
            lease: of the association.
            rate_limiter: decides when a call may go out.
            until: when the rest is left to another invocation, in seconds since the epoch.
        """
        self._services, self._request, self._lease = services, request, lease
        self._rate_limiter, self._until = rate_limiter, until
        self._swaps = SwapGate()
        self.outcomes: list[Outcome] = []
        self.is_cut_off = False
        """There was no time for all changes."""

    def make(
        self, changes: Sequence[Change], snapshot: Snapshot, state: EnforcementState, assessment: Assessment
    ) -> EnforcementState:
        """Make changes, and note in the assessment what is to be remembered of each instance.

        Args:
            changes: those that may be made.
            snapshot: what they were decided from.
            state: what is remembered of the association.
            assessment: of this look.

        Returns:
            The state, with the changes counted.

        Raises:
            LostError: a deployment has begun, or somebody else works on the association. No further call was made.
        """
        for batch in self._batches(changes, snapshot):
            steps = [change.step for change in batch]
            claimed = self._services.ledger.claim(self._lease, snapshot.records, steps, self._services.clock())
            before, state = state, self._count(batch, state)
            outcomes = self._carry_out(steps, claimed, snapshot.now)
            state = self._count_made(batch, outcomes, state, before)
            for outcome in outcomes:
                self._note(outcome, batch, assessment)
        if self.is_cut_off and not self.outcomes:  # no call may go out now
            assessment.look_again_in(SOON_SECONDS)
        return state

    @property
    def goes_on_at_once(self) -> bool:
        """Whether the next look can make more changes without a pause."""
        return self.is_cut_off and bool(self.outcomes)

    def _batches(self, changes: Sequence[Change], snapshot: Snapshot) -> Iterator[list[Change]]:
        """As many changes at a time as can begin within some seconds. One swap goes before the others."""
        left = list(changes)
        if snapshot.half_swapped - {change.step.instance_id for change in changes}:  # one of these is not due yet
            left = self._admitted(left)
        steps = [change.step for change in left]
        probe = {step.instance_id for step in self._swaps.probe(steps, snapshot.half_swapped)}
        if first_ones := [change for change in left if change.step.instance_id in probe][:STEPS_PER_BATCH]:
            yield first_ones
            left = [change for change in left if change.step.instance_id not in probe]
        while not self.is_cut_off and (left := self._admitted(left)):
            # The first one is made in any case: with a large fleet the look may take as long as the slice.
            if self._services.clock() >= self._until and len(left) < len(changes):
                self.is_cut_off = True
                return
            size = self._size(left[0].step)
            yield left[:size]
            left = left[size:]

    def _admitted(self, changes: Sequence[Change]) -> list[Change]:
        admitted = {step.instance_id for step in self._swaps.admitted([change.step for change in changes])}
        return [change for change in changes if change.step.instance_id in admitted]

    def _size(self, step: Step) -> int:
        levels = self._rate_limiter.levels()
        at_once = min(levels[action] + BATCH_SECONDS * LIMITS[action].refill for action in actions_of(step))
        return max(1, min(STEPS_PER_BATCH, int(at_once) - 1))

    def _count(self, batch: Sequence[Change], state: EnforcementState) -> EnforcementState:
        """The state with the changes that are about to be made. It is written before the first call."""
        now = self._services.clock()
        for kind, ids in _limited(batch):
            state = state.beginning(kind, ids, now)
        if any(change.is_limited for change in batch):
            self._services.ledger.enforcement.write(self._lease, state, (), now)
        return state

    def _count_made(
        self, batch: Sequence[Change], outcomes: Sequence[Outcome], state: EnforcementState, before: EnforcementState
    ) -> EnforcementState:
        """The state once it is known which changes were made. Those without an answer of EC2 may be; and so may those
        that had begun before this batch, and were not made in it."""
        now, made, open_ = self._services.clock(), set[str](), set[str]()
        for one in outcomes:
            if one.accepted or one.left_without_profile:
                made.add(one.step.instance_id)
            elif one.error_kind is ErrorKind.UNREACHABLE:
                open_.add(one.step.instance_id)
        for kind, ids in _limited(batch):
            state = state.made(kind, ids & made, now)
            began_now = {id_ for id_ in ids if not before.has_begun(kind, id_)}
            state = state.not_made(kind, began_now - made - open_)
        return state

    def _carry_out(self, steps: Sequence[Step], claimed: Records, seen_at: float) -> list[Outcome]:
        services, lease = self._services, self._lease
        outcomes = apply(
            steps,
            services.ec2,
            self._rate_limiter,
            until=services.clock() + 2 * BATCH_SECONDS,
            seen_at=seen_at,
            may_call=lambda: lease.allows_calls,
        )
        self._swaps.record(outcomes)
        self.is_cut_off = self.is_cut_off or len(outcomes) < len(steps)
        # Otherwise they would count as steps that may have been made.
        not_begun = [Outcome(step, ErrorKind.CHANGED, NOT_BEGUN) for step in steps[len(outcomes) :]]
        services.ledger.note(lease.association, claimed, [*outcomes, *not_begun], services.clock())
        log.write_outcomes(self._request, outcomes)
        self.outcomes += outcomes
        return outcomes

    def _note(self, outcome: Outcome, batch: Sequence[Change], assessment: Assessment) -> None:
        now, id_ = self._services.clock(), outcome.step.instance_id
        finding = assessment.findings.get(id_) or Finding(id_)
        assessment.look_again_in(SOON_SECONDS)  # for EC2's confirmation, or for the next try
        if outcome.accepted:
            is_repair = any(change.is_repair for change in batch if change.step is outcome.step)
            right = finding.right()
            assessment.findings[id_] = right.repaired(now) if is_repair else right
            if outcome.step.undo:  # until the next look sees it, it is still to be restored
                assessment.findings[id_] = replace(right, unselected_at=finding.unselected_at)
        elif outcome.error_kind in _REFUSALS:
            assessment.findings[id_] = finding.refused(now)


def _limited(batch: Sequence[Change]) -> Iterator[tuple[ChangeKind, set[str]]]:
    """The instances whose changes count for the circuit breaker, by kind."""
    for kind in ChangeKind:
        if ids := {change.step.instance_id for change in batch if change.is_limited and change.kind is kind}:
            yield kind, ids
