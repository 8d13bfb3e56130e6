"""What moto does unlike AWS, in one place. A test fails once moto does it like AWS: then the stories can ask for more.

The facts about AWS are those that `tests/simulator` models.
"""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.runtime import moto_aws
from tests.runtime.moto_stack import MotoStack


@pytest.fixture
def stack() -> Iterator[MotoStack]:
    with moto_aws.account() as account:
        yield MotoStack(account)


def association_of(stack: MotoStack, instance_id: str) -> str:
    answer = stack.account.ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [instance_id]}]
    )
    (row,) = answer["IamInstanceProfileAssociations"]
    return row["AssociationId"]


def test_replaces_the_profile_of_a_stopped_instance(stack: MotoStack) -> None:
    """EC2 refuses that with IncorrectInstanceState."""
    target = stack.instance(stack.old, stopped=True)
    stack.account.ec2.replace_iam_instance_profile_association(
        AssociationId=association_of(stack, target), IamInstanceProfile={"Arn": stack.web}
    )

    assert stack.carried(target) == ["Web"]


def test_keeps_the_id_of_an_association_that_is_replaced(stack: MotoStack) -> None:
    """EC2 gives the new association another id, and shows the old one as disassociating for a while."""
    target = stack.instance(stack.old)
    before = association_of(stack, target)
    stack.account.ec2.replace_iam_instance_profile_association(
        AssociationId=before, IamInstanceProfile={"Arn": stack.web}
    )

    assert association_of(stack, target) == before


def test_confirms_an_association_at_once(stack: MotoStack) -> None:
    """EC2 takes between two seconds and a minute."""
    target = stack.instance(stack.web)
    (row,) = stack.account.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]

    assert (row["InstanceId"], row["State"]) == (target, "associated")


def test_does_not_say_when_an_association_was_made(stack: MotoStack) -> None:
    """EC2 gives a Timestamp."""
    stack.instance(stack.web)
    (row,) = stack.account.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]

    assert "Timestamp" not in row


def test_says_that_iam_does_not_know_a_profile(stack: MotoStack) -> None:
    """EC2 says InvalidParameterValue, "Invalid IAM Instance Profile"."""
    with pytest.raises(ClientError, match="NoSuchEntity"):
        stack.account.ec2.associate_iam_instance_profile(
            InstanceId=stack.instance(), IamInstanceProfile={"Arn": f"{stack.web}-unknown"}
        )


def test_associates_with_a_terminated_instance(stack: MotoStack) -> None:
    """EC2 refuses that with IncorrectInstanceState."""
    target = stack.instance()
    stack.account.ec2.terminate_instances(InstanceIds=[target])
    stack.account.ec2.associate_iam_instance_profile(InstanceId=target, IamInstanceProfile={"Arn": stack.web})

    assert stack.carried(target) == ["Web"]


def test_shows_an_association_id_where_describe_instances_has_the_id_of_the_profile(stack: MotoStack) -> None:
    """EC2 shows the id of the profile (AIPA...). The handler reads associations only."""
    target = stack.instance(stack.web)
    (reservation,) = stack.account.ec2.describe_instances(InstanceIds=[target])["Reservations"]

    assert reservation["Instances"][0]["IamInstanceProfile"]["Id"] == association_of(stack, target)


def test_describe_instances_does_not_show_a_replaced_profile(stack: MotoStack) -> None:
    """EC2 shows the new one."""
    target = stack.instance(stack.old)
    stack.account.ec2.replace_iam_instance_profile_association(
        AssociationId=association_of(stack, target), IamInstanceProfile={"Arn": stack.web}
    )
    (reservation,) = stack.account.ec2.describe_instances(InstanceIds=[target])["Reservations"]

    assert reservation["Instances"][0]["IamInstanceProfile"]["Arn"] == stack.old
