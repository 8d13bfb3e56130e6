"""What can be wrong with a command, its environment or its credentials: one clear line each, and never a traceback.

Nothing gets to a real AWS: either a stand-in answers, or the environment names an endpoint on this machine.
"""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from aws_cdk import NestedStack, Stack
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from click.testing import CliRunner, Result

from cdk_instance_role.cli.main import cli
from cdk_instance_role.cli.template import assembly
from cdk_instance_role.cli.template.assembly import StackArtifact
from cdk_instance_role.cli.template.deployed_stack import DeployedStack
from localaws.environment import is_local, local_environment
from tests.cli.cloud import Cloud, refusal
from tests.cli.servers import Servers, new_app, synthesized, write_assembly, written
from tests.cli.template.test_assembly import in_two_regions, with_nested_stacks
from tests.synth.builders import ACCOUNT, IRELAND, REGION

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there."""
FLEET, WITHOUT = Servers(), Servers(associated=False)
LOOKS = ("plan", "status")
COMMANDS = (*LOOKS, "reconcile")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def on(servers: Servers, command: str, *arguments: str) -> Result:
    """A command on the assembly of a stack."""
    return run(command, "--app", str(synthesized(servers).folder), *arguments)


def the_line(result: Result) -> str:
    """The one line that a command ends with that could not do its job."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert not result.stdout
    (line,) = result.stderr.splitlines()
    return line


# Arguments


def test_fails_when_there_is_no_assembly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert the_line(run("plan")).startswith("Error: there is no cloud assembly in cdk.out: run `cdk synth` first")


@pytest.mark.parametrize("command", COMMANDS)
def test_fails_when_the_app_fails_and_shows_its_output_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    fake_cli(tmp_path, monkeypatch, prints=["  one\x1b[2J", "two", "app: Subprocess exited with error 7"])

    result = run(command, "--app", "app")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == ["  one [2J", "Error: the app `app` failed with exit status 7: two"]


def fake_cli(folder: Path, monkeypatch: pytest.MonkeyPatch, prints: list[str]) -> None:
    """Use a CLI that prints this and fails in place of that of the project."""
    programs = folder / "node_modules" / ".bin"
    programs.mkdir(parents=True)
    text = "\n".join(prints)
    (programs / "cdk").write_text(f"#!/bin/sh\ncat <<'EOF'\n{text}\nEOF\nexit 1\n")
    (programs / "cdk").chmod(0o755)
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("app", ["", " "])
def test_fails_when_the_app_is_an_empty_text(command: str, app: str) -> None:
    assert the_line(run(command, "--app", app)).startswith("Error: --app is empty: name the folder of an assembly, or")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("exists", [True, False])
