"""The Region of stacks that name none. The expected ones are those that the CDK CLI gives an app as
CDK_DEFAULT_REGION."""

from pathlib import Path

import pytest

from cdk_instance_role.cli.aws.accounts import Accounts
from cdk_instance_role.cli.model import CliError

CONFIG = """
[default]
region = eu-north-1

[profile audit]
region = eu-south-1

[profile bare]
output = json
"""


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file with the profiles; no variable of the environment names a Region."""
    regions = ("AWS_REGION", "AMAZON_REGION", "AWS_DEFAULT_REGION", "AMAZON_DEFAULT_REGION")
    for name in (*regions, "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(CONFIG)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path / "config"


@pytest.mark.parametrize(
    ("variables", "region"),
    [
        ({}, "eu-north-1"),
        ({"AWS_PROFILE": "audit"}, "eu-south-1"),
        ({"AWS_PROFILE": "bare"}, "eu-north-1"),
        ({"AWS_DEFAULT_PROFILE": "audit"}, "eu-south-1"),
        ({"AWS_PROFILE": "audit", "AWS_DEFAULT_PROFILE": "default"}, "eu-south-1"),
        ({"AWS_PROFILE": "bare", "AWS_DEFAULT_PROFILE": "audit"}, "eu-north-1"),
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AMAZON_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-3"),
        ({"AWS_REGION": "eu-west-1", "AMAZON_REGION": "eu-west-3"}, "eu-west-1"),
        ({"AMAZON_DEFAULT_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AMAZON_DEFAULT_REGION": "eu-west-3", "AWS_PROFILE": "audit"}, "eu-west-3"),
        ({"AWS_REGION": "eu-west-1", "AWS_PROFILE": "audit"}, "eu-west-1"),
    ],
)
def test_is_that_of_the_cdk_cli(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], region: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert Accounts().region == region


def test_is_that_of_the_option_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    assert Accounts("eu-west-2").region == "eu-west-2"


def test_of_a_profile_in_the_file_of_credentials_comes_first(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[default]\nregion = eu-central-2\n")

    assert Accounts().region == "eu-central-2"


def test_fails_when_nothing_names_one(configuration: Path) -> None:
    configuration.write_text("")

    with pytest.raises(CliError, match="no Region is known: set AWS_REGION"):
        _ = Accounts().region
