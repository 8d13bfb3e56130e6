"""A sweep that is started by hand, with the real function behind the queue. Time is virtual."""

import json
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from botocore.exceptions import EndpointConnectionError
from click.testing import CliRunner, Result

from cdk_instance_role import Enforcement, InstanceRole, InstanceSelection
from cdk_instance_role.cli.main import cli
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from tests.cli.accounts import see
from tests.cli.cloud import Cloud, only_association
from tests.cli.servers import STACK, Servers, new_app, synthesized, write_assembly_of_places, written
from tests.simulator.driver import STACK_ID
from tests.simulator.ec2 import MUTATING
from tests.synth.builders import ACCOUNT, IRELAND, REGION
from tests.unit.builders import instance_id

REPAIRED = Servers(enforcement=Enforcement.repair(max_changes=1))
REPORTED = Servers(enforcement=Enforcement.report())
FIRST = instance_id(1)
FLEET = "Web/Fleet (stack Servers, account 111122223333, eu-west-1)"
ASKS = "`reconcile` is the only command that changes anything. The sweep may change instances of:"


class Time:
    """The module `time`, on virtual time: while somebody sleeps, the function handles its messages."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self.runs = cloud, True

    def time(self) -> float:
        return self._cloud.world.clock()

    def sleep(self, seconds: float) -> None:
        if self.runs:
            with redirect_stdout(StringIO()):  # where the function writes its metrics
                self._cloud.messages.enforcement.run(seconds)
        else:
            self._cloud.world.clock.sleep(seconds)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An account with three instances that a stack will select."""
    cloud = Cloud()
    for number in (1, 2, 3):
        cloud.instance(number)
    see(monkeypatch, cloud)
    return cloud


