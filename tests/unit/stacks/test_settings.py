"""The settings of the app: which values they accept, and how an entry overrides them."""

from typing import Any

import pytest

from stacks.config import ConfigError, SettingsEntry
from stacks.settings import VpcEntry
from tests.unit.stacks.loading import load

ID = "i-0123456789abcdef0"
ENTRY: dict[str, Any] = {"instance_ids": [ID]}
VPC: dict[str, Any] = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}
KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"


def settings_of(settings: Any, **of_the_entry: Any) -> SettingsEntry | None:
    entry = {**ENTRY, **({"settings": of_the_entry} if of_the_entry else {})}
    return load({"instance_roles": {"web": entry}, "instance_role_settings": settings})["web"].settings


def mistake(settings: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_of(settings)
    return str(caught.value)


def test_by_default_an_entry_has_no_settings() -> None:
    assert load({"instance_roles": {"web": ENTRY}})["web"].settings is None


def test_settings_hold_for_every_entry() -> None:
    context = {"instance_roles": {"web": ENTRY, "api": {"instance_tags": {"app": ["api"]}}}}
    roles = load({**context, "instance_role_settings": {"encryption_key": KEY}})
    assert {role.settings.encryption_key for role in roles.values() if role.settings} == {KEY}
    assert all(role.settings for role in roles.values())


def test_settings_hold_for_the_entry_of_the_command_line() -> None:
    role = load({"instance_ids": ID, "instance_role_settings": '{"runtime": "python3.12"}'})["default"]
    assert role.settings
    assert role.settings.runtime == "python3.12"


def test_an_entry_overrides_the_keys_that_it_gives() -> None:
    found = settings_of({"runtime": "python3.12", "log_retention_days": 30, "vpc": VPC}, runtime="python3.13", vpc=None)
    assert found == SettingsEntry(runtime="python3.13", log_retention_days=30)


def test_settings_may_be_given_in_an_entry_only() -> None:
    assert settings_of({}, vpc=VPC) == SettingsEntry(vpc=VpcEntry(**VPC))


def test_all_keys_are_accepted() -> None:
    everything: dict[str, Any] = {
        "vpc": {**VPC, "security_group_ids": ["sg-0a1b2c3d"]},
        "encryption_key": KEY,
        "log_retention_days": 365,
        "log_removal_policy": "destroy",
        "runtime": "python3.13",
        "architecture": "arm64",
        "tracing": "active",
        "reserved_concurrent_executions": 10,
        "ledger_removal_policy": "retain",
        "ledger_deletion_protection": True,
        "max_policies": 20,
        "permissions_boundary": "CompanyBoundary",
        "tags": {"cost-center": "42", "owner": "me"},
        "encrypt_queues": True,
        "reconcilers": ["arn:aws:iam::111122223333:role/Operator"],
        "shared_provider": True,
    }
    found = settings_of(everything)
    assert found
    assert found.model_dump(exclude_none=True) == everything
    assert set(everything) == set(SettingsEntry.model_fields)


SHORT_KEY = "arn:aws:kms:eu-west-1:111122223333:key/a"
MULTI_REGION_KEY = "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-0a1b2c3d0a1b2c3d4e5f0a1b2c3d4e5f"
IN_SETTINGS = "instance_role_settings"
AN_ARN = (
    "Input should be the ARN of a KMS key, not of an alias, like "
    "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"
)
DAYS = (
    "Input should be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, "
    "2922, 3288, 3653"
)
RUNTIMES = "Input should be one of python3.11, python3.12, python3.13, python3.14"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"log_retention": 90},
            (
                f"{IN_SETTINGS} has the unknown key 'log_retention': did you mean 'log_retention_days'? allowed are "
                "vpc, encryption_key, log_retention_days, log_removal_policy, runtime, architecture, tracing, "
                "reserved_concurrent_executions, ledger_removal_policy, ledger_deletion_protection, max_policies, "
                "permissions_boundary, tags, encrypt_queues, reconcilers, shared_provider"
            ),
        ),
        (
            {"vpc": {**VPC, "subnets": []}},
            (
                f"{IN_SETTINGS}.vpc has the unknown key 'subnets': did you mean 'subnet_ids'? allowed are vpc_id, "
                "subnet_ids, security_group_ids"
            ),
        ),
        ({"encryption_key": "alias/company"}, f"{IN_SETTINGS}.encryption_key is 'alias/company': {AN_ARN}"),
        (
            {"encryption_key": KEY.replace("key/", "alias/")},
            f"{IN_SETTINGS}.encryption_key is '{KEY.replace('key/', 'alias/')}': {AN_ARN}",
        ),
        ({"encryption_key": SHORT_KEY}, f"{IN_SETTINGS}.encryption_key is '{SHORT_KEY}': {AN_ARN}"),
        ({"encryption_key": 5}, f"{IN_SETTINGS}.encryption_key is 5: {AN_ARN}"),
        ({"runtime": "nodejs22.x"}, f"{IN_SETTINGS}.runtime is 'nodejs22.x': {RUNTIMES}"),
        ({"runtime": "python3.10"}, f"{IN_SETTINGS}.runtime is 'python3.10': {RUNTIMES}"),
        (
            {"vpc": {**VPC, "subnet_ids": []}},
            f"{IN_SETTINGS}.vpc.subnet_ids is []: List should have at least 1 item after validation, not 0",
        ),
        (
            {"vpc": {"subnet_ids": VPC["subnet_ids"]}},
            f"{IN_SETTINGS}.vpc.vpc_id: Field required in {{'subnet_ids': ['subnet-0123456789abcdef0']}}",
        ),
        (
            {"vpc": {**VPC, "vpc_id": "vpc-0ABC"}},
            (
                f"{IN_SETTINGS}.vpc.vpc_id is 'vpc-0ABC': Input should be the id of a VPC: vpc- and 8 or 17 "
                "hexadecimal digits, like vpc-0123456789abcdef0"
            ),
        ),
        ({"log_retention_days": 42}, f"{IN_SETTINGS}.log_retention_days is 42: {DAYS}"),
        ({"log_retention_days": True}, f"{IN_SETTINGS}.log_retention_days is True: {DAYS}"),
        (
            {"reserved_concurrent_executions": 0},
            f"{IN_SETTINGS}.reserved_concurrent_executions is 0: Input should be greater than or equal to 1",
        ),
        (
            {"reserved_concurrent_executions": 10**400},
            f"{IN_SETTINGS}.reserved_concurrent_executions is 1000000",
        ),
        ({"runtime": {"a": 1}}, f"{IN_SETTINGS}.runtime is {{'a': 1}}: {RUNTIMES}"),
        (
            {"permissions_boundary": "a b"},
            (
                f"{IN_SETTINGS}.permissions_boundary is 'a b': Input should be the name of a managed policy of the "
                "account, like CompanyBoundary, or an ARN"
            ),
        ),
        ({"tags": {"team": "R&D"}}, f"{IN_SETTINGS}.tags.team is 'R&D': A tag value should be letters, digits, blanks"),
        ({"tags": {"team": ""}}, f"{IN_SETTINGS}.tags.team is '': String should have at least 1 character"),
        (
            {"tags": {"Owner": "a", "owner": "b"}},
            f"{IN_SETTINGS}.tags: IAM takes the keys 'Owner' and 'owner' for one, because it ignores case: leave one",
        ),
        (
            {"tags": {"aws:owner": "me"}},
            f"{IN_SETTINGS}.tags: the key 'aws:owner' is reserved by AWS: give another one",
        ),
        (
            {"tags": {f"key-{number}": "value" for number in range(50)}},
            f"{IN_SETTINGS}.tags: 50 tags are more than 49: AWS takes 50 on a table, and the ledger has one of its own",
        ),
        ("{vpc}", f"{IN_SETTINGS} is '{{vpc}}', which is not JSON"),
        (["vpc"], f"{IN_SETTINGS} is ['vpc']: give a map of settings"),
    ],
)
def test_fails_with_one_sentence_that_names_the_key_the_value_and_what_is_allowed(settings: Any, said: str) -> None:
    assert mistake(settings).startswith(said)


