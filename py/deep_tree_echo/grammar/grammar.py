"""A grammar, compiled once, that answers can follow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ..errors import ArgumentError
from .expressions import Call, Literal, Repeat, Rules, Sequence
from .gbnf import read_gbnf
from .matching import CANNOT_END
from .program import Program, compile_rules
from .reference import ReferenceMatcher

__all__ = ["Grammar"]


class Grammar:
    """The texts that an answer may be.

    Parameters
    ----------
    rules : mapping of str to Expression
        By name.
    root : str
        The rule of a whole text.

    Examples
    --------
    >>> grammar = Grammar.gbnf('root ::= "yes" | "no"')
    >>> grammar.matches("yes"), grammar.matches("yess")
    (True, False)
    """

    def __init__(self, rules: Rules, root: str = "root") -> None:
        self._rules = rules
        self._root = root
        self.program: Program = compile_rules(rules, root)
        """The rules as automata."""

    @classmethod
    def gbnf(cls, text: str) -> Grammar:
        """A grammar in GBNF; see `read_gbnf`.

        Raises
        ------
        ArgumentError
            If it is none, a rule begins with itself, or no text fits it.
        LimitError
            If it is too large.
        """
        return cls(read_gbnf(text))

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any] | bool | str) -> Grammar:
        """The JSON texts that fit a schema, given as such or as its own JSON text.

        Raises
        ------
        ArgumentError
            If it is no schema, uses what is not supported (by name), or nothing fits it.
        LimitError
            If it is too large.

        Examples
        --------
        >>> grammar = Grammar.json_schema({"type": "array", "items": {"type": "boolean"}})
        >>> grammar.matches("[true, false]"), grammar.matches("[1]")
        (True, False)
        """
        from .schema import read_schema

        plain: Any = schema
        if isinstance(schema, str):
            try:
                plain = json.loads(schema)
            except (ValueError, RecursionError) as error:
                raise ArgumentError(f"json_schema is not JSON: {error}.") from error
        rules = read_schema(plain)
        try:
            return cls(rules)
        except ArgumentError as error:
            raise ArgumentError(
                "json_schema allows no value that could be written: its assertions exclude each "
                "other; leave one of them out."
            ) from error

    @cached_property
    def after_space(self) -> Grammar:
        """The same texts, a space before them or not: what follows ``Assistant:`` in a chat."""
        name = " " + self._root  # no rule of a grammar is called so
        spaced = Sequence((Repeat(Literal(" "), 0, 1), Call(self._root)))
        return Grammar({**self._rules, name: spaced}, name)

    def matches(self, text: str | bytes) -> bool:
        """Whether this is a whole text of the grammar."""
        matcher = self._after(text)
        return matcher is not None and matcher.ending != CANNOT_END

    def begins(self, text: str | bytes) -> bool:
        """Whether a text of the grammar begins so.

        Examples
        --------
        >>> grammar = Grammar.gbnf('root ::= "yes" | "no"')
        >>> grammar.begins("ye"), grammar.begins("you")
        (True, False)
        """
        return self._after(text) is not None

    def _after(self, text: str | bytes) -> ReferenceMatcher | None:
        """Where a matcher stands after a text; ``None`` if no text of the grammar begins so."""
        matcher = ReferenceMatcher(self.program)
        try:
            matcher.feed(text.encode() if isinstance(text, str) else text)
        except (ArgumentError, UnicodeEncodeError):
            return None
        return matcher
