"""Templates that give policies to roles, deployed and new ones, without a cloud."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cdk_instance_role.cli.iam.role import Policy, Role
from cdk_instance_role.cli.policies.policy_updates import PolicyUpdate
from cdk_instance_role.cli.policies.role_changes import RoleChange, role_after
from cdk_instance_role.cli.policies.template_policies import TemplatePolicies
from cdk_instance_role.cli.template.intrinsic_functions import Resolver, UnresolvedError

SSM = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
KNOWN = {"AWS::Partition": "aws", "AWS::Region": "eu-west-1", "AWS::AccountId": "111122223333"}
SSM_JOINED = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/AmazonSSMManagedInstanceCore"]]}
DOCUMENT: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}],
}
OTHER: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
}

Resources = Mapping[str, Any]


def resource(kind: str, properties: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": dict(properties or {}), **more}


def document(on: Any, **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": on, **more}]}


def managed(name: str, content: Mapping[str, Any] = DOCUMENT, account: str = "aws") -> Policy:
    return Policy(name, content, arn=f"arn:aws:iam::{account}:policy/{name}")


class Managed:
    """The managed policies of an account."""

    def __init__(self, *policies: Policy, missing: Sequence[str] = ()) -> None:
        self._policies, self._missing = {one.arn: one for one in policies}, missing

    def policy(self, arn: str) -> Policy | None:
        return self._policies.get(arn)

    def why(self, arn: str) -> str:
        return f"policy {arn} could not be read"

    def is_missing(self, arn: str) -> bool:
        return arn in self._missing


AWS = Managed(managed("AmazonSSMManagedInstanceCore", {"Statement": []}))


def attribute(logical_id: str, name: str) -> Any:
    if (logical_id, name) == ("Old", "Arn"):
        return "arn:aws:s3:::stack-old"
    raise UnresolvedError(f"{logical_id}.{name} is not known before the deployment")


def policies_of(
    resources: Resources,
    known: Mapping[str, Any] | None = None,
    is_made: Callable[[str], bool] | None = None,
    **template: Any,
) -> TemplatePolicies:
    """What a template says about the policies of roles.

    Args:
        resources: the resources, by logical id.
        known: physical ids and parameters.
        is_made: whether a resource is there. Default: as the conditions of the template say.
        template: the other sections of the template.
    """
    there = known or {}
    resolve = Resolver(
        {**KNOWN, **there},
        attribute,
        conditions=template.get("Conditions", {}),
        mappings=template.get("Mappings", {}),
    )

    def made(logical_id: str) -> bool:
        condition = resources[logical_id].get("Condition")
        return condition is None or resolve.holds(condition)

    def reference(logical_id: str) -> str:
        given = resources[logical_id].get("Properties", {}).get("RoleName")
        return str(there.get(logical_id) or (resolve(given) if given else f"(new) {logical_id}"))

    whole = {"Resources": resources, **template}
    return TemplatePolicies(whole, resolve, reference, lambda id_: id_ not in there, is_made or made)


def deployed(resources: Resources, physical: Mapping[str, Any], **template: Any) -> TemplatePolicies:
    """What a deployed template says; of its resources those are there that have a physical id."""
    return policies_of(resources, physical, physical.__contains__, **template)


def created(role: str, resources: Resources, policies: Managed = AWS, **template: Any) -> RoleChange:
    """A role of a stack that is created."""
    return role_after(Role(role, ()), [[PolicyUpdate("Servers", None, policies_of(resources, **template))]], policies)


def content(role: Role, name: str) -> Any:
    """What the policy of a role says."""
    (found,) = (policy.document for policy in role.policies if policy.name == name)
    return found
