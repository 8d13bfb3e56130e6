"""What the instance sees: the role whose credentials its metadata service returns."""

from typing import TYPE_CHECKING

import pytest

from tests.simulator.calls import Calls
from tests.simulator.clock import VirtualClock
from tests.simulator.fleet import ROLE_NOT_ASSUMED, TRUST_LAMBDA, Fleet
from tests.simulator.process import HELD_SECONDS, Process

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

WEB_ROLE, OLD_ROLE, OTHER_ROLE = (f"arn:aws:iam::111122223333:role/{name}" for name in ("Web", "Old", "Other"))
HOUR = 3600


def test_a_bare_instance_gets_no_credentials(fleet: Fleet) -> None:
    assert fleet.credentials(fleet.add_instance()) is None


def test_an_instance_gets_the_credentials_of_its_role(fleet: Fleet, web: str) -> None:
    assert fleet.credentials(fleet.add_instance(web)) == WEB_ROLE


def test_a_new_association_is_seen_within_four_seconds(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    instance = fleet.add_instance()
    ec2.associate(instance, web)
    assert fleet.credentials(instance) is None
    clock.sleep(4)
    assert fleet.credentials(instance) == WEB_ROLE


def test_a_replacement_is_seen_within_five_seconds(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.replace(ec2.association(instance), web)
    assert fleet.credentials(instance) == OLD_ROLE
    clock.sleep(5)
    assert fleet.credentials(instance) == WEB_ROLE


def test_a_replacement_leaves_no_gap(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str) -> None:
    instance = fleet.add_instance(old)
    ec2.replace(ec2.association(instance), web)
    for _ in range(100):
        assert fleet.credentials(instance) in (OLD_ROLE, WEB_ROLE)
        clock.sleep(0.1)


def test_two_replacements_at_once_leave_no_gap(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance, other = fleet.add_instance(old), fleet.add_profile("Other")
    new = ec2.replace(ec2.association(instance), web)
    clock.sleep(1)
    ec2.replace(new, other)
    seen = []
    for _ in range(7):
        seen.append(fleet.credentials(instance))
        clock.sleep(1)
    assert seen == [OLD_ROLE] * 4 + [WEB_ROLE] + [OTHER_ROLE] * 2


def test_disassociating_and_associating_leaves_a_gap(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.disassociate(ec2.association(instance))
    assert fleet.credentials(instance) is None
    clock.sleep(10)
    ec2.associate(instance, web)
    assert fleet.credentials(instance) is None
    clock.sleep(4)
    assert fleet.credentials(instance) == WEB_ROLE


@pytest.mark.parametrize("state", ["pending", "stopping", "stopped", "shutting-down", "terminated"])
def test_an_instance_that_does_not_run_gets_no_credentials(fleet: Fleet, web: str, state: str) -> None:
    assert fleet.credentials(fleet.add_instance(web, state=state)) is None


def test_an_instance_that_got_its_profile_while_it_was_stopped_sees_it_when_it_runs(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old, state="stopped")
    ec2.disassociate(ec2.association(instance))
    ec2.associate(instance, web)
    clock.sleep(60)
    fleet.change_state(instance, "running")
    assert fleet.credentials(instance) == WEB_ROLE


def test_a_role_that_does_not_trust_ec2_answers_assume_role_unauthorized_access(
    ec2: Calls, fleet: Fleet, clock: VirtualClock
) -> None:
    instance = fleet.add_instance()
    ec2.associate(instance, fleet.add_profile("Web", trust=TRUST_LAMBDA))
    clock.sleep(75)
    assert fleet.credentials(instance) == ROLE_NOT_ASSUMED == "AssumeRoleUnauthorizedAccess"


def test_an_instance_that_gets_a_role_that_does_not_trust_ec2_loses_the_old_one(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, old: str
) -> None:
    instance = fleet.add_instance(old)
    ec2.replace(ec2.association(instance), fleet.add_profile("Web", trust=TRUST_LAMBDA))
    clock.sleep(4)
    assert fleet.credentials(instance) == OLD_ROLE
    clock.sleep(1)
    assert fleet.credentials(instance) == ROLE_NOT_ASSUMED


def test_a_profile_without_a_role_gives_no_credentials(fleet: Fleet) -> None:
    assert fleet.credentials(fleet.add_instance(fleet.add_profile("Empty", role=None))) is None


def test_another_role_inside_the_profile_is_not_seen_for_up_to_an_hour(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    instance = fleet.add_instance()
    ec2.associate(instance, web)
    clock.sleep(60)
    fleet.change_role(web, "Other")
    clock.sleep(HOUR - 61)
    assert fleet.credentials(instance) == WEB_ROLE
    clock.sleep(1)
    assert fleet.credentials(instance) == OTHER_ROLE


def test_a_role_removed_from_the_profile_is_seen_for_up_to_an_hour(fleet: Fleet, clock: VirtualClock, web: str) -> None:
    instance = fleet.add_instance(web)
    fleet.change_role(web, None)
    assert fleet.credentials(instance) == WEB_ROLE
    clock.sleep(HOUR)
    assert fleet.credentials(instance) is None


def test_replacing_the_profile_by_itself_does_not_show_its_other_role(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    instance = fleet.add_instance(web)
    fleet.change_role(web, "Other")
    ec2.replace(ec2.association(instance), web)
    clock.sleep(60)
    assert fleet.credentials(instance) == WEB_ROLE


def test_another_association_shows_another_role_at_once(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str
) -> None:
    instance, again = fleet.add_instance(web), fleet.add_profile("Again", role="Other")
    ec2.replace(ec2.association(instance), again)
    clock.sleep(5)
    assert fleet.credentials(instance) == OTHER_ROLE


def test_iam_shows_another_role_inside_the_profile_at_once(iam: "IAMClient", fleet: Fleet, web: str) -> None:
    fleet.change_role(web, "Other")
    (role,) = iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]["Roles"]
    assert role["Arn"] == OTHER_ROLE


def test_a_process_keeps_the_old_role_until_its_credentials_expire(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, old: str
) -> None:
    instance = fleet.add_instance(old)
    before = Process(fleet, instance)
    assert before.role == OLD_ROLE
    ec2.replace(ec2.association(instance), web)
    clock.sleep(HELD_SECONDS - 1)
    assert (before.role, Process(fleet, instance).role) == (OLD_ROLE, WEB_ROLE)
    clock.sleep(1)
    assert before.role == WEB_ROLE


def test_a_process_that_gets_no_credentials_asks_again(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    instance = fleet.add_instance()
    process = Process(fleet, instance)
    assert process.role is None
    ec2.associate(instance, web)
    clock.sleep(4)
    assert process.role == WEB_ROLE
