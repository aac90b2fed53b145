"""What tests of grammars share: texts drawn at random from a grammar, token by token."""

from __future__ import annotations

import random

import numpy as np
from deep_tree_echo import core
from deep_tree_echo.grammar import Grammar
from deep_tree_echo.grammar.matching import MUST_END, Matcher
from deep_tree_echo.grammar.reference import ReferenceMatcher
from numpy.typing import NDArray

N_VOCAB = 320
# Words that cut JSON and UTF-8 in rough places, over the 256 bytes.
WORDS = [
    '{"', '":', '": "', '", "', '"}', '"]', "}]", "}}", "]]", ", ", "[1", "[[", "true", "fals",
    "nul", "null}", "12", "00", "-1", ".5", "e-", '\\"', "\\n", "\\u00", "é", "ab", "abc", "aa",
    " a", "x y", "((", "))", "+1",
    # Long ones, which tell apart how much is left of a text of a bounded length.
    "aaaaaa", "aaaaaaaa", "abaaaaaabbbb", 'aaaaaa", "', "1111111", "éaéaéaé", "((((((((",
    "aaaaaa))",
]  # fmt: skip


def vocabulary() -> list[bytes]:
    """The tokens by number; 0 ends a text."""
    pieces = [b""] + [bytes([byte]) for byte in range(256)]
    pieces += [word.encode() for word in WORDS]
    # The middle of a character, a character and the beginning of the next, one of four bytes.
    pieces += [b"\xa9\xc3", b"\xe2\x98", b"\x98\xba", "😀".encode()]
    return pieces + [b""] * (N_VOCAB - len(pieces))


def tokenizer() -> core.Tokenizer:
    """The same vocabulary for libecho."""
    lines = [f"{i} {piece!r} {len(piece)}" for i, piece in enumerate(vocabulary()) if piece]
    return core.Tokenizer.world("\n".join(lines).encode())


def draw(matcher: Matcher, pieces: list[bytes], seed: int, most: int = 400) -> bytes | None:
    """A whole text, each token as likely as the others; ``None`` if it became too long.

    The longer it is, the likelier are the tokens that have ended texts before.
    """
    choose = random.Random(seed)
    logits = np.zeros(len(pieces), dtype=np.float32)
    text = b""
    for _ in range(most):
        if matcher.ending == MUST_END:
            return text
        masked, allowed, _ = matcher.mask(logits)
        tokens = np.flatnonzero(np.isfinite(masked))
        assert len(tokens) == allowed
        token = int(choose.choice(list(tokens)))
        if 0 in tokens and choose.random() < 0.3:
            token = 0
        if token == 0:
            return text
        # Closing brackets and quotes, so that it comes to an end.
        closing = [t for t in tokens if pieces[t] in (b'"', b"}", b"]", b")")]
        if closing and choose.random() < len(text) / 200:
            token = int(choose.choice(closing))
        matcher.accept(token)
        text += pieces[token]
    return None


def zeros(n: int = N_VOCAB) -> NDArray[np.float32]:
    """Logits of a model without an opinion."""
    return np.zeros(n, dtype=np.float32)


def reference(grammar: Grammar) -> ReferenceMatcher:
    """The matcher in plain Python, without masks."""
    return ReferenceMatcher(grammar.program)
