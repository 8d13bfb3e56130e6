"""Checks of the arguments of a rollout, and its numbers as text."""

import math
from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from ..runtime.association.request.rollout import MAX_ALARMS, Tolerance, rises_to_100
from .argument_types import check_list, check_type, is_number_token
from .arns import is_token
from .lookups import is_dummy
from .names import ALARM_NAME


def first_wave(value: int) -> int:
    _refuse_token("first", value)
    if not isinstance(value, int) or not _is_number(value) or value < 1:
        raise ValueError(f"first is {value!r}: give the number of targets of the first wave, at least 1")
    return value


def growth_factor(value: float) -> float:
    _refuse_token("growth", value)
    if not _is_number(value) or value < 1:
        raise ValueError(
            f"growth is {value!r}: give how many times as large as the one before each wave is, a number from 1"
        )
    return float(value)


def wave_percentages(values: Sequence[float]) -> tuple[float, ...]:
    found = tuple(values) if isinstance(values, Sequence) else ()
    for value in found:
        _refuse_token("one of the percentages", value)
    if not all(map(_is_number, found)) or not rises_to_100(found):
        raise ValueError(
            f"percentages are {values!r}: give rising numbers above 0, the last of which is 100, like [1, 10, 50, 100]"
        )
    return tuple(map(float, found))


def bake_seconds(bake: Duration) -> float:
    check_type("bake", bake, Duration, "a Duration like Duration.minutes(5)")
    if bake.is_unresolved():
        raise ValueError(_of_token("bake"))
    return _to_the_millisecond(bake.to_seconds(integral=False))


def different_alarms(alarms: Sequence[cloudwatch.IAlarm]) -> tuple[cloudwatch.IAlarm, ...]:
    check_list("alarms", alarms, "alarms")
    for alarm in alarms:
        if not (hasattr(alarm, "alarm_name") and hasattr(alarm, "alarm_arn")):
            raise ValueError(
                f"{alarm!r} in alarms is no alarm: give one of the app, or import it with Alarm.from_alarm_name(...)"
            )
        _check_alarm_name(alarm.alarm_name)
    different = {alarm.alarm_name: alarm for alarm in alarms}
    if len(different) > MAX_ALARMS:
        raise ValueError(
            f"{len(different)} alarms are more than the {MAX_ALARMS} that CloudWatch can be asked for at once: "
            "watch a composite alarm of them"
        )
    return tuple(different.values())


def _check_alarm_name(name: str) -> None:
    if not is_token(name) and not is_dummy(name) and not ALARM_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is not the name of an alarm: give 1 to 255 characters, without a line break or another control "
            "character, and without a blank at either end"
        )


def failure_limit(value: int | str) -> str:
    if isinstance(value, str) and (is_token(value) or is_dummy(value)):
        return value
    _refuse_token("max_failures", value, "or a token of text, like value_as_string")
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(value)
        Tolerance.parse(str(value))
    except ValueError:
        raise ValueError(
            f"max_failures is {value!r}: give a whole number of targets, or a percentage of them like '2%'"
        ) from None
    return str(value)


def _refuse_token(what: str, value: object, *further: str) -> None:
    if is_number_token(value):
        raise ValueError(_of_token(what, *further))


def _of_token(what: str, further: str = "because it is checked whether all waves fit") -> str:
    return f"{what} is a token: give a value that is known at synth, {further}"


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an int that no float can hold
        return False


def plain_number(number: float) -> float:
    """A number without a fraction that says nothing."""
    return int(number) if number == int(number) else number


def _to_the_millisecond(seconds: float) -> float:
    """Without what floats add to 33.3 minutes."""
    return float(round(seconds, 3))


def time_text(seconds: float) -> str:
    """A time for people, in minutes and seconds."""
    minutes, rest = divmod(_to_the_millisecond(seconds), 60)
    parts = ((minutes, "minute"), (_to_the_millisecond(rest), "second"))
    return " ".join(f"{plain_number(number)} {unit}{'' if number == 1 else 's'}" for number, unit in parts if number)
