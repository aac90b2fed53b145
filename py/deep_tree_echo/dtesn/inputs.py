r"""What drives the membranes: the hidden states of a language model, or bare bytes.

With a model, token \(t\) gives its hidden vector \(h_t\) after the last layer norm, and the
reservoirs get \(u_t = P\,h_t / \mathrm{rms}(h_t)\), with a fixed random matrix \(P\) of normal
numbers of the variance 1/width: numbers of about unit variance whose distances are those of the
hidden vectors (Johnson and Lindenstrauss 1984).

Without a model the tokens are the bytes of the text, and \(u_t\) is row \(b_t\) of a fixed random
matrix of +1 and -1. Nothing is known of language then, and the result says so.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, BackendError
from ..hidden import hidden_of
from .draws import Draws

if TYPE_CHECKING:
    from ..state import State

__all__ = ["Bytes", "Feed", "HiddenStates", "LanguageModel", "as_bytes", "projected", "text_of"]

MAX_NESTING = 100
"""How deep lists and dicts may lie in each other: WebAssembly's stack is small."""

Floats = NDArray[np.float64]
InputData = str | bytes | dict[str, Any] | list[Any]


class LanguageModel(Protocol):
    """What is asked of a model: `Model`, or the same in NumPy."""

    n_embed: int
    n_vocab: int

    def encode(self, text: str | bytes) -> list[int]:
        """The tokens of a text."""

    def eval(
        self, tokens: Sequence[int], state: State | None = None
    ) -> tuple[NDArray[np.float32], State]:
        """The (n_vocab,) logits after some tokens, and the state."""


class Feed(ABC):
    """An input on its way into the reservoirs, token by token."""

    kind: str
    """``hidden_states`` or ``bytes``."""
    total: int
    """How many tokens there are."""
    done: int = 0
    """How many have been given out."""

    @abstractmethod
    def take(self, count: int) -> tuple[Floats, list[float]]:
        """The (T, n) vectors of the next tokens, and what the model's surprise at them was.

        The surprise is the negative binary logarithm of the probability that the model gave the
        token; there is none for the first token and without a model.
        """


class Bytes(Feed):
    """The bytes of a text as random vectors of +1 and -1.

    Examples
    --------
    >>> vectors, surprises = Bytes(b"abab", n=8, seed=1).take(4)
    >>> vectors.shape, surprises, bool((vectors[0] == vectors[2]).all())
    ((4, 8), [], True)
    """

    kind = "bytes"

    def __init__(self, data: bytes, n: int, seed: int) -> None:
        self._data = np.frombuffer(data, dtype=np.uint8)
        self._vectors = _signs(n, seed)
        self.total = len(self._data)

    def take(self, count: int) -> tuple[Floats, list[float]]:
        """The vectors of the next bytes."""
        part = self._data[self.done : self.done + count]
        self.done += len(part)
        return self._vectors[part], []


class HiddenStates(Feed):
    """The projected hidden states of a language model that reads the input."""

    kind = "hidden_states"

    def __init__(self, model: LanguageModel, tokens: Sequence[int], n: int, seed: int) -> None:
        self._model = model
        self._tokens = tokens
        self._n, self._seed = n, seed
        self._state: State | None = None
        self._logits: NDArray[np.float32] | None = None
        self.total = len(tokens)

    def take(self, count: int) -> tuple[Floats, list[float]]:
        """Lets the model read the next tokens.

        Raises
        ------
        BackendError
            If the model gives no finite numbers.
        """
        part = self._tokens[self.done : self.done + count]
        hidden = np.empty((len(part), self._model.n_embed))
        surprises = []
        state, logits = self._state, self._logits
        for i, token in enumerate(part):
            if logits is not None:
                surprises.append(_surprise(logits, token))
            logits, state = self._model.eval([token], state)
            hidden[i] = hidden_of(self._model)
        if not np.isfinite(hidden).all() or not np.isfinite(surprises).all():
            raise BackendError(
                f"the engine gives numbers that are not finite after token {self.done + 1}; its "
                "model is damaged, load another one."
            )
        self._state, self._logits = state, logits
        self.done += len(part)
        return projected(hidden, self._n, self._seed), surprises


