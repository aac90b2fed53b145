"""An RWKV model of any architecture in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError
from ...formats.rwkv_file import find_architecture
from ...grammar.program import Program
from ...grammar.reference import ReferenceMatcher, Vocabulary
from ...sampling import SamplingSettings
from ...state import State, StateShape
from ...tokenids import checked_tokens
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
    make_tokenizer : callable
        Makes the tokenizer when it is first needed: a large vocabulary takes a second.

    Raises
    ------
    ModelFormatError
        If a tensor is missing or of the wrong shape.
    """

    def __init__(self, weights: Weights, make_tokenizer: Callable[[], Tokenizer]) -> None:
        header = weights.header
        self.architecture = find_architecture(weights.names())
        self.type = header.type.name
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
        self._make_tokenizer = make_tokenizer
        sizes = self._network.architecture
        self.state_shape = StateShape(
            self.architecture, self.n_layer, self.n_embed, sizes.n_head, sizes.head_size
        )
        self.n_head = sizes.n_head
        self.head_size = sizes.head_size
        self.state_bytes = 4 * self.state_shape.size
        self.weight_bytes = weights.nbytes
        self.fingerprint = ""
        """Which model it is, as `Model.fingerprint`; the loader knows."""

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return self._make_tokenizer()

    def encode(self, text: str | bytes) -> list[int]:
        """The tokens of a text."""
        if isinstance(text, str):
            text = text.encode("utf-8", "replace")
        return self._tokenizer.encode(text)

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some tokens; they need not be whole characters."""
        return self._tokenizer.decode(tokens)

    def fresh_state(self) -> State:
        """The state before the first token."""
        return State(self.state_shape, self._network.fresh_state().reshape(-1), self.fingerprint)

    def eval(
        self, tokens: Sequence[int] | NDArray[np.integer[Any]], state: State | None = None
    ) -> tuple[Floats, State]:
        """Reads tokens.

        Parameters
        ----------
        tokens : sequence of int
            At least one, each below ``n_vocab``.
        state : State, optional
            What was read before; a fresh state if not given. It is not changed.

        Returns
        -------
        ndarray of float32, shape (n_vocab,)
            The logits after the last token.
        State
            After the last token; libecho's models of this shape can go on from it.

        Raises
        ------
        ArgumentError
            For no tokens, one out of range or another model's state.
        """
        ids = checked_tokens(tokens, self.n_vocab)
        memory = self._begin(state)
        with np.errstate(over="ignore", under="ignore"):  # exp and silu saturate as they should
            for begin in range(0, len(ids), _TOKENS_AT_ONCE):
                x = self._embedding_norm(self._embedding(ids[begin : begin + _TOKENS_AT_ONCE]))
                x = self._network(x, memory)
            hidden = self._output_norm(x[-1:])
            logits = self._head(hidden)[0]
        self.hidden = hidden[0]
        return logits, State(self.state_shape, memory.reshape(-1), self.fingerprint)

    def new_sampler(self, settings: SamplingSettings) -> NumpySampler:
        """A sampler for one answer. ``settings.seed`` is a number."""
        return NumpySampler(settings, self.n_vocab)

    def new_matcher(self, program: Program) -> ReferenceMatcher:
        """Follows a text of this model's tokens through a grammar."""
        return ReferenceMatcher(program, self._vocabulary)

    @cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._tokenizer.decode([token]) for token in range(self.n_vocab))

    def _begin(self, state: State | None) -> Floats:
        """The memory to go on from, (n_layer, numbers of a layer), which may be overwritten."""
        if state is None:
            return self._network.fresh_state()
        if not isinstance(state, State):
            raise ArgumentError(
                f"state is of type {type(state).__name__}; give a State, such as "
                "State.from_numpy(model, array)."
            )
        if state.shape != self.state_shape:
            raise ArgumentError(
                f"state belongs to {state.shape}; this model is {self.state_shape}."
            )
        return state.to_numpy().reshape(self._network.state_shape)
