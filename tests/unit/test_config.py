"""What the app is configured with: every key, and what people read when they mistake one."""

import json
from typing import Any

import pytest

from stacks.config import ConfigError, ProfileEntry, RoleEntry, RolloutEntry, load

ID, OTHER_ID = "i-0123456789abcdef0", "i-01234567"
WIDE = "\N{FULLWIDTH DIGIT ONE}"
FLAGS = {"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:enable-path-metadata": True}
"""What the CDK puts into the context by itself."""


def entry(**keys: Any) -> RoleEntry:
    """The entry of a context with these keys, and with an instance if they select none."""
    return load({"instance_roles": {"web": selecting(keys)}})["web"]


def selecting(keys: dict[str, Any]) -> dict[str, Any]:
    return keys if {"instance_ids", "instance_tags"} & keys.keys() else {"instance_ids": [ID], **keys}


def mistake(context: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(context)
    message = str(caught.value)
    assert "\n" not in message
    return message


def mistake_in_entry(**keys: Any) -> str:
    return mistake({"instance_roles": {"web": selecting(keys)}})


# The committed map


def test_an_entry_needs_a_selection_only() -> None:
    found = entry(instance_ids=[ID])

    assert found == RoleEntry(
        managed_policies=[], instance_ids=[ID], replaces=[], on_conflict="fail", account=None, region=None
    )


def test_reads_an_entry_with_all_keys() -> None:
    found = entry(
        managed_policies=["AmazonS3ReadOnlyAccess"],
        instance_tags={"app": ["web", "api"], "env": ["prod"]},
        replaces=["OldProfile", {"instance_profile": "P", "role": "R"}],
        on_conflict="keep",
        account="111122223333",
        region="eu-west-1",
        timeout_minutes=60,
        rollout={"first": 2, "growth": 1.5, "bake_minutes": 0.5, "alarms": ["web/errors"], "max_failures": "2%"},
    )

    assert found.managed_policies == ["AmazonS3ReadOnlyAccess"]
    assert (found.instance_ids, found.instance_tags) == (None, {"app": ["web", "api"], "env": ["prod"]})
    assert found.replaces == ["OldProfile", ProfileEntry(instance_profile="P", role="R")]
    assert (found.on_conflict, found.account, found.region) == ("keep", "111122223333", "eu-west-1")
    assert found.timeout_minutes == 60
    assert found.rollout == RolloutEntry(
        first=2, growth=1.5, bake_minutes=0.5, alarms=["web/errors"], max_failures="2%"
    )


def test_targets_are_brought_over_all_at_once_by_default_and_the_library_says_how_long_that_may_take() -> None:
    assert (entry().rollout, entry().timeout_minutes) == (None, None)


def test_an_empty_rollout_is_one_of_which_the_library_says_all() -> None:
    found = entry(rollout={}).rollout
    assert found is not None
    assert found.model_dump(exclude_none=True) == {"alarms": []}


@pytest.mark.parametrize("percentages", [[100], [0.5, 33.3, 100], [1, 10, 50, 100.0]])
def test_takes_percentages_that_rise_to_100(percentages: list[float]) -> None:
    found = entry(rollout={"percentages": percentages}).rollout
    assert found is not None
    assert found.percentages == percentages


@pytest.mark.parametrize("max_failures", [0, 3, "3", "2%", "0.5%"])
def test_takes_a_number_or_a_percentage_of_failures(max_failures: Any) -> None:
    found = entry(rollout={"max_failures": max_failures}).rollout
    assert found is not None
    assert found.max_failures == max_failures


def test_reads_several_entries() -> None:
    found = load({**FLAGS, "instance_roles": {"web": {"instance_ids": [ID]}, "db": {"instance_ids": [OTHER_ID]}}})

    assert {name: one.instance_ids for name, one in found.items()} == {"web": [ID], "db": [OTHER_ID]}


@pytest.mark.parametrize(
    "policy",
    [
        "AmazonS3ReadOnlyAccess",
        "service-role/AmazonEC2RoleforSSM",
        "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
        "arn:aws-cn:iam::aws:policy/service-role/X",
        "arn:aws:iam::111122223333:policy/team/Own",
    ],
)
def test_takes_policies_by_name_and_by_arn(policy: str) -> None:
    assert entry(managed_policies=[policy]).managed_policies == [policy]


@pytest.mark.parametrize(
    "replaces",
    [
        pytest.param("*", id="every profile"),
        pytest.param([], id="none"),
        pytest.param(["team/Old"], id="a name with a path"),
        pytest.param(["arn:aws:iam::111122223333:instance-profile/team/Old"], id="an ARN"),
    ],
)
def test_takes_the_profiles_that_may_be_replaced(replaces: Any) -> None:
    assert entry(replaces=replaces).replaces == replaces


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "ap-southeast-4", "us-isob-east-1"])
def test_takes_regions_of_every_partition(region: str) -> None:
    assert entry(region=region).region == region


