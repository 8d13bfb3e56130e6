"""What the app is configured with: every key, and the message for each mistake."""

import json
from typing import Any

import pytest

from stacks.config import ConfigError, EnforcementEntry, ProfileEntry, RoleEntry, RolloutEntry
from tests.unit.stacks.loading import load

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


def test_an_entry_needs_only_a_selection() -> None:
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
        enforcement={"mode": "repair", "every_minutes": 30, "max_changes": 20},
    )

    assert found.managed_policies == ["AmazonS3ReadOnlyAccess"]
    assert (found.instance_ids, found.instance_tags) == (None, {"app": ["web", "api"], "env": ["prod"]})
    assert found.replaces == ["OldProfile", ProfileEntry(instance_profile="P", role="R")]
    assert (found.on_conflict, found.account, found.region) == ("keep", "111122223333", "eu-west-1")
    assert found.timeout_minutes == 60
    assert found.rollout == RolloutEntry(
        first=2, growth=1.5, bake_minutes=0.5, alarms=["web/errors"], max_failures="2%"
    )
    assert found.enforcement == EnforcementEntry(mode="repair", every_minutes=30, max_changes=20)


def test_by_default_all_targets_are_changed_at_once_within_the_timeout_of_the_library() -> None:
    assert (entry().rollout, entry().timeout_minutes) == (None, None)


def test_an_empty_rollout_has_the_defaults_of_the_library() -> None:
    found = entry(rollout={}).rollout
    assert found is not None
    assert found.model_dump(exclude_none=True) == {"alarms": []}


@pytest.mark.parametrize("percentages", [[100], [0.5, 33.3, 100], [1, 10, 50, 100.0]])
def test_accepts_percentages_that_rise_to_100(percentages: list[float]) -> None:
    found = entry(rollout={"percentages": percentages}).rollout
    assert found is not None
    assert found.percentages == percentages


@pytest.mark.parametrize(
    "key", ["instance_tags", "account", "region", "environments", "rollout", "enforcement", "settings"]
)
def test_a_key_without_a_default_that_is_null_is_left_out(key: str) -> None:
    assert entry(instance_ids=[ID], **{key: None}) == entry(instance_ids=[ID])


@pytest.mark.parametrize("max_failures", [0, 3, "3", "2%", "0.5%"])
def test_accepts_a_number_or_a_percentage_of_failures(max_failures: Any) -> None:
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
def test_accepts_policies_by_name_and_by_arn(policy: str) -> None:
    assert entry(managed_policies=[policy]).managed_policies == [policy]


@pytest.mark.parametrize(
    "replaces",
    [
        pytest.param("*", id="every profile"),
        pytest.param([], id="an empty list"),
        pytest.param(["team/Old"], id="a name with a path"),
        pytest.param(["arn:aws:iam::111122223333:instance-profile/team/Old"], id="an ARN"),
    ],
)
def test_accepts_the_profiles_that_may_be_replaced(replaces: Any) -> None:
    assert entry(replaces=replaces).replaces == replaces


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "ap-southeast-4", "us-isob-east-1"])
def test_accepts_regions_of_every_partition(region: str) -> None:
    assert entry(region=region).region == region


@pytest.mark.parametrize("name", ["w", "web", "Web-1", "1"])
def test_accepts_names_that_a_stack_may_have(name: str) -> None:
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


def test_the_command_line_allows_every_profile_to_be_replaced() -> None:
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


OF_OTHERS: dict[str, Any] = {
    "acknowledged-issue-numbers": [34892],
    "cli-telemetry": False,
    "instances": "t3.micro",
    "instance": "i-1",
    "instance_type": "t3.micro",
    "instance_profile": "web",
    "instance_role_arn": "arn:aws:iam::111122223333:role/Web",
    "accounts": {"dev": "111122223333"},
    "regions": ["eu-west-1"],
    "aws_region": "eu-west-1",
    "team": "web",
    "xyz": None,
    "replication": "on",
    "": 1,
}
"""Keys that other tools, other apps and the CDK CLI itself put into the context."""


