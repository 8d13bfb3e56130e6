"""The accounts and Regions of the chosen stacks, each with what is around it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ...runtime.association.aws.rate_limiter import RateLimiter
from ..aws.accounts import Accounts
from ..aws.partial_reader import PartialReader
from ..live.deployment import deployment_of
from ..live.environment import Environment
from ..model import CliError
from ..template import assembly
from ..template.assembly import LookupRole, StackArtifact


@dataclass(frozen=True, slots=True, order=True)
class AccountRegion:
    """An account and Region."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account}, {self.region}"


@dataclass(frozen=True, slots=True)
class Opened:
    """What is around the stacks of an account and Region."""

    environment: Environment
    stacks: Sequence[StackArtifact]
    """Those that the command is about."""
    unseen: Sequence[str] = ()
    """What could not be looked at while they were looked for, in sentences."""


class Source(Protocol):
    """The accounts and Regions of a command."""

    @property
    def account_regions(self) -> Sequence[AccountRegion]:
        """All of them."""

    def open(self, account_region: AccountRegion, rate_limiter: RateLimiter) -> Opened:
        """The stacks of an account and Region that the command is about, and what is around them.

        Nothing of it is shared with another one, so each can be looked at by a thread of its own.

        Args:
            account_region: the account and Region.
            rate_limiter: hands out the right to call EC2 there.

        Raises:
            CliError: it can't be looked at.
        """


class OfAnAssembly:
    """The accounts and Regions of some of the stacks of an assembly. Each deployed stack is read once."""

    def __init__(
        self,
        accounts: Accounts,
        named: Sequence[StackArtifact],
        all_stacks: Sequence[StackArtifact],
        *,
        with_needed: bool = False,
    ) -> None:
        """
        Args:
            accounts: gives the clients.
            named: the stacks that are named. Their lookup roles are tried first.
            all_stacks: all stacks of the assembly.
            with_needed: whether the command is also about the stacks that the named ones need.

        Raises:
            CliError: there are no credentials, or no Region is known.
        """
        self._accounts = accounts
        self._deployed = assembly.deployed_with(named, all_stacks)
        self._named = {id(one) for one in named}
        chosen = [one for one in self._deployed if with_needed or id(one) in self._named]
        self._chosen = self._by_account_region(chosen)
        if named:
            accounts.own  # noqa: B018  # before there are threads: credentials may ask for a code
        for account_region, stacks in self._chosen.items():
            _check_names(account_region, stacks)
        self._neighbours = self._neighbours_among(all_stacks) if named else {}
        looked_at = dict.fromkeys((*self._chosen, *self._by_account_region(self._deployed)))
        by_preference = self._by_account_region((*named, *self._deployed, *all_stacks)) if named else {}
        self._aws = {
            one: accounts.aws(one.account, one.region, *_lookup_roles(by_preference[one])) for one in looked_at
        }

    @property
    def account_regions(self) -> Sequence[AccountRegion]:
        """All of them."""
        return [*self._chosen]

    @property
    def needed(self) -> list[StackArtifact]:
        """The stacks that the named ones need, and that are not named."""
        return [one for one in self._deployed if id(one) not in self._named]

    def open(self, account_region: AccountRegion, rate_limiter: RateLimiter) -> Opened:
        """The chosen stacks of an account and Region, and what is around them."""
        known = {  # IAM has no Regions: a stack of another one may be about the same role
            one: self._environment(one, PartialReader(goes_on=one != account_region), rate_limiter)
            for one in self._aws
            if one.account == account_region.account
        }
        graphs = [environment.stacks for environment in known.values()]
        known[account_region].deployment = deployment_of(self._deployed, graphs)
        known[account_region].aws.check()
        return Opened(known[account_region], self._chosen[account_region])

    def _environment(
        self, account_region: AccountRegion, reader: PartialReader, rate_limiter: RateLimiter
    ) -> Environment:
        return Environment(self._aws[account_region], self._neighbours[account_region], reader, rate_limiter)

    def _neighbours_among(self, stacks: Sequence[StackArtifact]) -> dict[AccountRegion, list[StackArtifact]]:
        deployed = self._by_account_region(self._deployed)
        return {
            one: _with_distinct_names(neighbours, (*self._chosen.get(one, ()), *deployed.get(one, ())))
            for one, neighbours in self._by_account_region(stacks).items()
        }

    def _by_account_region(self, stacks: Sequence[StackArtifact]) -> dict[AccountRegion, list[StackArtifact]]:
        found = defaultdict[AccountRegion, list[StackArtifact]](list)
        for one in stacks:
            region = one.region or self._accounts.region
            found[AccountRegion(one.account or self._accounts.own, region)].append(one)
        return dict(found)


def _lookup_roles(stacks: Sequence[StackArtifact]) -> list[LookupRole]:
    """The roles that the CDK CLI would assume for some of these stacks, in the order of the stacks."""
    found: list[LookupRole] = []
    for one in stacks:
        if one.lookup_role and one.lookup_role not in found:
            found.append(one.lookup_role)
    return found


def _with_distinct_names(stacks: Sequence[StackArtifact], deployed: Sequence[StackArtifact]) -> list[StackArtifact]:
    """The stacks of an account and Region, one for each name: the one that is deployed. If none of several is deployed,
    it is not known which one the name means, so nothing is planned for it.

    Args:
        stacks: all of them.
        deployed: those that are deployed. Of several with one name, the first counts.
    """
    known = {one.name: one for one in reversed(deployed)}
    named = defaultdict[str, list[StackArtifact]](list)
    for one in stacks:
        named[one.name].append(one)
    return [
        known.get(name) or (same[0] if len(same) == 1 else replace(same[0], template={}, nested={}))
        for name, same in named.items()
    ]


def _check_names(account_region: AccountRegion, stacks: Sequence[StackArtifact]) -> None:
    """Refuse stacks that CloudFormation would take for one.

    Raises:
        CliError: two have the same name.
    """
    known: dict[str, StackArtifact] = {}
    for one in stacks:
        other = known.setdefault(one.name, one)
        if other is not one:
            raise CliError(
                f"stacks {other.address.construct or other.id} and {one.address.construct or one.id} have the same "
                f"name {one.name} in {account_region}: name the one that is meant"
            )
