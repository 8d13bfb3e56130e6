"""Commands on several accounts and Regions: each is read, whatever fails in another one."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cdk_instance_role.association import RESOURCE_TYPE
from cdk_instance_role.cli.live.environment import Environment
from cdk_instance_role.cli.main import cli
from cdk_instance_role.cli.template.assembly import read
from cdk_instance_role.runtime.association.aws.rate_limiter import RateLimiter
from tests.cli.accounts import see
from tests.cli.cloud import Cloud, refusal
from tests.cli.live.test_ledgers import two_providers
from tests.cli.servers import STACK, Servers, synthesized, write_assembly, write_assembly_of_places
from tests.synth.builders import ACCOUNT, REGION

SECOND, THIRD = "444455556666", "777788889999"
AMERICA = "us-east-1"
FLEET = Servers()
LOOKUP = "arn:${AWS::Partition}:iam::777788889999:role/cdk-hnb659fds-lookup-role-777788889999-eu-west-1"


def with_instances(*numbers: int, carries: str | None = None) -> Cloud:
    cloud = Cloud()
    for number in numbers:
        cloud.instance(number, getattr(cloud, carries) if carries else None)
    return cloud


def assembly(folder: Path, *places: tuple[str, str], template: Mapping[str, Any] | None = None) -> str:
    """The same stack for these accounts and Regions, each under the same name."""
    body = synthesized(FLEET).template if template is None else template
    return str(write_assembly_of_places(folder / "assembly", body, places))


def run(command: str, app: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [command, "--app", app, *arguments])


def results(result: Result) -> dict[tuple[str, str], int]:
    """The exit status of each account and Region."""
    return {(one["account"], one["region"]): one["exit_status"] for one in json.loads(result.stdout)["environments"]}


@pytest.mark.parametrize("kind", [RESOURCE_TYPE, "Custom::${Kind}"])
def test_fails_when_a_loop_may_make_associations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str) -> None:
    see(monkeypatch, with_instances(1))
    result = run("plan", assembly(tmp_path, (ACCOUNT, REGION), template=with_loop(kind)), "--format", "json")

    assert (result.exit_code, json.loads(result.stdout)["associations"]) == (1, [])
    (unseen,) = json.loads(result.stdout)["environments"][0]["unseen"]
    assert unseen.endswith("what Fn::ForEach::Fleets makes is known to CloudFormation only, and can be associations")


@pytest.mark.parametrize(
    ("added", "name"),
    [
        ({"Fn::Transform": {"Name": "AWS::Include"}}, "Fn::Transform"),
        ({"Fleets": {"Type": "Company::Web::Fleets::MODULE"}}, "Fleets"),
    ],
)
def test_fails_when_cloudformation_may_make_associations_of_something_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, added: Any, name: str
) -> None:
    see(monkeypatch, with_instances(1))
    template = with_loop("AWS::SNS::Topic")
    template["Resources"] |= added

    result = run("plan", assembly(tmp_path, (ACCOUNT, REGION), template=template), "--format", "json")

    (unseen,) = json.loads(result.stdout)["environments"][0]["unseen"]
    assert (result.exit_code, unseen) == (
        1,
        f"stack {STACK}: what {name} makes is known to CloudFormation only, and can be associations",
    )


def test_fails_when_a_macro_may_change_associations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, with_instances(1))
    template = {**synthesized(FLEET).template, "Transform": "CompanyTags"}

    result = run("plan", assembly(tmp_path, (ACCOUNT, REGION), template=template), "--format", "json")

    assert result.exit_code == 1
    assert any("transform CompanyTags" in one for one in json.loads(result.stdout)["environments"][0]["unseen"])


def test_a_macro_of_a_stack_without_associations_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    see(monkeypatch, with_instances(1))
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    app = assembly(tmp_path, (ACCOUNT, REGION), template={"Resources": topic, "Transform": "CompanyTags"})

    assert run("plan", app).exit_code == 0


def test_a_loop_of_other_resources_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, with_instances(1))
    app = assembly(tmp_path, (ACCOUNT, REGION), template=with_loop("AWS::SNS::Topic"))

    assert run("plan", app).exit_code == 0


def test_a_loop_that_is_not_deployed_is_no_matter_of_the_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    see(monkeypatch, with_instances(1))

    assert run("status", assembly(tmp_path, (ACCOUNT, REGION), template=with_loop(RESOURCE_TYPE))).exit_code == 0


def with_loop(kind: str) -> dict[str, Any]:
    """The template of the stack, with a loop for resources of a type instead of the association."""
    template = deepcopy(dict(synthesized(FLEET).template))
    (association,) = synthesized(FLEET).associations
    resource = template["Resources"].pop(association)
    template["Resources"]["Fn::ForEach::Fleets"] = ["X", ["1", "2"], {"Fleet${X}": {**resource, "Type": kind}}]
    return {**template, "Transform": "AWS::LanguageExtensions"}


def test_plans_all_accounts_and_regions_with_the_exit_status_of_the_worst(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    see(monkeypatch, with_instances(1), a444455556666=with_instances(2, carries="foreign"))
    app = assembly(tmp_path, (ACCOUNT, REGION), (SECOND, REGION))

    result = run("plan", app, "--format", "json")

    assert results(result) == {(ACCOUNT, REGION): 2, (SECOND, REGION): 3}
    assert result.exit_code == 3
    plans = json.loads(result.stdout)["associations"]
    assert [(one["account"], one["instances"][0]["id"], one["instances"][0]["verb"]) for one in plans] == [
        (ACCOUNT, "i-00000000000000001", "associate"),
        (SECOND, "i-00000000000000002", "conflict"),
    ]


def test_an_account_without_access_hides_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, with_instances(1))
    app = assembly(tmp_path, (THIRD, REGION), (ACCOUNT, REGION))

    result = run("plan", app, "--format", "json")

    report = json.loads(result.stdout)
    assert results(result) == {(THIRD, REGION): 1, (ACCOUNT, REGION): 2}
    assert result.exit_code == 1
    assert [one["account"] for one in report["associations"]] == [ACCOUNT]
    assert report["unseen"] == [f"account 777788889999, eu-west-1: role {LOOKUP} can't be assumed"]
    assert report["environments"][0]["unseen"] == [f"role {LOOKUP} can't be assumed"]


@pytest.mark.parametrize("command", ["plan", "status"])
def test_credentials_that_expire_in_one_account_hide_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    second = with_instances(2)
    second.cloudformation.refused["DescribeStacks"] = refusal("DescribeStacks", "ExpiredToken")
    see(monkeypatch, with_instances(1), a444455556666=second)
    app = assembly(tmp_path, (SECOND, REGION), (ACCOUNT, REGION))

    result = run(command, app, "--format", "json")

    assert result.exit_code == 1
    assert results(result) == {(SECOND, REGION): 1, (ACCOUNT, REGION): 2 if command == "plan" else 0}
    (unseen,) = json.loads(result.stdout)["unseen"]
    assert unseen.startswith("account 444455556666, eu-west-1: the AWS credentials have expired: log in again")


def test_a_region_that_is_not_enabled_hides_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    second = with_instances(2)
    second.cloudformation.refused["DescribeStacks"] = refusal("DescribeStacks", "InvalidClientTokenId")
    see(monkeypatch, with_instances(1), a444455556666=second)

    result = run("plan", assembly(tmp_path, (ACCOUNT, REGION), (SECOND, "ap-east-1")), "--format", "json")

    assert results(result) == {(ACCOUNT, REGION): 2, (SECOND, "ap-east-1"): 1}
    (unseen,) = json.loads(result.stdout)["unseen"]
    assert unseen == (
        "account 444455556666, ap-east-1: AWS does not accept the credentials (InvalidClientTokenId): log in again, "
        "for example with `aws sso login`, or set AWS_PROFILE; a Region that is not enabled in the account accepts none"
    )


def test_each_account_and_region_has_limits_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limiters: list[int] = []
    acquire = RateLimiter.acquire

    def counted(self: RateLimiter, action: str, *, until: float = float("inf")) -> bool:
        limiters.append(id(self))
        return acquire(self, action, until=until)

    monkeypatch.setattr(RateLimiter, "acquire", counted)
    see(monkeypatch, with_instances(1), a444455556666=with_instances(2))

    run("plan", assembly(tmp_path, (ACCOUNT, REGION), (SECOND, REGION), (SECOND, AMERICA)))

    assert len(set(limiters)) == 3


def test_reports_the_end_of_each_account_and_region(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, with_instances(1))

    result = run("plan", assembly(tmp_path, (ACCOUNT, REGION), (THIRD, REGION)))

    lines = sorted(line.partition(" s")[0] for line in result.stderr.splitlines())
    assert [line.rpartition(",")[0] for line in lines] == [
        "account 111122223333, eu-west-1: 1 association",
        "account 777788889999, eu-west-1: 0 associations",
    ]


def test_status_shows_drift_in_one_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = with_instances(1), with_instances(2)
    for cloud in (first, second):
        cloud.deploy(synthesized(FLEET))
    second.fleet.set_carried("i-00000000000000002", None)
    see(monkeypatch, first, a444455556666=second)

    result = run("status", assembly(tmp_path, (ACCOUNT, REGION), (SECOND, REGION)), "--format", "json")

    assert result.exit_code == 2
    assert results(result) == {(ACCOUNT, REGION): 0, (SECOND, REGION): 2}


def test_warns_of_each_account_where_a_stack_is_not_deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, with_instances(1), a444455556666=with_instances(2))

    result = run("status", assembly(tmp_path, (ACCOUNT, REGION), (SECOND, REGION)))

    assert result.exit_code == 0
    for account in (ACCOUNT, SECOND):
        assert f"warning: account {account}, eu-west-1: stack Servers is not deployed in eu-west-1" in result.stderr


def assembly_with_lookup_roles(folder: Path, needed_by_second: Sequence[str] = ()) -> str:
    """Two stacks of one account and Region, each with a lookup role of its own."""
    app = assembly(folder, (THIRD, REGION), (THIRD, REGION))
    manifest = json.loads(Path(app, "manifest.json").read_text())
    for number in range(2):
        properties = manifest["artifacts"][f"{STACK}{number}"]["properties"]
        properties |= {"stackName": f"{STACK}{number}", "lookupRole": {"arn": f"arn:aws:iam::{THIRD}:role/of-{number}"}}
    manifest["artifacts"][f"{STACK}1"]["dependencies"] = [*needed_by_second]
    Path(app, "manifest.json").write_text(json.dumps(manifest))
    return app


@pytest.mark.parametrize("command", ["plan", "status"])
def test_assumes_the_lookup_role_of_the_stack_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    see(monkeypatch, with_instances(1))
    app = assembly_with_lookup_roles(tmp_path)

    result = run(command, app, f"{STACK}1")

    assert (result.exit_code, result.stderr) == (
        1,
        "Error: role arn:aws:iam::777788889999:role/of-1 can't be assumed\n",
    )


@pytest.mark.parametrize("command", ["plan", "status"])
def test_tries_the_lookup_role_of_a_stack_that_is_needed_after_that_of_the_named_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    see(monkeypatch, with_instances(1))
    app = assembly_with_lookup_roles(tmp_path, needed_by_second=[f"{STACK}0"])

    result = run(command, app, f"{STACK}1")

    assert "Error: role arn:aws:iam::777788889999:role/of-1 can't be assumed" in result.stderr


def test_reconcile_assumes_no_lookup_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, with_instances(1), a444455556666=with_instances(2))

    result = run("reconcile", assembly(tmp_path, (SECOND, REGION)), "--yes")

    assert result.exit_code == 1
    assert "can't be assumed" in result.stderr


def test_a_deployed_stack_that_cannot_be_read_is_not_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    second = with_instances(2)
    second.deploy(synthesized(FLEET))
    second.cloudformation.refuse("GetTemplate")
    see(monkeypatch, with_instances(1), a444455556666=second)
    app = assembly(tmp_path, (ACCOUNT, REGION), (SECOND, REGION), template={})

    result = run("plan", app, "--format", "json")

    assert results(result) == {(ACCOUNT, REGION): 0, (SECOND, REGION): 1}


def test_a_damaged_ledger_hides_no_other_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = with_instances(1), with_instances(2)
    for cloud in (first, second):
        cloud.deploy(synthesized(FLEET))
    for item in second.world.dynamodb.items.values():
        item.pop("Claims", None)
    see(monkeypatch, first, a444455556666=second)

    result = run("status", assembly(tmp_path, (ACCOUNT, REGION), (SECOND, REGION)), "--format", "json")

    assert results(result) == {(ACCOUNT, REGION): 0, (SECOND, REGION): 1}
    assert "restore it from the table's backup" in json.dumps(json.loads(result.stdout)["associations"])


def test_an_unexpected_error_hides_no_other_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    second = with_instances(2)
    nothing: dict[str, Any] = {}
    monkeypatch.setattr(second.cloudformation, "describe_stacks", lambda **_: nothing["Stacks"])
    see(monkeypatch, with_instances(1), a444455556666=second)

    result = run("plan", assembly(tmp_path, (ACCOUNT, REGION), (SECOND, REGION)), "--format", "json")

    assert results(result) == {(ACCOUNT, REGION): 2, (SECOND, REGION): 1}
    assert json.loads(result.stdout)["unseen"] == [
        "account 444455556666, eu-west-1: stack Servers: unexpected KeyError: 'Stacks'"
    ]


@pytest.mark.parametrize("command", ["plan", "status"])
def test_an_unexpected_error_hides_no_other_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    cloud = with_instances(1)
    cloud.deploy(synthesized(FLEET))
    describe = cloud.cloudformation.describe_stacks
    nothing: dict[str, Any] = {}
    monkeypatch.setattr(
        cloud.cloudformation,
        "describe_stacks",
        lambda StackName: nothing["Stacks"] if StackName == "Broken" else describe(StackName),  # noqa: N803
    )
    see(monkeypatch, cloud)
    template = synthesized(FLEET).template

    result = run(command, str(write_assembly(tmp_path, Broken=template, Servers=template)), "--format", "json")

    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [one["stack"] for one in report["associations"]] == ["Servers"]
    assert report["unseen"] == ["stack Broken: unexpected KeyError: 'Stacks'"]


@pytest.mark.parametrize("command", ["plan", "status"])
def test_an_unexpected_error_hides_no_other_association(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    cloud = with_instances(1)
    template = deepcopy(dict(synthesized(FLEET).template))
    (logical_id,) = [id_ for id_, one in template["Resources"].items() if one["Type"] == RESOURCE_TYPE]
    template["Resources"]["Broken"] = {
        **template["Resources"][logical_id],
        "Metadata": {"aws:cdk:path": "Servers/Broken"},
    }
    app = write_assembly(tmp_path, Servers=template)
    cloud.deploy(read(app)[0])
    see(monkeypatch, cloud)
    ledger = Environment.ledger
    nothing: dict[str, Any] = {}
    monkeypatch.setattr(
        Environment, "ledger", lambda self, at, id_: nothing["Item"] if id_ == "Broken" else ledger(self, at, id_)
    )

    result = run(command, str(app), "--format", "json")

    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {one["association"]: one["unseen"] for one in report["associations"]} == {
        "Web/Fleet": [],
        "Broken": ["unexpected KeyError: 'Item'"],
    }


def test_an_unexpected_error_in_a_policy_names_its_stack(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cloud = with_instances(1)
    cloud.deploy(synthesized(FLEET))
    see(monkeypatch, cloud)
    changed = synthesized(Servers(policies=("AmazonEC2FullAccess",))).template
    strange = {"Resources": {"Data": {"Type": "AWS::IAM::Policy", "Condition": ["Yes"], "Properties": {}}}}

    result = run("plan", str(write_assembly(tmp_path, Servers=changed, Strange=strange)), "--format", "json")

    (plan,) = json.loads(result.stdout)["associations"]
    assert result.exit_code == 1
    assert [one for one in plan["unseen"] if "stack Strange changes is not known: unexpected TypeError" in one]
    assert plan["permissions"][0]["policies_gained"] == ["AmazonEC2FullAccess"]


def test_refuses_two_stacks_of_one_name_in_one_account_and_region(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    see(monkeypatch, with_instances(1))

    result = run("plan", assembly(tmp_path, (ACCOUNT, REGION), (ACCOUNT, REGION)))

    assert (result.exit_code, result.stderr) == (
        1,
        (
            "Error: stacks Servers0 and Servers1 have the same name Servers in account 111122223333, eu-west-1: name "
            "the one that is meant\n"
        ),
    )


def test_says_that_nothing_could_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    see(monkeypatch, with_instances(1))

    result = run("plan", assembly(tmp_path, (THIRD, REGION), (THIRD, AMERICA)))

    assert result.exit_code == 1
    assert "Not everything could be looked at. No association was found." in result.stdout


# Without an assembly


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder without an assembly."""
    monkeypatch.chdir(tmp_path)