@pytest.fixture(autouse=True)
def clock(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time(cloud)
    monkeypatch.setattr("cdk_instance_role.cli.commands.time", clock)
    return clock


def deployed(cloud: Cloud, servers: Servers) -> None:
    """Deploy, and let more than an hour pass."""
    cloud.deploy(synthesized(servers))
    cloud.messages.enforcement.run(4000)


def reconcile(servers: Servers, *arguments: str, answer: str | None = None) -> Result:
    app = str(synthesized(servers).folder)
    return CliRunner().invoke(cli, ["reconcile", "--app", app, *arguments], input=answer)


def take_off(cloud: Cloud, *numbers: int) -> None:
    for number in numbers:
        cloud.fleet.set_carried(instance_id(number), None)


def key(servers: Servers) -> str:
    return f"{STACK_ID}|{only_association(synthesized(servers))}"


def error(result: Result) -> str:
    """The last line of a command that has failed."""
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return result.stderr.splitlines()[-1].removeprefix("Error: ")


def paused(cloud: Cloud) -> None:
    """Let enforcement pause: two instances have lost their profiles, and one may be changed in an hour."""
    deployed(cloud, REPAIRED)
    take_off(cloud, 1, 2)
    cloud.messages.enforcement.run(1000)
    assert cloud.world.ledger.enforcement.state(key(REPAIRED)).pauses


def test_shows_the_stack_as_it_is_after_the_wait(cloud: Cloud, clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(cloud, REPAIRED)
    sleep = clock.sleep

    def deploy_meanwhile(seconds: float) -> None:
        with redirect_stdout(StringIO()):
            cloud.deploy(synthesized(replace(REPAIRED, associated=False)))
        monkeypatch.setattr(clock, "sleep", sleep)
        sleep(seconds)

    monkeypatch.setattr(clock, "sleep", deploy_meanwhile)

    result = reconcile(REPAIRED, "--yes", "--format", "json")

    assert json.loads(result.stdout)["associations"] == []


def test_repairs_drift_at_once_and_shows_the_result(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1)

    result = reconcile(REPAIRED, "--yes", "--format", "json")

    assert result.exit_code == 0, result.output
    assert cloud.messages.sent == [{"Kind": "Sweep", "Association": key(REPAIRED)}]
    assert cloud.fleet.carried(FIRST)
    assert not json.loads(result.stdout)["associations"][0]["instances"][0]["drift"]
    assert result.stderr.splitlines() == [
        ASKS,
        f"- {FLEET}: repair, 3 targets, at most 1 change of each kind in an hour",
        "Instances that were first launched less than an hour ago get the profile without a limit.",
        f"{FLEET}: sweep requested",
        f"{FLEET}: the sweep has begun, and waits for EC2 or for instances",
        f"{FLEET}: the sweep is finished",
    ]


def test_says_that_a_sweep_that_reports_changes_nothing(cloud: Cloud) -> None:
    deployed(cloud, REPORTED)
    take_off(cloud, 1)
    before = cloud.traffic.count(*MUTATING)

    result = reconcile(REPORTED, "--yes", "--format", "json")

    assert result.exit_code == 2, result.output
    assert result.stderr.splitlines()[:2] == [
        "`reconcile` is the only command that can change anything. This sweep changes no instance of:",
        f"- {FLEET}: report, nothing is changed",
    ]
    (drift,) = json.loads(result.stdout)["associations"][0]["enforcement"]["drift"]
    assert (drift["instance"], drift["kind"]) == (FIRST, "no-profile")
    assert cloud.traffic.count(*MUTATING) == before


# Pauses


def test_a_pause_stays_without_resume(cloud: Cloud) -> None:
    paused(cloud)

    result = reconcile(REPAIRED, "--yes")

    assert result.exit_code == 2, result.output
    assert "at most 1 change of each kind in an hour; giving stays paused without --resume" in result.stderr
    assert cloud.messages.sent == [{"Kind": "Sweep", "Association": key(REPAIRED)}]


def test_continues_with_resume(cloud: Cloud) -> None:
    paused(cloud)

    result = reconcile(REPAIRED, "--yes", "--resume")

    assert result.exit_code == 0, result.output
    assert "at most 1 change of each kind in an hour; giving goes on" in result.stderr
    assert cloud.messages.sent == [{"Kind": "Sweep", "Association": key(REPAIRED), "Resume": True}]
    assert all(one is not None for one in cloud.world.carried(FIRST, instance_id(2)))


def test_says_that_nothing_is_paused(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)

    result = reconcile(REPAIRED, "--yes", "--resume")

    assert result.exit_code == 0, result.output
    assert "Nothing is paused, so --resume makes no difference." in result.stderr.splitlines()
    assert cloud.messages.sent == [{"Kind": "Sweep", "Association": key(REPAIRED)}]


# The confirmation


def test_fails_when_confirmation_is_impossible(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)

    assert error(reconcile(REPAIRED)) == (
        "a sweep can change instances, and there is no terminal to ask for a confirmation: use --yes"
    )
    assert not cloud.messages.sent


@pytest.mark.parametrize(("answer", "sent"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_asks_for_a_confirmation_on_a_terminal(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, answer: str, sent: int
) -> None:
    deployed(cloud, REPAIRED)
    monkeypatch.setattr("cdk_instance_role.cli.main._has_terminal", lambda: True)

    result = reconcile(REPAIRED, answer=answer)

    assert len(cloud.messages.sent) == sent
    if not sent:
        assert error(result).endswith("no sweep was started")


# Errors


def test_fails_when_no_association_has_enforcement(cloud: Cloud) -> None:
    cloud.deploy(synthesized())

    assert error(reconcile(Servers(), "--yes")) == (
        "no deployed association has enforcement: give one `enforcement=Enforcement.repair()` or "
        "`Enforcement.report()`, and deploy"
    )


@pytest.mark.usefixtures("cloud")
def test_fails_when_a_named_stack_is_not_deployed() -> None:
    assert error(reconcile(REPAIRED, "--yes", STACK)) == f"stack {STACK} is not deployed in {REGION}"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Absent", f"stack Absent is not deployed in {REGION}"),
        ("Bare", "stack Bare: no deployed association has enforcement"),
    ],
)
def test_says_why_a_named_stack_is_left_out(cloud: Cloud, name: str, reason: str) -> None:
    stacks = with_other_stacks(cloud)
    arguments = ["--app", str(stacks[STACK].folder), "--yes", "--format", "json"]

    result = CliRunner().invoke(cli, ["reconcile", STACK, name, *arguments])

    assert (result.exit_code, json.loads(result.stdout)["unseen"]) == (1, [reason])
    assert f"- {reason}" in result.stderr.partition("sweep requested")[0].splitlines()
    assert len(cloud.messages.sent) == 1


def test_stacks_that_nobody_has_named_need_no_enforcement(cloud: Cloud) -> None:
    stacks = with_other_stacks(cloud)

    for names in ((), ("*",)):
        result = CliRunner().invoke(cli, ["reconcile", *names, "--app", str(stacks[STACK].folder), "--yes"])
        assert result.exit_code == 0, result.output


def with_other_stacks(cloud: Cloud) -> dict[str, StackArtifact]:
    """The stack of these tests, and two others: Bare, without enforcement, and Absent, which is not deployed."""
    app = new_app()
    REPAIRED.define(Stack(app, STACK, env=IRELAND))
    for number, name in ((4, "Bare"), (5, "Absent")):
        enforcement = REPAIRED.enforcement if name == "Absent" else Enforcement.none()
        role = InstanceRole(Stack(app, name, env=IRELAND), name)
        role.associate_with("Fleet", InstanceSelection.by_ids(instance_id(number)), enforcement=enforcement)
    stacks = {one.name: one for one in assembly.read(written(app))}
    cloud.instance(4, tags={"app": "other"})
    for name in (STACK, "Bare"):
        cloud.deploy(stacks[name])
    cloud.messages.enforcement.run(4000)
    return stacks


def test_fails_while_an_operation_is_open(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    resource = cloud.deployments[STACK][only_association(synthesized(REPAIRED))]
    resource.begin(resource.event("Update", resource.properties, resource.properties))

    assert error(reconcile(REPAIRED, "--yes")) == (
        f"{FLEET}: enforcement is off: the latest update is open, and enforcement goes on once it has succeeded"
    )
    assert not cloud.messages.sent


def test_names_the_roles_that_may_start_a_sweep(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    cloud.deny("SendMessage", "AccessDenied")

    assert error(reconcile(REPAIRED, "--yes")) == (
        f"{FLEET}: sqs:SendMessage is denied: name the role in `reconcilers` of the AssociationProvider, or in those "
        "of `instance_role_settings`, and deploy"
    )


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda cloud: cloud.deny("Query", "AccessDeniedException"), "ledger Ledger: not allowed (Query)"),
        (lambda cloud: cloud.deny("GetItem", "AccessDeniedException"), "ledger Ledger: not allowed (GetItem)"),
        (
            lambda cloud: cloud.cloudformation.refuse("DescribeStacks"),
            "whether stack Servers is deployed in eu-west-1: not allowed (DescribeStacks)",
        ),
    ],
)
def test_fails_when_it_cannot_read_what_may_change(cloud: Cloud, break_it: Callable[[Cloud], Any], words: str) -> None:
    deployed(cloud, REPAIRED)
    break_it(cloud)

    assert words in error(reconcile(REPAIRED, "--yes"))
    assert not cloud.messages.sent


def test_an_account_without_access_hides_no_other(cloud: Cloud, tmp_path: Path) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1)

    result = reconcile_in_two_accounts(tmp_path)

    assert result.exit_code == 1, result.output
    assert cloud.fleet.carried(FIRST)
    (unseen,) = json.loads(result.stdout)["unseen"]
    assert unseen.startswith("account 444455556666, eu-west-1: role ")
    before = result.stderr.partition("sweep requested")[0]
    assert f"- {unseen}" in before.splitlines()


