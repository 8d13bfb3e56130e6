"""What CloudFormation does to the policies of roles when it deploys a template.

It goes from resource to resource and calls IAM for what has changed in each. It looks neither at what others have
attached nor at what other resources say, and deletes last.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cdk_instance_role.cli.template.intrinsic_functions import UnresolvedError
from cdk_instance_role.cli.template.replacement import ROLE, is_replaced

if TYPE_CHECKING:
    from tests.cli.cloud import Iam

_BUCKET = "AWS::S3::Bucket"


@dataclass(frozen=True)
class Deployed:
    """A template with the physical ids of what is there."""

    template: Mapping[str, Any]
    physical: Mapping[str, str]
    resolve: Callable[[Any], Any]

    def attached(self, logical_id: str) -> dict[tuple[str, str], Any]:
        """What a resource gives to roles: documents of inline policies, by role and name; None for managed policies."""
        if logical_id not in self.physical:
            return {}
        resource, physical = self.template["Resources"][logical_id], self.physical[logical_id]
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                arns = {(physical, arn): None for arn in self._plain(properties.get("ManagedPolicyArns", []))}
                inline = self._plain(properties.get("Policies", []))
                return arns | {(physical, one["PolicyName"]): one["PolicyDocument"] for one in inline}
            case "AWS::IAM::Policy":
                name, content = properties["PolicyName"], self._plain(properties["PolicyDocument"])
                return {(role, name): content for role in self._plain(properties.get("Roles", []))}
            case "AWS::IAM::ManagedPolicy":
                return {(role, physical): None for role in self._plain(properties.get("Roles", []))}
        return {}

    def _plain(self, value: Any) -> Any:
        try:
            return self.resolve(self._with_arns(value))
        except UnresolvedError:  # of resources that no test looks at
            return [] if isinstance(value, list) else {"Statement": []}

    def _with_arns(self, value: Any) -> Any:
        match value:
            case {"Fn::GetAtt": [str() as id_, "Arn"]} if self.template["Resources"][id_]["Type"] == _BUCKET:
                return f"arn:aws:s3:::{self.physical[id_].lower()}"
            case Mapping():
                return {key: self._with_arns(item) for key, item in value.items()}
            case list():
                return [self._with_arns(item) for item in value]
        return value


def deploy(iam: "Iam", before: Deployed | None, after: Deployed) -> Iterator[None]:
    """Change what has changed, then delete what is not there any more. Yields in between."""
    ids = after.template.get("Resources", {})
    for logical_id in ids:
        former = before.attached(logical_id) if before and _is_kept(before, after, logical_id) else {}
        _exchange(iam, former, after.attached(logical_id))
        _write(iam, before, after, logical_id)
    yield
    for logical_id in before.physical if before else ():
        assert before
        if logical_id in before.template["Resources"] and not _is_kept(before, after, logical_id):
            resource = before.template["Resources"][logical_id]
            if resource.get("DeletionPolicy") == "Retain":
                continue
            _exchange(iam, before.attached(logical_id), {})
            if resource["Type"] == ROLE:
                iam.roles.pop(before.physical[logical_id], None)


def _is_kept(before: Deployed, after: Deployed, logical_id: str) -> bool:
    if logical_id not in before.physical or logical_id not in after.physical:
        return False
    old, new = (one.template["Resources"].get(logical_id) for one in (before, after))
    return old is not None and new is not None and not is_replaced(old, new)


def _exchange(iam: "Iam", former: Mapping[tuple[str, str], Any], wanted: Mapping[tuple[str, str], Any]) -> None:
    for role, policy in former.keys() - wanted.keys():
        with suppress(KeyError, ValueError):
            if policy.startswith("arn:"):
                iam.roles[role].attached.remove(policy)
            else:
                del iam.roles[role].inline[policy]
    for (role, policy), content in wanted.items():
        if role not in iam.roles or ((role, policy) in former and former[role, policy] == content):
            continue
        if content is not None:
            iam.roles[role].inline[policy] = content
        elif policy not in iam.roles[role].attached:
            iam.roles[role].attached.append(policy)


def _write(iam: "Iam", before: Deployed | None, after: Deployed, logical_id: str) -> None:
    """Write a managed policy if its document has changed."""
    resource = after.template["Resources"][logical_id]
    if resource["Type"] != "AWS::IAM::ManagedPolicy" or logical_id not in after.physical:
        return
    former = before.template["Resources"].get(logical_id, {}) if before else {}
    if former.get("Properties", {}).get("PolicyDocument") != resource["Properties"]["PolicyDocument"]:
        iam.policies[after.physical[logical_id]] = after.resolve(resource["Properties"]["PolicyDocument"])