@pytest.mark.parametrize("key", OF_OTHERS)
def test_keys_of_other_tools_are_ignored(key: str) -> None:
    context = {"instance_roles": {"web": {"instance_ids": [ID]}}, key: OF_OTHERS[key]}

    assert list(load(context)) == ["web"]


@pytest.mark.parametrize("key", OF_OTHERS)
def test_keys_of_other_tools_are_ignored_beside_those_of_the_command_line(key: str) -> None:
    assert list(load({"instance_ids": ID, key: OF_OTHERS[key]})) == ["default"]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("instance_id", "instance_ids"),
        ("instance-ids", "instance_ids"),
        ("instanceIds", "instance_ids"),
        ("INSTANCE_IDS", "instance_ids"),
        ("instance_idz", "instance_ids"),
        ("isntance_ids", "instance_ids"),
        ("instance_role", "instance_roles"),
        ("instanceRoles", "instance_roles"),
        ("managed-policies", "managed_policies"),
        ("managed_policy", "managed_policies"),
        ("manged_policies", "managed_policies"),
    ],
)
@pytest.mark.parametrize("value", [ID, [ID], {"web": {}}])
def test_fails_when_a_key_is_mistyped_and_suggests_the_one_that_was_meant(key: str, meant: str, value: Any) -> None:
    assert mistake({"instance_roles": {"web": {"instance_ids": [ID]}}, key: value}) == (
        f"unknown context key {key!r}: did you mean {meant!r}? allowed are instance_roles, "
        "instance_role_settings, instance_ids, managed_policies, replaces, on_conflict, account, region"
    )


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("regoin", "region"),
        ("Region", "region"),
        ("regions", "region"),
        ("acount", "account"),
        ("account-id", "account"),
        ("replace", "replaces"),
        ("on-conflict", "on_conflict"),
        ("onConflict", "on_conflict"),
        ("on_confict", "on_conflict"),
        ("timeout_minute", "timeout_minutes"),
        ("roll_out", "rollout"),
    ],
)
def test_fails_when_a_key_beside_instance_ids_is_mistyped(key: str, meant: str) -> None:
    assert f"unknown context key {key!r}: did you mean {meant!r}?" in mistake({"instance_ids": ID, key: "x"})


@pytest.mark.parametrize("key", ["instance_tags", "instance-tags", "instanceTags", "instance_tag"])
@pytest.mark.parametrize("more", [{}, {"instance_ids": ID}])
def test_fails_when_tags_are_given_outside_an_entry_and_says_where_they_belong(key: str, more: dict[str, Any]) -> None:
    assert mistake({key: '{"app": ["web"]}', **more}) == (
        f"{key!r} has no effect as a context key: put instance_tags into an entry of instance_roles, in cdk.json or in "
        "-c instance_roles='{...}'"
    )


@pytest.mark.parametrize("key", ["rollout", "timeout_minutes"])
def test_fails_when_a_key_of_an_entry_is_given_outside_and_says_where_it_belongs(key: str) -> None:
    assert mistake({"instance_ids": ID, key: "5"}).startswith(
        f"{key!r} has no effect as a context key: put {key} into an entry of instance_roles"
    )


@pytest.mark.parametrize("key", ["managed_policies", "replaces", "on_conflict", "account", "region"])
def test_fails_when_a_key_of_the_command_line_is_given_without_instances(key: str) -> None:
    assert mistake({"instance_roles": {"web": {"instance_ids": [ID]}}, key: "x"}) == (
        f"{key!r} has no effect without 'instance_ids': add -c instance_ids=..., or put {key} into an entry of "
        "instance_roles"
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"web": {"instance_ids": ["%s"]}, "web": {"instance_ids": ["%s"]}}', "web"),
        ('{"web": {"instance_ids": ["%s"], "instance_ids": ["%s"]}}', "instance_ids"),
        ('{"web": {"instance_tags": {"app": ["%s"], "app": ["%s"]}}}', "app"),
        ('{"web": {"instance_ids": ["%s"], "replaces": [{"role": "%s", "role": "S"}]}}', "role"),
    ],
)
def test_fails_when_the_command_line_gives_a_key_twice(text: str, key: str) -> None:
    message = mistake({"instance_roles": text % (ID, OTHER_ID)})

    assert message == f"instance_roles has the key {key!r} 2 times in one map: leave one of them"


