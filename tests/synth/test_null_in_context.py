"""null in cdk.json, through the app: it is neither lost nor taken for a key left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.synth.builders import INSTANCE
from tests.synth.test_app import run, run_here

WEB: dict[str, Any] = {"instance_tags": {"app": ["web"]}}


def days_by_stack(folder: Path) -> dict[str, list[int]]:
    """How long the log groups of each stack keep log events."""
    found = {path.name.partition(".")[0]: json.loads(path.read_text()) for path in folder.glob("*.template.json")}
    return {
        stack: [
            one["Properties"]["RetentionInDays"]
            for one in template["Resources"].values()
            if one["Type"] == "AWS::Logs::LogGroup"
        ]
        for stack, template in found.items()
    }


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        pytest.param(
            {"web": {"instance_tags": {"app": ["web"], "env": None}}},
            "instance_roles.web.instance_tags.env is None: Input should be a valid list",
            id="a tag, without which more instances are selected",
        ),
        pytest.param({"web": WEB, "gone": None}, "instance_roles.gone is None: give a map", id="an entry"),
        pytest.param(
            {"web": {**WEB, "timeout_minutes": None}}, "instance_roles.web.timeout_minutes is None", id="a timeout"
        ),
        pytest.param(
            {"web": {**WEB, "enforcement": {"mode": "repair", "max_changes": None}}},
            "instance_roles.web.enforcement.max_changes is None",
            id="a limit to what is changed",
        ),
        pytest.param(
            {"web": {**WEB, "rollout": {"first": 1, "max_failures": None}}},
            "instance_roles.web.rollout.max_failures is None",
            id="a limit to what may fail",
        ),
        pytest.param(
            {"web": {"instance_ids": [INSTANCE, None]}}, "instance_roles.web.instance_ids[1] is None", id="an id"
        ),
    ],
)
def test_null_is_refused_with_entry_and_key(roles: dict[str, Any], message: str, tmp_path: Path) -> None:
    finished = run_here({"instance_roles": roles}, tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.startswith(f"error: {message}")


def test_null_is_refused_in_a_context_that_is_too_large_for_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "context-overflow.json"
    file.write_text(json.dumps({"instance_roles": {"web": WEB, "gone": None}}), encoding="utf-8")
    monkeypatch.setenv("CONTEXT_OVERFLOW_LOCATION_ENV", str(file))
    finished = run({}, tmp_path / "cdk.out")
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: instance_roles.gone is None: give a map")


def test_null_in_settings_gives_a_key_back_to_its_default(tmp_path: Path) -> None:
    here, there = ({"account": account, "regions": ["eu-west-1"]} for account in ("111122223333", "444455556666"))
    roles = {
        "web": {**WEB, "environments": [{**here, "settings": {"log_retention_days": None}}, there]},
        "api": {"instance_tags": {"app": ["api"]}, "settings": {"log_retention_days": None}},
    }
    finished = run({"instance_roles": roles, "instance_role_settings": {"log_retention_days": 365}}, tmp_path)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert days_by_stack(tmp_path) == {
        "InstanceRole-web-111122223333-eu-west-1": [90],
        "InstanceRole-web-444455556666-eu-west-1": [365],
        "InstanceRole-api": [90],
    }
