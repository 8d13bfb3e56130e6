"""How many instances enforcement may change in an hour. A configuration can be checked by this without the CDK."""

from ..runtime.association.request.rollout import Tolerance


def change_limit(value: object) -> str:
    """The limit as the handler reads it.

    >>> change_limit(20), change_limit("2.50%")
    ('20', '2.5%')

    Raises:
        ValueError: it is neither a whole number from 1, nor a percentage above 0 and up to 100.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(value)
    try:
        limit = Tolerance.parse(str(value))
    except OverflowError:
        raise ValueError(value) from None
    if limit.number <= 0:
        raise ValueError(value)
    number = int(limit.number) if limit.number.is_integer() else limit.number
    return f"{number}%" if limit.is_percentage else str(number)
