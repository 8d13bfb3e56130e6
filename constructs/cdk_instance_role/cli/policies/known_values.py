"""What attributes of deployed resources come to, by what the live policies say in their place."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..template.intrinsic_functions import UnresolvedError, as_text
from .policy_documents import Document, References

_MARK = "\ue000"
"""Stands around a reference in a text. Unicode gives it no meaning, and JSON needs no escape for it."""


class _Marks(dict[str, str]):
    def __contains__(self, reference: object) -> bool:
        return True

    def __missing__(self, reference: str) -> str:
        return f"{_MARK}{reference}{_MARK}"


MARKS: References = _Marks()
"""Gives each reference a mark. A document that is read with them shows where it has references."""


class _EditedError(Exception):
    """The live policy is not the deployed one."""


def inferred_references(documents: Iterable[tuple[Document, Any]], resolve: Callable[[Any], Any]) -> References:
    """What is learned where the deployed template has a reference and the live policy the name or ARN of a resource.

    Somebody may have edited a live policy. So nothing is learned from a policy that differs from the deployed template
    in anything else, nor from a text that does not end with the physical name of the resource.

    Args:
        documents: documents of the deployed template, read with `MARKS`, each with the live one.
        resolve: turns a value of the deployed template into a plain one, or raises `UnresolvedError`.

    Example:
        >>> template = Document({"Statement": [{"Resource": f"{MARKS['Data.Arn']}/*"}]})
        >>> live = {"Statement": {"Resource": "arn:aws:s3:::data-1/*"}}
        >>> inferred_references([(template, live)], lambda value: "data-1")
        {'Data.Arn': 'arn:aws:s3:::data-1'}
    """
    found: dict[str, set[str]] = {}
    for document, live in documents:
        for reference, value in _of_document(document, live):
            found.setdefault(reference, set()).add(value)
    agreed = {reference: values.pop() for reference, values in found.items() if len(values) == 1}
    return {reference: value for reference, value in agreed.items() if _is_plausible(reference, value, resolve)}


def _of_document(document: Document, live: Any) -> list[tuple[str, str]]:
    if document.unknown or document.unread or not isinstance(live, Mapping):
        return []
    statements = live.get("Statement")
    listed = {**live, "Statement": statements if isinstance(statements, list) else [statements]}
    try:
        return [*_pairs(as_text(document.content), as_text(listed))]
    except _EditedError:
        return []


def _pairs(written: Any, live: Any) -> Iterator[tuple[str, str]]:
    match written, live:
        case dict(), dict() if written.keys() == live.keys():
            for key, value in written.items():
                yield from _pairs(value, live[key])
        case list(), list() if len(written) == len(live):
            for one, other in zip(written, live, strict=True):
                yield from _pairs(one, other)
        case str(), str() if _MARK in written:
            yield from _from_text(written.split(_MARK), live)
        case _ if written != live:
            raise _EditedError


def _from_text(parts: list[str], live: str) -> Iterator[tuple[str, str]]:
    """What the only reference of a text comes to.

    Args:
        parts: text and references in turn.
        live: the text of the live policy.
    """
    before, *references, after = parts
    value = live.removeprefix(before).removesuffix(after)
    if not value or f"{before}{value}{after}" != live:
        raise _EditedError
    if len(references) == 1:
        yield references[0], value


def _is_plausible(reference: str, value: str, resolve: Callable[[Any], Any]) -> bool:
    """Whether a value can be that of a resource. Some ARNs have the name in lower case. That of a log group ends with a
    wildcard."""
    try:
        physical = str(resolve({"Ref": reference.partition(".")[0]}))
    except UnresolvedError:
        return False
    name = re.split("[/:]", physical)[-1]
    return bool(name and re.fullmatch(rf"([^*?$]*[/:])?{re.escape(name)}(:\*)?", value, re.IGNORECASE))
