"""Following a text through a grammar in plain Python: what libecho's masks must equal.

It keeps every way of reading the text so far: a state of an automaton, and the states to return
to, the innermost last. libecho shares what ways have in common; here each is a tuple.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, LimitError
from .matching import CANNOT_END, MAY_END, MUST_END
from .program import Program

__all__ = ["ReferenceMatcher", "Vocabulary"]

_END_OF_TEXT = 0
_MOST_WAYS = 1024
_MOST_DEPTH = 10_000
_MOST_MASKS = 256  # of 64 kB each for a World model


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of having read the text."""

    state: int
    stack: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """All ways, and whether the text may end here."""

    ways: frozenset[_Way]
    may_end: bool


class _Node:
    """A place in the prefix tree of a vocabulary."""

    __slots__ = ("children", "token")

    def __init__(self) -> None:
        self.token = -1
        self.children: dict[int, _Node] = {}


class Vocabulary:
    """The tokens of a model as a prefix tree.

    Parameters
    ----------
    pieces : iterable of bytes
        The bytes of token 0, 1, ...; empty for those that stand for no text. Token 0 ends a text.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces = list(pieces)
        self.root = _Node()
        for token, piece in enumerate(self.pieces):
            if token == _END_OF_TEXT or not piece:
                continue
            node = self.root
            for byte in piece:
                node = node.children.setdefault(byte, _Node())
            node.token = token


class _Family:
    """What the clones of a matcher share."""

    def __init__(self, program: Program, vocabulary: Vocabulary | None) -> None:
        self.program = program
        self.vocabulary = vocabulary
        self.steps: dict[tuple[_Place, int], _Place | None] = {}
        self.masks: dict[_Place, NDArray[np.bool_]] = {}
        # Of a call that returns to such a state nothing is left to do.
        self.leaves = {s for s in program.final if not program.edges[s] and not program.calls[s]}

    def first(self) -> _Place:
        return self._place([], [_Way(self.program.starts[0], ())])

    def step(self, place: _Place, byte: int) -> _Place | None:
        """Where one more byte leads; ``None`` if it cannot follow."""
        if (place, byte) not in self.steps:
            moved = [
                _Way(following, way.stack)
                for way in place.ways
                for low, high, following in self.program.edges[way.state]
                if low <= byte <= high
            ]
            if len(self.steps) > 100_000:
                self.steps.clear()
            self.steps[place, byte] = self._place(moved, []) if moved else None
        return self.steps[place, byte]

    def _place(self, moved: list[_Way], entered: list[_Way]) -> _Place:
        """What all ways come to after returns and calls.

        A rule that was only entered does not return at once: a call reads at least one byte.
        """
        program = self.program
        may_end = any(way.state in program.final for way in entered)
        pending = [(way, True) for way in moved] + [(way, False) for way in entered]
        seen = set(pending)
        while pending:
            way, returns = pending.pop()
            further = []
            if returns and way.state in program.final:
                if way.stack:
                    further.append((_Way(way.stack[-1], way.stack[:-1]), True))
                else:
                    may_end = True
            for rule, following in program.calls[way.state]:
                stack = way.stack if following in self.leaves else (*way.stack, following)
                further.append((_Way(program.starts[rule], stack), False))
            for one in further:
                if one not in seen:
                    seen.add(one)
                    pending.append(one)
            if len(seen) > 2 * _MOST_WAYS or len(way.stack) > _MOST_DEPTH:
                raise LimitError(
                    f"The grammar can be read in more than {_MOST_WAYS} ways at once, or is "
                    f"{_MOST_DEPTH} rules deep; make it less ambiguous."
                )
        ways = frozenset(way for way, _ in seen if program.edges[way.state])
        return _Place(ways, may_end)

    def allowed(self, place: _Place, n_vocab: int) -> NDArray[np.bool_]:
        """The tokens that can follow."""
        if place not in self.masks:
            assert self.vocabulary is not None
            allowed = np.zeros(n_vocab, dtype=np.bool_)
            allowed[_END_OF_TEXT] = place.may_end
            pending = [(self.vocabulary.root, place)]
            while pending:
                node, here = pending.pop()
                for byte, child in node.children.items():
                    following = self.step(here, byte)
                    if following is not None:
                        if 0 < child.token < n_vocab:
                            allowed[child.token] = True
                        if child.children:
                            pending.append((child, following))
            if len(self.masks) >= _MOST_MASKS:
                self.masks.clear()
            self.masks[place] = allowed
        return self.masks[place]


class ReferenceMatcher:
    """Where a text stands in a grammar: a `Matcher` without libecho.

    Parameters
    ----------
    program : Program
        The grammar.
    vocabulary : Vocabulary, optional
        Without it there are no masks, and bytes only to read.

    Examples
    --------
    >>> from deep_tree_echo.grammar import Grammar
    >>> matcher = ReferenceMatcher(Grammar.gbnf('root ::= "a" "b"*').program)
    >>> matcher.ending, matcher.feed(b"ab"), matcher.ending
    (0, None, 1)
    >>> matcher.feed(b"bc")
    Traceback (most recent call last):
    ...
    deep_tree_echo.errors.ArgumentError: Byte 0x63 cannot follow the first 3 bytes of the text; \
the grammar does not allow it.
    """

    def __init__(self, program: Program, vocabulary: Vocabulary | None = None) -> None:
        self._family = _Family(program, vocabulary)
        self._place = self._family.first()
        self._n_bytes = 0

    @property
    def ending(self) -> int:
        """Whether the text may end here; see `Matcher`."""
        if not self._place.may_end:
            return CANNOT_END
        return MAY_END if self._place.ways else MUST_END

    def feed(self, text: bytes) -> None:
        """Reads bytes; see `Matcher`."""
        place = self._place
        for count, byte in enumerate(text, self._n_bytes):
            following = self._family.step(place, byte)
            if following is None:
                raise ArgumentError(
                    f"Byte 0x{byte:02x} cannot follow the first {count} bytes of the text; the "
                    "grammar does not allow it."
                )
            place = following
        self._place = place
        self._n_bytes += len(text)

    def accept(self, token: int) -> None:
        """Reads a token; see `Matcher`."""
        assert self._family.vocabulary is not None
        pieces = self._family.vocabulary.pieces
        if token == _END_OF_TEXT or not 0 < token < len(pieces) or not pieces[token]:
            raise ArgumentError(f"token {token} stands for no text; accept one that does.")
        self.feed(pieces[token])

    def mask(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], int, float]:
        """Forbids what cannot follow; see `Matcher`."""
        allowed = self._family.allowed(self._place, logits.size)
        count = int(np.count_nonzero(allowed))
        if not count:
            raise ArgumentError(
                f"No token of the vocabulary can follow the first {self._n_bytes} bytes of the "
                "text; choose a grammar that this model can write."
            )
        clean = np.where(np.isnan(logits), -np.inf, logits)
        with np.errstate(invalid="ignore"):
            weights = np.exp(clean - clean.max(), dtype=np.float64)
        total = weights.sum()
        kept = float(weights[allowed].sum() / total) if total > 0 else 0.0
        return np.where(allowed, logits, np.float32(-np.inf)), count, kept

    def clone(self) -> ReferenceMatcher:
        """Another one at the same place; both share what they have found out."""
        other = ReferenceMatcher.__new__(ReferenceMatcher)
        other._family = self._family
        other._place = self._place
        other._n_bytes = self._n_bytes
        return other