@pytest.mark.parametrize(("key", "prefix", "most"), [("subnet_ids", "subnet", 16), ("security_group_ids", "sg", 5)])
def test_fails_when_there_are_more_ids_than_lambda_takes(key: str, prefix: str, most: int) -> None:
    ids = [f"{prefix}-{number:08x}" for number in range(most + 1)]
    message = mistake({"vpc": {**VPC, key: ids}})
    assert message.startswith(f"{IN_SETTINGS}.vpc.{key} is ['{prefix}-00000000', ")
    assert message.endswith(f": List should have at most {most} items after validation, not {most + 1}")


def test_a_function_is_given_as_many_subnets_and_security_groups_as_lambda_takes() -> None:
    most = {
        "subnet_ids": [f"subnet-{number:08x}" for number in range(16)],
        "security_group_ids": [f"sg-{number:08x}" for number in range(5)],
    }
    assert settings_of({"vpc": {**VPC, **most}}) == SettingsEntry(vpc=VpcEntry(**{**VPC, **most}))


def test_as_many_tags_are_accepted_as_a_table_takes_beside_the_one_of_the_ledger() -> None:
    tags = {f"key-{number}": "value" for number in range(49)}
    assert settings_of({"tags": tags}) == SettingsEntry(tags=tags)


def test_a_multi_region_key_is_accepted() -> None:
    found = settings_of({"encryption_key": MULTI_REGION_KEY})
    assert found
    assert found.encryption_key == MULTI_REGION_KEY


