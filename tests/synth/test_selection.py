"""Which instances an association targets: what is taken, and what is refused at once."""

import dataclasses
from typing import Any

import pytest
from aws_cdk import Token
from aws_cdk import aws_ec2 as ec2

from cdk_instance_role import InstanceSelection
from tests.synth.builders import INSTANCE, OTHER_INSTANCE, as_text, associated, association_of, new_stack


def test_ids_are_handed_over_in_their_order() -> None:
    assert InstanceSelection.by_ids(OTHER_INSTANCE, INSTANCE).render() == {"InstanceIds": [OTHER_INSTANCE, INSTANCE]}


def test_takes_the_short_ids_of_old_instances() -> None:
    assert InstanceSelection.by_ids("i-0123abcd").instance_ids == ("i-0123abcd",)


def test_tags_are_handed_over_without_repeated_values() -> None:
    selection = InstanceSelection.by_tags({"app": ["web", "api", "web"], "env": ["prod"]})
    assert selection.render() == {"InstanceTags": {"app": ["web", "api"], "env": ["prod"]}}


def test_the_id_of_an_instance_of_the_app_is_a_reference() -> None:
    stack = new_stack()
    vpc = ec2.Vpc(stack, "Vpc", nat_gateways=0)
    instance = ec2.Instance(
        stack,
        "Server",
        vpc=vpc,
        vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
        instance_type=ec2.InstanceType("t3.micro"),
        machine_image=ec2.MachineImage.latest_amazon_linux2023(),
    )
    associated(InstanceSelection.by_ids(instance.instance_id), stack)
    assert as_text(association_of(stack)["Properties"]["InstanceIds"]) == ["${Server}"]


def test_tokens_are_not_inspected() -> None:
    token = Token.as_string({"Fn::ImportValue": "SomeInstance"})
    assert InstanceSelection.by_ids(token).instance_ids == (token,)


def test_fails_without_instances() -> None:
    with pytest.raises(ValueError, match="no instances selected: pass at least one instance id"):
        InstanceSelection.by_ids()


@pytest.mark.parametrize(
    "instance_id",
    ["", "web", "i-", "i-012345678", "i-0123456789ABCDEF0", "I-0123456789abcdef0", f"{INSTANCE}\n", f" {INSTANCE}"],
)
def test_fails_when_an_id_is_malformed(instance_id: str) -> None:
    with pytest.raises(ValueError, match=r"malformed instance id .* like i-0123456789abcdef0"):
        InstanceSelection.by_ids(INSTANCE, instance_id)


def test_fails_when_ids_come_as_one_list() -> None:
    with pytest.raises(ValueError, match="is not a string: pass the ids one by one"):
        InstanceSelection.by_ids([INSTANCE])  # type: ignore[arg-type]


def test_fails_when_an_id_is_repeated() -> None:
    with pytest.raises(ValueError, match=f"'{INSTANCE}' is selected more than once: name it once"):
        InstanceSelection.by_ids(INSTANCE, OTHER_INSTANCE, INSTANCE)


def test_fails_without_tags() -> None:
    with pytest.raises(ValueError, match="no instances selected: pass at least one tag"):
        InstanceSelection.by_tags({})


@pytest.mark.parametrize(
    "selection",
    [{}, {"instance_ids": ()}, {"tags": ()}, {"instance_ids": (INSTANCE,), "tags": (("app", ("web",)),)}],
    ids=["nothing", "no ids", "no tags", "ids and tags"],
)
def test_fails_when_it_is_made_directly_and_selects_nothing_or_twice(selection: dict[str, Any]) -> None:
    message = r"either ids or tags, not .*: use InstanceSelection.by_ids\(...\) or InstanceSelection.by_tags\(...\)"
    with pytest.raises(ValueError, match=message):
        InstanceSelection(**selection)


def test_is_a_value() -> None:
    selection = InstanceSelection.by_ids(INSTANCE)
    assert selection == InstanceSelection(instance_ids=(INSTANCE,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        selection.instance_ids = ()  # type: ignore[misc]


@pytest.mark.parametrize("values", [[], (), "web", [1]])
def test_fails_when_a_tag_has_no_list_of_strings(values: object) -> None:
    with pytest.raises(ValueError, match=r"tag 'app' has the values .*: pass a list of at least one string"):
        InstanceSelection.by_tags({"app": values})  # type: ignore[dict-item]


def test_takes_as_many_tag_values_as_ec2_can_be_asked_for() -> None:
    selection = InstanceSelection.by_tags({"app": [f"v{number}" for number in range(190)]})
    assert len(selection.tags[0][1]) == 190


def test_fails_when_there_are_more_tag_values_than_ec2_can_be_asked_for() -> None:
    values = [f"v{number}" for number in range(190)]
    with pytest.raises(ValueError, match="191 tag values are more than the 190"):
        InstanceSelection.by_tags({"app": values, "env": ["prod"]})
