"""An instance carries one profile only, so one association of an account and Region selects it by its id."""

import re

import pytest
from aws_cdk import CfnParameter, Environment, NestedStack, Stack, Stage
from aws_cdk import aws_ec2 as ec2

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    INSTANCE,
    IRELAND,
    OTHER_INSTANCE,
    associated,
    new_app,
    new_stack,
)

ANYWHERE = Environment()
HALF_KNOWN = Environment(account=ACCOUNT)


def refused(path: str, instance_id: str = INSTANCE) -> str:
    """A pattern of the message that an association selects an instance already."""
    return re.escape(f"instance {instance_id} is selected by {path} already: an instance carries one profile only")


def test_fails_when_two_associations_of_a_stack_select_the_same_instance() -> None:
    stack = associated(InstanceSelection.by_ids(INSTANCE, OTHER_INSTANCE))
    with pytest.raises(ValueError, match=refused("Stack/Web/Fleet", OTHER_INSTANCE)):
        InstanceRole(stack, "Api").associate_with("Fleet", InstanceSelection.by_ids(OTHER_INSTANCE))


@pytest.mark.parametrize("env", [IRELAND, ANYWHERE, HALF_KNOWN], ids=["known", "anywhere", "account only"])
def test_fails_when_two_providers_of_a_stack_are_to_give_the_same_instance_a_profile(env: Environment) -> None:
    stack = associated(stack=new_stack(env=env))
    provider = AssociationProvider(stack, "Provider")
    with pytest.raises(ValueError, match=refused("Stack/Web/Fleet")):
        InstanceRole(stack, "Api").associate_with("Fleet", BY_ID, provider=provider)


@pytest.mark.parametrize("env", [IRELAND, ANYWHERE], ids=["known", "anywhere"])
def test_fails_when_two_stacks_with_one_provider_select_the_same_instance(env: Environment) -> None:
    app = new_app()
    provider = AssociationProvider(Stack(app, "Shared", env=env), "Provider")
    associated(BY_ID, Stack(app, "One", env=env), provider=provider)
    with pytest.raises(ValueError, match=refused("One/Web/Fleet")):
        associated(BY_ID, Stack(app, "Two", env=env), provider=provider)


def test_fails_when_two_stacks_of_an_account_and_region_select_the_same_instance() -> None:
    app = new_app()
    associated(BY_ID, Stack(app, "One", env=IRELAND))
    with pytest.raises(ValueError, match=refused("One/Web/Fleet")):
        associated(BY_ID, Stack(app, "Two", env=IRELAND))


def test_fails_when_two_stages_of_an_account_and_region_select_the_same_instance() -> None:
    app = new_app()
    associated(BY_ID, Stack(Stage(app, "One", env=IRELAND), "Stack"))
    with pytest.raises(ValueError, match=refused("One/Stack/Web/Fleet")):
        associated(BY_ID, Stack(Stage(app, "Two"), "Stack", env=IRELAND))


@pytest.mark.parametrize("env", [IRELAND, ANYWHERE], ids=["known", "anywhere"])
def test_fails_when_a_nested_stack_selects_an_instance_of_its_parent(env: Environment) -> None:
    stack = associated(BY_ID, new_stack(env=env))
    nested = NestedStack(NestedStack(stack, "Outer"), "Inner")
    with pytest.raises(ValueError, match=refused("Stack/Web/Fleet")):
        associated(BY_ID, nested)


def test_fails_when_two_providers_are_to_give_an_instance_of_the_app_a_profile() -> None:
    stack = new_stack()
    server = InstanceSelection.by_ids(ec2.CfnInstance(stack, "Server").ref)
    associated(server, stack)
    with pytest.raises(ValueError, match="is selected by Stack/Web/Fleet already"):
        InstanceRole(stack, "Api").associate_with("Fleet", server, provider=AssociationProvider(stack, "Provider"))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (ANYWHERE, ANYWHERE),
        (HALF_KNOWN, HALF_KNOWN),
        (IRELAND, ANYWHERE),
        (IRELAND, Environment(account="444455556666", region=IRELAND.region)),
        (IRELAND, Environment(account=ACCOUNT, region="us-east-1")),
    ],
    ids=["both anywhere", "Regions not known", "one anywhere", "another account", "another Region"],
)
@pytest.mark.parametrize("staged", [False, True], ids=["stacks", "stages"])
def test_stacks_that_may_be_deployed_elsewhere_may_name_the_same_instance(
    one: Environment, two: Environment, staged: bool
) -> None:
    app = new_app()
    for name, env in (("One", one), ("Two", two)):
        associated(BY_ID, Stack(Stage(app, name) if staged else app, f"{name}Stack", env=env))


def test_another_app_may_name_the_same_instance() -> None:
    for _ in range(2):
        associated(BY_ID)


def test_an_instance_may_be_selected_by_id_and_by_tags() -> None:
    stack = associated(BY_ID)
    InstanceRole(stack, "Api").associate_with("Fleet", BY_TAGS)


def test_parameters_of_two_stacks_may_be_the_same_instance() -> None:
    app = new_app()
    for name in ("One", "Two"):
        stack = Stack(app, name, env=IRELAND)
        associated(InstanceSelection.by_ids(CfnParameter(stack, "Instance").value_as_string), stack)


def test_fails_when_two_associations_select_the_same_instance_of_the_stack_in_two_forms() -> None:
    stack = new_stack()
    server = ec2.CfnInstance(stack, "Server", image_id="ami-0123456789abcdef0")
    InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(server.ref))
    with pytest.raises(ValueError, match="is selected by Stack/Web/Fleet already: an instance carries one profile"):
        InstanceRole(stack, "Api").associate_with("Fleet", InstanceSelection.by_ids(server.attr_instance_id))
