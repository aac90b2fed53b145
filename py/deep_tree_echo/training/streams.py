"""Parallel streams of tokens for truncated back-propagation through time.

A recurrent model that will read long texts must be trained on states that come
from long texts. So the streams walk through the packed documents window by
window, and the state is carried along (no gradient flows across). A chat begins
from a zero state, so every second stream jumps now and then to the start of
some document with a fresh state. The others read straight on: were all to jump,
the later parts of long documents would hardly ever be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Streams", "answers", "pack"]

TURN = re.compile(rb"Assistant:([^\0]*?(?:\n\nUser:|\0))")


def pack(documents: Iterable[str], encode: Callable[[bytes], Sequence[int]]) -> NDArray[np.uint16]:
    """Turn documents into one row of tokens.

    Parameters
    ----------
    documents : iterable of str
        Texts.
    encode : callable
        Bytes to token ids above 0 and below 65,536.

    Returns
    -------
    ndarray of uint16, shape (tokens,)
        Each document is followed by the token 0.
    """
    parts: list[NDArray[np.uint16]] = []
    end = np.zeros(1, np.uint16)
    for document in documents:
        parts += [np.array(encode(document.encode()), np.uint16), end]
    return np.concatenate(parts) if parts else end[:0]


def answers(tokens: NDArray[np.uint16], pieces: Sequence[bytes]) -> NDArray[np.bool_]:
    """Mark what the assistant says in packed dialogues, and that it then stops.

    Parameters
    ----------
    tokens : ndarray of uint16, shape (tokens,)
        From `pack`, of documents with turns ``User: ...`` and ``Assistant: ...``.
    pieces : sequence of bytes
        The bytes of every token.

    Returns
    -------
    ndarray of bool, shape (tokens,)
        True from what follows ``Assistant:`` to the next ``User:`` or the end.
    """
    lengths = np.array([max(1, len(piece)) for piece in pieces])[tokens]
    ends = np.cumsum(lengths)
    # The end of a text is a zero byte here, which no text has.
    whole = b"".join([pieces[token] or b"\0" for token in tokens])
    inside = np.zeros(len(whole), np.bool_)
    for found in TURN.finditer(whole):
        inside[found.start(1) : found.end(1)] = True
    return np.asarray(inside[ends - 1], np.bool_)


class Streams:
    """Windows of several streams over packed documents.

    Parameters
    ----------
    tokens : ndarray of uint16, shape (tokens,)
        From `pack`.
    batch : int
        Streams.
    window : int
        Tokens a window.
    jump : float
        Probability that a jumping stream (those of odd number) starts afresh at a
        window's border.
    seed : int
        Seed of the starting points and jumps.
    wanted : ndarray of bool, shape (tokens,), optional
        Tokens to learn; all of them if omitted.

    Attributes
    ----------
    learned : ndarray of bool, shape (batch, window)
        Which targets of the window last returned are to be learned.
    fresh : ndarray of bool, shape (batch,)
        Streams whose state must be reset before the window last returned.
    """

    def __init__(
        self,
        tokens: NDArray[np.uint16],
        batch: int,
        window: int,
        jump: float,
        seed: int,
        wanted: NDArray[np.bool_] | None = None,
    ) -> None:
        if len(tokens) <= window + 1:
            raise ValueError("There is less text than one window.")
        self.tokens, self.window, self.jump = tokens, window, jump
        self.wanted = np.ones(len(tokens), np.bool_) if wanted is None else wanted
        self.learned = np.ones((batch, window), np.bool_)
        self.random = np.random.default_rng(seed)
        starts = np.concatenate([[0], np.flatnonzero(tokens == 0) + 1])
        self.starts = starts[starts < len(tokens) - window - 1]
        self.position = self.random.choice(self.starts, batch)
        self.fresh = np.ones(batch, np.bool_)
        self._begun = False

    def next(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the next window of every stream and set `fresh`.

        Returns
        -------
        inputs, targets : ndarray of int32, shape (batch, window)
            The targets are the inputs moved on by one token.
        """
        batch = len(self.position)
        if self._begun:
            over = self.position + self.window + 1 > len(self.tokens)
            chance = np.where(np.arange(batch) % 2, self.jump, 0.0)
            self.fresh = (self.random.random(batch) < chance) | over
            target = self.random.choice(self.starts, batch)
            self.position = np.where(self.fresh, target, self.position)
        self._begun = True
        index = self.position[:, None] + np.arange(self.window + 1)
        rows = self.tokens[index].astype(np.int32)
        self.learned = self.wanted[index[:, 1:]]
        self.position = self.position + self.window
        return rows[:, :-1].copy(), rows[:, 1:].copy()

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as plain values."""
        return {
            "position": self.position.tolist(),
            "begun": self._begun,
            "random": self.random.bit_generator.state,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state taken by `state`.

        Parameters
        ----------
        state : dict
            From `state`, of streams over the same tokens.
        """
        self.position = np.array(state["position"], np.int64)
        self._begun = bool(state["begun"])
        self.random.bit_generator.state = state["random"]
