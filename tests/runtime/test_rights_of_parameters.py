"""Rights where a parameter names a target or a profile: with another value, CloudFormation replaces the policy."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Environment, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from cdk_instance_role import InstanceProfileAssociation, InstanceSelection, ReplaceableProfiles
from tests.simulator.cloudformation import Status
from tests.simulator.driver import STACK_ID, Resource, World
from tests.simulator.fleet import ACCOUNT, REGION
from tests.simulator.rights import STACK
from tests.simulator.rights import App as Templates
from tests.synth.builders import FLAGS

Documents = Mapping[str, Mapping[str, Any]]


def new_stack() -> Stack:
    return Stack(App(context=FLAGS), STACK, env=Environment(account=ACCOUNT, region=REGION))


def profile(stack: Stack, id: str, arn: str) -> iam.IInstanceProfile:
    """A profile that lives elsewhere, with a role of the same name."""
    role = iam.Role.from_role_arn(stack, f"{id}Role", arn.replace("instance-profile", "role"))
    return iam.InstanceProfile.from_instance_profile_attributes(stack, id, instance_profile_arn=arn, role=role)


def template(world: World) -> dict[str, Any]:
    """A stack whose only target is named by a parameter."""
    stack = new_stack()
    InstanceProfileAssociation(
        stack,
        "Fleet",
        instance_profile=profile(stack, "Web", world.web),
        instances=InstanceSelection.by_ids(CfnParameter(stack, "Id").value_as_string),
        replaces=ReplaceableProfiles.profiles(profile(stack, "Old", world.old)),
    )
    return dict(Template.from_stack(stack).to_json())


def template_listing(world: World, ids: Sequence[str]) -> dict[str, Any]:
    """A stack that lists Old, and a profile that is named by a parameter."""
    stack = new_stack()
    named = f"arn:aws:iam::{ACCOUNT}:instance-profile/{CfnParameter(stack, 'Name').value_as_string}"
    InstanceProfileAssociation(
        stack,
        "Fleet",
        instance_profile=profile(stack, "Web", world.web),
        instances=InstanceSelection.by_ids(*ids),
        replaces=ReplaceableProfiles.profiles(profile(stack, "Old", world.old), profile(stack, "Named", named)),
    )
    return dict(Template.from_stack(stack).to_json())


def policies(body: Mapping[str, Any], **parameters: str) -> Documents:
    """The policies of the handler, with the value that the parameter has. By logical id and description, because
    CloudFormation replaces a policy to change its description."""
    values = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackId": STACK_ID}
    given = {f"{STACK}/{name}": value for name, value in parameters.items()}
    resolved = Templates({STACK: body}, {**values, **given})
    return {
        f"{name} {resolved.resolve(STACK, one['Properties']['Description'])}": resolved.resolve(
            STACK, one["Properties"]["PolicyDocument"]
        )
        for name, one in body["Resources"].items()
        if one["Type"] == "AWS::IAM::ManagedPolicy"
    }


def with_two_instances(monkeypatch: pytest.MonkeyPatch, state: str) -> tuple[World, str, str]:
    """A world with two instances, where the handler has the permissions for the one that the parameter names."""
    world = World(enforced=True)
    assert world.role
    first, second = world.instance(world.old, state=state), world.instance(world.old, state=state)
    body = template(world)
    monkeypatch.setattr(world.role, "_of", lambda properties, **_: policies(body, Id=properties["InstanceIds"][0]))
    return world, first, second


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_an_instance_gets_its_previous_profile_back_when_the_parameter_names_another_one(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    world, first, second = with_two_instances(monkeypatch, state)
    resource = Resource(world)
    assert resource.create(world.properties([first], replaces=[world.old])).ok

    assert resource.update(world.properties([second], replaces=[world.old])).ok

    assert world.carried(first, second) == ["Old", "Web"]


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_rollback_restores_the_instance_that_the_parameter_named(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    world, first, second = with_two_instances(monkeypatch, state)
    resource = Resource(world)
    before, after = (world.properties([one], replaces=[world.old]) for one in (first, second))
    assert resource.create(before).ok
    assert resource.update(after).ok

    resource.attach_policies(before)
    world.stack_status = Status.ROLLING_BACK
    rolled_back = resource.deliver(resource.event("Update", before, after))

    assert rolled_back.ok, rolled_back.reason
    assert world.carried(first, second) == ["Web", "Old"]


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_rollback_restores_the_profile_that_the_parameter_named(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    world = World(enforced=True)
    assert world.role
    older, oldest = world.fleet.add_profile("Older"), world.fleet.add_profile("Oldest")
    ids = [world.instance(world.old, state=state), world.instance(older, state=state)]
    body = template_listing(world, ids)

    def of(properties: Mapping[str, Any], **_: Any) -> Documents:
        return policies(body, Name=properties["Replaces"][1]["InstanceProfileArn"].rpartition("/")[2])

    monkeypatch.setattr(world.role, "_of", of)
    resource = Resource(world)
    before, after = (
        world.properties(ids, replaces=[world.old, named], on_conflict="KEEP") for named in (oldest, older)
    )
    assert resource.create(before).ok
    assert world.carried(*ids) == ["Web", "Older"]
    assert resource.update(after).ok
    assert world.carried(*ids) == ["Web", "Web"]

    resource.attach_policies(before)
    world.stack_status = Status.ROLLING_BACK
    rolled_back = resource.deliver(resource.event("Update", before, after))

    assert rolled_back.ok, rolled_back.reason
    assert world.carried(*ids) == ["Web", "Older"]
