"""Grammars at random, in GBNF and in the notation of lark, which reads what was written."""

from __future__ import annotations

import random

_LETTERS = "abcé(),1"


class Grammars:
    """Draws grammars without left recursion whose rules can all end."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._gbnf: list[str] = []
        self._lark: list[str] = []

    def both(self) -> tuple[str, str]:
        """One grammar in GBNF and in lark's notation."""
        n_rules = self._random.randint(1, 6)
        for rule in range(n_rules):
            name = "root" if rule == 0 else f"r{rule}"
            gbnf, lark = self._alternatives(rule, n_rules, 2)
            self._gbnf.append(f"{name} ::= {gbnf}")
            self._lark.append(f"{name}: {lark}")
        return "\n".join(self._gbnf), "\n".join(self._lark)

    def _alternatives(self, rule: int, n_rules: int, depth: int) -> tuple[str, str]:
        # The first needs no rule before this one, so that there is an end.
        some = [
            self._sequence(rule, n_rules, depth, i > 0) for i in range(self._random.randint(1, 3))
        ]
        return " | ".join(gbnf for gbnf, _ in some), " | ".join(lark for _, lark in some)

    def _sequence(self, rule: int, n_rules: int, depth: int, back: bool) -> tuple[str, str]:
        items = [self._text()]
        for _ in range(self._random.randint(0, 3)):
            items.append(self._item(rule, n_rules, depth, back))
        return " ".join(gbnf for gbnf, _ in items), " ".join(lark for _, lark in items)

    def _text(self) -> tuple[str, str]:
        text = "".join(self._random.choice(_LETTERS) for _ in range(self._random.randint(1, 3)))
        return f'"{text}"', f'"{text}"'

    def _item(self, rule: int, n_rules: int, depth: int, back: bool) -> tuple[str, str]:
        choice = self._random.randrange(6)
        if choice == 0:
            return "[a-c1]", "/[a-c1]/"
        if choice == 1:
            return "[^a-cé]", "/[^a-cé]/s"
        if choice == 2 and depth:
            gbnf, lark = self._alternatives(rule, n_rules, depth - 1)
            gbnf, lark = f"({gbnf})", self._named(lark)
        elif choice == 3:
            # Behind a text, so a rule before this one does not begin with itself.
            called = self._random.randrange(0 if back else rule + 1, n_rules + 1)
            if called == n_rules:
                return self._text()
            gbnf = lark = "root" if called == 0 else f"r{called}"
        else:
            gbnf, lark = self._text()
        repeat = self._random.randrange(6)
        if repeat == 0:
            return f"{gbnf}?", self._named(f"{lark} | ")
        if repeat == 1:
            return f"{gbnf}*", self._named(f"{lark} %s | ")
        if repeat == 2:
            return f"{gbnf}{{1,3}}", self._named(f"{lark} | {lark} {lark} | {lark} {lark} {lark}")
        return gbnf, lark

    def _named(self, lark: str) -> str:
        """A rule of its own: lark multiplies out what is optional within one. %s is itself."""
        name = f"s{len(self._lark)}"
        self._lark.append(f"{name}: {lark.replace('%s', name)}")
        return name
