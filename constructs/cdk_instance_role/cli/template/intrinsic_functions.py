"""What a value of a CloudFormation template comes to, as far as that can be known before the deployment.

The intrinsic functions: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
"""A variable of ``Fn::Sub``; with ``!`` it stands for itself."""
_DYNAMIC = re.compile(r"\{\{resolve:[^}]*\}\}")
_MALFORMED = (AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of a function that is not used as it is meant."""


class UnresolvedError(Exception):
    """The value is not known before the deployment; the message says why."""

    identity: str | None = None
    """A made-up ARN if the value is that of a function that the deployment creates."""


def _not_known(what: str) -> str:
    raise UnresolvedError(f"{what} is not known before the deployment")


def dynamic_references(text: str) -> list[str]:
    """The references in a text that only CloudFormation resolves, such as ``{{resolve:ssm:/web/ids}}``.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
    """
    return _DYNAMIC.findall(text)


def as_text(value: Any) -> Any:
    """The value as CloudFormation compares, joins and delivers it: every scalar is text."""
    match value:
        case dict():
            return {key: as_text(item) for key, item in value.items()}
        case list():
            return [as_text(item) for item in value]
        case bool():
            return str(value).lower()
    return str(value)


def properties_of(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a resource, as the template has them.

    Raises:
        UnresolvedError: a function such as ``Fn::Transform`` adds some, or stands for all of them.
    """
    found = resource.get("Properties", {})
    if not isinstance(found, Mapping):
        raise UnresolvedError(f"properties can't be read that are {found!r}")
    if function := function_in(found):
        _not_known(f"what {function} comes to")
    return found


def function_in(value: Mapping[str, Any]) -> str | None:
    """The first key of a mapping that is a function, besides ``Ref``; None if there is none."""
    return next((key for key in value if key.startswith("Fn::")), None)


@dataclass(frozen=True)
class Resolver:
    """Turns values of one template into plain ones.

    Example:
        >>> Resolver({"AWS::Region": "eu-west-1"})({"Fn::Join": ["-", ["web", {"Ref": "AWS::Region"}]]})
        'web-eu-west-1'
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    """What ``Ref`` comes to: pseudo parameters, parameters, and the physical ids of resources."""
    attribute: Callable[[str, str], Any] = lambda logical_id, name: _not_known(f"{logical_id}.{name}")
    """What ``Fn::GetAtt`` comes to, by logical id and attribute. Raises `UnresolvedError`."""
    exported: Callable[[str], Any] = _not_known
    """What ``Fn::ImportValue`` comes to. Raises `UnresolvedError`."""
    output: Callable[[str, str, str | None], Any] = lambda stack, name, _: _not_known(f"output {name} of stack {stack}")
    """What ``Fn::GetStackOutput`` comes to, by stack, output and Region, if one is named. Raises `UnresolvedError`."""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """The conditions of the template."""
    mappings: Mapping[str, Any] = field(default_factory=dict)
    """The mappings of the template."""
    reference: Callable[[str], Any] = _not_known
    """What ``Ref`` comes to where it is none of the values. Raises `UnresolvedError`."""

    def __call__(self, value: Any) -> Any:
        """The plain value.

        Raises:
            UnresolvedError: a part of it is not known.
        """
        if isinstance(value, Mapping):
            return _resolved(self._mapping(value))
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [one for one in map(self, value) if one is not NO_VALUE]
        return _resolved(value)

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template holds.

        Raises:
            UnresolvedError: that is not known.
        """
        if condition not in self.conditions:
            raise UnresolvedError(f"condition {condition} is not in the template")
        try:
            return self._holds(self.conditions[condition])
        except _MALFORMED:
            raise UnresolvedError(f"condition {condition} can't be worked out") from None

    def _mapping(self, value: Mapping[str, Any]) -> Any:
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                try:
                    return self._function(name.removeprefix("Fn::"), argument)
                except _MALFORMED:
                    raise UnresolvedError(f"{name} can't be worked out with {argument!r}") from None
        if function := function_in(value):  # it adds keys to the others
            _not_known(f"what {function} comes to")
        resolved = {key: self(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        return self.values[name] if name in self.values else self.reference(name)

    def _function(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._ref(argument)
            case "GetAtt":
                logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
                return self.attribute(logical_id, self(attribute))
            case "Join":
                separator, parts = argument
                return separator.join(as_text(self(parts)))
            case "Sub":
                return self._sub(argument)
            case "Select":
                index, items = argument
                return _selected(self(items), int(self(index)))
            case "Split":
                separator, text = argument
                return self(text).split(separator)
            case "If":
                condition, yes, no = argument
                return self(yes if self.holds(condition) else no)
            case "ImportValue":
                return self.exported(as_text(self(argument)))
            case "GetStackOutput":
                wanted = self(argument)
                return self.output(wanted["StackName"], wanted["OutputName"], wanted.get("Region"))
            case "FindInMap":
                table, first, second, *default = self(argument)
                found = self.mappings.get(table, {}).get(first, {})
                if second not in found and default:
                    return default[0]["DefaultValue"]
                return found[second] if second in found else _not_known(f"{table}.{first}.{second}")
        raise UnresolvedError(f"what Fn::{name} comes to is not known before the deployment")

    def _sub(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def value(found: re.Match[str]) -> Any:
            literal, name = found.groups()
            if literal:
                return "${" + name + "}"
            if name in variables:
                return as_text(self(variables[name]))
            return as_text(self({"Fn::GetAtt": name}) if "." in name else self._ref(name))

        return VARIABLE.sub(value, text)

    def _holds(self, condition: Mapping[str, Any]) -> bool:
        ((name, argument),) = condition.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                one, other = as_text(self(argument))
                return bool(one == other)
            case "Fn::And":
                return not self._has_one_that(False, argument)
            case "Fn::Or":
                return self._has_one_that(True, argument)
            case "Fn::Not":
                return not self._holds(argument[0])
        raise UnresolvedError(f"condition {name} is not known before the deployment")

    def _has_one_that(self, holds: bool, conditions: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a condition holds, or one does not: that decides, whatever the others are.

        Raises:
            UnresolvedError: none is known to decide, and one is not known.
        """
        unknown: UnresolvedError | None = None
        for one in conditions:
            try:
                if self._holds(one) is holds:
                    return True
            except UnresolvedError as error:
                unknown = error
        if unknown:
            raise unknown
        return False


def _selected(items: Sequence[Any], index: int) -> Any:
    if index < 0:
        raise IndexError
    return items[index]


def _resolved(value: Any) -> Any:
    """The value, if no part of it is left for CloudFormation to resolve.

    Raises:
        UnresolvedError: a part of it is.
    """
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and (left := dynamic_references(text)):
            _not_known(left[0])
    return value


class _NoValue:
    """Stands for ``AWS::NoValue``: the key or item that it is the value of is left out. It has no text."""

    def __str__(self) -> NoReturn:
        raise UnresolvedError("AWS::NoValue is no text")


NO_VALUE = _NoValue()


def value_or(value: Any, default: Any) -> Any:
    """The plain value of a property or parameter, or its default if it is left out."""
    return default if value is None or value is NO_VALUE else value
