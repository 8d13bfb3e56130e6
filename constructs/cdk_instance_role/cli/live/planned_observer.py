"""Looks at EC2 and IAM as if the deployment had created and changed its profiles already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...runtime.association.arn import name_of
from ...runtime.association.aws.observe import Observer
from ...runtime.association.aws.trust import allows_ec2
from ...runtime.association.decide.model import Association, Instance, Instances, ObservedInstances, Profile
from ...runtime.association.decide.record import Records
from ...runtime.association.request.desired import Desired
from ..template.intrinsic_functions import UnresolvedError
from .environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class PlannedObserver(Observer):
    """The handler's observer, which knows the profiles that the deployment creates or changes, too."""

    def __init__(
        self,
        environment: Environment,
        stated: Mapping[str, str] | None = None,
        carried: Mapping[str, str | None] | None = None,
    ) -> None:
        """
        Args:
            environment: the account and Region.
            stated: ARNs of the roles that profiles are said to hold, by the profile's ARN. They are believed where IAM
                can't be asked. Default: none.
            carried: ARNs of the profiles that instances carry by then, by instance id. Default: what they carry now.
        """
        super().__init__(environment.instances.ec2, environment.aws.iam, environment.rate_limiter)
        self._environment, self._stated, self._carried = environment, stated or {}, carried or {}
        self.current: Instances = {}
        """The instances that were looked at last, with what they carry now."""
        self.unseen: set[str] = set()
        """ARNs of the profiles that IAM could not be asked about."""

    def with_associations(self, seen: ObservedInstances) -> ObservedInstances:
        """The instances with what they carry by then."""
        seen = super().with_associations(seen)
        self.current = seen.instances
        changed = {
            id_: with_profile(one, self._carried[id_]) for id_, one in self.current.items() if id_ in self._carried
        }
        return replace(seen, instances={**self.current, **changed})

    def profiles(self, arns: Iterable[str]) -> dict[str, Profile | None]:
        """These profiles as they will be; None for one that does not exist, neither now nor after the deployment."""
        return {arn: self._after(arn) for arn in sorted(set(arns))}

    def profile_now(self, arn: str) -> Profile | None:
        """A profile as it is; if the deployment creates it, as it will be."""
        if any(one.iam.creates(arn) for one in self._environment.stacks.planned):
            return self._planned(arn)
        look = partial(super().profiles, [arn])
        presumed: Profile | None = self._presumed(arn)
        found = self._environment.reader.fetch(f"instance profile {arn}", lambda: look()[arn], presumed)
        if found is presumed:
            self.unseen.add(arn)
        return found

    def _after(self, arn: str) -> Profile | None:
        found = self.profile_now(arn)
        if found and (planned := self._planned(arn)):
            found = replace(planned, id=found.id)
        if found is None or found.role_arn is None:
            return found
        trusts = (one.iam.planned_trust(found.role_arn) for one in self._environment.stacks.planned)
        trust = next((one for one in trusts if one is not None), found.trusts_ec2)
        return replace(found, trusts_ec2=trust)

    def _presumed(self, arn: str) -> Profile:
        """What can't be seen is taken for what it is said to be, not for missing."""
        return Profile(arn, self._stated.get(arn), trusts_ec2=True)

    def _planned(self, arn: str) -> Profile | None:
        """A profile that the deployment creates or puts a role into, as IAM will describe it; None for another one."""
        presumed = self._presumed(arn)
        look = partial(self._with_role, presumed)
        try:
            return next(
                (found for one in self._environment.stacks.planned if (found := one.iam.planned_profile(arn, look))),
                None,
            )
        except UnresolvedError as error:
            gap = f"the role in instance profile {name_of(arn)}: {error}"
            self._environment.reader.record_gap(self._environment.text(gap))
            return presumed

    def _with_role(self, presumed: Profile, name: str) -> Profile:
        """A profile with a role of another stack, or of none."""
        if self._environment.creates_role(name):
            return presumed
        role = self._environment.reader.once(f"role {name}", partial(_role, self._environment.aws.iam, name), _UNSEEN)
        if role is _UNSEEN:
            return presumed
        return replace(presumed, role_arn=role.arn, trusts_ec2=role.trusts_ec2)


def stated_roles(records: Records, desired: Desired | None) -> dict[str, str]:
    """ARNs of the roles that profiles are said to hold, by the profile's ARN.

    Args:
        records: what the association holds: they name the roles that previous profiles held.
        desired: what it wants, if anything.
    """
    known = {arn: one.role_arn for record in records.values() for arn, one in record.identities.items()}
    recorded = {arn: role_arn for arn, role_arn in known.items() if role_arn}
    stated = (*desired.replaceable.profiles, desired.profile) if desired else ()
    return {**recorded, **{one.arn: one.role_arn for one in stated}}


def with_profile(instance: Instance, profile_arn: str | None) -> Instance:
    """An instance that carries another profile."""
    association = Association("", profile_arn, established=True) if profile_arn else None
    return replace(instance, association=association, shows=profile_arn)


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
