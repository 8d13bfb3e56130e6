"""The size of the handler's policies: what fits, and the message when it does not."""

import json
from typing import Any

import pytest
from aws_cdk import CfnParameter, Stack
from aws_cdk import aws_ec2 as ec2

from cdk_instance_role import (
    AssociationProvider,
    InstanceProfileAssociation,
    InstanceRole,
    InstanceSelection,
    ReplaceableProfiles,
    Rollout,
)
from tests.synth.builders import (
    BY_ID,
    BY_TAGS,
    IRELAND,
    POLICY_SIZE,
    alarm,
    as_text,
    associated,
    handler_policies,
    imported_profile,
    instance_ids,
    new_app,
    new_stack,
    resources,
    statements,
)


def replacing(count: int, instances: InstanceSelection = BY_ID, stack: Stack | None = None) -> Stack:
    """A stack whose association may displace this many profiles."""
    stack = stack or new_stack()
    profiles = [imported_profile(stack, f"OldProfile{number:03}") for number in range(count)]
    replaces = ReplaceableProfiles.profiles(*profiles) if profiles else ReplaceableProfiles.none()
    return associated(instances, stack, replaces=replaces)


ASSOCIATE, TAG = "ec2:AssociateIamInstanceProfile", "aws:ResourceTag/app"


def values(count: int, length: int) -> list[str]:
    """This many different tag values of this length."""
    return [f"{number:03}".ljust(length, "x") for number in range(count)]


def tagged(count: int, length: int) -> InstanceSelection:
    return InstanceSelection.by_tags({"app": values(count, length)})


def sizes(stack: Stack) -> list[int]:
    """Characters of every policy, with references resolved for Ireland."""
    documents = (as_text(policy["Properties"]["PolicyDocument"]) for policy in handler_policies(stack).values())
    return [len(json.dumps(document, separators=(",", ":"))) for document in documents]


@pytest.mark.parametrize(
    ("count", "length"), [(190, 20), (100, 50), (20, 256)], ids=["many", "some of some length", "a few of the longest"]
)
def test_accepts_tag_values_as_long_as_they_fit_into_a_policy(count: int, length: int) -> None:
    assert max(sizes(associated(tagged(count, length)))) <= POLICY_SIZE


@pytest.mark.parametrize(("count", "length"), [(190, 40), (30, 256)], ids=["many", "a few of the longest"])
def test_tag_values_that_are_longer_than_a_policy_are_in_several(count: int, length: int) -> None:
    stack = associated(tagged(count, length))
    assert len(sizes(stack)) > 1
    assert max(sizes(stack)) <= POLICY_SIZE
    (given,) = {tuple(one["Condition"]["ArnLike"].items()) for one in statements(stack, ASSOCIATE)}
    assert dict(given) == {"ec2:NewInstanceProfile": "${WebInstanceProfile.Arn}"}
    found = [value for one in statements(stack, ASSOCIATE) for value in one["Condition"]["StringEquals"][TAG]]
    assert sorted(found) == sorted(values(count, length))


def test_escaped_tag_values_count_with_their_escaped_size() -> None:
    plain, variables = [[prefix + value for value in values(150, 30)] for prefix in ("....", "${a}")]
    assert max(sizes(associated(InstanceSelection.by_tags({"app": plain})))) <= POLICY_SIZE
    assert max(sizes(associated(InstanceSelection.by_tags({"app": variables})))) <= POLICY_SIZE


def test_accepts_many_profiles_up_to_a_limit() -> None:
    for instances in (BY_ID, BY_TAGS):
        assert max(sizes(replacing(75, instances))) <= POLICY_SIZE
        assert LIST_LESS in advice(lambda instances=instances: replacing(100, instances))


def test_with_too_many_tag_values_the_message_asks_for_fewer_or_shorter_ones() -> None:
    assert advice(lambda: associated(tagged(190, 256))) == f"select by fewer or shorter tag values, or {RAISE}"


