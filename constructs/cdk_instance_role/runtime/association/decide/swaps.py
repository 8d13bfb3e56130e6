"""When swaps may begin: one of them has to succeed before the others take the profiles off their instances. Pure."""

from collections.abc import Iterable, Sequence, Set

from .outcome import Outcome
from .step import Action, Step


class SwapGate:
    """Lets the swaps of one invocation begin once one of them has succeeded.

    EC2 can't replace the profile of a stopped instance, so between the two halves of a swap the instance has none. If
    EC2 refuses the second half for all instances, one of them shows it, and the others keep what they carry.
    """

    def __init__(self) -> None:
        self._is_open = False
        self._probing: frozenset[str] = frozenset()

    def probe(self, steps: Sequence[Step], half_swapped: Set[str]) -> list[Step]:
        """The steps that have to succeed before the (other) swaps begin; none if nothing has to.

        An instance that is without a profile because its swap was refused half-way comes before another one is tried.

        Args:
            steps: what is to be done, the swap that is tried first before the others.
            half_swapped: ids of the instances that are without a profile between the two halves of a swap.
        """
        swaps = [step for step in steps if step.action is Action.SWAP]
        if self._is_open or not swaps:
            return []
        probe = [step for step in steps if step.instance_id in half_swapped] or swaps[:1]
        self._probing = frozenset(step.instance_id for step in probe)
        return probe

    def admitted(self, steps: Sequence[Step]) -> list[Step]:
        """The steps that may begin now."""
        return [step for step in steps if self._is_open or step.action is not Action.SWAP]

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Learn from what came of steps whether swaps succeed."""
        for outcome in outcomes:
            if outcome.step.action is Action.SWAP or outcome.step.instance_id in self._probing:
                if outcome.accepted:
                    self._is_open = True
                elif outcome.error_kind and outcome.error_kind.is_specific:
                    self._is_open = False
                    return
