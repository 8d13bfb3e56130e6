"""Changes of Aspects and customized roles to the handler's policies are respected when the policies are written."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsii
import pytest
from aws_cdk import App, Aspects, CfnResource, Fn, IAspect, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template
from constructs import IConstruct

from cdk_instance_role import InstanceRole, InstanceSelection, ReplaceableProfiles
from tests.synth.builders import (
    ACCOUNT,
    BY_ID,
    INSTANCE,
    IRELAND,
    OTHER_INSTANCE,
    associated,
    association_of,
    handler_policies,
    imported_profile,
    instance_ids,
    new_stack,
    resources,
)

PROFILE, POLICY = "AWS::IAM::InstanceProfile", "AWS::IAM::ManagedPolicy"


@jsii.implements(IAspect)
class Sets:
    """An Aspect that sets a property of all resources of a type, as companies use them."""

    def __init__(self, kind: str, name: str, value: Callable[[CfnResource], Any]) -> None:
        self._kind, self._name, self._value = kind, name, value

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, CfnResource) and node.cfn_resource_type == self._kind:
            node.add_property_override(self._name, self._value(node))


@jsii.implements(IAspect)
class Reads:
    """An Aspect that looks at the documents of managed policies."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnManagedPolicy):
            self.seen.append(Stack.of(node).resolve(node.policy_document))


def named(prefix: str, *ids: str) -> dict[str, Any]:
    """The names of the policies, by logical id, of a stack in which an Aspect gives names with a prefix."""
    stack = associated(InstanceSelection.by_ids(*ids))
    Aspects.of(stack).add(Sets(POLICY, "ManagedPolicyName", lambda node: f"{prefix}{node.node.id}"))
    return {id_: one["Properties"].get("ManagedPolicyName") for id_, one in handler_policies(stack).items()}


def test_a_policy_that_an_aspect_names_has_another_name_when_its_content_changes() -> None:
    one, other = named("corp-", INSTANCE), named("corp-", INSTANCE, OTHER_INSTANCE)
    assert one.keys().isdisjoint(other)
    assert set(one.values()).isdisjoint(other.values())
    assert one == named("corp-", INSTANCE)


def test_the_name_that_an_aspect_gives_is_kept_but_for_the_digest() -> None:
    ((id_, name),) = named("corp-", INSTANCE).items()
    assert name == f"corp-Policy1-{id_[-8:]}"


def test_a_name_with_its_digest_is_not_longer_than_iam_accepts() -> None:
    ((id_, name),) = named("c" * 121, INSTANCE).items()
    assert len(name) == 128
    assert name.endswith(f"-{id_[-8:]}")


def test_a_name_that_is_a_token_gets_the_digest_too() -> None:
    stack = associated()
    Aspects.of(stack).add(Sets(POLICY, "ManagedPolicyName", lambda _: Fn.import_value("Name")))
    ((id_, one),) = handler_policies(stack).items()
    assert one["Properties"]["ManagedPolicyName"] == {"Fn::Join": ["-", [{"Fn::ImportValue": "Name"}, id_[-8:]]]}


@jsii.implements(IAspect)
class Identifies:
    """An Aspect that sets the logical ids of managed policies."""

    def __init__(self, logical_id: str) -> None:
        self._logical_id = logical_id

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnManagedPolicy):
            node.override_logical_id(self._logical_id)


def identified(logical_id: str, *ids: str) -> dict[str, Any]:
    """The names of the policies, by logical id, of a stack in which Aspects give names and logical ids."""
    stack = associated(InstanceSelection.by_ids(*ids))
    Aspects.of(stack).add(Sets(POLICY, "ManagedPolicyName", lambda _: "corp"))
    Aspects.of(stack).add(Identifies(logical_id))
    return {id_: one["Properties"].get("ManagedPolicyName") for id_, one in resources(stack, POLICY).items()}


def test_the_logical_id_that_an_aspect_gives_is_kept_but_for_the_digest() -> None:
    ((id_, name),) = identified("Corp", INSTANCE).items()
    assert re.fullmatch("Corp[0-9a-f]{8}", id_)
    assert name == f"corp-{id_[-8:]}"


