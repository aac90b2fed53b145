"""Many random numbers at once, from the project's one generator.

The numbers are those that `Random` draws one by one, made by NumPy: the generator's state after m
steps is a linear function of its state now, so each doubling of what is known costs one
multiplication.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pcg32 import Random

__all__ = ["Draws", "normal_quantile"]

_MASK = (1 << 64) - 1
_MULTIPLIER = 6364136223846793005
_INCREMENT = 109

Floats = NDArray[np.float64]


class Draws:
    """The PCG32 generator by the array.

    Parameters
    ----------
    seed : int
        In [0, 2**64).

    Attributes
    ----------
    state : int
        The 64 bits that decide all that follows.

    Examples
    --------
    >>> draws, random = Draws(42), Random(42)
    >>> [int(word) for word in draws.words(2)] == [random.next(), random.next()]
    True
    """

    def __init__(self, seed: int) -> None:
        self.state = Random(seed).state

    def words(self, n: int) -> NDArray[np.uint64]:
        """(n,) uint64: the next numbers of 32 bits."""
        states = np.empty(n + 1, dtype=np.uint64)
        states[0] = self.state
        known, factor, offset = 1, _MULTIPLIER, _INCREMENT
        while known <= n:
            more = min(known, n + 1 - known)
            states[known : known + more] = states[:more] * np.uint64(factor) + np.uint64(offset)
            offset = offset * (factor + 1) & _MASK
            factor = factor * factor & _MASK
            known *= 2
        self.state = int(states[n])
        old = states[:n]
        mixed = (((old >> np.uint64(18)) ^ old) >> np.uint64(27)) & np.uint64(0xFFFFFFFF)
        turn = old >> np.uint64(59)
        back = (np.uint64(32) - turn) & np.uint64(31)
        turned: NDArray[np.uint64] = (mixed >> turn | mixed << back) & np.uint64(0xFFFFFFFF)
        return turned

    def uniform(self, n: int) -> Floats:
        """(n,) float64 in [0, 1), with 53 bits each."""
        pairs = self.words(2 * n).reshape(n, 2)
        high = (pairs[:, 0] >> np.uint64(5)).astype(np.float64)
        low = (pairs[:, 1] >> np.uint64(6)).astype(np.float64)
        found: Floats = (high * 67108864.0 + low) / 2.0**53
        return found

    def below(self, bound: int, n: int) -> NDArray[np.int64]:
        """(n,) int64 in [0, bound), each equally likely; ``bound`` is from 1 to 2**32."""
        least = ((1 << 32) - bound) % bound
        kept: list[NDArray[np.uint64]] = []
        missing = n
        while missing:
            words = self.words(missing)
            kept.append(words[words >= least])
            missing -= len(kept[-1])
        words = np.concatenate(kept) if kept else np.empty(0, dtype=np.uint64)
        return (words % np.uint64(bound)).astype(np.int64)

    def normal(self, n: int) -> Floats:
        """(n,) float64, normally distributed, one of `uniform` each."""
        return normal_quantile(self.uniform(n) + 2.0**-54)

    def permutation(self, n: int) -> NDArray[np.int64]:
        """(n,) int64: 0 to n - 1 in an order of which all are equally likely."""
        # Ties of 53 bits are next to impossible, and stable sorting decides them.
        return np.argsort(self.uniform(n), kind="stable").astype(np.int64)


# Wichura, The percentage points of the normal distribution (Applied Statistics 37, 1988, AS 241).
_CENTRAL = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
     4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
     2.05319162663775882187, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def normal_quantile(p: Floats) -> Floats:
    """The (n,) numbers below which a normal variate lies with the (n,) probabilities p, in (0, 1).

    Only operations that IEEE 754 rounds in one way are used, so that libecho draws the same.

    Examples
    --------
    >>> normal_quantile(np.array([0.5, 0.975])).round(6).tolist()
    [0.0, 1.959964]
    """
    q = p - 0.5
    r = 0.180625 - q * q
    found: Floats = q * (_horner(_CENTRAL[0], r) / _horner(_CENTRAL[1], r))
    outer = np.abs(q) > 0.425
    if outer.any():
        side = p[outer]
        far = np.sqrt(-_logarithm(np.minimum(side, 1.0 - side)))
        middle = far - 1.6
        tail = far - 5.0
        ends = np.where(
            far <= 5.0,
            _horner(_MIDDLE[0], middle) / _horner(_MIDDLE[1], middle),
            _horner(_TAIL[0], tail) / _horner(_TAIL[1], tail),
        )
        found[outer] = np.copysign(ends, q[outer])
    return found


def _horner(coefficients: tuple[float, ...], x: Floats) -> Floats:
    value: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return np.asarray(value, dtype=np.float64)


def _logarithm(x: Floats) -> Floats:
    """The natural logarithm of positive x, right to two units in the last place."""
    fraction, exponent = np.frexp(x)
    small = fraction < 0.7071067811865476
    fraction = np.where(small, fraction * 2.0, fraction)
    exponent = np.where(small, exponent - 1, exponent).astype(np.float64)
    # ln m = 2 artanh(s) with s = (m - 1) / (m + 1), |s| < 0.1716.
    s = (fraction - 1.0) / (fraction + 1.0)
    square = s * s
    series: Any = 2.0 / 21.0
    for k in range(19, 2, -2):
        series = series * square + 2.0 / k
    # ln 2 in two parts, of which the first is exact times any exponent.
    return np.asarray(
        exponent * 0.6931471803691238
        + (2.0 * s + (s * square * series + exponent * 1.9082149292705877e-10)),
        dtype=np.float64,
    )
