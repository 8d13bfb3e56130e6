"""The association of an instance profile with instances that the stack does not own."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from aws_cdk import CfnResource, CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from .association_arguments import (
    SERVICE_TIMEOUT,
    check_types,
    enforcement_or_none,
    overrides,
    refuse_elsewhere,
    removal_in,
    removal_problems,
    rendered_removal,
    timeout_seconds,
)
from .drift_events import DriftEvents
from .enforcement import Enforcement
from .handler_permissions.statements import Permissions
from .instance_profiles.another_stack import warn_of_another_stack
from .instance_profiles.known_profile import KnownProfile
from .instance_profiles.retained import warn_of_lost_profile
from .instance_profiles.role_policies import wait_for_policies
from .metrics import AssociationMetrics
from .provider import AssociationProvider
from .replaceable import ReplaceableProfiles
from .rollout import Rollout
from .runtime.association.contract import RETAIN, Attribute, OnConflict, Property
from .selection import InstanceSelection
from .support.arns import Arns
from .support.at_synthesis import at_synthesis, resource_of
from .support.locations import Location
from .support.problems import Problems

RESOURCE_TYPE = "Custom::InstanceProfileAssociation"


class InstanceProfileAssociation(AssociationMetrics, DriftEvents, Construct):
    """Associates an instance profile with existing instances, and restores the profiles that they carried before.

    Defines one custom resource, and on first use in a stack the provider behind it.

    - Create associates the profile with every target. It replaces a profile that ``replaces`` lists.
    - Update associates the profile with new targets, restores what former targets carried before, and moves all targets
      to another profile if that has changed.
    - Delete, and a create that fails, restore the profile that each instance carried before, or none if it had none.
    - An instance whose profile somebody else has changed since then is left alone.
    - It waits for the policies of the profile's role, wherever the stack attaches them: instances get the role after
      them and lose it before them. A policy that it can't wait for, such as one of another stack, gives a warning.
    - With ``enforcement``, drift is reported or repaired between deployments, too.

    Instances themselves are never started, stopped, tagged or terminated. EC2 associates, replaces and disassociates
    profiles of running and of stopped instances:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/attach-iam-role.html

    Example:
        ::

            InstanceProfileAssociation(
                self, "Association",
                instance_profile=web.instance_profile,
                instances=InstanceSelection.by_ids("i-0123456789abcdef0"),
                replaces=ReplaceableProfiles.profiles(old_profile),
            )
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        instance_profile: iam.IInstanceProfile,
        instances: InstanceSelection,
        replaces: ReplaceableProfiles | None = None,
        on_conflict: OnConflict = OnConflict.FAIL,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
        timeout: Duration | None = None,
        provider: AssociationProvider | None = None,
        rollout: Rollout | None = None,
        enforcement: Enforcement | None = None,
    ) -> None:
        """
        Args:
            scope: parent construct.
            id: id within the parent.
            instance_profile: the profile, owned or imported, in the account of the stack. Its role must be known, and
                EC2 must be allowed to assume it; the deployment checks both before it changes anything. To move on from
                a profile that is not an `InstanceRole`'s, list the former one in ``replaces``.
            instances: the targets, in the account and Region of the stack.
            replaces: the profiles that may be replaced, which is also what the handler gets IAM permissions for.
                Default: none. A target that carries another profile is then a conflict.
            on_conflict: what to do about a target that carries a profile which may not be replaced. Default: fail
                the deployment before anything is changed.
            removal_policy: what happens to the profiles on the instances when this resource is removed. ``DESTROY``
                restores the profile that every instance carried before. ``RETAIN`` leaves all as they are. The profile
                and its role then have to outlive the stack: a warning names those that it deletes. With
                ``RETAIN_ON_UPDATE_OR_DELETE`` a create that fails still restores them. ``SNAPSHOT`` is refused. A
                deletion policy that an Aspect sets, such as ``RemovalPolicies``, counts. Default: ``DESTROY``.
            timeout: how long an operation may take, in whole seconds, from 1 minute to 1 hour, which is as long as
                CloudFormation waits:
                https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
                EC2 allows five changes a second: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
                The handler stops an operation of an hour at 58 minutes, a create at 55, so that it can report the
                failure; what a failed create has not restored by then, the Delete that follows does. A delete, a
                rollback and a create that undoes its changes have this longest time, whatever the timeout is. They fail
                before it once EC2 has accepted no change for the timeout, or for 4 minutes if that is longer.
                Default: 30 minutes, or an hour for a rollout in waves.
            provider: the provider, in the account and Region of the stack. It can't be changed once the association is
                deployed: CloudFormation refuses another service token for a resource that exists. About 65 associations
                fit into one provider, fewer with ``replaces``: see `AssociationProvider`. Default: one per stack, made
                on first use.
            rollout: whether the targets are changed all at once or in waves. All waves have to be over within
                ``timeout``: each takes its bake, and up to 70 seconds until EC2 has confirmed its targets; five changes
                a second come on top. Waves that don't fit are refused at synthesis. Ids are counted as if all of them
                had to be changed, and tags as in a large fleet. How many waves with a ``growth`` there are, only the
                deployment knows, which checks it before it changes anything. Default: all at once.
            enforcement: what is done between deployments about instances that are launched or tagged later, and about
                drift. It needs ``RemovalPolicy.DESTROY``: the handler does not learn that a retained association is
                removed. Default: nothing, only deployments act.

        Raises:
            ValueError: the role of a profile is unknown; the id of an instance is in another association of the app
                for the same account and Region; the targets, the profiles or the alarms don't fit into the handler's
                IAM policies; a profile, a role or an alarm is in another account, partition or Region; the rollout
                takes too long; a retained association has enforcement; or a property is out of range. The synthesis
                fails if the permissions of several associations together allow more than these declare, or if a
                condition may leave out what they name.
        """
        super().__init__(scope, id)
        check_types(
            instances=instances,
            replaces=replaces,
            on_conflict=on_conflict,
            provider=provider,
            rollout=rollout,
            enforcement=enforcement,
        )
        replaces = ReplaceableProfiles.none() if replaces is None else replaces
        self._rollout = Rollout.all_at_once() if rollout is None else rollout
        location, seconds = Location.of(scope, id), timeout_seconds(timeout, self._rollout)
        removal = rendered_removal(removal_policy)
        self._enforcement = enforcement_or_none(enforcement, removal)
        self._check_rollout(instances, seconds, location)
        provider = provider or AssociationProvider.of(location.stack)
        profile = KnownProfile.of(instance_profile)
        for known in (profile, *replaces.known):
            known.check_place(Arns.of(location.stack), location.path)
        policies = provider.grant(Permissions(location, profile, instances, replaces, self._rollout.alarms))
        if self._enforcement.is_on:
            provider.enforce(self._enforcement, instances)
        properties = {
            **profile.render(),
            **_render_former(profile.former_paths),
            **instances.render(),
            **replaces.render(),
            Property.ON_CONFLICT.value: on_conflict.value,
            Property.TIMEOUT_SECONDS.value: seconds,
            Property.REMOVAL_POLICY.value: removal,
            **self._rollout.render(),
            **self._enforcement.render(),
        }
        self._resource = CustomResource(
            self,
            "Resource",
            service_token=provider.service_token,
            resource_type=RESOURCE_TYPE,
            removal_policy=removal_policy,
            service_timeout=SERVICE_TIMEOUT,
            properties=properties,
        )
        self._problems = Problems(self)
        declared = {**properties, "ServiceToken": provider.service_token}
        at_synthesis(location.stack, partial(self._settle, location.stack, profile, declared))
        # A role's policies are resources of their own: an instance must not get it before they are attached.
        self._resource.node.add_dependency(policies, profile.role)
        wait_for_policies(self, self._template_resource, profile.role)

    @property
    def associated_count(self) -> str:
        """Number of targets that had no profile before: a token, known after the deployment."""
        return self._attribute(Attribute.ASSOCIATED_COUNT)

    @property
    def replaced_count(self) -> str:
        """Number of targets whose profile was replaced: a token, known after the deployment."""
        return self._attribute(Attribute.REPLACED_COUNT)

    @property
    def kept_count(self) -> str:
        """Number of targets left as they were, because they carried the profile already or because of a conflict
        under ``OnConflict.KEEP``: a token, known after the deployment."""
        return self._attribute(Attribute.KEPT_COUNT)

    def _settle(self, stack: Stack, profile: KnownProfile, declared: Mapping[str, Any]) -> None:
        """Hand over what Aspects have set: former paths, and what happens when the resource is removed."""
        resource = self._template_resource
        template = resource_of(resource)
        removal = removal_in(template)
        handed = _render_former(profile.former_paths)
        if removal:
            handed[Property.REMOVAL_POLICY.value] = removal
        properties = template["Properties"]
        changed = overrides(stack, properties, declared, {**declared, **handed})
        for key, value in handed.items():
            if value != properties.get(key):
                resource.add_property_override(key, value)
        self._problems.report([*removal_problems(template, self._enforcement), *changed])
        warn_of_another_stack(self, stack, profile)
        if removal == RETAIN:
            warn_of_lost_profile(self, stack, profile)

    def _check_rollout(self, instances: InstanceSelection, timeout: int, location: Location) -> None:
        problem = self._rollout.time_problem(instances, timeout)
        if problem:
            raise ValueError(f"the rollout of {location.path} {problem}")
        for alarm in self._rollout.alarms:
            refuse_elsewhere(alarm, location.stack)

    @property
    def _template_resource(self) -> CfnResource:
        resource = self._resource.node.default_child
        assert isinstance(resource, CfnResource)
        return resource

    def _attribute(self, attribute: Attribute) -> str:
        return self._resource.get_att_string(attribute.value)


def _render_former(paths: Sequence[str]) -> dict[str, Any]:
    return {Property.FORMER_PATHS.value: [*paths]} if paths else {}
