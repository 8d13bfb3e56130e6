"""Plays CloudFormation's operations on a whole stack: which events come, in which order, and in which status.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from collections.abc import Collection

from tests.simulator.cloudformation import Stack, Status
from tests.simulator.driver import STACK_ID, Resource, Result, World
from tests.simulator.stack_resources import Change, Operation, Played, StackResources, Template


class CloudFormationStack:
    """A stack with custom resources, and perhaps others that fail.

    Events come one after the other. Policies are attached before the events of a configuration, and detached after
    everything has succeeded.
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
        self.resources = StackResources(world, stack_id, lambda: self.status)

    def __getitem__(self, logical_id: str) -> Resource:
        """One of its resources."""
        return self.resources.by_id[logical_id]

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
        if self.resources.apply(template) and not other_fails:
            self._end(Status.CREATED)
            return operation
        self.status = Status.CREATE_ROLLING_BACK
        is_gone = self.resources.delete_created()
        self.status = Status.CREATE_ROLLED_BACK if is_gone else Status.CREATE_ROLLBACK_FAILED
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
        if not self.resources.apply(template):
            self._roll_back(self, own_status)
        elif fails_in:
            self.status = Status.UPDATING if fails_in is self else Status.UPDATE_CLEANING_UP
            self.world.clock.sleep(after)
            self._roll_back(fails_in, own_status)
        else:
            self._clean_up(template)
        return operation

    def update_without_rollback(self, template: Template, *, meanwhile: str = Status.UPDATING) -> Operation:
        """Update the stack with ``--no-rollback``: what has succeeded stays, and what has failed is taken back at once.

        Policies stay as the new template has them: they have succeeded.

        Args:
            template: the resources from now on.
            meanwhile: status of the stack while a resource is taken back. Nobody has seen which one it is.
        """
        operation = self._begin(Status.UPDATING)
        if self.resources.apply(template, lambda change: self._take_back_at_once(change, meanwhile)):
            self._clean_up(template)
        else:
            self.status = Status.UPDATE_FAILED
        return operation

    def cancel_update(self, template: Template, *, after_polls: int) -> Operation:
        """Begin an update, and cancel it while its last resource is being updated.

        The event that was cancelled is the last one before the rollback, with a result that nobody waits for.
        """
        operation = self._begin(Status.UPDATING)
        *others, last = self.resources.changed(template)
        self.resources.apply({logical_id: template[logical_id] for logical_id in others})
        resource, new = self[last], template[last]
        old = dict(resource.properties)
        self.resources.note(Change(resource, old, new))
        resource.attach_policies(new)
        event = resource.begin(resource.event("Update", new, old))
        for _ in range(after_polls):
            assert not resource.poll(event)["IsComplete"], "it is over already"
        operation.events.append(Played("Update", last, self.status, Result(False, "cancelled", event=event)))
        self._roll_back(self, Status.ROLLING_BACK)
        return operation

    def roll_back(self) -> Operation:
        """``cdk rollback``: take back what an update without rollback has left, at any later time."""
        assert self.status in (Status.UPDATE_FAILED, Status.ROLLBACK_FAILED), self.status
        self.resources.operation = operation = Operation()
        self._roll_back(self, Status.ROLLING_BACK)
        return operation

    def continue_rollback(self, *, skip: Collection[str] = ()) -> Operation:
        """Continue a rollback that has failed.

        Args:
            skip: logical ids of resources that get no event. CloudFormation takes them for rolled back.
        """
        assert self.status == Status.ROLLBACK_FAILED, self.status
        self.resources.operation = operation = Operation()
        for change in [change for change in self.resources.open if change.resource.logical_id in skip]:
            self.resources.is_back(change)
        self._roll_back(self, Status.ROLLING_BACK)
        return operation

    def delete(self) -> Operation:
        """Delete the stack."""
        operation = self._begin(Status.DELETING)
        deleted = [self.resources.delete(resource) for resource in reversed([*self.resources.by_id.values()])]
        self.status = Status.DELETED if all(deleted) else Status.DELETE_FAILED
        return operation

    def _begin(self, status: str) -> Operation:
        """A new operation. What an update without rollback has left belongs to it now."""
        self.resources.operation = Operation()
        if self.status != Status.UPDATE_FAILED:
            self.resources.open = []
        for stack in self.lineage:
            stack.status = status
        for resource in self.resources.failed_creates:
            self.resources.delete(resource)
        self.resources.failed_creates = []
        return self.resources.operation

    def _take_back_at_once(self, change: Change, status: str) -> None:
        """Take a resource back that has failed. One that was created stays until the next operation."""
        if change.old is None:
            self.resources.failed_creates.append(self.resources.by_id.pop(change.resource.logical_id))
            return
        before, self.status = self.status, status
        if not self.resources.take_back(change):
            self.resources.note(change)
        self.status = before

    def _roll_back(self, failed: "CloudFormationStack", own_status: str) -> None:
        """Take everything back, because something in this stack or in one that it is nested in has failed."""
        failed.status = Status.ROLLING_BACK
        for stack in self.lineage[: self.lineage.index(failed)]:
            stack.status = own_status
        if not self.resources.take_all_back():
            failed.status = self.status = Status.ROLLBACK_FAILED
            return
        self.status = Status.ROLLBACK_CLEANING_UP
        self.resources.delete_created()
        self._end(Status.ROLLED_BACK)

    def _clean_up(self, template: Template) -> None:
        """The end of an update that has succeeded. A Delete that fails now abandons its resource."""
        self.status = Status.UPDATE_CLEANING_UP
        for resource in [one for id_, one in self.resources.by_id.items() if id_ not in template]:
            self.resources.delete(resource)
        for change in self.resources.open:
            change.resource.detach_policies(but_for=change.new)
        self._end(Status.UPDATED)

    def _end(self, status: str) -> None:
        self.resources.open = []
        for stack in self.lineage:
            stack.status = status