def test_with_too_many_tag_values_and_profiles_the_message_asks_for_fewer_of_either() -> None:
    assert advice(lambda: replacing(60, tagged(100, 60))) == (
        f"select by fewer or shorter tag values, or {LIST_LESS}, or {RAISE}"
    )


def test_the_id_of_an_instance_of_the_app_counts_like_a_literal_id() -> None:
    stack = new_stack()
    references = [CfnParameter(stack, f"Instance{number}").value_as_string for number in range(150)]
    by_reference = len(handler_policies(associated(InstanceSelection.by_ids(*references), stack)))
    assert by_reference == len(handler_policies(associated(InstanceSelection.by_ids(*instance_ids(150)))))


def test_a_policy_with_the_ids_of_instances_of_the_app_is_not_larger_than_iam_accepts() -> None:
    stack = new_stack(env=None)
    references = [ec2.CfnInstance(stack, f"Server{number}").ref for number in range(100)]
    associated(InstanceSelection.by_ids(*references), stack)
    longest = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-northeast-99", "AWS::AccountId": "1" * 12}
    ids = {f"Server{number}": "i-0123456789abcdef0" for number in range(100)}
    policies = handler_policies(stack).values()
    documents = [as_text(policy["Properties"]["PolicyDocument"], {**longest, **ids}) for policy in policies]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= POLICY_SIZE


LIST_LESS, RAISE = (
    "list fewer profiles in `replaces`",
    "have IAM's quota of managed policies of a role raised and say so with max_policies",
)


def advice(stack: Any) -> str:
    """The advice when the handler needs more policies than a role can have."""
    with pytest.raises(ValueError, match=r"need \d+ IAM policies, and a role can have 10") as caught:
        stack()
    return str(caught.value).rpartition(": ")[2]


def test_says_how_much_fits() -> None:
    with pytest.raises(ValueError, match="IAM policies") as caught:
        associated(InstanceSelection.by_ids(*instance_ids(1000)))
    assert (
        "That is enough for about 65 associations with a role and tags of their own, 18 with a profile in `replaces`, "
        "420 ids, or 130 ids with a profile in `replaces`: select the instances by tags, or"
    ) in str(caught.value)


@pytest.mark.parametrize(("max_policies", "most"), [(10, 9), (25, 24)])
def test_says_how_many_stacks_fit(max_policies: int, most: int) -> None:
    app = new_app()
    provider = AssociationProvider(Stack(app, "Home", env=IRELAND), "Provider", max_policies=max_policies)
    for number in range(most):
        associated(BY_TAGS, Stack(app, f"Stack{number}", env=IRELAND), provider=provider)
    with pytest.raises(ValueError, match=f"at least one policy, so at most {most} stacks fit: use a provider for each"):
        associated(BY_TAGS, Stack(app, f"Stack{most}", env=IRELAND), provider=provider)


def test_with_many_ids_the_message_suggests_tags() -> None:
    many = InstanceSelection.by_ids(*instance_ids(1000))
    assert advice(lambda: associated(many)) == f"select the instances by tags, or {RAISE}"


def test_with_many_ids_and_several_profiles_the_message_suggests_tags_or_fewer_profiles() -> None:
    many = InstanceSelection.by_ids(*instance_ids(1000))
    assert advice(lambda: replacing(3, many)) == f"select the instances by tags, or {LIST_LESS}, or {RAISE}"


def test_with_many_associations_that_replace_many_profiles_the_message_suggests_fewer_profiles_or_more_stacks() -> None:
    def many() -> None:
        stack = new_stack()
        old = [imported_profile(stack, f"OldProfile{number:03}") for number in range(25)]
        for number in range(40):
            InstanceProfileAssociation(
                stack,
                f"Fleet{number}",
                instance_profile=imported_profile(stack, f"Web{number}"),
                instances=InstanceSelection.by_tags({"app": [f"web-{number}"]}),
                replaces=ReplaceableProfiles.profiles(*old),
            )

    assert advice(many) == f"{LIST_LESS}, or spread the associations over several stacks, or {RAISE}"