def test_fails_when_context_is_given_together_with_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, exists: bool
) -> None:
    if exists:
        write_assembly(tmp_path / "cdk.out", Web={})
    monkeypatch.chdir(tmp_path)

    assert the_line(run(command, "-c", "stage=prod")) == (
        "Error: -c has no effect on cdk.out, which is the folder of an assembly: give --app the command of the app, "
        "such as 'python app.py', or leave -c out"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_fails_when_a_stack_is_unknown(cloud: Cloud, command: str) -> None:
    line = the_line(on(FLEET, command, "Typo"))

    assert line == "Error: there is no stack Typo in the assembly, only Servers"
    assert not cloud.traffic.calls


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("pair", ["stage", "=prod", ""])
def test_fails_when_context_is_not_a_pair(command: str, pair: str) -> None:
    app = f"{sys.executable} -c pass"

    assert the_line(run(command, "--app", app, "-c", pair)) == f"Error: --context {pair!r} is no KEY=VALUE"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("cloud")
def test_fails_when_context_is_not_a_pair_although_no_app_is_run(command: str) -> None:
    assert the_line(on(FLEET, command, "-c", "stage")) == "Error: --context 'stage' is no KEY=VALUE"


@pytest.mark.parametrize(
    "arguments", [["plan", "--format", "xml"], ["status", "--colour"], ["apply"], ["--bogus"], ["plan", "--app"]]
)
def test_fails_when_an_option_or_command_is_unknown_and_does_not_say_that_there_are_changes(
    arguments: list[str],
) -> None:
    result = run(*arguments)

    assert result.exit_code == 1
    assert "Error: " in result.stderr
    assert "Traceback" not in result.output


def test_shows_its_help() -> None:
    assert run("--help").exit_code == 0
    assert "Exit status: 0 nothing to do, 2 changes" in run("plan", "-h").stdout


def test_an_error_contains_no_control_characters_for_a_terminal(tmp_path: Path) -> None:
    folder = write_assembly(tmp_path, **{"Web\x1b]0;title\x07\u202e\u3164": {}})

    line = the_line(run("plan", "--app", str(folder), "Ty\x9bpo"))

    assert line == "Error: there is no stack Ty po in the assembly, only Web ]0;title"


def test_a_warning_contains_no_control_characters_for_a_terminal(cloud: Cloud, tmp_path: Path) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:cdk:path": "Web/Ne\x1b[2Jst\ned/Resource"}}
    folder = write_assembly(tmp_path, Web={"Resources": {"A": nested}})

    result = run("plan", "--app", str(folder))

    assert not cloud.traffic.calls
    assert result.stderr == "warning: Web: Ne [2Jst ed is not shown: its template is not in the assembly\n"


# What is deployed


@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize("deployed", [True, False])
def test_says_that_there_are_no_associations(cloud: Cloud, command: str, deployed: bool) -> None:
    if deployed:
        cloud.deploy(synthesized(WITHOUT))

    result = on(WITHOUT, command)

    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["There are no associations."]


@pytest.mark.parametrize("command", LOOKS)
def test_says_that_there_are_no_associations_in_an_app_without_stacks(tmp_path: Path, command: str) -> None:
    result = run(command, "--app", str(write_assembly(tmp_path)))

    assert (result.exit_code, result.stdout, result.stderr) == (0, "There are no associations.\n", "")


@pytest.mark.usefixtures("cloud")
def test_plans_a_stack_that_was_never_deployed() -> None:
    result = on(FLEET, "plan", "--format", "json")

    assert result.exit_code == 2
    assert not result.stderr
    (plan,) = json.loads(result.stdout)["associations"]
    assert (plan["event"], plan["instances"][0]["verb"]) == ("create", "associate")


@pytest.mark.usefixtures("cloud")
def test_says_that_a_stack_was_never_deployed() -> None:
    result = on(FLEET, "status")

    assert result.exit_code == 0
    assert result.stderr == "warning: stack Servers is not deployed in eu-west-1\n"


@pytest.mark.usefixtures("cloud")
def test_says_that_a_stack_is_not_in_the_region(tmp_path: Path) -> None:
    result = run("status", "--app", str(write_assembly(tmp_path, Web={})), "--region", "us-east-1")

    assert result.exit_code == 0
    assert result.stderr == "warning: stack Web is not deployed in us-east-1\n"


def test_shows_a_deployed_stack(cloud: Cloud) -> None:
    cloud.deploy(synthesized(FLEET))

    assert on(FLEET, "plan").exit_code == 0
    result = on(FLEET, "status", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(json.loads(result.stdout)["associations"][0]["instances"]) == 1


@pytest.mark.usefixtures("cloud")
def test_plans_associations_in_nested_stacks() -> None:
    result = run("plan", "--app", str(with_nested_stacks().folder), "--format", "json")

    assert (result.exit_code, result.stderr) == (3, ""), "both select the same instances"
    assert [(plan["stack"], plan["association"]) for plan in json.loads(result.stdout)["associations"]] == [
        ("Outer", "Fleet/Web/Fleet"),
        ("Outer", "Middle/Innermost/Web/Fleet"),
    ]


@pytest.mark.usefixtures("cloud")
def test_says_which_nested_stacks_are_not_shown(tmp_path: Path) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Metadata": {"aws:cdk:path": "Web/Fleet.NestedStack/Resource"}}

    result = run("plan", "--app", str(write_assembly(tmp_path, Web={"Resources": {"A": nested}})))

    assert result.exit_code == 0
    assert result.stderr == ("warning: Web: Fleet.NestedStack is not shown: its template is not in the assembly\n")


@pytest.mark.usefixtures("cloud")
def test_plans_stacks_of_the_same_name_in_several_regions() -> None:
    result = run("plan", "--app", str(in_two_regions()[0].folder.parent), "--format", "json")

    plans = json.loads(result.stdout)["associations"]
    assert {(plan["stack"], plan["region"]) for plan in plans} == {("Servers", "eu-west-1"), ("Servers", "us-east-1")}


@pytest.mark.usefixtures("cloud")
def test_plans_the_stack_in_the_region_that_is_named() -> None:
    result = run("plan", "America/Servers", "--app", str(in_two_regions()[0].folder.parent), "--format", "json")

    assert [plan["region"] for plan in json.loads(result.stdout)["associations"]] == ["us-east-1"]


def test_sees_changes_of_a_role_by_a_stack_of_another_region(cloud: Cloud, tmp_path: Path) -> None:
    servers = synthesized(Servers(role_name="web"))
    cloud.deploy(servers)
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    properties = {"PolicyName": "data", "Roles": ["web"], "PolicyDocument": {"Statement": [statement]}}
    policy = {"Type": "AWS::IAM::Policy", "Properties": properties}
    folder = write_assembly(tmp_path, Servers=servers.template, Global={"Resources": {"Data": policy}})
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["artifacts"]["Global"]["environment"] = f"aws://{ACCOUNT}/us-east-1"
    (folder / "manifest.json").write_text(json.dumps(manifest))

    gained = []
    for names in ((), ("Servers",)):
        result = run("plan", *names, "--app", str(folder), "--region", REGION, "--format", "json")
        (plan,) = json.loads(result.stdout)["associations"]
        gained.append([action for change in plan["permissions"] for action in change["actions_gained"]])

    assert gained == [["sqs:* on *"], []]


@pytest.mark.parametrize("command", COMMANDS)
def test_fails_when_the_credentials_are_for_another_account(cloud: Cloud, command: str) -> None:
    cloud.aws.account = "999999999999"

    assert the_line(on(FLEET, command)).startswith("Error: role arn:${AWS::Partition}:iam::111122223333:role/cdk-")


@pytest.mark.usefixtures("cloud")
def test_uses_no_values_of_a_stack_for_another_account(tmp_path: Path) -> None:
    (association,) = synthesized(FLEET).associations.values()
    imported = {**association["Properties"], "InstanceProfileArn": {"Fn::ImportValue": "Shared:Profile"}}
    output = {"Value": "arn:aws:iam::999999999999:instance-profile/Web", "Export": {"Name": "Shared:Profile"}}
    folder = write_assembly(
        tmp_path,
        Fleet={"Resources": {"Fleet": {**association, "Properties": imported}}},
        Stranger={"Outputs": {"Profile": output}},
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["artifacts"]["Stranger"]["environment"] = f"aws://999999999999/{REGION}"
    (folder / "manifest.json").write_text(json.dumps(manifest))

    result = run("plan", "Fleet", "--app", str(folder), "--region", REGION)

    assert result.exit_code == 1
    assert "what is wanted: no stack exports Shared:Profile yet" in result.stdout


def test_treats_a_stack_without_a_region_as_one_in_the_region_of_the_environment(cloud: Cloud, tmp_path: Path) -> None:
    (association,) = synthesized(FLEET).associations.values()
    imported = {
        **association["Properties"],
        "InstanceProfileArn": {"Fn::ImportValue": "Shared:Profile"},
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/Web",
    }
    folder = write_assembly(
        tmp_path,
        Fleet={"Resources": {"Fleet": {**association, "Properties": imported}}},
        Base={"Outputs": {"Profile": {"Value": cloud.web, "Export": {"Name": "Shared:Profile"}}}},
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["artifacts"]["Base"]["environment"] = f"aws://{ACCOUNT}/{REGION}"
    (folder / "manifest.json").write_text(json.dumps(manifest))

    result = run("plan", "--app", str(folder), "--format", "json")

    (plan,) = json.loads(result.stdout)["associations"]
    assert (plan["unseen"], [one["verb"] for one in plan["instances"]]) == ([], ["associate"])


def test_reads_a_deployed_template_that_is_yaml(cloud: Cloud) -> None:
    deployed = cloud.deploy(synthesized(FLEET))
    text = yaml.safe_dump(deployed.template)
    cloud.cloudformation.get_template = lambda **_: {"TemplateBody": text}  # type: ignore[method-assign]

    assert [on(FLEET, command).exit_code for command in LOOKS] == [0, 0]


UNREADABLE = "whether stack {} is deployed in eu-west-1: its template can't be read: it is neither JSON nor YAML"


@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize("format_", ["table", "markdown", "json"])
def test_names_a_stack_whose_template_cannot_be_read_and_shows_the_others(
    cloud: Cloud, tmp_path: Path, command: str, format_: str
) -> None:
    deployed = cloud.deploy(synthesized(FLEET))
    broken = DeployedStack("arn:the-broken-stack", {"Resources": {}}, {})
    cloud.cloudformation.stacks |= {"Fleet": deployed, "Broken": broken}
    cloud.cloudformation.break_templates("Broken")
    folder = write_assembly(tmp_path, Fleet=synthesized(FLEET).template, Broken={"Resources": {}})

    result = run(command, "--app", str(folder), "--format", format_)

    assert result.exit_code == 1
    assert UNREADABLE.format("Broken") in " ".join(result.stdout.replace("`", "").split())
    assert "i-00000000000000001" in result.stdout


@pytest.mark.parametrize("command", LOOKS)
def test_ends_with_an_error_when_the_template_of_an_association_cannot_be_read(cloud: Cloud, command: str) -> None:
    cloud.deploy(synthesized(FLEET))
    cloud.cloudformation.break_templates("Servers")

    result = on(FLEET, command, "--format", "json")

    (association,) = json.loads(result.stdout)["associations"]
    assert result.exit_code == 1
    assert any(one.startswith(UNREADABLE.format("Servers")) for one in association["unseen"])


# Access denied


@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize("format_", ["table", "markdown", "json"])
def test_says_what_may_not_be_read_and_ends_with_an_error(cloud: Cloud, command: str, format_: str) -> None:
    cloud.cloudformation.refuse("DescribeStacks")

    result = on(FLEET, command, "--format", format_)

    assert result.exit_code == 1
    said = " ".join(result.stdout.replace("`", "").split())
    assert "whether stack Servers is deployed in eu-west-1: not allowed" in said
    assert not result.stderr


@pytest.mark.parametrize("command", LOOKS)
def test_warns_of_a_stack_that_may_not_be_read_and_has_no_associations(cloud: Cloud, command: str) -> None:
    cloud.cloudformation.refuse("DescribeStacks")

    result = on(WITHOUT, command)

    assert result.exit_code == 0
    assert result.stderr == "warning: whether stack Servers is deployed in eu-west-1: not allowed (DescribeStacks)\n"


@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize(
    "error",
    [
        refusal("DescribeStacks", "Throttling", "Rate exceeded"),
        refusal("DescribeStacks", "ServiceUnavailable", "Try again"),
        EndpointConnectionError(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com/"),
    ],
    ids=["throttled", "unavailable", "unreachable"],
)
def test_fails_when_a_stack_that_may_lose_associations_cannot_be_seen(
    cloud: Cloud, command: str, error: ClientError | BotoCoreError
) -> None:
    cloud.deploy(synthesized(FLEET))
    cloud.cloudformation.refused["DescribeStacks"] = error

    result = on(WITHOUT, command, "--format", "json")

    assert result.exit_code == 1
    (unseen,) = json.loads(result.stdout)["unseen"]
    assert unseen.startswith("whether stack Servers is deployed in eu-west-1: ")
    assert not result.stderr


def nested(servers: Servers) -> StackArtifact:
    """A stack with a nested one that holds the servers."""
    app = new_app()
    servers.define(NestedStack(Stack(app, "Outer", env=IRELAND), "Inner"))
    (outer,) = assembly.read(written(app))
    return outer


@pytest.mark.parametrize("command", LOOKS)
def test_fails_when_a_nested_stack_that_may_lose_associations_may_not_be_read(cloud: Cloud, command: str) -> None:
    cloud.deploy(nested(FLEET))
    describe = cloud.cloudformation.describe_stacks

    def describe_outer_stack(StackName: str) -> Any:  # noqa: N803 - boto3's own name
        if StackName != "Outer":
            raise refusal("DescribeStacks")
        return describe(StackName)

    cloud.cloudformation.describe_stacks = describe_outer_stack  # type: ignore[method-assign]

    result = run(command, "--app", str(nested(WITHOUT).folder), "--format", "json")

    assert result.exit_code == 1
    (unseen,) = json.loads(result.stdout)["unseen"]
    assert unseen.startswith("whether nested stack InnerNestedStack")
    assert unseen.endswith("of stack Outer is deployed in eu-west-1: not allowed (DescribeStacks)")


@pytest.mark.parametrize("command", LOOKS)
def test_warns_of_nested_stacks_without_associations_around_which_no_stack_may_be_read(
    cloud: Cloud, command: str
) -> None:
    cloud.cloudformation.refuse("DescribeStacks")

    result = run(command, "--app", str(nested(WITHOUT).folder))

    assert result.exit_code == 0
    assert result.stderr == "warning: whether stack Outer is deployed in eu-west-1: not allowed (DescribeStacks)\n"


# Credentials


@pytest.mark.parametrize("command", LOOKS)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ExpiredToken", "Error: the AWS credentials have expired: log in again"),
        ("RequestExpired", "Error: the AWS credentials have expired: log in again"),
        ("InvalidClientTokenId", "Error: AWS does not accept the credentials (InvalidClientTokenId): log in again"),
    ],
)
def test_fails_when_the_credentials_expire_during_the_command(
    cloud: Cloud, command: str, code: str, message: str
) -> None:
    cloud.deploy(synthesized(FLEET))
    cloud.deny("DescribeInstances", code)

    assert the_line(on(FLEET, command)).startswith(message)


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """An endpoint on this machine that has the same answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the environment of the process one in which AWS is at an endpoint on this machine.

    A variable that is None is removed.
    """

    def change(endpoint: str = NOWHERE, **variables: str | None) -> None:
        new = local_environment(endpoint, account=ACCOUNT, region=REGION, home=str(tmp_path))
        assert is_local(new["AWS_ENDPOINT_URL"])
        for name in os.environ:
            if name.startswith("AWS_"):
                monkeypatch.delenv(name)
        for name, value in (new | variables).items():
            monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)

    return change


Environment = Callable[..., None]
NO_KEYS: Mapping[str, None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}


@pytest.mark.parametrize("command", COMMANDS)
def test_fails_when_there_are_no_credentials(environment: Environment, command: str) -> None:
    environment(**NO_KEYS)

    assert the_line(on(FLEET, command)).startswith("Error: there are no AWS credentials: log in again")


def test_fails_when_a_part_of_the_credentials_is_missing(environment: Environment) -> None:
    environment(AWS_SECRET_ACCESS_KEY=None)

    assert the_line(on(FLEET, "plan")).startswith("Error: there are no AWS credentials: log in again")


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "ExpiredToken", "Error: the AWS credentials have expired: log in again"),
        (403, "InvalidClientTokenId", "Error: AWS does not accept the credentials (InvalidClientTokenId)"),
        (403, "SignatureDoesNotMatch", "Error: AWS does not accept the credentials (SignatureDoesNotMatch)"),
        (403, "AccessDenied", "Error: AccessDenied: because"),
    ],
)
def test_fails_when_aws_refuses_the_credentials(environment: Environment, status: int, code: str, message: str) -> None:
    error = f"<ErrorResponse><Error><Code>{code}</Code><Message>because</Message></Error></ErrorResponse>"
    with answering(status, error) as endpoint:
        environment(endpoint, AWS_SESSION_TOKEN="token")

        assert the_line(on(FLEET, "plan")).startswith(message)


