"""What a template is given: pseudo parameters and parameters, as ``Ref`` gives them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .deployed_stack import DeployedStack
from .intrinsic_functions import UnresolvedError, as_text, value_or
from .stacks import Address

_URL_SUFFIX = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True)
class StackLocation:
    """Where a stack is."""

    account: str
    region: str
    partition: str
    address: Address

    def pseudo(self, deployed: DeployedStack | None) -> dict[str, Any]:
        """The pseudo parameters that are known. CloudFormation makes up the name of a nested stack."""
        known: dict[str, Any] = {
            "AWS::AccountId": self.account,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": _URL_SUFFIX.get(self.partition, "amazonaws.com"),
            "AWS::NotificationARNs": [],
        }
        if deployed:
            known["AWS::StackId"] = deployed.id
        if name := self.address.name if self.address.outer is None else deployed and deployed.name:
            known["AWS::StackName"] = name
        return known

    def arn_in_iam(self, what: str) -> str:
        """ARN of something in the account's IAM.

        Args:
            what: its kind, path and name, such as ``role/team/Web``.
        """
        return f"arn:{self.partition}:iam::{self.account}:{what}"

    def arn_of_function(self, name: str) -> str:
        """ARN of a Lambda function."""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{name}"


class Parameters:
    """The parameters of a template. What a stack gives to one that is nested in it, is worked out once it is needed:
    it may depend on what that stack puts out."""

    def __init__(
        self,
        template: Mapping[str, Any],
        deployed: DeployedStack | None,
        given: Mapping[str, Callable[[], Any]],
        *,
        will_be: bool,
    ) -> None:
        """
        Args:
            template: the template to come, or the deployed one.
            deployed: the stack as it is deployed; None if it is not.
            given: what the stack around a nested one gives it, by the parameter's name. Raises `UnresolvedError`.
            will_be: the template is the one to come. Each deployment reads parameters of Systems Manager again.
        """
        self._declared: Mapping[str, Any] = template.get("Parameters", {})
        remote = {name for name, one in self._declared.items() if _is_remote(one)}
        # Of a parameter that names one of Systems Manager, only the deployed stack knows what that has come to.
        self._given = {name: value for name, value in given.items() if name not in remote}
        self._given |= {name: partial(self._read_again, name) for name in remote if will_be}
        self._known = {name: one["Default"] for name, one in self._declared.items() if _has_default(one)}
        given_before = deployed.parameters if deployed else {}
        self._known |= given_before
        # CloudFormation shows asterisks in the place of what is not to be shown.
        self._masked = {name for name in given_before if _is_masked(self._declared.get(name, {}))}

    def known(self) -> dict[str, Any]:
        """As they were given to the deployed stack, else their defaults."""
        hidden = self._given.keys() | self._masked
        return {name: self._typed(name, value) for name, value in self._known.items() if name not in hidden}

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def __getitem__(self, name: str) -> Any:
        """What the stack around gives, or the default if it leaves the parameter out.

        Raises:
            UnresolvedError: that is not known before the deployment.
        """
        value = value_or(self._given[name](), self._declared.get(name, {}).get("Default"))
        if value is None:
            raise UnresolvedError(f"{name} is not known before the deployment")
        return self._typed(name, ",".join(map(str, value)) if isinstance(value, list) else value)

    def _read_again(self, name: str) -> Any:
        named = self._declared[name].get("Default", name)
        raise UnresolvedError(f"{named} is not known before the deployment, which reads it from Systems Manager")

    def _typed(self, name: str, value: Any) -> Any:
        if not any(kind in self._declared.get(name, {}).get("Type", "") for kind in ("CommaDelimitedList", "List<")):
            return as_text(value)
        return [item.strip() for item in str(value).split(",")]


def _has_default(parameter: Mapping[str, Any]) -> bool:
    return "Default" in parameter and not _is_remote(parameter)


def _is_masked(parameter: Mapping[str, Any]) -> bool:
    return str(parameter.get("NoEcho", False)).lower() == "true"


def _is_remote(parameter: Mapping[str, Any]) -> bool:
    return bool(parameter.get("Type", "").startswith("AWS::SSM::Parameter::Value<"))