@pytest.mark.parametrize("name", ["w", "web", "Web-1", "1"])
def test_takes_names_that_a_stack_may_have(name: str) -> None:
    assert list(load({"instance_roles": {name: {"instance_ids": [ID]}}})) == [name]


# The command line


def test_the_command_line_defines_an_entry_named_default() -> None:
    found = load(
        {
            **FLAGS,
            "instance_ids": f"{ID}, {OTHER_ID},",
            "managed_policies": "AmazonS3ReadOnlyAccess,CloudWatchAgentServerPolicy",
            "replaces": "OldProfile",
            "on_conflict": "keep",
            "account": "111122223333",
            "region": "eu-west-1",
        }
    )

    assert found == {
        "default": RoleEntry(
            managed_policies=["AmazonS3ReadOnlyAccess", "CloudWatchAgentServerPolicy"],
            instance_ids=[ID, OTHER_ID],
            replaces=["OldProfile"],
            on_conflict="keep",
            account="111122223333",
            region="eu-west-1",
        )
    }


def test_the_command_line_lets_every_profile_be_replaced() -> None:
    assert load({"instance_ids": ID, "replaces": "*"})["default"].replaces == "*"


def test_the_command_line_adds_to_the_committed_map() -> None:
    assert list(load({"instance_roles": {"web": {"instance_ids": [ID]}}, "instance_ids": OTHER_ID})) == [
        "web",
        "default",
    ]


def test_the_command_line_gives_the_map_as_json() -> None:
    assert load({"instance_roles": json.dumps({"web": {"instance_ids": [ID]}})}) == {"web": entry(instance_ids=[ID])}


# Mistakes in the context as a whole


@pytest.mark.parametrize("context", [{}, FLAGS, {"instance_roles": {}}, {"instance_roles": "{}"}])
def test_fails_when_nothing_is_selected_and_says_how_to(context: dict[str, Any]) -> None:
    message = mistake(context)

    assert "no instances selected" in message
    assert "cdk.json" in message
    assert "-c instance_ids=" in message


@pytest.mark.parametrize(
    ("key", "meant"),
    [("instance_id", "instance_ids"), ("instance_role", "instance_roles"), ("managed-policies", "managed_policies")],
)
def test_fails_when_a_key_is_unknown_and_suggests_the_one_that_was_meant(key: str, meant: str) -> None:
    message = mistake({key: ID})

    assert f"unknown context key {key!r}" in message
    assert f"did you mean {meant!r}?" in message


def test_fails_when_a_key_is_unlike_any_and_names_all() -> None:
    message = mistake({"xyz": ID})

    assert "did you mean" not in message
    assert "allowed are instance_roles, instance_ids, managed_policies" in message


def test_fails_when_the_map_is_not_json() -> None:
    message = mistake({"instance_roles": "{web: x}"})

    assert "instance_roles is '{web: x}'" in message
    assert "not JSON" in message


@pytest.mark.parametrize("value", ["[1]", "null", '"web"', [1], 5, True])
def test_fails_when_the_map_is_something_else(value: Any) -> None:
    assert "give a map of entries" in mistake({"instance_roles": value})


@pytest.mark.parametrize("name", ["", "my web", "web_1", "-web", "web/1", "web\n", "ä"])
def test_fails_when_a_name_cannot_be_a_stack_s(name: str) -> None:
    message = mistake({"instance_roles": {name: {"instance_ids": [ID]}}})

    assert f"an entry {name!r}" in message
    assert "letters, digits and hyphens" in message


def test_fails_when_the_command_line_would_change_a_committed_entry() -> None:
    message = mistake(
        {"instance_roles": {"default": {"instance_ids": [ID]}}, "instance_ids": ID, "region": "eu-west-1"}
    )

    assert "an entry 'default' already" in message
    assert "leave out instance_ids, region" in message


