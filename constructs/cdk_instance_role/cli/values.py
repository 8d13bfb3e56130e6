"""What the values of one stack come to: as it is deployed, and as it will be."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..runtime.association.model import Profile, name_of
from ..runtime.association.trust import allows_ec2
from .assembly import construct_path
from .deployed import DeployedStack
from .model import ProfileView
from .resolve import Resolver, UnresolvedError

_URL_SUFFIX = {"aws-cn": "amazonaws.com.cn"}

_IAM = {
    "AWS::IAM::InstanceProfile": ("instance-profile", "InstanceProfileName"),
    "AWS::IAM::Role": ("role", "RoleName"),
}
"""Resources whose ARN can be told from their name: kind in the ARN, and the property with the name."""


@dataclass(frozen=True)
class Place:
    """Where a stack is."""

    account: str
    region: str
    partition: str
    stack: str


class StackValues:
    """The values of a template, as far as they are known.

    A resource that the deployment creates (or replaces by another one) has no name yet, if CloudFormation invents it:
    such a profile or role gets a made-up ARN here.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        place: Place,
        deployed: DeployedStack | None,
        exported: Callable[[str], Any],
    ) -> None:
        """
        Args:
            template: the template to come, or the deployed one.
            place: where the stack is.
            deployed: the stack as it is deployed; None if it is not.
            exported: what another stack exports by this name. Raises `UnresolvedError`.
        """
        self.template, self._place = template, place
        self._known = self._kept(deployed) if deployed else {}
        self._profiles: dict[str, str] = {}
        self._new: dict[str, str] = {}
        parameters = {name: one["Default"] for name, one in template.get("Parameters", {}).items() if _is_plain(one)}
        self.resolve = Resolver(
            {**self._pseudo(deployed), **parameters, **(deployed.parameters if deployed else {}), **self._known},
            self._attribute,
            exported,
            template.get("Conditions", {}),
            template.get("Mappings", {}),
        )
        for logical_id, resource in self.resources.items():
            if resource.get("Type") == "AWS::IAM::InstanceProfile":
                with suppress(UnresolvedError):  # then nothing can refer to it either
                    self._attribute(logical_id, "Arn")

    @property
    def resources(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.template.get("Resources", {})
        return found

    def properties(self, logical_id: str) -> dict[str, Any]:
        """The properties of an association, as CloudFormation would send them, but for the service token. An instance
        that is created by the deployment is left out.

        Raises:
            UnresolvedError: one of them is not known before the deployment.
        """
        given = {key: value for key, value in self.resources[logical_id]["Properties"].items() if key != "ServiceToken"}
        ids = given.get("InstanceIds")
        if isinstance(ids, list):
            given["InstanceIds"] = [id_ for id_ in ids if not self.is_new_instance(id_)]
        resolved: dict[str, Any] = _as_text(self.resolve(given))
        return resolved

    def new_instances(self, logical_id: str) -> list[str]:
        """Logical ids of the targets that the deployment creates."""
        ids = self.resources[logical_id]["Properties"].get("InstanceIds", ())
        return [id_["Ref"] for id_ in ids if self.is_new_instance(id_)] if isinstance(ids, list) else []

    def is_new_instance(self, value: Any) -> bool:
        """Whether a value is an instance that the deployment creates."""
        if not isinstance(value, Mapping) or "Ref" not in value or value["Ref"] in self._known:
            return False
        return bool(self.resources.get(value["Ref"], {}).get("Type") == "AWS::EC2::Instance")

    def profile(self, arn: str) -> ProfileView | None:
        """A profile of the stack, by its construct, because its name is a long one; None if the stack has none such."""
        if arn not in self._profiles:
            return None
        logical_id = self._profiles[arn]
        path = construct_path(self.template, logical_id)
        return ProfileView(path, self._role_of(logical_id), None if arn in self._new else arn)

    def foreseen(self, arn: str) -> Profile | None:
        """A profile that the deployment creates, as IAM will describe it; None if it does not create it."""
        if arn not in self._new:
            return None
        (role,) = self.resources[self._new[arn]]["Properties"]["Roles"]
        logical_id = role.get("Ref") if isinstance(role, Mapping) else None
        if logical_id is None:
            return Profile(arn, self.arn("role", str(role)), trusts_ec2=True)
        trust = self.resources[logical_id]["Properties"].get("AssumeRolePolicyDocument", {})
        return Profile(arn, self._attribute(logical_id, "Arn"), allows_ec2(self.resolve(trust)))

    def role_id(self, arn: str) -> str | None:
        """Logical id of the role of the template that has this ARN; None if none has it."""
        roles = (id_ for id_, one in self.resources.items() if one.get("Type") == "AWS::IAM::Role")
        return next((id_ for id_ in roles if self._attribute(id_, "Arn") == arn), None)

    def text(self, sentence: str) -> str:
        """A sentence of the handler, in which a profile of the stack goes by its construct, not by the long name that
        CloudFormation invents."""
        for arn, logical_id in self._profiles.items():
            sentence = sentence.replace(name_of(arn), construct_path(self.template, logical_id))
        return sentence

    def arn(self, kind: str, path_and_name: str) -> str:
        """ARN of something in the account's IAM."""
        return f"arn:{self._place.partition}:iam::{self._place.account}:{kind}/{path_and_name}"

    def _role_of(self, profile_id: str) -> str | None:
        (role,) = self.resources[profile_id]["Properties"]["Roles"]
        return role if isinstance(role, str) else construct_path(self.template, role.get("Ref", ""))

    def _attribute(self, logical_id: str, name: str) -> str:
        resource = self.resources.get(logical_id, {})
        if name != "Arn" or resource.get("Type") not in _IAM:
            raise UnresolvedError(f"{logical_id}.{name} is not known before the deployment")
        kind, name_property = _IAM[resource["Type"]]
        properties = resource.get("Properties", {})
        path = self.resolve(properties.get("Path", "/")).lstrip("/")
        known = self._known.get(logical_id)
        given = self.resolve(properties[name_property]) if name_property in properties else None
        arn = self.arn(kind, f"{path}{known or given or f'{logical_id}.to.be.created'}")
        if kind == "instance-profile":
            self._profiles[arn] = logical_id
            if known is None:
                self._new[arn] = logical_id
        return arn

    def _kept(self, deployed: DeployedStack) -> dict[str, str]:
        """Physical ids of the resources that stay what they are."""
        return {
            id_: physical
            for id_, physical in deployed.physical_ids.items()
            if id_ in self.resources and not _is_replaced(deployed.template["Resources"].get(id_), self.resources[id_])
        }

    def _pseudo(self, deployed: DeployedStack | None) -> dict[str, Any]:
        place = self._place
        known = {
            "AWS::AccountId": place.account,
            "AWS::Region": place.region,
            "AWS::Partition": place.partition,
            "AWS::StackName": place.stack,
            "AWS::URLSuffix": _URL_SUFFIX.get(place.partition, "amazonaws.com"),
            "AWS::NotificationARNs": [],
        }
        return {**known, "AWS::StackId": deployed.id} if deployed else known


def _is_replaced(before: Any, after: Mapping[str, Any]) -> bool:
    """Whether CloudFormation makes another resource of the same logical id: a profile or role with another name or
    path is one."""
    if before is None or before.get("Type") != after.get("Type"):
        return True
    if after["Type"] not in _IAM:
        return False
    identity = ("Path", _IAM[after["Type"]][1])
    return any(before.get("Properties", {}).get(key) != after.get("Properties", {}).get(key) for key in identity)


def _is_plain(parameter: Mapping[str, Any]) -> bool:
    return "Default" in parameter and not parameter.get("Type", "").startswith("AWS::SSM::")


def _as_text(value: Any) -> Any:
    """CloudFormation delivers every scalar as a string."""
    match value:
        case dict():
            return {key: _as_text(item) for key, item in value.items()}
        case list():
            return [_as_text(item) for item in value]
        case bool():
            return str(value).lower()
    return str(value)
