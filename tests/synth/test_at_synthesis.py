"""What runs at synthesis: after all Aspects, before the templates."""

from collections.abc import Callable

import jsii
from aws_cdk import Aspects, CfnResource, IAspect, NestedStack, Stack, Stage
from constructs import IConstruct

from cdk_instance_role.support.at_synthesis import at_synthesis, forget, resolved, resources_of
from tests.synth.builders import IRELAND, new_app, new_stack, resources

TYPE = "Test::Thing"


@jsii.implements(IAspect)
class Names:
    """An Aspect that gives every resource a name, as companies use them."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, CfnResource) and node.cfn_resource_type == TYPE:
            node.add_property_override("Name", "corp-name")


def thing(scope: Stack, id: str = "Thing", **properties: object) -> CfnResource:
    return CfnResource(scope, id, type=TYPE, properties={"Size": 1, **properties})


def recording(stack: Stack, scope: Stack | None = None) -> list[object]:
    """Have the names of all things of a stack recorded at synthesis."""
    seen: list[object] = []
    at_synthesis(
        scope or stack, lambda: seen.extend(one["Properties"].get("Name") for one in resources_of(stack).values())
    )
    return seen


def test_sees_what_an_aspect_sets_even_on_constructs_that_are_added_later() -> None:
    stack = new_stack()
    seen = recording(stack)
    thing(stack)
    Aspects.of(stack).add(Names())
    resources(stack)
    assert seen == ["corp-name"]


def test_sees_what_an_escape_hatch_sets() -> None:
    stack = new_stack()
    seen = recording(stack)
    thing(stack).add_property_override("Name", "by hand")
    resources(stack)
    assert seen == ["by hand"]


def test_sees_the_resources_of_a_nested_stack_and_of_a_stage() -> None:
    stage = Stage(new_app(), "Prod", env=IRELAND)
    nested = NestedStack(Stack(stage, "Web"), "Nested")
    thing(nested)
    Aspects.of(stage).add(Names())
    seen = recording(nested)
    resources(nested)
    assert seen == ["corp-name"]


def test_additions_and_changes_of_an_action_are_in_the_template() -> None:
    stack = new_stack()
    first = thing(stack, "First")

    def add() -> None:
        if not stack.node.try_find_child("Second"):
            # The oldest aws-cdk-lib calls it otherwise.
            depend = getattr(first, "add_resource_dependency", None) or first.add_dependency
            depend(thing(stack, "Second"))
        first.override_logical_id("Renamed")

    at_synthesis(stack, add)
    found = resources(stack)
    assert sorted(found) == ["Renamed", "Second"]
    assert found["Renamed"]["DependsOn"] == ["Second"]


def test_actions_run_in_the_order_in_which_they_were_added_and_once_in_a_synthesis() -> None:
    stack = new_stack()
    thing(stack)
    ran: list[int] = []

    def running(number: int) -> Callable[[], None]:
        return lambda: ran.append(number)

    for number in range(3):
        at_synthesis(stack, running(number))
    resources(stack)
    assert ran == [0, 1, 2]
    resources(stack)
    assert ran == [0, 1, 2], "the CDK keeps what it has synthesized"


def test_actions_of_one_app_are_not_those_of_another() -> None:
    one, other = new_stack("One"), new_stack("Other")
    ran: list[str] = []
    at_synthesis(one, lambda: ran.append("one"))
    thing(other)
    resources(other)
    assert ran == []


def test_reading_at_synthesis_adds_nothing_to_the_tree() -> None:
    plain, looked_at = (new_stack(), new_stack())
    for stack in (plain, looked_at):
        thing(stack)
    recording(looked_at)
    assert resources(plain) == resources(looked_at)


def test_a_value_is_resolved_again_once_an_action_has_changed_what_it_refers_to() -> None:
    stack = new_stack()
    first, seen = thing(stack, "First"), list[object]()

    def change() -> None:
        seen.append(resolved(stack, first.ref))
        first.override_logical_id("Renamed")
        forget(stack)
        seen.append(resolved(stack, first.ref))

    at_synthesis(stack, change)
    resources(stack)
    assert seen == [{"Ref": "First"}, {"Ref": "Renamed"}]