def status(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["status", "--format", "json", *arguments])


@pytest.mark.usefixtures("nowhere")
def test_status_finds_deployed_associations_without_an_assembly(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = with_instances(1)
    cloud.deploy(synthesized(FLEET))
    see(monkeypatch, cloud)

    result = status()

    assert (result.exit_code, result.stderr) == (0, "")
    (found,) = json.loads(result.stdout)["associations"]
    assert (found["stack"], found["association"], found["instances"][0]["id"]) == (
        "Servers",
        "Web/Fleet",
        "i-00000000000000001",
    )


@pytest.mark.usefixtures("nowhere")
def test_status_says_that_there_is_no_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, with_instances(1))

    result = status()

    assert result.exit_code == 0
    assert result.stderr == (
        "no deployed associations were found; stacks of an older release are found with --app only\n"
    )


@pytest.mark.usefixtures("nowhere")
def test_status_searches_the_accounts_and_regions_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    second = with_instances(2)
    second.deploy(synthesized(FLEET))
    second.fleet.set_carried("i-00000000000000002", None)
    see(monkeypatch, with_instances(1), a444455556666=second)

    result = status("--accounts", f"{ACCOUNT},{SECOND}", "--regions", REGION, "--role-name", "AuditReader")

    assert result.exit_code == 2
    assert results(result) == {(ACCOUNT, REGION): 0, (SECOND, REGION): 2}


