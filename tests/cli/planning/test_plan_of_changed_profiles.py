"""What the deployment changes about a profile that stays: the role in it, and the trust policy of that role.

CloudFormation changes both without interruption, before the association that refers to them:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-instanceprofile.html
"""

from dataclasses import replace
from functools import cache

import pytest
from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceProfileAssociation, InstanceSelection
from cdk_instance_role.cli.model import Exit, PlanReport, Verb
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import STACK, new_app, written
from tests.simulator.fleet import TRUST_EC2, TRUST_LAMBDA
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id

EC2, LAMBDA = "ec2.amazonaws.com", "lambda.amazonaws.com"
ONE, BOTH = 1, 2


@cache
def stack(role: str = "Given", service: str = EC2, targets: int = BOTH) -> StackArtifact:
    """A stack with two roles, one of which is in its instance profile."""
    app = new_app()
    servers = Stack(app, STACK, env=IRELAND)
    services = {"Given": service, "Other": EC2}
    roles = {name: iam.Role(servers, name, assumed_by=iam.ServicePrincipal(by)) for name, by in services.items()}
    profile = iam.InstanceProfile(servers, "Profile", role=roles[role])
    ids = (instance_id(number) for number in range(1, targets + 1))
    InstanceProfileAssociation(servers, "Fleet", instance_profile=profile, instances=InstanceSelection.by_ids(*ids))
    (artifact,) = assembly.read(written(app))
    return artifact


def cloud_with(deployed: StackArtifact) -> Cloud:
    cloud = Cloud()
    for number in (1, 2):
        cloud.instance(number)
    cloud.deploy(deployed)
    return cloud


def trust_now(cloud: Cloud, service: str) -> None:
    """Somebody changes the trust policy of the role in the profile."""
    trust = TRUST_EC2 if service == EC2 else TRUST_LAMBDA
    for name, role in cloud.iam.roles.items():
        if "Given" in name:
            role.trust = trust
    for profile in cloud.fleet.profiles.values():
        if profile.role_arn and "Given" in profile.role_arn:
            profile.trust = trust


def test_a_profile_that_stays_holds_the_role_that_the_deployment_puts_into_it() -> None:
    cloud = cloud_with(stack(targets=ONE))

    plan = cloud.plan(stack("Other"))

    assert not plan.problems
    assert [one.verb for one in plan.instances] == [Verb.KEEP, Verb.ASSOCIATE]
    assert [(one.before.partition("-")[2][:5], one.after) for one in plan.permissions] == [("Given", "Other")]
    cloud.deploy(stack("Other"))  # succeeds


def test_fails_when_ec2_may_not_assume_the_role_that_the_deployment_puts_into_a_profile() -> None:
    cloud = cloud_with(stack("Other", LAMBDA, ONE))

    plan = cloud.plan(stack("Given", LAMBDA))

    assert [problem.partition(":")[0] for problem in plan.problems] == [
        "EC2 may not assume role Servers-GivenEA18D9CA-1AB2C3D4 of instance profile Profile"
    ]
    with pytest.raises(AssertionError, match="EC2 may not assume role"):
        cloud.deploy(stack("Given", LAMBDA))


def test_does_not_refuse_the_deployment_that_corrects_a_trust_policy() -> None:
    cloud = cloud_with(stack(targets=ONE))
    trust_now(cloud, LAMBDA)
    deployed = cloud.cloudformation.stacks[STACK]
    cloud.cloudformation.stacks[STACK] = replace(deployed, template=stack(service=LAMBDA, targets=ONE).template)

    plan = cloud.plan(stack())

    assert not plan.problems
    cloud.deploy(stack())  # succeeds


def test_refuses_the_deployment_that_takes_the_role_away_from_ec2() -> None:
    cloud = cloud_with(stack(targets=ONE))

    plan = cloud.plan(stack(service=LAMBDA))

    assert plan.problems[0].startswith("EC2 may not assume role Servers-GivenEA18D9CA-1AB2C3D4 of instance profile")
    assert PlanReport((plan,)).exit is Exit.CONFLICTS
    with pytest.raises(AssertionError, match="EC2 may not assume role"):
        cloud.deploy(stack(service=LAMBDA))


@pytest.mark.parametrize("service", [EC2, LAMBDA])
def test_a_trust_policy_that_the_deployment_does_not_change_is_the_one_in_iam(service: str) -> None:
    cloud = cloud_with(stack(targets=ONE))
    trust_now(cloud, service)

    plan = cloud.plan(stack())

    assert bool(plan.problems) is (service == LAMBDA)


def test_a_role_that_the_deployment_does_not_change_is_the_one_in_iam() -> None:
    cloud = cloud_with(stack(targets=ONE))
    (profile,) = (arn for arn in cloud.fleet.profiles if "Servers-" in arn)
    cloud.fleet.change_role(profile, "Old")

    (problem,) = cloud.plan(stack()).problems

    assert problem.startswith("instance profile Profile holds role Old, not Servers-Given")


def test_says_what_iam_does_not_show_of_a_profile_that_stays() -> None:
    cloud = cloud_with(stack(targets=ONE))
    cloud.iam.refuse("GetInstanceProfile")

    plan = cloud.plan(stack("Other"))

    assert not plan.problems
    assert any("not allowed (GetInstanceProfile)" in gap for gap in plan.unseen)


def test_a_profile_that_somebody_has_deleted_does_not_come_back() -> None:
    cloud = cloud_with(stack(targets=ONE))
    (profile,) = (arn for arn in cloud.fleet.profiles if "Servers-" in arn)
    cloud.fleet.delete_profile(profile)

    (problem,) = cloud.plan(stack("Other")).problems

    assert problem.startswith("instance profile")
    assert "does not exist" in problem
