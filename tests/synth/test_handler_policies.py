"""The size of the handler's policies: what fits, and what is said when it does not."""

import json
import re
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


def values(count: int, length: int) -> list[str]:
    """This many different tag values of this length."""
    return [f"{number:03}".ljust(length, "x") for number in range(count)]


def tagged(count: int, length: int) -> InstanceSelection:
    return InstanceSelection.by_tags({"app": values(count, length)})


def sizes(stack: Stack) -> list[int]:
    """Characters of every policy, with what a reference comes to in Ireland."""
    documents = (as_text(policy["Properties"]["PolicyDocument"]) for policy in handler_policies(stack).values())
    return [len(json.dumps(document, separators=(",", ":"))) for document in documents]


@pytest.mark.parametrize(
    ("count", "length"), [(190, 20), (100, 50), (20, 256)], ids=["many", "some of some length", "a few of the longest"]
)
def test_takes_tag_values_as_long_as_they_fit_into_a_policy(count: int, length: int) -> None:
    assert max(sizes(associated(tagged(count, length)))) <= POLICY_SIZE


@pytest.mark.parametrize(("count", "length"), [(190, 40), (30, 256)], ids=["many", "a few of the longest"])
def test_fails_when_tag_values_do_not_fit_into_a_policy_and_says_what_to_do(count: int, length: int) -> None:
    message = (
        r"Stack/Web/Fleet needs an IAM statement of (\d+) characters, and a policy takes 6144 in all: "
        "select by fewer or shorter tag values"
    )
    with pytest.raises(ValueError, match=f"^{message}$") as caught:
        associated(tagged(count, length))
    found = re.match(message, str(caught.value))
    assert found
    assert count * (length + 3) < int(found[1]) < count * (length + 3) + 600


def test_fails_when_escaped_tag_values_do_not_fit() -> None:
    plain, variables = [[prefix + value for value in values(150, 30)] for prefix in ("....", "${a}")]
    associated(InstanceSelection.by_tags({"app": plain}))
    with pytest.raises(ValueError, match="select by fewer or shorter tag values"):
        associated(InstanceSelection.by_tags({"app": variables}))


