"""Two accounts and two Regions: deploy, plan, a conflict in one account, drift in another, bad input, destroy.

The stacks of the second account are deployed through its bootstrap roles. The local AWS itself lets everyone assume any
role, even one that does not exist, has all Regions enabled, and its credentials do not expire. An endpoint in front of
it refuses what AWS refuses: `tests.e2e.accounts.AccountChecks`. Only ``instance-role`` uses it, not the CDK CLI.
"""

import json

import pytest

from localaws.cdk import Cdk
from localaws.environment import local_environment
from localaws.ministack import LocalAws, free_port
from localaws.validation import WITHOUT_VALIDATION
from tests.e2e.accounts import AccountChecks, in_account
from tests.e2e.assemblies import SynthesizedOnce
from tests.e2e.commands import Commands
from tests.e2e.two_accounts import FIRST, IRELAND, SECOND, THIRD, VIRGINIA, Estate, Operator, Place, Played
from tests.simulator.endpoint import LOOPBACK, endpoint

IN_ORDER: dict[Place, int] = {
    ("111122223333", "eu-west-1"): 0,
    ("111122223333", "us-east-1"): 0,
    ("444455556666", "eu-west-1"): 0,
    ("444455556666", "us-east-1"): 0,
}
EXPIRED = "the AWS credentials have expired: log in again, for example with `aws sso login`, or set AWS_PROFILE"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder, empty = tmp_path_factory.mktemp("accounts"), tmp_path_factory.mktemp("empty")
    with LocalAws(folder) as aws:
        accounts = {account: in_account(aws, account) for account in (FIRST, SECOND, THIRD)}
        bootstrap(accounts[FIRST])
        bootstrap(accounts[SECOND])
        add_role(accounts[SECOND], "Auditor", trusts=FIRST)
        add_role(accounts[SECOND], "Closed", trusts=SECOND)
        checks = AccountChecks(aws.endpoint, {account: one.client("iam") for account, one in accounts.items()})
        port = free_port()
        environment = local_environment(f"http://{LOOPBACK}:{port}", account=FIRST, region=IRELAND, home=str(folder))
        operator = Operator({**environment, **WITHOUT_VALIDATION}, empty)
        with endpoint(port, checks.answer, aws.endpoint), Commands(accounts[FIRST]) as commands:
            return Estate(accounts, checks, operator, SynthesizedOnce(commands, folder / "assemblies")).play()


def bootstrap(aws: LocalAws) -> None:
    places = (f"aws://{aws.account}/{region}" for region in (IRELAND, VIRGINIA))
    policies = "--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess"
    trusting = "--trust", FIRST, "--trust-for-lookup", FIRST, *policies
    result = Cdk(aws, folder=aws.folder).run("bootstrap", *places, *trusting)
    assert result.ok, result.output


def add_role(aws: LocalAws, name: str, *, trusts: str) -> None:
    statement = {"Effect": "Allow", "Principal": {"AWS": trusts}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)


def not_assumed(role: str, advice: str) -> str:
    """What is said of a role, with the words of STS."""
    caller = "arn:aws:iam::111122223333:root"
    denial = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"
    return f"role {role} can't be assumed: AccessDenied: {denial}: {advice}"


def test_a_plan_has_a_line_for_each_account_and_region(played: Played) -> None:
    lines = [" ".join(line.split()) for line in played.first_plan.output.splitlines()]
    assert played.first_plan.status == 2
    for account, region in IN_ORDER:
        assert f"{account} {region} changes 1 1 associate, 1 replace" in lines
        assert [line for line in lines if line.startswith(f"account {account}, {region}: 1 association, ")]


def test_the_other_account_is_read_through_the_lookup_roles_of_its_regions(played: Played) -> None:
    assert played.roles == [
        "arn:aws:iam::444455556666:role/cdk-hnb659fds-lookup-role-444455556666-eu-west-1",
        "arn:aws:iam::444455556666:role/cdk-hnb659fds-lookup-role-444455556666-us-east-1",
    ]


def test_one_deployment_gives_all_instances_a_profile_of_their_own_account_and_region(played: Played) -> None:
    assert played.deployed.ok, played.deployed.output
    for (account, region), seen in played.during.items():
        path = f"arn:aws:iam::{account}:instance-profile/cdk-instance-role/InstanceRole-web-{account}-{region}/"
        assert [reader.name for reader in seen if (reader.profile_arn or "").startswith(path)] == ["web-1", "web-2"]


def test_after_the_deployment_there_is_nothing_to_do_anywhere(played: Played) -> None:
    assert played.said["plan"].status == 0
    assert played.said["plan"].results == IN_ORDER


@pytest.mark.parametrize(
    ("how", "places"),
    [
        ("here", [("111122223333", "eu-west-1")]),
        ("regions", [("111122223333", "eu-west-1"), ("111122223333", "us-east-1")]),
        ("all regions", [("111122223333", "eu-west-1"), ("111122223333", "us-east-1")]),
        ("accounts", [*IN_ORDER]),
    ],
)
def test_status_finds_what_is_deployed_without_an_assembly(played: Played, how: str, places: list[Place]) -> None:
    said = played.said[how]
    assert said.status == 0
    assert said.results == dict.fromkeys(places, 0)
    assert [*said.named("web-1")] == [*said.named("web-2")] == places
    assert {one["previous"]["name"] for one in said.named("web-2").values()} == {"OldProfile"}


