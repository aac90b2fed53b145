"""An exported file, evaluated token by token.

This is RWKV-7 (arXiv:2503.14456) written a second time, from the file and
without the kernels, so that it checks both the export and the training code.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .export import read_file

__all__ = ["Recurrent"]

Vector = NDArray[np.float32]


class Recurrent:
    """A model that reads one token at a time.

    Parameters
    ----------
    path : Path
        An FP32 or FP16 file of RWKV-7.
    """

    def __init__(self, path: Path) -> None:
        self.header, self.tensors = read_file(path)
        self.width, self.layers = self.header.n_embed, self.header.n_layer
        self.heads, self.size = self.tensors["blocks.0.att.r_k"].shape
        self.reset()

    def reset(self) -> None:
        """Go back to the start of a text."""
        self.wkv = np.zeros((self.layers, self.heads, self.size, self.size), np.float32)
        self.shift = np.zeros((self.layers, 2, self.width), np.float32)

    def evaluate(self, token: int) -> Vector:
        """Read a token.

        Parameters
        ----------
        token : int
            Its id.

        Returns
        -------
        ndarray of float32, shape (vocabulary,)
            Logits of the next token.
        """
        x = _norm(self.tensors["emb.weight"][token], *self._pair("blocks.0.ln0"))
        first: Vector = x
        for layer in range(self.layers):
            at = f"blocks.{layer}."
            t = {name[len(at) :]: v for name, v in self.tensors.items() if name.startswith(at)}
            h = _norm(x, *self._pair(at + "ln1"))
            value, out = self._time_mix(layer, t, h, first)
            first = value if layer == 0 else first
            x = x + out
            h = _norm(x, *self._pair(at + "ln2"))
            mixed = h + (self.shift[layer, 1] - h) * t["ffn.x_k"].reshape(-1)
            self.shift[layer, 1] = h
            x = x + t["ffn.value.weight"] @ np.maximum(t["ffn.key.weight"] @ mixed, 0) ** 2
        last = _norm(x, *self._pair("ln_out"))
        return np.asarray(self.tensors["head.weight"] @ last, np.float32)

    def _pair(self, name: str) -> tuple[Vector, Vector]:
        return self.tensors[name + ".weight"], self.tensors[name + ".bias"]

    def _time_mix(
        self, layer: int, t: dict[str, Vector], h: Vector, first: Vector
    ) -> tuple[Vector, Vector]:
        delta, self.shift[layer, 0] = self.shift[layer, 0] - h, h
        xr, xw, xk, xv, xa, xg = h + delta * t["att.x_rwkvag"].reshape(6, -1)
        r, k, v = (
            t[f"att.{name}.weight"] @ mixed
            for name, mixed in (("receptance", xr), ("key", xk), ("value", xv))
        )
        vector = {name: t[f"att.{name}"].reshape(-1) for name in ("w0", "a0", "k_k", "k_a", "r_k")}
        w = _sigmoid(vector["w0"] + t["att.w2"] @ np.tanh(t["att.w1"] @ xw))
        w = np.exp(-0.606531 * w)
        if layer:
            gate = _sigmoid(t["att.v0"].reshape(-1) + t["att.v2"] @ (t["att.v1"] @ xv))
            v = v + (first - v) * gate
        rate = _sigmoid(vector["a0"] + t["att.a2"] @ (t["att.a1"] @ xa))
        g = t["att.g2"] @ _sigmoid(t["att.g1"] @ xg)
        by_head = (self.heads, self.size)
        kk = (k * vector["k_k"]).reshape(by_head)
        kk = kk / np.maximum(np.linalg.norm(kk, axis=1, keepdims=True), 1e-12)
        k = k * (1 + (rate - 1) * vector["k_a"])
        r_, w_, k_, v_, rate_ = (item.reshape(by_head) for item in (r, w, k, v, rate))
        state = self.wkv[layer]
        removed = np.einsum("hij,hj->hi", state, -kk)
        state = (
            state * w_[:, None, :]
            + removed[:, :, None] * (kk * rate_)[:, None, :]
            + v_[:, :, None] * k_[:, None, :]
        )
        self.wkv[layer] = state
        y = np.einsum("hij,hj->hi", state, r_)
        y = (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 64e-5)
        y = y.reshape(-1) * t["att.ln_x.weight"] + t["att.ln_x.bias"]
        bonus = (r * k * vector["r_k"]).reshape(by_head).sum(1, keepdims=True)
        return v, t["att.output.weight"] @ ((y + (bonus * v_).reshape(-1)) * g)


def _norm(x: Vector, gain: Vector, bias: Vector) -> Vector:
    return np.asarray((x - x.mean()) / np.sqrt(x.var() + 1e-5) * gain + bias, np.float32)


def _sigmoid(x: Vector) -> Vector:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)
