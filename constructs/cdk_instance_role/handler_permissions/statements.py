"""What the handler may do for one association: IAM statements, generated from its properties and never wider."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from ..instance_profiles.known_profile import KnownProfile
from ..permission_search.declared import Declared, Profile
from ..permission_search.statement import Statement
from ..replaceable import ReplaceableProfiles
from ..selection import InstanceSelection
from ..support.arns import Arns, is_token
from ..support.locations import Location
from .policy_values import Conditions, between, in_any_path, literal, parent, taken_from, to

IDS_IN_A_POLICY = 25
"""More ids than this are what makes the policies of an association large."""
LONG_TAGS = 1000
"""The same in characters of tag values."""

_ASSOCIATE = "ec2:AssociateIamInstanceProfile"
_REPLACE = "ec2:ReplaceIamInstanceProfileAssociation"
_DISASSOCIATE = "ec2:DisassociateIamInstanceProfile"

_BARE: Conditions = {"Null": {"ec2:InstanceProfile": ["true"]}}
"""The condition key is absent for an instance without a profile."""


@dataclass(frozen=True)
class Permissions:
    """The statements for one association.

    Actions, resources and condition keys:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """

    location: Location
    """Where the association is."""
    profile: KnownProfile
    instances: InstanceSelection
    replaces: ReplaceableProfiles
    alarms: Sequence[cloudwatch.IAlarm] = ()
    """The alarms that its rollout watches."""

    def statements(self) -> Iterator[Statement]:
        """All statements. The paths of profiles are read when this is called."""
        yield Statement.of(["iam:GetInstanceProfile"], self._known)
        yield self._pass_role()
        # The id or the tag of an instance may be gone when its previous profile is restored, but it still carries ours.
        yield Statement.of([_DISASSOCIATE], [self._every_instance], taken_from(self._removable))
        yield Statement.of([_ASSOCIATE], self._targets, {**to(self._associable), **self._tags})
        if self._listed:
            yield from self._displace_and_restore()
        if self.profile.moves:
            moves = {**between(self._movable, self._movable), **self._tags}
            yield Statement.of([_REPLACE], self._targets, moves)
        if self._alarms:
            yield Statement.of(["cloudwatch:DescribeAlarms"], self._alarms)

    def profile_texts(self) -> Iterator[str]:
        """The ARNs of the profiles and of their roles."""
        for profile in (self.profile, *self.replaces.known):
            yield profile.arn
            yield profile.role_arn

    def declared(self, text: Callable[[str], str]) -> Declared:
        """What the association declares, for the search of what permissions allow together.

        Args:
            text: what stands for a value with tokens.
        """
        return Declared(
            name=self.location.path,
            wanted=_profile(self.profile, text),
            listed=tuple(_profile(profile, text) for profile in self.replaces.known),
            own_paths=tuple(text(pattern)[:-1] for pattern in self._movable),
            removable=tuple(text(pattern)[:-1] for pattern in self._paths_of(self.profile)),
            moves=self.profile.moves,
            instances=frozenset(text(self.arns.instance(id_)) for id_ in self.instances.instance_ids),
            has_token_ids=self._has_token_ids,
            tags=tuple((key, tuple(map(text, values))) for key, values in self.instances.tags),
        )

    @property
    def arns(self) -> Arns:
        """ARNs in the stack of the association."""
        return Arns.of(self.location.stack)

    @property
    def lists_several_profiles(self) -> bool:
        """Whether the profiles in `replaces` are what makes statements long."""
        return len(self.replaces.listed) > 1

    @property
    def lists_many_ids(self) -> bool:
        """Whether the ids are what makes statements long."""
        return len(self.instances.instance_ids) > IDS_IN_A_POLICY

    @property
    def lists_long_tags(self) -> bool:
        """Whether the tag values are what makes statements long."""
        return sum(len(value) for _, values in self.instances.tags for value in values) > LONG_TAGS

    @property
    def lists_many_alarms(self) -> bool:
        """Whether the alarms are what makes statements long."""
        return len(self._alarms) > 1

    def _displace_and_restore(self) -> Iterator[Statement]:
        # A disassociation has no new profile, so that condition must hold "if exists" only.
        to_wanted = {"ArnLikeIfExists": {"ec2:NewInstanceProfile": [self.profile.arn]}}
        displace = {**taken_from(self._listed), **to_wanted, **self._tags}
        yield Statement.of([_REPLACE, _DISASSOCIATE], self._targets, displace)
        yield Statement.of([_REPLACE], self._restorable, between(self._ours, self._listed))
        if self.instances.tags:
            # A stopped instance is bare in the middle of a swap, and its tags may be gone.
            yield Statement.of([_ASSOCIATE], [self._every_instance], {**to(self._listed), **_BARE})

    def _pass_role(self) -> Statement:
        if self.replaces.is_any:
            roles = [self.arns.role("*")]
        else:
            roles = [profile.role_arn for profile in (self.profile, *self.replaces.known)]
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        return Statement.of(["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": self._ec2_services}})

    @property
    def _targets(self) -> list[str]:
        """The targets as resources; with tags they are targets only together with `_tags`."""
        if self.instances.tags:
            return [self._every_instance]
        return [self.arns.instance(id_) for id_ in self.instances.instance_ids]

    @property
    def _tags(self) -> Conditions:
        """The condition that makes an instance a target; none for ids."""
        tags = {f"aws:ResourceTag/{key}": [*map(literal, values)] for key, values in self.instances.tags}
        return {"StringEquals": tags} if tags else {}

    @property
    def _restorable(self) -> list[str]:
        """Instances that may get a listed profile instead of ours. The tags may be gone by then, and CloudFormation
        changes a policy in place when the id that a token stands for changes."""
        if self.instances.tags or self._has_token_ids:
            return [self._every_instance]
        return self._targets

    @property
    def _has_token_ids(self) -> bool:
        return any(map(is_token, self.instances.instance_ids))

    @property
    def _listed(self) -> list[str]:
        """The profiles that may be displaced."""
        if self.replaces.is_any:
            return [self.arns.profile("*")]
        return [profile.arn for profile in self.replaces.known]

    @property
    def _associable(self) -> list[str]:
        """What a bare target may get: the wanted profile, or what was disassociated in the first half of a swap."""
        ours = self._movable if self.profile.moves else [self.profile.arn]
        if self.instances.tags:  # every bare instance may get a listed profile by a statement of its own
            return ours
        return self._listed if self.replaces.is_any else [*ours, *self._listed]

    @property
    def _movable(self) -> list[str]:
        """The profiles of the same `InstanceRole`, with those of its former ids."""
        return [self._on(path) for path in self.profile.paths]

    @property
    def _ours(self) -> list[str]:
        """What this association puts on instances, whatever CloudFormation names it."""
        return self._movable[:1] or [self.profile.arn]

    @property
    def _removable(self) -> list[str]:
        """What may be disassociated from any instance: what is on the paths of the stack, or the wanted profile."""
        return self._paths_of(self.profile) or [self.profile.arn]

    @property
    def _known(self) -> Sequence[str]:
        """What has to be looked at: the profile, and what a target may have had before."""
        if self.replaces.is_any:
            return self._listed
        known = {one for profile in (self.profile, *self.replaces.known) for one in self._looked_at(profile)}
        anything = self.arns.profile("*")
        return [anything] if anything in known else [*known]

    def _looked_at(self, profile: KnownProfile) -> Sequence[str]:
        """A profile of the app goes by its name alone when it is gone. Of another one a token may hide the name."""
        if profile.name:
            return [*(self._paths_of(profile) or [profile.arn]), self.arns.profile(profile.name)]
        return in_any_path(profile.arn) or [self.arns.profile("*")]

    def _paths_of(self, profile: KnownProfile) -> list[str]:
        """The paths of the stack for a profile of this stack; those of the `InstanceRole` for one of another stack;
        none for a profile that is no `InstanceRole`'s."""
        own = self.arns.profile_path
        return [self._on(parent(path) if own in path else path) for path in profile.paths]

    def _on(self, path: str) -> str:
        """ARN of all profiles on a path."""
        return self.arns.profile(f"{path.strip('/')}/*")

    @cached_property
    def _alarms(self) -> list[str]:
        """What has to be looked at while a rollout goes on.

        CloudWatch tells of composite alarms only those who may see all, and what is imported may be composite:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        """
        if all(isinstance(alarm.node.default_child, cloudwatch.CfnAlarm) for alarm in self.alarms):
            return [alarm.alarm_arn for alarm in self.alarms]
        return ["*"]

    @property
    def _every_instance(self) -> str:
        return self.arns.instance("*")

    @property
    def _ec2_services(self) -> list[str]:
        # In China EC2 goes by either name, and a stack without a Region may be deployed there.
        may_be_in_china = self.arns.partition in (None, "aws-cn")
        return ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] if may_be_in_china else ["ec2.amazonaws.com"]


def observe_statement() -> iam.PolicyStatement:
    """What every handler may do: look at instances. EC2 knows nothing narrower than ``*`` for it."""
    return iam.PolicyStatement(
        actions=["ec2:DescribeInstances", "ec2:DescribeIamInstanceProfileAssociations"], resources=["*"]
    )


def _profile(known: KnownProfile, text: Callable[[str], str]) -> Profile:
    return Profile(text(known.arn), text(known.role_arn))
