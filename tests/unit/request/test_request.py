"""From an event of CloudFormation to a typed request."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_instance_role.runtime.association.contract import OnConflict
from cdk_instance_role.runtime.association.exceptions import RequestError
from cdk_instance_role.runtime.association.request.desired import Desired, Selection
from cdk_instance_role.runtime.association.request.event import Request, RequestType, digest_of
from tests.unit.builders import (
    ACCOUNT,
    FOREIGN,
    FORMER,
    ID,
    LISTED,
    REGION,
    STACK_ID,
    WANTED,
    desired,
    event,
    instance_id,
    properties,
    ref,
    request,
    role_arn,
)
from tests.unit.request_properties import MAX_MESSAGE, check

FULL_WIDTH = "１１１１２２２２３３３３"  # noqa: RUF001
LISTED_PROPERTIES = {"InstanceProfileArn": LISTED, "RoleArn": role_arn("Listed")}


def desired_state(**changed: Any) -> Desired:
    parsed = request(ResourceProperties=properties(**changed)).desired
    assert parsed is not None
    return parsed


# Valid events


def test_reads_a_create() -> None:
    parsed = request("Create", ResourceProperties=properties(TimeoutSeconds="60"))

    assert (parsed.type, parsed.id, parsed.stack_id) == (RequestType.CREATE, "b1c2d3e4", STACK_ID)
    assert (parsed.logical_id, parsed.physical_id) == ("Association", None)
    assert parsed.desired == desired(replaces=[])
    assert (parsed.timeout, parsed.known_ids) == (60.0, frozenset())


def test_reads_an_update() -> None:
    other = instance_id(2)
    parsed = request("Update", OldResourceProperties=properties(InstanceIds=[ID, other]))

    assert (parsed.type, parsed.physical_id) == (RequestType.UPDATE, "Association-0123456789ab")
    assert parsed.known_ids == {ID, other}
    assert parsed.desired is not None


def test_a_delete_has_no_desired_state() -> None:
    parsed = request("Delete")

    assert (parsed.type, parsed.desired) == (RequestType.DELETE, None)


def test_reads_a_selection_by_tags() -> None:
    tags = {"env": ["prod"], "app": ["web", "api", "web"]}

    assert desired_state(InstanceIds=None, InstanceTags=tags).selection == Selection(
        tags=(("app", frozenset({"web", "api"})), ("env", frozenset({"prod"})))
    )


def test_selects_an_id_that_is_listed_twice_once_and_keeps_the_order() -> None:
    first, second = instance_id(2), instance_id(1)

    assert desired_state(InstanceIds=[first, second, first]).selection.ids == (first, second)


@pytest.mark.parametrize("id_", ["i-0123456789abcdef0", "i-01234567"])
def test_accepts_ids_of_both_lengths(id_: str) -> None:
    assert desired_state(InstanceIds=[id_]).selection.ids == (id_,)


def test_reads_the_profiles_that_may_be_replaced() -> None:
    replaceable = desired_state(Replaces=[LISTED_PROPERTIES]).replaceable

    assert (replaceable.any, replaceable.profiles) == (False, (ref(LISTED),))
    assert replaceable.allows(LISTED)
    assert not replaceable.allows(FORMER)


def test_reads_that_every_profile_may_be_replaced() -> None:
    assert desired_state(Replaces="*").replaceable.allows(FORMER)


@pytest.mark.parametrize("choice", OnConflict)
def test_reads_what_to_do_about_conflicts(choice: OnConflict) -> None:
    assert desired_state(OnConflict=choice.value).on_conflict is choice


def test_missing_properties_have_their_defaults() -> None:
    parsed = request(ResourceProperties=properties(Replaces=None, OnConflict=None, TimeoutSeconds=None))

    assert parsed.desired == desired(replaces=[])
    assert parsed.timeout == 1800


def test_accepts_properties_of_a_later_release() -> None:
    assert desired_state(SomethingNew="x") == desired_state()


@pytest.mark.parametrize(("value", "seconds"), [("1", 1.0), ("3300", 3300.0), ("90.5", 90.5), (1800, 1800.0)])
def test_reads_the_timeout(value: Any, seconds: float) -> None:
    assert request(ResourceProperties=properties(TimeoutSeconds=value)).timeout == seconds


@pytest.mark.parametrize(("kind", "seconds"), [("Create", 3300), ("Update", 3500), ("Delete", 3500)])
def test_of_a_timeout_of_an_hour_leaves_time_for_the_answer(kind: str, seconds: int) -> None:
    """CloudFormation waits for an hour after it has sent the event, and then ignores answers. A Create that fails
    restores its instances before it answers."""
    assert request(RequestType=kind, ResourceProperties=properties(TimeoutSeconds="3600")).timeout == seconds


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_accepts_arns_of_every_partition(partition: str) -> None:
    arn = f"arn:{partition}:iam::{ACCOUNT}:instance-profile/team/a+b=c,d.e@f-g_h"

    parsed = desired_state(InstanceProfileArn=arn, RoleArn=f"arn:{partition}:iam::{ACCOUNT}:role/team/r")

    assert (parsed.profile.arn, parsed.profile.name) == (arn, "a+b=c,d.e@f-g_h")


@pytest.mark.parametrize(
    ("arn", "restorable"), [(None, True), (WANTED, True), (LISTED, True), (FORMER, True), (FOREIGN, False)]
)
def test_knows_the_profiles_that_it_could_restore_later(arn: str | None, restorable: bool) -> None:
    assert desired_state(Replaces=[LISTED_PROPERTIES]).may_restore(arn) is restorable


def test_knows_its_account_and_region() -> None:
    assert (request().region, request().account) == (REGION, ACCOUNT)


def test_does_not_guess_its_account_and_region() -> None:
    parsed = request(StackId="Web")

    assert (parsed.region, parsed.account) == ("?", "?")


# Selection by tags


@pytest.mark.parametrize(
    ("tags", "selected"),
    [
        pytest.param({"app": "web", "env": "prod"}, True, id="all keys with one of their values"),
        pytest.param({"app": "api", "env": "prod", "x": "y"}, True, id="further tags do not matter"),
        pytest.param({"app": "web"}, False, id="a key is missing"),
        pytest.param({"app": "db", "env": "prod"}, False, id="another value"),
        pytest.param({"app": "WEB", "env": "prod"}, False, id="values have a case"),
        pytest.param({}, False, id="no tags"),
    ],
)
def test_an_instance_is_selected_if_all_keys_match(tags: dict[str, str], selected: bool) -> None:
    selection = desired_state(InstanceIds=None, InstanceTags={"app": ["web", "api"], "env": ["prod"]}).selection

    assert selection.matches(tags) is selected


def test_a_wildcard_in_a_tag_value_is_taken_literally() -> None:
    selection = desired_state(InstanceIds=None, InstanceTags={"app": ["w*"]}).selection

    assert selection.matches({"app": "w*"})
    assert not selection.matches({"app": "web"})


def test_a_selection_by_ids_matches_no_tags() -> None:
    assert not desired_state().selection.matches({})


# One association has one ledger key, whatever happens to it.


def test_every_event_of_an_association_has_the_same_ledger_key() -> None:
    keys = {
        request("Create").association,
        request("Update").association,
        request("Delete").association,
        request("Delete", PhysicalResourceId="Web-Association-1A2B3C-invented-by-a-cancelled-create").association,
    }

    assert len(keys) == 1


@pytest.mark.parametrize("changed", [{"StackId": "another"}, {"LogicalResourceId": "another"}])
def test_another_association_has_another_ledger_key(changed: dict[str, str]) -> None:
    assert request(**changed).association != request().association


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(None, id="no value"),
        pytest.param({}, id="empty"),
        pytest.param("gone", id="text"),
        pytest.param({"InstanceProfileArn": "x", "InstanceIds": "i", "TimeoutSeconds": "soon"}, id="malformed"),
        pytest.param({"TimeoutSeconds": []}, id="a timeout that is no number"),
    ],
)
def test_a_delete_is_carried_out_with_any_properties(garbage: Any) -> None:
    parsed = request("Delete", ResourceProperties=garbage)

    assert parsed.desired is None
    assert parsed.association == request("Create").association


@pytest.mark.parametrize("garbage", [None, {}, "gone", {"InstanceIds": "i"}, {"InstanceIds": [1, {}]}])
def test_an_update_is_carried_out_with_any_old_properties(garbage: Any) -> None:
    assert request("Update", OldResourceProperties=garbage).known_ids == frozenset()


# Rollbacks


def test_the_reverse_update_has_the_digests_swapped() -> None:
    old, new = properties(OnConflict="KEEP"), properties()
    there = request("Update", OldResourceProperties=old, ResourceProperties=new)
    back = request("Update", OldResourceProperties=new, ResourceProperties=old)

    before, after = there.digests
    assert before != after
    assert back.digests == (after, before)


def test_a_third_configuration_has_a_digest_of_its_own() -> None:
    configurations = (properties(OnConflict="KEEP"), properties(), properties(Replaces="*"))

    assert len({digest_of(one) for one in configurations}) == 3


def test_a_delete_is_no_rollback_by_its_digests() -> None:
    assert request("Delete").digests == ("", "")


def test_a_digest_does_not_depend_on_the_order_of_the_keys() -> None:
    new = properties()

    assert digest_of(new) == digest_of(dict(reversed(new.items())))


def test_a_digest_does_not_depend_on_how_a_number_or_a_boolean_is_written() -> None:
    """CloudFormation sends texts; a template has numbers."""
    assert digest_of(properties(TimeoutSeconds=1800)) == digest_of(properties(TimeoutSeconds="1800"))


def test_a_digest_does_not_depend_on_what_the_handler_does_not_read() -> None:
    assert digest_of(properties(ServiceToken="another")) == digest_of(properties())


def test_the_old_properties_are_known_as_far_as_they_can_be_parsed() -> None:
    listing = request("Update", OldResourceProperties=properties(Replaces=[LISTED_PROPERTIES])).before
    assert listing is not None
    assert listing.replaceable.allows(LISTED)
    assert request("Update", OldResourceProperties={"InstanceIds": 7}).before is None
    assert request("Create").before is None


# Malformed events: one clear sentence that names the key and the value.


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"RequestType": "Upsert"}, ["RequestType", "'Upsert'"], id="an unknown type"),
        pytest.param({"RequestType": None}, ["RequestType", "None"], id="no type"),
        pytest.param({"RequestId": ""}, ["RequestId", "''"], id="an empty request id"),
        pytest.param({"StackId": 5}, ["StackId", "5"], id="a stack id that is no text"),
        pytest.param({"LogicalResourceId": None}, ["LogicalResourceId", "None"], id="no logical id"),
        pytest.param({"ResourceProperties": "text"}, ["properties", "'text'"], id="properties that are no map"),
        pytest.param({"PhysicalResourceId": 5}, ["PhysicalResourceId", "5"], id="a physical id that is no text"),
        pytest.param({"StackId": STACK_ID + "\n"}, ["StackId", "\\n"], id="a line break after the stack id"),
        pytest.param({"RequestId": "\ud800"}, ["RequestId", "\\ud800"], id="half a character"),
    ],
)
def test_fails_when_the_event_is_not_from_cloudformation(changed: dict[str, Any], words: list[str]) -> None:
    assert_refused(event(**changed), words)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        pytest.param({"InstanceProfileArn": None}, ["InstanceProfileArn", "None"], id="no profile"),
        pytest.param({"InstanceProfileArn": "Web"}, ["InstanceProfileArn", "'Web'"], id="a profile by name"),
        pytest.param(
            {"InstanceProfileArn": role_arn("Web")}, ["InstanceProfileArn", ":role/Web"], id="a role for a profile"
        ),
        pytest.param(
            {"RoleArn": WANTED}, ["RoleArn", ":instance-profile/cdk-instance-role"], id="a profile for a role"
        ),
        pytest.param({"RoleArn": ["x"]}, ["RoleArn", "['x']"], id="a list of roles"),
        pytest.param({"RoleArn": role_arn("Web") + "\n"}, ["RoleArn", "Web\\n"], id="a line break after the role"),
        pytest.param({"RoleArn": role_arn("Wéb")}, ["RoleArn", ":role/Wéb"], id="a letter that IAM refuses"),
        pytest.param({"RoleArn": role_arn("team/")}, ["RoleArn", ":role/team/"], id="a path without a role"),
        pytest.param({"RoleArn": role_arn("W" * 129)}, ["RoleArn", "WWW"], id="a name that is too long for IAM"),
        pytest.param(
            {"InstanceProfileArn": WANTED.replace(ACCOUNT, FULL_WIDTH)},
            ["InstanceProfileArn", FULL_WIDTH],
            id="an account in digits that only look right",
        ),
        pytest.param({"InstanceIds": None}, ["InstanceIds", "InstanceTags", "neither"], id="no selection"),
        pytest.param({"InstanceTags": {"a": ["b"]}}, ["InstanceIds", "InstanceTags", "both"], id="both selections"),
        pytest.param({"InstanceIds": []}, ["InstanceIds", "[]"], id="no ids"),
        pytest.param({"InstanceIds": ID}, ["InstanceIds", ID], id="an id that is no list"),
        pytest.param({"InstanceIds": [ID, "i-123"]}, ["instance id", "'i-123'", "hexadecimal"], id="a short id"),
        pytest.param({"InstanceIds": [ID.upper()]}, ["instance id", ID.upper()], id="an id in capitals"),
        pytest.param({"InstanceIds": [ID + "\n"]}, ["instance id", "\\n"], id="a line break after an id"),
        pytest.param({"InstanceIds": [7, None]}, ["instance id", "7, None"], id="ids that are no text"),
        pytest.param({"InstanceIds": None, "InstanceTags": {}}, ["InstanceTags", "{}"], id="no tags"),
        pytest.param({"InstanceIds": None, "InstanceTags": ["a"]}, ["InstanceTags", "['a']"], id="a list of tags"),
        pytest.param({"InstanceIds": None, "InstanceTags": {"a": []}}, ["'a'", "[]"], id="a tag without values"),
        pytest.param({"InstanceIds": None, "InstanceTags": {"a": "b"}}, ["'a'", "'b'"], id="a value that is no list"),
        pytest.param({"InstanceIds": None, "InstanceTags": {"a": [1]}}, ["'a'", "[1]"], id="a value that is no text"),
        pytest.param({"InstanceIds": None, "InstanceTags": {"": ["b"]}}, ["''", "['b']"], id="a tag without a key"),
        pytest.param(
            {"InstanceIds": None, "InstanceTags": {"\udc00": ["b"]}}, ["udc00"], id="half a character as a key"
        ),
        pytest.param({"InstanceIds": None, "InstanceTags": {"a": ["\udc00"]}}, ["udc00"], id="half a character"),
        pytest.param({"Replaces": "all"}, ["Replaces", "'all'", "'*'"], id="replacing something else than *"),
        pytest.param({"Replaces": ["*"]}, ["Replaces", "'*'", "expected a map"], id="replacing * in a list"),
        pytest.param({"Replaces": ["Web"]}, ["'Web'", "expected a map"], id="replacing a profile by name"),
        pytest.param({"Replaces": [{"RoleArn": role_arn("Web")}]}, ["InstanceProfileArn"], id="replacing a role"),
        pytest.param({"OnConflict": "fail"}, ["OnConflict", "'fail'", "FAIL or KEEP"], id="a choice in lower case"),
        pytest.param({"OnConflict": ["KEEP"]}, ["OnConflict", "['KEEP']"], id="a list of choices"),
        pytest.param({"TimeoutSeconds": "0"}, ["TimeoutSeconds", "'0'", "1 to 3600"], id="no time"),
        pytest.param({"TimeoutSeconds": "3601"}, ["TimeoutSeconds", "'3601'"], id="more time than there is"),
        pytest.param({"TimeoutSeconds": "nan"}, ["TimeoutSeconds", "'nan'"], id="a time that is no number"),
        pytest.param({"TimeoutSeconds": "soon"}, ["TimeoutSeconds", "'soon'"], id="a time in words"),
        pytest.param({"TimeoutSeconds": {}}, ["TimeoutSeconds", "{}"], id="a time that is a map"),
        pytest.param({"TimeoutSeconds": 10**400}, ["TimeoutSeconds"], id="a number that no float can hold"),
    ],
)
@pytest.mark.parametrize("type", ["Create", "Update"])
def test_fails_when_a_property_is_malformed(type: str, changed: dict[str, Any], words: list[str]) -> None:
    assert_refused(event(type, ResourceProperties=properties(**changed)), words)


def test_fails_when_what_may_be_replaced_is_malformed_and_says_where() -> None:
    """The wanted profile has properties of the same names."""
    broken = {**LISTED_PROPERTIES, "RoleArn": "Listed"}

    assert_refused(event(ResourceProperties=properties(Replaces=[broken])), ["Replaces", "RoleArn", "'Listed'"])


@pytest.mark.parametrize("broken", [None, "Create", [{"ResponseURL": "https://signed.example"}], 7])
def test_fails_when_the_event_is_not_a_map_and_does_not_show_secrets(broken: Any) -> None:
    with pytest.raises(RequestError, match=r"the event is a \w+: it must be a map") as caught:
        Request.from_event(broken)

    assert "signed" not in str(caught.value)


def nested(depth: int = 5_000) -> list[Any]:
    """Lists in lists, by default more than Python can walk through."""
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize("key", ["SomethingNew", *properties()])
@pytest.mark.parametrize("type", ["Create", "Update"])
def test_fails_when_a_property_is_nested_too_deeply(type: str, key: str) -> None:
    assert_refused(event(type, ResourceProperties=properties(**{key: nested()})), [])


def test_the_greatest_depth_does_not_depend_on_the_caller() -> None:
    """Both phases get the same event, and they are called at different depths of the stack."""
    assert desired_state(SomethingNew=nested(25)) == desired_state()
    assert_refused(event(ResourceProperties=properties(SomethingNew=nested(35))), ["too deeply"])


@pytest.mark.parametrize("changed", [{"InstanceTags": {"a": nested()}}, {"InstanceIds": [nested()]}])
def test_fails_when_a_selection_is_nested_too_deeply(changed: dict[str, Any]) -> None:
    assert_refused(event(ResourceProperties=properties(**{"InstanceIds": None, **changed})), [])


@pytest.mark.parametrize("key", event("Update"))
def test_fails_when_a_part_of_the_event_is_nested_too_deeply(key: str) -> None:
    if key != "ResourceType":  # of no interest
        assert_refused(event("Update", **{key: nested()}), [])


def test_a_delete_is_carried_out_with_deeply_nested_properties() -> None:
    assert request("Delete", ResourceProperties=nested(), OldResourceProperties=nested()).desired is None


@pytest.mark.parametrize(
    "huge",
    [
        pytest.param("ä" * 5_000, id="a text"),
        pytest.param("\n" * 5_000, id="line breaks"),
        pytest.param(["x" * 99] * 5_000, id="a list"),
        pytest.param({"ä" * 5_000: "y"}, id="a key"),
        pytest.param(10**999, id="a number"),
    ],
)
@pytest.mark.parametrize("key", ["RequestType", "PhysicalResourceId", "ResourceProperties"])
def test_a_huge_value_is_abbreviated_in_the_message(key: str, huge: Any) -> None:
    check(event(**{key: huge}))


@pytest.mark.parametrize("huge", ["ä" * 5_000, ["\n" * 99] * 5_000, {"ä" * 5_000: "y"}], ids=["text", "list", "map"])
@pytest.mark.parametrize("key", properties())
def test_a_huge_property_is_abbreviated_in_the_message(key: str, huge: Any) -> None:
    check(event(ResourceProperties=properties(**{key: huge})))


@pytest.mark.parametrize("tags", [{"k" * 5_000: ["v" * 5_000, 1]}, {"k": ["ä" * 5_000, 1]}])
def test_huge_tags_are_abbreviated_in_the_message(tags: dict[str, Any]) -> None:
    with pytest.raises(RequestError) as caught:
        desired_state(InstanceIds=None, InstanceTags=tags)

    assert len(str(caught.value).encode()) <= MAX_MESSAGE


def test_names_ten_malformed_ids_even_if_they_are_huge() -> None:
    with pytest.raises(RequestError) as caught:
        desired_state(InstanceIds=[f"i-{number}{'ä' * 5_000}" for number in range(11)])

    message = str(caught.value)
    assert len(message.encode()) <= MAX_MESSAGE
    assert [f"'i-{number}" in message for number in range(11)] == [*[True] * 10, False]


@pytest.mark.parametrize("key", ["InstanceProfileArn", "RoleArn"])
def test_the_message_says_what_is_expected_without_a_regular_expression(key: str) -> None:
    with pytest.raises(RequestError) as caught:
        request(ResourceProperties=properties(**{key: "Web"}))

    assert "\\d" not in str(caught.value)


def assert_refused(broken: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(RequestError) as caught:
        Request.from_event(broken)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


# Any event is parsed or refused.

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
plausible = st.sampled_from([ID, [ID], WANTED, LISTED, role_arn("Web"), "*", "FAIL", "KEEP", "60", {"app": ["web"]}])
anything = json_values | plausible
broken_properties = st.builds(
    properties,
    InstanceProfileArn=anything | st.just(WANTED),
    RoleArn=anything | st.just(role_arn("Wanted")),
    InstanceIds=anything | st.just([ID]),
    InstanceTags=st.none() | anything,
    Replaces=anything | st.lists(st.just(LISTED_PROPERTIES) | anything, max_size=2),
    OnConflict=anything,
    TimeoutSeconds=anything,
)
broken_events = st.builds(
    event,
    st.sampled_from(RequestType).map(str) | st.text(max_size=5),
    RequestId=st.just("b1c2d3e4") | anything,
    StackId=st.just(STACK_ID) | anything,
    LogicalResourceId=st.just("Association") | anything,
    PhysicalResourceId=anything,
    ResourceProperties=broken_properties | anything,
    OldResourceProperties=broken_properties | anything,
)


@given(broken_events | st.dictionaries(st.text(max_size=5), anything, max_size=4))
def test_any_event_is_parsed_or_refused(broken: dict[str, Any]) -> None:
    try:
        parsed = Request.from_event(broken)
    except RequestError:
        return
    assert (parsed.desired is None) == (parsed.type is RequestType.DELETE)
    assert 1 <= parsed.timeout <= 3600
    assert parsed.association == f"{broken['StackId']}|{broken['LogicalResourceId']}"
