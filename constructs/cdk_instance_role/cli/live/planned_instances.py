"""The instances that a deployment creates or changes before associations see them."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ...runtime.association.aws.errors import is_unknown_profile
from ...runtime.association.decide.model import Instance, InstanceState
from ...runtime.association.request.desired import Selection
from ..template.assembly import StackArtifact, deployed_with
from ..template.intrinsic_functions import UnresolvedError
from ..template.property_values import NEW, StackValues
from ..template.replacement import PROFILE
from ..template.stacks import Address, of_type
from .association_order import AssociationOrder
from .environment import Environment
from .instance_changes import PlannedInstance, planned_instances
from .stack_graph import StackGraph

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class PlannedInstances:
    """What becomes of the instances of a stack, and of those that it needs, by their templates."""

    def __init__(self, environment: Environment, planned: Iterable[PlannedInstance] = ()) -> None:
        """
        Args:
            environment: the account and Region.
            planned: the instances. Of several new ones with the same path only the first is known. Default: none.
        """
        self._environment, self._order = environment, AssociationOrder(environment.stacks)
        self._by_id: dict[str, PlannedInstance] = {}
        for one in planned:
            self._by_id.setdefault(one.id, one)

    @property
    def tagged(self) -> list[str]:
        """Ids of the existing instances that get other tags."""
        return [id_ for id_, one in self._by_id.items() if one.sets_tags and not one.is_new]

    def created(self, selection: Selection) -> list[Instance]:
        """The instances that the deployment creates: those that a selection lists, or all if it goes by tags. Not yet
        with tags and profiles."""
        ids = [id_ for id_, one in self._by_id.items() if one.is_new] if selection.tags else selection.ids
        return [Instance(id_, InstanceState.RUNNING) for id_ in ids if id_.startswith(NEW)]

    def with_tags(self, instance: Instance, selection: Selection) -> Instance:
        """An instance with the tags that it has by then. That a selecting tag is not known is a gap."""
        planned = self._by_id.get(instance.id)
        if planned is None:
            return instance
        after = planned.tags_after(instance.tags)
        for gap in planned.unknown_match(selection, after):
            self._environment.reader.record_gap(gap)
        return replace(instance, tags=after)

    def carried_by(self, instance: Instance) -> str | None:
        """ARN of the profile that an instance carries by then. That it is not known is a gap."""
        planned = self._by_id.get(instance.id)
        if planned is None or not planned.sets_profile:
            return instance.carries
        if not (planned.profile or planned.unknown_profile):
            return None
        arn = self._arn_of(planned.profile) if planned.profile else ""
        if why := planned.unknown_profile or ("" if arn is not None else f"{planned.profile} does not exist"):
            self._environment.reader.record_gap(f"the instance profile of {planned.id}: {why}")
        return arn or instance.carries

    def without_order(self, ids: Iterable[str], association: tuple[Address, str]) -> Iterator[str]:
        """The changed and new instances of its stack that an association does not wait for, in sentences.

        Args:
            ids: the instances whose change or creation matters to it.
            association: its stack and its logical id.
        """
        for planned in (self._by_id[id_] for id_ in sorted(ids)):
            if planned.key[0].name == association[0].name and not self._order.waits_for(association, planned.key):
                yield (
                    f"the deployment {'creates' if planned.is_new else 'changes'} {planned.id}, which the association "
                    "does not depend on: CloudFormation has no order for the two, so let the association depend on "
                    f"{planned.path}"
                )

    def _arn_of(self, profile: str) -> str | None:
        """ARN of a profile, by its name; None if it does not exist, and empty if that can't be seen."""
        of_stacks = (_arn_in_template(one, profile) for one in self._environment.stacks.planned)
        if arn := next(filter(None, of_stacks), None):
            return arn
        unseen: str | None = ""
        look = partial(_arn_in_iam, self._environment.aws.iam, profile)
        return self._environment.reader.once(f"instance profile {profile}", look, unseen)


def planned_instances_of(stack: StackArtifact, environment: Environment) -> PlannedInstances:
    """The instances that the deployment of a stack, and of those that it needs, creates or changes.

    Args:
        stack: a stack at the top.
        environment: the account and Region.
    """
    return PlannedInstances(environment, _planned_by(stack, environment.stacks))


def _planned_by(stack: StackArtifact, stacks: StackGraph) -> Iterator[PlannedInstance]:
    for top in reversed(deployed_with([stack], stacks.stacks)):  # the stack itself comes first
        for one in stacks.family(top):
            deployed = stacks.deployed(one.address)
            with suppress(UnresolvedError):  # whether a nested stack is there
                if stacks.exists_after(one.address) and not stacks.read_problems(one.address):
                    before = stacks.former_values(one.address, deployed) if deployed else None
                    yield from planned_instances(stacks.values(one.address), before, one.address)


def _arn_in_template(values: StackValues, name: str) -> str | None:
    for logical_id in of_type(values.template, PROFILE):
        with suppress(UnresolvedError):
            if values.iam.reference(logical_id) == name:
                return values.iam.arn(logical_id)
    return None


def _arn_in_iam(iam: "IAMClient", name: str) -> str | None:
    try:
        return iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
    except ClientError as error:
        if is_unknown_profile(error):
            return None
        raise
