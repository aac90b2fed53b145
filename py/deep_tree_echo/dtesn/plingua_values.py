"""Expressions of P-Lingua: parameters, indices and multiplicities."""

from __future__ import annotations

from typing import Any

from ..errors import ArgumentError

__all__ = ["Scope", "compare", "evaluate", "name_of"]

Value = int | float
_WIDEST = 2**80
"""Beyond any multiplicity; a power that runs away ends here."""


class Scope:
    """Values by name; what is not here is looked up around."""

    def __init__(self, around: Scope | None) -> None:
        self._around = around
        self._values: dict[str, Value] = {}

    def set(self, name: str, value: Value) -> None:
        """Gives a name a value."""
        self._values[name] = value

    def get(self, name: str) -> Value | None:
        """The value of a name, or ``None``."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope._values:
                return scope._values[name]
            scope = scope._around
        return None

    def knows(self, name: str) -> bool:
        """Whether a name has a value."""
        return self.get(name) is not None


def name_of(tree: Any, scope: Scope) -> str:
    """The name of an object or variable with its indices worked out: ``x{i,2}`` is ``x{1,2}``."""
    stem, *indices = tree.children
    if not indices:
        return str(stem)
    numbers = [evaluate(index, scope) for index in indices]
    for number in numbers:
        if not isinstance(number, int):
            raise _error(tree, f"an index of {stem} is {number!r}; it must be whole")
    return f"{stem}{{{','.join(str(number) for number in numbers)}}}"


def evaluate(tree: Any, scope: Scope) -> Value:
    """The number that an expression stands for."""
    kind = tree.data
    if kind == "integer":
        return int(tree.children[0])
    if kind == "real":
        return float(tree.children[0])
    if kind == "variable":
        name = name_of(tree.children[0], scope)
        value = scope.get(name)
        if value is None:
            raise _error(tree, f"{name!r} has no value; set it, or let a range run over it")
        return value
    values = [evaluate(child, scope) for child in tree.children]
    try:
        result: Any = _calculate(kind, values)
    except ZeroDivisionError:
        raise _error(tree, "this divides by 0; change the expression") from None
    if isinstance(result, complex) or abs(result) > _WIDEST:
        raise _error(tree, f"this is no number below {_WIDEST}; change the expression")
    number: Value = result
    return number


def _calculate(kind: str, values: list[Value]) -> Any:
    left = values[0]
    right = values[-1]
    if kind == "negative":
        return -left
    if kind == "add":
        return left + right
    if kind == "subtract":
        return left - right
    if kind == "multiply":
        return left * right
    if kind == "divide":
        whole = isinstance(left, int) and isinstance(right, int)
        return left // right if whole else left / right
    if kind == "remainder":
        return left % right
    # Powers: whatever is surely too large is not worked out.
    if abs(left) > 1 and abs(right) > 80:
        return _WIDEST + 1 if right > 0 else 0
    return left**right


def compare(tree: Any, scope: Scope) -> bool:
    """Whether a comparison, or two in a chain, holds."""
    parts = tree.children
    values = [evaluate(part, scope) for part in parts[::2]]
    return all(
        _holds(str(sign), left, right)
        for sign, left, right in zip(parts[1::2], values, values[1:], strict=False)
    )


def _holds(sign: str, left: Value, right: Value) -> bool:
    if sign in ("<=", "=<"):
        return left <= right
    if sign in (">=", "=>"):
        return left >= right
    if sign in ("<>", "!="):
        return left != right
    if sign == "==":
        return left == right
    return left < right if sign == "<" else left > right


def _error(tree: Any, why: str) -> ArgumentError:
    meta = getattr(tree, "meta", None)
    place = "in main" if meta is None or meta.empty else f"line {meta.line}, column {meta.column}"
    return ArgumentError(f"P-Lingua, {place}: {why}.")
