"""What is reached from something in any number of steps."""

from collections.abc import Iterable, Iterator

from .declared import Edge


class Reachability:
    """What an instance may come to carry, by sequences of calls."""

    def __init__(self, edges: Iterable[Edge]) -> None:
        """
        Args:
            edges: what one call may change.
        """
        self._next: dict[int, int] = {}
        for before, after in edges:
            for bit in bits_of(before):
                self._next[bit] = self._next.get(bit, 0) | after
        self._closed: dict[int, int] = {}

    @property
    def starts(self) -> Iterable[int]:
        """Bits from which something may change."""
        return self._next

    def after(self, bit: int) -> int:
        """What one call may make of what a bit stands for."""
        return self._next.get(bit, 0)

    def of(self, start: int) -> int:
        """The start, and everything that is reached from it."""
        return start | self._closure(self.after(start))

    def _closure(self, mask: int) -> int:
        if mask not in self._closed:
            reached, left = mask, mask
            while left:
                new = 0
                for bit in bits_of(left):
                    new |= self.after(bit)
                left = new & ~reached
                reached |= new
            self._closed[mask] = reached
        return self._closed[mask]


def bits_of(mask: int) -> Iterator[int]:
    """The bits of a number, each as a number."""
    while mask:
        bit = mask & -mask
        yield bit
        mask ^= bit
