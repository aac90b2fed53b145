r"""A regular subset of JSON Schema's patterns (ECMA-262), as automata over characters.

Characters, classes, ``.``, ``\d \w \s`` and their opposites, groups without names, ``|``,
``* + ? {m,n}``, and ``^`` and ``$`` at the ends of the pattern's alternatives. ``\d \w \s`` are of
ASCII; so are their opposites and the complements of classes with them, and characters that are
left open are no control characters: every text written fits the pattern as others read it.
"""

from __future__ import annotations

import re

from ..errors import ArgumentError
from .expressions import (
    Alternatives,
    Characters,
    Expression,
    Literal,
    Machine,
    Ranges,
    Repeat,
    Sequence,
    complement,
    intersect,
    normalised,
)
from .minimal import minimised
from .nfa import MOST_STATES, Dfa, Nfa

__all__ = ["TEXT", "machine", "matching_both", "pattern_machine", "without"]

TEXT: Ranges = ((8, 10), (12, 13), (0x20, 0x7E), (0x80, 0xD7FF), (0xE000, 0x10FFFF))
"""What a text holds where nothing else is said: no control characters but JSON's short ones."""

_ASCII: Ranges = ((9, 10), (13, 13), (0x20, 0x7E))
_CLASSES: dict[str, Ranges] = {
    "d": ((0x30, 0x39),),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
    "s": ((9, 10), (13, 13), (0x20, 0x20)),
}
_LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_LETTERS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "0": 0}
_COUNT = re.compile(r"\{(\d{1,6})(,?)(\d{1,6})?\}")
_MOST_DEPTH = 50


def pattern_machine(pattern: str) -> Machine:
    """The texts in which a pattern is found.

    Raises
    ------
    ArgumentError
        If it is no pattern, or uses what is not supported.
    LimitError
        If it needs too many states.
    """
    return machine(_Reader(pattern).whole())


def machine(expression: Expression) -> Machine:
    """The automaton of an expression without calls."""
    nfa = Nfa(spelled=False)
    nfa.add(expression, nfa.first, nfa.last)
    return _as_machine(minimised(nfa.determined()))


def matching_both(a: Machine, b: Machine) -> Machine:
    """The texts of both."""
    numbers = {(0, 0): 0}
    pairs = [(0, 0)]
    product = Dfa()
    for left, right in pairs:
        edges = []
        for low, high, end in a.edges[left]:
            for other_low, other_high, other_end in b.edges[right]:
                first, last = max(low, other_low), min(high, other_high)
                if first > last:
                    continue
                pair = end, other_end
                if pair not in numbers:
                    if len(pairs) >= MOST_STATES:
                        raise ArgumentError(
                            f"A pattern and what else holds of its text need more than "
                            f"{MOST_STATES} states; simplify one of them."
                        )
                    numbers[pair] = len(pairs)
                    pairs.append(pair)
                edges.append((first, last, numbers[pair]))
        product.edges.append(sorted(edges))
        product.calls.append([])
        if left in a.final and right in b.final:
            product.final.add(numbers[left, right])
    return _as_machine(minimised(product))


def without(texts: list[str]) -> Machine:
    """Every text of `TEXT` but some."""
    edges: list[list[tuple[int, int, int]]] = [[], []]
    final = {1}
    edges[1] = [(low, high, 1) for low, high in TEXT]
    children: list[dict[int, int]] = [{}, {}]
    named: set[int] = set()
    for text in texts:
        at = 0
        for character in map(ord, text):
            if character not in children[at]:
                children[at][character] = len(edges)
                edges.append([])
                children.append({})
            at = children[at][character]
        named.add(at)
    for state in range(len(edges)):
        if state == 1:
            continue
        if state not in named:
            final.add(state)
        taken = normalised([(code, code) for code in children[state]])
        found = [(low, high, 1) for low, high in intersect(TEXT, complement(taken))]
        for code, end in children[state].items():
            if intersect(TEXT, ((code, code),)):
                found.append((code, code, end))
        edges[state] = sorted(found)
    return Machine(tuple(map(tuple, edges)), frozenset(final))


