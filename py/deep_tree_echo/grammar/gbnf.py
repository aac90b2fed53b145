r"""GBNF, the notation of llama.cpp for grammars, as rules.

``name ::= ...``, one rule a line; alternatives ``|``, groups ``( )``, texts ``"..."``, characters
``[a-z]`` and ``[^a-z]``, any character ``.``, repetitions ``* + ? {2} {2,} {2,5}``, comments ``#``.
"""

from __future__ import annotations

import re

from ..errors import ArgumentError
from .expressions import (
    Alternatives,
    Call,
    Characters,
    Expression,
    Literal,
    Repeat,
    Sequence,
    calls,
    complement,
    normalised,
)

__all__ = ["read_gbnf"]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_LINE_SPACE = re.compile(r"(?:[ \t\r]|#[^\n]*)*")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_COUNT = re.compile(r"\{[ \t]*(\d{1,9})[ \t]*(,?)[ \t]*(\d{1,9})?[ \t]*\}")
_ESCAPES = {"n": 10, "r": 13, "t": 9, "\\": 92, '"': 34, "[": 91, "]": 93, "-": 45, "^": 94}
_HEXADECIMAL = {"x": 2, "u": 4, "U": 8}
_MOST_DEPTH = 50
_MOST_CHARACTERS = 1_000_000


