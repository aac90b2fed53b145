"""RWKV 7, "Goose" (Peng et al. 2025, arXiv:2503.14456).

T is tokens, C channels, H heads, N = C / H the head size, F the width of the channel mix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .layers import GroupNorm, shifted, sigmoid, squared_relu
from .network import Architecture, head_size
from .weights import Floats, Matrix, Weights

_GROUP_EPSILON = 64e-5
_SLOWEST = np.float32(-math.exp(-0.5))  # no channel decays faster than exp(-exp(-0.5)) a token


@dataclass(frozen=True, slots=True)
class LowRank:
    """A map through a few dimensions with a bias: bias + second(first(x))."""

    bias: Floats  # (C,)
    first: Matrix  # C -> rank
    second: Matrix  # rank -> C

    @classmethod
    def bind(cls, weights: Weights, name: str, width: int) -> LowRank:
        """The map whose tensors are called ``name`` and 0, 1, 2."""
        rank = weights.shape(f"{name}1", 2)[0]
        return cls(
            weights.vector(f"{name}0", width),
            weights.matrix(f"{name}1", rank, width),
            weights.matrix(f"{name}2", width, rank),
        )

    def __call__(self, x: Floats) -> Floats:
        """X (T, C) -> (T, C)."""
        y = self.second(self.first(x))
        y += self.bias
        return y


@dataclass(frozen=True, slots=True)
class TimeMix:
    """The generalised delta rule: a state that forgets by channel and replaces by key."""

    mix: Floats  # (6, 1, C): token shift of r, w, k, v, a, g
    decay: LowRank  # w
    rate: LowRank  # a, the in-context learning rate
    residual: LowRank | None  # v, how much of the first layer's value; None in that layer
    gate_first: Matrix  # C -> rank
    gate_second: Matrix  # rank -> C
    key_removal: Floats  # (C,), k_k
    key_rate: Floats  # (C,), k_a
    bonus: Floats  # (H, N), r_k
    receptance: Matrix  # C -> C
    key: Matrix  # C -> C
    value: Matrix  # C -> C
    output: Matrix  # C -> C
    norm: GroupNorm  # ln_x

    @classmethod
    def bind(cls, weights: Weights, layer: int, heads: int) -> TimeMix:
        """The time mix of one layer."""
        width = weights.header.n_embed
        at = f"blocks.{layer}.att."
        gate_rank = weights.shape(f"{at}g1", 2)[0]
        return cls(
            mix=weights.vector(f"{at}x_rwkvag", 6, 1, width),
            decay=LowRank.bind(weights, f"{at}w", width),
            rate=LowRank.bind(weights, f"{at}a", width),
            residual=LowRank.bind(weights, f"{at}v", width) if layer else None,
            gate_first=weights.matrix(f"{at}g1", gate_rank, width),
            gate_second=weights.matrix(f"{at}g2", width, gate_rank),
            key_removal=weights.vector(f"{at}k_k", width),
            key_rate=weights.vector(f"{at}k_a", width),
            bonus=weights.vector(f"{at}r_k", heads, width // heads),
            receptance=weights.matrix(f"{at}receptance.weight", width, width),
            key=weights.matrix(f"{at}key.weight", width, width),
            value=weights.matrix(f"{at}value.weight", width, width),
            output=weights.matrix(f"{at}output.weight", width, width),
            norm=GroupNorm.bind(weights, f"{at}ln_x", width, _GROUP_EPSILON),
        )

    def __call__(self, x: Floats, last: Floats, state: Floats, carry: Floats) -> Floats:
        """As `network.TimeMix`; ``state`` (H, N, N), ``carry`` the first layer's values."""
        heads = (len(x), *self.bonus.shape)  # (T, H, N)
        xr, xw, xk, xv, xa, xg = x + (shifted(x, last) - x) * self.mix

        r = self.receptance(xr)
        k = self.key(xk)
        v = self.value(xv)
        w = self.decay.second(np.tanh(self.decay.first(xw)))
        w += self.decay.bias
        w = np.exp(sigmoid(w) * _SLOWEST)
        a = sigmoid(self.rate(xa))
        g = self.gate_second(sigmoid(self.gate_first(xg)))
        if self.residual is None:
            carry[:] = v
        else:
            v += (carry - v) * sigmoid(self.residual(xv))

        removal = (k * self.key_removal).reshape(heads)
        length = np.sqrt(np.add.reduce(removal * removal, axis=-1, keepdims=True))
        removal /= np.maximum(length, np.float32(1e-12))
        k = k * (1 + (a - 1) * self.key_rate)

        r, k, v = r.reshape(heads), k.reshape(heads), v.reshape(heads)
        y = self._recur(state, r, w.reshape(heads), k, v, removal, a.reshape(heads))
        y = self.norm(y)
        y += (np.add.reduce(r * k * self.bonus, axis=-1, keepdims=True) * v).reshape(x.shape)
        y *= g
        return self.output(y)

    @staticmethod
    def _recur(
        state: Floats, r: Floats, w: Floats, k: Floats, v: Floats, removal: Floats, a: Floats
    ) -> Floats:
        """S = S (diag(w) - removal^T (a removal)) + v^T k and y = S r, token by token.

        All but ``state`` (H, N, N) are (T, H, N), and so is y.
        """
        columns = r[..., None], (-removal)[..., None], v[..., None]
        rows = w[:, :, None], (removal * a)[:, :, None], k[:, :, None]
        y = np.empty((*r.shape, 1), np.float32)
        outer = np.empty_like(state)
        removed = np.empty_like(y[0])
        for t in range(len(r)):
            np.matmul(state, columns[1][t], out=removed)
            state *= rows[0][t]
            state += np.multiply(removed, rows[1][t], out=outer)
            state += np.multiply(columns[2][t], rows[2][t], out=outer)
            np.matmul(state, columns[0][t], out=y[t])
        return y[..., 0]


@dataclass(frozen=True, slots=True)
class ChannelMix:
    """A two-layer network on each token and its predecessor, without a gate."""

    mix: Floats  # (C,), token shift of k
    key: Matrix  # C -> F
    value: Matrix  # F -> C

    @classmethod
    def bind(cls, weights: Weights, layer: int) -> ChannelMix:
        """The channel mix of one layer."""
        width = weights.header.n_embed
        at = f"blocks.{layer}.ffn."
        hidden = weights.shape(f"{at}key.weight", 2)[0]
        return cls(
            mix=weights.vector(f"{at}x_k", width),
            key=weights.matrix(f"{at}key.weight", hidden, width),
            value=weights.matrix(f"{at}value.weight", width, hidden),
        )

    def __call__(self, x: Floats, last: Floats) -> Floats:
        """X (T, C) after the layer norm -> (T, C); ``last`` (C,) is overwritten."""
        return self.value(squared_relu(self.key(x + (shifted(x, last) - x) * self.mix)))


def architecture(weights: Weights) -> Architecture:
    """RWKV 7 with the sizes of ``weights``; its memory is indexed (head, value, key)."""
    n_head = weights.shape("blocks.0.att.r_k", 2)[0]
    size = head_size(weights.header.n_embed, n_head)
    return Architecture(
        n_head=n_head,
        head_size=size,
        memory=(n_head, size, size),
        fresh=np.zeros((), np.float32),
        time_mix=lambda weights, layer: TimeMix.bind(weights, layer, n_head),
        channel_mix=ChannelMix.bind,
    )
