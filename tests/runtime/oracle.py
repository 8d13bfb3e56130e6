"""What must hold whatever happens, kept apart from the handler: who has put what on which instance, and what it had."""

from collections.abc import Callable, Mapping
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
    """What it carried before the handler displaced it. Two, if someone else has given it another one in between."""
    taken: Arn = None
    """What the handler has taken off a stopped instance, and not yet replaced."""
    touched: bool = False
    """Someone else has changed it while it was ours. What is right to give back then is a matter of taste."""


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
        owned.touched = owned.touched or owned.ours or owned.taken is not None
        owned.ours, owned.taken = False, None

    def end_operation(self) -> None:
        """An instance that could not get back what it had is as good as new from now on."""
        for id_ in [id_ for id_, owned in self._instances.items() if owned.taken == NOTHING_LEFT]:
            del self._instances[id_]

    def check_undone(self) -> None:
        """Every instance that nobody else has touched carries what it had."""
        for id_, owned in self._instances.items():
            if owned.touched or self._world.fleet.state(id_) in ("shutting-down", "terminated"):
                continue
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
        if not was_ours:
            owned.had.add(before)
            if not self.allowed(id_, before):
                self.mistakes.append(f"{id_} carried {before}, which is not ours to displace, and got {after}")
        running = self._world.fleet.state(id_) == "running"
        given_back = after in owned.had
        lost = after is None and was_ours and self._is_lost(owned.had)
        if after is None and running and not (given_back or lost):
            self.mistakes.append(f"{id_} is running and was left without {before}")
        owned.ours = after is not None and not given_back
        gone = lost or before not in self._world.fleet.profiles
        owned.taken = (NOTHING_LEFT if gone else before) if after is None and not given_back else None
        if given_back:
            owned.had = set()

    def _is_lost(self, arns: set[Arn]) -> bool:
        return any(arn not in self._world.fleet.profiles for arn in arns)
