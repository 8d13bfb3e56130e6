"""Long-lived access keys in user data, which are never shown."""

import gzip
import threading
from base64 import b64encode
from types import SimpleNamespace
from typing import Any

import pytest

from cdk_instance_role.cli.aws.partial_reader import PartialReader
from cdk_instance_role.cli.planning.access_keys import MAX_BYTES, MAX_LOOKS, has_access_key, with_access_key
from tests.cli.cloud import Cloud, refusal

KEY = "AKIA" + "IOSFODNN7EXAMPLE"
"""The id from AWS's documentation. In two parts, so that no scanner for secrets finds it."""


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


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
def test_finds_no_key_without_user_data_or_in_unreadable_user_data(user_data: dict[str, str]) -> None:
    assert not has_access_key(answering(user_data), "i-0123456789abcdef0")


def test_asks_ec2_for_the_user_data(cloud: Cloud) -> None:
    assert has_access_key(cloud.aws.ec2, cloud.instance(1, user_data=f"export KEY={KEY}"))
    assert not has_access_key(cloud.aws.ec2, cloud.instance(2))


def answering(user_data: dict[str, str]) -> Any:
    """A client that has this user data for every instance."""
    return SimpleNamespace(describe_instance_attribute=lambda **_: {"UserData": user_data})


def holding(data: bytes) -> bool:
    return has_access_key(answering({"Value": b64encode(data).decode()}), "i-0123456789abcdef0")


def test_reads_compressed_user_data() -> None:
    assert holding(gzip.compress(f"export AWS_ACCESS_KEY_ID={KEY}\n".encode()))
    assert not holding(gzip.compress(b"#!/bin/sh\n"))


def test_finds_no_key_in_broken_compressed_user_data() -> None:
    packed = gzip.compress(KEY.encode())

    assert not holding(packed[:4])
    assert not holding(packed[:10] + b"\xff" * 20)
    assert holding(packed[:-4])


def test_decompresses_up_to_a_limit_only() -> None:
    assert holding(gzip.compress(bytes(MAX_BYTES - 100) + KEY.encode()))
    assert not holding(gzip.compress(bytes(MAX_BYTES) + KEY.encode()))
    assert not holding(gzip.compress(bytes(50 * MAX_BYTES)))


def test_names_the_instances_that_have_a_key() -> None:
    data = {f"i-{number}": KEY if number % 3 == 0 else "" for number in range(20)}
    client: Any = SimpleNamespace(describe_instance_attribute=lambda **asked: coded(data[asked["InstanceId"]]))

    found, said = with_access_key(client, PartialReader(), [*data])

    assert found == {id_ for id_, key in data.items() if key}
    assert not said


def test_reads_several_instances_at_once() -> None:
    together = threading.Barrier(4, timeout=10)

    def describe(**_: Any) -> Any:
        together.wait()
        return coded(KEY)

    client: Any = SimpleNamespace(describe_instance_attribute=describe)
    found, _ = with_access_key(client, PartialReader(), ["i-1", "i-2", "i-3", "i-4"])

    assert len(found) == 4


def test_stops_at_the_first_refusal_and_keeps_the_results() -> None:
    calls, reader = [], PartialReader()

    def describe(**asked: Any) -> Any:
        calls.append(asked)
        if asked["InstanceId"] == "i-0":
            return coded(KEY)
        raise refusal("DescribeInstanceAttribute")

    client: Any = SimpleNamespace(describe_instance_attribute=describe)
    found, said = with_access_key(client, reader, [f"i-{number}" for number in range(MAX_LOOKS + 1)])

    assert found == {"i-0"}
    assert not said
    assert reader.unavailable == ["user data of the instances: not allowed (DescribeInstanceAttribute)"]
    assert len(calls) < MAX_LOOKS


def coded(data: str) -> Any:
    return {"UserData": {"Value": b64encode(data.encode()).decode()}}