def read_gbnf(text: str) -> dict[str, Expression]:
    r"""The rules of a grammar in GBNF.

    Raises
    ------
    ArgumentError
        With the line and the column, if it is none; for a rule that is missing or comes twice.

    Examples
    --------
    >>> read_gbnf('root ::= "yes" | "no"')["root"]
    Alternatives(items=(Literal(text='yes'), Literal(text='no')))
    """
    if not isinstance(text, str):
        raise ArgumentError(f"grammar is of type {type(text).__name__}; give GBNF as a text.")
    if len(text) > _MOST_CHARACTERS:
        raise ArgumentError(
            f"grammar has {len(text)} characters; it may have {_MOST_CHARACTERS} at most."
        )
    rules = _Reader(text).rules()
    if "root" not in rules:
        raise ArgumentError("grammar has no rule 'root'; name the rule of a whole text so.")
    for name, expression in rules.items():
        for called in calls(expression):
            if called not in rules:
                raise ArgumentError(
                    f"The rule {name!r} calls {called!r}, which grammar does not define; add it."
                )
    return rules


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def rules(self) -> dict[str, Expression]:
        rules: dict[str, Expression] = {}
        self._skip(_SPACE)
        while self._at < len(self._text):
            begin = self._at
            name = self._name("the name of a rule")
            self._skip(_LINE_SPACE)
            if not self._take("::="):
                raise self._error("'::='")
            self._skip(_SPACE)
            expression = self._alternatives()
            if self._at < len(self._text) and not self._take("\n"):
                raise self._error("the end of the line")
            if name in rules:
                self._at = begin
                raise ArgumentError(
                    f"{self._place()} of grammar defines the rule {name!r} once more; join them "
                    "with '|'."
                )
            rules[name] = expression
            self._skip(_SPACE)
        return rules

    def _alternatives(self) -> Expression:
        items = [self._sequence()]
        while self._take("|"):
            self._skip(_SPACE)
            items.append(self._sequence())
        return items[0] if len(items) == 1 else Alternatives(tuple(items))

    def _sequence(self) -> Expression:
        space = _SPACE if self._depth else _LINE_SPACE
        items: list[Expression] = []
        while True:
            self._skip(space)
            item = self._item()
            if item is None:
                break
            items.append(self._repeated(item, space))
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _item(self) -> Expression | None:
        here = self._text[self._at : self._at + 1]
        if here == '"':
            return Literal(self._literal())
        if here == "[":
            return self._characters()
        if here == "(":
            return self._group()
        if here == ".":
            self._at += 1
            return Characters(complement(()))
        if here in ("<", "!"):
            raise ArgumentError(
                f"{self._place()} of grammar names a token by {here!r}, which is not supported; "
                "write its text."
            )
        match = _NAME.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return Call(match[0])

    def _group(self) -> Expression:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ArgumentError(
                f"{self._place()} of grammar is inside of more than {_MOST_DEPTH} groups; give "
                "some of them rules of their own."
            )
        self._at += 1
        self._skip(_SPACE)
        expression = self._alternatives()
        if not self._take(")"):
            raise self._error("')'")
        self._depth -= 1
        return expression

    def _repeated(self, item: Expression, space: re.Pattern[str]) -> Expression:
        while True:
            self._skip(space)
            if self._take("*"):
                item = Repeat(item)
            elif self._take("+"):
                item = Repeat(item, 1)
            elif self._take("?"):
                item = Repeat(item, 0, 1)
            elif self._text.startswith("{", self._at):
                item = self._counted(item)
            else:
                return item

    def _counted(self, item: Expression) -> Expression:
        match = _COUNT.match(self._text, self._at)
        if match is None or (match[3] and not match[2]):
            raise self._error("a count such as {2}, {2,} or {2,5}")
        least = int(match[1])
        most = int(match[3]) if match[3] else None if match[2] else least
        if most is not None and most < least:
            raise ArgumentError(
                f"{self._place()} of grammar repeats from {least} to {most} times; the second "
                "number must be at least the first."
            )
        self._at = match.end()
        return Repeat(item, least, most)

    def _literal(self) -> str:
        self._at += 1
        characters = []
        while not self._take('"'):
            characters.append(self._character('"'))
        return "".join(map(chr, characters))

    def _characters(self) -> Expression:
        self._at += 1
        inverted = self._take("^")
        ranges = []
        while not self._take("]"):
            low = high = self._character("]")
            if self._text.startswith("-", self._at) and self._text[self._at + 1 :][:1] != "]":
                self._at += 1
                high = self._character("]")
                if high < low:
                    raise ArgumentError(
                        f"{self._place()} of grammar ends a range from {chr(low)!r} to "
                        f"{chr(high)!r}; the first must come before the last."
                    )
            ranges.append((low, high))
        found = normalised(ranges)
        return Characters(complement(found) if inverted else found)

    def _character(self, closing: str) -> int:
        here = self._text[self._at : self._at + 1]
        if not here or (here == "\n" and closing == '"'):
            raise self._error(repr(closing))
        self._at += 1
        if here != "\\":
            code = ord(here)
        else:
            letter = self._text[self._at : self._at + 1]
            self._at += 1
            if length := _HEXADECIMAL.get(letter):
                digits = self._text[self._at : self._at + length]
                if not re.fullmatch(rf"[0-9A-Fa-f]{{{length}}}", digits):
                    raise self._error(f"{length} hexadecimal digits")
                self._at += length
                code = int(digits, 16)
            elif letter in _ESCAPES:
                code = _ESCAPES[letter]
            else:
                self._at -= 1
                raise self._error("one of n, r, t, x, u, U, \\, \", [, ], - and ^ after '\\'")
        if 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
            raise ArgumentError(
                f"{self._place()} of grammar ends the character U+{code:04X}, which UTF-8 cannot "
                "hold; write another one."
            )
        return code

    def _name(self, what: str) -> str:
        match = _NAME.match(self._text, self._at)
        if match is None:
            raise self._error(what)
        self._at = match.end()
        return match[0]

    def _take(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _skip(self, space: re.Pattern[str]) -> None:
        match = space.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _place(self) -> str:
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - (self._text.rfind("\n", 0, self._at) + 1) + 1
        return f"Line {line}, column {column}"

    def _error(self, wanted: str) -> ArgumentError:
        found = self._text[self._at : self._at + 12]
        found = repr(found) if found else "its end"
        return ArgumentError(f"{self._place()} of grammar has {found}; it must have {wanted}.")
