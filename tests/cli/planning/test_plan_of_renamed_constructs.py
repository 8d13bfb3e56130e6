"""What a deployment would do where a construct got another id: one association goes, and another one comes.

CloudFormation creates first and deletes last. Each plan is compared with what the handler then does.
"""

from collections.abc import Callable, Sequence

import pytest
from aws_cdk import RemovalPolicy, Stack

from cdk_instance_role import InstanceRole, InstanceSelection, ReplaceableProfiles
from cdk_instance_role.cli.model import AssociationPlan, Event, Exit, PlanReport, Verb
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.runtime.association.arn import name_of
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, new_app, written
from tests.synth.builders import IRELAND, imported_profile
from tests.unit.builders import instance_id

BY_IDS = InstanceSelection.by_ids(instance_id(1), instance_id(2))
BY_TAGS = InstanceSelection.by_tags({"app": ["web"]})


@pytest.fixture
def cloud() -> Cloud:
    """An instance without a profile, and one with a profile that may be replaced."""
    cloud = Cloud()
    cloud.instance(1)
    cloud.instance(2, cloud.old)
    return cloud


def stack_with(define: Callable[[Stack], None]) -> StackArtifact:
    app = new_app()
    define(Stack(app, STACK, env=IRELAND))
    return next(one for one in assembly.read(written(app)) if one.name == STACK)


def fleet(
    role: str = "Web",
    association: str = "Fleet",
    *,
    instances: InstanceSelection = BY_IDS,
    former_ids: Sequence[str] = (),
    role_name: str | None = None,
    policies: Sequence[str] = (),
    removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
) -> StackArtifact:
    def define(stack: Stack) -> None:
        InstanceRole(stack, role, managed_policies=policies, role_name=role_name, former_ids=former_ids).associate_with(
            association,
            instances,
            replaces=ReplaceableProfiles.profiles(imported_profile(stack, "Old")),
            removal_policy=removal_policy,
        )

    return stack_with(define)


def rows(plan: AssociationPlan) -> dict[str, Verb]:
    return {one.name: one.verb for one in plan.instances}


def planned(plans: Sequence[AssociationPlan]) -> dict[Event, dict[str, Verb]]:
    """What becomes of the instances, by what becomes of the association."""
    assert not any(plan.problems or plan.unseen for plan in plans)
    return {plan.event: rows(plan) for plan in plans}


def changes_of(cloud: Cloud, stack: StackArtifact) -> int:
    """How many calls change something when a stack is deployed."""
    before = cloud.world.mutations
    cloud.deploy(stack)
    return cloud.world.mutations - before


def carried(cloud: Cloud) -> list[str | None]:
    return [cloud.fleet.carried(instance_id(number)) for number in (1, 2)]


KEPT = {"web-1": Verb.KEEP, "web-2": Verb.KEEP}
REPLACED = {"web-1": Verb.REPLACE, "web-2": Verb.REPLACE}
DROPPED = {"web-1": Verb.DROP, "web-2": Verb.DROP}
UNDONE = {"web-1": Verb.UNDO, "web-2": Verb.UNDO}


@pytest.mark.parametrize("instances", [BY_IDS, BY_TAGS], ids=["ids", "tags"])
def test_a_renamed_association_changes_no_instance(cloud: Cloud, instances: InstanceSelection) -> None:
    cloud.deploy(fleet(instances=instances))
    before, renamed = carried(cloud), fleet(association="Servers", instances=instances)

    plans = cloud.plans(renamed)

    assert planned(plans) == {Event.CREATE: KEPT, Event.DELETE: DROPPED}
    (leaving,) = (plan for plan in plans if plan.event is Event.DELETE)
    assert {one.reason for one in leaving.instances} == {"another association keeps it"}
    assert not any(plan.permissions for plan in plans)
    assert changes_of(cloud, renamed) == 0
    assert carried(cloud) == before


