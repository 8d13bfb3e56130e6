"""Which tags can select instances: what EC2 can have, and what a policy in IAM can say about it."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence, Set

from .arns import is_list_token, is_token
from .lookups import is_dummy

MAX_TAG_VALUES = 190
"""EC2 takes at most 200 filter values in one call, and the instance states need some of them:
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html"""
MAX_KEY_LENGTH, MAX_VALUE_LENGTH = 128, 256
"""Characters: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html"""

_IN_A_POLICY = re.compile(r"[\t\x20-\xff]*")
"""What a policy document can hold, besides line breaks:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html"""

Tags = tuple[tuple[str, tuple[str, ...]], ...]


def checked_tags(tags: Mapping[str, Sequence[str]]) -> Tags:
    """Keys with their different values.

    Raises:
        ValueError: something that can't be in a tag or in a policy; the message names the tag.
    """
    if not tags:
        raise ValueError("no instances selected: pass at least one tag")
    if not isinstance(tags, Mapping):
        raise ValueError(f"tags is {tags!r}: pass a map of keys with their values, like {{'app': ['web']}}")
    _refuse_alike(tags)
    checked = tuple((_key(key), _values(key, values)) for key, values in tags.items())
    count = sum(len(values) for _, values in checked)
    if count > MAX_TAG_VALUES:
        raise ValueError(f"{count} tag values are more than the {MAX_TAG_VALUES} that EC2 can be asked for at once")
    return checked


def _refuse_alike(tags: Iterable[str]) -> None:
    """IAM compares the keys of tags without regard to case, EC2 with it:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""
    known: dict[str, str] = {}
    for key in tags:
        other = known.setdefault(str(key).lower(), key)
        if other != key:
            raise ValueError(
                f"the tag keys {other!r} and {key!r} differ only in case, which IAM can't tell apart: "
                "select by one of them"
            )


def _key(key: str) -> str:
    if not isinstance(key, str) or not key:
        raise ValueError(f"tag key {key!r} is none: a key is a string of 1 to {MAX_KEY_LENGTH} characters")
    if is_token(key):
        raise ValueError(
            f"tag key {key!r} is a token: give a key that is known at synthesis, because the name of a condition in "
            "the handler's policy is made of it"
        )
    if not is_dummy(key):
        _check_text("tag key", key, MAX_KEY_LENGTH)
    return key


def _values(key: str, values: Collection[str]) -> tuple[str, ...]:
    is_listed = isinstance(values, Collection) and not isinstance(values, str)  # an iterator gives its values once only
    if not is_listed or not values or not all(isinstance(value, str) for value in values):
        raise ValueError(f"tag {key!r} has the values {values!r}: pass a list of at least one string")
    listed = sorted(values) if isinstance(values, Set) else [*values]  # the order of a set differs from run to run
    for value in listed:
        if is_list_token(value):
            _refuse_mixed(key, value, listed)
        elif not is_token(value) and not is_dummy(value):
            _check_text(f"value of tag {key!r}", value, MAX_VALUE_LENGTH)
    return tuple(dict.fromkeys(listed))


def _refuse_mixed(key: str, value: str, values: Sequence[str]) -> None:
    """The CDK puts a list in the place of a list token, so there is no place for other values beside it."""
    if len(values) > 1 or not is_list_token(value, whole=True):
        raise ValueError(
            f"tag {key!r} has a list token among its values: pass the list alone, like "
            "parameter.value_as_list, or its values one by one"
        )


def _check_text(what: str, text: str, longest: int) -> None:
    if len(text) > longest:
        raise ValueError(f"{what} {text[:40]!r}... has {len(text)} characters: a tag can have {longest} there")
    if "\n" in text or "\r" in text:
        raise ValueError(f"{what} {text!r} holds a line break: take it out, or select by another tag")
    if not _IN_A_POLICY.fullmatch(text):
        improper = next(character for character in text if not _IN_A_POLICY.fullmatch(character))
        raise ValueError(
            f"{what} {text!r} holds {improper!r}: the handler's IAM policy names the tag, and can hold tabs and the "
            "characters from U+0020 to U+00FF only. Select by another tag, or by ids"
        )
    if text != text.strip():
        raise ValueError(f"{what} {text!r} begins or ends with a blank: take it out, or select by another tag")
