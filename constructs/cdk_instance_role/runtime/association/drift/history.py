"""What the ledger says of what has been done to an instance so far. Pure.

A claim is written ahead of a change. So it does not say that the change was made: only an answer of EC2 says that.
"""

from ..decide.record import Record


def has_given(record: Record) -> bool:
    """Whether the instance is known to have had the profile of this association."""
    return record.mine is not None and record.mine.given


def is_as_left(record: Record, carried: str | None) -> bool:
    """Whether the instance carries what it had after the latest change, or before one that EC2 has not accepted.

    Args:
        record: of an instance that this association holds.
        carried: profile that the instance carries.
    """
    assert record.mine is not None
    latest, acted_at = record.mine.latest, record.acted_at
    # When EC2 accepts a step, the same time is noted for the step and for the instance. A step that was begun after
    # that, and whose answer is not known, is later than what was noted for the instance.
    is_accepted = not latest.error and acted_at is not None and acted_at >= latest.at
    return carried == (latest.after if is_accepted else latest.before)
