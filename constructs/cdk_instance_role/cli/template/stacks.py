"""How stacks and what is in them are found and called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ASSOCIATION_TYPE = "Custom::InstanceProfileAssociation"
STACK_TYPE = "AWS::CloudFormation::Stack"
_PATH = "aws:cdk:path"
_NESTED = re.compile(r"\.NestedStack/[^/]+\.NestedStackResource$")
"""What the CDK adds to the path of a nested stack for the resource in the stack around it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A stack of an account and Region: a top-level stack, or one that is nested in it at any depth."""

    name: str
    """Name of the stack at the top."""
    nested: tuple[str, ...] = ()
    """Logical ids of the nested stacks on the way down from there; none for the stack at the top itself."""
    construct: str = field(default="", compare=False)
    """Path of the construct of the stack at the top; empty if it is not known."""

    @property
    def outer(self) -> "Address | None":
        """The stack that this one is nested in; None if it is at the top."""
        return replace(self, nested=self.nested[:-1]) if self.nested else None

    def inner(self, logical_id: str) -> "Address":
        """The nested stack with this logical id."""
        return replace(self, nested=(*self.nested, logical_id))

    def path(self, template: Mapping[str, Any], logical_id: str) -> str:
        """The path of a construct, within the stack at the top, as ``aws:cdk:path`` gives it; logical ids if it does
        not.

        Args:
            template: the template of the stack.
            logical_id: of a resource of the template.

        Example:
            >>> template = {"Resources": {"A1": {"Metadata": {"aws:cdk:path": "Prod/Stack/Web/Fleet/Default"}}}}
            >>> Address("Prod-Stack", construct="Prod/Stack").path(template, "A1")
            'Web/Fleet'
        """
        whole = metadata(template.get("Resources", {}).get(logical_id, {}), _PATH)
        inside = whole.removeprefix(f"{self.construct}/") if self.construct else whole
        if inside == whole:  # the construct of the stack has another path since, or none that is known
            inside = whole.partition("/")[2]
        inside = _NESTED.sub("", inside)
        parts = [part for part in inside.split("/") if part not in ("", "Default", "Resource")]
        return "/".join(parts or (*self.nested, logical_id))


AssociationKey = tuple[Address, str]
"""What an association is known by: its stack and its logical id."""


def associations(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The associations of a template, by logical id."""
    return of_type(template, ASSOCIATION_TYPE)


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """The resources of a template that are of a type, by logical id."""
    return {id_: resource for id_, resource in resources(template).items() if resource.get("Type") == kind}


def resources(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The resources of a template, by logical id. A function such as ``Fn::ForEach::Web`` or ``Fn::Transform`` is none:
    only CloudFormation knows what it makes."""
    found = template.get("Resources", {}).items()
    return {id_: one for id_, one in found if isinstance(one, Mapping) and not id_.startswith("Fn::")}


def nested_template(resource: Mapping[str, Any]) -> str | None:
    """Name of the file in the assembly that has the template of a nested stack; None for one that is no construct."""
    return metadata(resource, "aws:asset:path") or None


def metadata(resource: Mapping[str, Any], key: str) -> str:
    """A text among the metadata of a resource; empty if there is none. The rest of it may have any form."""
    found = resource.get("Metadata")
    text = found.get(key) if isinstance(found, Mapping) else None
    return text if isinstance(text, str) else ""