@pytest.mark.parametrize(
    ("profiles", "most"), [(0, 260), (1, 125)], ids=["without replaces", "with one profile in replaces"]
)
def test_takes_as_many_ids_as_the_readme_says_and_not_many_more(profiles: int, most: int) -> None:
    replacing(profiles, InstanceSelection.by_ids(*instance_ids(most)), new_stack(env=None))
    with pytest.raises(ValueError, match="select the instances by tags"):
        replacing(profiles, InstanceSelection.by_ids(*instance_ids(most * 5 // 4)), new_stack(env=None))


@pytest.mark.parametrize("instances", [BY_ID, BY_TAGS], ids=["by id", "by tags"])
def test_takes_as_many_profiles_as_the_readme_says_and_not_many_more(instances: InstanceSelection) -> None:
    assert max(sizes(replacing(40, instances))) <= POLICY_SIZE
    with pytest.raises(ValueError, match="list fewer profiles in `replaces`"):
        replacing(100, instances)


def test_fails_when_the_profiles_in_replaces_do_not_fit_into_a_policy_and_says_what_to_do() -> None:
    message = (
        r"needs an IAM statement of \d+ characters, and a policy takes 6144 in all: list fewer profiles in `replaces`"
    )
    with pytest.raises(ValueError, match=f"{message}$"):
        replacing(200)


def test_fails_when_tag_values_and_profiles_together_do_not_fit_and_names_both() -> None:
    message = "select by fewer or shorter tag values, or list fewer profiles in `replaces`"
    with pytest.raises(ValueError, match=f"{message}$"):
        replacing(40, tagged(100, 30))


def test_the_id_of_an_instance_of_the_app_takes_no_more_room_than_an_id() -> None:
    stack = new_stack()
    references = [CfnParameter(stack, f"Instance{number}").value_as_string for number in range(150)]
    by_reference = len(handler_policies(associated(InstanceSelection.by_ids(*references), stack)))
    assert by_reference == len(handler_policies(associated(InstanceSelection.by_ids(*instance_ids(150)))))


def test_a_policy_with_the_ids_of_instances_of_the_app_is_not_larger_than_iam_takes() -> None:
    stack = new_stack(env=None)
    references = [ec2.CfnInstance(stack, f"Server{number}").ref for number in range(100)]
    associated(InstanceSelection.by_ids(*references), stack)
    longest = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-northeast-99", "AWS::AccountId": "1" * 12}
    ids = {f"Server{number}": "i-0123456789abcdef0" for number in range(100)}
    policies = handler_policies(stack).values()
    documents = [as_text(policy["Properties"]["PolicyDocument"], {**longest, **ids}) for policy in policies]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= POLICY_SIZE


def advice(stack: Any) -> str:
    """What is said to do when the handler needs more policies than a role can have."""
    with pytest.raises(ValueError, match=r"need \d+ IAM policies, and a role can have 10") as caught:
        stack()
    return str(caught.value).rpartition(": ")[2]


def test_many_ids_are_to_be_selected_by_tags() -> None:
    many = InstanceSelection.by_ids(*instance_ids(1000))
    assert advice(lambda: associated(many)) == "select the instances by tags"


def test_many_ids_and_several_profiles_are_to_be_selected_by_tags_or_listed_less() -> None:
    many = InstanceSelection.by_ids(*instance_ids(1000))
    assert advice(lambda: replacing(3, many)) == "select the instances by tags, or list fewer profiles in `replaces`"


def test_many_associations_that_replace_many_profiles_are_to_list_less_or_to_be_spread() -> None:
    def many() -> None:
        stack = new_stack()
        old = [imported_profile(stack, f"OldProfile{number:03}") for number in range(25)]
        for number in range(10):
            InstanceProfileAssociation(
                stack,
                f"Fleet{number}",
                instance_profile=imported_profile(stack, f"Web{number}"),
                instances=BY_TAGS,
                replaces=ReplaceableProfiles.profiles(*old),
            )

    assert advice(many) == "list fewer profiles in `replaces`, or spread the associations over several stacks"


def test_many_small_associations_of_a_stack_are_to_be_spread() -> None:
    def many() -> None:
        stack = new_stack()
        for number in range(100):
            InstanceProfileAssociation(
                stack, f"Fleet{number}", instance_profile=imported_profile(stack, f"Web{number}"), instances=BY_TAGS
            )

    assert advice(many) == "spread the associations over several stacks"


def test_stacks_that_share_a_provider_are_to_have_their_own() -> None:
    def many() -> None:
        app = new_app()
        provider = AssociationProvider(Stack(app, "Home", env=IRELAND), "Provider")
        for number in range(10):
            associated(BY_TAGS, Stack(app, f"Stack{number}", env=IRELAND), provider=provider)

    assert advice(many) == "use a provider for each stack"


def watching(count: int) -> Stack:
    """A stack whose association watches this many metric alarms of the app."""
    stack = new_stack(env=None)
    alarms = [alarm(stack, f"Alarm{number:03}") for number in range(count)]
    return associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=alarms))


def test_takes_as_many_alarms_of_the_app_as_is_said_and_not_many_more() -> None:
    longest = {"AWS::Partition": "aws-us-gov", "AWS::Region": "ap-northeast-99", "AWS::AccountId": "1" * 12}
    arn = f"arn:aws-us-gov:cloudwatch:ap-northeast-99:{'1' * 12}:alarm:{'x' * 255}"
    stack = watching(70)
    arns = {f"{id_}.Arn": arn for id_ in resources(stack, "AWS::CloudWatch::Alarm")}
    policies = handler_policies(stack).values()
    documents = [as_text(policy["Properties"]["PolicyDocument"], {**longest, **arns}) for policy in policies]
    assert max(len(json.dumps(document, separators=(",", ":"))) for document in documents) <= POLICY_SIZE
    assert json.dumps(documents).count(arn) == 70
    assert advice(lambda: watching(90)) == "watch a composite alarm of the alarms"


def test_no_statement_is_lost_in_packing() -> None:
    stack = new_stack()
    associated(InstanceSelection.by_ids(*instance_ids(130)), stack)
    text = json.dumps([policy["Properties"] for policy in handler_policies(stack).values()])
    assert all(id_ in text for id_ in instance_ids(130))


def test_associations_share_what_they_have_in_common() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    for number, id_ in enumerate(instance_ids(40)):
        web.associate_with(f"Fleet{number}", InstanceSelection.by_ids(id_))
    assert len(handler_policies(stack)) == 1
    (associate,) = statements(stack, "ec2:AssociateIamInstanceProfile")
    assert len(associate["Resource"]) == 40
    assert len(statements(stack, "iam:PassRole")) == 1


def test_what_differs_in_more_than_the_resources_is_kept_apart() -> None:
    stack = new_stack()
    web = InstanceRole(stack, "Web")
    one, other = instance_ids(2)
    old = ReplaceableProfiles.profiles(imported_profile(stack, "OldProfile"))
    web.associate_with("Careful", InstanceSelection.by_ids(one))
    web.associate_with("Replacing", InstanceSelection.by_ids(other), replaces=old)
    careful, replacing_too = statements(stack, "ec2:AssociateIamInstanceProfile")
    assert careful["Resource"].endswith(one), "what is replaced may not be given to it"
    assert replacing_too["Resource"].endswith(other)
    assert "OldProfile" not in str(careful)
    assert "OldProfile" in str(replacing_too)
