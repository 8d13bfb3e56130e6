"""Everything that is asked about one account and Region while an assembly is planned, each thing once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ..runtime.association.ledger import Ledger
from ..runtime.association.model import Profile
from ..runtime.association.observe import Observer
from ..runtime.association.pacing import Pace
from ..runtime.association.record import Record
from ..runtime.association.table import Table
from ..runtime.association.trust import allows_ec2
from .assembly import StackArtifact
from .aws import Aws, Sight
from .deployed import DeployedStack, deployed_stack, exports, ledgers
from .live_roles import LiveRoles
from .model import CliError, ProfileView
from .resolve import UnresolvedError
from .values import Place, StackValues

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_OF_A_NAME = r"[\w+=,.@/-]"
_MORE_OF_IT = r"[\w+=@/-]|[,.]\w"
"""What stands next to a name only if it is a part of a longer one."""


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
        self._values: dict[str, StackValues] = {}
        self._former: dict[str, StackValues] = {}
        self.roles = LiveRoles(aws.iam)

    def deployed(self, name: str) -> DeployedStack | None:
        """A stack as it is deployed; None if it is not, or if that can't be seen."""
        return self.sight.once(_whether(name), partial(deployed_stack, self.aws.cloudformation, name), None)

    def hidden(self, name: str) -> tuple[str, ...]:
        """Why it can't be seen whether a stack is deployed, in sentences; none if it can."""
        self.deployed(name)
        return self.sight.missed(_whether(name))

    def values(self, name: str) -> StackValues:
        """What the values of a stack of the assembly will come to."""
        if name not in self._values:
            template = self._stacks[name].template
            self._values[name] = StackValues(
                template, self._place(name), self.deployed(name), self._exported, self._output
            )
        return self._values[name]

    def former_values(self, name: str, deployed: DeployedStack) -> StackValues:
        """What the values of a deployed stack have come to."""
        if name not in self._former:
            self._former[name] = StackValues(
                deployed.template, self._place(name), deployed, self._live_export, self._live_output
            )
        return self._former[name]

    def observer(self, stated: Mapping[str, str] | None = None) -> Observer:
        """Looks at EC2 and IAM, and knows of the profiles that the deployment creates.

        Args:
            stated: ARNs of the roles that profiles are said to hold, by the profile's ARN. They are believed where IAM
                can't be asked. Default: none.
        """
        return _Foresight(self, stated or {})

    def records(self, stack: str, logical_id: str) -> dict[str, Record]:
        """What the ledger says, as an association of a deployed stack sees it."""
        deployed = self.deployed(stack)
        if deployed is None:
            return {}
        table = self._ledger(stack, deployed, logical_id)
        if table is None:
            self.sight.miss("the ledger: no stack of the assembly is deployed that has it")
            return {}
        ledger = Ledger(Table(self.aws.dynamodb, table))
        return self.sight.of(f"ledger {table}", lambda: ledger.records(f"{deployed.id}|{logical_id}"), {})

    def profile(self, arn: str) -> ProfileView | None:
        """A profile of one of the stacks, for people; None if it is none of theirs."""
        known = (*self._values.values(), *self._former.values())
        return next((found for one in known if (found := one.profile(arn))), None)

    def foreseen(self, arn: str, presumed: Profile) -> Profile | None:
        """A profile that the deployment creates, as IAM will describe it; None if it does not create it.

        Args:
            arn: ARN of the profile.
            presumed: what it will be, as far as can be told, if nothing is known of its role.
        """
        look = partial(self._with_role, presumed)
        try:
            return next((found for one in self._values.values() if (found := one.foreseen(arn, look))), None)
        except UnresolvedError:
            return presumed

    def role_to_come(self, arn: str) -> tuple[StackValues, str] | None:
        """A role of one of the stacks: its stack, and its logical id there; None if it is none of theirs."""
        return next(((one, id_) for one in self._values.values() if (id_ := one.role_id(arn))), None)

    def text(self, sentence: str) -> str:
        """A sentence of the handler, with the names of what is of the stacks, and what is made up here, in words."""
        names: dict[str, str] = {}
        for one in (*self._former.values(), *self._values.values()):
            names |= one.names()
        if not names:
            return sentence
        pattern = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
        return re.sub(rf"(?<!{_OF_A_NAME})(?:{pattern})(?!{_MORE_OF_IT})", lambda found: names[found[0]], sentence)

    def _with_role(self, presumed: Profile, name: str) -> Profile:
        """A profile with a role that exists already."""
        role = self.sight.once(f"role {name}", partial(_role, self.aws.iam, name), _UNSEEN)
        if role is _UNSEEN:
            return presumed
        return replace(presumed, role_arn=role.arn, trusts_ec2=role.trusts_ec2)

    def _place(self, stack: str) -> Place:
        return Place(self.aws.account, self.aws.region, self.aws.partition, stack)

    def _ledger(self, stack: str, deployed: DeployedStack, logical_id: str) -> str | None:
        """The ledger is in the stack itself, or in another one whose provider the association shares."""
        homes = [name for name, one in self._stacks.items() if name != stack and ledgers(one.template)]
        match deployed.template["Resources"][logical_id]["Properties"].get("ServiceToken"):
            case {"Fn::GetStackOutput": {"StackName": str() as home}}:
                homes.insert(0, home)
            case {"Fn::ImportValue": exported}:
                homes.sort(key=lambda name: exported not in _exported_names(self._stacks[name].template))
            case _:
                homes.insert(0, stack)
        found = (self.deployed(name) for name in homes)
        return next((one.ledger for one in found if one and one.ledger), None)

    def _exported(self, name: str) -> Any:
        for stack in self._stacks.values():
            for output in stack.template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return self.values(stack.name).resolve(output["Value"])
        return self._live_export(name)

    def _output(self, stack: str, name: str, region: str | None) -> Any:
        here = region in (None, self.aws.region)
        outputs = self._stacks[stack].template.get("Outputs", {}) if here and stack in self._stacks else {}
        if name in outputs:
            return self.values(stack).resolve(outputs[name]["Value"])
        return self._live_output(stack, name, region)

    def _live_output(self, stack: str, name: str, region: str | None) -> Any:
        if region not in (None, self.aws.region):
            raise UnresolvedError(f"output {name} of stack {stack} in {region} is not looked at")
        deployed = self.deployed(stack)
        if deployed is None or name not in deployed.outputs:
            raise UnresolvedError(f"stack {stack} has no output {name} yet")
        return deployed.outputs[name]

    def _live_export(self, name: str) -> Any:
        look = partial(exports, self.aws.cloudformation)
        exported = self.sight.once("what stacks export", look, dict[str, str]())
        if name not in exported:
            raise UnresolvedError(f"no stack exports {name} yet")
        return exported[name]


