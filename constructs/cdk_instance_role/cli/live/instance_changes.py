"""The instances of one stack that its deployment creates, or gives another profile or other tags.

CloudFormation makes both changes without interruption:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...runtime.association.request.desired import Selection
from ..template.intrinsic_functions import NO_VALUE, UnresolvedError, as_text, properties_of, value_or
from ..template.property_values import NEW, StackValues
from ..template.replacement import INSTANCE, Resolve
from ..template.stacks import Address, of_type

_PROFILE, _TAGS = "IamInstanceProfile", "Tags"
_LAUNCH_TEMPLATE = "its launch template decides"
_ANY = ""
"""Stands for a tag whose key is not known."""


@dataclass(frozen=True)
class PlannedInstance:
    """An instance as the template has it."""

    id: str
    """`NEW` and the path of its construct if the deployment creates it."""
    path: str
    key: tuple[Address, str]
    """Its stack and its logical id."""
    sets_profile: bool = False
    """The deployment decides which profile it carries."""
    profile: str | None = None
    """Name of that profile; None for none."""
    unknown_profile: str = ""
    """Why that is not known; empty if it is."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """The tags that it gets."""
    removed_tags: frozenset[str] = frozenset()
    unknown_tags: Mapping[str, str] = field(default_factory=dict)
    """Why tags are not known, by their keys."""

    @property
    def is_new(self) -> bool:
        """Whether the deployment creates it."""
        return self.id.startswith(NEW)

    @property
    def sets_tags(self) -> bool:
        """Whether the deployment gives it a tag, or removes one."""
        return bool(self.tags or self.removed_tags or self.unknown_tags)

    def tags_after(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The tags after the deployment, as far as they are known.

        Args:
            tags: the tags before it.
        """
        kept = {key: value for key, value in tags.items() if key not in self.removed_tags | self.unknown_tags.keys()}
        return {**kept, **self.tags}

    def unknown_match(self, selection: Selection, tags: Mapping[str, str]) -> Iterator[str]:
        """Why it is not known whether a selection by tags has it, in sentences.

        Args:
            selection: the selection.
            tags: the tags after the deployment, as far as they are known.
        """
        wanted = dict(selection.tags)
        open_keys = {
            key for key in wanted if key in self.unknown_tags or (_ANY in self.unknown_tags and key not in tags)
        }
        if all(key in open_keys or tags.get(key) in values for key, values in wanted.items()):
            for key in sorted(open_keys):
                yield f"tag {key} of {self.id}: {self.unknown_tags.get(key) or self.unknown_tags[_ANY]}"


def planned_instances(after: StackValues, before: StackValues | None, address: Address) -> Iterator[PlannedInstance]:
    """The instances of a stack that the deployment creates, or gives another profile or other tags.

    Args:
        after: the values of the stack after the deployment.
        before: its values as it is deployed; None if it is not.
        address: the stack.
    """
    for logical_id in of_type(after.template, INSTANCE):
        if logical_id not in after.kept:
            yield from _created(after, address, logical_id)
        elif any(after.kept.sets(logical_id, name) for name in (_PROFILE, _TAGS)):
            yield _planned(after, before, address, logical_id)


def _created(after: StackValues, address: Address, logical_id: str) -> Iterator[PlannedInstance]:
    try:
        if after.is_made(logical_id):
            yield _planned(after, None, address, logical_id)
    except UnresolvedError as error:
        path = after.path(logical_id)
        unknown = {_ANY: f"whether it is created: {error}"}
        yield PlannedInstance(f"{NEW}{path}", path, (address, logical_id), unknown_tags=unknown)


def _planned(after: StackValues, before: StackValues | None, address: Address, logical_id: str) -> PlannedInstance:
    path = after.path(logical_id)
    profile, why = None, ""
    if sets_profile := after.kept.sets(logical_id, _PROFILE):
        profile, why = _profile(after, logical_id)
    tags, unknown, removed = dict[str, str](), dict[str, str](), frozenset[str]()
    if after.kept.sets(logical_id, _TAGS):
        tags, unknown = _tags(after.resources[logical_id], after.resolve)
        former = _tags(before.resources.get(logical_id, {}), before.resolve) if before else ({}, {})
        removed = frozenset(former[0].keys() | former[1].keys()) - tags.keys() - unknown.keys()
    if logical_id not in after.kept:
        tags |= _of_cloudformation(address, logical_id)
    return PlannedInstance(
        id=after.kept.get(logical_id, f"{NEW}{path}"),
        path=path,
        key=(address, logical_id),
        sets_profile=sets_profile,
        profile=profile,
        unknown_profile=why,
        tags=tags,
        removed_tags=removed,
        unknown_tags=unknown,
    )


def _of_cloudformation(address: Address, logical_id: str) -> dict[str, str]:
    """The tags that CloudFormation gives to every instance that it creates. It invents the names of nested stacks."""
    tags = {"aws:cloudformation:logical-id": logical_id}
    return tags if address.outer else {**tags, "aws:cloudformation:stack-name": address.name}


def _profile(values: StackValues, logical_id: str) -> tuple[str | None, str]:
    """Name of the profile that an instance gets, and why that is not known."""
    try:
        properties = properties_of(values.resources[logical_id])
        found = values.resolve(properties.get(_PROFILE))
    except UnresolvedError as error:
        return None, str(error)
    if (name := value_or(found, None)) is not None:
        return str(name), ""
    return None, _LAUNCH_TEMPLATE if "LaunchTemplate" in properties and logical_id not in values.kept else ""


def _tags(resource: Mapping[str, Any], resolve: Resolve) -> tuple[dict[str, str], dict[str, str]]:
    """The tags in a template: their values, and why some are not known, by their keys."""
    known: dict[str, str] = {}
    unknown: dict[str, str] = {}
    try:
        listed = properties_of(resource).get(_TAGS, [])
        items = listed if isinstance(listed, list) else resolve(listed)
    except UnresolvedError as error:
        return {}, {_ANY: str(error)}
    for item in items if isinstance(items, list) else ():
        try:
            tag = resolve(item)
            known |= {} if tag is NO_VALUE else {as_text(tag["Key"]): as_text(tag["Value"])}
        except UnresolvedError as error:
            key = item.get("Key") if isinstance(item, Mapping) else None
            unknown[key if isinstance(key, str) else _ANY] = str(error)
        except (KeyError, TypeError):
            unknown[_ANY] = f"{item!r} is no tag"
    return known, unknown
