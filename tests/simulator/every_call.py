"""What an instance may come to carry, found by making every call that a role is allowed to make."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.simulator import authority as calls
from tests.simulator.authority import Attempt, Authority


@dataclass(frozen=True)
class Target:
    """An instance to make calls about."""

    arn: str
    tags: Mapping[str, str] = field(default_factory=dict)


class EveryCall:
    """Makes Associate, Replace and Disassociate, with every profile, in every sequence."""

    def __init__(self, authority: Authority, roles: Mapping[str, str]) -> None:
        """
        Args:
            authority: what the role may do.
            roles: role of each profile that there is, by ARN.
        """
        self._authority, self._roles = authority, roles

    def reached(self, instance: Target, carried: str | None) -> set[str | None]:
        """Everything that an instance may come to carry that carries a profile at first, or none."""
        reached, left = {carried}, [carried]
        for arn in left:
            for after in self._after(instance, arn):
                if after not in reached:
                    reached.add(after)
                    left.append(after)
        return reached

    def _after(self, instance: Target, carried: str | None) -> Iterator[str | None]:
        call = calls.replace if carried else calls.associate
        for arn, role in self._roles.items():
            if self._allows(call(instance.arn, instance.tags, carried, arn, role)):
                yield arn
        if carried and self._allows(calls.disassociate(instance.arn, instance.tags, carried)):
            yield None

    def _allows(self, attempts: Sequence[Attempt]) -> bool:
        return all(map(self._authority.allows, attempts))