@pytest.mark.parametrize("instances", [BY_IDS, BY_TAGS], ids=["ids", "tags"])
def test_a_renamed_role_with_its_former_id_replaces_its_own_profile(cloud: Cloud, instances: InstanceSelection) -> None:
    cloud.deploy(fleet(instances=instances))
    renamed = fleet("Servers", instances=instances, former_ids=["Web"])

    plans = cloud.plans(renamed)

    assert planned(plans) == {Event.CREATE: REPLACED, Event.DELETE: DROPPED}
    (leaving,) = (plan for plan in plans if plan.event is Event.DELETE)
    assert {one.current and one.current.name for one in leaving.instances} == {"Web/InstanceProfile"}
    assert {one.planned and one.planned.name for one in leaving.instances} == {"Servers/InstanceProfile"}
    assert not any(one.changes or one.warnings for one in leaving.instances)
    assert PlanReport(tuple(plans)).exit is Exit.CHANGES
    assert changes_of(cloud, renamed) == 2
    assert all("ServersInstanceProfile" in str(name) for name in carried(cloud))


def test_a_profile_has_one_name_in_the_plans_of_all_associations(cloud: Cloud) -> None:
    cloud.deploy(fleet())

    plans = cloud.plans(fleet("Servers", former_ids=["Web"]))

    assert {one.current and one.current.name for plan in plans for one in plan.instances} == {"Web/InstanceProfile"}
    assert {plan.event: {one.reason for one in plan.instances} for plan in plans} == {
        Event.CREATE: {"replace Web/InstanceProfile with Servers/InstanceProfile"},
        Event.DELETE: {"another association keeps it"},
    }


@pytest.mark.parametrize("removal_policy", [RemovalPolicy.DESTROY, RemovalPolicy.RETAIN])
def test_a_renamed_role_with_the_same_policies_loses_no_permissions(
    cloud: Cloud, removal_policy: RemovalPolicy
) -> None:
    policies = ["AmazonS3ReadOnlyAccess"]
    cloud.deploy(fleet(policies=policies, removal_policy=removal_policy))

    plans = cloud.plans(fleet("Servers", policies=policies, former_ids=["Web"]))

    assert not any(change.policies_lost or change.actions_lost for plan in plans for change in plan.permissions)
    leaving = next(plan for plan in plans if plan.association == "Web/Fleet")
    assert not leaving.permissions
    assert {one.planned and one.planned.name for one in leaving.instances} == {"Servers/InstanceProfile"}


def test_a_renamed_association_moves_instances_to_a_renamed_profile(cloud: Cloud) -> None:
    cloud.deploy(fleet(role_name="one"))
    renamed = fleet(association="Servers", role_name="two")

    plans = cloud.plans(renamed)

    assert planned(plans) == {Event.CREATE: REPLACED, Event.DELETE: DROPPED}
    assert changes_of(cloud, renamed) == 2
    assert carried(cloud) == [name_of(cloud.profile_of(renamed))] * 2


def test_a_renamed_role_without_its_former_id_is_refused(cloud: Cloud) -> None:
    cloud.deploy(fleet())

    plans = cloud.plans(fleet("Servers"))

    assert PlanReport(tuple(plans)).exit is Exit.CONFLICTS
    assert rows(next(one for one in plans if one.event is Event.CREATE)) == {
        "web-1": Verb.CONFLICT,
        "web-2": Verb.CONFLICT,
    }


def test_an_association_that_is_renamed_and_retained_does_not_keep_the_profile(cloud: Cloud) -> None:
    """The handler can't know whether a retained association is still there, so its claim keeps nothing."""
    cloud.deploy(fleet())
    renamed = fleet(association="Servers", removal_policy=RemovalPolicy.RETAIN)

    plans = cloud.plans(renamed)

    assert planned(plans) == {Event.CREATE: KEPT, Event.DELETE: UNDONE}
    assert changes_of(cloud, renamed) == 2
    assert carried(cloud) == [None, "Old"]


def test_an_instance_that_only_the_leaving_association_selects_gets_its_previous_profile(cloud: Cloud) -> None:
    cloud.deploy(fleet())
    smaller = fleet(association="Servers", instances=InstanceSelection.by_ids(instance_id(1)))

    plans = cloud.plans(smaller)

    assert planned(plans) == {
        Event.CREATE: {"web-1": Verb.KEEP},
        Event.DELETE: {"web-1": Verb.DROP, "web-2": Verb.UNDO},
    }
    assert changes_of(cloud, smaller) == 1
    assert carried(cloud)[1] == "Old"
