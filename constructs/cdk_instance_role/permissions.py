"""What the handler may do for one association: IAM statements, generated from its properties and never wider."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Names, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from .replaceable import ReplaceableProfiles, role_arn_of
from .runtime.association.batch import chunks
from .runtime.association.contract import PATH_PREFIX
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


def profile_path(scope: IConstruct) -> str:
    """IAM path of the instance profiles of a stack, free of tokens.

    An IAM condition can name "the profiles of this stack" by it, whatever names CloudFormation gives them:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    stack = Stack.of(scope)
    name = stack.stack_name
    stable = Names.unique_resource_name(stack, max_length=128) if Token.is_unresolved(name) else name
    return f"/{PATH_PREFIX}/{stable}/"


@dataclass(frozen=True)
class Permissions:
    """The statements for one association.

    Actions, resources and condition keys:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    """

    stack: Stack
    instance_profile: iam.IInstanceProfile
    instances: InstanceSelection
    replaces: ReplaceableProfiles
    alarms: Sequence[cloudwatch.IAlarm] = ()
    """The alarms that its rollout watches."""

    def statements(self) -> Iterator[iam.PolicyStatement]:
        """All statements."""
        yield _allow(["iam:GetInstanceProfile"], [*_in_any_path(self._known)])
        yield self._pass_role()
        for resources, tagged in self._targets():
            yield _allow([_ASSOCIATE], resources, {**_to(self._givable), **tagged})
            if self._displaceable:
                # A disassociation names no new profile, so that condition must hold "if exists" only.
                to_wanted = {"ArnLikeIfExists": {"ec2:NewInstanceProfile": [self._wanted]}}
                yield _allow([_REPLACE, _DISASSOCIATE], resources, {**_from(self._displaceable), **to_wanted, **tagged})
        # The id or the tag of an instance may be gone by the time of an undo, but it still carries a profile of ours.
        yield _allow([_DISASSOCIATE], [self._every_instance], _from(self._ours))
        if self._moves:
            yield _allow([_REPLACE], [self._every_instance], _from_to(self._ours, self._moves))
        if self.instances.tags and self._displaceable:
            # A stopped instance is bare in the middle of a swap, and its tags may be gone.
            bare = {"Null": {"ec2:InstanceProfile": "true"}}
            yield _allow([_ASSOCIATE], [self._every_instance], {**_to(self._displaceable), **bare})
        for alarms in chunks(self._alarms, ALARMS_PER_STATEMENT):
            yield _allow(["cloudwatch:DescribeAlarms"], alarms)

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

    def _pass_role(self) -> iam.PolicyStatement:
        if self.replaces.is_any:
            roles = [self._iam_arn("role", "*")]
        else:
            roles = [role_arn_of(profile) for profile in (self.instance_profile, *self.replaces.listed)]
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
        return _allow(["iam:PassRole"], roles, {"StringEquals": {"iam:PassedToService": self._ec2_service}})

    def _targets(self) -> Iterator[tuple[list[str], Condition]]:
        """The targets as resources, with the conditions that make them so."""
        for ids in chunks(self.instances.instance_ids, IDS_PER_STATEMENT):
            yield [self._instance_arn(id_) for id_ in ids], {}
        if self.instances.tags:
            tags = {f"aws:ResourceTag/{key}": [*map(_literal, values)] for key, values in self.instances.tags}
            yield [self._every_instance], {"StringEquals": tags}

    @property
    def _alarms(self) -> list[str]:
        """What has to be looked at while a rollout goes on.

        CloudWatch tells of composite alarms only those who may see all, and what is imported may be composite:
        https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
        """
        if all(isinstance(alarm.node.default_child, cloudwatch.CfnAlarm) for alarm in self.alarms):
            return [alarm.alarm_arn for alarm in self.alarms]
        return ["*"]

    @property
    def _wanted(self) -> str:
        return self.instance_profile.instance_profile_arn

    @property
    def _displaceable(self) -> list[str]:
        if self.replaces.is_any:
            return [self._iam_arn("instance-profile", "*")]
        return [profile.instance_profile_arn for profile in self.replaces.listed]

    @property
    def _known(self) -> list[str]:
        """What has to be looked at: the profile, and what a target may have had before."""
        return self._displaceable if self.replaces.is_any else [self._wanted, *self._displaceable]

    @property
    def _givable(self) -> list[str]:
        """What a target may get: ours, or what it had before.

        All of ours, not the wanted one alone: where a deployment renames the profile and the change of a stopped
        instance fails half-way, the instance gets the one with the former name back.
        """
        return self._displaceable if self.replaces.is_any else [*self._ours, *self._displaceable]

    @property
    def _ours(self) -> list[str]:
        """What this association puts on instances. For a profile with the path of its stack these are all with that
        path, so that the handler can move on from one that a deployment replaces, and back should it fail."""
        return [self._profiles_of_stack] if self._is_of_stack else [self._wanted]

    @property
    def _moves(self) -> list[str]:
        """What an instance that carries ours may get instead."""
        return [*(self._ours if self._is_of_stack else []), *self._displaceable]

    @property
    def _is_of_stack(self) -> bool:
        resource = self.instance_profile.node.default_child
        return isinstance(resource, iam.CfnInstanceProfile) and resource.path == profile_path(self.stack)

    @property
    def _profiles_of_stack(self) -> str:
        return self._iam_arn("instance-profile", f"{profile_path(self.stack).strip('/')}/*")

    @property
    def _every_instance(self) -> str:
        return self._instance_arn("*")

    @property
    def _ec2_service(self) -> str | list[str]:
        # In China EC2 goes by either name.
        china = not Token.is_unresolved(self.stack.region) and self.stack.region.startswith("cn-")
        return ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] if china else "ec2.amazonaws.com"

    def _instance_arn(self, instance_id: str) -> str:
        return self.stack.format_arn(service="ec2", resource="instance", resource_name=instance_id)

    def _iam_arn(self, resource: str, name: str) -> str:
        return self.stack.format_arn(service="iam", region="", resource=resource, resource_name=name)


