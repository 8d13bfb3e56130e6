"""What plan says of stacks whose last operation has failed, or is not over."""

from dataclasses import replace

import pytest

from cdk_instance_role.cli.model import Event, Exit, PlanReport, Verb
from tests.cli.cloud import Cloud
from tests.cli.planning.test_planning import verbs, with_properties
from tests.cli.servers import STACK, Servers, synthesized
from tests.cli.template.test_nested import outer
from tests.unit.builders import instance_id

ONE, OTHER = Servers(ids=(instance_id(1),)), Servers(ids=(instance_id(2),))
GONE = Servers(associated=False)


@pytest.fixture
def cloud() -> Cloud:
    """An account with a deployed association of the first of two instances."""
    cloud = Cloud()
    cloud.instance(1)
    cloud.instance(2)
    cloud.deploy(synthesized(ONE))
    return cloud


# Resources whose update has failed


def test_updates_an_association_again_whose_update_has_failed(cloud: Cloud) -> None:
    both = synthesized(Servers(ids=(instance_id(1), instance_id(2))))
    cloud.fleet.set_carried(instance_id(2), cloud.foreign)
    cloud.world.clock.sleep(60)
    cloud.fail_to_update(both)
    cloud.fleet.set_carried(instance_id(2), None)
    cloud.world.clock.sleep(600)

    plan = cloud.plan(both)

    assert (plan.event, verbs(plan)) == (Event.UPDATE, {"web-1": Verb.KEEP, "web-2": Verb.ASSOCIATE})
    cloud.deploy(both)
    assert cloud.fleet.active(instance_id(2)) is not None
    assert cloud.plan(both).event is Event.NONE


def test_finds_that_an_id_of_a_failed_update_does_not_exist(cloud: Cloud) -> None:
    """CloudFormation has rolled the failed properties back, so that the id is new again."""
    cloud.fail_to_update(synthesized(Servers(ids=(instance_id(1), instance_id(9)))))
    cloud.world.clock.sleep(600)

    plan = cloud.plan(synthesized(Servers(ids=(instance_id(1), instance_id(9)), minutes=20)))

    assert plan.event is Event.UPDATE
    assert {one.id: one.verb for one in plan.instances}[instance_id(9)] is Verb.CONFLICT


# What a failed update has not reached


BOTH = Servers(ids=(instance_id(1), instance_id(2)))


def test_updates_an_association_that_a_failed_update_has_not_reached(cloud: Cloud) -> None:
    cloud.fail_to_reach(synthesized(BOTH))

    plan = cloud.plan(synthesized(BOTH))

    assert (plan.event, verbs(plan)) == (Event.UPDATE, {"web-1": Verb.KEEP, "web-2": Verb.ASSOCIATE})
    cloud.deploy(synthesized(BOTH))
    assert cloud.fleet.active(instance_id(2)) is not None


def test_does_not_refuse_a_terminated_target_that_the_association_holds(cloud: Cloud) -> None:
    """Its id can't be new."""
    cloud.fail_to_reach(synthesized(BOTH))
    cloud.fleet.change_state(instance_id(1), "terminated")

    plan = cloud.plan(synthesized(BOTH))

    assert plan.event is Event.UPDATE
    assert Verb.CONFLICT not in {one.verb for one in plan.instances}
    cloud.deploy(synthesized(BOTH))


def test_finds_the_association_whose_deletion_a_failed_update_has_left_for_the_next_deployment(cloud: Cloud) -> None:
    cloud.fail_to_reach(synthesized(GONE))

    plan = cloud.plan(synthesized(GONE))

    why = (
        "whether it is deleted or left as it is: the template of stack {}, whose last update has failed, lacks what "
        "CloudFormation has still to delete"
    )
    assert (plan.event, plan.unseen) == (Event.DELETE, (why.format(cloud.cloudformation.stacks[STACK].name),))
    assert PlanReport((plan,)).exit is Exit.ERROR
    cloud.deploy(synthesized(GONE))
    assert cloud.fleet.active(instance_id(1)) is None