@pytest.mark.parametrize("value", ["[" * 100_000, "1" * 5_000])
def test_fails_when_the_map_cannot_be_read_at_all(value: str) -> None:
    assert len(mistake({"instance_roles": value})) < 1_000


def test_fails_when_the_map_is_not_json() -> None:
    message = mistake({"instance_roles": "{web: x}"})

    assert "instance_roles is '{web: x}'" in message
    assert "not JSON" in message


@pytest.mark.parametrize("value", ["[1]", "null", '"web"', [1], 5, True])
def test_fails_when_the_map_is_not_a_map(value: Any) -> None:
    assert "give a map of entries" in mistake({"instance_roles": value})


@pytest.mark.parametrize("name", ["", "my web", "web_1", "-web", "web/1", "web\n", "ä"])
def test_fails_when_a_name_cannot_be_the_name_of_a_stack(name: str) -> None:
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
    ("key", "value", "expected"),
    [
        pytest.param("managed_policies", ["My Policy"], "[0] is 'My Policy': Input should be the name", id="a blank"),
        pytest.param(
            "managed_policies", ["arn:aws:s3:::x"], "[0] is 'arn:aws:s3:::x': Input should be", id="an ARN of S3"
        ),
        pytest.param("managed_policies", "Admin", " is 'Admin': Input should be a valid list", id="a policy alone"),
        pytest.param("managed_policies", [""], "[0] is '': Input should be the name of", id="an empty policy"),
        pytest.param("managed_policies", [5], "[0] is 5: Input should be the name of", id="a policy by number"),
        pytest.param(
            "instance_ids", ["i-123"], "[0] is 'i-123': Input should be an instance id: i- and 8 or 17", id="a short id"
        ),
        pytest.param(
            "instance_ids", [ID, ID.upper()], f"[1] is '{ID.upper()}': Input should be an instance id", id="capitals"
        ),
        pytest.param(
            "instance_ids", [ID + "\n"], "\\n': Input should be an instance id", id="a line break after an id"
        ),
        pytest.param("instance_ids", [], " is []: List should have at least 1 item", id="no ids"),
        pytest.param("instance_ids", ID, f" is '{ID}': Input should be a valid list", id="an id that is no list"),
        pytest.param("instance_tags", {}, " is {}: Dictionary should have at least 1 item", id="no tags"),
        pytest.param("instance_tags", ["app"], " is ['app']: Input should be a valid dictionary", id="a list of tags"),
        pytest.param("instance_tags", {"app": []}, ".app is []: List should have at least 1 item", id="no values"),
        pytest.param("instance_tags", {"app": "web"}, ".app is 'web': Input should be a valid list", id="one value"),
        pytest.param("instance_tags", {"app": [1]}, ".app[0] is 1: A tag value should be a string", id="a number"),
        pytest.param("instance_tags", {"": ["x"]}, "[''] is '': String should have at least 1 character", id="no key"),
        pytest.param(
            "replaces", "OldProfile", " is 'OldProfile': Input should be a list of profiles, like", id="no list"
        ),
        pytest.param("replaces", 5, " is 5: Input should be a valid list", id="a number of profiles"),
        pytest.param(
            "replaces", ["Old Profile"], "[0] is 'Old Profile': Input should be the name or ARN of", id="a name"
        ),
        pytest.param(
            "replaces",
            ["*"],
            """[0] is '*': Input should be a profile: for any, give "*" in place of the list""",
            id="any",
        ),
        pytest.param("replaces", [{"instance_profile": "P"}], "[0].role: Field required in {'ins", id="without a role"),
        pytest.param("on_conflict", "KEEP", " is 'KEEP': Input should be 'fail' or 'keep'", id="a choice in capitals"),
        pytest.param("on_conflict", None, " is None: Input should be 'fail' or 'keep'", id="no choice"),
        pytest.param(
            "account",
            111122223333,
            " is 111122223333: Input should be an account id: 12 digits, in quotes",
            id="a number",
        ),
        pytest.param("account", "1234", " is '1234': Input should be an account id: 12 digits", id="a short account"),
        pytest.param(
            "account", WIDE * 12, ": Input should be an account id: 12 digits", id="an account in full-width digits"
        ),
        pytest.param(
            "region", "Ireland", " is 'Ireland': Input should be a Region like eu-west-1", id="a Region by its name"
        ),
        pytest.param("region", "eu-west-1a", " is 'eu-west-1a': Input should be a Region", id="a zone for a Region"),
        pytest.param("timeout_minutes", 0, " is 0: Input should be greater than or equal to 1", id="no time"),
        pytest.param("timeout_minutes", 61, " is 61: Input should be less than or equal to 60", id="more than an hour"),
        pytest.param("timeout_minutes", 1.5, " is 1.5: Input should be a valid integer", id="half a minute"),
        pytest.param("timeout_minutes", "30", " is '30': Input should be a valid integer", id="minutes in quotes"),
        pytest.param("timeout_minutes", True, " is True: Input should be a valid integer", id="minutes that are true"),
        pytest.param("timeout_minutes", None, " is None: Input should be a number that is not too large", id="null"),
        pytest.param("rollout", "waves", " is 'waves': Input should be a valid dictionary", id="waves in words"),
        pytest.param("rollout", [], " is []: Input should be a valid dictionary", id="a list of waves"),
    ],
)
def test_fails_when_a_value_is_not_allowed(key: str, value: Any, expected: str) -> None:
    message = mistake_in_entry(**{key: value})

    assert message.startswith(f"instance_roles.web.{key}")
    assert expected in message.removeprefix(f"instance_roles.web.{key}")
    assert "; " not in message


