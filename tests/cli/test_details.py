"""What EC2 says of instances besides their profiles, and access keys that nobody gets to see."""

from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest

from cdk_instance_role.cli.details import Details, carrying, details, has_access_key
from cdk_instance_role.runtime.association.observe import IDS_PER_CALL
from tests.cli.cloud import SELECTED, Cloud

KEY = "AKIA" + "IOSFODNN7EXAMPLE"
"""The id of AWS's documentation. In two parts, so that nobody's search for keys finds it."""


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.mark.parametrize(
    ("instance", "hops", "metadata"), [({}, 1, True), ({"hops": 2}, 2, True), ({"metadata": False}, 1, False)]
)
def test_reads_how_the_metadata_service_is(cloud: Cloud, instance: dict[str, Any], hops: int, metadata: bool) -> None:
    id_ = cloud.instance(1, **instance)

    assert details(cloud.aws.ec2, [id_]) == {id_: Details({**SELECTED, "Name": "web-1"}, metadata, hops)}


@pytest.mark.parametrize(
    ("described", "operator"),
    [
        ({"managed": True, "principal": "eks.amazonaws.com"}, "eks.amazonaws.com"),
        ({"managed": True}, "an AWS service"),
        ({"managed": False}, None),
    ],
)
def test_reads_which_service_manages_an_instance(cloud: Cloud, described: dict[str, Any], operator: str | None) -> None:
    id_ = cloud.instance(1)
    cloud.described[id_] = {"operator": described}

    assert details(cloud.aws.ec2, [id_])[id_].operator == operator


def test_reads_the_name() -> None:
    assert Details({"Name": "web-1"}).name == "web-1"


def test_has_no_name_without_the_tag() -> None:
    assert Details().name == ""


def test_describes_any_number_of_instances_and_none_that_is_not_there(cloud: Cloud) -> None:
    ids = [cloud.instance(number) for number in range(IDS_PER_CALL + 5)]

    assert details(cloud.aws.ec2, [*ids, "i-0123456789abcdef0"]).keys() == set(ids)
    assert cloud.traffic.count("DescribeInstances") == 2


def test_finds_whoever_carries_a_profile(cloud: Cloud) -> None:
    first, second, _ = cloud.instance(1, cloud.old), cloud.instance(2, cloud.web), cloud.instance(3, cloud.foreign)

    assert carrying(cloud.aws.ec2, [cloud.old, cloud.web]) == {first: cloud.old, second: cloud.web}
    assert not carrying(cloud.aws.ec2, [])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", False),
        (b"#!/bin/sh\nyum update", False),
        (f"export AWS_ACCESS_KEY_ID={KEY}\n".encode(), True),
        (f'"{KEY}"'.encode(), True),
        (b"\xff\xfe\x00" + KEY.encode() + b"\x00", True),
        (f"X{KEY}".encode(), False),
        (f"{KEY}LONGER".encode(), False),
        (KEY.lower().encode(), False),
        (KEY.replace("AKIA", "ASIA").encode(), False),
    ],
)
def test_finds_long_lived_access_keys_by_their_pattern(data: bytes, found: bool) -> None:
    assert has_access_key(answering({"Value": b64encode(data).decode()}), "i-0123456789abcdef0") is found


@pytest.mark.parametrize("user_data", [{}, {"Value": "x"}])
def test_finds_no_key_where_there_is_no_user_data_or_none_that_can_be_read(user_data: dict[str, str]) -> None:
    assert not has_access_key(answering(user_data), "i-0123456789abcdef0")


def test_asks_ec2_for_the_user_data(cloud: Cloud) -> None:
    assert has_access_key(cloud.aws.ec2, cloud.instance(1, user_data=f"export KEY={KEY}"))
    assert not has_access_key(cloud.aws.ec2, cloud.instance(2))


def answering(user_data: dict[str, str]) -> Any:
    """A client that has this user data for every instance."""
    return SimpleNamespace(describe_instance_attribute=lambda **_: {"UserData": user_data})
