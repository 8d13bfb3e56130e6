"""DynamoDB's expression language, as far as a ledger may use it, and strict: what is not understood is an error.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tests.simulator.documents import ExpressionError, Item, Path, check_value, value_at

# The words nearest to what the ledger stores; the contract test against the local AWS knows all of them.
RESERVED = set(
    """ACTION ADD AFTER ALL AND ANY AS ASC AT ATTRIBUTE BEFORE BEGIN BETWEEN BY COUNT DATA DATE DELETE DETACH
    END ERROR EXISTS FAIL FROM GROUP HASH HOLD IN ITEM ITEMS KEY LEAVE LEVEL NAME NAMES NOT NULL
    OPERATOR OR OTHER OWNER PRIOR RANGE REMOVE REVERSE ROLE SET STATE STATUS TIME
    TIMESTAMP TO TYPE UNTIL UPDATE USER VALUE VALUES YEAR""".split()  # noqa: SIM905 - to be read
)
_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.\[\]+-]|[#:]?\w+)")
_SETS = ("SS", "NS")
_COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")


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

    def path(self, tokens: "Tokens") -> Path:
        """A document path such as ``Operations.#a.Calls[0]``."""
        path: list[str | int] = [self.name(tokens.next())]
        while True:
            if tokens.skip("."):
                path.append(self.name(tokens.next()))
            elif tokens.skip("["):
                path.append(int(tokens.next()))
                tokens.expect("]")
            else:
                return tuple(path)

    def holds(self, item: Item) -> bool:
        """Whether the condition holds for an item, which is empty if there is none."""
        if (expression := self._request.get("ConditionExpression")) is None:
            return True
        tokens = Tokens(expression)
        held = self._any(tokens, item)
        tokens.end()
        return held

    def _any(self, tokens: "Tokens", item: Item) -> bool:
        held = self._all(tokens, item)
        while tokens.skip("OR"):
            held = self._all(tokens, item) or held
        return held

    def _all(self, tokens: "Tokens", item: Item) -> bool:
        held = self._one(tokens, item)
        while tokens.skip("AND"):
            held = self._one(tokens, item) and held
        return held

    def _one(self, tokens: "Tokens", item: Item) -> bool:
        if tokens.skip("NOT"):
            return not self._one(tokens, item)
        if tokens.skip("("):
            held = self._any(tokens, item)
            tokens.expect(")")
            return held
        functions: Mapping[str, Callable[[Tokens, Item], bool]] = {
            "attribute_exists": lambda tokens, item: value_at(item, self.path(tokens)) is not None,
            "attribute_not_exists": lambda tokens, item: value_at(item, self.path(tokens)) is None,
            "begins_with": self._begins_with,
            "contains": self._contains,
        }
        if tokens.following in functions:
            function = functions[tokens.next()]
            tokens.expect("(")
            held = function(tokens, item)
            tokens.expect(")")
            return held
        return self._comparison(tokens, item)

    def _comparison(self, tokens: "Tokens", item: Item) -> bool:
        left = self._operand(tokens, item)
        if tokens.skip("IN"):
            tokens.expect("(")
            others = [self._operand(tokens, item)]
            while tokens.skip(","):
                others.append(self._operand(tokens, item))
            tokens.expect(")")
            return any(_compare(left, "=", other) for other in others)
        if tokens.skip("BETWEEN"):
            low = self._operand(tokens, item)
            tokens.expect("AND")
            return _compare(left, ">=", low) & _compare(left, "<=", self._operand(tokens, item))
        if (operator := tokens.next()) not in _COMPARISONS:
            raise ExpressionError(f"{operator} where a comparison belongs")
        return _compare(left, operator, self._operand(tokens, item))

    def _operand(self, tokens: "Tokens", item: Item) -> Any:
        """A value, or that of an attribute; None if there is none."""
        if tokens.skip("size"):
            tokens.expect("(")
            content = value_at(item, self.path(tokens))
            tokens.expect(")")
            return None if content is None else {"N": str(len(next(iter(content.values()))))}
        return self.value(tokens.next()) if tokens.following.startswith(":") else value_at(item, self.path(tokens))

    def _begins_with(self, tokens: "Tokens", item: Item) -> bool:
        text = value_at(item, self.path(tokens))
        tokens.expect(",")
        beginning: str = self.value(tokens.next())["S"]
        return text is not None and text.get("S", "").startswith(beginning)

    def _contains(self, tokens: "Tokens", item: Item) -> bool:
        whole = value_at(item, self.path(tokens))
        tokens.expect(",")
        ((kind, part),) = part_of = self._operand(tokens, item).items()
        match whole:
            case {"L": list(parts)}:
                return dict(part_of) in parts
            case {"S": str(text)} if kind == "S":
                return part in text
            case {"SS": list(members)} if kind == "S":
                return part in members
            case {"NS": list(numbers)} if kind == "N":
                return Decimal(part) in map(Decimal, numbers)
        return False


class Tokens:
    """The words and signs of an expression, one after the other."""

    def __init__(self, expression: str) -> None:
        self._tokens: list[str] = []
        position = 0
        while expression[position:].strip():
            match = _TOKEN.match(expression, position)
            if match is None:
                raise ExpressionError(f"not understood: {expression[position:]}")
            self._tokens.append(match[1])
            position = match.end()
        self._tokens.reverse()

    @property
    def following(self) -> str:
        """The next one, which stays; empty at the end."""
        return self._tokens[-1] if self._tokens else ""

    def next(self) -> str:
        if not self._tokens:
            raise ExpressionError("the expression ends too early")
        return self._tokens.pop()

    def skip(self, word: str) -> bool:
        if self.following == word:
            self._tokens.pop()
            return True
        return False

    def expect(self, word: str) -> None:
        if (word_found := self.next()) != word:
            raise ExpressionError(f"{word_found} where {word} belongs")

    def end(self) -> None:
        if self._tokens:
            raise ExpressionError(f"unexpected {self._tokens[-1]}")


def _compare(left: Any, operator: str, right: Any) -> bool:
    """What is not there is unequal to everything, and neither less nor more than anything."""
    if left is None or right is None or left.keys() != right.keys():
        return operator == "<>"
    ((kind, one),), ((_, other),) = _comparable(left).items(), _comparable(right).items()
    if operator in ("=", "<>"):
        return bool((one == other) is (operator == "="))
    if kind not in ("N", "S"):
        raise ExpressionError(f"not understood: {left} {operator} {right}")
    return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator])


def _comparable(value: Mapping[str, Any]) -> Mapping[str, Any]:
    ((kind, content),) = value.items()
    if kind == "N":
        return {kind: Decimal(content)}
    return {kind: set(content)} if kind in _SETS else value