def test_reports_a_problem_in_one_of_several_accounts_once(cloud: Cloud, tmp_path: Path, clock: Time) -> None:
    deployed(cloud, REPAIRED)
    clock.runs = False

    result = reconcile_in_two_accounts(tmp_path)

    report = json.loads(result.stdout)
    no_access, no_sweep = report["unseen"]
    assert no_access.startswith("account 444455556666, eu-west-1: role ")
    assert no_sweep.startswith(f"{FLEET}: there was no sweep within 5 minutes")
    assert [len(one["unseen"]) for one in report["environments"]] == [1, 1]


def test_an_association_that_cannot_be_read_hides_no_other(cloud: Cloud) -> None:
    stack = two_associations()
    cloud.instance(4, tags={"app": "other"})
    cloud.deploy(stack)
    rest = next(one for one in cloud.deployments[stack.name] if "Rest" in one)
    for (association, _), item in cloud.world.dynamodb.items.items():
        if association == f"{STACK_ID}|{rest}":
            item.pop("Claims", None)

    result = CliRunner().invoke(cli, ["reconcile", "--app", str(stack.folder), "--yes", "--format", "json"])

    assert result.exit_code == 1, result.output
    assert [message["Association"] for message in cloud.messages.sent] == [key(REPAIRED)]
    assert f"Web/Rest (stack {STACK}" in json.loads(result.stdout)["unseen"][0]


