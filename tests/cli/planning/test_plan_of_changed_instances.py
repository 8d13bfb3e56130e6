"""What the deployment gives to the instances of the stack before the association sees them: a profile, and tags.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk import App, CfnTag, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceRole, InstanceSelection, ReplaceableProfiles
from cdk_instance_role.cli.model import AssociationPlan, Exit, PlanReport, Verb
from cdk_instance_role.cli.planning.association_plan import plan_stack
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, new_app, written
from tests.synth.builders import IRELAND, imported_profile
from tests.unit.builders import instance_id

IMAGE = "ami-0123456789abcdef0"
NO_ORDER = "CloudFormation has no order for the two"
ADVICE = "so let the association depend on Server0"
WEB = InstanceSelection.by_tags({"app": ["web"]})


def artifact(define: Callable[[Stack], Any]) -> StackArtifact:
    app: App = new_app()
    define(Stack(app, STACK, env=IRELAND))
    (found,) = assembly.read(written(app))
    return found


def carrying(profile: str | None, replaces: str = "", minutes: int = 30) -> StackArtifact:
    """A stack with an instance that has a profile of its own, and an association with the instance."""

    def define(stack: Stack) -> None:
        server = ec2.CfnInstance(stack, "Server", image_id=IMAGE, iam_instance_profile=profile)
        listed = ReplaceableProfiles.profiles(imported_profile(stack, replaces)) if replaces else None
        InstanceRole(stack, "Web").associate_with(
            "Fleet",
            InstanceSelection.by_ids(server.ref),
            timeout=Duration.minutes(minutes),
            **({"replaces": listed} if listed else {}),
        )

    return artifact(define)


def tagged(*tags: str, minutes: int = 30, depends: bool = True) -> StackArtifact:
    """A stack with instances that have these values of the tag app, and an association with all that have app=web."""

    def define(stack: Stack) -> None:
        servers = [
            ec2.CfnInstance(stack, f"Server{number}", image_id=IMAGE, tags=[CfnTag(key="app", value=tag)])
            for number, tag in enumerate(tags)
        ]
        association = InstanceRole(stack, "Web").associate_with("Fleet", WEB, timeout=Duration.minutes(minutes))
        if depends:
            association.node.add_dependency(*servers)

    return artifact(define)


def verbs(plan: AssociationPlan) -> list[tuple[str, Verb]]:
    return [(one.id, one.verb) for one in plan.instances]


def exit_status(plan: AssociationPlan) -> Exit:
    return PlanReport((plan,)).exit


def active(cloud: Cloud, id_: str) -> str | None:
    found = cloud.fleet.active(id_)
    return found.arn.rpartition("/")[2] if found else None


# The profile of a new instance


def test_an_instance_that_is_created_with_a_profile_of_its_own_is_a_conflict() -> None:
    def define(stack: Stack) -> None:
        vpc = ec2.Vpc.from_vpc_attributes(
            stack,
            "V",
            vpc_id="vpc-0123456789abcdef0",
            availability_zones=["eu-west-1a"],
            public_subnet_ids=["subnet-0123456789abcdef0"],
        )
        server = ec2.Instance(
            stack,
            "Server",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            instance_type=ec2.InstanceType("t3.nano"),
            machine_image=ec2.MachineImage.generic_linux({"eu-west-1": IMAGE}),
        )
        InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(server.instance_id))

    stack, cloud = artifact(define), Cloud()

    plan = cloud.plan(stack)

    assert verbs(plan) == [("(new) Server", Verb.CONFLICT)]
    assert plan.instances[0].reason == (
        "the instance is created by this deployment: carries instance profile Server/InstanceProfile, which `replaces` "
        "does not list: list it there, or take the instance out of the selection"
    )
    assert exit_status(plan) is Exit.CONFLICTS
    with pytest.raises(AssertionError, match="carries instance profile Servers-ServerInstanceProfile"):
        cloud.deploy(stack)


def test_an_instance_that_is_created_with_a_listed_profile_is_changed() -> None:
    stack, cloud = carrying("Old", replaces="Old"), Cloud()

    plan = cloud.plan(stack)
    cloud.deploy(stack)

    (id_,) = cloud.fleet.instances
    assert verbs(plan) == [("(new) Server", Verb.REPLACE)]
    assert plan.estimate.calls == 1
    assert exit_status(plan) is Exit.CHANGES
    assert str(active(cloud, id_)).startswith("Servers-WebInstanceProfile")


def test_an_instance_that_is_created_without_a_profile_gets_it() -> None:
    plan = Cloud().plan(carrying(None))

    assert verbs(plan) == [("(new) Server", Verb.ASSOCIATE)]
    assert not plan.unseen


@pytest.mark.parametrize(
    ("properties", "gap"),
    [
        (
            {"LaunchTemplate": {"LaunchTemplateName": "web", "Version": "1"}},
            "the instance profile of (new) Server: its launch template decides",
        ),
        (
            {"IamInstanceProfile": "{{resolve:ssm:/profile}}"},
            "the instance profile of (new) Server: {{resolve:ssm:/profile}} is not known before the deployment",
        ),
        ({"IamInstanceProfile": "Missing"}, "the instance profile of (new) Server: Missing does not exist"),
    ],
)
def test_says_so_when_the_profile_of_a_new_instance_is_not_known(properties: Mapping[str, Any], gap: str) -> None:
    plan = Cloud().plan(with_server(carrying(None), **properties))

    assert plan.unseen == (gap,)
    assert exit_status(plan) is Exit.ERROR


def test_the_profile_of_a_new_instance_outweighs_its_launch_template() -> None:
    plan = Cloud().plan(with_server(carrying("Foreign"), LaunchTemplate={"LaunchTemplateName": "web", "Version": "1"}))

    assert verbs(plan) == [("(new) Server", Verb.CONFLICT)]
    assert not plan.unseen


def test_finds_what_is_wrong_with_the_profile_where_all_targets_are_created() -> None:
    def define(stack: Stack) -> None:
        server = ec2.CfnInstance(stack, "Server", image_id=IMAGE)
        role = iam.Role(stack, "Given", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        InstanceRole(stack, "Web", role=role).associate_with("Fleet", InstanceSelection.by_ids(server.ref))

    stack, cloud = artifact(define), Cloud()

    (problem,) = cloud.plan(stack).problems

    assert problem.startswith("EC2 may not assume role Given of instance profile Web/InstanceProfile")
    with pytest.raises(AssertionError, match="EC2 may not assume role"):
        cloud.deploy(stack)


def test_an_instance_that_is_created_with_a_new_profile_that_is_listed_is_changed() -> None:
    def define(stack: Stack) -> None:
        role = iam.Role(stack, "Own", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))
        own = iam.InstanceProfile(stack, "OwnProfile", role=role)
        server = ec2.CfnInstance(stack, "Server", image_id=IMAGE, iam_instance_profile=own.instance_profile_name)
        listed = ReplaceableProfiles.profiles(own)
        InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(server.ref), replaces=listed)

    stack, cloud = artifact(define), Cloud()

    plan = cloud.plan(stack)
    cloud.deploy(stack)

    (id_,) = cloud.fleet.instances
    assert verbs(plan) == [("(new) Server", Verb.REPLACE)]
    assert plan.instances[0].reason == (
        "the instance is created by this deployment: replace OwnProfile with Web/InstanceProfile"
    )
    assert str(active(cloud, id_)).startswith("Servers-WebInstanceProfile")


def test_says_so_when_the_profile_of_an_instance_cannot_be_seen() -> None:
    cloud = Cloud()
    cloud.iam.refuse("GetInstanceProfile")

    assert cloud.plan(carrying("Foreign")).unseen == ("instance profile Foreign: not allowed (GetInstanceProfile)",)


# The profile of a deployed instance


def test_an_instance_that_gets_another_profile_from_its_template_is_a_conflict() -> None:
    cloud = Cloud()
    cloud.deploy(carrying(None))
    (id_,) = cloud.fleet.instances
    after = carrying("Foreign", minutes=20)

    plan = cloud.plan(after)

    assert verbs(plan) == [(id_, Verb.CONFLICT)]
    assert not plan.instances[0].changes
    assert plan.instances[0].reason.startswith("carries instance profile Foreign, which `replaces` does not list")
    with pytest.raises(AssertionError, match="carries instance profile Foreign"):
        cloud.deploy(after)


def test_an_instance_that_gets_a_listed_profile_from_its_template_is_changed_back() -> None:
    cloud = Cloud()
    cloud.deploy(carrying(None))
    (id_,) = cloud.fleet.instances
    after = carrying("Old", replaces="Old")

    plan = cloud.plan(after)
    cloud.deploy(after)

    assert verbs(plan) == [(id_, Verb.REPLACE)]
    assert plan.estimate.calls == 1
    assert str(active(cloud, id_)).startswith("Servers-WebInstanceProfile")


def test_an_instance_whose_template_gives_it_no_profile_any_more_gets_it_again() -> None:
    cloud = Cloud()
    cloud.deploy(carrying("Old", replaces="Old"))
    (id_,) = cloud.fleet.instances
    after = carrying(None, replaces="Old", minutes=20)
    cloud.world.clock.sleep(300)

    plan = cloud.plan(after)
    cloud.deploy(after)

    assert verbs(plan) == [(id_, Verb.ASSOCIATE)]
    assert str(active(cloud, id_)).startswith("Servers-WebInstanceProfile")


def test_a_profile_that_the_template_does_not_change_is_not_given_again() -> None:
    cloud = Cloud()
    cloud.deploy(carrying("Old", replaces="Old"))
    (id_,) = cloud.fleet.instances

    assert verbs(cloud.plan(carrying("Old", replaces="Old", minutes=20))) == [(id_, Verb.KEEP)]


def test_warns_of_a_profile_from_the_template_that_the_handler_is_not_called_for() -> None:
    cloud = Cloud()
    cloud.deploy(carrying(None))

    (one,) = cloud.plan(carrying("Foreign")).instances

    assert one.verb is Verb.KEEP
    assert one.warnings[0].startswith("it is not as wanted (carries instance profile Foreign")


def test_an_instance_that_gets_a_profile_from_its_template_is_not_restored() -> None:
    def without_association(stack: Stack) -> None:
        ec2.CfnInstance(stack, "Server", image_id=IMAGE, iam_instance_profile="Foreign")

    cloud = Cloud()
    cloud.deploy(carrying(None))
    (id_,) = cloud.fleet.instances
    after = artifact(without_association)

    plan = cloud.plan(after)
    cloud.deploy(after)

    assert verbs(plan) == [(id_, Verb.DROP)]
    assert active(cloud, id_) == "Foreign"


# Tags


def test_selects_the_instances_that_are_created_with_the_tags() -> None:
    stack, cloud = tagged("web", "other"), Cloud()

    plan = cloud.plan(stack)
    cloud.deploy(stack)

    assert verbs(plan) == [("(new) Server0", Verb.ASSOCIATE)]
    assert not plan.problems
    assert not plan.warnings
    assert [bool(active(cloud, id_)) for id_ in cloud.fleet.instances] == [True, False]


def test_follows_the_tags_that_the_template_changes() -> None:
    cloud = Cloud()
    cloud.deploy(tagged("web", "other", "web"))
    first, second, third = cloud.fleet.instances
    after = tagged("other", "web", "web", minutes=20)

    plan = cloud.plan(after)
    cloud.deploy(after)

    assert dict(verbs(plan)) == {first: Verb.UNDO, second: Verb.ASSOCIATE, third: Verb.KEEP}
    assert [bool(active(cloud, id_)) for id_ in (first, second, third)] == [False, True, True]


def test_follows_a_tag_that_the_template_removes() -> None:
    cloud = Cloud()
    cloud.deploy(tagged("web", "web"))
    first, second = cloud.fleet.instances
    after = with_server(tagged("web", "web", minutes=20), "Server0", Tags=[])

    plan = cloud.plan(after)
    cloud.deploy(after)

    assert dict(verbs(plan)) == {first: Verb.UNDO, second: Verb.KEEP}
    assert [bool(active(cloud, id_)) for id_ in (first, second)] == [False, True]


def test_a_tag_that_the_template_does_not_change_is_the_one_in_ec2() -> None:
    cloud = Cloud()
    cloud.deploy(tagged("web", "web"))
    first, second = cloud.fleet.instances
    cloud.fleet.set_tags(first, app="other")

    plan = cloud.plan(tagged("web", "web", minutes=20))

    assert dict(verbs(plan)) == {first: Verb.UNDO, second: Verb.KEEP}


@pytest.mark.parametrize("depends", [True, False])
def test_warns_of_tags_that_the_association_does_not_wait_for(depends: bool) -> None:
    cloud = Cloud()
    cloud.instance(1, tags={"app": "web"})

    plan = cloud.plan(tagged("web", "other", depends=depends))

    assert dict(verbs(plan)) == {instance_id(1): Verb.ASSOCIATE, "(new) Server0": Verb.ASSOCIATE}
    assert plan.warnings == (
        ()
        if depends
        else (f"the deployment creates (new) Server0, which the association does not depend on: {NO_ORDER}, {ADVICE}",)
    )


def test_warns_of_changed_tags_that_the_association_does_not_wait_for() -> None:
    cloud = Cloud()
    cloud.deploy(tagged("web", "web", depends=False))
    first, second = cloud.fleet.instances

    plan = cloud.plan(tagged("other", "web", minutes=20, depends=False))

    assert dict(verbs(plan)) == {first: Verb.UNDO, second: Verb.KEEP}
    assert plan.warnings == (
        f"the deployment changes {first}, which the association does not depend on: {NO_ORDER}, {ADVICE}",
    )


def test_says_so_when_a_selecting_tag_is_not_known_before_the_deployment() -> None:
    cloud = Cloud()
    cloud.instance(1, tags={"app": "web"})
    tags = [{"Key": "app", "Value": "{{resolve:ssm:/app}}"}]

    plan = cloud.plan(with_server(tagged("web"), "Server0", Tags=tags))

    assert verbs(plan) == [(instance_id(1), Verb.ASSOCIATE)]
    assert plan.unseen == ("tag app of (new) Server0: {{resolve:ssm:/app}} is not known before the deployment",)


def test_says_so_when_it_is_not_known_whether_an_instance_with_the_tags_is_created() -> None:
    cloud = Cloud()
    cloud.instance(1, tags={"app": "web"})
    stack = tagged("web", depends=False)
    server = {**stack.resources["Server0"], "Condition": "Maybe"}
    template = {
        **stack.template,
        "Conditions": {"Maybe": {"Fn::Equals": ["{{resolve:ssm:/servers}}", "yes"]}},
        "Resources": {**stack.resources, "Server0": server},
    }

    plan = cloud.plan(replace(stack, template=template))

    assert verbs(plan) == [(instance_id(1), Verb.ASSOCIATE)]
    assert plan.unseen == (
        "tag app of (new) Server0: whether it is created: {{resolve:ssm:/servers}} is not known before the deployment",
    )


def test_selects_by_the_tags_that_cloudformation_gives_to_new_instances() -> None:
    def define(stack: Stack) -> None:
        server = ec2.CfnInstance(stack, "Server", image_id=IMAGE)
        selection = InstanceSelection.by_tags({"aws:cloudformation:stack-name": [STACK]})
        InstanceRole(stack, "Web").associate_with("Fleet", selection).node.add_dependency(server)

    assert verbs(Cloud().plan(artifact(define))) == [("(new) Server", Verb.ASSOCIATE)]


def test_new_instances_of_two_stacks_with_the_same_path_are_two_instances() -> None:
    """The first stack changes the profile of its own one."""

    def define(stack: Stack) -> None:
        server = ec2.CfnInstance(stack, "Server", image_id=IMAGE)
        InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(server.ref))

    app: App = new_app()
    first, second = (Stack(app, name, env=IRELAND) for name in ("First", "Second"))
    define(first)
    define(second)
    second.add_stack_dependency(first)
    stacks = assembly.read(written(app))
    cloud = Cloud()
    environment = cloud.environment(*stacks)

    for stack in stacks:
        (plan,) = plan_stack(stack, environment, cloud.world.clock())
        assert verbs(plan) == [("(new) Server", Verb.ASSOCIATE)]


def test_selects_new_instances_of_a_stack_that_is_deployed_before() -> None:
    app: App = new_app()
    base, servers = (Stack(app, name, env=IRELAND) for name in ("Base", STACK))
    ec2.CfnInstance(base, "Server", image_id=IMAGE, tags=[CfnTag(key="app", value="web")])
    InstanceRole(servers, "Web").associate_with("Fleet", WEB)
    servers.add_stack_dependency(base)
    stacks = {stack.name: stack for stack in assembly.read(written(app))}

    plan = Cloud().plan(stacks[STACK], stacks["Base"])

    assert verbs(plan) == [("(new) Server", Verb.ASSOCIATE)]
    assert not plan.warnings


def test_ignores_an_unknown_tag_that_does_not_select() -> None:
    tags = [{"Key": "app", "Value": "web"}, {"Key": "Name", "Value": "{{resolve:ssm:/name}}"}]

    plan = Cloud().plan(with_server(tagged("web"), "Server0", Tags=tags))

    assert verbs(plan) == [("(new) Server0", Verb.ASSOCIATE)]
    assert not plan.unseen


def test_does_not_ask_ec2_for_instances_that_the_deployment_creates() -> None:
    cloud = Cloud()

    cloud.plan(tagged("web"))
    cloud.plan(carrying(None))

    assert "(new)" not in str([call.parameters for call in cloud.traffic.calls])


def with_server(stack: StackArtifact, logical_id: str = "Server", **properties: Any) -> StackArtifact:
    """The stack with other properties of an instance."""
    server = stack.resources[logical_id]
    changed = {**server, "Properties": {**server.get("Properties", {}), **properties}}
    return replace(stack, template={**stack.template, "Resources": {**stack.resources, logical_id: changed}})
