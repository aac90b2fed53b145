"""RWKV-7 forward and backward over a window of tokens, in NumPy.

The mathematics is that of RWKV-7 "Goose" (arXiv:2503.14456), pre-norm blocks
of a time mix and a channel mix. The matrix products are NumPy's; what lies
between them is done by the kernels of ``wasm/training``, and the gradients are
derived by hand, here and there. One `Network` works on one shard of the
batch with its own gradients and scratch memory, so that two of them can run in
two threads: NumPy and ctypes both release the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .kernels import Kernels
from .parameters import Parameters, Shape

__all__ = ["CarriedState", "Network", "multiplication"]

Array = NDArray[Any]
LN_EPS, GROUP_EPS, STRIDE = 1e-5, 64e-5, 16


class CarriedState:
    """What a window hands to the next one, for every stream of a shard.

    Parameters
    ----------
    shape : Shape
        The model's sizes.
    batch : int
        Streams.
    dtype : dtype
        Floating-point type.

    Attributes
    ----------
    wkv : ndarray, shape (layers, batch, heads, head_size, head_size)
        The recurrent state.
    shift : ndarray, shape (layers, 2, batch, width)
        The last normalised input of the time mix and of the channel mix.
    """

    def __init__(self, shape: Shape, batch: int, dtype: Any = np.float32) -> None:
        n = shape.head_size
        self.wkv: Array = np.zeros((shape.layers, batch, shape.heads, n, n), dtype)
        self.shift: Array = np.zeros((shape.layers, 2, batch, shape.width), dtype)

    def reset(self, stream: int) -> None:
        """Set one stream back to the start of a text.

        Parameters
        ----------
        stream : int
            Which one.
        """
        self.wkv[:, stream] = 0
        self.shift[:, :, stream] = 0


class Network:
    """One shard's forward and backward pass.

    Parameters
    ----------
    parameters : Parameters
        Shared with other shards; read only.
    batch, time : int
        Streams and tokens of a window.
    half : bool
        True takes the matrix products in bfloat16; everything else stays float32.

    Attributes
    ----------
    gradients : Parameters
        What `backward` left.
    """

    def __init__(self, parameters: Parameters, batch: int, time: int, half: bool = False) -> None:
        self.parameters, self.shape = parameters, parameters.shape
        self.batch, self.time, self.rows = batch, time, batch * time
        self.dtype = parameters.flat.dtype
        self.kernels = Kernels(self.dtype)
        self.multiply = multiplication(self.kernels, half)
        self.gradients = Parameters(self.shape, self.dtype)
        self._arrays: dict[str, Array] = {}
        self._tokens: NDArray[np.int32] = np.zeros(0, np.int32)

    def forward(self, tokens: NDArray[np.int32], state: CarriedState) -> Array:
        """Run the window and move the state to its end.

        Parameters
        ----------
        tokens : ndarray of int32, shape (batch, time)
            Token ids.
        state : CarriedState
            Replaced in place by the state after the window.

        Returns
        -------
        ndarray, shape (batch * time, vocabulary)
            Logits; scratch memory, valid until the next call.
        """
        p, rows, c = self.parameters, self.rows, self.shape.width
        self._tokens = np.ascontiguousarray(tokens.reshape(-1))
        embedded = self._array("embedded", rows, c)
        np.take(p["emb.weight"], self._tokens, axis=0, out=embedded)
        x = self._norm("blocks.0.ln0", embedded, "x0")
        for layer in range(self.shape.layers):
            after = self._array(f"x{layer}.att", rows, c)
            np.add(x, self._time_mix(layer, x, state), out=after)
            x = self._array(f"x{layer + 1}", rows, c)
            np.add(after, self._channel_mix(layer, after, state), out=x)
        last = self._norm("ln_out", x, "last")
        logits = self._array("logits", rows, self.shape.vocabulary)
        self.multiply(last, p["head.weight"].T, logits)
        return logits

    def costs(self, targets: NDArray[np.int32]) -> Array:
        """Return what the tokens cost after the last `forward`.

        Parameters
        ----------
        targets : ndarray of int32, shape (batch, time)
            The token that follows each one.

        Returns
        -------
        ndarray, shape (batch, time)
            Cross entropies in nats.
        """
        nats = np.empty((self.batch, self.time), self.dtype)
        flat = np.ascontiguousarray(targets.reshape(-1))
        logits = self._arrays["logits"]
        self.kernels("costs", *logits.shape, flat, logits, nats)
        return nats

    def loss(self, targets: NDArray[np.int32], weights: Array | float) -> float:
        """Sum the loss of the last `forward`; leave its gradient for `backward`.

        Parameters
        ----------
        targets : ndarray of int32, shape (batch, time)
            The token that follows each one.
        weights : ndarray, shape (batch, time), or float
            Factor on the gradient of each token's cost, or of all.

        Returns
        -------
        float
            Sum of the costs in nats, not weighted; of an array of weights, those
            that are 0 leave their tokens out.
        """
        each = np.empty((self.batch, self.time), self.dtype)
        each[...] = weights
        nats = np.empty_like(each)
        flat = np.ascontiguousarray(targets.reshape(-1))
        logits = self._arrays["logits"]
        self.kernels("cross_entropy", *logits.shape, each, flat, logits, nats)
        counted = nats[each != 0] if isinstance(weights, np.ndarray) else nats
        return float(counted.sum(dtype=np.float64))

    def backward(self) -> None:
        """Write the gradients of the last `loss` into `gradients`."""
        p, g, s = self.parameters, self.gradients, self._arrays
        rows, c, layers = self.rows, self.shape.width, self.shape.layers
        g.flat.fill(0)
        dlogits = s["logits"]
        self.multiply(dlogits.T, s["last"], g["head.weight"])
        dlast = self.multiply(dlogits, p["head.weight"], self._array("dlast", rows, c))
        dx = self._array("dx", rows, c)
        dx.fill(0)
        self._norm_grad("ln_out", s[f"x{layers}"], dlast, dx)
        dfirst = self._array("dfirst", rows, c)
        dfirst.fill(0)
        for layer in reversed(range(layers)):
            self._channel_mix_grad(layer, dx)
            self._time_mix_grad(layer, dx, dfirst)
        dembedded = self._array("dlast", rows, c)
        dembedded.fill(0)
        self._norm_grad("blocks.0.ln0", s["embedded"], dx, dembedded)
        self.kernels("embedding_grad", rows, c, self._tokens, dembedded, g["emb.weight"])

    def _time_mix(self, layer: int, x: Array, state: CarriedState) -> Array:
        p, s, at = self.parameters, self._arrays, f"blocks.{layer}."
        call, rows, c = self.kernels, self.rows, self.shape.width
        heads, size = self.shape.heads, self.shape.head_size
        name = f"att{layer}."
        h = self._norm(at + "ln1", x, name + "h")
        last = self._array(name + "last", self.batch, c)
        last[...] = state.shift[layer, 0]
        state.shift[layer, 0] = h.reshape(self.batch, self.time, c)[:, -1]
        mixed = self._array(name + "mixed", 6, rows, c)
        call("shift_mix", self.batch, self.time, c, 6, h, last, p[at + "att.x_rwkvag"], mixed)
        xr, xw, xk, xv, xa, xg = mixed
        r = self._linear(name + "r", xr, p[at + "att.receptance.weight"])
        k = self._linear(name + "k", xk, p[at + "att.key.weight"])
        v = self._linear(name + "v", xv, p[at + "att.value.weight"])
        tw = self._linear(name + "tw", xw, p[at + "att.w1"])
        np.tanh(tw, out=tw)
        wl = self._linear("wl", tw, p[at + "att.w2"])
        al = self._linear("al", self._linear(name + "ta", xa, p[at + "att.a1"]), p[at + "att.a2"])
        vl = None
        if layer:
            tv = self._linear(name + "tv", xv, p[at + "att.v1"])
            vl = self._linear("vl", tv, p[at + "att.v2"])
        tg = self._linear(name + "tg", xg, p[at + "att.g1"])
        _sigmoid(tg)
        g = self._linear(name + "g", tg, p[at + "att.g2"])
        decay, w, rate, key, a, b = (
            self._array(name + item, rows, c) for item in ("s", "w", "rate", "key", "a", "b")
        )
        gate = self._array(name + "gate", rows, c) if layer else None
        value = self._array(name + "value", rows, c) if layer else v
        v0 = p[at + "att.v0"] if layer else None
        first = s["att0.v"]
        inverse = self._array(name + "inverse", rows, heads)
        call("inputs", rows, heads, size, k, v, first, wl, al, vl, p[at + "att.w0"],
             p[at + "att.a0"], v0, p[at + "att.k_k"], p[at + "att.k_a"], decay, w, rate,
             gate, value, key, a, b, inverse)  # fmt: skip
        y = self._array(name + "y", rows, c)
        chunks = -(-self.time // STRIDE)
        kept = self._array(name + "kept", self.batch, heads, chunks, size, size)
        call("wkv7_forward", self.batch, self.time, heads, size, r, w, key, value, a, b,
             state.wkv[layer], y, kept)  # fmt: skip
        out = self._array(name + "out", rows, c)
        mean, rstd, bonus = (
            self._array(name + item, rows, heads) for item in ("mean", "rstd", "bonus")
        )
        call("outputs", rows, heads, size, GROUP_EPS, y, r, key, value, g,
             p[at + "att.ln_x.weight"], p[at + "att.ln_x.bias"], p[at + "att.r_k"], out,
             mean, rstd, bonus)  # fmt: skip
        return self._linear("branch", out, p[at + "att.output.weight"])

    def _time_mix_grad(self, layer: int, dx: Array, dfirst: Array) -> None:
        p, grad, at = self.parameters, self.gradients, f"blocks.{layer}."
        call, rows, c = self.kernels, self.rows, self.shape.width
        heads, size = self.shape.heads, self.shape.head_size
        name = f"att{layer}."
        s = {key[len(name) :]: item for key, item in self._arrays.items() if key.startswith(name)}
        value = s["value"] if layer else s["v"]
        dout = self._linear_grad("dout", dx, s["out"], at + "att.output.weight")
        dy, dr, dw, dk, dv, dg, da, db = (
            self._array(item, rows, c) for item in ("dy", "dr", "dw", "dk", "dv", "dg", "da", "db")
        )
        call("outputs_grad", rows, heads, size, s["y"], s["r"], s["key"], value, s["g"],
             p[at + "att.ln_x.weight"], p[at + "att.ln_x.bias"], p[at + "att.r_k"],
             s["mean"], s["rstd"], s["bonus"], dout, dy, dr, dk, dv, dg,
             grad[at + "att.ln_x.weight"], grad[at + "att.ln_x.bias"],
             grad[at + "att.r_k"])  # fmt: skip
        for item in (dw, da, db):
            item.fill(0)
        call("wkv7_backward", self.batch, self.time, heads, size, s["r"], s["w"], s["key"],
             value, s["a"], s["b"], s["kept"], dy, dr, dw, dk, dv, da, db)  # fmt: skip
        if layer == 0:
            dv += dfirst
        dvl = self._array("dvl", rows, c) if layer else None
        draw = self._array("draw", rows, c)
        call("inputs_grad", rows, heads, size, s["k"], s["v"], self._arrays["att0.v"],
             p[at + "att.k_k"], p[at + "att.k_a"], s["s"], s["w"], s["rate"],
             s["gate"] if layer else None, s["a"], s["inverse"], dw, dk, dv, da, db, draw, dv,
             dfirst, dw, da, dvl, grad[at + "att.w0"], grad[at + "att.a0"],
             grad[at + "att.v0"] if layer else None, grad[at + "att.k_k"],
             grad[at + "att.k_a"])  # fmt: skip
        xr, xw, xk, xv, xa, xg = s["mixed"]
        dmixed = self._array("dmixed", 6, rows, c)
        self._linear_grad(dmixed[0], dr, xr, at + "att.receptance.weight")
        self._linear_grad(dmixed[2], draw, xk, at + "att.key.weight")
        self._linear_grad(dmixed[3], dv, xv, at + "att.value.weight")
        tw, tg = s["tw"], s["tg"]
        dtw = self._linear_grad("dtw", dw, tw, at + "att.w2")
        dtw *= 1 - tw * tw
        self._linear_grad(dmixed[1], dtw, xw, at + "att.w1")
        dta = self._linear_grad("dta", da, s["ta"], at + "att.a2")
        self._linear_grad(dmixed[4], dta, xa, at + "att.a1")
        dtg = self._linear_grad("dtg", dg, tg, at + "att.g2")
        dtg *= tg * (1 - tg)
        self._linear_grad(dmixed[5], dtg, xg, at + "att.g1")
        if dvl is not None:
            dtv = self._linear_grad("dtv", dvl, s["tv"], at + "att.v2")
            dmixed[3] += self._linear_grad("dxv", dtv, xv, at + "att.v1")
        dh = self._array("dh", rows, c)
        call("shift_mix_grad", self.batch, self.time, c, 6, s["h"], s["last"],
             p[at + "att.x_rwkvag"], dmixed, dh, grad[at + "att.x_rwkvag"])  # fmt: skip
        self._norm_grad(at + "ln1", self._arrays[f"x{layer}"], dh, dx)

    def _channel_mix(self, layer: int, x: Array, state: CarriedState) -> Array:
        p, at, name = self.parameters, f"blocks.{layer}.", f"ffn{layer}."
        c = self.shape.width
        h = self._norm(at + "ln2", x, name + "h")
        last = self._array(name + "last", self.batch, c)
        last[...] = state.shift[layer, 1]
        state.shift[layer, 1] = h.reshape(self.batch, self.time, c)[:, -1]
        mixed = self._array(name + "mixed", self.rows, c)
        self.kernels("shift_mix", self.batch, self.time, c, 1, h, last, p[at + "ffn.x_k"], mixed)
        hidden = self._linear(name + "hidden", mixed, p[at + "ffn.key.weight"])
        np.maximum(hidden, 0, out=hidden)
        squared = self._array(name + "squared", *hidden.shape)
        np.multiply(hidden, hidden, out=squared)
        return self._linear("branch", squared, p[at + "ffn.value.weight"])

    def _channel_mix_grad(self, layer: int, dx: Array) -> None:
        p, grad, s = self.parameters, self.gradients, self._arrays
        at, name, c = f"blocks.{layer}.", f"ffn{layer}.", self.shape.width
        dhidden = self._linear_grad("dhidden", dx, s[name + "squared"], at + "ffn.value.weight")
        dhidden *= s[name + "hidden"]
        dhidden *= 2
        dmixed = self._linear_grad("dout", dhidden, s[name + "mixed"], at + "ffn.key.weight")
        dh = self._array("dh", self.rows, c)
        self.kernels("shift_mix_grad", self.batch, self.time, c, 1, s[name + "h"],
                     s[name + "last"], p[at + "ffn.x_k"], dmixed, dh,
                     grad[at + "ffn.x_k"])  # fmt: skip
        self._norm_grad(at + "ln2", s[f"x{layer}.att"], dh, dx)

    def _norm(self, name: str, x: Array, out: str) -> Array:
        p, y = self.parameters, self._array(out, *x.shape)
        mean, rstd = (self._array(f"{name}.{item}", len(x)) for item in ("mean", "rstd"))
        self.kernels("layer_norm", *x.shape, LN_EPS, x, p[name + ".weight"], p[name + ".bias"],
                     y, mean, rstd)  # fmt: skip
        return y

    def _norm_grad(self, name: str, x: Array, dy: Array, dx: Array) -> None:
        s, g = self._arrays, self.gradients
        self.kernels("layer_norm_grad", *x.shape, x, self.parameters[name + ".weight"],
                     s[name + ".mean"], s[name + ".rstd"], dy, dx, g[name + ".weight"],
                     g[name + ".bias"])  # fmt: skip

    def _linear(self, name: str, x: Array, weight: Array) -> Array:
        out = self._array(name, len(x), len(weight))
        return self.multiply(x, weight.T, out)

    def _linear_grad(self, out: str | Array, dy: Array, x: Array, weight: str) -> Array:
        self.multiply(dy.T, x, self.gradients[weight])
        dx = self._array(out, *x.shape) if isinstance(out, str) else out
        return self.multiply(dy, self.parameters[weight], dx)

    def _array(self, name: str, *sides: int) -> Array:
        found = self._arrays.get(name)
        if found is None or found.shape != sides:
            found = self._arrays[name] = np.empty(sides, self.dtype)
        return found


def multiplication(kernels: Kernels, half: bool) -> Callable[[Array, Array, Array], Array]:
    """Return the function that multiplies matrices.

    Parameters
    ----------
    kernels : Kernels
        Of the arrays' type.
    half : bool
        True for bfloat16.

    Returns
    -------
    callable
        Takes ``a`` (m, k), ``b`` (k, n) and ``out`` (m, n), and returns ``out``.

    Raises
    ------
    ArgumentError
        If this processor has no instructions for bfloat16.
    """
    if not half:
        return lambda a, b, out: np.matmul(a, b, out=out)
    if not kernels.has_half():
        raise ArgumentError(
            "precision is bfloat16, for which this processor has no instructions; choose float32."
        )

    def multiply(a: Array, b: Array, out: Array) -> Array:
        kernels.matmul_half(a, b, out)
        return out

    return multiply


def _sigmoid(x: Array) -> None:
    np.negative(x, out=x)
    np.exp(x, out=x)
    x += 1
    np.reciprocal(x, out=x)
