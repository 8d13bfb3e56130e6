"""DynamoDB's expression language, as far as the ledger uses it, and strict: what is not understood is an error."""

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tests.simulator.errors import AwsError

Item = dict[str, Any]

# The words nearest to what the ledger stores; the contract test against the local AWS knows all of them.
RESERVED = set(
    """ACTION ADD AFTER ALL AND ANY AS ASC AT ATTRIBUTE BEFORE BEGIN BETWEEN BY COUNT DATA DATE DELETE DETACH
    END ERROR EXISTS FAIL FROM GROUP HASH HOLD IN ITEM ITEMS KEY LEAVE LEVEL NAME NAMES NOT NULL
    OPERATOR OR OTHER OWNER PRIOR RANGE REMOVE REVERSE ROLE SET STATE STATUS TIME
    TIMESTAMP TO TYPE UNTIL UPDATE USER VALUE VALUES YEAR""".split()  # noqa: SIM905 - to be read
)
_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),]|[#:]?\w+)")
_CLAUSES = ("SET", "REMOVE", "ADD")


class ExpressionError(AwsError):
    """What DynamoDB does not take, or what is not understood here."""

    def __init__(self, message: str) -> None:
        super().__init__("ValidationException", message)


class Expressions:
    """The expressions of one request, with the names and values that they stand for."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self._request = request
        self._names: Mapping[str, str] = request.get("ExpressionAttributeNames", {})
        self._values: Mapping[str, Any] = request.get("ExpressionAttributeValues", {})
        self._used: set[str] = set()
        if not self._names and "ExpressionAttributeNames" in request:
            raise ExpressionError("ExpressionAttributeNames must not be empty")
        if not self._values and "ExpressionAttributeValues" in request:
            raise ExpressionError("ExpressionAttributeValues must not be empty")
        for value in self._values.values():
            check_value(value)

    def apply(self, item: Item) -> tuple[bool, Item]:
        """Whether the condition holds, and the item after the update."""
        held = self._condition(self._request.get("ConditionExpression"), item)
        updated = self._update(self._request.get("UpdateExpression"), item)
        self.check_used()
        return held, updated

    def check_used(self) -> None:
        if unused := (self._names.keys() | self._values.keys()) - self._used:
            raise ExpressionError(f"unused in the expressions: {sorted(unused)}")

    def name(self, token: str) -> str:
        if token.startswith("#"):
            if token not in self._names:
                raise ExpressionError(f"undefined name {token}")
            self._used.add(token)
            return self._names[token]
        if not re.fullmatch(r"[A-Za-z]\w*", token):
            raise ExpressionError(f"not a name: {token}")
        if token.upper() in RESERVED:
            raise ExpressionError(f"{token} is a reserved word")
        return token

    def value(self, token: str) -> Any:
        if token not in self._values:
            raise ExpressionError(f"undefined value {token}")
        self._used.add(token)
        return self._values[token]

    def _condition(self, expression: str | None, item: Item) -> bool:
        if expression is None:
            return True
        tokens = _Tokens(expression)
        held = self._any(tokens, item)
        tokens.end()
        return held

    def _any(self, tokens: "_Tokens", item: Item) -> bool:
        held = self._all(tokens, item)
        while tokens.skip("OR"):
            held = self._all(tokens, item) or held
        return held

    def _all(self, tokens: "_Tokens", item: Item) -> bool:
        held = self._one(tokens, item)
        while tokens.skip("AND"):
            held = self._one(tokens, item) and held
        return held

    def _one(self, tokens: "_Tokens", item: Item) -> bool:
        if tokens.skip("NOT"):
            return not self._one(tokens, item)
        if tokens.skip("("):
            held = self._any(tokens, item)
            tokens.expect(")")
            return held
        word = tokens.next()
        if word in ("attribute_exists", "attribute_not_exists"):
            tokens.expect("(")
            exists = self.name(tokens.next()) in item
            tokens.expect(")")
            return exists is (word == "attribute_exists")
        name, operator, other = self.name(word), tokens.next(), self.value(tokens.next())
        return name in item and _compare(item[name], operator, other)

    def _update(self, expression: str | None, item: Item) -> Item:
        updated, touched = dict(item), set[str]()
        if expression is None:
            return updated
        tokens, seen = _Tokens(expression), set[str]()
        while not tokens.done:
            clause = tokens.next()
            if clause not in _CLAUSES or clause in seen:
                raise ExpressionError(f"unexpected {clause} in {expression}")
            seen.add(clause)
            action: Callable[[_Tokens, Item, Item], str] = getattr(self, f"_{clause.lower()}")
            while True:
                name = action(tokens, item, updated)
                if name in touched:
                    raise ExpressionError(f"two document paths overlap: {name}")
                touched.add(name)
                if not tokens.skip(","):
                    break
        return updated

    def _set(self, tokens: "_Tokens", item: Item, updated: Item) -> str:
        name = self.name(tokens.next())
        tokens.expect("=")
        token = tokens.next()
        if token == "if_not_exists":
            tokens.expect("(")
            path = self.name(tokens.next())
            tokens.expect(",")
            default = self.value(tokens.next())
            tokens.expect(")")
            updated[name] = item.get(path, default)
        else:
            updated[name] = self.value(token)
        return name

    def _remove(self, tokens: "_Tokens", item: Item, updated: Item) -> str:  # noqa: ARG002
        name = self.name(tokens.next())
        updated.pop(name, None)
        return name

    def _add(self, tokens: "_Tokens", item: Item, updated: Item) -> str:
        name, value = self.name(tokens.next()), self.value(tokens.next())
        if value.keys() != {"SS"} or not item.get(name, {"SS": []}).keys() == {"SS"}:
            raise ExpressionError(f"ADD knows sets of strings only, not {value}")
        updated[name] = {"SS": sorted({*item.get(name, {"SS": []})["SS"], *value["SS"]})}
        return name


class _Tokens:
    def __init__(self, expression: str) -> None:
        self._tokens, position = [], 0
        while expression[position:].strip():
            found = _TOKEN.match(expression, position)
            if found is None:
                raise ExpressionError(f"not understood: {expression[position:]}")
            self._tokens.append(found[1])
            position = found.end()
        self._tokens.reverse()

    @property
    def done(self) -> bool:
        return not self._tokens

    def next(self) -> str:
        if not self._tokens:
            raise ExpressionError("the expression ends too early")
        return self._tokens.pop()

    def skip(self, word: str) -> bool:
        if self._tokens and self._tokens[-1] == word:
            self._tokens.pop()
            return True
        return False

    def expect(self, word: str) -> None:
        if (found := self.next()) != word:
            raise ExpressionError(f"{found} where {word} belongs")

    def end(self) -> None:
        if self._tokens:
            raise ExpressionError(f"unexpected {self._tokens[-1]}")


def _compare(left: Any, operator: str, right: Any) -> bool:
    if left.keys() != right.keys():
        return operator == "<>"
    ((kind, one),), ((_, other),) = left.items(), right.items()
    if kind == "N":
        one, other = Decimal(one), Decimal(other)
    match operator:
        case "=":
            return bool(one == other)
        case "<>":
            return bool(one != other)
        case "<" | "<=" | ">" | ">=" if kind in ("N", "S"):
            return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator])
    raise ExpressionError(f"not understood: {left} {operator} {right}")


def check_value(value: Any) -> None:
    for kind, content in _typed_parts(value):
        if kind in ("SS", "NS", "BS") and not content:
            raise ExpressionError("a set must not be empty")
        if kind == "N":
            Decimal(content)


def _typed_parts(value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict) or len(value) != 1:
        raise ExpressionError(f"not a typed value: {value}")
    ((kind, content),) = value.items()
    if kind not in ("S", "N", "BOOL", "NULL", "SS", "L", "M"):
        raise ExpressionError(f"unknown type {kind}")
    yield kind, content
    if kind in ("L", "M"):
        for part in content.values() if kind == "M" else content:
            yield from _typed_parts(part)
