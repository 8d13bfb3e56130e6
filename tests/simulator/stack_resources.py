"""The custom resources of a stack: the events that CloudFormation sends them, and what a rollback has to take back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.driver import Resource, Result, World

Properties = Mapping[str, Any]
Template = Mapping[str, Properties]
"""Properties of the custom resources, by logical id."""


@dataclass
class Played:
    """An event that CloudFormation has sent, and what became of it."""

    request_type: str
    logical_id: str
    status: str
    """Status of the stack meanwhile."""
    result: Result


@dataclass
class Operation:
    """An operation on a stack."""

    events: list[Played] = field(default_factory=list)


@dataclass
class Change:
    """What has been done to a resource."""

    resource: Resource
    old: Properties | None
    """What it was when the stack was last in order; None for one that was not there."""
    new: Properties


class StackResources:
    """Sends the events of one operation after another. Policies are attached before the events of a configuration."""

    def __init__(self, world: World, stack_id: str, status: Callable[[], str]) -> None:
        """
        Args:
            world: the AWS that they are in.
            stack_id: id of their stack.
            status: tells the status of the stack.
        """
        self._world, self._stack_id, self._status = world, stack_id, status
        self.new_resource: Callable[[World, str, str], Resource] = Resource
        """Makes what stands for a resource in a world, by its logical id and the id of its stack."""
        self.by_id: dict[str, Resource] = {}
        """Those that exist, by logical id."""
        self.failed_creates: list[Resource] = []
        """Resources whose Create has failed and that nobody has deleted."""
        self.open: list[Change] = []
        """Changes that a rollback has to take back, the youngest first."""
        self.operation = Operation()

    def changed(self, template: Template) -> list[str]:
        """Logical ids of the resources that a template changes."""
        same = {id_ for id_, resource in self.by_id.items() if resource.properties == template.get(id_)}
        return [logical_id for logical_id in template if logical_id not in same]

    def apply(self, template: Template, if_failed: Callable[[Change], None] | None = None) -> bool:
        """Create and update resources. Returns whether all have succeeded.

        Args:
            template: the resources.
            if_failed: what is done about one that has failed. Default: it is left to a rollback, and the others get no
                event.
        """
        succeeded = True
        for logical_id in self.changed(template):
            known = self.by_id.get(logical_id)
            resource = known or self.new_resource(self._world, logical_id, self._stack_id)
            change = Change(resource, dict(known.properties) if known else None, template[logical_id])
            if self._change(change):
                self.note(change)
                continue
            succeeded = False
            if if_failed is None:
                self.note(change)
                break
            if_failed(change)
        return succeeded

    def note(self, change: Change) -> None:
        """Remember a change. A rollback takes a resource back to what it was when the stack was last in order."""
        earlier = next((one for one in self.open if one.resource is change.resource), None)
        if earlier:
            self.open.remove(earlier)
            change.old = earlier.old
        self.open.insert(0, change)

    def take_back(self, change: Change) -> bool:
        """Send the Update of a resource the other way round."""
        assert change.old is not None
        return self._send(change.resource, change.resource.event("Update", change.old, change.new))

    def take_all_back(self) -> bool:
        """Take all updates back. Returns whether that has succeeded."""
        updates = [change for change in self.open if change.old is not None]
        for change in updates:  # policies are resources, too, and nothing depends on the custom resource
            change.resource.attach_policies(change.old or {})
        for change in updates:
            if self.take_back(change):
                self.is_back(change)
        return not any(change.old is not None for change in self.open)

    def is_back(self, change: Change) -> None:
        """For CloudFormation, a resource is what it was before."""
        assert change.old is not None
        self.open.remove(change)
        change.resource.properties = dict(change.old)
        change.resource.detach_policies(but_for=change.old)

    def delete_created(self) -> bool:
        """Delete what was created since the stack was last in order. Returns whether all of it is gone."""
        deleted = [self.delete(change.resource) for change in self.open if change.old is None]
        self.open = []
        return all(deleted)

    def delete(self, resource: Resource) -> bool:
        """Delete a resource. One whose Create has failed before its physical id was known gets no event."""
        known = resource.physical_id is not None
        deleted = not known or self._send(resource, resource.event("Delete", resource.properties))
        self.by_id.pop(resource.logical_id, None)
        resource.physical_id = None
        if deleted:
            resource.detach_policies()
        return deleted

    def _change(self, change: Change) -> bool:
        resource, new = change.resource, change.new
        resource.attach_policies(new)
        if change.old is None:
            self.by_id[resource.logical_id] = resource
            resource.properties = dict(new)
            return self._send(resource, resource.event("Create", new))
        succeeded = self._send(resource, resource.event("Update", new, change.old))
        if succeeded:
            resource.properties = dict(new)
        return succeeded

    def _send(self, resource: Resource, event: Mapping[str, Any]) -> bool:
        status, result = self._status(), resource.deliver(event)
        self.operation.events.append(Played(event["RequestType"], resource.logical_id, status, result))
        return result.ok
