"""Policy documents of a template, as far as they are known before the deployment."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..template.intrinsic_functions import NO_VALUE, VARIABLE, UnresolvedError, dynamic_references

References = Mapping[str, str]
"""Values by what refers to them: ``Bucket`` for a ``Ref``, ``Bucket.Arn`` for a ``Fn::GetAtt``."""

_ONLY_CLOUDFORMATION = re.compile(r"Fn::(Transform$|ForEach::)")
"""Functions that may stand for anything: what they come to is in no template."""


class NotReadError(Exception):
    """A part of a template can't be read before the deployment; the message says why."""


class Unknown(str):
    """Readable text that stands for a value that is not known."""

    why: str

    def __new__(cls, text: str, why: str) -> "Unknown":
        found = super().__new__(cls, text)
        found.why = why
        return found


@dataclass(frozen=True, slots=True)
class Document:
    """A policy document of a template."""

    content: Mapping[str, Any] = field(default_factory=dict)
    """What could be read of it. Readable text stands for values that are not known."""
    unknown: tuple[str, ...] = ()
    """What it names that is not known, in phrases such as ``Stage, which is not known before the deployment``."""
    unread: tuple[str, ...] = ()
    """What of it could not be read, and why."""


@dataclass(frozen=True)
class PolicyDocuments:
    """Reads the policy documents of one template.

    What the deployment creates stands in them as ``(new)`` with its logical id, what exists already as ``(existing)``,
    and what else is not known as ``(unknown)``.
    """

    resources: Mapping[str, Any]
    """The resources of the template."""
    resolve: Callable[[Any], Any]
    """Turns a value of the template into a plain one, or raises `UnresolvedError`."""
    is_new: Callable[[str], bool]
    """Whether the deployment creates a resource."""

    def read(self, value: Any, known: References | None = None) -> Document:
        """A policy document.

        Args:
            value: the document, as the template has it.
            known: what attributes of resources come to that the template does not tell. Default: nothing is known.
        """
        return _Reader(self, {} if known is None else known).document(value)

    def plain(self, value: Any) -> Any:
        """The value without functions; readable text stands for those whose result is not known.

        Raises:
            NotReadError: it has functions that may stand for anything.
        """
        return _Reader(self, {}).plain(value)


@dataclass(frozen=True, slots=True)
class _Reader:
    template: PolicyDocuments
    known: References
    unknown: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def document(self, value: Any) -> Document:
        try:
            content = self._content(value)
        except NotReadError as error:
            return Document(unread=(str(error),))
        return Document(content, tuple(sorted(set(self.unknown))), tuple(self.unread))

    def _content(self, value: Any) -> Mapping[str, Any]:
        whole = self._whole(value)
        if "Statement" not in whole:
            raise NotReadError("it has no statements")
        rest = {key: self.plain(item) for key, item in whole.items() if key != "Statement"}
        return {**rest, "Statement": [*self._statements(whole["Statement"])]}

    def _whole(self, value: Any) -> Mapping[str, Any]:
        """The document as a mapping, in which there may still be functions."""
        if isinstance(value, Mapping) and not _function_in(value):
            return value
        if isinstance(value, Mapping) and value.keys() == {"Fn::ToJsonString"}:
            return self._whole(value["Fn::ToJsonString"])
        found = self.plain(value)
        if isinstance(found, Unknown):
            raise NotReadError(found.why)
        if isinstance(found, str):
            found = self._from_json(found)
        if not isinstance(found, Mapping):
            raise NotReadError("it is no policy document")
        return found

    def _from_json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (RecursionError, ValueError):
            why = self.unknown[0].replace(", which", "") if self.unknown else "it is text that is not JSON"
            raise NotReadError(why) from None

    def _statements(self, value: Any) -> Iterator[Any]:
        statements = value if isinstance(value, list) else [value]
        for number, raw in enumerate(statements, start=1):
            known = len(self.unknown)
            try:
                found = self.plain(raw)
                for statement in found if isinstance(found, list) else [found]:
                    if statement is not NO_VALUE:
                        yield _checked(statement)
            except NotReadError as error:
                del self.unknown[known:]
                self.unread.append(f"statement {number}: {error}" if isinstance(value, list) else str(error))

    def plain(self, value: Any) -> Any:
        if isinstance(value, list):
            return [item for item in map(self.plain, value) if item is not NO_VALUE]
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, Mapping):
            return value
        if function := _function_in(value):
            return self._result(function, value)
        plain = {key: self.plain(item) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item is not NO_VALUE}

    def _text(self, value: str) -> str:
        for reference in dynamic_references(value):
            self.unknown.append(f"{reference}, which is not known before the deployment")
        return value

    def _result(self, function: str, value: Mapping[str, Any]) -> Any:
        if len(value) > 1 or _ONLY_CLOUDFORMATION.match(function):
            raise NotReadError(f"what {function} comes to is not known before the deployment")
        try:
            return self.template.resolve(value)
        except UnresolvedError as error:
            found = self._readable(function, value[function], str(error))
            return found if found is NO_VALUE or isinstance(found, Unknown) else str(found)

    def _readable(self, function: str, argument: Any, why: str) -> Any:
        match function, argument:
            case "Ref", str():
                return self._reference(argument, argument, why)
            case "Fn::GetAtt", [str() as logical_id, str() as attribute]:
                return self._reference(logical_id, f"{logical_id}.{attribute}", why)
            case "Fn::GetAtt", str():
                return self._reference(argument.partition(".")[0], argument, why)
            case "Fn::Join", [str() as separator, list() as parts]:
                return separator.join(str(part) for part in self.plain(parts))
            case "Fn::Sub", str():
                return self._sub(argument, {})
            case "Fn::Sub", [str() as text, Mapping() as variables]:
                return self._sub(text, variables)
            case "Fn::ToJsonString", _:
                return json.dumps(self.plain(argument))
            case "Fn::ImportValue", str():
                return self._thing(argument, why)
        return self._thing(function, why)

    def _reference(self, logical_id: str, reference: str, why: str) -> str:
        if logical_id not in self.template.resources:
            return self._thing(logical_id, why)
        if self.template.is_new(logical_id):
            return Unknown(f"(new) {logical_id}", why)
        if reference in self.known:
            return self.known[reference]
        self.unknown.append(f"{reference}, which is not looked up")
        return Unknown(f"(existing) {reference}", why)

    def _thing(self, name: str, why: str) -> str:
        self.unknown.append(f"{name}, which is not known before the deployment")
        return Unknown(f"(unknown) {name}", why)

    def _sub(self, text: str, variables: Mapping[str, Any]) -> str:
        def value(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return "${" + name + "}"
            return str(self.plain(variables.get(name, {"Fn::GetAtt": name} if "." in name else {"Ref": name})))

        return VARIABLE.sub(value, self._text(text))


def _function_in(value: Mapping[str, Any]) -> str | None:
    """The function that a mapping of a template is, or has among its keys; None if it is just a mapping."""
    if len(value) == 1 and "Ref" in value:
        return "Ref"
    return next((key for key in value if key.startswith("Fn::")), None)


def _checked(statement: Any) -> Any:
    """A statement whose structure is known. What is strange about it otherwise, its reader says.

    Raises:
        NotReadError: its structure is not known.
    """
    parts = [statement]
    if isinstance(statement, Mapping):
        condition = statement.get("Condition")
        parts = [statement.get("Effect"), condition, *(condition.values() if isinstance(condition, Mapping) else ())]
    for part in parts:
        if isinstance(part, Unknown):
            raise NotReadError(part.why)
    return statement
