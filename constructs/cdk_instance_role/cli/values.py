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

_ROLE = "AWS::IAM::Role"
_IAM = {
    "AWS::IAM::InstanceProfile": ("instance-profile", "InstanceProfileName"),
    _ROLE: ("role", "RoleName"),
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
        output: Callable[[str, str, str | None], Any],
    ) -> None:
        """
        Args:
            template: the template to come, or the deployed one.
            place: where the stack is.
            deployed: the stack as it is deployed; None if it is not.
            exported: what another stack exports by this name. Raises `UnresolvedError`.
            output: what another stack puts out, by its name, the output's and the Region's. Raises `UnresolvedError`.
        """
        self.template, self._place = template, place
        self._known = self._kept(deployed) if deployed else {}
        self._profiles: dict[str, str] = {}
        self._new: dict[str, str] = {}
        self._invented: dict[str, str] = {}
        self.resolve = Resolver(
            {**self._pseudo(deployed), **_parameters(template, deployed), **self._known},
            self._attribute,
            exported,
            output,
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

    def foreseen(self, arn: str, role: Callable[[str], Profile]) -> Profile | None:
        """A profile that the deployment creates, as IAM will describe it; None if it does not create it.

        Args:
            arn: ARN of the profile.
            role: what a profile with a role that is not of this stack will be, by the role's name.

        Raises:
            UnresolvedError: the name of its role is not known before the deployment.
        """
        if arn not in self._new:
            return None
        value = self._role_in(self._new[arn])
        own = self._own_role(value)
        if own is None:
            return role(str(self.resolve(value)))
        return Profile(arn, self._attribute(own, "Arn"), self._trusts_ec2(own))

    def role_id(self, arn: str) -> str | None:
        """Logical id of the role of the template that has this ARN; None if none has it."""
        for id_, one in self.resources.items():
            with suppress(UnresolvedError):
                if one.get("Type") == _ROLE and self._attribute(id_, "Arn") == arn:
                    return id_
        return None

    def names(self) -> dict[str, str]:
        """The constructs of the stack's profiles, and of its roles that have no name yet, by what the handler's
        sentences call them: names that CloudFormation invents are long, and those that are made up here are wrong."""
        found = {name_of(arn): id_ for arn, id_ in self._profiles.items()}
        for arn, id_ in (self._new | self._invented).items():
            found |= {arn: id_, name_of(arn): id_}
        return {name: construct_path(self.template, id_) for name, id_ in found.items()}

    def arn(self, kind: str, path_and_name: str) -> str:
        """ARN of something in the account's IAM."""
        return f"arn:{self._place.partition}:iam::{self._place.account}:{kind}/{path_and_name}"

    def _role_in(self, profile_id: str) -> Any:
        """The role in a profile, as the template has it."""
        (role,) = self.resources[profile_id]["Properties"]["Roles"]
        return role

    def _own_role(self, value: Any) -> str | None:
        """Logical id of the role of the stack that a value refers to; None if it refers to something else."""
        id_: Any = value.get("Ref") if isinstance(value, Mapping) else None
        return id_ if self.resources.get(id_, {}).get("Type") == _ROLE else None

    def _trusts_ec2(self, role_id: str) -> bool:
        try:
            return allows_ec2(self.resolve(self.resources[role_id]["Properties"].get("AssumeRolePolicyDocument", {})))
        except UnresolvedError:  # what is not known must not be taken for a fault
            return True

    def _role_of(self, profile_id: str) -> str | None:
        value = self._role_in(profile_id)
        if own := self._own_role(value):
            return construct_path(self.template, own)
        try:
            return str(self.resolve(value))
        except UnresolvedError:
            return None

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
        if not known and not given:
            self._invented[arn] = logical_id
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


def _parameters(template: Mapping[str, Any], deployed: DeployedStack | None) -> dict[str, Any]:
    """Parameters as ``Ref`` gives them: as they were given to the deployed stack, else their defaults."""
    declared: Mapping[str, Any] = template.get("Parameters", {})
    given = {name: one["Default"] for name, one in declared.items() if _is_plain(one)}
    given |= deployed.parameters if deployed else {}
    return {name: _listed(value) if _is_list(declared.get(name, {})) else value for name, value in given.items()}


def _is_plain(parameter: Mapping[str, Any]) -> bool:
    return "Default" in parameter and not parameter.get("Type", "").startswith("AWS::SSM::")


def _is_list(parameter: Mapping[str, Any]) -> bool:
    return any(kind in parameter.get("Type", "") for kind in ("CommaDelimitedList", "List<"))


def _listed(value: Any) -> list[str]:
    return [item.strip() for item in str(value).split(",")]


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
