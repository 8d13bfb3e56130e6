"""Credentials for the accounts of a command."""

from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from cdk_instance_role.cli.aws.accounts import Accounts
from cdk_instance_role.cli.aws.clients import NoAccessError
from cdk_instance_role.cli.model import CliError
from cdk_instance_role.cli.template.assembly import LookupRole
from tests.synth.builders import ACCOUNT, REGION

OTHER = "444455556666"
LOOKUP = LookupRole(
    "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-hnb659fds-lookup-role-${AWS::AccountId}-${AWS::Region}",
    {"ExternalId": "shared"},
)


class Sts:
    """Answers the calls of all clients, as STS does."""

    def __init__(self) -> None:
        self.assumed: list[dict[str, Any]] = []
        self.denied = False
        self.trusting: str | None = None
        """Name of the only role that can be assumed. Default: all can."""
        self.key = ""
        """Id of the access key of the latest call."""

    def call(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        self.key = client._request_signer._credentials.access_key
        if operation == "GetCallerIdentity":
            return {"Account": ACCOUNT}
        assert operation == "AssumeRole", operation
        self.assumed.append(parameters)
        if self.denied or (self.trusting and not parameters["RoleArn"].endswith(f":role/{self.trusting}")):
            error: Any = {"Error": {"Code": "AccessDenied", "Message": "User is not authorized"}}
            raise ClientError(error, operation)
        return {"Credentials": {"AccessKeyId": "ASIA", "SecretAccessKey": "secret", "SessionToken": "token"}}


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Sts:
    sts = Sts()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *arguments: sts.call(*arguments))
    return sts


def test_assumes_no_role_in_the_account_of_the_credentials(sts: Sts) -> None:
    Accounts(REGION, "AuditReader").aws(ACCOUNT, REGION, LOOKUP).check()

    assert not sts.assumed


def test_assumes_the_lookup_role_of_a_stack_once(sts: Sts) -> None:
    accounts = Accounts(REGION)
    for _ in range(2):
        accounts.aws(OTHER, "cn-north-1", LOOKUP).check()

    assert sts.assumed == [
        {
            "RoleArn": "arn:aws-cn:iam::444455556666:role/cdk-hnb659fds-lookup-role-444455556666-cn-north-1",
            "RoleSessionName": "instance-role",
            "ExternalId": "shared",
        }
    ]


@pytest.mark.usefixtures("sts")
def test_clients_of_an_account_have_its_credentials() -> None:
    accounts = Accounts(REGION)

    clients: list[Any] = [accounts.aws(account, REGION, LOOKUP).ec2 for account in (ACCOUNT, OTHER, ACCOUNT)]

    keys = [client._request_signer._credentials.access_key for client in clients]
    assert keys == [ACCOUNT, "ASIA", ACCOUNT]


@pytest.mark.parametrize("name", ["team/AuditReader", "/team/AuditReader"])
def test_assumes_the_role_of_the_option_instead(sts: Sts, name: str) -> None:
    accounts = Accounts(REGION, name)
    for region in (REGION, "us-east-1"):
        accounts.aws(OTHER, region, LOOKUP).check()

    assert [one["RoleArn"] for one in sts.assumed] == ["arn:aws:iam::444455556666:role/team/AuditReader"]


def test_assumes_no_role_of_an_account_other_than_that_of_the_stack(sts: Sts) -> None:
    strange = LookupRole("arn:aws:iam::999999999999:role/lookup")

    with pytest.raises(NoAccessError) as raised:
        Accounts(REGION).aws(OTHER, REGION, strange).check()

    assert not sts.assumed
    assert str(raised.value) == (
        "the lookup role arn:aws:iam::999999999999:role/lookup is of another account than its stack, which is for "
        "444455556666: correct lookupRoleArn of the synthesizer, or use --role-name"
    )


def roles_of_two_qualifiers() -> list[LookupRole]:
    return [LookupRole(f"arn:aws:iam::{OTHER}:role/cdk-{name}-lookup-role") for name in ("first", "second")]


def test_assumes_the_first_lookup_role_that_it_may_assume(sts: Sts) -> None:
    sts.trusting = "cdk-second-lookup-role"
    accounts = Accounts(REGION)

    for _ in range(2):
        accounts.aws(OTHER, REGION, *roles_of_two_qualifiers()).check()

    assert [one["RoleArn"] for one in sts.assumed] == [
        "arn:aws:iam::444455556666:role/cdk-first-lookup-role",
        "arn:aws:iam::444455556666:role/cdk-second-lookup-role",
    ]


