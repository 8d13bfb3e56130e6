"""The accounts and Regions of the chosen stacks, each with what is around it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ...runtime.association.aws.rate_limiter import RateLimiter
from ..aws.accounts import Accounts
from ..aws.partial_reader import PartialReader
from ..live.deployment import deployment_of
from ..live.environment import Environment
from ..template import assembly
from ..template.assembly import StackArtifact


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An account and Region."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account}, {self.region}"


class Source(Protocol):
    """The accounts and Regions of a command."""

    @property
    def places(self) -> Sequence[Place]:
        """All of them."""

    def open(self, place: Place, rate_limiter: RateLimiter) -> tuple[Environment, Sequence[StackArtifact]]:
        """What is around the stacks of an account and Region, and the stacks that the command is about. Nothing of it
        is shared with another one, so each can be looked at by a thread of its own.

        Args:
            place: the account and Region.
            rate_limiter: hands out the right to call EC2 there.

        Raises:
            CliError: it can't be looked at.
            NoAccessError: there are no credentials for it.
        """


class OfAnAssembly:
    """The accounts and Regions of some of the stacks of an assembly."""

    def __init__(
        self, accounts: Accounts, chosen: Sequence[StackArtifact], all_stacks: Sequence[StackArtifact]
    ) -> None:
        """
        Args:
            accounts: gives the clients.
            chosen: the stacks that the command is about.
            all_stacks: all stacks of the assembly.

        Raises:
            CliError: there are no credentials, or no Region is known.
        """
        self._accounts = accounts
        self._deployed = assembly.deployed_with(chosen, all_stacks)
        self._chosen = self._by_place(chosen)
        self._neighbours = self._by_place(all_stacks) if chosen else {}
        self._looked_at = [*dict.fromkeys((*self._chosen, *self._by_place(self._deployed)))]

    @property
    def places(self) -> Sequence[Place]:
        """All of them."""
        return [*self._chosen]

    def open(self, place: Place, rate_limiter: RateLimiter) -> tuple[Environment, Sequence[StackArtifact]]:
        """What is around the stacks of an account and Region, and the chosen ones of these."""
        known = {  # IAM has no Regions: a stack of another one may be about the same role
            one: self._environment(one, PartialReader(goes_on=one != place), rate_limiter)
            for one in self._looked_at
            if one.account == place.account
        }
        graphs = [environment.stacks for environment in known.values()]
        known[place].deployment = deployment_of(self._deployed, graphs)
        known[place].aws.check()
        return known[place], self._chosen[place]

    def _environment(self, place: Place, sight: PartialReader, rate_limiter: RateLimiter) -> Environment:
        neighbours = self._neighbours[place]
        lookup_role = next((one.lookup_role for one in neighbours if one.lookup_role), None)
        aws = self._accounts.aws(place.account, place.region, lookup_role)
        return Environment(aws, neighbours, sight, rate_limiter)

    def _by_place(self, stacks: Sequence[StackArtifact]) -> dict[Place, list[StackArtifact]]:
        found = defaultdict[Place, list[StackArtifact]](list)
        for one in stacks:
            region = one.region or self._accounts.region
            found[Place(one.account or self._accounts.own, region)].append(one)
        return dict(found)