def test_a_policy_with_a_name_and_a_logical_id_by_aspects_is_another_one_when_it_says_something_else() -> None:
    one, other = identified("Corp", INSTANCE), identified("Corp", INSTANCE, OTHER_INSTANCE)
    assert one.keys().isdisjoint(other)
    assert set(one.values()).isdisjoint(other.values())


def test_a_logical_id_with_its_digest_is_not_longer_than_cloudformation_takes() -> None:
    ((id_, name),) = identified("C" * 250, INSTANCE).items()
    assert len(id_) == 255
    assert name == f"corp-{id_[-8:]}"


def test_a_policy_whose_logical_id_the_app_renames_has_the_digest_in_its_name_too() -> None:
    stack = associated()
    ((plain, _),) = handler_policies(associated()).items()
    stack.rename_logical_id(plain[:-8], "Renamed")
    Aspects.of(stack).add(Sets(POLICY, "ManagedPolicyName", lambda _: "corp"))
    ((id_, policy),) = resources(stack, POLICY).items()
    assert policy["Properties"]["ManagedPolicyName"] == f"corp-{id_[-8:]}"
    assert re.fullmatch("Renamed[0-9a-f]{8}", id_)


@pytest.mark.parametrize("logical_id", [None, "Corp"])
def test_a_second_synthesis_gives_the_same_names(logical_id: str | None) -> None:
    stack = associated()
    Aspects.of(stack).add(Sets(POLICY, "ManagedPolicyName", lambda _: "corp"))
    if logical_id:
        Aspects.of(stack).add(Identifies(logical_id))
    app = stack.node.root
    assert isinstance(app, App)
    once, again = (app.synth(force=True).get_stack_by_name("Stack").template for _ in range(2))
    assert once == again


def test_the_permissions_are_for_the_actual_path_of_a_profile() -> None:
    stack = new_stack()
    InstanceRole(stack, "Web", role_name="web").associate_with("Fleet", BY_ID)
    Aspects.of(stack).add(Sets(PROFILE, "Path", lambda _: "/corp/"))
    ((_, profile),) = resources(stack, PROFILE).items()
    path = profile["Properties"]["Path"]
    assert path.startswith("/corp/cdk-instance-role/Stack/")
    text = json.dumps(list(handler_policies(stack).values()))
    on_the_path = f"arn:aws:iam::{ACCOUNT}:instance-profile{path}*"
    of_the_stack = f"arn:aws:iam::{ACCOUNT}:instance-profile/corp/cdk-instance-role/Stack/*"
    assert on_the_path in text
    assert of_the_stack in text


def test_no_permission_is_for_a_path_of_other_profiles() -> None:
    stack = associated()
    Aspects.of(stack).add(Sets(PROFILE, "Path", lambda _: "/corp/"))
    assert "instance-profile/corp/*" not in json.dumps(list(handler_policies(stack).values()))


def test_an_association_waits_for_all_policies_even_if_an_aspect_causes_more_of_them() -> None:
    stack = new_stack()
    for number in range(12):
        InstanceRole(stack, f"Role{number}", role_name=f"role-{number}").associate_with(
            "Fleet", InstanceSelection.by_tags({"role": [f"role-{number}"]})
        )
    expected = len(stack.node.find_child("InstanceProfileHandlerPolicies").node.children)
    Aspects.of(stack).add(Sets(PROFILE, "Path", lambda _: f"/{'c' * 300}/"))
    found = handler_policies(stack)
    assert len(found) > expected
    for association in resources(stack, "Custom::InstanceProfileAssociation").values():
        assert found.keys() <= set(association["DependsOn"])


def test_fails_when_an_aspect_causes_too_many_policies() -> None:
    stack = new_stack()
    for number in range(30):
        InstanceRole(stack, f"Role{number}", role_name=f"role-{number}").associate_with(
            "Fleet", InstanceSelection.by_tags({"role": [f"role-{number}"]})
        )
    Aspects.of(stack).add(Sets(PROFILE, "Path", lambda _: f"/{'c' * 300}/"))
    with pytest.raises(RuntimeError, match=r"of Stack need \d+ IAM policies, and a role can have 10"):
        resources(stack)


