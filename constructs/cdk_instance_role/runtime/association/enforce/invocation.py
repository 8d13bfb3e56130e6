"""One invocation of enforcement: some messages, the associations that they are about, and what comes again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..aws.errors import text_of
from ..aws.instances import look_up
from ..aws.rate_limiter import RateLimiter
from ..decide.model import GONE, Instance
from ..drift.breaker import EnforcementState
from ..drift.ownership import OtherAssociation
from ..exceptions import AssociationError, RequestError
from ..ledger.desired_states import UPGRADE, DesiredState
from ..ledger.enforcement_lease import LostError, StaleError
from ..pauses import doubling_pause
from ..report import log
from ..services import Services
from .cause import Cause, is_waited_for
from .look import Enforced, Look
from .queue_messages import Hint, MessageError, parse
from .relevance import disagree, is_about

SLICE_SECONDS, INVOCATION_SECONDS = 20.0, 40.0
"""How long one association is worked on, and when the last change begins: the function has a minute."""
MAX_AGE_SECONDS, MAX_RECEIVES = 900.0, 90
"""After that a message is dropped, and the next sweep takes over."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 5.0, 60.0
"""How soon a message comes again that waits for something: twice as late each time."""
LAG_SECONDS = 30.0
"""How long an event counts more than an answer of EC2 that does not show it yet."""
LATE = 1.2
"""How much of its interval may pass until the next sweep: the scheduler has a flexible window."""
SECONDS_BETWEEN_LOOKS = 10.0
"""Between the looks of a slice after the second one."""


