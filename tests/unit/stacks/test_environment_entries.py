"""Several accounts and Regions in one entry: which stacks they give, and the messages for mistakes."""

from typing import Any

import pytest

from stacks.config import ConfigError, RoleEntry
from stacks.settings import SettingsEntry
from tests.unit.stacks.loading import load

ONE, TWO = "111122223333", "444455556666"
ID, OTHER_ID = "i-0123456789abcdef0", "i-0fedcba9876543210"
TAGS = {"app": ["web"]}
IRISH_KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
VIRGINIAN_KEY = "arn:aws:kms:us-east-1:111122223333:key/1b2c3d4e-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
BOUNDARY = "arn:aws:iam::111122223333:policy/CompanyBoundary"
VPC = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}
OTHER_VPC = {"vpc_id": "vpc-0fedcba9876543210", "subnet_ids": ["subnet-0fedcba9876543210"]}
EVERYWHERE = [
    {"account": ONE, "regions": ["eu-west-1", "us-east-1"]},
    {"account": TWO, "regions": ["eu-west-1", "us-east-1"]},
]


def at(account: str, *regions: str, **more: Any) -> dict[str, Any]:
    return {"account": account, "regions": list(regions), **more}


def web(environments: Any, **keys: Any) -> dict[str, Any]:
    """A configuration with one entry, which selects by tags unless it says otherwise."""
    selection = {} if "instance_ids" in keys or "instance_tags" in keys else {"instance_tags": TAGS}
    return {"instance_roles": {"web": {**selection, "environments": environments, **keys}}}