def projected(hidden: NDArray[np.floating[Any]], n: int, seed: int) -> Floats:
    """(T, n): what (T, n_embed) hidden vectors give the reservoirs."""
    scale = np.sqrt(np.mean(hidden * hidden, axis=1, keepdims=True))
    vectors: Floats = (hidden / np.maximum(scale, 1e-12)) @ _projection(hidden.shape[1], n, seed)
    return vectors


def text_of(input_data: InputData) -> str:
    r"""An input as text.

    Parameters
    ----------
    input_data : str, bytes, dict or list
        A text; bytes, of which those that are no UTF-8 are written as ``\xff``; or what JSON can
        hold, which becomes JSON without blanks and with sorted keys.

    Raises
    ------
    ArgumentError
        If it is nothing of that, or empty.

    Examples
    --------
    >>> text_of({"b": [1, 2], "a": None})
    '{"a":null,"b":[1,2]}'
    """
    if isinstance(input_data, str):
        text = input_data
    elif isinstance(input_data, (bytes, bytearray, memoryview)):
        text = bytes(input_data).decode("utf-8", "backslashreplace")
    elif isinstance(input_data, (dict, list)):
        _check_nesting(input_data)
        try:
            text = json.dumps(
                input_data,
                sort_keys=True,
                ensure_ascii=False,
                allow_nan=False,
                separators=(",", ":"),
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise ArgumentError(f"input_data cannot be written as JSON: {error}.") from None
    else:
        raise ArgumentError(
            f"input_data is of type {type(input_data).__name__}; give text, bytes, a dict or a "
            "list."
        )
    if not text:
        raise ArgumentError(f"input_data is {input_data!r}; give at least one character.")
    return text


def as_bytes(input_data: InputData) -> bytes:
    """The same as bytes, which is what is read.

    Raises
    ------
    ArgumentError
        As `text_of`, and for half of a surrogate pair.
    """
    text = text_of(input_data)
    if isinstance(input_data, (bytes, bytearray, memoryview)):
        return bytes(input_data)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ArgumentError(
            f"input_data has the lone surrogate {text[error.start]!r} at position {error.start}; "
            "it is no character, leave it out."
        ) from None


def _check_nesting(value: dict[Any, Any] | list[Any]) -> None:
    """Raises an `ArgumentError` for what is too deep for the stack of every engine.

    A level at a time, and each object once: so a list that holds itself ends, too.
    """
    level: list[Any] = [value]
    seen: set[int] = set()
    for _ in range(MAX_NESTING):
        inside = [one.values() if isinstance(one, dict) else one for one in level]
        level = [one for part in inside for one in part if isinstance(one, (dict, list, tuple))]
        level = [one for one in level if id(one) not in seen]
        seen.update(map(id, level))
        if not level:
            return
    raise ArgumentError(
        f"input_data has lists or dicts more than {MAX_NESTING} deep in each other; flatten it."
    )


def _surprise(logits: NDArray[np.float32], token: int) -> float:
    """The bits that a token costs under the (n_vocab,) logits."""
    shifted = logits.astype(np.float64) - float(logits.max())
    return float(np.log(np.exp(shifted).sum()) - shifted[token]) / float(np.log(2.0))


@lru_cache(maxsize=8)
def _projection(width: int, n: int, seed: int) -> Floats:
    """(width, n) normal numbers of the variance 1/width."""
    found: Floats = Draws(seed).normal(width * n).reshape(width, n) / width**0.5
    return found


@lru_cache(maxsize=8)
def _signs(n: int, seed: int) -> Floats:
    """(256, n) numbers, each +1 or -1."""
    return np.where(Draws(seed).uniform(256 * n) < 0.5, -1.0, 1.0).reshape(256, n)
