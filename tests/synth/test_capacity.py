"""How many associations fit to one provider: the numbers of the documentation and of the message about too many."""

import json
import re

import pytest
from aws_cdk import Stack

from cdk_instance_role import InstanceProfileAssociation, ReplaceableProfiles, Rollout
from cdk_instance_role.handler_permissions import capacity as stated
from tests.synth.builders import (
    BY_TAGS,
    POLICY_SIZE,
    ROOT,
    alarm,
    as_text,
    associated,
    handler_policies,
    new_stack,
    resources,
)
from tests.synth.capacity import Add, by_tags, by_tags_listing_one, one_with_ids, provider_with

ASSOCIATIONS = {"of a role and tags of its own": (by_tags, 65), "with a profile in replaces": (by_tags_listing_one, 18)}
IDS = {"ids": (0, 420), "ids with a profile in replaces": (1, 130)}
TOO_MANY = "IAM policies, and a role can have"

kinds = pytest.mark.parametrize(("add", "most"), ASSOCIATIONS.values(), ids=ASSOCIATIONS.keys())
ids = pytest.mark.parametrize(("listed", "most"), IDS.values(), ids=IDS.keys())


def sizes(stack: Stack) -> list[int]:
    """Characters of the policies once deployed, with the longest names that CloudFormation gives."""
    names = {
        f"{id_}.Arn": f"arn:aws:iam::111122223333:x{one['Properties'].get('Path', '/')}Production-{id_}-{'A' * 13}"
        for kind in ("AWS::IAM::InstanceProfile", "AWS::IAM::Role")
        for id_, one in resources(stack, kind).items()
    }
    region = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
    stack_id = {"AWS::StackId": f"arn:aws:cloudformation:eu-west-1:111122223333:stack/Production/{'a' * 36}"}
    documents = [
        as_text(policy["Properties"]["PolicyDocument"], {**region, **names, **stack_id})
        for policy in handler_policies(stack).values()
    ]
    return [len(json.dumps(document, separators=(",", ":"))) for document in documents]


@kinds
def test_as_many_associations_fit_as_documented(add: Add, most: int) -> None:
    found = sizes(provider_with(add, most))
    assert len(found) <= 5
    assert max(found) <= POLICY_SIZE


@kinds
def test_only_a_few_more_associations_would_fit(add: Add, most: int) -> None:
    with pytest.raises(ValueError, match=TOO_MANY):
        provider_with(add, most * 21 // 20 + 1)


@kinds
def test_twice_as_many_associations_fit_with_twenty_policies(add: Add, most: int) -> None:
    found = sizes(provider_with(add, 2 * most, max_policies=20))
    assert len(found) <= 10
    assert max(found) <= POLICY_SIZE


@ids
def test_as_many_ids_fit_as_documented_and_only_a_few_more(listed: int, most: int) -> None:
    found = sizes(one_with_ids(most, listed))
    assert len(found) <= 5
    assert max(found) <= POLICY_SIZE
    with pytest.raises(ValueError, match=TOO_MANY):
        one_with_ids(most * 21 // 20 + 10, listed)


def test_the_message_and_the_documentation_have_the_measured_numbers() -> None:
    measured = [most for _, most in (*ASSOCIATIONS.values(), *IDS.values())]
    assert measured == [stated.ASSOCIATIONS, stated.LISTING, stated.IDS, stated.IDS_LISTING]
    table = re.findall(r"^\| .* \| (\d+) \| (\d+) \|$", (ROOT / "docs" / "security.md").read_text(), re.MULTILINE)
    assert [(int(ten), int(twenty)) for ten, twenty in table] == [(most, 2 * most) for most in measured]


def watching(count: int) -> Stack:
    """A stack whose association watches metric alarms of the app."""
    stack = new_stack()
    alarms = [alarm(stack, f"Alarm{number}") for number in range(count)]
    return associated(BY_TAGS, stack, rollout=Rollout.in_waves(alarms=alarms))


def test_as_many_alarms_fit_as_documented() -> None:
    assert max(sizes(watching(75))) <= POLICY_SIZE
    assert "about 75 fit into" in str(Rollout.in_waves.__doc__)
    assert "About 75 metric alarms of the app fit" in (ROOT / "docs" / "guides" / "waves.md").read_text()
    with pytest.raises(ValueError, match=TOO_MANY):
        watching(100)


def test_the_docstrings_have_the_measured_numbers() -> None:
    assert f"About {stated.ASSOCIATIONS} associations" in str(InstanceProfileAssociation.__init__.__doc__)
    listing = str(ReplaceableProfiles.profiles.__doc__)
    assert f"{stated.LISTING} associations with a role and tags of their own" in listing
    assert f"{stated.IDS_LISTING} ids when their association lists one" in listing
