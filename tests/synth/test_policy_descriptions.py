"""The description of a policy holds the values that only the deployment knows, so that another value replaces it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from aws_cdk import CfnDynamicReference, CfnDynamicReferenceService, CfnParameter, CustomResource, Fn, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm

from cdk_instance_role import InstanceProfileAssociation, InstanceRole, InstanceSelection, ReplaceableProfiles
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    BY_TAGS,
    IRELAND,
    as_text,
    handler_policies,
    imported_profile,
    new_app,
    new_stack,
)

PLAIN = "What the instance profile handler may do for this stack"
MAX_DESCRIPTION = 1000
"""Characters: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-iam-managedpolicy.html"""


def descriptions(stack: Stack) -> list[Any]:
    return [policy["Properties"]["Description"] for policy in handler_policies(stack).values()]


def with_values(stack: Stack) -> Any:
    """What is behind the plain text in the only description."""
    (description,) = descriptions(stack)
    match description:
        case {"Fn::Join": ["", [str(beginning), *values]]}:
            assert beginning == f"{PLAIN}, with "
            return values
    assert description == PLAIN
    return []


def listing(stack: Stack, name: str) -> None:
    """Associate a profile in place of one with a name."""
    replaces = ReplaceableProfiles.profiles(imported_profile(stack, name, id="Listed"))
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID, replaces=replaces)


def parameter(stack: Stack) -> str:
    return CfnParameter(stack, "Name").value_as_string


NAMES: Mapping[str, tuple[Callable[[Stack], str], Any]] = {
    "a parameter": (parameter, {"Ref": "Name"}),
    "a function": (
        lambda stack: Fn.select(1, Fn.split("/", parameter(stack))),
        {"Fn::Select": [1, {"Fn::Split": ["/", {"Ref": "Name"}]}]},
    ),
    "an export of another stack": (lambda _: Fn.import_value("Name"), {"Fn::ImportValue": "Name"}),
    "an attribute of a custom resource": (
        lambda stack: CustomResource(stack, "Custom", service_token="arn:x").get_att_string("Name"),
        {"Fn::GetAtt": ["Custom", "Name"]},
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_has_the_name_of_a_listed_profile_that_only_the_deployment_knows(name: str) -> None:
    stack = new_stack()
    given, expected = NAMES[name]
    listing(stack, given(stack))
    assert with_values(stack) == [expected]


def test_has_a_parameter_of_systems_manager() -> None:
    stack = new_stack()
    listing(stack, ssm.StringParameter.value_for_string_parameter(stack, "/profile"))
    (value,) = with_values(stack)
    assert value["Ref"].startswith("SsmParameterValueprofile")


def test_has_a_dynamic_reference() -> None:
    stack = new_stack()
    listing(stack, CfnDynamicReference(CfnDynamicReferenceService.SSM, "/profile").to_string())
    assert descriptions(stack) == [f"{PLAIN}, with {{{{resolve:ssm:/profile}}}}"]


@pytest.mark.parametrize("env", [IRELAND, None], ids=["in Ireland", "anywhere"])
def test_has_no_name_that_the_template_tells(env: Any) -> None:
    app = new_app()
    stack, another = Stack(app, "Stack", env=env), Stack(app, "Another", env=env)
    own, other = InstanceRole(stack, "Own"), InstanceRole(another, "Other")
    listed = [own.instance_profile, other.instance_profile, imported_profile(stack, "Old")]
    replaces = ReplaceableProfiles.profiles(*listed)
    InstanceRole(stack, "Web", role_name="web").associate_with("Fleet", BY_ID, replaces=replaces)
    assert with_values(stack) == []


def test_has_no_values_of_tags_because_any_instance_may_be_restored() -> None:
    stack = new_stack()
    tags = InstanceSelection.by_tags({"app": [CfnParameter(stack, "App").value_as_string]})
    InstanceRole(stack, "Web").associate_with("Fleet", tags)
    assert with_values(stack) == []


def test_has_the_wanted_profile_and_its_role() -> None:
    stack = new_stack()
    arns = [CfnParameter(stack, name).value_as_string for name in ("Profile", "Role")]
    profile = iam.InstanceProfile.from_instance_profile_attributes(
        stack, "Web", instance_profile_arn=arns[0], role=iam.Role.from_role_arn(stack, "WebRole", arns[1])
    )
    InstanceProfileAssociation(stack, "Fleet", instance_profile=profile, instances=BY_TAGS)
    assert with_values(stack) == [{"Ref": "Profile"}, ", ", {"Ref": "Role"}]


def test_has_the_id_of_an_instance_of_the_app_which_may_be_replaced() -> None:
    stack = new_stack()
    server = ec2.CfnInstance(stack, "Server", image_id="ami-0123456789abcdef0", instance_type="t3.micro")
    InstanceRole(stack, "Web").associate_with("Fleet", InstanceSelection.by_ids(server.ref))
    assert with_values(stack) == [{"Ref": "Server"}]


@pytest.mark.parametrize("ids", [3, 60])
def test_is_not_longer_than_iam_accepts_and_names_come_before_ids(ids: int) -> None:
    stack = new_stack()
    selected = [CfnParameter(stack, f"Id{number}").value_as_string for number in range(ids)]
    names = [CfnParameter(stack, f"Name{number}").value_as_string for number in range(3)]
    listed = [imported_profile(stack, name, id=f"Old{number}") for number, name in enumerate(names)]
    role = InstanceRole(stack, "Web")
    replaces = ReplaceableProfiles.profiles(*listed)
    role.associate_with("Fleet", InstanceSelection.by_ids(*selected), replaces=replaces)
    longest = {f"Id{number}": "i-0123456789abcdef0" for number in range(ids)}
    longest |= {f"Name{number}": "n" * 128 for number in range(3)}

    texts = [_filled(description, longest) for description in descriptions(stack)]

    assert all(len(text) <= MAX_DESCRIPTION for text in texts)
    assert any(text.count("n" * 128) == 3 and "i-0123456789abcdef0" in text for text in texts)
    assert ACCOUNT not in "".join(texts)


def _filled(description: Any, values: Mapping[str, str]) -> str:
    """A description as CloudFormation hands it to IAM."""
    if isinstance(description, str):
        return description
    return "".join(part if isinstance(part, str) else values[part["Ref"]] for part in description["Fn::Join"][1])


def test_an_own_profile_named_by_a_parameter_reads_like_any_other() -> None:
    stack = new_stack()
    role = InstanceRole(stack, "Web", role_name=CfnParameter(stack, "Role").value_as_string)
    role.associate_with("Fleet", BY_TAGS)
    assert as_text(descriptions(stack)) == [PLAIN]