def test_fails_when_aws_cannot_be_reached(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    environment()

    assert the_line(on(FLEET, "plan")).startswith("Error: AWS can't be reached: Could not connect to the endpoint URL")


@pytest.mark.parametrize("command", COMMANDS)
def test_fails_when_no_region_is_known(environment: Environment, tmp_path: Path, command: str) -> None:
    environment(AWS_REGION=None, AWS_DEFAULT_REGION=None)
    folder = write_assembly(tmp_path, Web={})

    assert the_line(run(command, "--app", str(folder))).startswith("Error: no Region is known: set AWS_REGION")


def test_fails_when_the_region_does_not_exist(environment: Environment, tmp_path: Path) -> None:
    environment()
    folder = write_assembly(tmp_path, Web={})

    assert "eu west" in the_line(run("plan", "--app", str(folder), "--region", "eu west"))


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
@pytest.mark.parametrize("command", COMMANDS)
def test_fails_when_an_endpoint_is_not_a_url(environment: Environment, command: str, name: str) -> None:
    environment(**{name: "localhost"})

    line = the_line(on(FLEET, command))

    assert line.startswith("Error: no client for ")
    assert ": Invalid endpoint: localhost: correct AWS_ENDPOINT_URL" in line


def test_fails_when_the_profile_is_unknown(environment: Environment) -> None:
    environment(AWS_PROFILE="typo")

    line = the_line(on(FLEET, "plan"))

    assert line == "Error: The config profile (typo) could not be found: correct AWS_PROFILE"


def test_fails_when_a_credential_process_fails(environment: Environment, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile dev]\nregion = {REGION}\ncredential_process = false\n")
    environment(AWS_PROFILE="dev", AWS_CONFIG_FILE=str(config), **NO_KEYS)

    assert the_line(on(FLEET, "plan")).startswith("Error: the AWS credentials can't be renewed: log in again")


SSO = "sso_account_id = 111122223333\nsso_role_name = Dev\nregion = eu-west-1\n"
START = "sso_start_url = https://example.invalid/start\nsso_region = eu-west-1\n"


@pytest.mark.parametrize(
    ("config", "cached_as"),
    [
        (f"[profile dev]\n{SSO}{START}", "https://example.invalid/start"),
        (f"[profile dev]\nsso_session = corp\n{SSO}[sso-session corp]\n{START}", "corp"),
    ],
)
@pytest.mark.parametrize("expired", [True, False])
def test_fails_when_the_login_has_expired_or_is_missing(
    tmp_path: Path, config: str, cached_as: str, expired: bool
) -> None:
    (tmp_path / "config").write_text(config)
    cache_ = tmp_path / ".aws" / "sso" / "cache"
    cache_.mkdir(parents=True)
    token = {"accessToken": "token", "expiresAt": "2020-01-01T00:00:00Z", "region": REGION}
    if expired:
        name = hashlib.sha1(cached_as.encode(), usedforsecurity=False).hexdigest()
        (cache_ / f"{name}.json").write_text(json.dumps(token))
    # In a separate process: botocore fixes the folder of the tokens when it is loaded.
    environment = local_environment(NOWHERE, account=ACCOUNT, region=REGION, home=str(tmp_path))
    environment |= {"AWS_PROFILE": "dev", "AWS_CONFIG_FILE": str(tmp_path / "config")}
    for name in NO_KEYS:
        del environment[name]

    command = [sys.executable, "-m", "cdk_instance_role.cli", "plan", "--app", str(synthesized(FLEET).folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert done.returncode == 1
    assert not done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "Error: the AWS credentials can't be renewed: log in again, for example with `aws sso login`"
    )
