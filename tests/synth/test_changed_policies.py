"""What Aspects and overrides make of the handler's policies is respected, or refused with a sentence."""

import re
from collections.abc import Callable
from typing import Any

import jsii
import pytest
from aws_cdk import App, Aspects, CfnParameter, IAspect, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection
from tests.synth.builders import associated, handler_policies, instance_ids, new_stack, resources

DENY = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Null": {"aws:SourceVpc": "true"}}}
PLAIN = "What the instance profile handler may do for this stack"
Change = Callable[[iam.CfnManagedPolicy], None]


@jsii.implements(IAspect)
class Changes:
    """An Aspect that changes all managed policies, as companies use them."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.CfnManagedPolicy):
            self._change(node)


def changed(change: Change, stack: Stack | None = None) -> Stack:
    """A stack with an association, and an Aspect that changes the handler's policies."""
    stack = stack or associated()
    Aspects.of(stack).add(Changes(change))
    return stack


def append_to_the_document(policy: iam.CfnManagedPolicy) -> None:
    document: Any = Stack.of(policy).resolve(policy.policy_document)
    policy.policy_document = {**document, "Statement": [*document["Statement"], DENY]}


def override_a_statement(policy: iam.CfnManagedPolicy) -> None:
    policy.add_property_override("PolicyDocument.Statement.0", DENY)


def override_the_document(policy: iam.CfnManagedPolicy) -> None:
    policy.add_override("Properties.PolicyDocument", {"Version": "2012-10-17", "Statement": [DENY]})


def delete_a_statement(policy: iam.CfnManagedPolicy) -> None:
    policy.add_property_deletion_override("PolicyDocument.Statement.1")


REFUSED = (
    "the document of Stack/InstanceProfileHandlerPolicies/Policy1 is changed by an Aspect or an override, and the "
    "library writes it anew at synthesis: leave this policy out, and add the statement with "
    "provider.handler_role.add_to_principal_policy(...), or set a permissions boundary"
)
CHANGES = [append_to_the_document, override_a_statement, override_the_document, delete_a_statement]


@pytest.mark.parametrize("change", CHANGES)
def test_fails_when_the_document_of_a_policy_is_changed(change: Change) -> None:
    with pytest.raises(RuntimeError, match=re.escape(REFUSED)):
        handler_policies(changed(change))


def test_fails_when_the_document_of_a_policy_that_is_not_needed_in_the_end_is_changed() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    for number, id_ in enumerate(instance_ids(150)):
        web.associate_with(f"Fleet{number}", InstanceSelection.by_ids(id_))
    with pytest.raises(RuntimeError, match=re.escape(REFUSED)):
        handler_policies(changed(append_to_the_document, stack))


def test_fails_when_the_document_of_a_policy_of_customized_roles_is_changed(tmp_path: Any) -> None:
    stack = Stack(App(outdir=str(tmp_path)), "Stack")
    iam.Role.customize_roles(stack, prevent_synthesis=False)
    associated(stack=stack)
    with pytest.raises(RuntimeError, match=re.escape(REFUSED)):
        handler_policies(changed(append_to_the_document, stack))


def test_an_aspect_may_write_the_document_as_it_is() -> None:
    def rewrite(policy: iam.CfnManagedPolicy) -> None:
        policy.policy_document = Stack.of(policy).resolve(policy.policy_document)

    assert handler_policies(changed(rewrite)) == handler_policies(associated())


def test_a_statement_of_the_role_limits_the_handler() -> None:
    stack = associated()
    provider = AssociationProvider.of(stack)
    provider.handler_role.add_to_principal_policy(iam.PolicyStatement.from_json(DENY))
    policies = [one["Properties"] for one in resources(stack, "AWS::IAM::Policy").values()]
    of_the_handler = [one for one in policies if "HandlerRole" in str(one["Roles"])]
    assert DENY in [statement for one in of_the_handler for statement in one["PolicyDocument"]["Statement"]]


# The description


def of_a_parameter() -> Stack:
    stack = new_stack()
    return associated(InstanceSelection.by_ids(CfnParameter(stack, "Id").value_as_string), stack)


def description(stack: Stack) -> Any:
    (policy,) = handler_policies(stack).values()
    return policy["Properties"]["Description"]


def set_the_description(policy: iam.CfnManagedPolicy) -> None:
    policy.description = "Owner: platform"


def override_the_description(policy: iam.CfnManagedPolicy) -> None:
    policy.add_property_override("Description", "Owner: platform")


DESCRIPTIONS = [set_the_description, override_the_description]


@pytest.mark.parametrize("change", DESCRIPTIONS)
def test_the_description_that_an_aspect_sets_is_kept(change: Change) -> None:
    assert description(changed(change)) == "Owner: platform"


@pytest.mark.parametrize("change", DESCRIPTIONS)
def test_the_values_that_only_the_deployment_knows_come_after_the_description_of_an_aspect(change: Change) -> None:
    assert description(changed(change, of_a_parameter())) == {
        "Fn::Join": ["", ["Owner: platform, with ", {"Ref": "Id"}]]
    }


def test_a_second_synthesis_gives_the_same_description() -> None:
    stack = changed(override_the_description, of_a_parameter())
    assert description(stack) == description(stack)


def test_a_description_of_an_aspect_that_only_the_deployment_knows_is_kept_as_it_is() -> None:
    def refer(policy: iam.CfnManagedPolicy) -> None:
        policy.add_property_override("Description", {"Ref": "Id"})

    assert description(changed(refer, of_a_parameter())) == {"Ref": "Id"}


def test_without_an_aspect_the_description_is_the_plain_one() -> None:
    assert description(associated()) == PLAIN


# The deletion policy


@pytest.mark.parametrize("attribute", ["DeletionPolicy", "UpdateReplacePolicy"])
def test_a_former_policy_is_detached_whatever_deletion_policy_is_set_by_an_override(attribute: str) -> None:
    def retain(policy: iam.CfnManagedPolicy) -> None:
        policy.add_override(attribute, "Retain")

    (policy,) = handler_policies(changed(retain)).values()
    assert policy.get(attribute, "Delete") == "Delete"
