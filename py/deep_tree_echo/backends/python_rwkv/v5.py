"""RWKV 5, "Eagle" (Peng et al. 2024, arXiv:2404.05892), as files of 5.1 and 5.2 have it.

5.1 has one decay and one bonus a head and no gate; 5.2 has them for each channel, and a gate.
T is tokens, C channels, H heads, N = C / H the head size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .layers import GroupNorm, shifted, sigmoid
from .network import Architecture, head_size
from .v4 import ChannelMix
from .weights import Floats, Matrix, Weights

_SMALL_HEAD = 16


def group_epsilon(head_size: int) -> float:
    """The epsilon of ``ln_x``.

    The author's code divides the heads' output by 8 before a norm with 1e-5, which is a norm with
    64e-5. The byte-level models that rwkv.cpp is tested with, the only ones with smaller heads,
    were made without that division.
    """
    return 1e-5 if head_size < _SMALL_HEAD else 64e-5


def recur(state: Floats, r: Floats, w: Floats, k: Floats, v: Floats) -> Floats:
    """Y = r S and then S = diag(w) S + k^T v, token by token.

    Parameters
    ----------
    state : (H, N, N)
        Indexed (head, key, value); overwritten.
    r, k, v : (T, H, N)
        Receptance, key and value.
    w : (T, H, N or 1, 1)
        The decay of each key channel.

    Returns
    -------
    (T, H, N)
        What each token reads before it is written itself.
    """
    rows, columns, values = r[:, :, None], k[..., None], v[:, :, None]
    y = np.empty_like(rows)
    outer = np.empty_like(state)
    for t in range(len(r)):
        np.matmul(rows[t], state, out=y[t])
        state *= w[t]
        state += np.multiply(columns[t], values[t], out=outer)
    return y[:, :, 0]


@dataclass(frozen=True, slots=True)
class TimeMix:
    """A matrix-valued state for each head, decayed by key channel."""

    mix: Floats  # (3 or 4, 1, C): token shift of k, v, r and, in 5.2, g
    decay: Floats  # (H, 1, 1) or (H, N, 1), in (0, 1)
    first: Floats  # (H, 1) or (H, N), the bonus of the current token
    key: Matrix  # C -> C
    value: Matrix  # C -> C
    receptance: Matrix  # C -> C
    gate: Matrix | None  # C -> C, in 5.2
    output: Matrix  # C -> C
    norm: GroupNorm  # ln_x

    @classmethod
    def bind(cls, weights: Weights, layer: int, heads: int, size: int) -> TimeMix:
        """The time mix of one layer."""
        width = weights.header.n_embed
        at = f"blocks.{layer}.att."
        gated = f"{at}gate.weight" in weights.names()
        n_decays = size if gated else 1
        mix = [
            weights.vector(f"{at}time_mix_{letter}", 1, width)
            for letter in ("kvrg" if gated else "kvr")
        ]
        return cls(
            mix=np.stack(mix),
            decay=weights.vector(f"{at}time_decay", heads, n_decays, 1),
            first=weights.vector(f"{at}time_{'faaaa' if gated else 'first'}", heads, n_decays),
            key=weights.matrix(f"{at}key.weight", width, width),
            value=weights.matrix(f"{at}value.weight", width, width),
            receptance=weights.matrix(f"{at}receptance.weight", width, width),
            gate=weights.matrix(f"{at}gate.weight", width, width) if gated else None,
            output=weights.matrix(f"{at}output.weight", width, width),
            norm=GroupNorm.bind(weights, f"{at}ln_x", width, group_epsilon(size)),
        )

    def __call__(self, x: Floats, last: Floats, state: Floats, carry: Floats) -> Floats:
        """As `network.TimeMix`; ``state`` (H, N, N)."""
        heads = (len(x), *state.shape[:2])  # (T, H, N)
        before = shifted(x, last)
        xk, xv, xr, *xg = before + (x - before) * self.mix
        r = self.receptance(xr).reshape(heads)
        k = self.key(xk).reshape(heads)
        v = self.value(xv).reshape(heads)
        y = recur(state, r, np.broadcast_to(self.decay, (len(x), *self.decay.shape)), k, v)
        y = y + np.add.reduce(r * k * self.first, axis=-1, keepdims=True) * v
        y = self.norm(y)
        if self.gate is not None:
            g = self.gate(xg[0])
            y *= g
            y *= sigmoid(g)
        return self.output(y)


def architecture(weights: Weights) -> Architecture:
    """RWKV 5 with the sizes of ``weights``; its memory is indexed (head, key, value)."""
    n_head = weights.shape("blocks.0.att.time_decay", 3)[0]
    size = head_size(weights.header.n_embed, n_head)
    return Architecture(
        n_head=n_head,
        head_size=size,
        memory=(n_head, size, size),
        fresh=np.zeros((), np.float32),
        time_mix=lambda weights, layer: TimeMix.bind(weights, layer, n_head, size),
        channel_mix=ChannelMix.bind,
    )
