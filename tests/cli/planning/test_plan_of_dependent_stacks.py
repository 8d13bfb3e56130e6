"""What a deployment of two stacks would do about an instance that goes from one to the other."""

import json
from collections.abc import Sequence

import pytest
from aws_cdk import Stack
from click.testing import CliRunner

from cdk_instance_role import InstanceRole, InstanceSelection
from cdk_instance_role.cli.main import cli
from cdk_instance_role.cli.model import AssociationPlan, Exit, PlanReport, Verb
from cdk_instance_role.cli.planning.association_plan import plan_stack
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact, deployed_with
from tests.cli.accounts import see
from tests.cli.cloud import Cloud
from tests.cli.servers import new_app, written
from tests.synth.builders import IRELAND
from tests.unit.builders import instance_id


def of(*numbers: int) -> InstanceSelection:
    return InstanceSelection.by_ids(*map(instance_id, numbers))


def two_stacks(
    first: InstanceSelection | None, second: InstanceSelection, *, depends: bool = True
) -> list[StackArtifact]:
    """The stack First with the role Web for some instances, and the stack Second with the role Db for others."""
    app = new_app()
    stacks = [Stack(app, name, env=IRELAND) for name in ("First", "Second")]
    web = InstanceRole(stacks[0], "Web")
    if first:
        web.associate_with("Fleet", first)
    InstanceRole(stacks[1], "Db").associate_with("Fleet", second)
    if depends:
        stacks[1].node.add_dependency(stacks[0])
    found = assembly.read(written(app))
    return deployed_with(found, found)


def cloud_with(stacks: Sequence[StackArtifact]) -> Cloud:
    cloud = Cloud()
    for number in (1, 2, 3):
        cloud.instance(number)
    for stack in stacks:
        cloud.deploy(stack)
    cloud.world.clock.sleep(600)
    return cloud


def plans_of(cloud: Cloud, stacks: Sequence[StackArtifact]) -> list[AssociationPlan]:
    environment = cloud.environment(*stacks)
    return [plan for stack in stacks for plan in plan_stack(stack, environment, cloud.world.clock())]


def rows(plans: Sequence[AssociationPlan]) -> dict[str, dict[str, Verb]]:
    return {plan.stack: {one.name: one.verb for one in plan.instances} for plan in plans}


def test_a_stack_gets_the_instance_that_the_stack_which_it_needs_gives_up() -> None:
    cloud = cloud_with(two_stacks(of(1, 2), of(3)))
    moved = two_stacks(of(1), of(2, 3))

    plans = plans_of(cloud, moved)

    assert rows(plans) == {
        "First": {"web-1": Verb.KEEP, "web-2": Verb.UNDO},
        "Second": {"web-2": Verb.ASSOCIATE, "web-3": Verb.KEEP},
    }
    assert PlanReport(tuple(plans)).exit is Exit.CHANGES
    assert not any(plan.warnings for plan in plans)
    for stack in moved:
        cloud.deploy(stack)
    assert "DbInstanceProfile" in str(cloud.fleet.carried(instance_id(2)))


def test_a_stack_gets_the_instances_of_an_association_that_the_stack_which_it_needs_loses() -> None:
    cloud = cloud_with(two_stacks(of(1, 2), of(3)))

    plans = plans_of(cloud, two_stacks(None, of(1, 3)))

    assert rows(plans) == {
        "First": {"web-1": Verb.UNDO, "web-2": Verb.UNDO},
        "Second": {"web-1": Verb.ASSOCIATE, "web-3": Verb.KEEP},
    }


def test_a_stack_is_refused_the_instance_that_the_stack_which_it_needs_takes() -> None:
    cloud = cloud_with([])

    plans = plans_of(cloud, two_stacks(of(1), InstanceSelection.by_tags({"app": ["web"]})))

    first, second = plans
    assert rows([first]) == {"First": {"web-1": Verb.ASSOCIATE}}
    assert [one.name for one in second.instances if one.verb is Verb.CONFLICT] == ["web-1"]


def test_the_plan_says_that_stacks_about_one_instance_have_no_order() -> None:
    cloud = cloud_with(two_stacks(of(1, 2), of(3), depends=False))

    first, second = plans_of(cloud, two_stacks(of(1), of(2, 3), depends=False))

    assert not first.warnings
    (warning,) = second.warnings
    assert warning == (
        f"stack First is also about {instance_id(2)}, and the stacks have no order: what becomes of it depends on "
        "which one is deployed first, so let one depend on the other"
    )


def test_stacks_about_different_instances_need_no_order() -> None:
    cloud = cloud_with([])

    assert not any(plan.warnings for plan in plans_of(cloud, two_stacks(of(1), of(2), depends=False)))


def test_the_plan_of_a_stack_includes_the_stacks_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cdk deploy Second` deploys First before it, too."""
    cloud = cloud_with(two_stacks(of(1, 2), of(3)))
    see(monkeypatch, cloud)
    moved = two_stacks(of(1), of(2, 3))

    result = CliRunner().invoke(cli, ["plan", "--app", str(moved[0].folder), "--format", "json", "Second"])

    found = {
        (plan["stack"], one["name"]): one["verb"]
        for plan in json.loads(result.stdout)["associations"]
        for one in plan["instances"]
    }
    assert found == {
        ("First", "web-1"): "keep",
        ("First", "web-2"): "undo",
        ("Second", "web-2"): "associate",
        ("Second", "web-3"): "keep",
    }
    assert result.exit_code == Exit.CHANGES
    assert result.stderr == (
        "planned, too, because `cdk deploy` deploys what the named stacks need first, unless it gets --exclusively: "
        "First\n"
    )


@pytest.mark.parametrize("arguments", [["plan", "First"], ["plan"], ["status", "Second"]])
def test_no_other_stacks_are_included(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    stacks = two_stacks(of(1), of(2))
    see(monkeypatch, cloud_with(stacks))

    result = CliRunner().invoke(cli, [*arguments, "--app", str(stacks[0].folder), "--format", "json"])

    shown = [one["stack"] for one in json.loads(result.stdout)["associations"]]
    assert shown == (arguments[1:] or ["First", "Second"])
    assert not result.stderr
