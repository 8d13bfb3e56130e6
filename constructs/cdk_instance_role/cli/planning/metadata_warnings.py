"""What people should know about an instance that gets another role. Pure: it looks at what was described."""

from collections.abc import Iterator, Mapping

from ..aws.instance_details import Details

_MANAGED_BY = {
    "eks:nodegroup-name": "EKS node group",
    "eks:cluster-name": "EKS cluster",
    "aws:elasticmapreduce:job-flow-id": "EMR cluster",
    "elasticbeanstalk:environment-name": "Elastic Beanstalk environment",
    "aws:ec2:fleet-id": "EC2 Fleet",
    "AmazonECSManaged": "ECS capacity provider",
    "parallelcluster:cluster-name": "ParallelCluster",
}
"""Tags by which AWS services mark what they manage."""

_OF_CONTAINERS = ("eks:", "kubernetes.io/", "k8s.io/", "AmazonECSManaged", "karpenter.sh/")
"""Beginnings of tags of instances that run containers."""

_TERRAFORM = ("terraform", "opentofu")
_TERRAFORM_KEYS = frozenset({"managedby", "managed-by", "managed_by", "provisioner", "createdby", "created-by", "iac"})


def hints(found: Details) -> tuple[str, ...]:
    """What people should know, in sentences."""
    return (*_owners(found), *_credentials(found))


def _owners(found: Details) -> Iterator[str]:
    tags = found.tags
    if group := tags.get("aws:autoscaling:groupName"):
        yield (
            f"it belongs to Auto Scaling group {group}: instances that this launches later won't have the role, "
            "change its launch template"
        )
    if stack := tags.get("aws:cloudformation:stack-name"):
        yield f"it belongs to CloudFormation stack {stack}, whose next update may put its own profile back"
    if _is_of_terraform(tags):
        yield "Terraform seems to manage it by its tags: its next run may put its own profile back"
    service = next((f"{what} {tags[tag]}" for tag, what in _MANAGED_BY.items() if tag in tags), found.operator)
    if service:
        yield f"it is managed by {service}, which may replace it or its profile"


def _is_of_terraform(tags: Mapping[str, str]) -> bool:
    def says(text: str) -> bool:
        return any(word in text.lower() for word in _TERRAFORM)

    return any(says(key) or (key.lower() in _TERRAFORM_KEYS and says(value)) for key, value in tags.items())


def _credentials(found: Details) -> Iterator[str]:
    if not found.metadata:
        yield "its metadata service is off: applications on it can't use a role, enable its HTTP endpoint"
    elif found.hops == 1 and any(tag.startswith(_OF_CONTAINERS) for tag in found.tags):
        yield "its metadata service answers one hop far and it seems to run containers: they won't get the role"