class Invocation:
    """The messages of one invocation."""

    def __init__(self, hints: Sequence[Hint], services: Services, owner: str) -> None:
        """
        Args:
            hints: what the messages say.
            services: clients and clock.
            owner: the caller, unique per invocation.
        """
        self._hints, self._services, self._owner = hints, services, owner
        self._clock, self._ledger = services.clock, services.ledger
        self._began = services.clock()
        self._rate_limiter = RateLimiter(
            services.ledger.levels.read(self._began), clock=services.clock, sleep=services.sleep
        )
        self._again: dict[str, float] = {}
        """Seconds until messages come again, by their ids. The others are deleted."""

    def run(self) -> list[str]:
        """Work on what the messages are about. Returns the ids of those that come again."""
        try:
            self._work()
        except (ClientError, BotoCoreError) as error:
            log.write_problem("AWS did not answer, to be continued", error=text_of(error))
            self._again |= {hint.id: MAX_PAUSE_SECONDS for hint in self._hints}
        self._ledger.levels.write(self._rate_limiter.levels(), self._clock())
        return [hint.id for hint in self._hints if self._comes_again(hint)]

    def _work(self) -> None:
        enforced = self._enforced()
        concerned = self._concerned(enforced)
        for association in enforced:
            hints = concerned.get(association.state.association)
            if not hints:
                continue
            cause = Cause.of(hints)
            if self._clock() - self._began > INVOCATION_SECONDS - SLICE_SECONDS:
                seconds: float | None = 0.0
            else:
                seconds = self._look(association, cause)
            if seconds is not None:
                self._have_again(cause.for_next_look(self._state(association)), seconds)

    def _enforced(self) -> list[Enforced]:
        """All associations that are enforced, the one first that was looked at longest ago."""
        found = [one for state in self._ledger.desired_states.all() if (one := _read(state))]
        associations = [
            OtherAssociation(one.state.association, one.state.first_at, one.desired.selection) for one in found
        ]
        found = [one.among(associations) for one in found]
        self._states = self._ledger.enforcement.states(one.state.association for one in found)
        self._interval = min((one.settings.every for one in found), default=0.0)
        return sorted(found, key=lambda one: self._state(one).tried_at)

    def _concerned(self, enforced: Sequence[Enforced]) -> dict[str, list[Hint]]:
        """The messages that an association is to be looked at for, by its key."""
        events = [hint for hint in self._hints if not hint.is_sweep]
        seen = self._look_up({hint.instance_id for hint in events if hint.instance_id}) if events and enforced else {}
        holders = self._holders(seen) if seen else {}
        concerned: dict[str, list[Hint]] = {}
        for association in enforced:
            key = association.state.association
            for hint in self._hints:
                if hint.association not in (None, key):
                    continue
                # One that comes again stands for all that was left, and not only for its own instance.
                is_left = hint.receives > 1 and self._state(association).is_unfinished
                is_due = (
                    self._is_due(association, hint) if hint.is_sweep else is_about(association, hint, seen, holders)
                )
                if is_left or is_due:
                    concerned.setdefault(key, []).append(hint)
        if enforced:
            self._wait_for_ec2(events, enforced, seen)
        return concerned

    def _look_up(self, ids: Iterable[str]) -> dict[str, Instance | None]:
        """The instances that events are about; None for one that EC2 does not show (yet)."""
        found, _ = look_up(self._services.ec2, sorted(ids), self._rate_limiter)
        known = {one.id: one for one in found}
        return {id_: known.get(id_) for id_ in ids}

    def _holders(self, ids: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """The associations that hold these instances, as far as their records can be read."""
        holders, problems = self._ledger.holders_of([*ids])
        for problem in problems:
            log.write_problem(problem)
        return holders

    def _wait_for_ec2(
        self, events: Iterable[Hint], enforced: Sequence[Enforced], seen: Mapping[str, Instance | None]
    ) -> None:
        """Have those events again of which EC2's answers do not show yet what they say."""
        for hint in events:
            found = seen.get(hint.instance_id or "")
            is_young = self._clock() - hint.sent_at < LAG_SECONDS
            if found is None or found.state in GONE:
                is_late = found is None and is_young
            else:
                is_late = is_young and any(disagree(one, hint, found) for one in enforced)
            if is_late:
                self._have_again([hint], FIRST_PAUSE_SECONDS)

    def _is_due(self, association: Enforced, hint: Hint) -> bool:
        """Whether a sweep is to look at an association: it has not yet, and the next sweep would come too late for it.
        Sweeps come as often as one of the associations wants them."""
        state = self._state(association)
        next_sweep = self._clock() + LATE * self._interval
        is_late = hint.sent_at > state.swept_at and next_sweep >= state.swept_at + association.settings.every
        return is_late or is_waited_for(hint, state)

    def _state(self, association: Enforced) -> EnforcementState:
        return self._states.get(association.state.association, EnforcementState()).of_operation(
            association.state.request_id
        )

    def _look(self, association: Enforced, cause: Cause) -> float | None:
        """Look at an association until nothing new has come meanwhile. Returns the seconds until the next look."""
        looks, until = 0, self._clock() + SLICE_SECONDS  # INVOCATION_SECONDS at the latest
        try:
            with self._ledger.enforcement_lease(association.state, self._owner, self._services.timing) as lease:
                while True:
                    began, looks = self._clock(), looks + 1
                    seconds = Look(self._services, association, lease, self._rate_limiter, until, cause).run()
                    if seconds == 0.0 or lease.release_unless_asked():
                        return seconds
                    self._ledger.enforcement.leave_unfinished(lease)
                    lease.begin_again()
                    cause = cause.again(began)
                    if self._clock() >= until:
                        return 0.0
                    if looks > 1:
                        self._services.sleep(max(0.0, began + SECONDS_BETWEEN_LOOKS - self._clock()))
        except StaleError:
            return 0.0
        except LostError:  # the one who works on it observes again
            self._have_again(cause.unfulfilled(self._state(association)), FIRST_PAUSE_SECONDS)
            return None
        except (ClientError, BotoCoreError) as error:
            log.write_enforcement(
                association.request, "can't be looked at now, to be tried again", error=text_of(error)
            )
        except AssociationError as error:  # an item of the ledger can't be read: the next sweep tries again
            log.write_problem(f"{association.state.association} can't be looked at: {error}")
            return None
        except Exception as error:  # whatever it is, it is no reason to leave out the other associations
            log.write_error(association.request, error)
        return MAX_PAUSE_SECONDS

    def _have_again(self, hints: Iterable[Hint], seconds: float) -> None:
        for hint in hints:
            self._again[hint.id] = min(seconds, self._again.get(hint.id, seconds))

    def _comes_again(self, hint: Hint) -> bool:
        """Whether a message comes again. It is hidden for as long as it has to wait."""
        seconds = self._again.get(hint.id)
        if seconds is None or hint.receives >= MAX_RECEIVES or self._services.queue is None:
            return False
        if seconds > 0:
            if self._clock() - hint.sent_at > MAX_AGE_SECONDS:
                return False
            longer = doubling_pause(FIRST_PAUSE_SECONDS, hint.receives - 1, longest=MAX_PAUSE_SECONDS)
            seconds = min(MAX_PAUSE_SECONDS, max(seconds, longer))
        problem = self._services.queue.hide(hint.receipt_handle, seconds)
        if problem:
            log.write_problem("a message comes again later than it should", error=problem)
        return True


def read(records: Iterable[Mapping[str, Any]]) -> list[Hint]:
    """What messages say. Those that nobody should send are logged, and not handled again."""
    hints = []
    for record in records:
        try:
            hints.append(parse(record))
        except MessageError as error:
            log.write_problem(f"message {record['messageId']} is dropped: {error}")
    return hints


def _read(state: DesiredState) -> Enforced | None:
    """An association, as far as this release can read what it wants."""
    problem = state.problem
    try:
        if not problem:
            return Enforced.of(state)
    except RequestError as error:
        problem = f"{error}: {UPGRADE}"
    log.write_problem(f"{state.association} is not enforced: {problem}")
    return None
