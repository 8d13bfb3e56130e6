"""What people should know about an instance that gets another role."""

import pytest

from cdk_instance_role.cli.aws.instance_details import Details
from cdk_instance_role.cli.planning.metadata_warnings import hints

NODE = {"eks:nodegroup-name": "workers"}


def of(found: Details) -> str:
    (hint,) = hints(found)
    return hint


@pytest.mark.parametrize(
    ("tags", "beginning"),
    [
        ({"aws:autoscaling:groupName": "web-asg"}, "it belongs to Auto Scaling group web-asg: instances that this"),
        ({"aws:cloudformation:stack-name": "Base"}, "it belongs to CloudFormation stack Base, whose next update"),
        ({"ManagedBy": "Terraform"}, "Terraform seems to manage it"),
        ({"managed-by": "opentofu 1.8"}, "Terraform seems to manage it"),
        ({"terraform": "true"}, "Terraform seems to manage it"),
        ({"IaC": "terraform/prod"}, "Terraform seems to manage it"),
        (NODE, "it is managed by EKS node group workers, which may replace it"),
        ({"eks:cluster-name": "prod"}, "it is managed by EKS cluster prod"),
        ({"aws:elasticmapreduce:job-flow-id": "j-1"}, "it is managed by EMR cluster j-1"),
        ({"elasticbeanstalk:environment-name": "shop"}, "it is managed by Elastic Beanstalk environment shop"),
        ({"aws:ec2:fleet-id": "fleet-1"}, "it is managed by EC2 Fleet fleet-1"),
        ({"AmazonECSManaged": "true"}, "it is managed by ECS capacity provider true"),
        ({"parallelcluster:cluster-name": "hpc"}, "it is managed by ParallelCluster hpc"),
    ],
)
def test_names_other_services_that_may_change_the_instance(tags: dict[str, str], beginning: str) -> None:
    assert of(Details(tags=tags)).startswith(beginning)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"Name": "web-1", "app": "web"},
        {"Name": "migrated from terraform"},
        {"ManagedBy": "the web team"},
        {"kubernetes.io/cluster/prod": "owned"},
    ],
)
def test_says_nothing_about_an_ordinary_instance(tags: dict[str, str]) -> None:
    assert not hints(Details(tags=tags, hops=2))


def test_names_the_service_that_ec2_names() -> None:
    assert of(Details(operator="workspaces.amazonaws.com")).startswith("it is managed by workspaces.amazonaws.com")


def test_names_a_service_once() -> None:
    assert "EKS node group workers" in of(Details(tags=NODE, operator="eks.amazonaws.com"))


def test_says_that_applications_get_no_role_without_the_metadata_service() -> None:
    assert of(Details(metadata=False)).startswith("its metadata service is off")


@pytest.mark.parametrize(
    "tag", ["kubernetes.io/cluster/prod", "k8s.io/cluster-autoscaler/enabled", "karpenter.sh/nodepool"]
)
def test_says_that_containers_cannot_reach_the_metadata_service_with_one_hop(tag: str) -> None:
    assert of(Details(tags={tag: "x"}, hops=1)).startswith("its metadata service answers one hop far")


@pytest.mark.parametrize(
    "found", [Details(hops=1), Details(tags={"k8s.io/x": ""}, hops=2), Details(tags={"k8s.io/x": ""})]
)
def test_says_nothing_about_a_hop_limit_that_is_enough(found: Details) -> None:
    assert not hints(found)


def test_gives_all_hints_that_apply() -> None:
    tags = {"aws:autoscaling:groupName": "g", "aws:cloudformation:stack-name": "s", "terraform": "yes", **NODE}

    assert len(hints(Details(tags=tags, metadata=False, hops=1))) == 5
