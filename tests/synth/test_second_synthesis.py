"""A second synthesis of one app gives the same templates, also where stacks refer to each other.

The CDK replaces references between stacks by imports, outputs or parameters only after the library has looked at them.
In a second synthesis they are replaced already.
"""

from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import App, CfnResource, Environment, Fn, NestedStack, ResolutionTypeHint, Stack, Token
from aws_cdk import aws_iam as iam

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, InstanceSelection, ReplaceableProfiles
from tests.synth.builders import ACCOUNT, BY_ID, FLAGS, IRELAND, new_app

EC2 = iam.ServicePrincipal("ec2.amazonaws.com")
VIRGINIA = Environment(account=ACCOUNT, region="us-east-1")


def with_a_profile_of_another_stack(here: Stack, there: Stack) -> None:
    web = InstanceRole(there, "Web", role_name="web")
    InstanceProfileAssociation(here, "Fleet", instance_profile=web.instance_profile, instances=BY_ID)


def with_a_role_of_another_stack(here: Stack, there: Stack) -> None:
    role = iam.Role(there, "Role", assumed_by=EC2)
    InstanceRole(here, "Web", role=role).associate_with("Fleet", BY_ID)


def with_a_role_that_is_used_later(here: Stack, there: Stack) -> None:
    role = iam.LazyRole(there, "Role", assumed_by=EC2)
    InstanceRole(here, "Web", role=role).associate_with("Fleet", BY_ID)


def with_a_listed_profile_of_another_stack(here: Stack, there: Stack) -> None:
    former = iam.InstanceProfile(there, "Former", role=iam.Role(there, "Role", assumed_by=EC2))
    InstanceRole(here, "Web").associate_with("Fleet", BY_ID, replaces=ReplaceableProfiles.profiles(former))


def with_a_policy_of_another_stack(here: Stack, there: Stack) -> None:
    web = InstanceRole(here, "Web")
    web.associate_with("Fleet", BY_ID)
    statement = iam.PolicyStatement(actions=["s3:GetObject"], resources=["*"])
    iam.ManagedPolicy(there, "Outside", roles=[web.role], statements=[statement])


def in_a_nested_stack(here: Stack, there: Stack) -> None:
    web = InstanceRole(there, "Web")
    nested = NestedStack(here, "Nested")
    InstanceProfileAssociation(nested, "Fleet", instance_profile=web.instance_profile, instances=BY_ID)


def with_a_list_of_another_stack(here: Stack, there: Stack) -> None:
    names = CfnResource(there, "Names", type="Custom::Names").get_att("All", ResolutionTypeHint.STRING_LIST)
    InstanceRole(here, "Web").associate_with("Fleet", InstanceSelection.by_tags({"app": Token.as_list(names)}))


def with_a_split_text_of_another_stack(here: Stack, there: Stack) -> None:
    names = CfnResource(there, "Names", type="Custom::Names").get_att("All").to_string()
    InstanceRole(here, "Web").associate_with("Fleet", InstanceSelection.by_tags({"app": Fn.split(",", names)}))


def with_a_part_of_a_text_of_another_stack(here: Stack, there: Stack) -> None:
    ids = CfnResource(there, "Ids", type="Custom::Ids").get_att("All").to_string()
    instance = Fn.select(0, Fn.split(",", ids))
    InstanceRole(here, "Web").associate_with("Fleet", InstanceSelection.by_ids(instance))


def with_texts_of_two_stacks_in_a_function(here: Stack, there: Stack) -> None:
    third = Stack(there, "Third", env=IRELAND)
    parts = [CfnResource(one, "Part", type="Custom::Part").get_att("Text").to_string() for one in (there, third)]
    InstanceRole(here, "Web").associate_with("Fleet", InstanceSelection.by_ids(Fn.join("", ["i-", *parts])))


Declare = Callable[[Stack, Stack], None]


def synthesized(app: App) -> dict[str, Any]:
    """The resources of all stacks, and what is said about these."""
    stacks = app.synth(force=True).stacks
    return {
        one.stack_name: (one.template["Resources"], sorted({str(message.entry.data) for message in one.messages}))
        for one in stacks
        if "Resources" in one.template
    }


@pytest.mark.parametrize("flags", [FLAGS, {}], ids=["weak references", "exports"])
@pytest.mark.parametrize(
    "declare",
    [
        with_a_profile_of_another_stack,
        with_a_role_of_another_stack,
        with_a_role_that_is_used_later,
        with_a_listed_profile_of_another_stack,
        with_a_policy_of_another_stack,
        in_a_nested_stack,
        with_a_list_of_another_stack,
        with_a_split_text_of_another_stack,
        with_a_part_of_a_text_of_another_stack,
        with_texts_of_two_stacks_in_a_function,
    ],
)
def test_a_second_synthesis_gives_the_same_templates(declare: Declare, flags: dict[str, Any]) -> None:
    app = new_app(flags)
    declare(Stack(app, "Here", env=IRELAND), Stack(app, "There", env=IRELAND))
    assert synthesized(app) == synthesized(app)


@pytest.mark.parametrize("declare", [with_a_profile_of_another_stack, with_a_role_of_another_stack])
def test_a_second_synthesis_gives_the_same_where_stacks_are_in_two_regions(declare: Declare) -> None:
    app = new_app()
    here = Stack(app, "Here", env=IRELAND, cross_region_references=True)
    declare(here, Stack(app, "There", env=VIRGINIA, cross_region_references=True))
    assert synthesized(app) == synthesized(app)