@pytest.mark.parametrize("ids", ["", ",", " , "])
def test_fails_when_the_command_line_lists_no_ids(ids: str) -> None:
    assert "instance_roles.default.instance_ids" in mistake({"instance_ids": ids})


# Mistakes in an entry: each message names the entry, the key, the value and what is allowed.


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        pytest.param("managed_policies", ["My Policy"], ["'My Policy'", "names of AWS"], id="a policy with a blank"),
        pytest.param("managed_policies", ["arn:aws:s3:::x"], ["'arn:aws:s3:::x'", "ARN"], id="an ARN of S3"),
        pytest.param("managed_policies", "Admin", ["'Admin'", "names of AWS"], id="a policy that is no list"),
        pytest.param("managed_policies", [""], ["''", "names of AWS"], id="an empty policy"),
        pytest.param("instance_ids", ["i-123"], ["'i-123'", "i-0123456789abcdef0"], id="a short id"),
        pytest.param("instance_ids", [ID.upper()], [ID.upper()], id="an id in capitals"),
        pytest.param("instance_ids", [ID + "\n"], ["\\n"], id="a line break after an id"),
        pytest.param("instance_ids", [], ["[]", "at least one id"], id="no ids"),
        pytest.param("instance_ids", ID, [ID, "list"], id="an id that is no list"),
        pytest.param("instance_tags", {}, ["{}", '{"app": ["web"]}'], id="no tags"),
        pytest.param("instance_tags", ["app"], ["['app']", '{"app": ["web"]}'], id="a list of tags"),
        pytest.param("replaces", "OldProfile", ["'OldProfile'", '"*"', "list"], id="a profile that is no list"),
        pytest.param("replaces", ["Old Profile"], ["'Old Profile'", "profile names"], id="a profile with a blank"),
        pytest.param("replaces", ["*"], ["'*'", 'or "*"'], id="everything, in a list"),
        pytest.param("replaces", [{"instance_profile": "P"}], ["'P'", '"role"'], id="a profile without its role"),
        pytest.param("on_conflict", "KEEP", ["'KEEP'", '"fail" or "keep"'], id="a choice in capitals"),
        pytest.param("on_conflict", None, ["None", '"fail" or "keep"'], id="no choice"),
        pytest.param("account", 111122223333, ["111122223333", "in quotes"], id="an account that is a number"),
        pytest.param("account", "1234", ["'1234'", "12 digits"], id="a short account"),
        pytest.param("account", "１１１１２２２２３３３３", ["12 digits"], id="an account in full-width digits"),  # noqa: RUF001
        pytest.param("region", "Ireland", ["'Ireland'", "eu-west-1"], id="a Region by its name"),
        pytest.param("region", "eu-west-1a", ["'eu-west-1a'", "eu-west-1"], id="a zone for a Region"),
    ],
)
def test_fails_when_a_value_is_none_of_those_allowed(key: str, value: Any, words: list[str]) -> None:
    message = mistake_in_entry(**{key: value})

    assert f"instance_roles.web.{key}" in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("minutes", [0, 61, -1, 1.5, "30", True, None])
