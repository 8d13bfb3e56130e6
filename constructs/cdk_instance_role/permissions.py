"""What the handler may do for one association: IAM statements, generated from its properties and never wider."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from .arns import Arns, is_token
from .known_profile import KnownProfile
from .replaceable import ReplaceableProfiles
from .runtime.association.batch import chunks
from .selection import InstanceSelection

IDS_PER_STATEMENT = 25
"""Targets in one statement, so that statements pack well into policies of limited size."""
ALARMS_PER_STATEMENT = 15
"""A name of 255 characters may be in the ARN of each."""

_VARIABLE = re.compile(r"\$\{(?!Token\[)")

Condition = Mapping[str, Mapping[str, Any]]

_ASSOCIATE = "ec2:AssociateIamInstanceProfile"
_REPLACE = "ec2:ReplaceIamInstanceProfileAssociation"
_DISASSOCIATE = "ec2:DisassociateIamInstanceProfile"


@dataclass(frozen=True)
class Statement:
    """One statement, kept in Python until it is known which others it shares a policy with: for every object in Node.js
    and every question to it the synthesis of a hundred associations takes longer."""

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Condition = field(default_factory=dict)

    def render(self) -> dict[str, Any]:
        """The statement as it stands in a policy, with tokens."""
        rendered = {"Action": _one_or_all(self.actions), "Effect": "Allow", "Resource": _one_or_all(self.resources)}
        return {**rendered, "Condition": self.conditions} if self.conditions else rendered

    def to_policy_statement(self) -> iam.PolicyStatement:
        """The statement as an object of the CDK."""
        return iam.PolicyStatement(
            actions=[*self.actions], resources=[*self.resources], conditions=dict(self.conditions)
        )


@dataclass(frozen=True)
class Permissions:
    """The statements for one association.

    Actions, resources and condition keys:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """

    arns: Arns
    """Of the association's stack."""
    profile: KnownProfile
    instances: InstanceSelection
    replaces: ReplaceableProfiles
    alarms: Sequence[cloudwatch.IAlarm] = ()
    """The alarms that its rollout watches."""

    def statements(self) -> Iterator[Statement]:
        """All statements."""
        yield Statement(["iam:GetInstanceProfile"], [one for arn in self._known for one in _in_any_path(arn)])
        yield self._pass_role()
        for resources, tagged in self._targets():
            yield Statement([_ASSOCIATE], resources, {**_to(self._givable), **tagged})
            if self._displaceable:
                # A disassociation names no new profile, so that condition must hold "if exists" only.
                to_wanted = {"ArnLikeIfExists": {"ec2:NewInstanceProfile": [self.profile.arn]}}
                condition = {**_from(self._displaceable), **to_wanted, **tagged}
                yield Statement([_REPLACE, _DISASSOCIATE], resources, condition)
        # The id or the tag of an instance may be gone by the time of an undo, but it still carries a profile of ours.
        yield Statement([_DISASSOCIATE], [self._every_instance], _from(self._ours))
        if self._moves:
            yield Statement([_REPLACE], [self._every_instance], _from_to(self._ours, self._moves))
        if self.instances.tags and self._displaceable:
            # A stopped instance is bare in the middle of a swap, and its tags may be gone.
            bare = {"Null": {"ec2:InstanceProfile": "true"}}
            yield Statement([_ASSOCIATE], [self._every_instance], {**_to(self._displaceable), **bare})
        for alarms in chunks(self._alarms, ALARMS_PER_STATEMENT):
            yield Statement(["cloudwatch:DescribeAlarms"], alarms)

    @property
    def ways_to_shorten(self) -> list[str]:
        """What whoever declares the association can do about a statement that is too long."""
        tags = ["select by fewer or shorter tag values"] if self.instances.tags else []
        profiles = ["list fewer profiles in `replaces`"] if self.lists_several_profiles else []
        return [*tags, *profiles]

    @property
    def lists_several_profiles(self) -> bool:
        """Whether the profiles in `replaces` are what makes statements long."""
        return len(self.replaces.listed) > 1

    @property
    def lists_many_ids(self) -> bool:
        """Whether the ids are what makes statements many."""
        return len(self.instances.instance_ids) > IDS_PER_STATEMENT

    @property
    def lists_many_alarms(self) -> bool:
        """Whether the alarms are what makes statements many."""
        return len(self._alarms) > ALARMS_PER_STATEMENT

    def _pass_role(self) -> Statement:
        if self.replaces.is_any:
            roles = [self.arns.role("*")]
        else:
            roles = [profile.role_arn for profile in (self.profile, *self.replaces.known)]
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        return Statement(["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": self._ec2_service}})

    def _targets(self) -> Iterator[tuple[list[str], Condition]]:
        """The targets as resources, with the conditions that make them so."""
        for ids in chunks(self.instances.instance_ids, IDS_PER_STATEMENT):
            yield [self.arns.instance(id_) for id_ in ids], {}
        if self.instances.tags:
            tags = {f"aws:ResourceTag/{key}": [*map(_literal, values)] for key, values in self.instances.tags}
            yield [self._every_instance], {"StringEquals": tags}

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
    def _displaceable(self) -> list[str]:
        if self.replaces.is_any:
            return [self.arns.profile("*")]
        return [profile.arn for profile in self.replaces.known]

    @property
    def _known(self) -> list[str]:
        """What has to be looked at: the profile, and what a target may have had before."""
        return self._displaceable if self.replaces.is_any else [self.profile.arn, *self._displaceable]

    @property
    def _givable(self) -> list[str]:
        """What a target may get: ours, or what it had before.

        All of ours, not the wanted one alone: where a deployment renames the profile and the change of a stopped
        instance fails half-way, the instance gets the one with the former name back.
        """
        return self._displaceable if self.replaces.is_any else [*self._ours, *self._displaceable]

    @property
    def _ours(self) -> list[str]:
        """What this association puts on instances. For a profile of an `InstanceRole` these are all on its paths, so
        that the handler can move on from one that a deployment replaces, and back should it fail."""
        paths = [self.arns.profile(f"{path.strip('/')}/*") for path in self.profile.paths]
        return paths or [self.profile.arn]

    @property
    def _moves(self) -> list[str]:
        """What an instance that carries ours may get instead."""
        return [*(self._ours if self.profile.moves else []), *self._displaceable]

    @property
    def _every_instance(self) -> str:
        return self.arns.instance("*")

    @property
    def _ec2_service(self) -> str | list[str]:
        # In China EC2 goes by either name.
        return ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] if self.arns.is_in_china else "ec2.amazonaws.com"


