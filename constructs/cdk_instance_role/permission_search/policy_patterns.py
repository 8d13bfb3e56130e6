"""ARNs that patterns of IAM match."""

import re
from collections.abc import Iterable
from functools import lru_cache


class Patterns:
    """Values of a statement that may hold ``*`` and ``?``, for many questions."""

    def __init__(self, values: Iterable[str]) -> None:
        """
        Args:
            values: the values.
        """
        values = frozenset(values)
        self.exact = frozenset(value for value in values if not _is_pattern(value))
        """Those that match nothing but themselves."""
        self._patterns = tuple(map(_compiled, values - self.exact))

    def match(self, text: str) -> bool:
        """Whether one of the values matches."""
        return text in self.exact or self.fits(text)

    def fits(self, text: str) -> bool:
        """Whether one of the patterns matches."""
        return bool(self._patterns) and any(pattern.fullmatch(text) for pattern in self._patterns)


def _is_pattern(value: str) -> bool:
    return "*" in value or "?" in value


@lru_cache(maxsize=4096)
def _compiled(value: str) -> re.Pattern[str]:
    parts = re.split(r"([*?])", value)
    return re.compile("".join({"*": ".*", "?": "."}.get(part) or re.escape(part) for part in parts), re.DOTALL)
