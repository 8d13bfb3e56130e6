"""Stacks of one name in one account and Region, such as those of stages without an `env`. Only one of them can be
deployed, so a command looks at the one that is named, and believes nothing of the others."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import CfnOutput, CfnResource, Environment, Fn, Stack, Stage
from click.testing import CliRunner
from constructs import Construct

from cdk_instance_role import InstanceRole, InstanceSelection
from cdk_instance_role.cli.environments.stack_selection import chosen
from cdk_instance_role.cli.main import cli
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.cloud import Cloud
from tests.cli.servers import Servers, new_app, written
from tests.synth.builders import IRELAND

FIRST, SECOND = "i-00000000000000001", "i-00000000000000002"
STAGES = {
    "Prod": Servers(ids=(FIRST,), policies=("AmazonS3FullAccess",), role_name="Reader"),
    "Test": Servers(ids=(SECOND,), policies=("AmazonEC2FullAccess",), role_name="Writer"),
}


def stages(env: Environment | None = IRELAND) -> Path:
    """The assembly of an app with a stage for production and one for tests, both with the same stacks."""
    app = new_app()
    for name, servers in STAGES.items():
        servers.define(Stack(Stage(app, name), "Web", stack_name="Web", env=env))
    return written(app)


def stack(folder: Path, path: str) -> StackArtifact:
    (found,) = chosen(assembly.read(folder), [path])
    return found


def run(command: str, folder: Path, *names: str) -> list[dict[str, Any]]:
    """What a command says of each association."""
    result = CliRunner().invoke(cli, [command, *names, "--app", str(folder), "--format", "json"])
    found: list[dict[str, Any]] = json.loads(result.stdout)["associations"]
    return found


@pytest.fixture
def two_instances(cloud: Cloud) -> Cloud:
    cloud.instance(2)
    return cloud


@pytest.mark.usefixtures("two_instances")
@pytest.mark.parametrize("env", [IRELAND, None])
@pytest.mark.parametrize(("stage", "instance"), [("Prod", FIRST), ("Test", SECOND)])
def test_plans_the_stack_that_is_named(env: Environment | None, stage: str, instance: str) -> None:
    (plan,) = run("plan", stages(env), f"{stage}/Web")

    assert [one["id"] for one in plan["instances"]] == [instance]
    assert (plan["problems"], plan["unseen"]) == ([], [])


@pytest.mark.parametrize("stage", STAGES)
def test_shows_no_change_of_the_stack_that_is_deployed(two_instances: Cloud, stage: str) -> None:
    folder = stages()
    two_instances.deploy(stack(folder, f"{stage}/Web"))

    (plan,) = run("plan", folder, f"{stage}/Web")

    assert [one["verb"] for one in plan["instances"]] == ["keep"]
    assert (plan["permissions"], plan["problems"], plan["unseen"]) == ([], [], [])


@pytest.mark.parametrize(("deployed", "named"), [("Prod", "Test"), ("Test", "Prod")])
def test_compares_the_stack_that_is_named_with_the_deployed_one(
    two_instances: Cloud, deployed: str, named: str
) -> None:
    folder = stages()
    two_instances.deploy(stack(folder, f"{deployed}/Web"))

    (plan,) = run("plan", folder, f"{named}/Web")

    assert {one["id"]: one["verb"] for one in plan["instances"]} == {
        **dict.fromkeys(STAGES[deployed].ids, "undo"),
        **dict.fromkeys(STAGES[named].ids, "associate"),
    }
    assert plan["problems"] == []


@pytest.mark.parametrize("stage", STAGES)
def test_shows_the_status_of_the_stack_that_is_named(two_instances: Cloud, stage: str) -> None:
    folder = stages()
    two_instances.deploy(stack(folder, f"{stage}/Web"))

    (status,) = run("status", folder, f"{stage}/Web")

    assert [(one["id"], one["drift"]) for one in status["instances"]] == [(*STAGES[stage].ids, "")]
    assert status["unseen"] == []


def shared(stage: Stage, instance: str) -> Stack:
    """A stack that exports the id of an instance under the same name as the stacks of other stages."""
    found = Stack(stage, "Shared", stack_name="Shared", env=IRELAND)
    CfnResource(found, "Topic", type="AWS::SNS::Topic")
    CfnOutput(found, "Id", value=instance, export_name="id")
    return found


def selecting_the_export(scope: Construct) -> Stack:
    """A stack whose target is the instance that another stack exports."""
    found = Stack(scope, "Web", stack_name="Web", env=IRELAND)
    InstanceRole(found, "Web").associate_with("Fleet", InstanceSelection.by_ids(Fn.import_value("id")))
    return found


@pytest.mark.usefixtures("cloud")
def test_believes_none_of_two_stacks_of_one_name_that_are_not_named() -> None:
    app = new_app()
    shared(Stage(app, "Prod"), FIRST)
    shared(Stage(app, "Test"), SECOND)
    selecting_the_export(app)

    (plan,) = run("plan", written(app), "Web")

    assert plan["instances"] == []
    assert any("no stack exports id yet" in one for one in plan["unseen"])


@pytest.mark.usefixtures("two_instances")
@pytest.mark.parametrize(("stage", "instance"), [("Prod", FIRST), ("Test", SECOND)])
def test_believes_the_stack_that_the_named_one_needs(stage: str, instance: str) -> None:
    app = new_app()
    for name, target in (("Prod", FIRST), ("Test", SECOND)):
        inside = Stage(app, name)
        exporting = shared(inside, target)
        selecting_the_export(inside).add_dependency(exporting)

    (plan,) = run("plan", written(app), f"{stage}/Web")

    assert [one["id"] for one in plan["instances"]] == [instance]
