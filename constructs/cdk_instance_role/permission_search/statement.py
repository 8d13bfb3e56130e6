"""An IAM statement that allows something, as a value that can be compared, merged and split."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Values = frozenset[str]
Field = str | tuple[str, str]
"""What holds several values: `ACTION`, `RESOURCE`, or a condition by its operator and key."""

_REFERENCE = re.compile(r"\$\{[^}]*\}")

ACTION, RESOURCE = "Action", "Resource"
NULL = "Null"


@dataclass(frozen=True)
class Statement:
    """A statement with the effect Allow.

    It allows a call that has one of the values in every field: the values of a field are alternatives, and all fields
    have to match. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
    """

    fields: frozenset[tuple[Field, Values]]

    @classmethod
    def of(
        cls,
        actions: Iterable[str],
        resources: Iterable[str],
        conditions: Mapping[str, Mapping[str, Iterable[str]]] | None = None,
    ) -> "Statement":
        """A statement from its parts.

        Args:
            actions: the actions.
            resources: ARNs, patterns or ``*``.
            conditions: values by operator and key.
        """
        by_field: dict[Field, Values] = {ACTION: frozenset(actions), RESOURCE: frozenset(resources)}
        for operator, those in (conditions or {}).items():
            by_field.update({(operator, key): frozenset(values) for key, values in those.items()})
        return cls(frozenset(by_field.items()))

    @cached_property
    def by_field(self) -> Mapping[Field, Values]:
        """The values by field."""
        return dict(self.fields)

    @property
    def actions(self) -> Values:
        """The actions."""
        return self.by_field[ACTION]

    @property
    def resources(self) -> Values:
        """The resources."""
        return self.by_field[RESOURCE]

    def fields_except(self, field: Field) -> frozenset[tuple[Field, Values]]:
        """Everything in the statement except for one field."""
        return self.fields - {(field, self.by_field[field])}

    def with_values(self, field: Field, values: Values) -> "Statement":
        """The statement with other values in one field."""
        return Statement(self.fields_except(field) | {(field, values)})

    def texts(self) -> Iterator[str]:
        """All values."""
        return (value for _, values in self.fields for value in values)

    def replaced(self, text: Callable[[str], str]) -> "Statement":
        """The statement with other texts for its values."""
        return Statement(frozenset((name, frozenset(map(text, values))) for name, values in self.fields))

    def render(self) -> dict[str, Any]:
        """The statement as it stands in a policy."""
        conditions: dict[str, dict[str, Any]] = {}
        for field in sorted(field for field in self.by_field if isinstance(field, tuple)):
            operator, name = field
            conditions.setdefault(operator, {})[name] = _one_or_all(self.by_field[field])
        rendered = {
            "Action": _one_or_all(self.actions),
            "Effect": "Allow",
            "Resource": _one_or_all(self.resources),
        }
        return {**rendered, "Condition": conditions} if conditions else rendered


def is_list(value: str) -> bool:
    """Whether a value stands for a list that only the deployment knows. It can't be in a list with other values."""
    return value.startswith("#{")


def sorted_values(values: Iterable[str]) -> list[str]:
    """Values in an order that does not depend on whether the account, Region and partition in ARNs are known."""
    return sorted(values, key=lambda value: (_without_environment(value), value))


def _without_environment(value: str) -> str:
    return _REFERENCE.sub("", value).split(":", 5)[-1] if value.startswith("arn:") else value


def _one_or_all(values: Values) -> str | list[str]:
    """IAM takes a single value without brackets; a list that stands for another one needs them."""
    return next(iter(values)) if len(values) == 1 and not any(map(is_list, values)) else sorted_values(values)
