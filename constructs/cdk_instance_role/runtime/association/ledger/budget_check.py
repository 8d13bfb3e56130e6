"""Whether operations that share EC2's buckets are all over in time. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..aws.rate_limiter import LIMITS


@dataclass(frozen=True, slots=True)
class Entry:
    """What one open operation still has to do."""

    association: str
    began_at: float
    """Seconds since the epoch."""
    ends_at: float
    """When its changes have to be over, in seconds since the epoch."""
    calls: Mapping[str, int]
    """Calls still to be made, by action of EC2."""
    may_wait: bool = True
    """It can be refused. A rollback and a Delete can't."""


def crowding(entries: Sequence[Entry], association: str, now: float) -> tuple[float, list[Entry]] | None:
    """Why an operation can't begin beside those that began before it.

    Each operation of n that are open gets a n-th of the calls that EC2 allows, until it has made its own.

    Args:
        entries: the open operations, among them the one that begins.
        association: the one that begins.
        now: seconds since the epoch.

    Returns:
        The seconds that all need together, and the other operations; None if the operation can begin.
    """
    mine = next(entry for entry in entries if entry.association == association)
    earlier = [one for one in entries if one is not mine and _order(one) < _order(mine)]
    together, alone = _ends([*earlier, mine], now), _ends(earlier, now)
    late = {one.association for one in (*earlier, mine) if together[one.association] > one.ends_at}
    late_anyway = {one.association for one in earlier if alone[one.association] > one.ends_at}
    if not earlier or not mine.may_wait or late <= late_anyway:
        return None
    return max(together.values()) - now, earlier


def _order(entry: Entry) -> tuple[float, str]:
    return entry.began_at, entry.association


def _ends(entries: Sequence[Entry], now: float) -> dict[str, float]:
    """When each operation has made its calls, in seconds since the epoch, by association."""
    ends = {entry.association: now for entry in entries}
    for action, limit in LIMITS.items():
        made, left = 0.0, sorted((entry.calls.get(action, 0), entry.association) for entry in entries)
        for number, (calls, association) in enumerate(left):
            if calls:
                so_far = made + calls * (len(left) - number)  # the others have made as many by then
                seconds = max(0.0, so_far - limit.capacity) / limit.refill
                ends[association] = max(ends[association], now + seconds)
            made += calls
    return ends
