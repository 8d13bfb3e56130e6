"""Looks at EC2 and IAM as if the deployment had created and changed its profiles and instances already."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...runtime.association.arn import name_of
from ...runtime.association.aws.instances import is_match
from ...runtime.association.aws.observe import Observer
from ...runtime.association.aws.trust import allows_ec2
from ...runtime.association.decide.model import Association, Instance, Instances, ObservedInstances, Profile
from ...runtime.association.decide.record import Records
from ...runtime.association.request.desired import Desired, Selection
from ..template.intrinsic_functions import UnresolvedError
from ..template.property_values import NEW
from .environment import Environment
from .planned_instances import PlannedInstances

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class PlannedObserver(Observer):
    """The handler's observer, which knows what the deployment creates or changes, too."""

    def __init__(
        self,
        environment: Environment,
        stated: Mapping[str, str] | None = None,
        carried: Mapping[str, str | None] | None = None,
        planned: PlannedInstances | None = None,
    ) -> None:
        """
        Args:
            environment: the account and Region.
            stated: ARNs of the roles that profiles are said to hold, by the profile's ARN. They are believed where IAM
                can't be asked. Default: none.
            carried: ARNs of the profiles that associations leave on instances before, by instance id. Default: none.
            planned: the instances that the deployment creates or changes before. Default: none.
        """
        super().__init__(environment.instances.ec2, environment.aws.iam, environment.rate_limiter)
        self._environment, self._stated, self._carried = environment, stated or {}, carried or {}
        self._planned = planned or PlannedInstances(environment)
        self.current: Instances = {}
        """The instances that were looked at last, with what they carry now."""
        self.unseen: set[str] = set()
        """ARNs of the profiles that IAM could not be asked about."""
        self.changed: set[str] = set()
        """Ids of the instances whose change or creation by CloudFormation matters to what was looked at."""

    def find(self, selection: Selection | None, others: Iterable[str]) -> ObservedInstances:
        """What is selected by then, and these other instances, with the tags that they have by then."""
        others = [*others]
        if selection is None:
            return super().find(None, others)
        existing = replace(selection, ids=tuple(id_ for id_ in selection.ids if not id_.startswith(NEW)))
        seen = super().find(existing, [*others, *(self._planned.tagged if selection.tags else ())])
        found = {**seen.instances, **{one.id: one for one in self._planned.created(selection)}}
        selected = selection.ids
        if selection.tags:
            then = {id_: self._planned.with_tags(one, selection) for id_, one in found.items()}
            now, selected = _matching(found.values(), selection), _matching(then.values(), selection)
            self.changed |= {*now} ^ {*selected}
            found = {id_: then[id_] for id_ in dict.fromkeys((*selected, *others)) if id_ in then}
        return replace(seen, selected=selected, instances=found)

    def with_associations(self, seen: ObservedInstances) -> ObservedInstances:
        """The instances with what they carry by then."""
        existing = {id_: one for id_, one in seen.instances.items() if not id_.startswith(NEW)}
        self.current = super().with_associations(replace(seen, instances=existing)).instances
        found = {**seen.instances, **self.current}
        return replace(seen, instances={id_: self._given(one) for id_, one in found.items()})

    def _given(self, instance: Instance) -> Instance:
        """An instance with what it carries by then."""
        if instance.id in self._carried:
            return with_profile(instance, self._carried[instance.id])
        arn = self._planned.carried_by(instance)
        if arn == instance.carries:
            return instance
        self.changed.add(instance.id)
        return with_profile(instance, arn)

    def profiles(self, arns: Iterable[str]) -> dict[str, Profile | None]:
        """These profiles as they will be; None for one that does not exist, neither now nor after the deployment."""
        return {arn: self._after(arn) for arn in sorted(set(arns))}

    def profile_now(self, arn: str) -> Profile | None:
        """A profile as it is; if the deployment creates it, as it will be."""
        if any(one.iam.creates(arn) for one in self._environment.stacks.planned):
            return self._planned_profile(arn)
        look = partial(super().profiles, [arn])
        presumed: Profile | None = self._presumed(arn)
        found = self._environment.reader.fetch(f"instance profile {arn}", lambda: look()[arn], presumed)
        if found is presumed:
            self.unseen.add(arn)
        return found

    def _after(self, arn: str) -> Profile | None:
        found = self.profile_now(arn)
        if found and (planned := self._planned_profile(arn)):
            found = replace(planned, id=found.id)
        if found is None or found.role_arn is None:
            return found
        trusts = (one.iam.planned_trust(found.role_arn) for one in self._environment.stacks.planned)
        trust = next((one for one in trusts if one is not None), found.trusts_ec2)
        return replace(found, trusts_ec2=trust)

    def _presumed(self, arn: str) -> Profile:
        """What can't be seen is taken for what it is said to be, not for missing."""
        return Profile(arn, self._stated.get(arn), trusts_ec2=True)

    def _planned_profile(self, arn: str) -> Profile | None:
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


def _matching(instances: Iterable[Instance], selection: Selection) -> tuple[str, ...]:
    return tuple(one.id for one in instances if is_match(one, selection))


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