def _as_machine(dfa: Dfa) -> Machine:
    return Machine(tuple(map(tuple, dfa.edges)), frozenset(dfa.final))


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        anything = Repeat(Characters(TEXT))
        found = []
        while True:
            items: list[Expression] = []
            if not self._take("^"):
                items.append(anything)
            items.append(self._sequence())
            if not self._take("$"):
                items.append(anything)
            found.append(Sequence(tuple(items)))
            if not self._take("|"):
                break
        if self._at < len(self._pattern):
            raise self._unsupported(self._pattern[self._at])
        return Alternatives(tuple(found))

    def _alternatives(self) -> Expression:
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return Alternatives(tuple(found))

    def _sequence(self) -> Expression:
        items: list[Expression] = []
        while (here := self._here()) and here not in "|)$":
            items.append(self._repeated(self._item(here)))
        return Sequence(tuple(items))

    def _item(self, here: str) -> Expression:
        self._at += 1
        if here == "(":
            if self._take("?") and not self._take(":"):
                raise self._unsupported("(?" + self._here())
            self._depth += 1
            if self._depth > _MOST_DEPTH:
                raise self._unsupported(f"more than {_MOST_DEPTH} groups inside of each other")
            inner = self._alternatives()
            self._depth -= 1
            if not self._take(")"):
                raise self._unsupported("( without )")
            return inner
        if here == "[":
            return Characters(self._class())
        if here == ".":
            return Characters(intersect(TEXT, complement(_LINE_ENDS)))
        if here == "\\":
            found = self._escape()
            return Literal(chr(found)) if isinstance(found, int) else Characters(found)
        if here in "^*+?{}":
            raise self._unsupported(here)
        return Literal(here)

    def _repeated(self, item: Expression) -> Expression:
        if self._take("*"):
            item = Repeat(item)
        elif self._take("+"):
            item = Repeat(item, 1)
        elif self._take("?"):
            item = Repeat(item, 0, 1)
        elif self._here() == "{":
            match = _COUNT.match(self._pattern, self._at)
            if match is None or (match[3] and int(match[3]) < int(match[1])):
                raise self._unsupported("{")
            least = int(match[1])
            most = int(match[3]) if match[3] else None if match[2] else least
            self._at = match.end()
            if max(least, most or 0) > 10_000:
                raise self._unsupported(match[0])
            item = Repeat(item, least, most)
        else:
            return item
        # Which of several ways is tried first does not matter to what fits.
        self._take("?")
        if self._here() and self._here() in "*+?{":
            raise self._unsupported(self._here())
        return item

    def _class(self) -> Ranges:
        inverted = self._take("^")
        ascii_only = False
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = self._class_character()
            if not isinstance(low, int):
                ranges += low
                ascii_only = True
                continue
            high = low
            if self._here() == "-" and self._pattern[self._at + 1 :][:1] not in ("]", ""):
                self._at += 1
                upper = self._class_character()
                if not isinstance(upper, int) or upper < low:
                    raise self._unsupported("a range that is none")
                high = upper
            ranges.append((low, high))
        found = normalised(ranges)
        if inverted:
            found = intersect(_ASCII if ascii_only else TEXT, complement(found))
        return found

    def _class_character(self) -> int | Ranges:
        here = self._here()
        if not here:
            raise self._unsupported("[ without ]")
        self._at += 1
        if here == "\\":
            return 8 if self._take("b") else self._escape()
        return ord(here)

    def _escape(self) -> int | Ranges:
        letter = self._here()
        self._at += 1
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter and letter.lower() in _CLASSES:
            return intersect(_ASCII, complement(_CLASSES[letter.lower()]))
        if letter in _LETTERS:
            return _LETTERS[letter]
        if letter in ("x", "u"):
            digits = self._pattern[self._at :][: 2 if letter == "x" else 4]
            if re.fullmatch(r"[0-9A-Fa-f]{2}(?:[0-9A-Fa-f]{2})?", digits) and (
                len(digits) == (2 if letter == "x" else 4)
            ):
                code = int(digits, 16)
                if not 0xD800 <= code <= 0xDFFF:
                    self._at += len(digits)
                    return code
        elif letter and not letter.isalnum():
            return ord(letter)
        raise self._unsupported("\\" + letter)

    def _here(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self, text: str) -> bool:
        if self._pattern.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _unsupported(self, what: str) -> ArgumentError:
        return ArgumentError(
            f"pattern is {self._pattern!r:.80}; {what!r} near character {self._at} is not "
            "supported there; see the documentation of grammars for what is."
        )
