"""The residual network around the mixes, the same in every architecture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ...errors import ModelFormatError
from .layers import LayerNorm
from .weights import Floats, Weights


class TimeMix(Protocol):
    """Reads a token in the light of all earlier ones."""

    def __call__(self, x: Floats, last: Floats, state: Floats, carry: Floats) -> Floats:
        """One layer's time mix.

        Parameters
        ----------
        x : (T, C)
            After the layer norm.
        last : (C,)
            The token shift's memory; overwritten.
        state : `Architecture.memory`
            The recurrence's memory; overwritten.
        carry : (T, C)
            Handed from layer to layer; of use in RWKV 7 only.

        Returns
        -------
        (T, C)
            What is added to the residual stream.
        """


class ChannelMix(Protocol):
    """Works on each token and its predecessor."""

    def __call__(self, x: Floats, last: Floats) -> Floats:
        """X (T, C) after the layer norm -> (T, C); ``last`` (C,) is overwritten."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What `Network` needs to know of an architecture, for the sizes of one model.

    Parameters
    ----------
    n_head, head_size : int
        Heads of the time mix; 0 for RWKV 4, which has none.
    memory : tuple of int
        The shape of the recurrence's memory in one layer.
    fresh : float32 array
        Of that shape, or broadcast to it: the memory before the first token.
    time_mix, channel_mix
        Bind the mixes of one layer to its weights.
    """

    n_head: int
    head_size: int
    memory: tuple[int, ...]
    fresh: Floats
    time_mix: Callable[[Weights, int], TimeMix]
    channel_mix: Callable[[Weights, int], ChannelMix]


def head_size(width: int, n_head: int) -> int:
    """Channels of one of ``n_head`` heads.

    Raises
    ------
    ModelFormatError
        If the heads do not share ``width`` evenly.
    """
    if width % n_head:
        raise ModelFormatError(
            f"{n_head} heads cannot share the {width} channels of this model evenly; the file is "
            "damaged, fetch it again."
        )
    return width // n_head


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: two norms and two mixes."""

    time_norm: LayerNorm
    time_mix: TimeMix
    channel_norm: LayerNorm
    channel_mix: ChannelMix


class Network:
    """All layers of a model, between its embedding and its head.

    Parameters
    ----------
    weights : Weights
        Where the tensors are taken from.
    architecture : Architecture
        That of the weights.

    Notes
    -----
    A state is (n_layer, 2 C + memory): in each layer the last inputs of the time mix and of the
    channel mix, and then the recurrence's memory.
    """

    def __init__(self, weights: Weights, architecture: Architecture) -> None:
        width = weights.header.n_embed
        self.architecture = architecture
        self.state_shape = (
            weights.header.n_layer,
            2 * width + math.prod(architecture.memory),
        )
        self._width = width
        self._layers = [
            Layer(
                time_norm=LayerNorm.bind(weights, f"blocks.{index}.ln1", width),
                time_mix=architecture.time_mix(weights, index),
                channel_norm=LayerNorm.bind(weights, f"blocks.{index}.ln2", width),
                channel_mix=architecture.channel_mix(weights, index),
            )
            for index in range(weights.header.n_layer)
        ]

    def fresh_state(self) -> Floats:
        """The state before the first token, of shape ``state_shape``."""
        state = np.zeros(self.state_shape, np.float32)
        fresh = np.broadcast_to(self.architecture.fresh, self.architecture.memory)
        state[:, 2 * self._width :] = fresh.ravel()
        return state

    def __call__(self, x: Floats, state: Floats) -> Floats:
        """X (T, C), the embedded tokens, -> (T, C); both arguments are overwritten."""
        width = self._width
        carry = np.empty_like(x)
        for layer, row in zip(self._layers, state, strict=True):
            memory = row[2 * width :].reshape(self.architecture.memory)
            x += layer.time_mix(layer.time_norm(x), row[:width], memory, carry)
            x += layer.channel_mix(layer.channel_norm(x), row[width : 2 * width])
        return x
