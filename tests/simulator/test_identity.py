"""A profile that is deleted and created again has the same ARN and another id, and associations keep the old id."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.simulator.authority import Authority
from tests.simulator.calls import Calls, refusal
from tests.simulator.clock import VirtualClock
from tests.simulator.ec2 import REPLACE
from tests.simulator.fleet import PROFILE_NOT_FOUND, Fleet
from tests.simulator.process import HELD_SECONDS, Process
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

ROLES = "arn:aws:iam::111122223333:role"
PROFILE_ID = re.compile(r"AIPA[0-9A-Z]{17}")


def id_of(iam: "IAMClient", name: str) -> str:
    """The id of the profile that has a name now."""
    return iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["InstanceProfileId"]


def associated_id(ec2: Calls, instance: str) -> str:
    """The id in the only association of an instance."""
    return str(ec2.association(instance)["IamInstanceProfile"]["Id"])


def shown_id(ec2: Calls, instance: str) -> str:
    """The id that DescribeInstances shows."""
    (described,) = ec2.instances("instance-id", instance)
    return str(described["IamInstanceProfile"]["Id"])


def only_bare_instances(action: str) -> dict[str, object]:
    """A policy that allows an action on instances without a profile, and to pass every role."""
    allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
    condition = {"Condition": {"Null": {"ec2:InstanceProfile": "true"}}}
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [{**allowed, **condition}, passing]}


@pytest.mark.usefixtures("web", "old")
def test_every_profile_has_an_id_of_its_own(iam: "IAMClient") -> None:
    assert PROFILE_ID.fullmatch(id_of(iam, "Web"))
    assert id_of(iam, "Web") != id_of(iam, "Old")


def test_a_profile_that_is_created_again_has_another_id(iam: "IAMClient", fleet: Fleet, web: str) -> None:
    before = id_of(iam, "Web")
    new = fleet.recreate_profile(web)
    assert (id_of(iam, "Web"), new == before) == (new, False)


def test_a_profile_is_created_again_with_the_role_that_it_had_or_with_another(
    iam: "IAMClient", fleet: Fleet, web: str
) -> None:
    roles: list[list[str]] = []
    for again in ("", "Other", None):
        fleet.recreate_profile(web, role=again)
        profile = iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]
        roles.append([role["Arn"] for role in profile["Roles"]])
    assert roles == [[f"{ROLES}/Web"], [f"{ROLES}/Other"], []]


def test_iam_does_not_know_a_profile_that_was_deleted(iam: "IAMClient", fleet: Fleet, web: str) -> None:
    fleet.delete_profile(web)
    assert refusal(iam.get_instance_profile, InstanceProfileName="Web")[0] == "NoSuchEntity"


@pytest.mark.parametrize("is_created_again", [True, False])
def test_an_association_keeps_the_id_of_a_profile_that_was_deleted(
    ec2: Calls, iam: "IAMClient", fleet: Fleet, web: str, is_created_again: bool
) -> None:
    instance, dead = fleet.add_instance(web), id_of(iam, "Web")
    if is_created_again:
        fleet.recreate_profile(web)
    else:
        fleet.delete_profile(web)
    assert (associated_id(ec2, instance), shown_id(ec2, instance)) == (dead, dead)
    assert ec2.association(instance)["IamInstanceProfile"]["Arn"] == web


@pytest.mark.parametrize("is_created_again", [True, False])
def test_an_association_with_a_deleted_profile_still_says_associated_and_delivers_nothing(
    ec2: Calls, fleet: Fleet, web: str, is_created_again: bool
) -> None:
    instance = fleet.add_instance(web)
    if is_created_again:
        fleet.recreate_profile(web)
    else:
        fleet.delete_profile(web)
    assert ec2.association(instance)["State"] == "associated"
    assert fleet.credentials(instance) == PROFILE_NOT_FOUND == "InstanceProfileNotFound"


def test_a_process_keeps_the_credentials_of_a_deleted_profile_until_they_expire(
    fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    process = Process(fleet, fleet.add_instance(web))
    held = process.role
    fleet.recreate_profile(web)
    clock.sleep(HELD_SECONDS - 1)
    kept = process.role
    clock.sleep(1)
    assert (held, kept, process.role) == (f"{ROLES}/Web", f"{ROLES}/Web", None)


def test_a_new_association_has_the_id_of_the_profile_that_is_there_now(
    ec2: Calls, iam: "IAMClient", fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    fleet.recreate_profile(web)
    instance = fleet.add_instance()
    answer = ec2.associate(instance, web)
    clock.sleep(60)
    assert answer["IamInstanceProfile"]["Id"] == associated_id(ec2, instance) == id_of(iam, "Web")
    assert fleet.credentials(instance) == f"{ROLES}/Web"


def test_disassociating_and_associating_again_gets_the_new_profile(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    instance = fleet.add_instance(web)
    new = fleet.recreate_profile(web)
    ec2.disassociate(ec2.association(instance))
    clock.sleep(60)
    ec2.associate(instance, web)
    assert associated_id(ec2, instance) == new


def test_replacing_by_the_same_arn_may_get_the_new_profile(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    """Whether AWS does that is unknown. Here it does."""
    instance = fleet.add_instance(web)
    new, before = fleet.recreate_profile(web), ec2.association(instance)
    answer = ec2.replace(before, web)
    clock.sleep(60)
    assert answer["AssociationId"] != before["AssociationId"]
    assert (answer["IamInstanceProfile"]["Id"], associated_id(ec2, instance)) == (new, new)
    assert fleet.credentials(instance) == f"{ROLES}/Web"


def test_replacing_by_the_same_arn_may_change_nothing(
    simulator: Simulator, ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    """AWS may do it or not. Here it does not: it is a no-op, as with a profile that was not created again."""
    simulator.ec2.replace_renews_id = False
    instance = fleet.add_instance(web)
    fleet.recreate_profile(web)
    before = ec2.association(instance)
    answer = ec2.replace(before, web)
    clock.sleep(60)
    assert (answer["AssociationId"], associated_id(ec2, instance)) == (
        before["AssociationId"],
        before["IamInstanceProfile"]["Id"],
    )
    assert fleet.credentials(instance) == PROFILE_NOT_FOUND


def test_replacing_by_the_same_profile_changes_nothing(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    before = ec2.association(instance)
    assert ec2.replace(before, web)["AssociationId"] == before["AssociationId"]


@pytest.mark.parametrize("is_created_again", [True, False])
@pytest.mark.parametrize("shows", [True, False])
def test_a_condition_may_or_may_not_see_the_profile_of_an_instance_if_it_was_deleted(
    simulator: Simulator, ec2: Calls, fleet: Fleet, old: str, shows: bool, is_created_again: bool
) -> None:
    """Whether AWS does that is unknown."""
    association, web = ec2.association(fleet.add_instance(old)), fleet.add_profile("Web")
    if is_created_again:
        fleet.recreate_profile(old)
    else:
        fleet.delete_profile(old)
    simulator.authority = Authority({"Policy": only_bare_instances(f"ec2:{REPLACE}")})
    simulator.authority.shows_deleted_profiles = shows
    if shows:
        assert refusal(ec2.replace, association, web)[0] == "UnauthorizedOperation"
    else:
        assert ec2.replace(association, web)["IamInstanceProfile"]["Arn"] == web
