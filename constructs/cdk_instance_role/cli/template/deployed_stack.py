"""Stacks as they are deployed, as CloudFormation describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ...runtime.association.arn import name_of
from .intrinsic_functions import UnresolvedError
from .stacks import ASSOCIATION_TYPE, STACK_TYPE, associations, nested_template, of_type
from .template_text import UnreadableError, parse

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_NOT_DEPLOYED = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"})
"""Statuses of stacks without resources. What is left after the rollback of a creation the CDK CLI deletes and creates
again."""
_FAILED, _UPDATE_FAILED = "CREATE_FAILED", "UPDATE_FAILED"
_FOLLOWED = frozenset({ASSOCIATION_TYPE, STACK_TYPE})
"""Types of the resources that are followed until they are deleted."""
_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
"""Statuses of resources that the stack has no more. One that is skipped goes on to exist without it."""


@dataclass(frozen=True)
class DeployedStack:
    """A stack that exists."""

    id: str
    template: Mapping[str, Any]
    physical_ids: Mapping[str, str]
    """By logical id."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    status: str = "CREATE_COMPLETE"
    failed: frozenset[str] = frozenset()
    """Logical ids of the resources whose creation has failed: the next deployment deletes what there is of them, and
    creates them again. They are not among the physical ids."""
    leaving: frozenset[str] = frozenset()
    """Logical ids of the associations and nested stacks that an update has taken out of the template before it failed.
    CloudFormation has still to delete them. The template has only their types."""

    @property
    def name(self) -> str:
        """Its name: of a nested stack the one that CloudFormation has made up."""
        return self.id.split("/")[1] if "/" in self.id else self.id

    @property
    def has_failed_update(self) -> bool:
        """Whether its last update has failed and was not rolled back. Then the template is the one of that update,
        however far it got: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html"""
        return self.status == _UPDATE_FAILED

    @property
    def associations(self) -> list[str]:
        """Logical ids of its associations, those included whose creation has failed: they may hold instances."""
        return [id_ for id_ in associations(self.template) if id_ in self.physical_ids or id_ in self.failed]

    @property
    def nested(self) -> list[str]:
        """Logical ids of the nested stacks that are the CDK's, or may be."""
        return [id_ for id_ in self.inner_stacks if id_ in self.leaving or nested_template(self.resource(id_) or {})]

    @property
    def inner_stacks(self) -> list[str]:
        """Logical ids of all nested stacks."""
        return [id_ for id_ in of_type(self.template, STACK_TYPE) if id_ in self.physical_ids]

    def resource(self, logical_id: str) -> Mapping[str, Any] | None:
        """A resource of the template; None if it has none such."""
        found: Mapping[str, Any] | None = self.template.get("Resources", {}).get(logical_id)
        return found

    def check_template_has(self, logical_id: str) -> None:
        """Make sure that the template says what a resource is.

        Raises:
            UnresolvedError: CloudFormation has still to delete it after an update that has failed.
        """
        if logical_id in self.leaving:
            raise UnresolvedError(
                f"the template of stack {self.name}, whose last update has failed, lacks what CloudFormation has still "
                "to delete"
            )


def deployed_stack(cloudformation: "CloudFormationClient", name: str) -> DeployedStack | None:
    """A stack; None if it is not deployed.

    Raises:
        UnreadableError: its template can't be read.
    """
    stack = _described(cloudformation, name)
    if stack is None:
        return None
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    listed = [one for page in pages for one in page["StackResourceSummaries"]]
    resources = [one for one in listed if one.get("PhysicalResourceId") and one["ResourceStatus"] not in _GONE]
    # Of a nested stack, the resources have statuses of their own.
    failed = {
        one["LogicalResourceId"]
        for one in resources
        if one["ResourceStatus"] == _FAILED and one["ResourceType"] != STACK_TYPE
    }
    template, leaving = _template(cloudformation, name), dict[str, Any]()
    if stack["StackStatus"] == _UPDATE_FAILED:
        known = template.get("Resources", {})
        rest = {one["LogicalResourceId"]: one["ResourceType"] for one in resources}
        leaving = {id_: {"Type": kind} for id_, kind in rest.items() if kind in _FOLLOWED and id_ not in known}
        template = {**template, "Resources": {**known, **leaving}}
    parameters = {one["ParameterKey"]: one.get("ResolvedValue", one["ParameterValue"]) for one in _parameters(stack)}
    return DeployedStack(
        id=stack["StackId"],
        template=template,
        physical_ids={
            # Some local AWS give the ARN of an instance profile here, AWS gives its name.
            one["LogicalResourceId"]: name_of(one["PhysicalResourceId"])
            if one["ResourceType"] == "AWS::IAM::InstanceProfile"
            else one["PhysicalResourceId"]
            for one in resources
            if one["LogicalResourceId"] not in failed
        },
        parameters=parameters,
        outputs={one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", ())},
        status=stack["StackStatus"],
        failed=frozenset(failed),
        leaving=frozenset(leaving),
    )


def root_of(cloudformation: "CloudFormationClient", stack_id: str) -> str | None:
    """Name of the stack that a stack is nested in, or its own; None if it is not deployed."""
    stack = _described(cloudformation, stack_id)
    return str(stack.get("RootId", stack["StackId"])).split("/")[1] if stack else None


def _described(cloudformation: "CloudFormationClient", name: str) -> Any:
    """What CloudFormation says of a stack; None if it is not deployed."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise
    return None if stack["StackStatus"] in _NOT_DEPLOYED else stack


def _parameters(stack: Any) -> list[Any]:
    return [one for one in stack.get("Parameters", ()) if "ParameterValue" in one or "ResolvedValue" in one]


def _template(cloudformation: "CloudFormationClient", name: str) -> Mapping[str, Any]:
    body: Any = cloudformation.get_template(StackName=name)["TemplateBody"]
    try:
        found: Mapping[str, Any] = parse(body) if isinstance(body, str) else body  # boto3 decodes JSON
    except UnreadableError as error:
        raise UnreadableError(f"its template can't be read: {error}") from None
    return found


def exports(cloudformation: "CloudFormationClient") -> dict[str, str]:
    """What the stacks of the Region export, by name."""
    pages = cloudformation.get_paginator("list_exports").paginate()
    return {one["Name"]: one["Value"] for page in pages for one in page["Exports"]}
