"""What moto does unlike AWS, in one place. A test fails once moto does it like AWS: then the stories can ask for more.

The facts about AWS are those that `tests/simulator` models. One more deviation has no test: moto copies the whole table
for each transaction, so the ledger's test with hundreds of instances does not run on it.
"""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.runtime import moto_aws
from tests.runtime.moto_stack import MotoStack
from tests.simulator.dynamodb import TABLE

UNKNOWN = ["i-0123456789abcdef0", "i-0123456789abcdef1"]
UNKNOWN_ASSOCIATION = "iip-assoc-0123456789abcdef0"


@pytest.fixture
def stack() -> Iterator[MotoStack]:
    with moto_aws.account() as account:
        yield MotoStack(account)


# Changes of associations


def test_replaces_the_profile_of_a_stopped_instance(stack: MotoStack) -> None:
    """EC2 refuses that with IncorrectState, "The association ... is not the active association"."""
    target = stack.instance(stack.old, stopped=True)
    stack.replace(target, stack.web)

    assert stack.carried(target) == ["Web"]


def test_keeps_the_id_of_an_association_that_is_replaced(stack: MotoStack) -> None:
    """EC2 gives the new association another id, and shows the old one as disassociating for a while."""
    target = stack.instance(stack.old)
    before = stack.association(target)
    stack.replace(target, stack.web)

    assert stack.association(target) == before


def test_shows_no_association_that_is_disassociating(stack: MotoStack) -> None:
    """EC2 shows it for a while on a running instance, and takes the same call again."""
    target = stack.instance(stack.web)
    association = stack.association(target)
    stack.account.ec2.disassociate_iam_instance_profile(AssociationId=association)

    assert stack.associations() == {}
    with pytest.raises(ClientError, match=r"InvalidAssociationID\.NotFound"):
        stack.account.ec2.disassociate_iam_instance_profile(AssociationId=association)


def test_does_not_distinguish_an_association_that_never_existed_from_one_that_has_ended(stack: MotoStack) -> None:
    """EC2 says InvalidParameterValue, "Invalid Id", when one that never existed is to be replaced."""
    with pytest.raises(ClientError, match=r"InvalidAssociationID\.NotFound"):
        stack.account.ec2.replace_iam_instance_profile_association(
            AssociationId=UNKNOWN_ASSOCIATION, IamInstanceProfile={"Arn": stack.web}
        )


def test_associates_with_a_terminated_instance(stack: MotoStack) -> None:
    """EC2 refuses that with IncorrectInstanceState."""
    target = stack.instance()
    stack.account.ec2.terminate_instances(InstanceIds=[target])
    stack.account.ec2.associate_iam_instance_profile(InstanceId=target, IamInstanceProfile={"Arn": stack.web})

    assert stack.carried(target) == ["Web"]


def test_throttles_nothing(stack: MotoStack) -> None:
    """EC2 takes 50 replacements at once, and then 5 a second."""
    target = stack.instance(stack.web)
    for _ in range(100):
        stack.replace(target, stack.web)


# Profiles


def test_accepts_a_profile_as_soon_as_it_is_created(stack: MotoStack) -> None:
    """EC2 gets to know it seconds to minutes later, and says InvalidParameterValue until then."""
    target = stack.instance(stack.profile("New"))

    assert stack.carried(target) == ["New"]


def test_says_that_iam_does_not_know_a_profile(stack: MotoStack) -> None:
    """EC2 says InvalidParameterValue, "Invalid IAM Instance Profile"."""
    with pytest.raises(ClientError, match="NoSuchEntity"):
        stack.account.ec2.associate_iam_instance_profile(
            InstanceId=stack.instance(), IamInstanceProfile={"Arn": f"{stack.web}-unknown"}
        )


def test_gives_profiles_ids_of_another_form(stack: MotoStack) -> None:
    """The id of a profile begins with AIPA."""
    made = stack.account.iam.create_instance_profile(InstanceProfileName="New")["InstanceProfile"]

    assert not made["InstanceProfileId"].startswith("AIPA")


# What EC2 shows


def test_confirms_an_association_at_once(stack: MotoStack) -> None:
    """EC2 takes between two seconds and a minute."""
    target = stack.instance(stack.web)

    assert stack.associations()[target]["State"] == "associated"


def test_does_not_say_when_an_association_was_made(stack: MotoStack) -> None:
    """EC2 gives a Timestamp."""
    target = stack.instance(stack.web)

    assert "Timestamp" not in stack.associations()[target]


def test_shows_an_association_id_where_describe_instances_has_the_id_of_the_profile(stack: MotoStack) -> None:
    """EC2 shows the id of the profile (AIPA...). The handler reads associations only."""
    target = stack.instance(stack.web)
    (reservation,) = stack.account.ec2.describe_instances(InstanceIds=[target])["Reservations"]

    assert reservation["Instances"][0]["IamInstanceProfile"]["Id"] == stack.association(target)


def test_describe_instances_does_not_show_a_replaced_profile(stack: MotoStack) -> None:
    """EC2 shows the new one."""
    target = stack.instance(stack.old)
    stack.replace(target, stack.web)
    (reservation,) = stack.account.ec2.describe_instances(InstanceIds=[target])["Reservations"]

    assert reservation["Instances"][0]["IamInstanceProfile"]["Arn"] == stack.old


def test_stops_an_instance_at_once(stack: MotoStack) -> None:
    """On EC2 it is stopping for a while. The same holds for pending, before it runs."""
    target = stack.instance(stopped=True)
    (reservation,) = stack.account.ec2.describe_instances(InstanceIds=[target])["Reservations"]

    assert reservation["Instances"][0]["State"]["Name"] == "stopped"


def test_ignores_how_many_associations_a_page_may_have(stack: MotoStack) -> None:
    """EC2 gives at most MaxResults, and a token for the next page."""
    targets = [stack.instance(stack.web) for _ in range(6)]
    page = stack.account.ec2.describe_iam_instance_profile_associations(MaxResults=5)

    assert len(page["IamInstanceProfileAssociations"]) == len(targets)
    assert "NextToken" not in page


@pytest.mark.parametrize(
    ("name", "values"), [("instance-profile", ["x"]), ("instance-id", []), ("instance-id", ["i-1"] * 201)]
)
def test_accepts_filters_that_are_not_valid(stack: MotoStack, name: str, values: list[str]) -> None:
    """EC2 refuses an unknown filter, one without values, and more than 200 values in a call."""
    stack.account.ec2.describe_iam_instance_profile_associations(Filters=[{"Name": name, "Values": values}])


def test_names_one_of_several_unknown_instances(stack: MotoStack) -> None:
    """EC2 names all that it does not know. The handler asks again for the others, however many there are."""
    with pytest.raises(ClientError) as raised:
        stack.account.ec2.describe_instances(InstanceIds=UNKNOWN)

    assert len([id_ for id_ in UNKNOWN if id_ in str(raised.value)]) == 1


def test_does_not_distinguish_a_malformed_instance_id_from_an_unknown_one(stack: MotoStack) -> None:
    """EC2 says InvalidInstanceID.Malformed."""
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        stack.account.ec2.describe_instances(InstanceIds=["i-xyz"])


# DynamoDB


def test_fails_on_an_expression_name_that_is_not_defined(stack: MotoStack) -> None:
    """DynamoDB says ValidationException."""
    key, values = {"Kind": {"S": "kind"}, "Id": {"S": "id"}}, {":v": {"S": "x"}}
    with pytest.raises(KeyError):
        stack.account.dynamodb.update_item(
            TableName=TABLE, Key=key, UpdateExpression="SET #a = :v", ExpressionAttributeValues=values
        )