NOT_AS_THEY_STAND = {
    "a blank after it": "{} ",
    "a blank before it": " {}",
    "a carriage return after it": "{}\r",
    "a line break after it": "{}\n",
    "a no-break space after it": "{}\xa0",
    "a wildcard": "{}*",
    "another wildcard": "{}?",
}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("managed_policies", "AmazonS3ReadOnlyAccess", id="policy"),
        pytest.param("managed_policies", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", id="ARN of a policy"),
        pytest.param("instance_ids", ID, id="id"),
        pytest.param("replaces", "OldProfile", id="profile"),
        pytest.param("replaces", "arn:aws:iam::111122223333:instance-profile/Old", id="ARN of a profile"),
        pytest.param("account", "111122223333", id="account"),
        pytest.param("region", "eu-west-1", id="Region"),
    ],
)
@pytest.mark.parametrize("how", NOT_AS_THEY_STAND)
def test_fails_when_a_name_has_a_wildcard_or_a_blank(key: str, value: str, how: str) -> None:
    given = NOT_AS_THEY_STAND[how].format(value)

    assert repr(given) in mistake_in_entry(**{key: given if key in ("account", "region") else [given]})


@pytest.mark.parametrize("how", NOT_AS_THEY_STAND)
@pytest.mark.parametrize("name", ["Role", "arn:aws:iam::111122223333:role/Role"])
def test_fails_when_the_name_of_a_role_has_a_wildcard_or_a_blank(how: str, name: str) -> None:
    given = NOT_AS_THEY_STAND[how].format(name)

    message = mistake_in_entry(replaces=[{"instance_profile": "P", "role": given}])
    assert message == f"instance_roles.web.replaces[0].role is {given!r}: Input should be the name or ARN of a role"


LONG = "x" * 65
TOO_LONG = "Input should be the name or ARN of a role, whose name has at most 64 characters"


@pytest.mark.parametrize("role", [LONG, f"team/{LONG}", f"arn:aws:iam::111122223333:role/team/{LONG}"])
def test_fails_when_the_name_of_a_role_is_longer_than_iam_accepts(role: str) -> None:
    message = mistake_in_entry(replaces=[{"instance_profile": "P", "role": role}])
    assert message == f"instance_roles.web.replaces[0].role is {role!r}: {TOO_LONG}"


@pytest.mark.parametrize("profile", [LONG, f"team/{LONG}", f"arn:aws:iam::111122223333:instance-profile/{LONG}"])
def test_fails_when_a_profile_named_alone_has_a_longer_name_than_a_role(profile: str) -> None:
    assert mistake_in_entry(replaces=["Old", profile]) == (
        f"instance_roles.web.replaces[1] is {profile!r}: Input should be a map of instance_profile and role, because a "
        "name alone stands for a role of the same name, and the name of a role has at most 64 characters"
    )