def test_updates_an_association_that_comes_back_before_it_is_deleted(cloud: Cloud) -> None:
    cloud.fail_to_reach(synthesized(GONE))

    plan = cloud.plan(synthesized(OTHER))

    assert (plan.event, plan.problems) == (Event.UPDATE, ())


def test_status_shows_the_association_that_a_failed_update_has_still_to_delete(cloud: Cloud) -> None:
    cloud.fail_to_reach(synthesized(GONE))

    status = cloud.status(synthesized(GONE))

    (why,) = status.unseen
    assert why.startswith("the ledger: the template of stack ")


def test_finds_the_associations_of_a_nested_stack_that_a_failed_update_has_still_to_delete() -> None:
    cloud = Cloud()
    for number in (11, 12, 13):
        cloud.instance(number)
    cloud.deploy(outer())
    cloud.fail_to_reach(outer(()))

    plans = {plan.association: plan for plan in cloud.plans(outer(()))}

    assert "whether it is deleted or left as it is" in plans["Own/Web/Fleet"].unseen[0]


def test_does_not_know_what_becomes_of_a_role_that_a_failed_update_has_not_reached(cloud: Cloud) -> None:
    cloud.fail_to_reach(synthesized(replace(ONE, policies=("AmazonS3ReadOnlyAccess", "AdministratorAccess"))))

    plan = cloud.plan(synthesized(replace(ONE, policies=("AmazonS3ReadOnlyAccess", "AdministratorAccess"))))

    (why,) = plan.unseen
    assert "changes is not known: its last update has failed, and its template does not say how far it got" in why
    assert PlanReport((plan,)).exit is Exit.ERROR


def test_does_not_refuse_the_provider_from_before_a_failed_update(cloud: Cloud) -> None:
    """CloudFormation has refused the other one, so that the template alone has it."""
    cloud.fail_to_reach(with_properties(synthesized(ONE), ServiceToken="arn:of:another:provider"))

    assert cloud.plan(synthesized(ONE)).problems == ()


# Resources whose creation has failed


def test_creates_an_association_again_whose_creation_has_failed(cloud: Cloud) -> None:
    cloud.fleet.set_carried(instance_id(1), None)
    cloud.world.clock.sleep(60)
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(synthesized(ONE))

    assert (plan.event, verbs(plan)) == (Event.CREATE, {"web-1": Verb.ASSOCIATE})
    assert PlanReport((plan,)).exit is Exit.CHANGES
    cloud.deploy(synthesized(ONE))
    assert cloud.plan(synthesized(ONE)).event is Event.NONE


