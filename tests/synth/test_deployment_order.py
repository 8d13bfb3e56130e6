"""In which order stacks that share a provider are deployed, so that the handler's role can have all policies."""

import json
from pathlib import Path

import jsii
import pytest
from aws_cdk import Aspects, CfnOutput, IAspect, NestedStack, Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from cdk_instance_role import AssociationProvider, InstanceRole, InstanceSelection
from tests.synth.builders import IRELAND, associated, instance_ids, new_app, resources

HOME = "Home"


def sharing(count: int, max_policies: int = 10) -> list[Stack]:
    """Stacks with one policy each, which share the provider of the stack `Home`."""
    app = new_app()
    provider = AssociationProvider(Stack(app, HOME, env=IRELAND), "Provider", max_policies=max_policies)
    stacks = [Stack(app, f"Stack{number}", env=IRELAND) for number in range(count)]
    for number, stack in enumerate(stacks):
        associated(InstanceSelection.by_tags({"app": [f"web{number}"]}), stack, provider=provider)
    return stacks


def dependencies(stacks: list[Stack]) -> dict[str, set[str]]:
    """What each stack waits for, without the provider, in the assembly."""
    app = stacks[0].node.root
    folder = Path(app.synth().directory)  # type: ignore[attr-defined]
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    names = {stack.stack_name for stack in stacks}
    return {name: names.intersection(artifacts[name].get("dependencies", [])) for name in names}


def longest_wait(order: dict[str, set[str]]) -> int:
    """How many stacks are deployed one after the other."""

    def depth(name: str) -> int:
        return 1 + max(map(depth, order[name]), default=0)

    return max(map(depth, order))


def test_stacks_whose_policies_fit_in_twice_are_deployed_at_the_same_time() -> None:
    assert longest_wait(dependencies(sharing(5))) == 1


def test_stacks_whose_policies_do_not_fit_in_twice_are_deployed_one_after_the_other() -> None:
    assert longest_wait(dependencies(sharing(6))) == 6


def test_with_a_raised_quota_they_are_deployed_at_the_same_time() -> None:
    assert longest_wait(dependencies(sharing(6, max_policies=12))) == 1


def test_a_second_synthesis_gives_the_same_order() -> None:
    stacks = sharing(6)
    assert dependencies(stacks) == dependencies(stacks)


def test_the_order_keeps_the_dependencies_that_stacks_have_already() -> None:
    stacks = sharing(6)
    stacks[0].add_dependency(stacks[5])
    assert longest_wait(order := dependencies(stacks)) == 6
    assert "Stack5" in order["Stack0"]


def test_the_order_keeps_references_between_the_stacks_and_by_way_of_others() -> None:
    stacks = sharing(6)
    between = Stack(stacks[0].node.root, "Between", env=IRELAND)  # type: ignore[arg-type]
    topic = iam.Group(stacks[4], "Group")
    middle = iam.Group(between, "Group")
    CfnOutput(between, "Output", value=topic.group_arn)
    CfnOutput(stacks[1], "Output", value=middle.group_arn)
    order = dependencies(stacks)
    names = sorted(order, key=lambda name: len(before(order, name)))
    assert longest_wait(order) == 6
    assert names.index("Stack4") < names.index("Stack1")


def before(order: dict[str, set[str]], name: str) -> set[str]:
    """All stacks that are deployed before one."""
    return order[name].union(*(before(order, other) for other in order[name]))


def test_nested_stacks_are_deployed_with_the_stack_that_they_are_in() -> None:
    app = new_app()
    provider = AssociationProvider(Stack(app, HOME, env=IRELAND), "Provider")
    stack = Stack(app, "Stack", env=IRELAND)
    for number in range(5):
        nested = NestedStack(stack, f"Nested{number}")
        associated(InstanceSelection.by_tags({"app": [f"web{number}"]}), nested, provider=provider)
    with pytest.raises(ValueError, match="need 6 IAM policies, and a role can have 10, old and new ones together"):
        associated(InstanceSelection.by_tags({"app": ["other"]}), NestedStack(stack, "Nested5"), provider=provider)


# Other policies of the handler's role


@jsii.implements(IAspect)
class OnePolicyMore:
    """Attaches a policy of the company to every role."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, iam.Role):
            node.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess"))


def with_policies(count: int) -> Stack:
    """A stack with as many policies of the handler, found out by trying."""
    for ids in range(80, 500, 20):
        stack = associated(InstanceSelection.by_ids(*instance_ids(ids)))
        found = [one for one in resources(stack, "AWS::IAM::ManagedPolicy") if "HandlerPolicies" in one]
        if len(found) == count:
            return associated(InstanceSelection.by_ids(*instance_ids(ids)))
    raise AssertionError("no number of ids needs as many policies")


def test_fails_when_an_aspect_leaves_no_room_for_the_handlers_policies() -> None:
    stack = with_policies(5)
    Aspects.of(stack).add(OnePolicyMore())
    message = (
        "need 5 IAM policies, and a role can have 10, old and new ones together while a stack is deployed, and has 1"
    )
    with pytest.raises(RuntimeError, match=message):
        resources(stack)


def test_policies_that_an_aspect_attaches_are_counted_for_the_order_too() -> None:
    stacks = sharing(5)
    Aspects.of(stacks[0].node.root).add(OnePolicyMore())
    assert longest_wait(dependencies(stacks)) == 5


def test_an_aspect_that_leaves_room_is_accepted() -> None:
    stack = associated()
    Aspects.of(stack).add(OnePolicyMore())
    assert resources(stack)


def test_the_stack_of_the_provider_is_the_first_one() -> None:
    app = new_app()
    home = Stack(app, HOME, env=IRELAND)
    provider = AssociationProvider(home, "Provider")
    stacks = [Stack(app, f"Stack{number}", env=IRELAND) for number in range(5)]
    for number, stack in enumerate([*stacks, home]):
        role = InstanceRole(stack, "Web")
        role.associate_with("Fleet", InstanceSelection.by_tags({"app": [f"web{number}"]}), provider=provider)
    order = dependencies([home, *stacks])
    assert longest_wait(order) == 6
    assert order[HOME] == set()
