"""A program on an instance, and its credentials."""

from tests.simulator.fleet import PROFILE_NOT_FOUND, ROLE_NOT_ASSUMED, Fleet

HELD_SECONDS = 6 * 3600.0
"""How long credentials last at most."""


class Process:
    """Asks the metadata service of its instance for credentials, and keeps them until they are about to expire."""

    def __init__(self, fleet: Fleet, instance_id: str) -> None:
        self._fleet, self._instance_id = fleet, instance_id
        self._held: str | None = None
        self._until = 0.0

    @property
    def role(self) -> str | None:
        """ARN of the role that it acts as now; None if it could not get any."""
        now = self._fleet.clock()
        if self._held is None or now >= self._until:
            got = self._fleet.credentials(self._instance_id)
            self._held, self._until = None if got in (ROLE_NOT_ASSUMED, PROFILE_NOT_FOUND) else got, now + HELD_SECONDS
        return self._held
