"""Which instances an association targets: what is accepted, and what is refused at once."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest
from aws_cdk import CfnParameter, CfnResource, Fn, Stack, Token
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ssm as ssm

from cdk_instance_role import InstanceSelection
from tests.synth.builders import (
    INSTANCE,
    OTHER_INSTANCE,
    as_text,
    associated,
    association_of,
    handler_policies,
    instance_ids,
    new_stack,
    statements,
)


def test_ids_are_passed_in_their_order() -> None:
    assert InstanceSelection.by_ids(OTHER_INSTANCE, INSTANCE).render() == {"InstanceIds": [OTHER_INSTANCE, INSTANCE]}


def test_accepts_the_short_ids_of_old_instances() -> None:
    assert InstanceSelection.by_ids("i-0123abcd").instance_ids == ("i-0123abcd",)


def test_tags_are_passed_without_repeated_values() -> None:
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


def test_elements_of_a_split_list_are_accepted_as_ids() -> None:
    ids = Fn.split(",", Fn.import_value("FleetIds"), 2)
    assert InstanceSelection.by_ids(*ids).render() == {"InstanceIds": ids}


LIST_TOKENS: dict[str, Callable[[Stack], list[str]]] = {
    "parameter": lambda stack: CfnParameter(stack, "Ids", type="List<AWS::EC2::Instance::Id>").value_as_list,
    "split": lambda _: Fn.split(",", Fn.import_value("FleetIds")),
    "SSM list": lambda stack: ssm.StringListParameter.value_for_typed_list_parameter(stack, "/fleet/ids"),
}
"""Lists that only the deployment knows. The CDK gives each as a list with one element."""

every_list = pytest.mark.parametrize("kind", LIST_TOKENS)


@every_list
def test_fails_when_all_ids_are_one_list_token(kind: str) -> None:
    message = (
        "the instance ids are a list token, a list that only the deployment knows: the handler's permissions name "
        "every id. Pass the ids one by one, like *Fn.split(',', value, 3) for three of them, or select the instances "
        "by tags"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        InstanceSelection.by_ids(*LIST_TOKENS[kind](new_stack()))


@every_list
def test_the_values_of_a_tag_may_be_a_list_token(kind: str) -> None:
    stack = new_stack()
    values = LIST_TOKENS[kind](stack)
    associated(InstanceSelection.by_tags({"app": values, "env": ["prod"]}), stack)
    assert association_of(stack)["Properties"]["InstanceTags"] == {"app": stack.resolve(values), "env": ["prod"]}
    (allowed,) = statements(stack, "ec2:AssociateIamInstanceProfile")
    assert allowed["Condition"]["StringEquals"]["aws:ResourceTag/app"] == as_text(stack.resolve(values))


@pytest.mark.parametrize("other", ["web", "", "${Token[x.1]}"])
def test_fails_when_a_list_token_is_one_of_several_values(other: str) -> None:
    (element,) = LIST_TOKENS["split"](new_stack())
    message = "tag 'app' has a list token among its values: pass the list alone, like parameter.value_as_list, or"
    for values in ([element, other], [other, element], [f"{element}{other}x"]):
        with pytest.raises(ValueError, match=re.escape(message)):
            InstanceSelection.by_tags({"app": values})


def test_fails_when_the_key_of_a_tag_is_a_token() -> None:
    key = Token.as_string({"Ref": "Key"})
    with pytest.raises(ValueError, match=r"tag key '.*' is a token: give a key that is known at synthesis, because"):
        InstanceSelection.by_tags({key: ["web"]})


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


def test_fails_when_ids_are_given_as_one_list() -> None:
    with pytest.raises(ValueError, match="is not a string: pass the ids one by one"):
        InstanceSelection.by_ids([INSTANCE])  # type: ignore[arg-type]


def test_fails_when_an_id_is_repeated() -> None:
    with pytest.raises(ValueError, match=f"'{INSTANCE}' is selected more than once: name it once"):
        InstanceSelection.by_ids(INSTANCE, OTHER_INSTANCE, INSTANCE)


def test_fails_when_an_instance_of_the_app_is_repeated_in_another_form() -> None:
    server = ec2.CfnInstance(new_stack(), "Server", image_id="ami-0123456789abcdef0")
    with pytest.raises(ValueError, match="is selected more than once: name it once"):
        InstanceSelection.by_ids(server.ref, server.attr_instance_id)


def test_leaves_other_attributes_and_texts_with_tokens_as_they_are() -> None:
    stack = new_stack()
    server = ec2.CfnInstance(stack, "Server", image_id="ami-0123456789abcdef0")
    launcher = CfnResource(stack, "Launcher", type="Custom::Launcher")
    ids = (server.attr_private_ip, launcher.get_att("InstanceId").to_string(), f"i-{server.attr_instance_id}")
    assert InstanceSelection.by_ids(*ids).instance_ids == ids


def test_fails_without_tags() -> None:
    with pytest.raises(ValueError, match="no instances selected: pass at least one tag"):
        InstanceSelection.by_tags({})


@pytest.mark.parametrize(
    "selection",
    [{}, {"instance_ids": ()}, {"tags": ()}, {"instance_ids": (INSTANCE,), "tags": (("app", ("web",)),)}],
    ids=["nothing", "no ids", "no tags", "ids and tags"],
)
def test_fails_when_it_is_made_directly_with_no_selection_or_two(selection: dict[str, Any]) -> None:
    message = r"either ids or tags, not .*: use InstanceSelection.by_ids\(...\) or InstanceSelection.by_tags\(...\)"
    with pytest.raises(ValueError, match=message):
        InstanceSelection(**selection)


def test_selections_are_equal_by_value() -> None:
    selection = InstanceSelection.by_ids(INSTANCE)
    assert selection == InstanceSelection(instance_ids=(INSTANCE,))
    with pytest.raises(dataclasses.FrozenInstanceError):
        selection.instance_ids = ()  # type: ignore[misc]


@pytest.mark.parametrize(
    "values",
    [[], (), "web", [1], set(), {1}, iter(["web"]), None],
    ids=lambda values: type(values).__name__,
)
def test_fails_when_a_tag_has_no_list_of_strings(values: object) -> None:
    with pytest.raises(ValueError, match=r"tag 'app' has the values .*: pass a list of at least one string"):
        InstanceSelection.by_tags({"app": values})  # type: ignore[dict-item]


@pytest.mark.parametrize("values", [(value for value in ("web", "api")), map(str, ("web",)), 5])
def test_fails_when_the_values_of_a_tag_are_no_list_and_names_what_they_are(values: Any) -> None:
    message = rf"tag 'app' has the values {re.escape(repr(values))}: pass a list of at least one string"
    with pytest.raises(ValueError, match=message):
        InstanceSelection.by_tags({"app": values})


def test_fails_when_the_ids_are_a_set_whose_order_changes() -> None:
    with pytest.raises(ValueError, match=r"instance_ids is \{.*\}: give a list of ids"):
        InstanceSelection(instance_ids={INSTANCE, OTHER_INSTANCE})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "key", ["a", "App Name", "aws:autoscaling:groupName", "k" * 128, "${app}", "+-=._:/@", "Straße"]
)
@pytest.mark.parametrize("value", ["", "web", "a b", "*", "v" * 256, "\xa7\xff", "tab\tinside"])
def test_accepts_every_tag_that_a_policy_can_hold(key: str, value: str) -> None:
    assert InstanceSelection.by_tags({key: [value]}).tags == ((key, (value,)),)


@pytest.mark.parametrize("text", ["Łódź", "日本", "\x00", "\x1f", "caf\u0065\u0301", "\U0001f600", "\u2028"])
def test_fails_when_a_policy_cannot_hold_a_tag(text: str) -> None:
    reason = "the handler's IAM policy names the tag, and can hold tabs and the characters from U+0020 to U+00FF only"
    with pytest.raises(ValueError, match=rf"^tag key '.*' holds '.*': {re.escape(reason)}"):
        InstanceSelection.by_tags({f"a{text}b": ["web"]})
    with pytest.raises(ValueError, match=rf"^value of tag 'app' '.*' holds '.*': {re.escape(reason)}"):
        InstanceSelection.by_tags({"app": ["web", f"a{text}b"]})


@pytest.mark.parametrize("text", ["web\n", "web\r", "we\r\nb"])
def test_fails_when_a_tag_holds_a_line_break(text: str) -> None:
    with pytest.raises(ValueError, match=r"tag key .* holds a line break: take it out"):
        InstanceSelection.by_tags({text: ["web"]})
    with pytest.raises(ValueError, match=r"value of tag 'app' .* holds a line break: take it out"):
        InstanceSelection.by_tags({"app": [text]})


@pytest.mark.parametrize("text", ["web ", " web", " ", "web\t"])
def test_fails_when_a_tag_begins_or_ends_with_a_blank(text: str) -> None:
    with pytest.raises(ValueError, match=r"tag key .* begins or ends with a blank: take it out"):
        InstanceSelection.by_tags({text: ["web"]})
    with pytest.raises(ValueError, match=r"value of tag 'app' .* begins or ends with a blank: take it out"):
        InstanceSelection.by_tags({"app": [text]})


def test_fails_when_a_tag_is_too_long() -> None:
    with pytest.raises(ValueError, match=r"tag key 'k{40}'... has 129 characters: a tag can have 128 there"):
        InstanceSelection.by_tags({"k" * 129: ["web"]})
    with pytest.raises(ValueError, match=r"value of tag 'app' 'v{40}'... has 257 characters: a tag can have 256 there"):
        InstanceSelection.by_tags({"app": ["v" * 257]})


@pytest.mark.parametrize("key", ["", None, 1])
def test_fails_when_the_key_of_a_tag_is_invalid(key: Any) -> None:
    with pytest.raises(ValueError, match=f"tag key {key!r} is none: a key is a string of 1 to 128 characters"):
        InstanceSelection.by_tags({key: ["web"]})


def test_fails_when_two_keys_differ_only_in_case() -> None:
    message = "the tag keys 'App' and 'app' differ only in case, which IAM can't tell apart: select by one of them"
    with pytest.raises(ValueError, match=message):
        InstanceSelection.by_tags({"App": ["web"], "env": ["prod"], "app": ["web"]})


def test_fails_when_the_tags_are_not_a_map() -> None:
    with pytest.raises(ValueError, match=r"tags is \['app'\]: pass a map of keys with their values"):
        InstanceSelection.by_tags(["app"])  # type: ignore[arg-type]


def test_accepts_as_many_ids_as_an_event_can_carry() -> None:
    assert len(InstanceSelection.by_ids(*instance_ids(4000)).instance_ids) == 4000


def test_fails_when_there_are_more_ids_than_an_event_can_carry() -> None:
    message = (
        "4001 instance ids are more than the 4000 that the event of an update can carry: select the instances by tags"
    )
    with pytest.raises(ValueError, match=message):
        InstanceSelection.by_ids(*instance_ids(4001))


@pytest.mark.parametrize(
    "selection",
    [{"instance_ids": ("web",)}, {"instance_ids": (INSTANCE, INSTANCE)}, {"tags": (("", ("web",)),)}],
    ids=["malformed", "repeated", "no key"],
)
def test_fails_when_it_is_made_directly_with_what_a_factory_refuses(selection: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"malformed instance id|more than once|tag key '' is none"):
        InstanceSelection(**selection)


def test_accepts_as_many_tag_values_as_one_call_of_ec2_can_filter() -> None:
    selection = InstanceSelection.by_tags({"app": [f"v{number}" for number in range(190)]})
    assert len(selection.tags[0][1]) == 190


def test_fails_when_there_are_more_tag_values_than_one_call_of_ec2_can_filter() -> None:
    values = [f"v{number}" for number in range(190)]
    with pytest.raises(ValueError, match="191 tag values are more than the 190"):
        InstanceSelection.by_tags({"app": values, "env": ["prod"]})


def test_with_a_list_token_the_policies_are_the_same_in_every_synthesis() -> None:
    def policies(other_tokens: int) -> Any:
        stack = new_stack()
        for _ in range(other_tokens):
            Fn.split(",", Fn.import_value("Other"))
        values = Fn.split(",", Fn.import_value("Apps"))
        associated(InstanceSelection.by_tags({"app": values}), stack)
        return handler_policies(stack)

    assert policies(0) == policies(3)


def test_the_values_of_a_set_are_in_the_same_order_in_every_run() -> None:
    values = {f"value-{number}" for number in range(20)}
    assert InstanceSelection.by_tags({"app": values}).tags == (("app", tuple(sorted(values))),)  # type: ignore[dict-item]
    assert InstanceSelection(tags=(("app", values),)).tags == (("app", tuple(sorted(values))),)  # type: ignore[arg-type]