def test_a_conflict_is_reported_in_its_account_and_region_only(played: Played) -> None:
    said = played.said["conflict"]
    assert said.status == 3
    assert said.results == {**IN_ORDER, ("444455556666", "eu-west-1"): 3}
    assert {place: one["verb"] for place, one in said.named("db-1").items()} == {
        ("444455556666", "eu-west-1"): "conflict"
    }
    assert {one["verb"] for name in ("web-1", "web-2") for one in said.named(name).values()} == {"keep"}


def test_drift_is_reported_in_its_account_and_region_only(played: Played) -> None:
    said = played.said["drift"]
    assert said.status == 2
    assert said.results == {**IN_ORDER, ("111122223333", "us-east-1"): 2}
    assert [place for place, one in said.named("web-1").items() if one["drift"]] == [("111122223333", "us-east-1")]
    assert [place for place, one in said.named("web-2").items() if one["drift"]] == []


@pytest.mark.parametrize(("how", "role"), [("no role", "Nobody"), ("closed role", "Closed")])
def test_a_role_that_cannot_be_assumed_hides_no_other_account(played: Played, how: str, role: str) -> None:
    said = played.said[how]
    reason = not_assumed(
        f"arn:aws:iam::444455556666:role/{role}",
        "it has to exist, its trust policy has to allow account 111122223333, and you have to be allowed "
        "sts:AssumeRole on it: correct that, or name another role",
    )
    assert said.status == 1
    assert said.results == {**IN_ORDER, ("444455556666", "eu-west-1"): 1, ("444455556666", "us-east-1"): 1}
    assert said.unseen == {("444455556666", "eu-west-1"): [reason], ("444455556666", "us-east-1"): [reason]}
    assert [*said.named("web-1")] == [("111122223333", "eu-west-1"), ("111122223333", "us-east-1")]


def test_status_of_all_regions_names_the_account_without_a_role(played: Played) -> None:
    said = played.said["no role for status"]
    assert said.status == 1
    assert said.results == {
        ("111122223333", "eu-west-1"): 0,
        ("111122223333", "us-east-1"): 0,
        ("444455556666", "all"): 1,
    }


def test_an_account_without_bootstrap_hides_no_other(played: Played) -> None:
    said, place = played.said["account without bootstrap"], ("777788889999", "eu-west-1")
    bootstrap = "cdk bootstrap aws://777788889999/eu-west-1 --trust-for-lookup 111122223333"
    role = "arn:aws:iam::777788889999:role/cdk-hnb659fds-lookup-role-777788889999-eu-west-1"
    assert said.status == 1
    assert said.results == {**IN_ORDER, place: 1}
    assert said.unseen == {place: [not_assumed(role, f"bootstrap it with `{bootstrap}`, or use --role-name")]}


def test_a_region_without_bootstrap_hides_no_other_of_its_account(played: Played) -> None:
    said, place = played.said["Region without bootstrap"], ("444455556666", "eu-north-1")
    assert said.status == 1
    assert said.results == {**IN_ORDER, place: 1}
    assert [*said.unseen] == [place]
    assert "bootstrap it with `cdk bootstrap aws://444455556666/eu-north-1 " in said.unseen[place][0]


def test_a_region_that_is_not_enabled_hides_no_other_of_its_account(played: Played) -> None:
    said, place = played.said["not enabled"], ("111122223333", "ap-east-1")
    assert said.status == 1
    assert said.results == {**IN_ORDER, place: 1}
    assert [*said.unseen] == [place]
    assert "a Region that is not enabled in the account accepts none" in said.unseen[place][0]


def test_status_says_that_a_region_is_not_enabled(played: Played) -> None:
    said, place = played.said["not enabled for status"], ("111122223333", "ap-east-1")
    assert said.status == 1
    assert said.results == {("111122223333", "eu-west-1"): 0, place: 1}
    assert "a Region that is not enabled in the account accepts none" in said.unseen[place][0]


@pytest.mark.parametrize("command", ["plan", "status"])
def test_credentials_that_expire_during_the_run_hide_nothing_else(played: Played, command: str) -> None:
    said, place = played.said[f"expired {command}"], ("444455556666", "us-east-1")
    assert said.status == 1
    assert said.results == {**IN_ORDER, place: 1}
    assert said.unseen == {place: [EXPIRED]}


def test_after_the_stacks_are_deleted_every_instance_is_as_it_was(played: Played) -> None:
    assert played.destroyed.ok, played.destroyed.output
    assert played.after == played.before
    assert [(one.name, one.profile) for seen in played.after.values() for one in seen] == [
        ("web-1", None),
        ("web-2", "OldProfile"),
    ] * 4
    assert played.said["destroyed"].status == 0
    assert played.said["destroyed"].document["associations"] == []