def mistake(context: dict[str, Any], **options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load(context, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def settings_by_stack(context: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: getattr(entry.settings or SettingsEntry(), key) for name, entry in load(context).items()}


# What they give


def test_an_entry_is_one_stack_for_each_account_and_region() -> None:
    found = load(web(EVERYWHERE, managed_policies=["AmazonS3ReadOnlyAccess"]))

    assert {name: (entry.account, entry.region) for name, entry in found.items()} == {
        "web-111122223333-eu-west-1": ("111122223333", "eu-west-1"),
        "web-111122223333-us-east-1": ("111122223333", "us-east-1"),
        "web-444455556666-eu-west-1": ("444455556666", "eu-west-1"),
        "web-444455556666-us-east-1": ("444455556666", "us-east-1"),
    }
    assert {entry.environments for entry in found.values()} == {None}
    assert all(entry.managed_policies == ["AmazonS3ReadOnlyAccess"] for entry in found.values())


def test_with_account_and_region_as_the_short_form_the_stack_has_the_name_of_the_entry() -> None:
    entry = {"instance_tags": TAGS, "account": ONE, "region": "eu-west-1"}
    assert list(load({"instance_roles": {"web": entry}})) == ["web"]


def test_one_environment_is_named_like_one_of_several_so_that_a_further_one_renames_nothing() -> None:
    assert list(load(web([at(ONE, "eu-west-1")]))) == ["web-111122223333-eu-west-1"]


def test_each_environment_may_have_ids_of_its_own() -> None:
    environments = [at(ONE, "eu-west-1", instance_ids=[ID]), at(ONE, "us-east-1", instance_ids=[OTHER_ID])]
    found = load({"instance_roles": {"web": {"environments": environments}}})

    assert {name: entry.instance_ids for name, entry in found.items()} == {
        "web-111122223333-eu-west-1": [ID],
        "web-111122223333-us-east-1": [OTHER_ID],
    }


def test_the_ids_of_an_entry_are_used_if_there_is_one_environment() -> None:
    (entry,) = load(web([at(ONE, "eu-west-1")], instance_ids=[ID])).values()
    assert entry.instance_ids == [ID]


def test_settings_of_an_environment_override_the_entry_which_overrides_the_app() -> None:
    environments = [at(ONE, "eu-west-1", settings={"log_retention_days": 30}), at(TWO, "eu-west-1")]
    context = web(environments, settings={"log_retention_days": 60, "runtime": "python3.12"})
    context["instance_role_settings"] = {"log_retention_days": 365, "runtime": "python3.13", "tracing": "active"}

    assert settings_by_stack(context, "log_retention_days") == {
        "web-111122223333-eu-west-1": 30,
        "web-444455556666-eu-west-1": 60,
    }
    assert set(settings_by_stack(context, "runtime").values()) == {"python3.12"}
    assert set(settings_by_stack(context, "tracing").values()) == {"active"}


def test_null_in_an_environment_resets_a_setting_to_its_default() -> None:
    context = web([at(ONE, "eu-west-1", settings={"tracing": None}), at(TWO, "eu-west-1")])
    context["instance_role_settings"] = {"tracing": "active"}

    assert settings_by_stack(context, "tracing") == {
        "web-111122223333-eu-west-1": None,
        "web-444455556666-eu-west-1": "active",
    }


def test_each_region_has_its_own_key_and_vpc_in_an_environment() -> None:
    environments = [
        at(ONE, "eu-west-1", settings={"encryption_key": IRISH_KEY, "vpc": VPC}),
        at(ONE, "us-east-1", settings={"encryption_key": VIRGINIAN_KEY, "vpc": OTHER_VPC}),
    ]
    assert settings_by_stack(web(environments), "encryption_key") == {
        "web-111122223333-eu-west-1": IRISH_KEY,
        "web-111122223333-us-east-1": VIRGINIAN_KEY,
    }


def test_accounts_may_share_a_vpc_in_one_region() -> None:
    context = {**web([at(ONE, "eu-west-1"), at(TWO, "eu-west-1")]), "instance_role_settings": {"vpc": VPC}}
    assert len(load(context)) == 2


def test_a_boundary_by_name_and_policies_of_aws_hold_in_every_account() -> None:
    policies = ["AmazonS3ReadOnlyAccess", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]
    context = web(EVERYWHERE, managed_policies=policies, replaces=["OldProfile"])
    context["instance_role_settings"] = {"permissions_boundary": "CompanyBoundary"}
    assert set(settings_by_stack(context, "permissions_boundary").values()) == {"CompanyBoundary"}


def test_a_region_of_every_partition_is_accepted() -> None:
    assert list(load(web([at(ONE, "eusc-de-east-1")]))) == ["web-111122223333-eusc-de-east-1"]


def test_an_entry_has_no_key_for_a_name_that_two_regions_of_an_account_could_share() -> None:
    assert [key for key in RoleEntry.model_fields if "name" in key or "path" in key] == []


@pytest.mark.parametrize("value", ["prod", {"prod": ONE}])
def test_a_context_key_named_environment_is_left_to_other_tools(value: Any) -> None:
    assert list(load({"instance_ids": ID, "environment": value})) == ["default"]


# Mistakes

VALUES: dict[str, tuple[Any, str]] = {
    "an empty list": ([], " is []: List should have at least 1 item after validation, not 0"),
    "a map": (at(ONE, "eu-west-1"), "Input should be a valid list"),
    "no Region": ([at(ONE)], "[0].regions is []: List should have at least 1 item after validation, not 0"),
    "a Region alone": (
        [{"account": ONE, "regions": "eu-west-1"}],
        "[0].regions is 'eu-west-1': Input should be a valid list",
    ),
    "no account": ([{"regions": ["eu-west-1"]}], "[0].account: Field required in {'regions': ['eu-west-1']}"),
    "a number": (
        [{"account": 111122223333, "regions": ["eu-west-1"]}],
        "[0].account is 111122223333: Input should be an account id: 12 digits, in quotes",
    ),
    "a malformed account": (
        [at(ONE, "eu-west-1"), at("1111-2222-3333", "eu-west-1")],
        "[1].account is '1111-2222-3333': Input should be an account id: 12 digits, in quotes",
    ),
    "a malformed Region": (
        [at(ONE, "eu-west-1", "Ireland")],
        "[0].regions[1] is 'Ireland': Input should be a Region like eu-west-1",
    ),
    "a Region twice": (
        [at(ONE, "eu-west-1", "us-east-1", "eu-west-1")],
        "[0].regions is ['eu-west-1', 'us-east-1', 'eu-west-1']: Region eu-west-1 is listed 2 times, list it once",
    ),
    "an account twice": (
        [at(ONE, "eu-west-1"), at(ONE, "us-east-1")],
        "account 111122223333 is in [0] and in [1]: list all its Regions in one",
    ),
    "an account and Region twice": (
        [at(ONE, "eu-west-1", instance_ids=[ID]), at(ONE, "eu-west-1", instance_ids=[OTHER_ID])],
        "account 111122223333 has eu-west-1 in [0] and in [1], leave it in one",
    ),
    "ids of several Regions": (
        [at(ONE, "eu-west-1", "us-east-1", instance_ids=[ID])],
        (
            "[0]: instance_ids belong to one Region, and regions are eu-west-1, us-east-1: make an environment for "
            "each Region, or select by instance_tags"
        ),
    ),
    "a malformed id": (
        [at(ONE, "eu-west-1", instance_ids=["i-1"])],
        "[0].instance_ids[0] is 'i-1': Input should be an instance id",
    ),
    "an unknown key": (
        [{"account": ONE, "region": ["eu-west-1"]}],
        (
            "[0] has the unknown key 'region': did you mean 'regions'? allowed are account, regions, instance_ids, "
            "settings"
        ),
    ),
    "a key of the entry itself": (
        [at(ONE, "eu-west-1", instance_tags=TAGS)],
        (
            "[0] has the unknown key 'instance_tags': put it beside environments, into instance_roles.web: allowed "
            "here are account, regions, instance_ids, settings"
        ),
    ),
    "an unknown setting": (
        [at(ONE, "eu-west-1", settings={"runtimes": "python3.13"})],
        "[0].settings has the unknown key 'runtimes': did you mean 'runtime'?",
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_fails_with_one_sentence_that_names_the_entry_the_key_and_what_is_allowed_on(name: str) -> None:
    environments, said = VALUES[name]
    message = mistake(web(environments))

    assert message.startswith("instance_roles.web.environments")
    assert said in message
    assert "; " not in message


@pytest.mark.parametrize(
    ("short", "said"),
    [
        ({"account": ONE}, "account"),
        ({"region": "eu-west-1"}, "region"),
        ({"account": ONE, "region": "eu-west-1"}, "account and region"),
    ],
)
def test_fails_when_both_forms_are_given(short: dict[str, str], said: str) -> None:
    assert mistake(web([at(ONE, "eu-west-1")], **short)) == (
        f"instance_roles.web: give either environments or {said}, not both"
    )


def test_fails_when_ids_of_an_entry_are_for_several_environments_and_suggests_tags_or_ids_for_each() -> None:
    assert mistake(web(EVERYWHERE, instance_ids=[ID])) == (
        "instance_roles.web: instance_ids belong to one Region, and environments has several: select by instance_tags, "
        "or give instance_ids in each environment"
    )


def test_fails_when_some_environments_have_ids_and_others_have_none() -> None:
    environments = [at(ONE, "eu-west-1", instance_ids=[ID]), at(TWO, "eu-west-1")]
    assert mistake({"instance_roles": {"web": {"environments": environments}}}) == (
        "instance_roles.web: environments[1] has no instance_ids, and others have: give them in each environment, or "
        "give instance_tags in the entry"
    )


@pytest.mark.parametrize("key", ["instance_tags", "instance_ids"])
def test_fails_when_an_environment_and_its_entry_select_instances(key: str) -> None:
    selection = {"instance_tags": TAGS, "instance_ids": [OTHER_ID]}[key]
    assert mistake(web([at(ONE, "eu-west-1", instance_ids=[ID])], **{key: selection})) == (
        f"instance_roles.web: give either {key} in the entry or instance_ids in environments, not both"
    )


def test_fails_when_an_id_is_in_two_environments() -> None:
    environments = [at(ONE, "eu-west-1", instance_ids=[ID]), at(TWO, "eu-west-1", instance_ids=[ID])]
    assert mistake({"instance_roles": {"web": {"environments": environments}}}) == (
        f"instance {ID} is in instance_roles.web.environments[0] and instance_roles.web.environments[1]: an id belongs "
        "to one Region, leave it in one of them"
    )


def test_fails_when_a_region_does_not_exist_and_suggests_one_that_does() -> None:
    known = ["eu-west-1", "eu-west-2", "us-east-1"]
    said = "give one that exists, or update aws-cdk-lib for a new one"

    assert mistake(web([at(ONE, "us-east-1"), at(TWO, "us-east-1", "eu-wset-1")]), regions=known) == (
        "instance_roles.web.environments[1].regions[1] is 'eu-wset-1', and aws-cdk-lib lists no such Region: did you "
        f"mean 'eu-west-1'? {said}"
    )
    assert mistake({"instance_ids": ID, "region": "xx-nowhere-9"}, regions=known) == (
        f"instance_roles.default.region is 'xx-nowhere-9', and aws-cdk-lib lists no such Region: {said}"
    )
    assert load(web(EVERYWHERE), regions=known)


def test_fails_when_two_stacks_would_have_one_id() -> None:
    roles = {
        "web-111122223333-eu-west-1": {"instance_tags": {"app": ["api"]}},
        **web([at(ONE, "eu-west-1")])["instance_roles"],
    }
    assert mistake({"instance_roles": roles}) == (
        "the entries 'web-111122223333-eu-west-1' and 'web' of instance_roles both need the stack "
        "InstanceRole-web-111122223333-eu-west-1: rename one"
    )


def test_fails_when_the_name_of_a_stack_would_be_longer_than_cloudformation_accepts() -> None:
    def named(length: int) -> dict[str, Any]:
        return {"instance_roles": {"w" * length: {"instance_tags": TAGS, "environments": [at(ONE, "eu-west-1")]}}}

    # InstanceRole- (13), the name, -111122223333 (13) and -eu-west-1 (10)
    assert len(load(named(92))) == 1
    assert mistake(named(95)).endswith(
        "-111122223333-eu-west-1, whose name has 131 characters, and CloudFormation takes 128: shorten the name of the "
        "entry by 3"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"managed_policies": ["arn:aws:iam::111122223333:policy/Own"]},
        {"replaces": ["arn:aws:iam::111122223333:instance-profile/Old"]},
    ],
)
def test_fails_when_an_arn_of_one_account_is_for_several(given: dict[str, Any]) -> None:
    message = mistake(web(EVERYWHERE, **given))

    assert message.startswith("instance_roles.web: arn:aws:iam::111122223333:")
    assert message.endswith(
        " is in account 111122223333, and the entry is for account 444455556666: make an entry for each account"
    )
    assert load(web([at(ONE, "eu-west-1", "us-east-1")], **given))


# Settings that can't be right everywhere


def test_fails_when_one_key_is_for_several_regions_and_says_where_to_give_others() -> None:
    context = {**web(EVERYWHERE), "instance_role_settings": {"encryption_key": IRISH_KEY}}
    assert mistake(context) == (
        f"instance_roles.web.environments[0] is for us-east-1, and encryption_key '{IRISH_KEY}' is in eu-west-1: give "
        "one of us-east-1 in settings of an environment for us-east-1 alone"
    )


def test_fails_when_the_key_of_an_environment_is_of_another_region() -> None:
    environments = [at(ONE, "eu-west-1"), at(ONE, "us-east-1", settings={"encryption_key": IRISH_KEY})]
    assert mistake(web(environments)) == (
        f"instance_roles.web.environments[1] is for us-east-1, and encryption_key '{IRISH_KEY}' is in eu-west-1: give "
        "one of us-east-1 in instance_roles.web.environments[1].settings"
    )


def test_fails_when_a_boundary_is_in_one_of_several_accounts_and_suggests_its_name() -> None:
    context = {**web(EVERYWHERE), "instance_role_settings": {"permissions_boundary": BOUNDARY}}
    assert mistake(context) == (
        f"instance_roles.web.environments[1] is for account 444455556666, and permissions_boundary '{BOUNDARY}' is in "
        "account 111122223333: give one of that account in instance_roles.web.environments[1].settings, or the name of "
        "a policy that each account has"
    )


def test_fails_when_one_vpc_is_for_several_regions() -> None:
    context = {**web([at(ONE, "eu-west-1"), at(TWO, "us-east-1")]), "instance_role_settings": {"vpc": VPC}}
    assert mistake(context) == (
        "instance_roles.web.environments[0] in eu-west-1 and instance_roles.web.environments[1] in us-east-1 both have "
        "the vpc 'vpc-0123456789abcdef0': a VPC is in one Region, give one for each Region in settings of an entry or "
        "an environment"
    )


def test_fails_when_an_environment_says_whether_providers_are_shared() -> None:
    assert mistake(web([at(ONE, "eu-west-1", settings={"shared_provider": True})])) == (
        "instance_roles.web.environments[0].settings.shared_provider has no effect in an entry: give it in "
        "instance_role_settings, because all entries of an account and Region share the provider"
    )


def test_fails_when_two_entries_have_different_settings_for_the_provider_of_one_environment() -> None:
    different = [at(ONE, "eu-west-1"), at(TWO, "eu-west-1", settings={"runtime": "python3.12"})]
    roles = {
        "web": {"instance_tags": TAGS, "environments": [at(ONE, "eu-west-1"), at(TWO, "eu-west-1")]},
        "api": {"instance_tags": {"app": ["api"]}, "environments": different},
    }
    assert mistake({"instance_roles": roles, "instance_role_settings": {"shared_provider": True}}) == (
        "the entries 'web' and 'api' of instance_roles share one provider in account 444455556666, eu-west-1, and have "
        "different settings for it, runtime: give both entries the same ones, or leave shared_provider out"
    )


def test_fails_when_a_shared_provider_would_have_the_boundary_of_another_account() -> None:
    environments = [at(ONE, "eu-west-1"), at(TWO, "eu-west-1", settings={"permissions_boundary": "Own"})]
    api = {
        "instance_tags": {"app": ["api"]},
        "environments": [at(TWO, "eu-west-1", settings={"permissions_boundary": "Other"})],
    }
    context = web(environments)
    context["instance_roles"]["api"] = api
    settings = {"shared_provider": True, "permissions_boundary": BOUNDARY}
    assert mistake({**context, "instance_role_settings": settings}) == (
        f"instance_role_settings.permissions_boundary '{BOUNDARY}' is in account 111122223333, and the shared provider "
        "of instance_roles.web.environments[1] is in account 444455556666: give the name of a policy that each account "
        "has"
    )


def test_the_boundary_of_an_environment_is_that_of_its_shared_provider() -> None:
    environments = [at(ONE, "eu-west-1"), at(TWO, "eu-west-1", settings={"permissions_boundary": "Own"})]
    settings = {"shared_provider": True, "permissions_boundary": BOUNDARY}
    assert len(load({**web(environments), "instance_role_settings": settings})) == 2


def test_fails_when_the_stacks_of_two_entries_differ_only_in_case() -> None:
    roles = {"web": {"instance_tags": TAGS}, "Web": {"instance_tags": {"app": ["api"]}}}
    assert mistake({"instance_roles": roles}) == (
        "the entries 'web' and 'Web' of instance_roles need the stacks InstanceRole-web and InstanceRole-Web, which "
        "differ only in case, and macOS and Windows take the files of their templates for one: rename one"
    )