def reconcile_in_two_accounts(folder: Path, *more: str) -> Result:
    """On the stack of these tests, in its account, and before that in one without access."""
    places = ("444455556666", REGION), (ACCOUNT, REGION)
    app = write_assembly_of_places(folder / "assembly", synthesized(REPAIRED).template, places)
    return CliRunner().invoke(cli, ["reconcile", "--app", str(app), "--yes", "--format", "json", *more])


def two_associations() -> StackArtifact:
    """The stack of these tests with a second association, Rest."""
    app = new_app()
    stack = Stack(app, STACK, env=IRELAND)
    REPAIRED.define(stack)
    role = stack.node.find_child("Web")
    assert isinstance(role, InstanceRole)
    role.associate_with("Rest", InstanceSelection.by_ids(instance_id(4)), enforcement=REPAIRED.enforcement)
    (artifact,) = assembly.read(written(app))
    return artifact


# Waiting


def test_says_what_to_do_when_the_sweep_does_not_begin(cloud: Cloud, clock: Time) -> None:
    deployed(cloud, REPAIRED)
    clock.runs = False
    began = cloud.world.clock()

    result = reconcile(REPAIRED, "--yes", "--format", "json")

    assert result.exit_code == 1
    assert 300 <= cloud.world.clock() - began < 320
    (unseen,) = json.loads(result.stdout)["unseen"]
    assert unseen == (
        f"{FLEET}: there was no sweep within 5 minutes: look into the log of the provider. "
        "The message is kept for a day"
    )


def lost_connection(**_: Any) -> None:
    raise EndpointConnectionError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com/")


def test_goes_on_waiting_when_a_connection_is_lost_once(
    cloud: Cloud, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1)
    sleep, ledger = clock.sleep, pytest.MonkeyPatch()
    while_it_sleeps = [lambda: ledger.setattr(cloud.aws.dynamodb, "get_item", lost_connection), ledger.undo]

    def lose(seconds: float) -> None:
        sleep(seconds)
        if while_it_sleeps:
            while_it_sleeps.pop(0)()

    monkeypatch.setattr(clock, "sleep", lose)

    result = reconcile(REPAIRED, "--yes")

    assert result.exit_code == 0, result.output
    assert not while_it_sleeps


