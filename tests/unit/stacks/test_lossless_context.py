"""Null values of the context that the CDK CLI hands on, and that the CDK leaves out."""

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.context.lossless import with_nulls

WEB = {"instance_tags": {"app": ["web"], "env": None}}
WEB_OF_THE_CDK = {"instance_tags": {"app": ["web"]}}


def handed_on(context: Any) -> dict[str, str]:
    return {"CDK_CONTEXT_JSON": json.dumps(context)}


def test_a_null_in_a_map_of_an_entry_is_there_again() -> None:
    found = with_nulls({"instance_roles": {"web": WEB_OF_THE_CDK}}, handed_on({"instance_roles": {"web": WEB}}))
    assert found == {"instance_roles": {"web": WEB}}


def test_an_entry_that_is_null_is_there_again_in_its_place() -> None:
    roles = {"gone": None, "web": WEB_OF_THE_CDK}
    found = with_nulls({"instance_roles": {"web": WEB_OF_THE_CDK}}, handed_on({"instance_roles": roles}))
    assert [*found["instance_roles"].items()] == [*roles.items()]


def test_a_null_in_a_map_of_a_list_is_there_again() -> None:
    given = {"web": {"environments": [{"account": "1", "settings": {"tracing": None}}, None, {"account": "2"}]}}
    of_the_cdk = {"web": {"environments": [{"account": "1", "settings": {}}, None, {"account": "2"}]}}
    assert with_nulls({"instance_roles": of_the_cdk}, handed_on({"instance_roles": given})) == {"instance_roles": given}


def test_settings_for_all_entries_keep_their_nulls() -> None:
    found = with_nulls({"instance_role_settings": {}}, handed_on({"instance_role_settings": {"tracing": None}}))
    assert found == {"instance_role_settings": {"tracing": None}}


def test_a_number_that_is_too_large_is_null_as_node_writes_it() -> None:
    environ = {"CDK_CONTEXT_JSON": '{"instance_roles": {"web": {"timeout_minutes": 1e999, "x": [-1e999, 1.5]}}}'}
    found = with_nulls({"instance_roles": {"web": {"x": [None, 1.5]}}}, environ)
    assert found == {"instance_roles": {"web": {"timeout_minutes": None, "x": [None, 1.5]}}}


def test_a_number_stays_as_the_cdk_says_it() -> None:
    environ = {"CDK_CONTEXT_JSON": '{"instance_roles": {"web": {"timeout_minutes": 60.0, "x": null}}}'}
    found = with_nulls({"instance_roles": {"web": {"timeout_minutes": 60}}}, environ)
    assert repr(found) == "{'instance_roles': {'web': {'timeout_minutes': 60, 'x': None}}}"


def test_keys_in_the_file_of_a_large_context_count_instead_of_those_in_the_variable(tmp_path: Path) -> None:
    file = tmp_path / "context-overflow.json"
    file.write_text(json.dumps({"instance_roles": {"web": WEB}}), encoding="utf-8")
    environ = {**handed_on({"instance_roles": {"web": {"x": None}}}), "CONTEXT_OVERFLOW_LOCATION_ENV": str(file)}
    found = with_nulls({"instance_roles": {"web": WEB_OF_THE_CDK}}, environ)
    assert found == {"instance_roles": {"web": WEB}}


def test_what_code_has_set_instead_stays() -> None:
    of_code = {"instance_roles": {"web": {"instance_tags": {"app": ["api"]}}}}
    assert with_nulls(of_code, handed_on({"instance_roles": {"web": WEB}})) == of_code


def test_the_other_entries_keep_their_nulls_where_code_has_set_one() -> None:
    given = {"web": WEB, "gone": None, "api": {"instance_ids": ["i-1"], "timeout_minutes": None}}
    of_code = {"web": WEB_OF_THE_CDK, "api": {"instance_ids": ["i-2"]}, "new": {"instance_ids": ["i-3"]}}
    found = with_nulls({"instance_roles": of_code}, handed_on({"instance_roles": given}))
    assert found == {"instance_roles": {**of_code, "web": WEB, "gone": None}}


def test_an_entry_that_code_has_taken_out_stays_out() -> None:
    given = {"web": WEB, "api": {"instance_ids": ["i-1"], "timeout_minutes": None}}
    found = with_nulls({"instance_roles": {"web": WEB_OF_THE_CDK}}, handed_on({"instance_roles": given}))
    assert found == {"instance_roles": {"web": WEB}}


def test_settings_keep_their_nulls_where_code_has_set_one() -> None:
    given = {"tracing": None, "vpc": {"vpc_id": "vpc-1", "security_group_ids": None}, "runtime": "python3.12"}
    of_code = {"vpc": {"vpc_id": "vpc-1"}, "runtime": "python3.13"}
    found = with_nulls({"instance_role_settings": of_code}, handed_on({"instance_role_settings": given}))
    assert found == {"instance_role_settings": {**given, "runtime": "python3.13"}}


@pytest.mark.parametrize("given", [None, "text", ["web"]])
def test_a_map_that_code_has_set_in_place_of_something_else_stays(given: Any) -> None:
    of_code = {"instance_roles": {"web": WEB_OF_THE_CDK}}
    assert with_nulls(of_code, handed_on({"instance_roles": given})) == of_code


def test_keys_of_others_and_texts_stay_as_the_cdk_says_them() -> None:
    context = {"other": {"a": 1}, "instance_roles": '{"web": {"x": null}}'}
    given = {"other": {"a": 1, "b": None}, "instance_roles": '{"web": {"x": null}}', "more": None}
    assert with_nulls(context, handed_on(given)) == context


@pytest.mark.parametrize(
    "environ",
    [
        pytest.param({}, id="the app was not started by the CDK CLI"),
        pytest.param({"CDK_CONTEXT_JSON": ""}, id="an empty variable"),
        pytest.param({"CDK_CONTEXT_JSON": "{"}, id="no JSON"),
        pytest.param({"CDK_CONTEXT_JSON": "[]"}, id="no map"),
        pytest.param({"CDK_CONTEXT_JSON": '{"instance_roles":' + "[" * 100_000}, id="nested too deep"),
        pytest.param({"CONTEXT_OVERFLOW_LOCATION_ENV": "/nowhere/context.json"}, id="no file"),
    ],
)
def test_without_a_context_that_can_be_read_everything_is_as_the_cdk_says(environ: dict[str, str]) -> None:
    context = {"instance_roles": {"web": WEB_OF_THE_CDK}}
    assert with_nulls(context, environ) == context
