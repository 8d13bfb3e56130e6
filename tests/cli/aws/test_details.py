"""What EC2 says of instances besides their profiles."""

from typing import Any

import pytest

from cdk_instance_role.cli.aws.instance_details import DescribedInstances, Details, carrying
from cdk_instance_role.runtime.association.aws.instances import IDS_PER_CALL
from tests.cli.cloud import SELECTED, Cloud


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.mark.parametrize(
    ("instance", "hops", "metadata"), [({}, 1, True), ({"hops": 2}, 2, True), ({"metadata": False}, 1, False)]
)
def test_reads_the_metadata_options(cloud: Cloud, instance: dict[str, Any], hops: int, metadata: bool) -> None:
    id_ = cloud.instance(1, **instance)

    assert DescribedInstances(cloud.aws.ec2).of([id_]) == {id_: Details({**SELECTED, "Name": "web-1"}, metadata, hops)}


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

    assert DescribedInstances(cloud.aws.ec2).of([id_])[id_].operator == operator


@pytest.mark.parametrize(("kind", "ebs"), [("ebs", True), ("instance-store", False)])
def test_reads_where_the_root_volume_is(cloud: Cloud, kind: str, ebs: bool) -> None:
    id_ = cloud.instance(1)
    cloud.described[id_] = {"rootDeviceType": kind}

    assert DescribedInstances(cloud.aws.ec2).of([id_])[id_].ebs is ebs


def test_reads_the_name() -> None:
    assert Details({"Name": "web-1"}).name == "web-1"


def test_has_no_name_without_the_tag() -> None:
    assert Details().name == ""


def test_describes_any_number_of_instances_and_skips_unknown_ones(cloud: Cloud) -> None:
    ids = [cloud.instance(number) for number in range(IDS_PER_CALL + 5)]

    assert DescribedInstances(cloud.aws.ec2).of([*ids, "i-0123456789abcdef0"]).keys() == set(ids)
    assert cloud.traffic.count("DescribeInstances") == 2


def test_finds_the_instances_that_carry_a_profile(cloud: Cloud) -> None:
    first, second, _ = cloud.instance(1, cloud.old), cloud.instance(2, cloud.web), cloud.instance(3, cloud.foreign)

    assert carrying(cloud.aws.ec2, [cloud.old, cloud.web]) == {first: cloud.old, second: cloud.web}
    assert not carrying(cloud.aws.ec2, [])


def test_does_not_describe_an_instance_again(cloud: Cloud) -> None:
    first, second = cloud.instance(1), cloud.instance(2)
    described = DescribedInstances(cloud.aws.ec2)
    described.ec2.describe_instances(InstanceIds=[first])
    cloud.traffic.calls.clear()

    assert described.of([first, second]).keys() == {first, second}

    ((_, parameters),) = [(one.action, one.parameters) for one in cloud.traffic.calls]
    assert parameters["Filter"] == [{"Name": "instance-id", "Value": [second]}]


def test_makes_no_call_if_all_instances_were_read_before(cloud: Cloud) -> None:
    first = cloud.instance(1)
    described = DescribedInstances(cloud.aws.ec2)
    described.ec2.describe_instances(InstanceIds=[first])
    cloud.traffic.calls.clear()

    assert described.of([first])[first].name == "web-1"
    assert not cloud.traffic.calls