def test_says_that_the_result_of_a_sweep_cannot_be_read(
    cloud: Cloud, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(cloud, REPAIRED)
    clock.runs = False
    sleep = clock.sleep

    def lose(seconds: float) -> None:
        sleep(seconds)
        monkeypatch.setattr(cloud.aws.dynamodb, "get_item", lost_connection)

    monkeypatch.setattr(clock, "sleep", lose)

    result = reconcile(REPAIRED, "--yes", "--format", "json")

    assert result.exit_code == 1, result.output
    assert any("ledger Ledger: AWS can't be reached" in one for one in json.loads(result.stdout)["unseen"])


def test_credentials_of_one_account_that_expire_hide_no_other_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Cloud(), Cloud()
    for cloud in (first, second):
        for number in (1, 2, 3):
            cloud.instance(number)
        deployed(cloud, REPAIRED)
        take_off(cloud, 1)
    see(monkeypatch, first, a444455556666=second)
    clock = Time(first)
    sleep = clock.sleep

    def expire(seconds: float) -> None:
        sleep(seconds)
        for action in ("GetItem", "Query", "BatchGetItem"):
            second.deny(action, "ExpiredToken")

    monkeypatch.setattr(clock, "sleep", expire)
    monkeypatch.setattr("cdk_instance_role.cli.commands.time", clock)

    result = reconcile_in_two_accounts(tmp_path, "--role-name", "Reconciler")

    assert result.exit_code == 1, result.output
    assert first.fleet.carried(FIRST)
    report = json.loads(result.stdout)
    assert [one["account"] for one in report["associations"]] == [ACCOUNT]
    assert any("the AWS credentials have expired" in one for one in report["unseen"])


def test_says_what_to_do_when_the_sweep_takes_longer(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    cloud.instance(4, state="pending")

    result = reconcile(REPAIRED, "--yes", "--format", "json")

    assert result.exit_code == 1
    (unseen,) = json.loads(result.stdout)["unseen"]
    assert unseen.startswith(f"{FLEET}: the sweep has begun and is not finished")


def test_stops_waiting_when_a_deployment_begins(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(cloud, REPAIRED)
    resource = cloud.deployments[STACK][only_association(synthesized(REPAIRED))]
    deploy = [lambda: resource.begin(resource.event("Update", resource.properties, resource.properties))]
    monkeypatch.setattr(Time, "sleep", lambda _, __: deploy.pop()())

    result = reconcile(REPAIRED, "--yes", "--format", "json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["unseen"] == [
        f"{FLEET}: a deployment has begun, and enforcement goes on once it has succeeded"
    ]


def while_waiting(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> str:
    """What `reconcile` says if this happens after it has sent its message."""

    def sleep(_: Time, seconds: float) -> None:
        if todo:
            with redirect_stdout(StringIO()):  # where the function writes its metrics
                todo.pop()()
        cloud.world.clock.sleep(seconds)

    todo = [happens]
    monkeypatch.setattr(Time, "sleep", sleep)

    result = reconcile(REPAIRED, "--yes", "--format", "json")

    assert result.exit_code == 1, result.output
    (unseen,) = json.loads(result.stdout)["unseen"]
    return str(unseen).removeprefix(f"{FLEET}: ")


def test_says_that_the_association_was_deleted_meanwhile(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(cloud, REPAIRED)
    gone = synthesized(replace(REPAIRED, associated=False))

    assert while_waiting(cloud, monkeypatch, lambda: cloud.deploy(gone)) == "the association was deleted meanwhile"


def test_says_that_the_association_is_being_deleted(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(cloud, REPAIRED)
    resource = cloud.deployments[STACK][only_association(synthesized(REPAIRED))]

    found = while_waiting(cloud, monkeypatch, lambda: resource.begin(resource.event("Delete", resource.properties)))

    assert found == "the association is being deleted"


def test_says_that_the_delete_has_failed_that_began_meanwhile(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(cloud, REPAIRED)

    found = while_waiting(cloud, monkeypatch, lambda: cloud.fail_to_delete(synthesized(REPAIRED)))

    assert found.startswith(
        "enforcement is off: the latest delete has failed, correct the reason and delete the stack again with "
        "`cdk destroy`: "
    )


def test_says_that_the_operation_has_failed_that_began_meanwhile(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(cloud, REPAIRED)
    take_off(cloud, 1)
    cloud.world.refuse("AssociateIamInstanceProfile", FIRST)
    changed = synthesized(replace(REPAIRED, minutes=20))

    found = while_waiting(cloud, monkeypatch, lambda: cloud.fail_to_update(changed))

    assert found.startswith(
        "enforcement is off, correct the reason and deploy again: the latest update has failed, and enforcement goes "
        "on after one that succeeds: "
    )


def test_says_that_a_deployment_has_turned_enforcement_off(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(cloud, REPAIRED)
    bare = synthesized(Servers())

    found = while_waiting(cloud, monkeypatch, lambda: cloud.deploy(bare))

    assert found == "the latest deployment has turned enforcement off"


def test_goes_on_waiting_after_a_deployment_that_has_succeeded_meanwhile(cloud: Cloud, clock: Time) -> None:
    deployed(cloud, REPAIRED)
    changed, sleep = replace(REPAIRED, minutes=20), clock.sleep
    deploy = [lambda: cloud.deploy(synthesized(changed))]

    def deploy_first(seconds: float) -> None:
        if deploy:
            with redirect_stdout(StringIO()):  # where the function writes its metrics
                deploy.pop()()
        sleep(seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "sleep", deploy_first)
        result = reconcile(REPAIRED, "--yes")

    assert result.exit_code == 0, result.output
    assert not deploy


def test_fails_while_the_association_is_being_deleted(cloud: Cloud) -> None:
    deployed(cloud, REPAIRED)
    resource = cloud.deployments[STACK][only_association(synthesized(REPAIRED))]
    resource.begin(resource.event("Delete", resource.properties))

    assert error(reconcile(REPAIRED, "--yes")) == f"{FLEET}: enforcement is off: the association is being deleted"
    assert not cloud.messages.sent


def test_works_with_a_wrong_clock(cloud: Cloud, clock: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    """An observation that was made before the message counts for nothing, although this computer is an hour behind."""
    deployed(cloud, REPAIRED)
    monkeypatch.setattr(clock, "time", lambda: cloud.world.clock() - 3600)
    clock.runs = False

    assert reconcile(REPAIRED, "--yes").exit_code == 1


def test_the_help_says_that_it_changes_something() -> None:
    result = CliRunner().invoke(cli, ["reconcile", "--help"])

    assert "This is the only command that changes anything" in result.stdout
