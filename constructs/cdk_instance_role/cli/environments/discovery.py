"""The accounts and Regions of deployed associations, without an assembly."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from ...runtime.association.aws.rate_limiter import RateLimiter
from ..aws.accounts import Accounts
from ..aws.clients import Aws, NoAccessError
from ..aws.partial_reader import AwsError, PartialReader, reason_of
from ..live.environment import Environment
from ..live.ledgers import TaggedLedger, stack_ids_in, tagged_ledgers
from ..model import CliError
from ..template.assembly import StackArtifact
from ..template.deployed_stack import root_of
from ..template.stacks import Address
from .account_regions import AccountRegion, Opened
from .stack_patterns import is_selected
from .threads import in_threads

ALL = "all"
"""Stands for all Regions that are enabled in an account."""


class OfDeployedStacks:
    """The accounts and Regions where ledgers are looked for, and the stacks that have associations in these."""

    def __init__(
        self, accounts: Accounts, account_ids: Sequence[str], regions: Sequence[str], names: Sequence[str]
    ) -> None:
        """
        Args:
            accounts: gives the clients.
            account_ids: the accounts. None: that of the credentials.
            regions: the Regions, or ``all`` for those that are enabled. None: that of the environment.
            names: names of stacks, or patterns. None: all.
        """
        self._accounts, self._names, self._regions = accounts, names, regions or [accounts.region]
        self._failures: dict[AccountRegion, str] = {}
        """Why the Regions of accounts could not be listed."""
        own = accounts.own
        by_account = in_threads(self._account_regions_of, account_ids or [own])
        self._account_regions = list(chain.from_iterable(by_account))

    @property
    def account_regions(self) -> Sequence[AccountRegion]:
        """All of them."""
        return self._account_regions

    def open(self, account_region: AccountRegion, rate_limiter: RateLimiter) -> Opened:
        """The deployed stacks with associations, and what is around them."""
        if account_region in self._failures:
            raise CliError(self._failures[account_region])
        aws = self._accounts.aws(account_region.account, account_region.region)
        aws.check()
        reader = PartialReader()
        found = _stacks_in(aws, reader)
        unseen = tuple(reader.unavailable)
        stacks = [
            StackArtifact(Address(name), account_region.account, account_region.region, {}, Path(), is_discovered=True)
            for name in sorted(found)
            if is_selected(self._names, name)
        ]
        return Opened(Environment(aws, stacks, reader, rate_limiter), stacks, unseen)

    def _account_regions_of(self, account: str) -> list[AccountRegion]:
        if ALL not in self._regions:
            return [AccountRegion(account, region) for region in dict.fromkeys(self._regions)]
        try:
            enabled = self._accounts.aws(account, self._accounts.region).ec2.describe_regions()["Regions"]
        except NoAccessError as error:
            reason = str(error)
        except AwsError as error:
            reason = f"its Regions can't be listed: {reason_of(error)}"
        else:
            return [AccountRegion(account, region) for region in sorted(one["RegionName"] for one in enabled)]
        failed = AccountRegion(account, ALL)
        self._failures[failed] = reason
        return [failed]


def _stacks_in(aws: Aws, reader: PartialReader) -> set[str]:
    """Names of the stacks with associations. A ledger or stack that can't be read hides no other."""
    look = partial(tagged_ledgers, aws.tagging)
    ledgers = reader.fetch("the ledgers by their tag", look, list[TaggedLedger]())
    ids = {
        id_
        for one in ledgers
        for id_ in reader.fetch(f"ledger {one.table}", partial(stack_ids_in, one, aws.dynamodb), set[str]())
    }
    roots = (reader.fetch(f"stack {id_}", partial(root_of, aws.cloudformation, id_), None) for id_ in sorted(ids))
    return {name for name in roots if name}
