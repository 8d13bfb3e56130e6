"""Enforcement of an entry, and the settings that are about it."""

import re
from typing import Any

import pytest

from stacks.config import ConfigError, EnforcementEntry, RoleEntry
from tests.unit.stacks.loading import load

ENTRY: dict[str, Any] = {"instance_tags": {"app": ["web"]}}
OTHER: dict[str, Any] = {"instance_tags": {"app": ["api"]}}
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"


def entry(enforcement: Any) -> RoleEntry:
    return load({"instance_roles": {"web": {**ENTRY, "enforcement": enforcement}}})["web"]


def mistake(context: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(context)
    return str(caught.value)


def test_by_default_there_is_no_enforcement() -> None:
    assert load({"instance_roles": {"web": ENTRY}})["web"].enforcement is None


@pytest.mark.parametrize("mode", ["report", "repair"])
def test_a_mode_alone_leaves_everything_else_to_the_library(mode: str) -> None:
    found = entry(mode).enforcement
    assert found == mode
    assert EnforcementEntry.of(found) == EnforcementEntry(mode=mode)


def test_a_map_gives_the_details() -> None:
    found = entry({"mode": "repair", "every_minutes": 60, "max_changes": "5%"}).enforcement
    assert found == EnforcementEntry(mode="repair", every_minutes=60, max_changes="5%")


@pytest.mark.parametrize("every", [1, 1440])
@pytest.mark.parametrize("limit", [1, 500, "20", "0.5%", "100%"])
def test_accepts_what_the_library_accepts(every: int, limit: Any) -> None:
    assert entry({"mode": "repair", "every_minutes": every, "max_changes": limit}).enforcement


@pytest.mark.parametrize(
    ("enforcement", "expected"),
    [
        (
            "fix",
            """ is 'fix': Input should be "report" or "repair", or a map with mode, every_minutes and max_changes""",
        ),
        (True, """ is True: Input should be "report" or "repair", or a map"""),
        ([], """ is []: Input should be "report" or "repair", or a map"""),
        ({"mode": "fix"}, ".mode is 'fix': Input should be 'report' or 'repair'"),
        ({"every_minutes": 15}, ".mode: Field required in"),
        ({"mode": "report", "every_minutes": 0}, ".every_minutes is 0: Input should be greater than or equal to 1"),
        ({"mode": "report", "every_minutes": 1441}, ".every_minutes is 1441: Input should be less than or equal to"),
        ({"mode": "report", "every_minutes": 1.5}, ".every_minutes is 1.5: Input should be a valid integer"),
        ({"mode": "report", "every_minutes": None}, ".every_minutes is None: Input should be a number"),
        ({"mode": "repair", "max_changes": 0}, ".max_changes is 0: Input should be a whole number of instances from 1"),
        ({"mode": "repair", "max_changes": "200%"}, ".max_changes is '200%': Input should be a whole number"),
        ({"mode": "repair", "max_changes": True}, ".max_changes is True: Input should be a whole number"),
        (
            {"mode": "report", "max_changes": 5},
            """: max_changes has no effect in the mode "report", which changes nothing: leave it out""",
        ),
        ({"mode": "repair", "every_minute": 5}, " has the unknown key 'every_minute': did you mean 'every_minutes'?"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_fails_when_a_value_is_not_allowed(enforcement: Any, expected: str) -> None:
    found = mistake({"instance_roles": {"web": {**ENTRY, "enforcement": enforcement}}})
    assert found.startswith(f"instance_roles.web.enforcement{expected}")


def test_fails_when_it_is_given_outside_an_entry_and_says_where_it_belongs() -> None:
    found = mistake({"instance_ids": "i-0123456789abcdef0", "enforcement": "repair"})
    assert found.startswith("'enforcement' has no effect as a context key: put enforcement into an entry")


# Settings


@pytest.mark.parametrize(
    "arn",
    ["Operator", "arn:aws:iam::111122223333:user/me", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::aws:role/X", 5],
)
def test_fails_when_a_reconciler_is_not_a_role(arn: Any) -> None:
    found = mistake({"instance_roles": {"web": ENTRY}, "instance_role_settings": {"reconcilers": [arn]}})
    expected = (
        f"instance_role_settings.reconcilers[0] is {arn!r}: Input should be the ARN of a role, like arn:aws:iam::"
    )
    assert found.startswith(expected)


def test_fails_when_the_name_of_a_reconciler_is_longer_than_iam_accepts() -> None:
    arn = "arn:aws:iam::111122223333:role/" + "x" * 65
    assert mistake({"instance_roles": {"web": ENTRY}, "instance_role_settings": {"reconcilers": [arn]}}) == (
        f"instance_role_settings.reconcilers[0] is '{arn}': Input should be the name or ARN of a role, whose name has "
        "at most 64 characters"
    )


def test_fails_when_queues_are_to_be_encrypted_without_a_key() -> None:
    found = mistake({"instance_roles": {"web": ENTRY}, "instance_role_settings": {"encrypt_queues": True}})
    assert found.startswith("the settings of instance_roles.web have encrypt_queues true and no encryption_key")


def test_fails_when_an_entry_has_the_setting_for_a_shared_provider() -> None:
    found = mistake({"instance_roles": {"web": {**ENTRY, "settings": {"shared_provider": True}}}})
    assert found.startswith("instance_roles.web.settings.shared_provider has no effect in an entry")


def shared(web: dict[str, Any], api: dict[str, Any], **settings: Any) -> dict[str, Any]:
    roles = {"web": {**ENTRY, **web}, "api": {**OTHER, **api}}
    return {"instance_roles": roles, "instance_role_settings": {"shared_provider": True, **settings}}


def test_fails_when_entries_that_share_a_provider_have_different_settings_for_it() -> None:
    found = mistake(shared({"settings": {"runtime": "python3.13"}}, {}))
    assert re.fullmatch(
        "the entries 'web' and 'api' of instance_roles share one provider and have different settings for it, runtime: "
        "give both entries the same ones, or leave shared_provider out",
        found,
    )


@pytest.mark.parametrize(
    ("web", "api", "common"),
    [
        (
            {"settings": {"tags": {"team": "web"}, "permissions_boundary": "Web"}},
            {},
            {"tags": {"team": "operations"}, "permissions_boundary": "CompanyBoundary"},
        ),
        ({"settings": {"tags": {"team": "web"}}}, {}, {"tags": {}}),
        ({"settings": {"runtime": "python3.13"}}, {"settings": {"runtime": "python3.13"}}, {}),
        ({"region": "eu-west-1", "settings": {"encryption_key": KEY}}, {"region": "eu-west-2"}, {}),
        ({"settings": {"tags": {}}}, {}, {}),
        ({"settings": {"tags": None}}, {"settings": {"tags": {}}}, {"tags": {"team": "operations"}}),
        ({}, {"settings": {"reconcilers": []}}, {}),
    ],
    ids=[
        "what each stack has for itself",
        "a provider without tags",
        "alike",
        "in another Region",
        "no tags in two ways",
        "no tags instead of those for all",
        "no reconcilers in two ways",
    ],
)
def test_accepts_settings_of_entries_that_a_shared_provider_can_have(
    web: dict[str, Any], api: dict[str, Any], common: dict[str, Any]
) -> None:
    assert set(load(shared(web, api, **common))) == {"web", "api"}


@pytest.mark.parametrize(
    ("web", "api", "common", "different"),
    [
        ({"permissions_boundary": "Web"}, {}, {}, "permissions_boundary"),
        ({"tags": {"team": "web"}}, {"tags": {"team": "api"}}, {}, "tags"),
        ({"permissions_boundary": "Web", "tags": {"team": "web"}}, {}, {"tags": {}}, "permissions_boundary"),
    ],
    ids=["a boundary of one entry", "tags of both", "tags that are decided"],
)
def test_fails_when_nothing_says_which_boundary_or_tags_a_shared_provider_has(
    web: dict[str, Any], api: dict[str, Any], common: dict[str, Any], different: str
) -> None:
    assert mistake(shared({"settings": web}, {"settings": api}, **common)) == (
        "the entries 'web' and 'api' of instance_roles share one provider and have different settings for it, "
        f"{different}: give both entries the same ones, give {different} of the provider in instance_role_settings, or "
        "leave shared_provider out"
    )
