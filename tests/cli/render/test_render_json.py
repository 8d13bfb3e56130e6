"""JSON for programs, and the schemas that describe it."""

import copy
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from io import StringIO
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from rich.console import Console

from cdk_instance_role.cli import enforcement_plan, model, status_model
from cdk_instance_role.cli.model import SCHEMA_VERSION, Exit, PlanReport, Verb
from cdk_instance_role.cli.render import Format, render
from cdk_instance_role.cli.status_model import Report
from tests.cli import reports
from tests.cli.golden_files import REPORTS, reviewed
from tests.synth.builders import ROOT

KINDS = ("plan", "status")


def shown(report: Report) -> str:
    file = StringIO()
    render(report, Format.JSON, Console(file=file, width=20))
    return file.getvalue()


def schema(kind: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / "docs" / f"{kind}.schema.json").read_text()))


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object in a schema."""
    if isinstance(schema, dict):
        yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from parts(one)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, but what it does not describe is forbidden."""
    strict = copy.deepcopy(schema)
    for part in parts(strict):
        if part.get("type") == "object":
            part.setdefault("additionalProperties", False)
    return strict


@pytest.mark.parametrize("name", REPORTS)
def test_the_json_is_equal_to_the_reviewed_snapshot(name: str) -> None:
    found = shown(REPORTS[name])
    assert found == reviewed(f"{name}.json", found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_valid(kind: str) -> None:
    Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("name", REPORTS)
def test_the_schema_describes_every_key(name: str) -> None:
    document = json.loads(shown(REPORTS[name]))
    Draft202012Validator(closed(schema(document["kind"]))).validate(document)


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_of_the_schema_has_a_description(kind: str) -> None:
    described = [
        one
        for part in parts(schema(kind))
        if part.get("type") == "object"
        for one in part.get("properties", {}).values()
    ]
    assert described
    assert all(one.get("description") for one in described)


@pytest.mark.parametrize("name", ["plan-mixed", "status-drifted"])
def test_keys_may_be_added(name: str) -> None:
    document = json.loads(shown(REPORTS[name]))
    document["associations"][0]["instances"][0]["new"] = document["new"] = 1
    Draft202012Validator(schema(document["kind"])).validate(document)


@pytest.mark.parametrize("key", ["schema_version", "kind", "exit_status", "totals", "associations"])
def test_fails_when_a_key_is_missing(key: str) -> None:
    document = json.loads(shown(reports.mixed()))
    del document[key]
    with pytest.raises(ValidationError):
        Draft202012Validator(schema("plan")).validate(document)


def test_a_plan_does_not_match_the_schema_of_a_status() -> None:
    with pytest.raises(ValidationError):
        Draft202012Validator(schema("status")).validate(json.loads(shown(reports.kept())))


def test_every_field_of_the_model_is_in_the_json() -> None:
    documents = [json.loads(shown(report)) for report in REPORTS.values()]
    keys = {key for document in documents for part in parts(document) for key in part}
    models = (vars(model) | vars(status_model) | vars(enforcement_plan)).values()
    views = [one for one in models if isinstance(one, type) and is_dataclass(one)]
    assert {field.name for view in views for field in fields(view)} <= keys


def test_the_order_is_the_order_of_the_report() -> None:
    document = json.loads(shown(reports.huge(100)))
    ids = [one["id"] for one in document["associations"][0]["instances"]]
    assert ids == [reports.instance_id(number) for number in range(1, 101)]


def test_it_contains_the_exit_status_of_the_command() -> None:
    found = {name: json.loads(shown(report))["exit_status"] for name, report in REPORTS.items()}
    assert found == {
        "plan-empty": Exit.NOTHING,
        "plan-kept": Exit.NOTHING,
        "plan-mixed": Exit.ERROR,
        "plan-nasty": Exit.CONFLICTS,
        "plan-unread": Exit.ERROR,
        "plan-enforced": Exit.CHANGES,
        "plan-many": Exit.ERROR,
        "status-many": Exit.CHANGES,
        "status-in-order": Exit.NOTHING,
        "status-drifted": Exit.ERROR,
        "status-enforced": Exit.CHANGES,
    }


def test_the_totals_count_every_verb() -> None:
    totals = json.loads(shown(reports.huge(100)))["totals"]
    counts = dict.fromkeys(Verb, 0) | {Verb.KEEP: 98, Verb.REPLACE: 1, Verb.CONFLICT: 1}
    assert totals["verbs"] == counts
    assert totals["changes"] == 1


def test_tags_are_unchanged() -> None:
    instance = json.loads(shown(reports.nasty()))["associations"][0]["instances"][0]
    assert instance["name"] == reports.NASTY


def test_the_text_is_ascii() -> None:
    instance = reports.view(1, Verb.KEEP, "gehört dazu", name="東京")
    text = shown(PlanReport((reports.plan_of(instance),)))
    assert text.isascii()
    assert json.loads(text)["associations"][0]["instances"][0]["name"] == "東京"


def test_profiles_say_whether_the_deployment_creates_them() -> None:
    first, refused, _ = json.loads(shown(reports.mixed()))["associations"]
    assert first["profile"] == {"name": "Web/InstanceProfile", "role": None, "arn": None, "is_new": True}
    assert refused["profile"]["is_new"] is False


def test_the_schemas_describe_this_version() -> None:
    assert {schema(kind)["properties"]["schema_version"]["const"] for kind in KINDS} == {SCHEMA_VERSION}
