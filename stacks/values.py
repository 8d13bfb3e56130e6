"""What values of the configuration have in common: strict models, texts, tags, numbers and percentages."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StringConstraints,
)

from cdk_instance_role.runtime.association.request.rollout import Tolerance, rises_to_100
from cdk_instance_role.support.names import NAME, POLICY_ARN, ROLE_NAME

_TAG = re.compile(r"(?!\s)[^*?\x00-\x1f\x7f]*(?<!\s)")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def text(allowed: str, *patterns: re.Pattern[str]) -> BeforeValidator:
    """For a string that is as one of the patterns says.

    Args:
        allowed: what to say otherwise.
        patterns: the library's own, where it has one.
    """

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not any(pattern.fullmatch(value) for pattern in patterns):
            raise ValueError(allowed)
        return value

    return BeforeValidator(check)


def _tag_text(what: str) -> BeforeValidator:
    """For a key or a value of a tag."""
    return text(
        f"{what} should be a string without *, ? and control characters, and without a blank at either end", _TAG
    )


def check_finite(value: float) -> float:
    try:
        float(value)
    except OverflowError:
        raise ValueError("Input should be a finite number") from None
    return value


def _is_role_name(value: str) -> bool:
    """Whether a role can have the name that is at the end of a path or an ARN."""
    return bool(ROLE_NAME.fullmatch(value.rpartition("/")[2]))


def check_role_name(role: str) -> str:
    if not _is_role_name(role):
        raise ValueError("Input should be the name or ARN of a role, whose name has at most 64 characters")
    return role


def check_name_alone(profile: str) -> str:
    """Refuse a profile without its role whose name no role can have."""
    if not _is_role_name(profile):
        raise ValueError(
            "Input should be a map of instance_profile and role, because a name alone stands for a role of the same "
            "name, and the name of a role has at most 64 characters"
        )
    return profile


def null_refused(kind: str = "number that is not too large") -> Callable[[Any], Any]:
    """Refuses null where a value of this kind has a default. Node.js hands on a number that is too large as null, which
    must not pass for one that was left out."""

    def refuse_null(value: Any) -> Any:
        if value is None:
            raise ValueError(f"Input should be a {kind}, and not null: leave the key out for its default")
        return value

    return refuse_null


def _check_percentages(values: list[float]) -> list[float]:
    if not rises_to_100(values):
        raise ValueError("Input should be percentages above 0 that rise to 100, like [1, 10, 50, 100]")
    return values


def _check_failures(value: Any) -> Any:
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        Tolerance.parse(str(value))
    except (OverflowError, ValueError):
        raise ValueError('Input should be a whole number of targets, or a percentage of them like "2%"') from None
    return value


PolicyName = Annotated[
    str,
    text(
        "Input should be the name of an AWS managed policy, like AmazonS3ReadOnlyAccess, or an ARN",
        NAME,
        POLICY_ARN,
    ),
]
TagKey = Annotated[str, StringConstraints(min_length=1, max_length=128), _tag_text("A tag key")]
TagValue = Annotated[str, StringConstraints(max_length=256), _tag_text("A tag value")]
Number = Annotated[StrictInt | Annotated[StrictFloat, Field(allow_inf_nan=False)], AfterValidator(check_finite)]
Percentages = Annotated[list[Number], AfterValidator(_check_percentages)]
Failures = Annotated[int | str, BeforeValidator(_check_failures)]
