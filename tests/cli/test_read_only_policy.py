"""The policy of the read-only role allows every call that plan and status make."""

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cdk_instance_role import Enforcement
from cdk_instance_role.cli.main import cli
from cdk_instance_role.cli.template.stacks import of_type
from tests.cli.accounts import see
from tests.cli.cloud import Cloud, Service
from tests.cli.servers import Servers, synthesized
from tests.synth.builders import REGION, ROOT

ENFORCED = Servers(replaces=("Old",), enforcement=Enforcement.repair())
STATEMENTS = json.loads((ROOT / "docs" / "read-only-policy.json").read_text(encoding="utf-8"))["Statement"]
ALLOWED = {
    action.partition(":")[2]
    for one in STATEMENTS
    for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
}


class Calls:
    """The actions of AWS that were called since the last look."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self._traffic, self._seen, self._of_stand_ins = cloud.traffic, 0, set[str]()
        called = Service._called

        def record(service: Service, operation: str) -> None:
            self._of_stand_ins.add(operation)
            called(service, operation)

        monkeypatch.setattr(Service, "_called", record)

    def new(self) -> set[str]:
        calls = self._traffic.calls[self._seen :]
        self._seen = len(self._traffic.calls)
        found = {one.action for one in calls} | self._of_stand_ins
        self._of_stand_ins = set()
        return found


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An account with an enforced association, whose instances carried something before."""
    cloud = Cloud()
    for number, carries in enumerate((None, cloud.old), start=1):
        cloud.instance(number, carries)
    see(monkeypatch, cloud)
    return cloud


@pytest.fixture
def calls(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(cloud, monkeypatch)


def run(command: str, servers: Servers, *arguments: str) -> int:
    result = CliRunner().invoke(cli, [command, "--app", str(synthesized(servers).folder), *arguments])
    assert "Could not be looked at" not in result.output, result.output
    return result.exit_code


def test_a_plan_of_new_enforced_instances_makes_only_calls_that_the_policy_allows(calls: Calls) -> None:
    assert run("plan", ENFORCED) == 2

    assert calls.new() - ALLOWED == set()


@pytest.mark.parametrize(("changed", "status"), [({}, 0), ({"minutes": 20, "actions": ("s3:GetObject",)}, 0)])
def test_a_plan_of_deployed_enforced_instances_makes_only_calls_that_the_policy_allows(
    cloud: Cloud, calls: Calls, changed: dict[str, Any], status: int
) -> None:
    cloud.deploy(synthesized(ENFORCED))
    calls.new()

    assert run("plan", replace(ENFORCED, **changed)) == status

    assert {"Query", "GetItem"} <= (made := calls.new())
    assert made - ALLOWED == set()


def test_the_status_of_enforced_instances_makes_only_calls_that_the_policy_allows(cloud: Cloud, calls: Calls) -> None:
    cloud.deploy(synthesized(ENFORCED))
    calls.new()

    assert run("status", ENFORCED) == 0

    assert "GetQueueAttributes" in (made := calls.new())
    assert made - ALLOWED == set()


def test_a_search_for_enforced_associations_makes_only_calls_that_the_policy_allows(
    cloud: Cloud, calls: Calls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cloud.deploy(synthesized(ENFORCED))
    cloud.enabled_regions = [REGION]
    monkeypatch.chdir(tmp_path)  # where no assembly is
    calls.new()

    result = CliRunner().invoke(cli, ["status", "--regions", "all"])

    assert result.exit_code == 0, result.output
    assert {"DescribeRegions", "GetResources", "GetQueueAttributes"} <= (made := calls.new())
    assert made - ALLOWED == set()


def queue_name(stack: str, logical_id: str) -> str:
    """As CloudFormation names a queue. A name has at most 80 characters: where there is no room for both, half of it is
    that of the stack."""
    suffix = "1ABCDEFGHIJK"
    room = 80 - len(f"--{suffix}")
    of_stack = stack[: max(room - len(logical_id), room // 2)]
    return f"{of_stack}-{logical_id[: room - len(of_stack)]}-{suffix}"


@pytest.mark.parametrize(
    "stack",
    [
        "InstanceRole-web",
        "InstanceRole-web-111122223333-ap-southeast-2",
        "InstanceRoleProvider-111122223333-ap-southeast-2",
    ],
)
def test_the_policy_names_the_queues_of_the_stacks_of_the_app_and_no_others(stack: str) -> None:
    (allowed,) = [one["Resource"] for one in STATEMENTS if one["Action"] == "sqs:GetQueueAttributes"]
    queues = [*of_type(synthesized(ENFORCED).template, "AWS::SQS::Queue")]
    names = [queue_name(stack, logical_id) for logical_id in queues]

    def is_allowed(name: str) -> bool:
        return any(fnmatchcase(f"arn:aws:sqs:eu-west-1:111122223333:{name}", one) for one in allowed)

    assert len(names) == 2
    assert all(map(is_allowed, names)), names
    assert not any(map(is_allowed, (queue_name(stack, "Jobs0A1B2C3D"), queue_name("Web", queues[0]))))