def test_foretells_what_becomes_of_what_a_failed_creation_still_holds(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(synthesized(OTHER))

    assert (plan.event, verbs(plan)) == (Event.CREATE, {"web-1": Verb.UNDO, "web-2": Verb.ASSOCIATE})
    cloud.deploy(synthesized(OTHER))
    assert cloud.fleet.active(instance_id(1)) is None
    assert cloud.fleet.active(instance_id(2)) is not None


def test_gives_back_what_a_failed_creation_still_holds_when_the_association_goes(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(synthesized(GONE))

    assert (plan.event, verbs(plan)) == (Event.DELETE, {"web-1": Verb.UNDO})


def test_shows_the_creation_also_where_what_is_wanted_is_not_known(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    plan = cloud.plan(with_properties(synthesized(ONE), InstanceIds=["{{resolve:ssm:/web/id}}"]))

    assert plan.event is Event.CREATE


def test_status_shows_what_a_failed_creation_still_holds(cloud: Cloud) -> None:
    cloud.fail_to_create(synthesized(ONE))

    assert [one.id for one in cloud.status(synthesized(ONE)).instances] == [instance_id(1)]


# Statuses of stacks


@pytest.mark.parametrize("after", [ONE, OTHER, GONE], ids=["the same", "other targets", "no association"])
@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("CREATE_IN_PROGRESS", "wait until that is over"),
        ("ROLLBACK_IN_PROGRESS", "wait until that is over"),
        ("UPDATE_IN_PROGRESS", "wait until that is over"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "wait until that is over"),
        ("DELETE_IN_PROGRESS", "wait until that is over"),
        ("DELETE_FAILED", "delete it again with `cdk destroy`"),
        ("UPDATE_ROLLBACK_FAILED", "continue its rollback with `cdk rollback`"),
        ("IMPORT_ROLLBACK_FAILED", "correct that in CloudFormation"),
    ],
)
def test_finds_that_cloudformation_does_not_update_a_stack(
    cloud: Cloud, status: str, advice: str, after: Servers
) -> None:
    cloud.cloudformation.status = status

    plan = cloud.plan(synthesized(after))

    (problem,) = plan.problems
    name = cloud.cloudformation.stacks[STACK].name
    assert problem == f"CloudFormation does not update stack {name} while it is in {status}: {advice}, then plan again"
    assert plan.event is (Event.UPDATE if after.associated else Event.DELETE)
    assert plan.instances == ()
    assert PlanReport((plan,)).exit is Exit.CONFLICTS


def test_finds_that_cloudformation_does_not_update_what_is_nested_in_a_stack() -> None:
    cloud = Cloud()
    for number in (11, 12, 13):
        cloud.instance(number)
    cloud.deploy(outer())
    cloud.cloudformation.status = "UPDATE_ROLLBACK_FAILED"

    plans = cloud.plans(outer())

    assert len(plans) == 3
    (top,) = {problem for plan in plans for problem in plan.problems}
    assert top.startswith(f"CloudFormation does not update stack {cloud.cloudformation.stacks['Outer'].name} while")


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_creates_everything_in_a_stack_without_resources(cloud: Cloud, status: str) -> None:
    cloud.cloudformation.status = status

    plan = cloud.plan(synthesized(OTHER))

    assert (plan.event, plan.problems, plan.warnings) == (Event.CREATE, (), ())
    assert verbs(plan) == {"web-2": Verb.ASSOCIATE}


FIRST_DELETED = (
    "stack {} is in ROLLBACK_FAILED, so the CDK CLI deletes it first, and then creates it again: delete it with "
    "`cdk destroy`, then plan what is created"
)


@pytest.mark.parametrize("after", [ONE, OTHER, GONE], ids=["the same", "other targets", "no association"])
def test_shows_the_deletion_of_a_stack_that_is_created_again(cloud: Cloud, after: Servers) -> None:
    cloud.cloudformation.status = "ROLLBACK_FAILED"

    plan = cloud.plan(synthesized(after))

    assert (plan.event, verbs(plan), plan.problems) == (Event.DELETE, {"web-1": Verb.UNDO}, ())
    assert plan.unseen == (FIRST_DELETED.format(cloud.cloudformation.stacks[STACK].name),)
    assert PlanReport((plan,)).exit is Exit.ERROR


def test_says_so_when_the_association_of_a_stack_that_is_created_again_is_gone_already(cloud: Cloud) -> None:
    cloud.deploy(synthesized(GONE))
    cloud.cloudformation.status = "ROLLBACK_FAILED"

    plan = cloud.plan(synthesized(ONE))

    assert (plan.event, plan.instances, plan.problems) == (Event.CREATE, (), ())
    assert plan.unseen == (FIRST_DELETED.format(cloud.cloudformation.stacks[STACK].name),)


@pytest.mark.parametrize("status", ["CREATE_FAILED", "UPDATE_FAILED"])
def test_says_of_a_paused_stack_that_only_a_deployment_without_rollback_goes_on(cloud: Cloud, status: str) -> None:
    cloud.cloudformation.status = status

    plan = cloud.plan(synthesized(OTHER))

    assert (plan.event, verbs(plan)) == (Event.UPDATE, {"web-1": Verb.UNDO, "web-2": Verb.ASSOCIATE})
    (warning,) = plan.warnings
    assert f"is in {status}: this is what a deployment with --no-rollback does; without that option, the CDK" in warning
    assert PlanReport((plan,)).exit is Exit.CHANGES


@pytest.mark.parametrize(
    "status",
    ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"],
)
def test_plans_an_ordinary_update_of_a_stack_that_is_at_rest(cloud: Cloud, status: str) -> None:
    cloud.cloudformation.status = status

    plan = cloud.plan(synthesized(OTHER))

    assert (plan.event, plan.problems, plan.warnings, plan.unseen) == (Event.UPDATE, (), (), ())