def test_accepts_the_longest_names_of_profiles_and_roles() -> None:
    longest = [{"instance_profile": "y" * 128, "role": "x" * 64}, "team/" + "x" * 64]
    assert entry(replaces=longest).listed == [
        ProfileEntry(instance_profile="y" * 128, role="x" * 64),
        ProfileEntry(instance_profile="team/" + "x" * 64, role="x" * 64),
    ]


@pytest.mark.parametrize("how", NOT_AS_THEY_STAND)
def test_fails_when_a_tag_has_a_wildcard_or_a_blank_and_names_it(how: str) -> None:
    given = NOT_AS_THEY_STAND[how].format("web")
    rule = "should be a string without *, ? and control characters, and without a blank at either end"

    assert mistake_in_entry(instance_tags={"app": ["api", given]}) == (
        f"instance_roles.web.instance_tags.app[1] is {given!r}: A tag value {rule}"
    )
    assert mistake_in_entry(instance_tags={given: ["x"]}).endswith(f" is {given!r}: A tag key {rule}")


@pytest.mark.parametrize("value", ["", "a b", "a:b/c=d+e-f@g_h.i", "\u00e9\u4e2d", "x" * 256])
def test_accepts_the_values_of_tags_that_ec2_accepts(value: str) -> None:
    assert entry(instance_tags={"app": [value]}).instance_tags == {"app": [value]}


def test_fails_when_a_tag_is_longer_than_ec2_accepts() -> None:
    assert "String should have at most 256 characters" in mistake_in_entry(instance_tags={"app": ["x" * 257]})
    assert "String should have at most 128 characters" in mistake_in_entry(instance_tags={"x" * 129: ["x"]})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("managed_policies", ["arn:aws:iam::444455556666:policy/Own"]),
        ("replaces", ["arn:aws:iam::444455556666:instance-profile/Old"]),
        ("replaces", [{"instance_profile": "Old", "role": "arn:aws:iam::444455556666:role/Old"}]),
    ],
)
def test_fails_when_an_arn_is_of_another_account_than_the_entry(key: str, value: Any) -> None:
    message = mistake_in_entry(**{key: value, "account": "111122223333"})

    assert message.startswith("instance_roles.web: arn:aws:iam::444455556666:")
    assert message.endswith(" is in account 444455556666, and the entry is for account 111122223333")
    assert entry(**{key: value, "account": "444455556666"})
    assert entry(**{key: value})


