"""Everything that is asked about one account and Region while an assembly is planned, each thing once."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from ...runtime.association.aws.rate_limiter import RateLimiter
from ...runtime.association.decide.record import Record
from ..aws.clients import Aws
from ..aws.instance_details import DescribedInstances
from ..aws.partial_reader import PartialReader
from ..lazy import lazy
from ..model import ProfileView
from ..template.assembly import StackArtifact
from ..template.intrinsic_functions import UnresolvedError
from ..template.property_values import StackValues
from ..template.stacks import Address
from .association_ledger import AssociationLedger
from .deployment import Deployment
from .live_roles import LiveRoles
from .name_conflicts import NameConflicts
from .providers import Provider, provider_of
from .stack_graph import StackGraph

_OF_A_NAME = r"[\w+=,.@/-]"
_MORE_OF_IT = r"[\w+=@/-]|[,.]\w"
"""What stands next to a name only if it is a part of a longer one."""


@dataclass(frozen=True)
class Outcome:
    """What the deployment of a stack does to instances."""

    carried: Mapping[str, str | None]
    """ARNs of the profiles that changed instances carry afterwards, by instance id."""
    refused: Set[str]
    """Ids of the instances that it is refused for."""
    restored: Set[str] = frozenset()
    """Ids of the instances that get their previous profile back, so that no claim on them is left."""


class Environment:
    """One account and Region, and the stacks of the assembly that are for it."""

    def __init__(
        self, aws: Aws, stacks: Sequence[StackArtifact], reader: PartialReader, rate_limiter: RateLimiter
    ) -> None:
        """
        Args:
            aws: clients for the Region.
            stacks: the stacks of the assembly that are for it, each with a name of its own.
            reader: remembers what could not be seen.
            rate_limiter: hands out the right to call EC2.
        """
        self.aws, self.reader, self.rate_limiter = aws, reader, rate_limiter
        self.stacks = StackGraph(aws, stacks, reader)
        self.deployment = Deployment([(stack, self.stacks) for stack in stacks])
        """The stacks that are deployed. Default: all of these."""
        self.outcomes: dict[Address, Outcome] = {}
        """What the deployment of a stack does to instances, by the stacks at the top that were planned so far."""
        self._texts: dict[tuple[str, int], str] = {}
        """Sentences with names, by what they were and how many stacks were known then."""

    @lazy
    def roles(self) -> LiveRoles:
        """The roles of the account."""
        return LiveRoles(self.aws.iam)

    @lazy
    def name_conflicts(self) -> NameConflicts:
        """The names in IAM that stacks can't give."""
        return NameConflicts(self.stacks, self.deployment)

    @lazy
    def instances(self) -> DescribedInstances:
        """What EC2 says of instances besides their profiles."""
        return DescribedInstances(self.aws.ec2)

    def provider(self, address: Address, logical_id: str) -> Provider | None:
        """The provider of an association of a deployed stack; None if it can't be found."""
        deployed = self.stacks.deployed(address)
        if deployed is None:
            return None
        try:
            deployed.check_template_has(logical_id)
            return provider_of(self.stacks, address, self.stacks.former_values(address, deployed), logical_id)
        except UnresolvedError as error:
            self.reader.record_gap(f"the ledger: {error}")
            return None

    def ledger(self, address: Address, logical_id: str) -> AssociationLedger | None:
        """The ledger, as an association of a deployed stack sees it; None if it can't be found."""
        provider = self.provider(address, logical_id)
        return self._ledger_of(provider, address, logical_id) if provider else None

    def future_ledger(self, address: Address, logical_id: str) -> AssociationLedger | None:
        """The ledger, as an association that the deployment creates will see it; None if there is no ledger yet.

        The provider may be deployed already, with records of other associations, or of one that was retained.
        """
        try:
            provider = provider_of(self.stacks, address, self.stacks.values(address), logical_id)
        except UnresolvedError:  # the provider is new
            return None
        return self._ledger_of(provider, address, logical_id)

    def _ledger_of(self, provider: Provider, address: Address, logical_id: str) -> AssociationLedger:
        deployed = self.stacks.deployed(address)
        key = f"{deployed.id if deployed else ''}|{logical_id}"  # a stack that is new has no id, and holds nothing
        return AssociationLedger(self.aws.dynamodb, provider.ledger, key, self.reader)

    def records(self, address: Address, logical_id: str) -> dict[str, Record]:
        """What an association of a deployed stack holds, as the ledger says."""
        ledger = self.ledger(address, logical_id)
        return ledger.records() if ledger else {}

    def profile(self, arn: str) -> ProfileView | None:
        """A profile of one of the stacks, for people; None if it is none of theirs."""
        known = (*self.stacks.planned, *self.stacks.former)
        return next((found for one in known if (found := one.iam.profile(arn))), None)

    def role_in(self, arn: str) -> str | None:
        """Name of the role that a profile of one of the stacks will hold; None if it is none of theirs, or if that is
        not known before the deployment.

        Args:
            arn: ARN of the profile.
        """
        return next((found for one in self.stacks.planned if (found := one.iam.role_in(arn))), None)

    def creates_role(self, name: str) -> bool:
        """Whether the deployment creates a role with this name in one of the stacks, also of other Regions."""
        return any(one.creates_role(name) for stacks in self._graphs for one in stacks.planned)

    def is_replaced(self, instance_id: str) -> bool:
        """Whether an instance is one of a stack, and the deployment puts another one in its place."""
        return any(instance_id in one.replaced for one in self.stacks.planned)

    def doubts(self, instance_id: str, *, ebs: bool) -> list[str]:
        """The properties for whose change CloudFormation may have to put another instance in the place of one.

        Args:
            instance_id: an instance, of a stack or not.
            ebs: its root volume is in EBS.
        """
        return [name for one in self.stacks.planned for name in one.doubts(instance_id, ebs=ebs)]

    def text(self, sentence: str) -> str:
        """A sentence of the handler, with the names of what is of the stacks, and what is made up here, in words."""
        known = [one for stacks in self._graphs for one in (*stacks.former, *stacks.planned)]
        key = sentence, len(known)
        if key not in self._texts:
            self._texts[key] = _with_names(sentence, known)
        return self._texts[key]

    @property
    def _graphs(self) -> list[StackGraph]:
        return [*self.deployment.stack_graphs, self.stacks]


def _with_names(sentence: str, known: Iterable[StackValues]) -> str:
    names: dict[str, str] = {}
    for one in known:
        names |= one.iam.names()
    told = [name for name in names if name in sentence]
    if not told:
        return sentence
    pattern = "|".join(map(re.escape, sorted(told, key=len, reverse=True)))
    return re.sub(rf"(?<!{_OF_A_NAME})(?:{pattern})(?!{_MORE_OF_IT})", lambda found: names[found[0]], sentence)
