"""The read-only role: both commands of the pull request check, and ``status``, with exactly its policy enforced."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localaws.cdk import Cdk, Result, run_command
from localaws.environment import local_environment
from localaws.fleet import Fleet
from localaws.ministack import ROOT, LocalAws, free_port
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.plans import run_here
from tests.simulator.authority import Authority
from tests.simulator.endpoint import LOOPBACK, endpoint
from tests.simulator.guard import Call, Guard

POLICY, LOOKUP = (
    json.loads((ROOT / "docs" / f"read-only-{name}.json").read_text(encoding="utf-8"))
    for name in ("policy", "lookup-policy")
)
"""What the role has, and what it may have besides, for one account."""
EXAMPLE_ACCOUNT = "111122223333"
DIFF, PLAN, STATUS, SEARCH = "diff", "plan", "status", "search"
"""The last one is a status of all Regions, without an assembly."""
DIFFERENT = "Number of stacks with differences: 1"
UNREAD = re.compile(r"could not be|is denied|not allowed")

pytestmark = pytest.mark.only_on("emulator")


def actions(*statements: Mapping[str, Any]) -> list[str]:
    """All actions of some statements."""
    found = (one["Action"] for one in statements)
    return [action for one in found for action in ([one] if isinstance(one, str) else one)]


LISTED = actions(*POLICY["Statement"], *LOOKUP["Statement"])


def enforced(account: str, without: str | None = None) -> Authority:
    """Both policies; or all of them but for one action, and so for the whole statement if that has no other."""
    statements = [
        {**one, "Action": left}
        for one in (*POLICY["Statement"], *LOOKUP["Statement"])
        if (left := [action for action in actions(one) if action != without])
    ]
    text = json.dumps({**POLICY, "Statement": statements}).replace(EXAMPLE_ACCOUNT, account)
    return Authority({"read-only": json.loads(text)})


@dataclass(frozen=True)
class Reader:
    """Someone who has the read-only role, and nothing else."""

    guard: Guard
    environment: Mapping[str, str]
    assembly: Path
    """What is to be deployed next."""
    cdk: Cdk
    stack: str

    def run(self, command: str) -> Result:
        """Run a command as people do."""
        if command == DIFF:
            return self.cdk.diff()
        line = [sys.executable, "-m", "cdk_instance_role.cli", *self._line(command)]
        return run_command(line, self.assembly.parent, self.environment)

    def run_again(self, command: str) -> Result:
        """Run a command, if possible in this process, because that is faster."""
        if command == DIFF:
            return self.cdk.diff()
        ended = run_here(self._line(command), self.environment, self.assembly.parent)
        return Result(ended.exit_code, ended.output)

    def _line(self, command: str) -> list[str]:
        found = ["status", self.stack, "--regions", "all"]
        where = found if command == SEARCH else [command, "--app", str(self.assembly)]
        return [*where, "--format", "json"]


@dataclass(frozen=True)
class Run:
    """A command with the whole policy, and what it has called."""

    result: Result
    calls: list[Call]

    @property
    def found(self) -> Any:
        """What ``instance-role`` says of the only association."""
        _, brace, report = self.result.output.partition("{\n")  # standard error comes first
        (association,) = json.loads(brace + report)["associations"]
        return association


@pytest.fixture(scope="module")
def reader(
    aws: LocalAws, cdk: SynthesizedOnce, fleet: Fleet, unique: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reader]:
    old, folder = f"Old-{unique}", tmp_path_factory.mktemp("read-only")
    fleet.add_profile(old)
    fleet.allow(old, "sqs:SendMessage", on="*", policy="Queue")
    bare, carrying, stopped = fleet.launch(), fleet.launch(old), fleet.launch(old, stopped=True)
    deployed = {"managed_policies": ["AmazonS3ReadOnlyAccess"], "instance_ids": [bare], "enforcement": "report"}
    # The role gets another policy while an instance has it, and takes the place of the old one on two others.
    planned = {
        "managed_policies": ["AmazonS3ReadOnlyAccess", "CloudWatchAgentServerPolicy"],
        "instance_ids": [bare, carrying, stopped],
        "replaces": [old],
        "enforcement": "report",
    }
    result = cdk.deploy(context={"instance_roles": {unique: deployed}})
    assert result.ok, result.output
    assembly = cdk.assembly({"instance_roles": {unique: planned}})
    port = free_port()
    url, home = f"http://{LOOPBACK}:{port}", str(folder)
    environment = local_environment(url, account=aws.account, region=aws.region, home=home)
    guard = Guard(aws.account, aws.endpoint, enforced(aws.account))
    guarded = Cdk(aws, app=str(assembly), environment=environment)
    with endpoint(port, guard.answer, aws.endpoint):
        yield Reader(guard, environment, assembly, guarded, f"InstanceRole-{unique}")


@pytest.fixture(scope="module")
def runs(reader: Reader) -> Mapping[str, Run]:
    """All commands with the whole policy."""
    found = {}
    for command in (DIFF, PLAN, STATUS, SEARCH):
        reader.guard.calls.clear()
        result = reader.run(command)
        found[command] = Run(result, list(reader.guard.calls))
    return found


def test_cdk_diff_compares_the_templates(runs: Mapping[str, Run]) -> None:
    assert runs[DIFF].result.ok, runs[DIFF].result.output
    assert DIFFERENT in runs[DIFF].result.output


def test_plan_shows_what_changes_and_what_that_means_for_the_applications(runs: Mapping[str, Run]) -> None:
    assert runs[PLAN].result.status == 2, runs[PLAN].result.output
    assert [one["verb"] for one in runs[PLAN].found["instances"]] == ["keep", "replace", "replace"]
    gained = ["CloudWatchAgentServerPolicy"]
    assert [(one["policies_lost"], one["policies_gained"]) for one in runs[PLAN].found["permissions"]] == [
        ([], gained),
        (["Queue (inline)"], ["AmazonS3ReadOnlyAccess", *gained]),
    ]


@pytest.mark.parametrize("command", [STATUS, SEARCH])
def test_status_shows_what_is_in_order(runs: Mapping[str, Run], command: str) -> None:
    assert runs[command].result.status == 0, runs[command].result.output
    assert [one["outcome"] for one in runs[command].found["instances"]] == ["associate"]


@pytest.mark.parametrize("command", [DIFF, PLAN, STATUS, SEARCH])
def test_with_the_whole_policy_everything_is_read(runs: Mapping[str, Run], command: str) -> None:
    assert [call for call in runs[command].calls if not call.allowed] == []
    assert not UNREAD.findall(runs[command].result.output)


def test_the_policy_allows_only_actions_that_a_command_needs(runs: Mapping[str, Run]) -> None:
    called = {call.action for one in runs.values() for call in one.calls}
    assert sorted(called) == sorted(LISTED)


def test_no_role_is_assumed_but_the_lookup_role(aws: LocalAws, reader: Reader, runs: Mapping[str, Run]) -> None:
    assert [call.action for call in runs[DIFF].calls] == ["sts:AssumeRole"]
    (session,) = reader.guard.sessions
    assert f":assumed-role/cdk-hnb659fds-lookup-role-{aws.account}-{aws.region}/" in session


@pytest.mark.parametrize("action", LISTED)
def test_without_an_action_every_command_that_needs_it_says_what_it_could_not_read(
    aws: LocalAws, reader: Reader, runs: Mapping[str, Run], action: str
) -> None:
    asking = [command for command, one in runs.items() if action in {call.action for call in one.calls}]
    assert asking
    reader.guard.authority = enforced(aws.account, without=action)
    try:
        results = {command: reader.run_again(command) for command in asking}
    finally:
        reader.guard.authority = enforced(aws.account)
    for command, result in results.items():
        assert says_why(command, result, action), result.output


def says_why(command: str, result: Result, action: str) -> bool:
    """Whether the output of a command mentions an action that it may not use."""
    if command == DIFF:
        # It continues without the lookup role, with its own rights.
        return "could not be used to assume" in result.output and DIFFERENT in result.output
    name = action.partition(":")[2]
    unseen = result.status == 1 and f"not allowed ({name})" in result.output
    return unseen or f"{action} is denied" in result.output
