"""What a deployment would do where a role, profile or policy is created under a name that another one has.

CloudFormation creates first and deletes last, and IAM has each name once in an account, without regard to case:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aws_cdk import App, CfnCondition, Fn, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceRole, InstanceSelection
from cdk_instance_role.cli.live.deployment import deployment_of
from cdk_instance_role.cli.model import AssociationPlan, Exit, PlanReport
from cdk_instance_role.cli.planning.association_plan import plan_stack
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, new_app, written
from tests.synth.builders import ACCOUNT, IRELAND
from tests.unit.builders import instance_id

ROLES = f"arn:aws:iam::{ACCOUNT}:role"
ONE = InstanceSelection.by_ids(instance_id(1))


@pytest.fixture
def cloud() -> Cloud:
    cloud = Cloud()
    cloud.instance(1)
    cloud.instance(2)
    for name in ("Old", "Foreign"):
        cloud.role(name)
    return cloud


def stacks_of(app: App) -> dict[str, StackArtifact]:
    return {one.name: one for one in assembly.read(written(app))}


def stack_with(define: Callable[[Stack], Any]) -> StackArtifact:
    app = new_app()
    define(Stack(app, STACK, env=IRELAND))
    return stacks_of(app)[STACK]


def web(construct_id: str = "Web", *, role: str | None = None, **arguments: Any) -> StackArtifact:
    def define(stack: Stack) -> None:
        given = iam.Role.from_role_arn(stack, "Given", f"{ROLES}/{role}") if role else None
        InstanceRole(stack, construct_id, role=given, **arguments).associate_with("Fleet", ONE)

    return stack_with(define)


def with_policy(construct_id: str = "Policy", **properties: Any) -> StackArtifact:
    def define(stack: Stack) -> None:
        statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
        iam.ManagedPolicy(stack, construct_id, statements=[statement], **properties)
        InstanceRole(stack, "Web").associate_with("Fleet", ONE)

    return stack_with(define)


def with_path() -> StackArtifact:
    def define(stack: Stack) -> None:
        web = InstanceRole(stack, "Web", role_name="one")
        role = web.role.node.default_child
        assert isinstance(role, iam.CfnRole)
        role.path = "/second/"
        web.associate_with("Fleet", ONE)

    return stack_with(define)


def problems(plans: Sequence[AssociationPlan]) -> set[str]:
    return {problem for plan in plans for problem in plan.problems}


def refusal(cloud: Cloud, before: StackArtifact, after: StackArtifact) -> str:
    """Why the deployment of a stack would be refused after that of another one."""
    cloud.deploy(before)
    plans = cloud.plans(after)
    assert PlanReport(tuple(plans)).exit is Exit.CONFLICTS
    (problem,) = problems(plans)
    return problem


def test_a_renamed_construct_can_not_keep_the_name_of_its_role(cloud: Cloud) -> None:
    found = refusal(cloud, web(role_name="one"), web("Web2", role_name="one", former_ids=["Web"]))

    assert found == (
        "CloudFormation can't create role Web2/Role, because it deletes Web/Role only afterwards, if at all, and both "
        "have the name one: give it another `role_name`"
    )


def test_a_renamed_construct_can_not_keep_the_name_of_its_profile(cloud: Cloud) -> None:
    before = web(instance_profile_name="p1")
    found = refusal(cloud, before, web("Web2", instance_profile_name="p1", former_ids=["Web"]))

    assert found == (
        "CloudFormation can't create instance profile Web2/InstanceProfile, because it deletes Web/InstanceProfile "
        "only afterwards, if at all, and both have the name p1: give it another `instance_profile_name`"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"role_name": "one"}, {"role_name": "two"}),
        ({"role": "Old"}, {"role": "Foreign"}),
        ({}, {"role": "Foreign"}),
        ({"role": "Old"}, {}),
    ],
)
def test_another_role_needs_another_name_of_the_profile(
    cloud: Cloud, before: dict[str, str], after: dict[str, str]
) -> None:
    found = refusal(cloud, web(**before, instance_profile_name="p1"), web(**after, instance_profile_name="p1"))

    assert found == (
        "CloudFormation can't replace instance profile Web/InstanceProfile, because it creates the new one before it "
        "deletes the old one, and both have the name p1: give it another `instance_profile_name`"
    )


def test_a_role_that_is_replaced_can_not_keep_its_name(cloud: Cloud) -> None:
    found = refusal(cloud, web(role_name="one"), with_path())

    assert found.startswith("CloudFormation can't replace role Web/Role, because")


@pytest.mark.parametrize(
    ("construct_id", "properties"), [("Policy2", {}), ("Policy", {"description": "new"})], ids=["id", "description"]
)
def test_a_new_managed_policy_can_not_have_the_name_of_the_old_one(
    cloud: Cloud, construct_id: str, properties: dict[str, str]
) -> None:
    after = with_policy(construct_id, managed_policy_name="p", **properties)
    found = refusal(cloud, with_policy(managed_policy_name="p"), after)

    assert found.endswith("have the name p: give it another `managed_policy_name`")


def test_names_are_compared_without_regard_to_case(cloud: Cloud) -> None:
    assert "have the name ONE" in refusal(cloud, web(role_name="one"), web(role_name="ONE"))


def test_everything_that_has_to_change_is_said_at_once(cloud: Cloud) -> None:
    names = {"role_name": "one", "instance_profile_name": "p1"}
    found = refusal(cloud, web(**names), web("Web2", **names, former_ids=["Web"]))

    assert "`role_name`; CloudFormation can't create instance profile" in found


def test_a_retained_role_keeps_its_name(cloud: Cloud) -> None:
    def define(construct_id: str) -> Callable[[Stack], None]:
        def inner(stack: Stack) -> None:
            web = InstanceRole(stack, construct_id, role_name="one")
            web.role.apply_removal_policy(RemovalPolicy.RETAIN)
            web.associate_with("Fleet", ONE)

        return inner

    assert refusal(cloud, stack_with(define("Web")), stack_with(define("Web2")))


@pytest.mark.parametrize(
    ("construct_id", "properties"),
    [
        ("Web", {"role_name": "one", "instance_profile_name": "p1"}),
        ("Web", {"role_name": "two", "instance_profile_name": "p2"}),
        ("Web2", {"role_name": "two", "instance_profile_name": "p2", "former_ids": ["Web"]}),
        ("Web2", {"former_ids": ["Web"]}),
    ],
    ids=["nothing changes", "other names", "other names and id", "other id without names"],
)
def test_other_names_and_kept_resources_are_no_problem(
    cloud: Cloud, construct_id: str, properties: dict[str, Any]
) -> None:
    cloud.deploy(web(role_name="one", instance_profile_name="p1"))

    assert not problems(cloud.plans(web(construct_id, **properties)))


def test_a_name_that_an_aspect_gives_the_profile_follows_the_role(cloud: Cloud) -> None:
    def define(role_name: str) -> Callable[[Stack], None]:
        def inner(stack: Stack) -> None:
            web = InstanceRole(stack, "Web", role_name=role_name)
            profile = web.instance_profile.node.default_child
            assert isinstance(profile, iam.CfnInstanceProfile)
            profile.instance_profile_name = "p1"
            web.associate_with("Fleet", ONE)

        return inner

    cloud.deploy(stack_with(define("one")))

    assert not problems(cloud.plans(stack_with(define("two"))))


def test_a_role_that_is_not_made_needs_no_name(cloud: Cloud) -> None:
    def define(stack: Stack) -> None:
        InstanceRole(stack, "Web").associate_with("Fleet", ONE)
        role = iam.Role(stack, "Spare", role_name="one", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        resource = role.node.default_child
        assert isinstance(resource, iam.CfnRole)
        is_america = Fn.condition_equals(stack.region, "us-east-1")
        resource.cfn_options.condition = CfnCondition(stack, "InAmerica", expression=is_america)

    cloud.deploy(web(role_name="one"))

    assert not problems(cloud.plans(stack_with(define)))


# Names of other stacks


def two_stacks(
    first: str | None, second: str | None, *, needs: str | None = None, regions: Sequence[str] = ("eu-west-1",) * 2
) -> list[StackArtifact]:
    """The stacks First and Second, each with a role of this name, in the order of `cdk deploy`. One may need the
    other."""
    app = new_app()
    names = {"First": (first, 1), "Second": (second, 2)}
    stacks = {
        name: Stack(app, name, env={"account": ACCOUNT, "region": region})
        for name, region in zip(names, regions, strict=True)
    }
    for name, (role_name, number) in names.items():
        role = InstanceRole(stacks[name], "Web", role_name=role_name)
        role.associate_with("Fleet", InstanceSelection.by_ids(instance_id(number)))
    if needs:
        other = next(name for name in names if name != needs)
        stacks[other].node.add_dependency(stacks[needs])
    found = assembly.read(written(app))
    return assembly.deployed_with(found, found)


def problems_of(cloud: Cloud, stacks: Sequence[StackArtifact], *deployed: StackArtifact) -> dict[str, set[str]]:
    environment = cloud.environment(*stacks)
    if deployed:
        environment.deployment = deployment_of(deployed, [environment.stacks])
    return {one.name: problems(plan_stack(one, environment, cloud.world.clock())) for one in deployed or stacks}


TAKEN = (
    "CloudFormation can't create role Web/Role, because Web/Role of stack First has the name one, which IAM allows "
    "once in an account: give it another `role_name`"
)


def test_a_name_that_another_stack_keeps_is_taken(cloud: Cloud) -> None:
    for stack in two_stacks("one", None):
        cloud.deploy(stack)

    assert problems_of(cloud, two_stacks("one", "one")) == {"First": set(), "Second": {TAKEN}}


def test_the_second_of_two_new_stacks_can_not_give_the_same_name(cloud: Cloud) -> None:
    assert problems_of(cloud, two_stacks("one", "one")) == {"First": set(), "Second": {TAKEN}}


@pytest.mark.parametrize(("needs", "expected"), [("First", set()), (None, set()), ("Second", {TAKEN})])
def test_a_name_that_another_stack_gives_up_is_free_if_that_one_comes_first(
    cloud: Cloud, needs: str | None, expected: set[str]
) -> None:
    """Without a dependency, it is not known."""
    for stack in two_stacks("one", None):
        cloud.deploy(stack)

    assert problems_of(cloud, two_stacks("other", "one", needs=needs)) == {"First": set(), "Second": expected}


def test_a_name_that_another_stack_gives_up_is_taken_if_that_one_is_not_deployed(cloud: Cloud) -> None:
    for stack in two_stacks("one", None):
        cloud.deploy(stack)
    stacks = two_stacks("other", "one")
    (second,) = (one for one in stacks if one.name == "Second")

    assert problems_of(cloud, stacks, second) == {"Second": {TAKEN}}


def test_a_name_is_taken_in_all_regions(cloud: Cloud) -> None:
    first, second = two_stacks("one", "one", regions=("us-east-1", "eu-west-1"))
    cloud.deploy(first)
    here, there = cloud.environment(second), cloud.environment(first)
    there.stacks.region = "us-east-1"
    here.deployment = deployment_of([first, second], [here.stacks, there.stacks])

    (found,) = problems(plan_stack(second, here, cloud.world.clock()))

    assert found == TAKEN.replace("stack First has", "stack First in us-east-1 has")
