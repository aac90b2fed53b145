"""An RWKV model of any architecture in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError
from ...formats.rwkv_file import find_architecture
from ...sampling import SamplingSettings
from . import v4, v5, v6, v7
from .layers import LayerNorm
from .network import Architecture, Network
from .sampler import NumpySampler
from .tokenizer import Tokenizer
from .weights import Floats, Weights

_ARCHITECTURES: dict[str, Callable[[Weights], Architecture]] = {
    "4.0": v4.architecture,
    "5.1": v5.architecture,
    "5.2": v5.architecture,
    "6.0": v6.architecture,
    "7.0": v7.architecture,
}

_TOKENS_AT_ONCE = 64
"""Tokens of a sequence that go through the network together."""


class NumpyModel:
    """Evaluates tokens; the mathematics and the states are those of libecho.

    Parameters
    ----------
    weights : Weights
        The tensors of a file; spent afterwards.
    tokenizer : Tokenizer
        Turns text into tokens.

    Raises
    ------
    ModelFormatError
        If a tensor is missing or of the wrong shape.
    """

    def __init__(self, weights: Weights, tokenizer: Tokenizer) -> None:
        header = weights.header
        self.architecture = find_architecture(weights.names())
        self.n_vocab = header.n_vocab
        self.n_embed = header.n_embed
        self.n_layer = header.n_layer
        self.hidden: Floats | None = None
        """(n_embed,) after the last layer norm, of the last token evaluated."""
        self._embedding = weights.table("emb.weight", header.n_vocab, header.n_embed)
        self._embedding_norm = LayerNorm.bind(weights, "blocks.0.ln0", header.n_embed)
        self._network = Network(weights, _ARCHITECTURES[self.architecture](weights))
        self._output_norm = LayerNorm.bind(weights, "ln_out", header.n_embed)
        self._head = weights.matrix("head.weight", header.n_vocab, header.n_embed)
        self._tokenizer = tokenizer
        rows, columns = self._network.state_shape
        self.state_size = rows * columns
        self.n_head = self._network.architecture.n_head
        self.head_size = self._network.architecture.head_size
        self.weight_bytes = weights.nbytes

    def encode(self, text: str | bytes) -> list[int]:
        """The tokens of a text."""
        if isinstance(text, str):
            text = text.encode("utf-8", "replace")
        return self._tokenizer.encode(text)

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some tokens; they need not be whole characters."""
        return self._tokenizer.decode(tokens)

    def fresh_state(self) -> Floats:
        """The state before the first token: (state_size,) float32."""
        return self._network.fresh_state().ravel()

    def eval(
        self, tokens: Sequence[int], state: NDArray[Any] | None = None
    ) -> tuple[Floats, Floats]:
        """Reads tokens.

        Parameters
        ----------
        tokens : sequence of int
            At least one, each below ``n_vocab``.
        state : ndarray of float32, shape (state_size,), or None
            What was read before; never changed. ``None``: nothing.

        Returns
        -------
        ndarray of float32, shape (n_vocab,)
            The logits after the last token.
        ndarray of float32, shape (state_size,)
            The state after it.

        Raises
        ------
        ArgumentError
            For no tokens, one out of range or a state of another size.
        """
        ids = self._check_tokens(tokens)
        memory = self._copy_state(state)
        with np.errstate(over="ignore", under="ignore"):  # exp and silu saturate as they should
            for begin in range(0, len(ids), _TOKENS_AT_ONCE):
                x = self._embedding_norm(self._embedding(ids[begin : begin + _TOKENS_AT_ONCE]))
                x = self._network(x, memory)
            hidden = self._output_norm(x[-1:])
            logits = self._head(hidden)[0]
        self.hidden = hidden[0]
        return logits, memory.ravel()

    def new_sampler(self, settings: SamplingSettings) -> NumpySampler:
        """A sampler for one answer. ``settings.seed`` is a number."""
        return NumpySampler(settings, self.n_vocab)

    def _check_tokens(self, tokens: Sequence[int]) -> NDArray[np.int64]:
        ids = np.asarray(tokens)
        if ids.ndim != 1 or not len(ids) or ids.dtype.kind not in "iu":
            raise ArgumentError("tokens must be a sequence of at least one token id.")
        wrong = ids[(ids < 0) | (ids >= self.n_vocab)]
        if len(wrong):
            raise ArgumentError(
                f"token {wrong[0]} is not in this vocabulary; ids go from 0 to {self.n_vocab - 1}."
            )
        return ids.astype(np.int64)

    def _copy_state(self, state: NDArray[Any] | None) -> Floats:
        if state is None:
            return self._network.fresh_state()
        if state.size != self.state_size:
            raise ArgumentError(
                f"state has {state.size} numbers; this model's states have {self.state_size}."
            )
        return np.array(state, np.float32).reshape(self._network.state_shape)
