"""What the values of one stack come to: as it is deployed, and as it will be."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ...runtime.association.contract import Property, RolloutProperty
from ..lazy import lazy
from .deployed_stack import DeployedStack
from .iam_resources import IAM_TYPES, MADE_UP, IamNames
from .intrinsic_functions import NO_VALUE, Resolver, UnresolvedError, as_text, properties_of
from .replacement import (
    ALARM,
    COMPOSITE_ALARM,
    FUNCTION,
    INSTANCE,
    MANAGED_POLICY,
    PROFILE,
    ROLE,
    KeptResources,
    Resolve,
    as_written,
    doubts,
    is_replaced,
)
from .stacks import STACK_TYPE, of_type
from .template_inputs import Parameters, StackLocation

NEW = "(new) "
"""What comes before the path of an instance or an alarm that the deployment creates, in the place of its id or name."""
_OUTPUTS = "Outputs."
_KNOWN_BY_PATH = frozenset({INSTANCE, ALARM, COMPOSITE_ALARM})
"""Resources that the plan shows although they have no id yet."""


class NewResourceError(UnresolvedError):
    """The value is an instance or an alarm that the deployment creates."""

    def __init__(self, path: str) -> None:
        """
        Args:
            path: path of its construct.
        """
        super().__init__(f"{path} is not known before the deployment")
        self.path = path


class NewFunctionError(UnresolvedError):
    """The value is the ARN of a function that the deployment creates."""

    def __init__(self, path: str, arn: str) -> None:
        """
        Args:
            path: path of its construct.
            arn: a made-up ARN.
        """
        super().__init__(f"{path} is not known before the deployment")
        self.identity = arn


@dataclass(frozen=True)
class ExternalValues:
    """Where values come from that are not the template's own. Each raises `UnresolvedError`."""

    exported: Callable[[str], Any]
    """What another stack exports by this name."""
    output: Callable[[str, str, str | None], Any]
    """What another stack puts out, by its name, the output's and the Region's."""
    nested: Callable[[str, str], Any]
    """What a nested stack puts out, by its logical id and the output's name."""
    given: Mapping[str, Callable[[], Any]] = field(default_factory=dict)
    """What the stack around this one gives it, by the parameter's name."""