def test_there_are_no_more_policies_than_needed() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    for number, id_ in enumerate(instance_ids(150)):
        web.associate_with(f"Fleet{number}", InstanceSelection.by_ids(id_))
    children = stack.node.find_child("InstanceProfileHandlerPolicies").node.children
    assert len(handler_policies(stack)) == 2 == len(children)


def test_an_aspect_that_reads_the_policies_finds_their_statements() -> None:
    stack, reads = associated(), Reads()
    Aspects.of(stack).add(reads)
    (policy,) = handler_policies(stack).values()
    (seen,) = reads.seen
    assert sorted(map(json.dumps, seen["Statement"])) == sorted(
        map(json.dumps, policy["Properties"]["PolicyDocument"]["Statement"])
    )


ROLES = {
    "S/Web/Role": "web-role",
    "S/InstanceProfileAssociationProvider/HandlerRole": "handler-role",
    "S/InstanceProfileAssociationProvider/OnEventRole": "on-event-role",
    "S/InstanceProfileAssociationProvider/WaiterRole": "waiter-role",
    "S/InstanceProfileAssociationProvider/Framework/waiter-state-machine/Role": "waiter-machine-role",
}


def customized(folder: Path, **how: Any) -> tuple[dict[str, Any], str]:
    """The template of a stack with customized roles, and the report about them."""
    stack = Stack(App(outdir=str(folder)), "S", env=IRELAND)
    iam.Role.customize_roles(stack, **how)
    replaces = ReplaceableProfiles.profiles(imported_profile(stack, "Old"))
    InstanceRole(stack, "Web").associate_with("Fleet", BY_ID, replaces=replaces)
    template = dict(Template.from_stack(stack).to_json())
    return template, (folder / "iam-policy-report.txt").read_text()


def test_the_functions_have_the_precreated_roles(tmp_path: Path) -> None:
    template, _ = customized(tmp_path, use_precreated_roles=ROLES)
    functions = [one for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function"]
    roles = {json.dumps(one["Properties"]["Role"]).rpartition("role/")[2].strip('"]}') for one in functions}
    assert roles == {"handler-role", "on-event-role", "waiter-role"}


def test_where_customized_roles_are_only_reported_the_policies_are_in_template_and_report(tmp_path: Path) -> None:
    template, report = customized(tmp_path, prevent_synthesis=False)
    (policy,) = (one for one in template["Resources"].values() if one["Type"] == POLICY)
    actions = json.dumps(policy["Properties"]["PolicyDocument"])
    assert "ec2:AssociateIamInstanceProfile" in actions
    assert "ec2:DescribeInstances" not in actions, "what the CDK wants to be there until synthesis is not in it"
    assert "ec2:AssociateIamInstanceProfile" in report


def test_associations_wait_for_the_policies_of_their_own_stack_only() -> None:
    stack = associated()
    assert {id_[:-8] for id_ in association_of(stack)["DependsOn"]} == {
        "InstanceProfileHandlerPoliciesPolicy1E32CCFF4",
        "WebRole",
    }


def long_tags(count: int, length: int) -> InstanceSelection:
    return InstanceSelection.by_tags({f"key-{number:02}".ljust(107, "k"): ["v" * length] for number in range(count)})


TOO_LONG = (
    r"the tags of Stack/Web/Fleet need 6,\d\d\d characters, and an IAM policy holds 6,144: select by fewer or shorter "
    "tags, or by ids"
)


def test_fails_when_the_keys_and_values_of_the_tags_are_longer_than_a_policy() -> None:
    with pytest.raises(ValueError, match=TOO_LONG):
        associated(long_tags(20, 200))


def test_fails_when_a_path_from_an_aspect_makes_the_tags_longer_than_a_policy() -> None:
    def build(*aspects: Any) -> Stack:
        stack = new_stack()
        InstanceRole(stack, "Web", role_name="web").associate_with("Fleet", long_tags(15, 247))
        for one in aspects:
            Aspects.of(stack).add(one)
        return stack

    assert handler_policies(build())
    with pytest.raises(RuntimeError, match=TOO_LONG):
        handler_policies(build(Sets(PROFILE, "Path", lambda _: f"/{'p' * 400}/")))
