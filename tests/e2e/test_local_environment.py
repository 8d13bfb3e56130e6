"""Nothing may reach a real AWS account, whatever is in the environment of the caller."""

import os
from pathlib import Path

import pytest

from localaws.environment import NotLocalError, is_local, local_environment, only, refuse_remote
from localaws.ministack import LocalAws
from tests.simulator.hosting import SimulatedAws


def environment(**changes: str | None) -> dict[str, str]:
    local = local_environment("http://127.0.0.1:4566", account="111122223333", region="eu-west-1", home="/home/local")
    return {name: value for name, value in {**local, **changes}.items() if value is not None}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of somebody who works with real accounts."""
    (tmp_path / "config").write_text("[profile production]\nregion = us-east-1\n")
    for name, value in {
        "AWS_PROFILE": "production",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_ACCESS_KEY_ID": "real",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_EC2": "https://ec2.us-east-1.amazonaws.com",
        "AWS_CA_BUNDLE": str(tmp_path / "none.pem"),
        "HTTP_PROXY": "http://proxy.example.com",
        "HTTPS_PROXY": "http://proxy.example.com",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.2/credentials",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("credentials")
def test_nothing_of_the_callers_credentials_is_passed_on() -> None:
    passed_on = environment()
    assert "real" not in passed_on.values()
    assert {name for name in passed_on if name.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
    assert not [name for name in passed_on if name.endswith("PROXY") and name != "NO_PROXY"]


@pytest.mark.usefixtures("credentials")
def test_clients_call_the_local_aws_only(tmp_path: Path) -> None:
    aws = LocalAws(tmp_path)
    for service in ("ec2", "iam", "dynamodb", "cloudformation"):
        client = aws.client(service)
        assert client.meta.endpoint_url == aws.endpoint
        assert client.meta.region_name == aws.region
        client.close()


@pytest.mark.usefixtures("credentials")
def test_clients_call_the_simulator_about_instances_and_the_local_aws_for_everything_else(tmp_path: Path) -> None:
    aws = SimulatedAws(tmp_path)
    urls = {service: aws.client(service).meta.endpoint_url for service in ("ec2", "iam", "dynamodb", "lambda")}
    assert urls["dynamodb"] == urls["lambda"] == aws.endpoint
    assert urls["ec2"] == urls["iam"] != aws.endpoint
    assert all(is_local(url) for url in urls.values())


@pytest.mark.usefixtures("credentials")
def test_the_callers_environment_is_restored_afterwards() -> None:
    before = dict(os.environ)
    with only(environment()):
        assert os.environ.get("AWS_PROFILE") is None
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "endpoint", ["https://ec2.eu-west-1.amazonaws.com", "http://169.254.169.254", "http://127.0.0.1.example.com", ""]
)
def test_refuses_an_endpoint_that_is_not_on_this_machine(endpoint: str) -> None:
    with pytest.raises(NotLocalError, match="AWS_ENDPOINT_URL must name a loopback address"):
        local_environment(endpoint, account="111122223333", region="eu-west-1", home="/home/local")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"AWS_ENDPOINT_URL": None}, "AWS_ENDPOINT_URL must name a loopback address"),
        ({"AWS_ENDPOINT_URL_EC2": "https://ec2.eu-west-1.amazonaws.com"}, "AWS_ENDPOINT_URL must name a loopback"),
        ({"AWS_SECRET_ACCESS_KEY": "real"}, "credentials must be the fake ones"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "credentials must be the fake ones"),
        ({"AWS_SESSION_TOKEN": "real"}, "credentials must be the fake ones"),
        ({"AWS_EC2_METADATA_DISABLED": None}, "AWS_EC2_METADATA_DISABLED must be true"),
        ({"AWS_CONFIG_FILE": None}, "must name no file"),
        ({"AWS_SHARED_CREDENTIALS_FILE": "/home/someone/.aws/credentials"}, "must name no file"),
        ({"AWS_PROFILE": "production"}, "AWS_PROFILE"),
    ],
)
def test_refuses_an_environment_that_could_reach_a_real_account(changes: dict[str, str | None], complaint: str) -> None:
    with pytest.raises(NotLocalError, match=complaint):
        refuse_remote(environment(**changes))


def test_refuses_a_service_that_is_not_on_this_machine(tmp_path: Path) -> None:
    with pytest.raises(NotLocalError, match="AWS_ENDPOINT_URL_EC2"):
        LocalAws(tmp_path, endpoints={"EC2": "https://ec2.eu-west-1.amazonaws.com"})


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_EC2", "AWS_PROFILE", "AWS_SESSION_TOKEN"])
def test_refuses_to_let_functions_inherit_what_could_reach_a_real_account(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotLocalError), LocalAws(tmp_path, inherited={name: "https://ec2.eu-west-1.amazonaws.com"}):
        pass


def test_refuses_to_start_anything_once_the_environment_is_no_longer_local(tmp_path: Path) -> None:
    aws = LocalAws(tmp_path)
    aws.environment["AWS_ENDPOINT_URL"] = "https://sts.eu-west-1.amazonaws.com"
    with pytest.raises(NotLocalError):
        aws.client("ec2")
    with pytest.raises(NotLocalError), aws:
        pass