def _whether(stack: str) -> str:
    return f"whether stack {stack} is deployed"


@dataclass(frozen=True, slots=True)
class _LiveRole:
    arn: str | None
    """None if there is no such role."""
    trusts_ec2: bool


_UNSEEN = _LiveRole(None, trusts_ec2=True)


def _role(iam: "IAMClient", name: str) -> _LiveRole:
    try:
        found = iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return _LiveRole(None, trusts_ec2=False)
    trust: Any = found.get("AssumeRolePolicyDocument", {})  # boto3 decodes it
    return _LiveRole(found["Arn"], allows_ec2(trust))


def _exported_names(template: Mapping[str, Any]) -> set[Any]:
    named = (output.get("Export", {}).get("Name") for output in template.get("Outputs", {}).values())
    return {name for name in named if isinstance(name, str)}


class _Foresight(Observer):
    """An observer for whom the deployment has created its profiles already."""

    def __init__(self, around: Surroundings, stated: Mapping[str, str]) -> None:
        super().__init__(around.aws.ec2, around.aws.iam, around._pace)
        self._around, self._stated = around, stated

    def profiles(self, arns: Iterable[str]) -> dict[str, Profile | None]:
        """These profiles; None for one that does not exist, neither now nor after the deployment."""
        found: dict[str, Profile | None] = {}
        for arn in sorted(set(arns)):
            # What can't be seen is taken for what it is said to be, not for missing.
            presumed = Profile(arn, self._stated.get(arn), trusts_ec2=True)
            found[arn] = self._around.foreseen(arn, presumed) or self._live(arn, presumed)
        return found

    def _live(self, arn: str, presumed: Profile | None) -> Profile | None:
        look = partial(super().profiles, [arn])
        return self._around.sight.of(f"instance profile {arn}", lambda: look()[arn], presumed)


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