def test_a_mistake_in_an_entry_names_the_entry() -> None:
    with pytest.raises(ConfigError, match=r"^instance_roles\.web\.settings\.log_retention_days is 42: "):
        settings_of({}, log_retention_days=42)


@pytest.mark.parametrize("nothing", ["", [], 0, False])
def test_settings_that_are_not_a_map_are_not_treated_as_none(nothing: Any) -> None:
    with pytest.raises(ConfigError, match=r"instance_role_settings is .*give a map of settings"):
        settings_of(nothing)


def test_a_key_of_another_region_than_that_of_an_entry_is_refused() -> None:
    entry = {**ENTRY, "region": "us-east-1"}
    with pytest.raises(ConfigError) as caught:
        load({"instance_roles": {"web": entry}, "instance_role_settings": {"encryption_key": KEY}})
    assert str(caught.value) == (
        f"instance_roles.web is for us-east-1, and encryption_key '{KEY}' is in eu-west-1: give one of us-east-1 in "
        "instance_roles.web.settings"
    )


def test_a_boundary_of_another_account_than_that_of_an_entry_is_refused() -> None:
    entry = {**ENTRY, "account": "444455556666"}
    boundary = "arn:aws:iam::111122223333:policy/CompanyBoundary"
    with pytest.raises(ConfigError, match=r"is for account 444455556666, and permissions_boundary .* 111122223333"):
        load({"instance_roles": {"web": entry}, "instance_role_settings": {"permissions_boundary": boundary}})


def test_a_boundary_of_aws_and_a_key_of_another_account_are_accepted() -> None:
    entry = {**ENTRY, "account": "444455556666"}
    boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
    settings = {"permissions_boundary": boundary, "encryption_key": KEY}
    assert load({"instance_roles": {"web": entry}, "instance_role_settings": settings})["web"].settings


def test_a_key_that_looks_like_the_settings_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'instance_role_settings'"):
        load({"instance_roles": {"web": ENTRY}, "instance_role_setting": {}})