class StackValues:
    """The values of a template, as far as they are known.

    A resource that the deployment creates, or replaces by another one, is not there yet. A profile, role or managed
    policy gets a made-up name then if it needs one; what depends on anything else is not known.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        location: StackLocation,
        deployed: DeployedStack | None,
        external: ExternalValues,
        was: Resolve | None = None,
    ) -> None:
        """
        Args:
            template: the template to come, or the deployed one.
            location: where the stack is.
            deployed: the stack as it is deployed; None if it is not.
            external: where values come from that are not the template's own.
            was: resolves values of the deployed template. Default: the template is the deployed one, or its values are
                compared with those of the deployed one as they are written.
        """
        self.template, self._location, self._external = template, location, external
        self._instances = self._instances_of(deployed) if deployed else {}
        self._parameters = Parameters(template, deployed, external.given, will_be=deployed is None or was is not None)
        self.resolve = Resolver(
            {**location.pseudo(deployed), **self._parameters.known()},
            self._attribute,
            external.exported,
            external.output,
            template.get("Conditions", {}),
            template.get("Mappings", {}),
            self._reference,
        )
        self._compared: tuple[Resolve, Resolve] = (was, self.resolve) if was else (as_written, as_written)
        self.kept = KeptResources(self.resources, deployed, *self._compared)
        """Physical ids of the resources that stay what they are."""
        self.iam = IamNames(template, location, self.resolve, self.kept)
        """Its instance profiles and roles."""

    @property
    def resources(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.template.get("Resources", {})
        return found

    @lazy
    def replaced(self) -> frozenset[str]:
        """Ids of the instances that the deployment puts others in the place of."""
        return frozenset(id_ for id_, pair in self._instances.items() if is_replaced(*pair, *self._compared))

    def is_made(self, logical_id: str) -> bool:
        """Whether the template's conditions let a resource be.

        Raises:
            UnresolvedError: that is not known before the deployment.
        """
        condition = self.resources[logical_id].get("Condition")
        return condition is None or self.resolve.holds(condition)

    def properties(self, logical_id: str) -> dict[str, Any]:
        """The properties of an association, as CloudFormation would send them, but for the service token. An instance
        that is created by the deployment is left out, and an alarm is called by the path of its construct, with
        ``(new)`` before.

        Raises:
            UnresolvedError: one of them is not known before the deployment.
        """
        found = properties_of(self.resources[logical_id])
        given = {key: value for key, value in found.items() if key != "ServiceToken"}
        if isinstance(given.get(Property.INSTANCE_IDS), list):
            given[Property.INSTANCE_IDS] = self._targets(logical_id)[0]
        rollout = given.get(Property.ROLLOUT)
        if isinstance(rollout, Mapping) and isinstance(rollout.get(RolloutProperty.ALARMS), list):
            alarms = [self._alarm(alarm) for alarm in rollout[RolloutProperty.ALARMS]]
            given[Property.ROLLOUT] = {**rollout, RolloutProperty.ALARMS: alarms}
        resolved: dict[str, Any] = as_text(self.resolve(given))
        return resolved

    def new_instances(self, logical_id: str) -> list[str]:
        """The targets of an association that the deployment creates, as paths of their constructs.

        Raises:
            UnresolvedError: another target is not known before the deployment.
        """
        return self._targets(logical_id)[1]

    def doubts(self, instance_id: str, *, ebs: bool) -> list[str]:
        """The properties for whose change CloudFormation may have to put another instance in the place of one.

        Args:
            instance_id: an instance, of the stack or not.
            ebs: its root volume is in EBS.
        """
        if instance_id not in self._instances or instance_id in self.replaced:
            return []
        return doubts(*self._instances[instance_id], *self._compared, ebs=ebs)

    def service_token(self, logical_id: str) -> str:
        """ARN of the function that an association is handled by.

        Raises:
            UnresolvedError: it is not known.
        """
        return str(self.resolve(properties_of(self.resources[logical_id]).get("ServiceToken")))

    def creates_role(self, name: str) -> bool:
        """Whether the deployment creates a role with this name, or puts it in the place of another one."""
        for logical_id in of_type(self.template, ROLE):
            with suppress(UnresolvedError):
                if self.iam.is_new(logical_id) and self.iam.reference(logical_id) == name:
                    return True
        return False

    def path(self, logical_id: str) -> str:
        """The path of a construct, for people."""
        return self._location.address.path(self.template, logical_id)

    def _targets(self, logical_id: str) -> tuple[list[Any], list[str]]:
        """The instances that are listed: ids of those that exist, and paths of those that the deployment creates."""
        ids: list[Any] = []
        created: list[str] = []
        listed = properties_of(self.resources[logical_id]).get(Property.INSTANCE_IDS)
        for item in listed if isinstance(listed, list) else ():
            try:
                found = self.resolve(item)
                ids += [] if found is NO_VALUE else [found]
            except NewResourceError as new:
                created.append(new.path)
        return ids, created

    def _alarm(self, value: Any) -> Any:
        """Name of an alarm."""
        try:
            return self.resolve(value)
        except NewResourceError as new:
            return f"{NEW}{new.path}"

    def _reference(self, name: str) -> Any:
        if name in self.kept:
            return self.kept[name]
        if name in self._parameters:
            return self._parameters[name]
        if self.resources.get(name, {}).get("Type") in _KNOWN_BY_PATH:
            raise NewResourceError(self.path(name))
        if self.resources.get(name, {}).get("Type") in (ROLE, PROFILE, MANAGED_POLICY):
            return self.iam.reference(name)
        raise UnresolvedError(f"{name} is not known before the deployment")

    def _attribute(self, logical_id: str, name: str) -> Any:
        kind = self.resources.get(logical_id, {}).get("Type")
        if kind == STACK_TYPE and name.startswith(_OUTPUTS):
            return self._external.nested(logical_id, name.removeprefix(_OUTPUTS))
        if kind == INSTANCE and name == "InstanceId":
            return self._reference(logical_id)
        if kind == FUNCTION and name == "Arn":
            if logical_id not in self.kept:
                raise NewFunctionError(self.path(logical_id), self._location.arn_of_function(f"{logical_id}{MADE_UP}"))
            return self._location.arn_of_function(self.kept[logical_id])
        if name == "PolicyArn" and kind == MANAGED_POLICY:
            return self.iam.arn(logical_id)
        if name != "Arn" or kind not in IAM_TYPES:
            raise UnresolvedError(f"{logical_id}.{name} is not known before the deployment")
        return self.iam.arn(logical_id)

    def _instances_of(self, deployed: DeployedStack) -> dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
        """The instances of the stack, as they are in the deployed template and as they will be, by their ids."""
        before, now = of_type(deployed.template, INSTANCE), deployed.physical_ids
        after = of_type(self.template, INSTANCE)
        return {now[id_]: (before[id_], after[id_]) for id_ in before.keys() & after.keys() & now.keys()}