def observe_statement() -> iam.PolicyStatement:
    """What every handler may do: look at instances. EC2 knows nothing narrower than ``*`` for it."""
    return iam.PolicyStatement(
        actions=["ec2:DescribeInstances", "ec2:DescribeIamInstanceProfileAssociations"], resources=["*"]
    )


@cache
def _in_any_path(arn: str) -> Sequence[str]:
    """ARNs for a call that names a profile without its path.

    IAM decides by the path that the profile of that name really has, or by none if there is no such profile. Without
    these the handler would be denied to find out that a profile is gone, or that another one has taken its name.
    A name that is a token belongs to a profile of the app, which is where it is said to be.
    """
    head, _, path_and_name = arn.rpartition(":instance-profile/")
    if path_and_name == "*" or is_token(path_and_name):
        return [arn]
    name = path_and_name.rpartition("/")[2]
    pathless = [f"{head}:instance-profile/{name}"] if name != path_and_name else []
    return [arn, f"{head}:instance-profile/*/{name}", *pathless]


def _literal(value: str) -> str:
    """A value as IAM takes it for no policy variable. Tokens, which are written alike, are left alone.

    It is for values only; in the name of a condition key IAM knows no variables:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    return _VARIABLE.sub("${$}{", value)


def _one_or_all(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else [*values]


def _to(profiles: Sequence[str]) -> Condition:
    return {"ArnLike": {"ec2:NewInstanceProfile": profiles}}


def _from(profiles: Sequence[str]) -> Condition:
    return {"ArnLike": {"ec2:InstanceProfile": profiles}}


def _from_to(old: Sequence[str], new: Sequence[str]) -> Condition:
    return {"ArnLike": {"ec2:InstanceProfile": old, "ec2:NewInstanceProfile": new}}
