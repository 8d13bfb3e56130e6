"""The instance profiles and roles of one stack, by names that they may not have yet."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from ...runtime.association.arn import name_of
from ...runtime.association.aws.trust import allows_ec2
from ...runtime.association.decide.model import Profile
from ..model import ProfileView
from .intrinsic_functions import NO_VALUE, UnresolvedError, properties_of, value_or
from .replacement import MANAGED_POLICY, PROFILE, ROLE, KeptResources
from .stacks import of_type
from .template_inputs import StackLocation

_IAM = {
    PROFILE: ("instance-profile", "InstanceProfileName"),
    ROLE: ("role", "RoleName"),
    MANAGED_POLICY: ("policy", "ManagedPolicyName"),
}
"""Resources whose ARN follows from their name: kind in the ARN, and the property with the name."""
IAM_TYPES = frozenset({PROFILE, ROLE})
"""Those of them whose attribute ``Arn`` is their ARN."""
MADE_UP = ".to.be.created"
"""What names end with that are made up here."""
_MAX_ID = 100
"""Characters of a logical id in a made-up name: IAM's names have 128."""


class IamNames:
    """The profiles, roles and managed policies of a template. What the deployment creates gets a made-up name until
    it has one."""

    def __init__(
        self,
        template: Mapping[str, Any],
        location: StackLocation,
        resolve: Callable[[Any], Any],
        known: KeptResources,
    ) -> None:
        """
        Args:
            template: the template.
            location: where the stack is.
            resolve: turns a value of the template into a plain one, or raises `UnresolvedError`.
            known: physical ids of the resources that stay what they are, by logical id.
        """
        self._template, self._location, self._resolve, self._known = template, location, resolve, known
        self._resources: Mapping[str, Any] = template.get("Resources", {})
        self._profiles: dict[str, str] = {}
        self._new: dict[str, str] = {}
        self._invented: dict[str, str] = {}
        self._learned = False

    def arn(self, logical_id: str) -> str:
        """ARN of a profile, role or managed policy. A made-up one if the deployment creates it and CloudFormation
        invents its name.

        Raises:
            UnresolvedError: its path or name is not known before the deployment.
        """
        resource = self._resources[logical_id]
        kind, _ = _IAM[resource["Type"]]
        known = self._known.get(logical_id)
        if known and resource["Type"] == MANAGED_POLICY:  # CloudFormation calls it by its ARN
            return known
        given = None if known else self.given_name(logical_id)
        path = str(value_or(self._resolve(properties_of(resource).get("Path")), "/")).lstrip("/")
        arn = self._location.arn_in_iam(f"{kind}/{path}{known or given or self._made_up(logical_id)}")
        if not known and not given:
            self._invented[arn] = logical_id
        if resource["Type"] == PROFILE:
            self._profiles[arn] = logical_id
            if known is None:
                self._new[arn] = logical_id
        return arn

    def reference(self, logical_id: str) -> str:
        """What ``Ref`` of a profile, role or managed policy gives: the ARN of a policy, and the name of the others.

        Raises:
            UnresolvedError: its path or name is not known before the deployment.
        """
        if self._resources[logical_id]["Type"] == MANAGED_POLICY:
            return self.arn(logical_id)
        return self._known.get(logical_id) or self.given_name(logical_id) or self._made_up(logical_id)

    def given_name(self, logical_id: str) -> str | None:
        """The name that the template gives to a profile, role or managed policy; None if CloudFormation invents one.

        Raises:
            UnresolvedError: it is not known before the deployment.
        """
        _, name_property = _IAM[self._resources[logical_id]["Type"]]
        given = value_or(self._resolve(properties_of(self._resources[logical_id]).get(name_property)), None)
        return None if given is None else str(given)

    def is_new(self, logical_id: str) -> bool:
        """Whether the deployment creates a resource, or puts another one in its place."""
        return logical_id not in self._known

    def profile(self, arn: str) -> ProfileView | None:
        """A profile of the stack, by its construct, because its name is a long one; None if the stack has none such."""
        self._learn()
        if arn not in self._profiles:
            return None
        logical_id = self._profiles[arn]
        path = self._path(logical_id)
        return ProfileView(path, self._role_of(logical_id), None if arn in self._new else arn)

    def creates(self, arn: str) -> bool:
        """Whether a profile is one that the deployment creates, or puts in the place of another one."""
        self._learn()
        return arn in self._new

    def planned_profile(self, arn: str, role: Callable[[str], Profile]) -> Profile | None:
        """A profile that the deployment creates or puts a role into, as IAM will describe it; None for another one.

        Args:
            arn: ARN of the profile.
            role: what a profile with a role that exists already will be, by the role's name.

        Raises:
            UnresolvedError: its role, or the name of that, is not known before the deployment.
        """
        self._learn()
        logical_id = self._profiles.get(arn)
        if logical_id is None or not self._known.may_set(logical_id, "Roles"):
            return None
        value = self._role_in(logical_id)
        if value is None:
            return Profile(arn, None, trusts_ec2=False)
        own = self._own_role(value)
        if own and self.is_new(own):
            return Profile(arn, self.arn(own), self._trusts_ec2(own))
        return role(self.reference(own) if own else str(self._resolve(value)))

    def planned_trust(self, role_arn: str) -> bool | None:
        """Whether the trust policy that the deployment gives to a role lets EC2 assume it; None if it gives it none.

        Args:
            role_arn: ARN of the role.
        """
        for id_ in of_type(self._template, ROLE):
            with suppress(UnresolvedError):
                if self.reference(id_) == name_of(role_arn) and self._known.may_set(id_, "AssumeRolePolicyDocument"):
                    return self._trusts_ec2(id_)
        return None

    def role_in(self, arn: str) -> str | None:
        """Name of the role that a profile of the template will hold; None if the template has no such profile, if it
        holds no role, or if that is not known before the deployment.

        Args:
            arn: ARN of the profile.
        """
        self._learn()
        if arn not in self._profiles:
            return None
        try:
            value = self._role_in(self._profiles[arn])
            if value is None:
                return None
            own = self._own_role(value)
            return self.reference(own) if own else str(self._resolve(value))
        except UnresolvedError:
            return None

    def names(self) -> dict[str, str]:
        """The constructs of the stack's profiles, and of its roles that have no name yet, by what sentences call them:
        names that CloudFormation invents are long, and those that are made up here are wrong."""
        self._learn()
        found = {name_of(arn): id_ for arn, id_ in self._profiles.items()}
        for arn, id_ in (self._new | self._invented).items():
            found |= {arn: id_, name_of(arn): id_}
        return {name: self._path(id_) for name, id_ in found.items()}

    def _learn(self) -> None:
        """Get to know the profiles. Not at once: they may depend on stacks around that depend on this one."""
        if self._learned:
            return
        self._learned = True
        for logical_id in of_type(self._template, PROFILE):
            with suppress(UnresolvedError):  # then nothing can refer to it either
                self.arn(logical_id)

    def _role_in(self, profile_id: str) -> Any:
        """The role in a profile, as the template has it; None if it holds no role.

        Raises:
            UnresolvedError: that is not known before the deployment.
        """
        roles = [*self._items(properties_of(self._resources[profile_id]).get("Roles"))]
        if len(roles) > 1:
            raise UnresolvedError(f"{self._path(profile_id)} can't hold {len(roles)} roles")
        return roles[0] if roles else None

    def _items(self, values: Any) -> Iterator[Any]:
        """The items of a list: as the template has them where they refer to roles of the stack, otherwise plain.

        Raises:
            UnresolvedError: they are not known before the deployment.
        """
        match values:
            case None:
                return
            case list():
                for value in values:
                    yield from self._items(value)
            case {"Fn::If": [condition, yes, no]}:
                yield from self._items(yes if self._resolve({"Fn::If": [condition, True, False]}) else no)
            case _ if self._own_role(values):
                yield values
            case _:
                found = self._resolve(values)
                yield from (one for one in (found if isinstance(found, list) else [found]) if one is not NO_VALUE)

    def _own_role(self, value: Any) -> str | None:
        """Logical id of the role of the stack that a value refers to; None if it refers to something else."""
        match value:
            case {"Ref": str() as id_} if self._resources.get(id_, {}).get("Type") == ROLE:
                return id_
        return None

    def _trusts_ec2(self, role_id: str) -> bool:
        try:
            found = self._resolve(properties_of(self._resources[role_id]).get("AssumeRolePolicyDocument", {}))
            return allows_ec2(json.loads(found) if isinstance(found, str) else found)
        except (AttributeError, TypeError, UnresolvedError, ValueError):  # what is not known is not taken for a fault
            return True

    def _role_of(self, profile_id: str) -> str | None:
        """The role in a profile, for people; None if it holds no role, or if that is not known."""
        with suppress(UnresolvedError):
            value = self._role_in(profile_id)
            own = self._own_role(value)
            return self._path(own) if own else value and str(self._resolve(value))
        return None

    def _made_up(self, logical_id: str) -> str:
        """A name for what has none yet, which no other stack of the account makes up for something of its own."""
        address = self._location.address
        parts = (self._location.region, address.name, *address.nested, logical_id)
        whose = hashlib.sha256("/".join(parts).encode()).hexdigest()
        return f"{logical_id[:_MAX_ID]}.{whose[:8]}{MADE_UP}"

    def _path(self, logical_id: str) -> str:
        return self._location.address.path(self._template, logical_id)
