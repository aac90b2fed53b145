"""RWKV 4, "Dove" (Peng et al. 2023, arXiv:2305.13048).

T is tokens, C channels, F the width of the channel mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from .layers import shifted, sigmoid, squared_relu
from .network import Architecture
from .weights import Floats, Matrix, Weights

_NOTHING = -1e30  # the exponent of an empty sum


@dataclass(frozen=True, slots=True)
class TimeMix:
    """The WKV average: values weighted by exp(key), older ones less by a rate of each channel."""

    mix: Floats  # (3, 1, C): token shift of k, v, r
    decay: Floats  # (C,), what a token takes from the exponent; negative
    first: Floats  # (C,), what the current token's exponent gains
    key: Matrix  # C -> C
    value: Matrix  # C -> C
    receptance: Matrix  # C -> C
    output: Matrix  # C -> C

    @classmethod
    def bind(cls, weights: Weights, layer: int) -> TimeMix:
        """The time mix of one layer."""
        width = weights.header.n_embed
        at = f"blocks.{layer}.att."
        mix = [weights.vector(f"{at}time_mix_{letter}", 1, width) for letter in "kvr"]
        return cls(
            mix=np.stack(mix),
            decay=weights.vector(f"{at}time_decay", width),
            first=weights.vector(f"{at}time_first", width),
            key=weights.matrix(f"{at}key.weight", width, width),
            value=weights.matrix(f"{at}value.weight", width, width),
            receptance=weights.matrix(f"{at}receptance.weight", width, width),
            output=weights.matrix(f"{at}output.weight", width, width),
        )

    def __call__(self, x: Floats, last: Floats, state: Floats, carry: Floats) -> Floats:
        """As `network.TimeMix`; ``state`` (3, C) holds the rows aa, bb, pp.

        The paper's sums are aa exp(pp) and bb exp(pp), written so that neither overflows.
        """
        before = shifted(x, last)
        xk, xv, xr = before + (x - before) * self.mix
        k = self.key(xk)
        v = self.value(xv)
        r = sigmoid(self.receptance(xr))
        now = k + self.first
        aa, bb, pp = state
        y = np.empty_like(v)
        for t in range(len(x)):
            top = np.maximum(pp, now[t])
            old, new = np.exp(pp - top), np.exp(now[t] - top)
            y[t] = (old * aa + new * v[t]) / (old * bb + new)
            pp = pp + self.decay
            top = np.maximum(pp, k[t])
            old, new = np.exp(pp - top), np.exp(k[t] - top)
            aa = old * aa + new * v[t]
            bb = old * bb + new
            pp = top
        state[0], state[1], state[2] = aa, bb, pp
        r *= y
        return self.output(r)


@dataclass(frozen=True, slots=True)
class ChannelMix:
    """A gated two-layer network on each token and its predecessor."""

    mix_name: ClassVar[str] = "time_mix"

    mix: Floats  # (2, 1, C): token shift of k, r
    key: Matrix  # C -> F
    value: Matrix  # F -> C
    receptance: Matrix  # C -> C

    @classmethod
    def bind(cls, weights: Weights, layer: int) -> Self:
        """The channel mix of one layer."""
        width = weights.header.n_embed
        at = f"blocks.{layer}.ffn."
        hidden = weights.shape(f"{at}key.weight", 2)[0]
        mix = [weights.vector(f"{at}{cls.mix_name}_{letter}", 1, width) for letter in "kr"]
        return cls(
            mix=np.stack(mix),
            key=weights.matrix(f"{at}key.weight", hidden, width),
            value=weights.matrix(f"{at}value.weight", width, hidden),
            receptance=weights.matrix(f"{at}receptance.weight", width, width),
        )

    def __call__(self, x: Floats, last: Floats) -> Floats:
        """X (T, C) after the layer norm -> (T, C); ``last`` (C,) is overwritten."""
        before = shifted(x, last)
        xk, xr = before + (x - before) * self.mix
        y = self.value(squared_relu(self.key(xk)))
        y *= sigmoid(self.receptance(xr))
        return y


def architecture(weights: Weights) -> Architecture:
    """RWKV 4 with the sizes of ``weights``; its memory is the rows aa, bb and pp."""
    return Architecture(
        n_head=0,
        head_size=0,
        memory=(3, weights.header.n_embed),
        fresh=np.array([[0], [0], [_NOTHING]], np.float32),
        time_mix=TimeMix.bind,
        channel_mix=ChannelMix.bind,
    )
