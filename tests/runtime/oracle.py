"""What must be true after any events, without the handler's code: the source of each profile, and the previous one."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulator.driver import World
from tests.simulator.ec2 import MUTATING

Arn = str | None
NOTHING_LEFT = "what it had does not exist any more"


@dataclass
class Owned:
    """One instance, as seen from outside."""

    ours: bool = False
    """What it carries was put there by the handler."""
    had: set[Arn] = field(default_factory=set)
    """The profile that somebody else has given it last. Two, if that was removed or deleted: either is correct then."""
    earlier: set[Arn] = field(default_factory=set)
    """What it had before that."""
    taken: Arn = None
    """The profile that the handler has removed from a stopped instance, and not yet replaced."""


class Oracle:
    """Watches every change of the handler, and knows what each instance may carry once all is undone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._instances: dict[str, Owned] = {}
        self.allowed: Callable[[str, Arn], bool] = lambda *_: False
        """Whether the operation that is going on may displace what somebody else put on an instance."""
        self.mistakes: list[str] = []
        watched = {action: self._watched(action) for action in MUTATING}
        world.ec2.actions = {**world.ec2.actions, **watched}

    def owned(self, instance_id: str) -> Owned:
        return self._instances.setdefault(instance_id, Owned())

    def carried(self, instance_id: str) -> Arn:
        row = self._world.fleet.active(instance_id) if instance_id in self._world.fleet.instances else None
        return row.arn if row else None

    def someone_else(self, instance_id: str, arn: Arn) -> None:
        """Somebody who is not the handler gives an instance another profile."""
        self._world.fleet.set_carried(instance_id, arn)
        owned = self.owned(instance_id)
        owned.ours, owned.taken = False, None
        if arn is not None:
            owned.earlier |= owned.had
            owned.had.clear()
        else:  # it looks like an association between the two halves of a swap
            owned.had |= owned.earlier

    def end_operation(self, held: Collection[str]) -> None:
        """Between two operations an instance that no association holds counts as a new one.

        Args:
            held: instances of which the ledger has a record.
        """
        for id_ in self._instances.keys() - held:
            self._check_undone(id_)
            del self._instances[id_]

    def check_undone(self) -> None:
        """Every instance carries what it would carry without the handler."""
        for id_ in self._instances:
            self._check_undone(id_)

    def _check_undone(self, id_: str) -> None:
        owned = self._instances[id_]
        if self._world.fleet.state(id_) not in ("shutting-down", "terminated"):
            assert not owned.ours, f"{id_} still carries {self.carried(id_)}"
            assert owned.taken not in self._world.fleet.profiles, f"{id_} was left without {owned.taken}"

    def _watched(self, action: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
        act = self._world.ec2.actions[action]

        def watched(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
            id_ = self._instance_of(parameters)
            before = self.carried(id_)
            answer = act(parameters)
            after = self.carried(id_)
            if before != after:
                self._changed(id_, before, after)
            return answer

        return watched

    def _instance_of(self, parameters: Mapping[str, Any]) -> str:
        if "InstanceId" in parameters:
            return str(parameters["InstanceId"])
        row = self._world.fleet.rows_by_id.get(parameters["AssociationId"])
        return row.instance_id if row else ""

    def _changed(self, id_: str, before: Arn, after: Arn) -> None:
        owned = self.owned(id_)
        was_ours = owned.ours or owned.taken is not None
        if owned.taken == NOTHING_LEFT:
            owned.had.add(None)
        if not was_ours:
            owned.had.add(before)
            if not self.allowed(id_, before):
                self.mistakes.append(f"{id_} carried {before}, which is not ours to displace, and got {after}")
        running = self._world.fleet.state(id_) == "running"
        restored = after in owned.had
        lost = after is None and was_ours and self._is_lost(owned.had)
        if after is None and running and not (restored or lost):
            self.mistakes.append(f"{id_} is running and was left without {before}")
        owned.ours = after is not None and not restored
        gone = lost or before not in self._world.fleet.profiles
        owned.taken = (NOTHING_LEFT if gone else before) if after is None and not restored else None

    def _is_lost(self, arns: set[Arn]) -> bool:
        return any(arn not in self._world.fleet.profiles for arn in arns)
