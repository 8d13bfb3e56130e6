"""Instance profiles in IAM and, some time later, in EC2; and the time until EC2 confirms an association."""

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.calls import Calls, refusal
from tests.simulator.clock import VirtualClock
from tests.simulator.ec2 import NOT_PROPAGATED
from tests.simulator.fleet import (
    FASTEST_CONFIRMATION,
    SLOWEST_CONFIRMATION,
    TRUST_EC2,
    TRUST_LAMBDA,
    Fleet,
    as_seen_on_aws,
    lets_ec2_assume,
)
from tests.simulator.iam import GET_PROFILE
from tests.simulator.simulator import Simulator

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

ROLES = "arn:aws:iam::111122223333:role"
HOUR = 3600
FORMS = [None, NOT_PROPAGATED]
"""How EC2 says that it does not know a profile."""


def trusts(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def statement(principal: Any, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": "sts:AssumeRole", "Principal": principal}


def test_iam_shows_the_role_in_a_profile_and_its_trust_policy(iam: "IAMClient", fleet: Fleet) -> None:
    arn = fleet.add_profile("Web", role="App", trust=TRUST_LAMBDA)
    profile = iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]
    (role,) = profile["Roles"]
    assert (profile["Arn"], role["Arn"], role["RoleName"]) == (arn, f"{ROLES}/App", "App")
    assert role["AssumeRolePolicyDocument"] == TRUST_LAMBDA


def test_iam_knows_a_profile_by_its_name_without_its_path(iam: "IAMClient", fleet: Fleet) -> None:
    arn = fleet.add_profile("Web", path="/my/path/")
    profile = iam.get_instance_profile(InstanceProfileName="Web")["InstanceProfile"]
    assert (profile["Arn"], profile["Path"]) == (arn, "/my/path/")


def test_iam_shows_that_a_profile_has_no_role(iam: "IAMClient", fleet: Fleet) -> None:
    fleet.add_profile("Empty", role=None)
    assert iam.get_instance_profile(InstanceProfileName="Empty")["InstanceProfile"]["Roles"] == []


def test_fails_when_iam_does_not_know_a_profile(iam: "IAMClient", simulator: Simulator) -> None:
    refused = refusal(iam.get_instance_profile, InstanceProfileName="Web")
    assert refused == ("NoSuchEntity", "Instance Profile Web cannot be found.")
    assert simulator.traffic.count(GET_PROFILE) == 1  # it is for good, so botocore does not ask again


@pytest.mark.parametrize("form", FORMS)
def test_ec2_knows_a_new_profile_late(
    simulator: Simulator, ec2: Calls, fleet: Fleet, clock: VirtualClock, form: tuple[str, str] | None
) -> None:
    simulator.ec2.unknown_profile = form
    instance, new = fleet.add_instance(), fleet.add_profile("New", known_from=clock() + 30)
    code = "IncorrectState" if form else "InvalidParameterValue"
    clock.sleep(29)
    assert refusal(ec2.associate, instance, new)[0] == code
    clock.sleep(1)
    assert ec2.associate(instance, new)


@pytest.mark.parametrize("form", FORMS)
def test_a_profile_that_ec2_does_not_know_yet_looks_like_one_that_does_not_exist(
    simulator: Simulator, ec2: Calls, fleet: Fleet, clock: VirtualClock, form: tuple[str, str] | None
) -> None:
    simulator.ec2.unknown_profile = form
    instance, new = fleet.add_instance(), fleet.add_profile("New", known_from=clock() + 30)
    early = refusal(ec2.associate, instance, new)
    del fleet.profiles[new]
    assert refusal(ec2.associate, instance, new) == early


def test_iam_knows_a_new_profile_before_ec2_does(iam: "IAMClient", fleet: Fleet, clock: VirtualClock) -> None:
    new = fleet.add_profile("New", known_from=clock() + 30)
    assert iam.get_instance_profile(InstanceProfileName="New")["InstanceProfile"]["Arn"] == new


def test_an_association_remains_after_its_profile_is_deleted(ec2: Calls, fleet: Fleet, web: str) -> None:
    instance = fleet.add_instance(web)
    del fleet.profiles[web]
    assert ec2.association(instance)["IamInstanceProfile"]["Arn"] == web


def test_a_confirmation_takes_its_time(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    fleet.association_seconds = 30
    instance = fleet.add_instance()
    ec2.associate(instance, web)
    clock.sleep(29)
    assert ec2.association(instance)["State"] == "associating"
    clock.sleep(1)
    assert ec2.association(instance)["State"] == "associated"


def test_a_confirmation_takes_between_1_6_and_65_seconds() -> None:
    draw = as_seen_on_aws(seed=1)
    taken = [draw() for _ in range(1000)]
    assert FASTEST_CONFIRMATION <= min(taken) < 1.7
    assert 60 < max(taken) <= SLOWEST_CONFIRMATION


def test_confirmations_are_as_slow_for_every_caller(ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str) -> None:
    fleet.association_seconds = as_seen_on_aws(seed=1)
    for _ in range(40):
        ec2.associate(fleet.add_instance(), web)
    clock.sleep(1.5)
    assert {row["State"] for row in ec2.associations()} == {"associating"}
    clock.sleep(8.5)
    assert {row["State"] for row in ec2.associations()} == {"associating", "associated"}
    clock.sleep(55)
    assert {row["State"] for row in ec2.associations()} == {"associated"}


def test_most_confirmations_are_quick() -> None:
    draw = as_seen_on_aws(seed=1)
    assert sorted(draw() for _ in range(1000))[500] < 10


def test_confirmations_can_be_repeated_exactly() -> None:
    one, other = as_seen_on_aws(seed=7), as_seen_on_aws(seed=7)
    assert [one() for _ in range(10)] == [other() for _ in range(10)]


@pytest.mark.parametrize("state", ["running", "stopped"])
@pytest.mark.parametrize("confirms", [True, False])
def test_a_stopped_instance_may_be_confirmed_or_not(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, state: str, confirms: bool
) -> None:
    fleet.confirms_stopped = confirms
    instance = fleet.add_instance(state=state)
    ec2.associate(instance, web)
    clock.sleep(100)
    waits = state == "stopped" and not confirms
    assert ec2.association(instance)["State"] == ("associating" if waits else "associated")


@pytest.mark.parametrize("trust", [TRUST_LAMBDA, TRUST_EC2])
def test_a_confirmation_is_final(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, web: str, trust: dict[str, Any]
) -> None:
    fleet.confirms_stopped = False
    instance = fleet.add_instance()
    ec2.associate(instance, web)
    clock.sleep(10)
    assert ec2.association(instance)["State"] == "associated"
    fleet.profiles[web].trust = trust
    fleet.change_state(instance, "stopped")
    assert ec2.association(instance)["State"] == "associated"


@pytest.mark.parametrize("more", [{"trust": TRUST_LAMBDA}, {"delivers": False}, {"role": None}])
def test_a_role_that_ec2_cannot_assume_stays_associating_for_ever(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, more: dict[str, Any]
) -> None:
    instance, web = fleet.add_instance(), fleet.add_profile("Web", **more)
    ec2.associate(instance, web)
    for _ in range(24):
        clock.sleep(HOUR)
        assert ec2.association(instance)["State"] == "associating"


def test_a_role_that_ec2_cannot_assume_is_accepted_by_replace_as_well(
    ec2: Calls, fleet: Fleet, clock: VirtualClock, old: str
) -> None:
    instance, web = fleet.add_instance(old), fleet.add_profile("Web", trust=TRUST_LAMBDA)
    ec2.replace(ec2.association(instance), web)
    clock.sleep(HOUR)
    assert ec2.association(instance)["State"] == "associating"


@pytest.mark.parametrize(
    ("policy", "assumable"),
    [
        (TRUST_EC2, True),
        (TRUST_LAMBDA, False),
        (trusts(statement({"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]})), True),
        (trusts(statement({"Service": "lambda.amazonaws.com"}), statement({"Service": "ec2.amazonaws.com"})), True),
        ({"Statement": statement("*")}, True),
        (trusts(statement({"AWS": "arn:aws:iam::111122223333:root"})), False),
        (trusts(statement("*"), statement({"Service": "ec2.amazonaws.com"}, "Deny")), False),
        (trusts(), False),
    ],
)
def test_the_trust_policy_says_whether_ec2_can_assume_a_role(policy: dict[str, Any], assumable: bool) -> None:
    assert lets_ec2_assume(policy) == assumable
