"""Everything that is asked about one account and Region while an assembly is planned, each thing once."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from ..runtime.association.ledger import Ledger
from ..runtime.association.model import Profile
from ..runtime.association.observe import Observer
from ..runtime.association.pacing import Pace
from ..runtime.association.record import Record
from ..runtime.association.table import Table
from .assembly import StackArtifact
from .aws import Aws, Sight
from .deployed import DeployedStack, deployed_stack, exports, ledgers
from .live_roles import LiveRoles
from .model import CliError, ProfileView
from .resolve import UnresolvedError
from .values import Place, StackValues


class Surroundings:
    """One account and Region, and the stacks of the assembly that are for it."""

    def __init__(self, aws: Aws, stacks: Sequence[StackArtifact], sight: Sight, pace: Pace) -> None:
        """
        Args:
            aws: clients for the Region.
            stacks: the stacks of the assembly that are for it.
            sight: remembers what could not be seen.
            pace: hands out the right to call EC2.
        """
        self.aws, self.sight, self._pace = aws, sight, pace
        self._stacks = {stack.name: stack for stack in stacks}
        self._deployed: dict[str, DeployedStack | None] = {}
        self._values: dict[str, StackValues] = {}
        self._former: dict[str, StackValues] = {}
        self._exports: Mapping[str, str] | None = None
        self.roles = LiveRoles(aws.iam)

    def deployed(self, name: str) -> DeployedStack | None:
        """A stack as it is deployed; None if it is not."""
        if name not in self._deployed:
            self._deployed[name] = self.sight.of(
                f"whether stack {name} is deployed", lambda: deployed_stack(self.aws.cloudformation, name), None
            )
        return self._deployed[name]

    def values(self, name: str) -> StackValues:
        """What the values of a stack of the assembly will come to."""
        if name not in self._values:
            template = self._stacks[name].template
            self._values[name] = StackValues(template, self._place(name), self.deployed(name), self._exported)
        return self._values[name]

    def former_values(self, name: str, deployed: DeployedStack) -> StackValues:
        """What the values of a deployed stack have come to."""
        if name not in self._former:
            self._former[name] = StackValues(deployed.template, self._place(name), deployed, self._live_export)
        return self._former[name]

    def observer(self) -> Observer:
        """Looks at EC2 and IAM, and knows of the profiles that the deployment creates."""
        return _Foresight(self)

    def records(self, stack: str, association: str) -> dict[str, Record]:
        """What the ledger says, as an association of a deployed stack sees it."""
        table = self._ledger(stack)
        if table is None:
            return {}
        ledger = Ledger(Table(self.aws.dynamodb, table))
        return self.sight.of(f"ledger {table}", lambda: ledger.records(association), {})

    def profile(self, arn: str) -> ProfileView | None:
        """A profile of one of the stacks, for people; None if it is none of theirs."""
        known = (*self._values.values(), *self._former.values())
        return next((found for one in known if (found := one.profile(arn))), None)

    def foreseen(self, arn: str) -> Profile | None:
        """A profile that the deployment creates, as IAM will describe it; None if it does not create it."""
        return next((found for one in self._values.values() if (found := one.foreseen(arn))), None)

    def text(self, sentence: str) -> str:
        """A sentence of the handler, with what is made up here said in words."""
        for one in (*self._values.values(), *self._former.values()):
            sentence = one.text(sentence)
        return sentence

    def _place(self, stack: str) -> Place:
        return Place(self.aws.account, self.aws.region, self.aws.partition, stack)

    def _ledger(self, stack: str) -> str | None:
        """The ledger is in the stack itself, or in another one whose provider it shares."""
        deployed = self.deployed(stack)
        if deployed is None:
            return None
        if deployed.ledger:
            return deployed.ledger
        sharing = (name for name, one in self._stacks.items() if name != stack and ledgers(one.template))
        others = (self.deployed(name) for name in sharing)
        return next((one.ledger for one in others if one and one.ledger), None)

    def _exported(self, name: str) -> Any:
        for stack in self._stacks.values():
            for output in stack.template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return self.values(stack.name).resolve(output["Value"])
        return self._live_export(name)

    def _live_export(self, name: str) -> Any:
        if self._exports is None:
            self._exports = self.sight.of(
                "what stacks export", lambda: exports(self.aws.cloudformation), dict[str, str]()
            )
        if name not in self._exports:
            raise UnresolvedError(f"no stack exports {name} yet")
        return self._exports[name]


_NOTHING: dict[str, Profile | None] = {}


class _Foresight(Observer):
    """An observer for whom the deployment has created its profiles already."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around.aws.ec2, around.aws.iam, around._pace)
        self._around = around

    def profiles(self, arns: Iterable[str]) -> dict[str, Profile | None]:
        """These profiles; None for one that does not exist, neither now nor after the deployment."""
        wanted = set(arns)
        new = {arn: found for arn in wanted if (found := self._around.foreseen(arn))}
        live: dict[str, Profile | None] = {}
        for arn in sorted(wanted - new.keys()):
            live |= self._around.sight.of(f"instance profile {arn}", partial(super().profiles, [arn]), _NOTHING)
        return {**live, **new}


def check_account(aws: Aws, stacks: Iterable[StackArtifact]) -> None:
    """Make sure that the credentials are for the account of the stacks.

    Raises:
        CliError: they are not.
    """
    for stack in stacks:
        if stack.account and stack.account != aws.account:
            raise CliError(
                f"stack {stack.name} is for account {stack.account}, and the credentials are for {aws.account}: "
                "use credentials of that account, or name the stacks that are meant"
            )