def test_policies_of_aws_itself_fit_every_account() -> None:
    assert entry(managed_policies=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"], account="111122223333")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        pytest.param("first", 0, " is 0: Input should be greater than or equal to 1", id="no first wave"),
        pytest.param("first", True, " is True: Input should be a valid integer", id="a first wave that is true"),
        pytest.param("first", "1", " is '1': Input should be a valid integer", id="a first wave in quotes"),
        pytest.param("first", 10**400, ": Input should be a finite number", id="a first wave beyond numbers"),
        pytest.param(
            "first", None, " is None: Input should be a number that is not too large", id="a first wave that is null"
        ),
        pytest.param("growth", 10**400, ": Input should be a finite number", id="a growth beyond numbers"),
        pytest.param("growth", 0.5, " is 0.5: Input should be greater than or equal to 1", id="waves that shrink"),
        pytest.param(
            "growth", None, " is None: Input should be a number that is not too large", id="a growth that is null"
        ),
        pytest.param("growth", "2", " is '2': Input should be a valid number", id="a growth in quotes"),
        pytest.param("growth", float("inf"), " is inf: Input should be a finite number", id="an endless growth"),
        pytest.param("percentages", [], " is []: Input should be percentages above 0 that rise", id="no percentages"),
        pytest.param(
            "percentages", [10, 50], " is [10, 50]: Input should be percentages above", id="percentages that end early"
        ),
        pytest.param(
            "percentages", [50, 10, 100], " is [50, 10, 100]: Input should be percentages", id="percentages that fall"
        ),
        pytest.param("percentages", [1, 10**400, 100], "[1] is 1000", id="more per cent than a number can say"),
        pytest.param(
            "percentages", [0, 100], " is [0, 100]: Input should be percentages above 0", id="nothing at first"
        ),
        pytest.param("percentages", ["50", 100], "[0] is '50': Input should be a valid number", id="in quotes"),
        pytest.param("percentages", [float("nan"), 100], "[0] is nan: Input should be a finite number", id="no number"),
        pytest.param("percentages", 100, " is 100: Input should be a valid list", id="a percentage that is no list"),
        pytest.param("bake_minutes", -1, " is -1: Input should be greater than or equal to 0", id="less than no time"),
        pytest.param("bake_minutes", 60, " is 60: Input should be less than 60", id="an hour"),
        pytest.param("bake_minutes", "5", " is '5': Input should be a valid number", id="a time in quotes"),
        pytest.param(
            "bake_minutes", None, " is None: Input should be a number that is not too large", id="a time that is null"
        ),
        pytest.param("alarms", "errors", " is 'errors': Input should be a valid list", id="an alarm that is no list"),
        pytest.param("alarms", [""], "[0] is '': Input should be the name of an alarm", id="an alarm without a name"),
        pytest.param("alarms", ["x" * 256], ": Input should be the name of an alarm", id="a name that is too long"),
        pytest.param(
            "alarms", ["errors "], "[0] is 'errors ': Input should be the name of an alarm", id="a blank after it"
        ),
        pytest.param("alarms", ["a\nb"], r"[0] is 'a\nb': Input should be the name of", id="a name of two lines"),
        pytest.param("alarms", ["arn:aws:cloudwatch:eu-west-1:1:alarm:x"], "not an ARN", id="an ARN"),
        pytest.param(
            "alarms", None, " is None: Input should be a list, and not null: leave", id="alarms that are null"
        ),
        pytest.param(
            "percentages", None, " is None: Input should be a list, and not null: leave", id="percentages that are null"
        ),
        pytest.param("alarms", ["x"] * 101, "List should have at most 100 items", id="too many alarms"),
        pytest.param(
            "max_failures", -1, " is -1: Input should be a whole number of targets, or", id="a negative number"
        ),
        pytest.param(
            "max_failures", 10**400, ": Input should be a whole number of targets, or", id="failures beyond numbers"
        ),
        pytest.param(
            "max_failures",
            None,
            " is None: Input should be a number that is not too large",
            id="failures that are null",
        ),
        pytest.param("max_failures", 1.5, " is 1.5: Input should be a whole number of targets, or", id="half a target"),
        pytest.param("max_failures", True, " is True: Input should be a whole number", id="failures that are true"),
        pytest.param("max_failures", "two", """a percentage of them like "2%\"""", id="a number in words"),
        pytest.param(
            "max_failures", "101%", " is '101%': Input should be a whole number of targets, or", id="more than all"
        ),
    ],
)
def test_fails_when_a_value_of_a_rollout_is_not_allowed(key: str, value: Any, expected: str) -> None:
    message = mistake_in_entry(rollout={key: value})

    assert message.startswith(f"instance_roles.web.rollout.{key}")
    assert expected in message
    assert "; " not in message


def test_fails_when_waves_have_both_growth_and_percentages() -> None:
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

    assert message == "instance_roles.web: give either instance_ids or instance_tags"


def test_fails_when_an_entry_selects_twice() -> None:
    message = mistake_in_entry(instance_ids=[ID], instance_tags={"app": ["web"]})

    assert message == "instance_roles.web: give either instance_ids or instance_tags, not both"


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_fails_when_an_entry_is_not_a_map_with_a_helpful_message(value: Any) -> None:
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
def test_reports_one_mistake_in_one_sentence(key: str, value: Any) -> None:
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
def test_accepts_profiles_with_similar_names(replaces: list[str]) -> None:
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
def test_fails_when_a_name_is_one_that_the_library_and_its_handler_refuse(key: str, value: Any) -> None:
    assert f"instance_roles.web.{key}" in mistake_in_entry(**{key: value})