def test_assumes_no_other_lookup_role_after_the_first_one(sts: Sts) -> None:
    Accounts(REGION).aws(OTHER, REGION, *roles_of_two_qualifiers()).check()

    assert [one["RoleArn"] for one in sts.assumed] == ["arn:aws:iam::444455556666:role/cdk-first-lookup-role"]


def test_a_wrong_lookup_role_keeps_no_other_from_being_assumed(sts: Sts) -> None:
    wrong = LookupRole("arn:aws:iam::999999999999:role/lookup")

    Accounts(REGION).aws(OTHER, REGION, wrong, LOOKUP).check()

    assert len(sts.assumed) == 1


def test_says_of_each_lookup_role_why_it_cannot_be_assumed(sts: Sts) -> None:
    sts.denied = True

    with pytest.raises(NoAccessError) as raised:
        Accounts(REGION).aws(OTHER, REGION, *roles_of_two_qualifiers()).check()

    first, second = str(raised.value).split("; ")
    assert first.startswith("role arn:aws:iam::444455556666:role/cdk-first-lookup-role can't be assumed: AccessDenied")
    assert second.startswith(
        "role arn:aws:iam::444455556666:role/cdk-second-lookup-role can't be assumed: AccessDenied"
    )


def test_assumes_a_role_again_if_a_stack_has_other_options_for_it(sts: Sts) -> None:
    arn, accounts = f"arn:aws:iam::{OTHER}:role/lookup", Accounts(REGION)

    for external_id, region in (("one", REGION), ("two", "us-east-1")):
        accounts.aws(OTHER, region, LookupRole(arn, {"ExternalId": external_id})).check()

    assert [one["ExternalId"] for one in sts.assumed] == ["one", "two"]


def test_options_of_a_lookup_role_do_not_replace_the_role(sts: Sts) -> None:
    options = {"RoleArn": "arn:aws:iam::999999999999:role/other", "RoleSessionName": "audit"}

    Accounts(REGION).aws(OTHER, REGION, LookupRole(f"arn:aws:iam::{OTHER}:role/lookup", options)).check()

    assert sts.assumed == [{"RoleSessionName": "audit", "RoleArn": "arn:aws:iam::444455556666:role/lookup"}]


def test_says_how_to_allow_the_lookup_role_to_be_assumed(sts: Sts) -> None:
    sts.denied = True

    with pytest.raises(NoAccessError) as raised:
        Accounts(REGION).aws(OTHER, REGION, LOOKUP).check()

    assert str(raised.value) == (
        "role arn:aws:iam::444455556666:role/cdk-hnb659fds-lookup-role-444455556666-eu-west-1 can't be assumed: "
        "AccessDenied: User is not authorized: bootstrap it with `cdk bootstrap aws://444455556666/eu-west-1 "
        "--trust-for-lookup 111122223333`, or use --role-name"
    )


@pytest.mark.parametrize(("by_lookup_roles", "known"), [(True, ", and no lookup role is known for it"), (False, "")])
@pytest.mark.usefixtures("sts")
def test_says_that_there_is_no_role_to_assume(by_lookup_roles: bool, known: str) -> None:
    roles = [] if by_lookup_roles else [LOOKUP]

    with pytest.raises(NoAccessError) as raised:
        Accounts(REGION, by_lookup_roles=by_lookup_roles).aws(OTHER, REGION, *roles).check()

    assert str(raised.value) == (
        f"the credentials are for account 111122223333, not for 444455556666{known}: use --role-name, or credentials "
        "of that account"
    )


@pytest.mark.parametrize("name", ["arn:aws:iam::444455556666:role/AuditReader", "", "two words", "a" * 65])
def test_refuses_an_invalid_name_of_a_role(name: str) -> None:
    with pytest.raises(CliError) as raised:
        Accounts(REGION, name)

    assert str(raised.value) == (
        f"--role-name {name!r} is no name of a role: give its name without an ARN, such as AuditReader or "
        "team/AuditReader"
    )


def test_the_credentials_are_of_the_profile_that_the_region_is_of(
    sts: Sts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile one]\nregion = eu-north-1\n[profile two]\nregion = eu-south-1\n")
    (tmp_path / "credentials").write_text(
        "".join(f"[{name}]\naws_access_key_id = of-{name}\naws_secret_access_key = none\n" for name in ("one", "two"))
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "one")
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "two")
    accounts = Accounts()

    assert accounts.own == ACCOUNT
    assert (accounts.region, sts.key) == ("eu-north-1", "of-one")