def test_fails_when_the_timeout_is_no_number_of_minutes(minutes: Any) -> None:
    message = mistake_in_entry(timeout_minutes=minutes)

    expected = "expected whole minutes from 1 to 60"
    assert message == f"instance_roles.web.timeout_minutes: {minutes!r} can't be used, {expected}"


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        pytest.param("first", 0, "number of targets", id="no first wave"),
        pytest.param("first", True, "number of targets", id="a first wave that is true"),
        pytest.param("first", "1", "number of targets", id="a first wave in quotes"),
        pytest.param("first", 10**400, "number of targets", id="a first wave of more than a number can say"),
        pytest.param("growth", 10**400, "a number from 1", id="more than a number can say"),
        pytest.param("growth", 0.5, "a number from 1", id="waves that shrink"),
        pytest.param("first", None, "number of targets", id="what Node.js makes of a first wave that is too large"),
        pytest.param("growth", None, "a number from 1", id="what Node.js makes of a growth that is too large"),
        pytest.param("bake_minutes", None, "from 0 to less than 60", id="what Node.js makes of an endless time"),
        pytest.param("max_failures", None, 'like "2%"', id="what Node.js makes of too many failures"),
        pytest.param("growth", "2", "a number from 1", id="a growth in quotes"),
        pytest.param("growth", float("inf"), "a number from 1", id="an endless growth"),
        pytest.param("percentages", [], "like [1, 10, 50, 100]", id="no percentages"),
        pytest.param("percentages", [10, 50], "like [1, 10, 50, 100]", id="percentages that end early"),
        pytest.param("percentages", [50, 10, 100], "like [1, 10, 50, 100]", id="percentages that fall"),
        pytest.param(
            "percentages", [1, 10**400, 100], "like [1, 10, 50, 100]", id="more per cent than a number can say"
        ),
        pytest.param("percentages", [0, 100], "like [1, 10, 50, 100]", id="nothing at first"),
        pytest.param("percentages", ["50", "100"], "like [1, 10, 50, 100]", id="percentages in quotes"),
        pytest.param("percentages", [float("nan"), 100], "like [1, 10, 50, 100]", id="a percentage that is none"),
        pytest.param("percentages", 100, "like [1, 10, 50, 100]", id="a percentage that is no list"),
        pytest.param("bake_minutes", -1, "from 0 to less than 60", id="less than no time"),
        pytest.param("bake_minutes", 60, "from 0 to less than 60", id="an hour"),
        pytest.param("bake_minutes", "5", "from 0 to less than 60", id="a time in quotes"),
        pytest.param("alarms", "errors", "a list of names", id="an alarm that is no list"),
        pytest.param("alarms", [""], "a list of names", id="an alarm without a name"),
        pytest.param("alarms", ["x" * 256], "a list of names", id="a name that is too long"),
        pytest.param("alarms", ["a\nb"], "a list of names", id="a name of two lines"),
        pytest.param("alarms", ["arn:aws:cloudwatch:eu-west-1:1:alarm:x"], "a list of names", id="an ARN"),
        pytest.param("alarms", ["x"] * 101, "at most 100", id="too many alarms"),
        pytest.param("max_failures", -1, 'like "2%"', id="less than none"),
        pytest.param("max_failures", 10**400, 'like "2%"', id="more failures than a number can say"),
        pytest.param("max_failures", 1.5, 'like "2%"', id="half a target"),
        pytest.param("max_failures", True, 'like "2%"', id="failures that are true"),
        pytest.param("max_failures", "two", 'like "2%"', id="a number in words"),
        pytest.param("max_failures", "101%", 'like "2%"', id="more than all"),
    ],
)
def test_fails_when_a_rollout_says_what_is_not_allowed(key: str, value: Any, expected: str) -> None:
    message = mistake_in_entry(rollout={key: value})

    assert message.startswith(f"instance_roles.web.rollout.{key}: {value!r} can't be used, expected ")
    assert expected in message
    assert "; " not in message


@pytest.mark.parametrize("rollout", ["waves", [], 5, True])
def test_fails_when_a_rollout_is_no_map(rollout: Any) -> None:
    message = mistake_in_entry(rollout=rollout)

    assert message.startswith(f"instance_roles.web.rollout: {rollout!r} can't be used, expected a map like ")


def test_fails_when_waves_both_grow_and_reach_percentages() -> None:
    message = mistake_in_entry(rollout={"growth": 2, "percentages": [100]})

    assert message == "instance_roles.web.rollout: give either growth or percentages, not both"


@pytest.mark.parametrize(
    ("key", "meant"), [("bake_minute", "bake_minutes"), ("alarm", "alarms"), ("percentage", "percentages")]
)
def test_fails_when_a_key_of_a_rollout_is_unknown_and_suggests_the_one_that_was_meant(key: str, meant: str) -> None:
    message = mistake_in_entry(rollout={key: 5})

    assert message.startswith(f"instance_roles.web.rollout has the unknown key {key!r}: did you mean {meant!r}?")


@pytest.mark.parametrize("values", ["web", [], [1], None])
def test_fails_when_a_tag_has_no_list_of_values_and_names_the_tag(values: Any) -> None:
    message = mistake_in_entry(instance_tags={"env": ["prod"], "my-app": values})

    assert "instance_roles.web.instance_tags" in message
    assert "my-app" in message


def test_fails_when_an_entry_selects_nothing() -> None:
    message = mistake({"instance_roles": {"web": {"managed_policies": ["AmazonS3ReadOnlyAccess"]}}})

    assert message == "instance_roles.web: give either instance_ids or instance_tags, not neither"


