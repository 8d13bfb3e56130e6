"""All Regions of one account, each with a simulator, and the Region of each call."""

import threading
from typing import Protocol

from tests.simulator.account import Propagation
from tests.simulator.authority import Authority
from tests.simulator.clock import Clock
from tests.simulator.copies import Numbers
from tests.simulator.endpoint import Request
from tests.simulator.fleet import Fleet, Profile
from tests.simulator.iam import GET_PROFILE
from tests.simulator.simulator import Simulator
from tests.simulator.wire import Response, parse_form

ASSOCIATION_SECONDS, DISASSOCIATION_SECONDS, PROPAGATION_SECONDS = 1.6, 1.0, 1.5
"""They pass in real time, so they are short."""
FUNCTION = "arn:aws:lambda:"
"""How the session tokens of deployed functions begin. Others have none, or one that means nothing here."""


class Environment(Protocol):
    """The rest of the account. It is read again for every call: what is deleted there is unknown here."""

    def profiles(self) -> dict[str, Profile]:
        """All instance profiles, by ARN."""

    def authority(self, function_arn: str) -> Authority:
        """Decides what a function may do."""


class Regions:
    """Answers EC2's calls about instances, and IAM's ``GetInstanceProfile``.

    What a deployed function calls is judged by its rights. Everyone else may do everything.
    """

    def __init__(self, environment: Environment, clock: Clock, *, account: str, region: str) -> None:
        """
        Args:
            environment: what else there is in the account.
            clock: tells the time, and lets it pass.
            account: account id.
            region: Region whose simulator answers for IAM, too.
        """
        self._environment, self._clock, self._account, self._region = environment, clock, account, region
        self._propagation = Propagation(clock.true_time, PROPAGATION_SECONDS)
        self._numbers, self._lock = Numbers(), threading.Lock()
        self._simulators: dict[str, Simulator] = {}
        self.callers: set[str] = set()
        """ARNs of the functions that have called."""

    def simulator(self, region: str | None = None) -> Simulator:
        """The simulator of a Region.

        Args:
            region: Region. Default: the one that answers for IAM.
        """
        region = region or self._region
        return self._simulators.setdefault(region, self._new_simulator(region))

    def answer(self, request: Request) -> Response | None:
        """Answer a request; None if it is for someone else."""
        parameters = parse_form(request.body.decode())
        simulator = self._simulator_for(request, parameters.get("Action", ""))
        if simulator is None:
            return None
        # Who calls, and what profiles there are, must not change while a call is answered.
        with self._lock:
            simulator.authority = self._authority(request.headers.get("X-Amz-Security-Token", ""))
            simulator.fleet.profiles = self._environment.profiles()
            self._propagation.apply(simulator.fleet.profiles, parameters)
            return simulator.answer(request.service, request.body, {})

    def _simulator_for(self, request: Request, action: str) -> Simulator | None:
        if request.service == "iam":
            return self.simulator() if action == GET_PROFILE else None
        if request.service == "ec2":
            simulator = self.simulator(request.region)
            return simulator if action in simulator.ec2.actions else None
        return None

    def _authority(self, token: str) -> Authority | None:
        if not token.startswith(FUNCTION):
            return None
        self.callers.add(token)
        return self._environment.authority(token)

    def _new_simulator(self, region: str) -> Simulator:
        fleet = Fleet(self._clock.true_time, account=self._account, region=region, numbers=self._numbers)
        fleet.association_seconds, fleet.disassociation_seconds = ASSOCIATION_SECONDS, DISASSOCIATION_SECONDS
        return Simulator(self._clock, fleet)
