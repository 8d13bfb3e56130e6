"""Which profiles are of the same `InstanceRole` as the wanted one: those on its IAM path, and on its former ones."""

from typing import Any

import pytest

from cdk_instance_role.runtime.association.exceptions import RequestError
from cdk_instance_role.runtime.association.request.desired import Desired

ACCOUNT = "arn:aws:iam::111122223333"


def desired(path_and_name: str, *former: str) -> Desired:
    properties = {
        "InstanceProfileArn": f"{ACCOUNT}:instance-profile/{path_and_name}",
        "RoleArn": f"{ACCOUNT}:role/Web",
        "InstanceIds": ["i-0123456789abcdef0"],
        "FormerPaths": [*former],
    }
    return Desired.from_properties(properties)


@pytest.mark.parametrize("before", ["", "corp/", "corp/team-1/"])
def test_profiles_on_the_path_of_the_wanted_one_are_of_the_same_role(before: str) -> None:
    wanted = desired(f"{before}cdk-instance-role/Stack/29751047/New")
    assert wanted.is_own(f"{ACCOUNT}:instance-profile/{before}cdk-instance-role/Stack/29751047/Old")
    for other in ("cdk-instance-role/Stack/aaaaaaaa", "cdk-instance-role/Stack", "elsewhere", "x/cdk-instance-role"):
        assert not wanted.is_own(f"{ACCOUNT}:instance-profile/{other}/Old")
    assert not wanted.is_own(f"arn:aws:iam::444455556666:instance-profile/{before}cdk-instance-role/Stack/29751047/Old")


def test_profiles_on_a_former_path_are_of_the_same_role() -> None:
    former = ("/corp/cdk-instance-role/Stack/7eaa33f5/", "/cdk-instance-role/Stack/29751047/")
    wanted = desired("corp/cdk-instance-role/Stack/29751047/New", *former)
    for path in former:
        assert wanted.is_own(f"{ACCOUNT}:instance-profile{path}Old")


@pytest.mark.parametrize("path", ["", "team/", "cdk-instance-roles/Stack/29751047/"])
def test_a_profile_that_belongs_to_no_instance_role_is_alone(path: str) -> None:
    wanted = desired(f"{path}New")
    assert not wanted.is_own(f"{ACCOUNT}:instance-profile/{path}Old")


@pytest.mark.parametrize("former", ["/corp/", "cdk-instance-role/Stack/29751047/", "/cdk-instance-role/Stack/2", 1])
def test_fails_when_a_former_path_is_invalid(former: Any) -> None:
    with pytest.raises(RequestError, match=r"FormerPaths are .*: expected IAM paths like"):
        desired("cdk-instance-role/Stack/29751047/New", former)