def test_fails_when_an_entry_selects_twice() -> None:
    message = mistake_in_entry(instance_ids=[ID], instance_tags={"app": ["web"]})

    assert message == "instance_roles.web: give either instance_ids or instance_tags, not both"


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_fails_when_an_entry_is_no_map_in_words_that_mean_something(value: Any) -> None:
    message = mistake({"instance_roles": {"web": value}})

    assert "instance_roles.web" in message
    assert repr(value) in message
    assert "RoleEntry" not in message


@pytest.mark.parametrize(
    ("key", "meant"),
    [("on_confict", "on_conflict"), ("instance_id", "instance_ids"), ("on-conflict", "on_conflict")],
)
def test_fails_when_a_key_of_an_entry_is_unknown_and_suggests_the_one_that_was_meant(key: str, meant: str) -> None:
    message = mistake_in_entry(**{key: "x"})

    assert f"instance_roles.web has the unknown key {key!r}" in message
    assert f"did you mean {meant!r}?" in message


@pytest.mark.parametrize(("key", "meant"), [("instance_profil", "instance_profile"), ("rol", "role")])
def test_fails_when_a_key_of_a_profile_is_unknown_and_says_where(key: str, meant: str) -> None:
    profile = {"instance_profile": "P", "role": "R"}
    profile[key] = profile.pop(meant)
    message = mistake_in_entry(replaces=[profile])

    assert "instance_roles.web.replaces" in message
    assert f"did you mean {meant!r}?" in message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("replaces", ["Old Profile"]),
        ("replaces", [{"instance_profile": "P"}]),
        ("replaces", [{"instance_profile": "P", "rol": "R"}]),
        ("managed_policies", ["My Policy"]),
    ],
)
def test_one_mistake_is_one_sentence(key: str, value: Any) -> None:
    assert "; " not in mistake_in_entry(**{key: value})


def test_names_every_mistake_of_an_entry() -> None:
    message = mistake_in_entry(instance_ids=["i-1", "i-2"], account="1", on_conflict="maybe")

    assert all(value in message for value in ("'i-1'", "'i-2'", "'1'", "'maybe'"))


def test_fails_when_two_entries_name_the_same_instance() -> None:
    entry = {"instance_ids": ["i-0123456789abcdef0"]}
    with pytest.raises(ConfigError, match="i-0123456789abcdef0 is in the entries 'web' and 'api'"):
        load({"instance_roles": {"web": entry, "api": entry}})


@pytest.mark.parametrize(
    "replaces",
    [
        pytest.param(["Old", "Old"], id="a name twice"),
        pytest.param(["Old", "Other", "Old"], id="a name twice, apart"),
        pytest.param(["Old", {"instance_profile": "Old", "role": "R"}], id="a name alone and with its role"),
        pytest.param(
            [{"instance_profile": "Old", "role": "R"}, {"instance_profile": "Old", "role": "S"}], id="with two roles"
        ),
        pytest.param(["Old", "arn:aws:iam::111122223333:instance-profile/Old"], id="a name and its ARN"),
    ],
)
def test_fails_when_a_profile_is_listed_twice(replaces: Any) -> None:
    message = mistake_in_entry(replaces=replaces)

    assert message == "instance_roles.web.replaces: profile 'Old' is listed more than once, list it once"


def test_fails_when_the_command_line_lists_a_profile_twice() -> None:
    message = mistake({"instance_ids": ID, "replaces": "Old,Old"})

    assert message == "instance_roles.default.replaces: profile 'Old' is listed more than once, list it once"


@pytest.mark.parametrize("replaces", [["team-a/Old", "team-b/Old"], ["Old", "team/Old"], ["Old", "OldRole"]])
def test_takes_profiles_whose_names_are_alike(replaces: list[str]) -> None:
    assert entry(replaces=replaces).replaces == replaces


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("managed_policies", ["x" * 129], id="a policy with a long name"),
        pytest.param("managed_policies", [f"arn:aws:iam::{WIDE * 12}:policy/Own"], id="an ARN in full-width digits"),
        pytest.param("replaces", ["arn:aws:iam::111122223333:instance-profile/a b"], id="an ARN with a blank"),
        pytest.param("replaces", ["/Old"], id="a name that begins with a slash"),
        pytest.param("replaces", ["Old\n"], id="a line break after a name"),
    ],
)
def test_fails_when_a_name_is_none_that_the_library_and_its_handler_take(key: str, value: Any) -> None:
    assert f"instance_roles.web.{key}" in mistake_in_entry(**{key: value})
