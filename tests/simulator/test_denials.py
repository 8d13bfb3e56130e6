"""IAM in front of the calls: what each call has to be allowed, and what EC2 says when it is not."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.authority import HANDLER, Authority
from tests.simulator.calls import Calls, refusal
from tests.simulator.clients import Clients
from tests.simulator.clock import VirtualClock
from tests.simulator.fleet import Fleet
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

ASSOCIATE, REPLACE = "ec2:AssociateIamInstanceProfile", "ec2:ReplaceIamInstanceProfileAssociation"
DISASSOCIATE, PASS_ROLE = "ec2:DisassociateIamInstanceProfile", "iam:PassRole"
CHANGES = [ASSOCIATE, REPLACE, DISASSOCIATE]
WEB_ROLE = "arn:aws:iam::111122223333:role/Web"
DENIED = "UnauthorizedOperation"


def allow(action: str, resource: str = "*", **condition: Mapping[str, Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}


class Person:
    """Makes the three changes one after the other, on an instance in a suitable state."""

    def __init__(self, simulator: Simulator, ec2: Calls, old: str, web: str) -> None:
        self._simulator, self._ec2, self._old, self._web = simulator, ec2, old, web

    def may(self, *statements: Mapping[str, Any]) -> None:
        """Nothing else is allowed from now on."""
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        self._simulator.authority = Authority({"Policy": policy})

    def instance(self, action: str, **tags: str) -> str:
        """An instance on which an action makes sense."""
        return self._simulator.fleet.add_instance(None if action == ASSOCIATE else self._old, tags=tags)

    def attempt(self, action: str, instance: str) -> str | None:
        """Code of the error that an action on an instance ends with; None if there is none.

        Web is associated, and Old is disassociated.
        """
        row = self._simulator.fleet.active(instance)
        association = row.id if row else "none"
        try:
            match action:
                case "ec2:AssociateIamInstanceProfile":
                    self._ec2.associate(instance, self._web)
                case "ec2:ReplaceIamInstanceProfileAssociation":
                    self._ec2.replace(association, self._web)
                case _:
                    self._ec2.disassociate(association)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return None


@pytest.fixture
def person(simulator: Simulator, ec2: Calls, old: str, web: str) -> Person:
    return Person(simulator, ec2, old, web)


def test_without_an_authority_everything_is_allowed(person: Person) -> None:
    assert [person.attempt(action, person.instance(action)) for action in CHANGES] == [None] * 3


@pytest.mark.parametrize("action", CHANGES)
def test_a_call_that_is_not_allowed_is_denied_and_has_no_effect(person: Person, fleet: Fleet, action: str) -> None:
    person.may(allow("ec2:DescribeInstances"))
    instance = person.instance(action)
    before = fleet.carried(instance)
    assert (person.attempt(action, instance), fleet.carried(instance)) == (DENIED, before)


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_can_be_allowed_for_one_instance(person: Person, fleet: Fleet, action: str) -> None:
    mine, other = person.instance(action), person.instance(action)
    person.may(allow(action, fleet.instance_arn(mine)), allow(PASS_ROLE, WEB_ROLE))
    assert (person.attempt(action, mine), person.attempt(action, other)) == (None, DENIED)


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_can_be_allowed_by_the_tags_of_the_instance(person: Person, action: str) -> None:
    mine, other = person.instance(action, app="web"), person.instance(action, app="db")
    person.may(allow(action, StringEquals={"aws:ResourceTag/app": "web"}), allow(PASS_ROLE))
    assert (person.attempt(action, mine), person.attempt(action, other)) == (None, DENIED)


@pytest.mark.parametrize("call", ["describe_instances", "describe_iam_instance_profile_associations"])
def test_describe_calls_can_be_allowed_for_all_resources_only(
    person: Person, clients: Clients, fleet: Fleet, web: str, call: str
) -> None:
    instance = fleet.add_instance(web)
    person.may(allow("ec2:Describe*", fleet.instance_arn(instance)))
    assert refusal(getattr(clients.ec2_changes, call))[0] == DENIED
    person.may(allow("ec2:Describe*"))
    assert getattr(clients.ec2_changes, call)()


@pytest.mark.parametrize("action", [ASSOCIATE, REPLACE])
def test_the_new_profile_is_a_condition_key_of_associate_and_replace(
    person: Person, web: str, old: str, action: str
) -> None:
    person.may(allow(action, ArnEquals={"ec2:NewInstanceProfile": old}), allow(PASS_ROLE))
    assert person.attempt(action, person.instance(action)) == DENIED
    person.may(allow(action, ArnEquals={"ec2:NewInstanceProfile": web}), allow(PASS_ROLE))
    assert person.attempt(action, person.instance(action)) is None


def test_disassociate_has_no_new_profile(person: Person) -> None:
    person.may(allow(DISASSOCIATE, Null={"ec2:NewInstanceProfile": "true"}))
    assert person.attempt(DISASSOCIATE, person.instance(DISASSOCIATE)) is None


@pytest.mark.parametrize("action", [REPLACE, DISASSOCIATE])
def test_the_old_profile_is_a_condition_key_where_there_is_one(person: Person, web: str, old: str, action: str) -> None:
    person.may(allow(action, ArnEquals={"ec2:InstanceProfile": web}), allow(PASS_ROLE))
    assert person.attempt(action, person.instance(action)) == DENIED
    person.may(allow(action, ArnEquals={"ec2:InstanceProfile": old}), allow(PASS_ROLE))
    assert person.attempt(action, person.instance(action)) is None


def test_associate_on_a_bare_instance_has_no_old_profile(person: Person) -> None:
    person.may(allow(ASSOCIATE, Null={"ec2:InstanceProfile": "true"}), allow(PASS_ROLE))
    assert person.attempt(ASSOCIATE, person.instance(ASSOCIATE)) is None


def test_associate_on_an_instance_with_a_profile_has_an_old_one(person: Person) -> None:
    person.may(allow(ASSOCIATE, Null={"ec2:InstanceProfile": "true"}), allow(PASS_ROLE))
    assert person.attempt(ASSOCIATE, person.instance(REPLACE)) == DENIED


def test_a_denial_hides_other_errors_of_the_call(person: Person) -> None:
    occupied = person.instance(REPLACE)
    person.may(allow(ASSOCIATE), allow(PASS_ROLE))
    assert person.attempt(ASSOCIATE, occupied) == "IncorrectState"
    person.may(allow(REPLACE))
    assert person.attempt(ASSOCIATE, occupied) == DENIED


@pytest.mark.parametrize("action", [ASSOCIATE, REPLACE])
def test_associate_and_replace_need_pass_role(person: Person, action: str) -> None:
    person.may(allow(action))
    assert person.attempt(action, person.instance(action)) == DENIED
    person.may(allow(action), allow(PASS_ROLE, WEB_ROLE))
    assert person.attempt(action, person.instance(action)) is None


def test_disassociate_needs_no_pass_role(person: Person) -> None:
    person.may(allow(DISASSOCIATE))
    assert person.attempt(DISASSOCIATE, person.instance(DISASSOCIATE)) is None


def test_a_profile_without_a_role_needs_no_pass_role(person: Person, fleet: Fleet, web: str) -> None:
    fleet.change_role(web, None)
    person.may(allow(ASSOCIATE))
    assert person.attempt(ASSOCIATE, person.instance(ASSOCIATE)) is None


def test_the_role_in_the_profile_is_passed(person: Person, fleet: Fleet, web: str) -> None:
    fleet.change_role(web, "Other")
    person.may(allow(ASSOCIATE), allow(PASS_ROLE, WEB_ROLE))
    assert person.attempt(ASSOCIATE, person.instance(ASSOCIATE)) == DENIED


@pytest.mark.parametrize(("service", "error"), [("ec2.amazonaws.com", None), ("lambda.amazonaws.com", DENIED)])
def test_a_role_is_passed_to_ec2(person: Person, service: str, error: str | None) -> None:
    person.may(allow(ASSOCIATE), allow(PASS_ROLE, StringEquals={"iam:PassedToService": service}))
    assert person.attempt(ASSOCIATE, person.instance(ASSOCIATE)) == error


def test_passing_a_role_cannot_be_allowed_for_one_instance(person: Person, fleet: Fleet) -> None:
    instance = person.instance(ASSOCIATE)
    to_instance = {"iam:AssociatedResourceArn": fleet.instance_arn(instance)}
    person.may(allow(ASSOCIATE), allow(PASS_ROLE, ArnLike=to_instance))
    assert person.attempt(ASSOCIATE, instance) == DENIED


def test_a_denial_names_the_action_the_resource_and_the_kind_of_policy(
    person: Person, ec2: Calls, fleet: Fleet, web: str
) -> None:
    instance = fleet.add_instance()
    person.may(allow(REPLACE))
    code, message = refusal(ec2.associate, instance, web)
    assert code == "UnauthorizedOperation"
    assert message == (
        f"You are not authorized to perform this operation. User: {HANDLER} is not authorized to perform: {ASSOCIATE} "
        f"on resource: {fleet.instance_arn(instance)} because no identity-based policy allows the {ASSOCIATE} action"
    )


def test_a_denial_of_pass_role_names_the_role(person: Person, ec2: Calls, fleet: Fleet, web: str) -> None:
    person.may(allow(ASSOCIATE))
    code, message = refusal(ec2.associate, fleet.add_instance(), web)
    assert code == "UnauthorizedOperation"
    assert f"not authorized to perform: {PASS_ROLE} on resource: {WEB_ROLE} because no identity-based" in message


def test_a_denial_answers_403(person: Person, ec2: Calls, fleet: Fleet, web: str) -> None:
    person.may(allow(REPLACE))
    with pytest.raises(ClientError) as caught:
        ec2.associate(fleet.add_instance(), web)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.FORBIDDEN


def test_a_denial_is_not_repeated(person: Person, clients: Clients, simulator: Simulator) -> None:
    person.may(allow(REPLACE))
    assert refusal(clients.ec2.describe_instances)[0] == DENIED
    assert simulator.traffic.count("DescribeInstances") == 1


@pytest.mark.usefixtures("old")
def test_getting_a_profile_can_be_allowed_for_one_profile(person: Person, iam: "IAMClient", web: str) -> None:
    person.may(allow("iam:GetInstanceProfile", web))
    assert iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]["Arn"] == web
    assert refusal(iam.get_instance_profile, InstanceProfileName="Old")[0] == "AccessDenied"


def test_the_ledger_needs_its_rights_too(person: Person, clients: Clients) -> None:
    key = {"Kind": {"S": "instance"}, "Id": {"S": "i-1"}}
    entry: dict[str, Any] = {"TableName": "Ledger", "Key": key, "ConsistentRead": True}
    person.may(allow("dynamodb:Query"))
    assert refusal(clients.dynamodb.get_item, **entry)[0] == "AccessDeniedException"
    person.may(allow("dynamodb:GetItem"))
    assert "Item" not in clients.dynamodb.get_item(**entry)


def test_a_policy_can_come_into_force_later(person: Person, simulator: Simulator, clock: VirtualClock) -> None:
    person.may(allow(PASS_ROLE))
    instance = person.instance(ASSOCIATE)
    assert person.attempt(ASSOCIATE, instance) == DENIED
    assert simulator.authority
    clock.sleep(10)
    simulator.authority.attach("Later", {"Version": "2012-10-17", "Statement": [allow(ASSOCIATE)]})
    assert person.attempt(ASSOCIATE, instance) is None