@pytest.mark.usefixtures("nowhere")
def test_status_searches_all_regions_that_are_enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = with_instances(1)
    cloud.deploy(synthesized(FLEET))
    cloud.enabled_regions = [REGION]
    second = with_instances(2)
    second.enabled_regions = [REGION, AMERICA]
    see(monkeypatch, cloud, a444455556666=second)

    result = status("--regions", "all", "--accounts", f"{ACCOUNT},{SECOND}", "--role-name", "AuditReader")

    assert results(result) == {(ACCOUNT, REGION): 0}


@pytest.mark.usefixtures("nowhere")
def test_status_names_the_account_whose_regions_it_cannot_list(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = with_instances(1)
    cloud.deploy(synthesized(FLEET))
    cloud.enabled_regions = [REGION]
    see(monkeypatch, cloud)

    result = status("--regions", "all", "--accounts", f"{ACCOUNT},{THIRD}", "--role-name", "AuditReader")

    assert result.exit_code == 1
    assert results(result) == {(ACCOUNT, REGION): 0, (THIRD, "all"): 1}


@pytest.mark.usefixtures("nowhere")
def test_status_fails_if_it_may_not_search_for_ledgers(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = with_instances(1)
    cloud.tagging.refuse("GetResources")
    see(monkeypatch, cloud)

    result = status()

    assert result.exit_code == 1
    assert json.loads(result.stdout)["unseen"] == ["the ledgers by their tag: not allowed (GetResources)"]


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("operation", ["ListStackResources", "GetTemplate"])
def test_status_fails_if_a_stack_with_associations_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    cloud = with_instances(1)
    cloud.deploy(synthesized(FLEET))
    cloud.cloudformation.refuse(operation)
    see(monkeypatch, cloud)

    result = status()

    assert result.exit_code == 1
    assert json.loads(result.stdout)["unseen"] == [
        f"whether stack Servers is deployed in eu-west-1: not allowed ({operation})"
    ]


@pytest.mark.usefixtures("nowhere")
def test_status_does_not_find_a_stack_by_a_wrong_name(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = with_instances(1)
    cloud.deploy(synthesized(FLEET))
    see(monkeypatch, cloud)

    assert status("Servers").exit_code == 0
    result = status("Severs")
    assert (result.exit_code, result.stderr) == (1, "Error: no deployed association of stack Severs was found\n")


@pytest.mark.usefixtures("nowhere")
def test_a_foreign_table_with_the_tag_hides_no_other_account(monkeypatch: pytest.MonkeyPatch) -> None:
    second = with_instances(2)
    second.deploy(synthesized(FLEET))
    second.world.dynamodb.items["operation", "strange"] = {"Kind": {"S": "operation"}, "Id": {"S": "strange"}}
    first = with_instances(1)
    first.deploy(synthesized(FLEET))
    see(monkeypatch, first, a444455556666=second)

    result = status("--accounts", f"{ACCOUNT},{SECOND}", "--role-name", "AuditReader")

    assert results(result) == {(ACCOUNT, REGION): 0, (SECOND, REGION): 1}
    assert json.loads(result.stdout)["unseen"] == [
        (
            "account 444455556666, eu-west-1: ledger Ledger: it holds 'strange', which is no id of a stack: the table "
            "has the tag of a ledger"
        )
    ]


@pytest.mark.usefixtures("nowhere")
def test_status_finds_associations_in_nested_stacks_without_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = with_instances(0, 1, 2)
    cloud.deploy(two_providers())
    for stack in cloud.cloudformation.stacks.values():
        for resource in stack.template["Resources"].values():
            resource.pop("Metadata", None)
    see(monkeypatch, cloud)

    result = status()

    assert len(json.loads(result.stdout)["associations"]) == 3, result.output


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--regions", "Ireland"], "--regions has 'Ireland', which is not a Region, such as eu-west-1, or all"),
        (["--accounts", "prod"], "--accounts has 'prod', which is not an account id, which has 12 digits"),
        (
            ["--app", "cdk.out", "--regions", "all"],
            "--app names the accounts and Regions already: leave out --accounts and --regions, or --app",
        ),
    ],
)
def test_status_refuses_wrong_accounts_and_regions(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
) -> None:
    see(monkeypatch, with_instances(1))

    result = status(*arguments)

    assert (result.exit_code, result.stderr) == (1, f"Error: {line}\n")