def test_with_many_small_associations_the_message_suggests_more_stacks() -> None:
    def many() -> None:
        stack = new_stack()
        for number in range(150):
            InstanceProfileAssociation(
                stack,
                f"Fleet{number}",
                instance_profile=imported_profile(stack, f"Web{number}"),
                instances=InstanceSelection.by_tags({"app": [f"web-{number}"]}),
            )

    assert advice(many) == f"spread the associations over several stacks, or {RAISE}"


def test_with_the_highest_quota_the_message_does_not_suggest_to_raise_it() -> None:
    stack = new_stack()
    provider = AssociationProvider(stack, "Provider", max_policies=25)
    many = InstanceSelection.by_ids(*instance_ids(1500))
    with pytest.raises(ValueError, match=r"a role can have 25, .* 1050 ids.*: select the instances by tags$"):
        associated(many, stack, provider=provider)


def test_with_many_stacks_on_one_provider_the_message_suggests_one_for_each() -> None:
    def many() -> None:
        app = new_app()
        provider = AssociationProvider(Stack(app, "Home", env=IRELAND), "Provider")
        for number in range(10):
            associated(BY_TAGS, Stack(app, f"Stack{number}", env=IRELAND), provider=provider)

    assert advice(many) == f"use a provider for each stack, or {RAISE}"


def watching(count: int) -> Stack:
    """A stack whose association watches this many metric alarms of the app."""
    stack = new_stack(env=None)
    alarms = [alarm(stack, f"Alarm{number:03}") for number in range(count)]
    return associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=alarms))


def test_accepts_as_many_alarms_of_the_app_as_documented() -> None:
    longest = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-northeast-99", "AWS::AccountId": "1" * 12}
    arn = f"arn:aws-us-gov:cloudwatch:ap-northeast-99:{'1' * 12}:alarm:{'x' * 255}"
    stack = watching(75)
    arns = {f"{id_}.Arn": arn for id_ in resources(stack, "AWS::CloudWatch::Alarm")}
    policies = handler_policies(stack).values()
    documents = [as_text(policy["Properties"]["PolicyDocument"], {**longest, **arns}) for policy in policies]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= POLICY_SIZE
    assert json.dumps(documents).count(arn) == 75
    assert advice(lambda: watching(100)) == f"watch a composite alarm of the alarms, or {RAISE}"


def test_no_statement_is_lost_in_packing() -> None:
    stack = new_stack()
    associated(InstanceSelection.by_ids(*instance_ids(130)), stack)
    text = json.dumps([policy["Properties"] for policy in handler_policies(stack).values()])
    assert all(id_ in text for id_ in instance_ids(130))


def test_associations_share_the_statements_that_they_have_in_common() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    for number, id_ in enumerate(instance_ids(40)):
        web.associate_with(f"Fleet{number}", InstanceSelection.by_ids(id_))
    assert len(handler_policies(stack)) == 1
    (associate,) = statements(stack, "ec2:AssociateIamInstanceProfile")
    assert len(associate["Resource"]) == 40
    assert len(statements(stack, "iam:PassRole")) == 1


def test_statements_that_differ_in_more_than_the_resources_are_not_merged() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    one, other = instance_ids(2)
    old = ReplaceableProfiles.profiles(imported_profile(stack, "OldProfile"))
    web.associate_with("Careful", InstanceSelection.by_ids(one))
    web.associate_with("Replacing", InstanceSelection.by_ids(other), replaces=old)
    found = {one["Resource"].rpartition("/")[2]: str(one) for one in statements(stack, ASSOCIATE)}
    assert found.keys() == {one, other}
    assert "OldProfile" not in found[one], "what is replaced may not be given to it"
    assert "OldProfile" in found[other]
