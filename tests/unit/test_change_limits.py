"""How many instances enforcement may change in an hour."""

from typing import Any

import pytest

from cdk_instance_role.runtime.association.request.rollout import Tolerance
from cdk_instance_role.support.change_limits import change_limit


@pytest.mark.parametrize(
    ("given", "limit"),
    [(1, "1"), (500, "500"), ("20", "20"), ("10%", "10%"), ("2.50%", "2.5%"), ("100%", "100%"), ("0.1%", "0.1%")],
)
def test_a_number_or_a_percentage_is_a_limit(given: Any, limit: str) -> None:
    assert change_limit(given) == limit
    assert Tolerance.parse(limit).number > 0, "the handler can read it"


@pytest.mark.parametrize(
    "given",
    [0, -1, "0", "0%", "-1%", "100.1%", "200%", "nan%", "inf", "", "%", "ten", "1.5", 1.5, True, None, [1], 10**400],
    ids=lambda given: str(given)[:10],
)
def test_refuses_everything_else(given: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the caller says what is wrong
        change_limit(given)