def observe_statement() -> iam.PolicyStatement:
    """What every handler may do: look at instances. EC2 knows nothing narrower than ``*`` for it."""
    return _allow(["ec2:DescribeInstances", "ec2:DescribeIamInstanceProfileAssociations"], ["*"], {})


def _in_any_path(arns: Sequence[str]) -> Iterator[str]:
    """ARNs for a call that names a profile without its path.

    IAM decides by the path that the profile of that name really has, or by none if there is no such profile. Without
    these the handler would be denied to find out that a profile is gone, or that another one has taken its name.
    A name that is a token belongs to a profile of the app, which is where it is said to be.
    """
    for arn in arns:
        head, _, path_and_name = arn.rpartition(":instance-profile/")
        yield arn
        if not (Token.is_unresolved(path_and_name) or path_and_name == "*"):
            name = path_and_name.rpartition("/")[2]
            yield f"{head}:instance-profile/*/{name}"
            if name != path_and_name:
                yield f"{head}:instance-profile/{name}"


def _literal(value: str) -> str:
    """A value as IAM takes it for no policy variable. Tokens, which are written alike, are left alone.

    It is for values only; in the name of a condition key IAM knows no variables:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    return _VARIABLE.sub("${$}{", value)


def _allow(
    actions: Sequence[str], resources: Sequence[str], conditions: Condition | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=actions, resources=resources, conditions=dict(conditions or {}))


def _to(profiles: Sequence[str]) -> Condition:
    return {"ArnLike": {"ec2:NewInstanceProfile": profiles}}


def _from(profiles: Sequence[str]) -> Condition:
    return {"ArnLike": {"ec2:InstanceProfile": profiles}}


def _from_to(old: Sequence[str], new: Sequence[str]) -> Condition:
    return {"ArnLike": {"ec2:InstanceProfile": old, "ec2:NewInstanceProfile": new}}
