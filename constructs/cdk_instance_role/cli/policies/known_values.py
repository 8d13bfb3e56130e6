"""What attributes of deployed resources come to, by what the live policies say in their place."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..template.intrinsic_functions import VARIABLE, UnresolvedError
from .policy_documents import References


def inferred_references(deployed: Any, live: Any, resolve: Callable[[Any], Any]) -> References:
    """What is learned where the deployed template has a reference and the live policy a text.

    Args:
        deployed: the policy document of the deployed template.
        live: the same document, as IAM has it.
        resolve: turns a value of the deployed template into a plain one, or raises `UnresolvedError`.

    Example:
        >>> def resolve(value):
        ...     if isinstance(value, str):
        ...         return value
        ...     raise UnresolvedError
        >>> template = {"Resource": {"Fn::Join": ["", [{"Fn::GetAtt": ["Data", "Arn"]}, "/*"]]}}
        >>> inferred_references(template, {"Resource": "arn:aws:s3:::data/*"}, resolve)
        {'Data.Arn': 'arn:aws:s3:::data'}
    """
    return dict(_pairs(deployed, live, resolve))


def _pairs(deployed: Any, live: Any, resolve: Callable[[Any], Any]) -> Iterator[tuple[str, str]]:
    match deployed:
        case list() if isinstance(live, list) and len(live) == len(deployed):
            for one, other in zip(deployed, live, strict=True):
                yield from _pairs(one, other, resolve)
        case Mapping() if isinstance(live, Mapping):
            for key in deployed.keys() & live.keys():
                yield from _pairs(deployed[key], live[key], resolve)
        case Mapping() if isinstance(live, str):
            yield from _from_text(_parts(deployed), live, resolve)


def _parts(value: Mapping[str, Any]) -> list[Any]:
    """The parts that a function puts together to a text; the function itself if it does not."""
    match value:
        case {"Fn::Join": ["", list() as parts]}:
            return parts
        case {"Fn::Sub": str() as text}:
            pieces = VARIABLE.split(text)  # text, "!" or nothing, name, text, ...
            found: list[Any] = []
            for text, literal, name in zip(pieces[::3], [*pieces[1::3], ""], [*pieces[2::3], ""], strict=True):
                found.append(text)
                if name:
                    whole = {"Fn::GetAtt": name} if "." in name else {"Ref": name}
                    found.append("${" + name + "}" if literal else whole)
            return found
    return [value]


def _from_text(parts: list[Any], live: str, resolve: Callable[[Any], Any]) -> Iterator[tuple[str, str]]:
    """What the only part that is not known comes to, if there is one."""
    texts: list[str | None] = [_text(part, resolve) for part in parts]
    if texts.count(None) != 1:
        return
    place = texts.index(None)
    before, after = ("".join(map(str, some)) for some in (texts[:place], texts[place + 1 :]))
    reference = _reference(parts[place])
    if reference and live.startswith(before) and live.endswith(after) and len(live) > len(before) + len(after):
        yield reference, live[len(before) : len(live) - len(after)]


def _text(part: Any, resolve: Callable[[Any], Any]) -> str | None:
    try:
        return str(resolve(part))
    except UnresolvedError:
        return None


def _reference(value: Any) -> str | None:
    """What a resource or an attribute is called among `References`; None for anything else."""
    match value:
        case {"Ref": str() as name}:
            return name
        case {"Fn::GetAtt": [str() as logical_id, str() as attribute]}:
            return f"{logical_id}.{attribute}"
        case {"Fn::GetAtt": str() as name}:
            return name
    return None
