"""Plays CloudFormation's operations on a whole stack: which events come, in which order, and in which status.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.cloudformation import Stack, Status
from tests.simulator.driver import STACK_ID, Resource, Result, World

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

    @property
    def summary(self) -> tuple[str, str, bool]:
        """What it was, what the stack did meanwhile, and whether it succeeded."""
        return self.request_type, self.status, self.result.ok


@dataclass
class _Change:
    """What an operation has done to a resource, and what it was before."""

    resource: Resource
    old: Properties | None
    """None for one that was not there."""
    new: Properties


@dataclass
class Operation:
    """An operation on a stack."""

    events: list[Played] = field(default_factory=list)

    @property
    def summary(self) -> list[tuple[str, str, bool]]:
        """Summaries of the events, in their order."""
        return [event.summary for event in self.events]


class CloudFormationStack:
    """A stack with custom resources, and perhaps others that fail.

    Events come one after the other. Policies are attached and detached as CloudFormation does it: before the events of
    a configuration, and after everything has succeeded.
    """

    def __init__(self, world: World, stack_id: str = STACK_ID, *, parent: "CloudFormationStack | None" = None) -> None:
        """
        Args:
            world: the AWS that it is in.
            stack_id: its id.
            parent: the stack that it is a resource of, if it is nested.
        """
        self.world, self.id, self.parent = world, stack_id, parent
        world.stacks[stack_id] = Stack(Status.CREATED)
        if parent:
            world.stacks[stack_id] = Stack(Status.CREATED, parent.id, parent.lineage[-1].id)
        world.status_is_set.add(stack_id)
        self.new_resource: Callable[[World, str, str], Resource] = Resource
        """Creates the played resource in a world, by its logical id and the id of its stack."""
        self.resources: dict[str, Resource] = {}
        """Those that exist, by logical id."""
        self.failed_creates: list[Resource] = []
        """Resources that ``--no-rollback`` has left. The next operation deletes them."""
        self._open: list[_Change] = []
        """Changes that a rollback has to undo, the youngest first."""
        self._operation = Operation()

    @property
    def lineage(self) -> list["CloudFormationStack"]:
        """The stack, its parent, and so on up to the root."""
        return [self, *(self.parent.lineage if self.parent else ())]

    @property
    def status(self) -> str:
        return self.world.stacks[self.id].status

    @status.setter
    def status(self, status: str) -> None:
        self.world.stacks[self.id].status = status

    def create(self, template: Template, *, other_fails: bool = False) -> Operation:
        """Create the stack. If a resource fails, all are deleted.

        Args:
            template: the resources.
            other_fails: a resource of another kind fails after them.
        """
        operation = self._begin(Status.CREATING)
        if self._apply(template) and not other_fails:
            self._end(Status.CREATED)
            return operation
        self.status = Status.CREATE_ROLLING_BACK
        deleted = [self._delete(change.resource) for change in self._open]
        self._open = []
        self.status = Status.CREATE_ROLLED_BACK if all(deleted) else Status.CREATE_ROLLBACK_FAILED
        return operation

    def update(
        self,
        template: Template,
        *,
        fails_in: "CloudFormationStack | None" = None,
        after: float = 0.0,
        own_status: str = Status.ROLLING_BACK,
    ) -> Operation:
        """Update the stack, and roll it back if a resource fails.

        Args:
            template: the resources from now on. One that is left out is deleted at the end.
            fails_in: the stack in which a resource of another kind fails: this one, its parent or its root.
            after: seconds until it does.
            own_status: status in a rollback of the stacks between that one and this one, this one included. Nobody has
                seen whether it is another one for a nested stack than for its parent.
        """
        operation = self._begin(Status.UPDATING)
        if not self._apply(template):
            self._roll_back(self, own_status)
        elif fails_in:
            self.status = Status.UPDATING if fails_in is self else Status.UPDATE_CLEANING_UP
            self.world.clock.sleep(after)
            self._roll_back(fails_in, own_status)
        else:
            self._clean_up(template)
        return operation

    def update_without_rollback(self, template: Template, *, meanwhile: str = Status.UPDATING) -> Operation:
        """Update the stack with ``--no-rollback``: what has succeeded stays, what has failed is rolled back at once.

        Policies stay as the new template has them: they have succeeded.

        Args:
            template: the resources from now on.
            meanwhile: status of the stack while a resource is rolled back. The real one is unknown.
        """
        operation = self._begin(Status.UPDATING)
        if self._apply(template, rolling_back_in=meanwhile):
            self._clean_up(template)
        else:
            self.status = Status.UPDATE_FAILED
        return operation

    def cancel_update(self, template: Template, *, after_polls: int) -> Operation:
        """Begin an update, and cancel it while its last resource is being updated.

        The event that was cancelled is the last one before the rollback, and its result is ignored.
        """
        operation = self._begin(Status.UPDATING)
        *others, last = self._changed(template)
        self._apply({logical_id: template[logical_id] for logical_id in others})
        resource = self.resources[last]
        old, new = resource.properties, template[last]
        self._note(_Change(resource, old, new))
        resource.attach_policies(new)
        event = resource.begin(resource.event("Update", new, old))
        for _ in range(after_polls):
            assert not resource.poll(event)["IsComplete"], "it is over already"
        operation.events.append(Played("Update", last, self.status, Result(False, "cancelled", event=event)))
        self._roll_back(self, Status.ROLLING_BACK)
        return operation

    def roll_back(self) -> Operation:
        """``cdk rollback``: roll back what an update without rollback has left, at any later time."""
        assert self.status in (Status.UPDATE_FAILED, Status.ROLLBACK_FAILED), self.status
        self._operation = Operation()
        self._roll_back(self, Status.ROLLING_BACK)
        return self._operation

    def continue_rollback(self, *, skip: Collection[str] = ()) -> Operation:
        """Continue a rollback that has failed.

        Args:
            skip: logical ids of resources that get no event. CloudFormation considers them as rolled back.
        """
        assert self.status == Status.ROLLBACK_FAILED, self.status
        self._operation = Operation()
        for change in [change for change in self._open if change.resource.logical_id in skip]:
            self._open.remove(change)
            self._is_restored(change)
        self._roll_back(self, Status.ROLLING_BACK)
        return self._operation

    def delete(self) -> Operation:
        """Delete the stack."""
        operation = self._begin(Status.DELETING)
        deleted = [self._delete(resource) for resource in reversed([*self.resources.values()])]
        self.status = Status.DELETED if all(deleted) else Status.DELETE_FAILED
        return operation

    def _begin(self, status: str) -> Operation:
        """A new operation. What an update without rollback has left belongs to it now."""
        self._operation = Operation()
        if self.status != Status.UPDATE_FAILED:
            self._open = []
        for stack in self.lineage:
            stack.status = status
        for resource in self.failed_creates:
            self._delete(resource)
        self.failed_creates = []
        return self._operation

    def _changed(self, template: Template) -> list[str]:
        same = {id_ for id_, resource in self.resources.items() if resource.properties == template.get(id_)}
        return [logical_id for logical_id in template if logical_id not in same]

    def _apply(self, template: Template, *, rolling_back_in: str | None = None) -> bool:
        """Create and update resources. Returns whether all have succeeded.

        Args:
            template: the resources.
            rolling_back_in: status in which a failed one is rolled back at once, and the others continue. Default: it
                is left to a rollback, and the others get no event.
        """
        succeeded = True
        for logical_id in self._changed(template):
            known = self.resources.get(logical_id)
            resource = known or self.new_resource(self.world, logical_id, self.id)
            change = _Change(resource, dict(known.properties) if known else None, template[logical_id])
            if self._change(change):
                self._note(change)
                continue
            succeeded = False
            if rolling_back_in is None:
                self._note(change)
                break
            self._roll_back_at_once(change, rolling_back_in)
        return succeeded

    def _change(self, change: _Change) -> bool:
        resource, new = change.resource, change.new
        resource.attach_policies(new)
        if change.old is None:
            self.resources[resource.logical_id] = resource
            resource.properties = dict(new)
            return self._send(resource, resource.event("Create", new))
        succeeded = self._send(resource, resource.event("Update", new, change.old))
        if succeeded:
            resource.properties = dict(new)
        return succeeded

    def _note(self, change: _Change) -> None:
        """A rollback restores a resource to its last stable configuration."""
        earlier = next((one for one in self._open if one.resource is change.resource), None)
        if earlier:
            self._open.remove(earlier)
            change.old = earlier.old
        self._open.insert(0, change)

    def _roll_back_at_once(self, change: _Change, status: str) -> None:
        resource = change.resource
        if change.old is None:
            self.failed_creates.append(self.resources.pop(resource.logical_id))
            return
        before, self.status = self.status, status
        if not self._send(resource, resource.event("Update", change.old, change.new)):
            self._note(change)
        self.status = before

    def _roll_back(self, failed: "CloudFormationStack", own_status: str) -> None:
        """Roll everything back, because something in this stack or in one that it is nested in has failed."""
        failed.status = Status.ROLLING_BACK
        for stack in self.lineage[: self.lineage.index(failed)]:
            stack.status = own_status
        updates = [change for change in self._open if change.old is not None]
        for change in updates:  # policies are resources, too, and nothing depends on the custom resource
            change.resource.attach_policies(change.old or {})
        for change in updates:
            assert change.old is not None
            if self._send(change.resource, change.resource.event("Update", change.old, change.new)):
                self._open.remove(change)
                self._is_restored(change)
        if any(change.old is not None for change in self._open):
            failed.status = self.status = Status.ROLLBACK_FAILED
            return
        self.status = Status.ROLLBACK_CLEANING_UP
        for change in self._open:
            self._delete(change.resource)
        self._open = []
        for stack in self.lineage:
            stack.status = Status.ROLLED_BACK

    def _is_restored(self, change: _Change) -> None:
        assert change.old is not None
        change.resource.properties = dict(change.old)
        change.resource.detach_policies(but_for=change.old)

    def _clean_up(self, template: Template) -> None:
        """The end of an update that has succeeded. A Delete that fails now abandons its resource."""
        self.status = Status.UPDATE_CLEANING_UP
        for change in self._open:
            change.resource.detach_policies(but_for=change.new)
        for resource in [one for id_, one in self.resources.items() if id_ not in template]:
            self._delete(resource)
        self._end(Status.UPDATED)

    def _end(self, status: str) -> None:
        self._open = []
        for stack in self.lineage:
            stack.status = status

    def _delete(self, resource: Resource) -> bool:
        """One whose Create has failed before its physical id was known gets no Delete."""
        known = resource.physical_id is not None
        deleted = not known or self._send(resource, resource.event("Delete", resource.properties))
        self.resources.pop(resource.logical_id, None)
        resource.physical_id = None
        if deleted:
            resource.detach_policies()
        return deleted

    def _send(self, resource: Resource, event: Mapping[str, Any]) -> bool:
        status, result = self.status, resource.deliver(event)
        self._operation.events.append(Played(event["RequestType"], resource.logical_id, status, result))
        return result.ok
