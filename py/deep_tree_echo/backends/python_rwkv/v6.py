"""RWKV 6, "Finch" (Peng et al. 2024, arXiv:2404.05892).

T is tokens, C channels, H heads, N = C / H the head size, F the width of the channel mix, M the
rank of the token shift and D that of the decay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import v4
from .layers import GroupNorm, shifted, sigmoid, squared_relu
from .network import Architecture, head_size
from .v5 import recur
from .weights import Floats, Matrix, Weights

_GROUP_EPSILON = 64e-5


@dataclass(frozen=True, slots=True)
class TimeMix:
    """As RWKV 5, with a token shift and a decay that depend on the data."""

    mix_first: Floats  # (C,), token shift of the shift's own input
    mix: Floats  # (5, 1, C): token shift of w, k, v, r, g, before the data
    shift_down: Matrix  # C -> 5 M
    shift_up: Floats  # (5, M, C)
    decay: Floats  # (C,), before the data
    decay_down: Matrix  # C -> D
    decay_up: Matrix  # D -> C
    first: Floats  # (H, N), the bonus of the current token
    key: Matrix  # C -> C
    value: Matrix  # C -> C
    receptance: Matrix  # C -> C
    gate: Matrix  # C -> C
    output: Matrix  # C -> C
    norm: GroupNorm  # ln_x

    @classmethod
    def bind(cls, weights: Weights, layer: int, heads: int, size: int) -> TimeMix:
        """The time mix of one layer."""
        width = weights.header.n_embed
        at = f"blocks.{layer}.att."
        shift_rank = weights.shape(f"{at}time_maa_w2", 3)[2]
        decay_rank = weights.shape(f"{at}time_decay_w1", 2)[0]
        mix = [weights.vector(f"{at}time_maa_{letter}", 1, width) for letter in "wkvrg"]
        shift_up = weights.vector(f"{at}time_maa_w2", 5, width, shift_rank)
        return cls(
            mix_first=weights.vector(f"{at}time_maa_x", width),
            mix=np.stack(mix),
            shift_down=weights.matrix(f"{at}time_maa_w1", 5 * shift_rank, width),
            shift_up=shift_up.transpose(0, 2, 1),
            decay=weights.vector(f"{at}time_decay", width),
            decay_down=weights.matrix(f"{at}time_decay_w1", decay_rank, width),
            decay_up=weights.matrix(f"{at}time_decay_w2", width, decay_rank),
            first=weights.vector(f"{at}time_faaaa", heads, size),
            key=weights.matrix(f"{at}key.weight", width, width),
            value=weights.matrix(f"{at}value.weight", width, width),
            receptance=weights.matrix(f"{at}receptance.weight", width, width),
            gate=weights.matrix(f"{at}gate.weight", width, width),
            output=weights.matrix(f"{at}output.weight", width, width),
            norm=GroupNorm.bind(weights, f"{at}ln_x", width, _GROUP_EPSILON),
        )

    def __call__(self, x: Floats, last: Floats, state: Floats, carry: Floats) -> Floats:
        """As `network.TimeMix`; ``state`` (H, N, N)."""
        heads = (len(x), *state.shape[:2])  # (T, H, N)
        delta = shifted(x, last) - x
        shift = np.tanh(self.shift_down(x + delta * self.mix_first))
        shift = shift.reshape(len(x), 5, -1).transpose(1, 0, 2) @ self.shift_up  # (5, T, C)
        shift += self.mix
        shift *= delta
        shift += x
        xw, xk, xv, xr, xg = shift

        r = self.receptance(xr).reshape(heads)
        k = self.key(xk).reshape(heads)
        v = self.value(xv).reshape(heads)
        g = self.gate(xg)
        w = self.decay_up(np.tanh(self.decay_down(xw)))
        w += self.decay
        w = np.exp(-np.exp(w))

        y = recur(state, r, w.reshape(*heads, 1), k, v)
        y = y + np.add.reduce(r * k * self.first, axis=-1, keepdims=True) * v
        y = self.norm(y)
        y *= g
        y *= sigmoid(g)
        return self.output(y)


class ChannelMix(v4.ChannelMix):
    """RWKV 4's, with a token shift that is counted from the token itself."""

    __slots__ = ()
    mix_name = "time_maa"

    def __call__(self, x: Floats, last: Floats) -> Floats:
        """X (T, C) after the layer norm -> (T, C); ``last`` (C,) is overwritten."""
        xk, xr = x + (shifted(x, last) - x) * self.mix
        y = self.value(squared_relu(self.key(xk)))
        y *= sigmoid(self.receptance(xr))
        return y


def architecture(weights: Weights) -> Architecture:
    """RWKV 6 with the sizes of ``weights``; its memory is indexed (head, key, value)."""
    n_head = weights.shape("blocks.0.att.time_faaaa", 3)[0]
    size = head_size(weights.header.n_embed, n_head)
    return Architecture(
        n_head=n_head,
        head_size=size,
        memory=(n_head, size, size),
        fresh=np.zeros((), np.float32),
        time_mix=lambda weights, layer: TimeMix.bind(weights, layer, n_head, size),
        channel_mix=ChannelMix.bind,
    )
