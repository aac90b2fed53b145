"""From logits to a token, bit for bit as libecho's sampler does it.

The order of work is in ``wasm/include/echo.h``. Every step is done in the precision and in the
order of the C++ code, so that equal logits and seeds give equal tokens in both. p is always the
softmax over the whole vocabulary: no cut renormalises it for the next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ArgumentError
from ...pcg32 import Random
from ...sampling import SamplingSettings

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_GREATEST = np.finfo(np.float32).max
_LEAST = np.finfo(np.float32).smallest_subnormal
_LANES = 8  # independent sums
_STRETCH = 512  # elements summed in float32 before going on in float64


class NumpySampler:
    """Chooses tokens by settings; remembers what it has accepted for the penalties.

    Parameters
    ----------
    settings : SamplingSettings
        ``seed`` is a number.
    n_vocab : int
        Logits a token.

    Raises
    ------
    ArgumentError
        If the seed is missing, a bias names no token, or a setting is 0 in float32.

    Examples
    --------
    >>> sampler = NumpySampler(SamplingSettings(temperature=0, seed=1), 3)
    >>> sampler.sample(np.array([0, 2, 1], np.float32))[0]
    1
    """

    def __init__(self, settings: SamplingSettings, n_vocab: int) -> None:
        if settings.seed is None:
            raise ArgumentError("seed is None; a sampler needs a number.")
        self._n_vocab = n_vocab
        self._random = Random(settings.seed)
        self._temperature = np.float32(settings.temperature)
        self._top_k = settings.top_k if settings.top_k < n_vocab else 0
        self._typical_p = _share("typical_p", settings.typical_p)
        self._top_p = _share("top_p", settings.top_p)
        self._min_p = np.float32(settings.min_p)
        self._repetition = _share("repetition_penalty", settings.repetition_penalty)
        self._presence = np.float32(settings.presence_penalty)
        self._frequency = np.float32(settings.frequency_penalty)
        self._bias: Floats | None = None
        if settings.bias:
            self._bias = np.zeros(n_vocab, np.float32)
            for token, value in settings.bias.items():
                self._check_token(token)
                self._bias[token] = value
        self._counts: dict[int, int] = {}

    def accept(self, token: int) -> None:
        """Counts a token for the penalties.

        Raises
        ------
        ArgumentError
            If it is not in the vocabulary.
        """
        self._check_token(token)
        self._counts[token] = self._counts.get(token, 0) + 1

    def sample(self, logits: NDArray[Any]) -> tuple[int, float]:
        """Draws a token.

        Parameters
        ----------
        logits : ndarray of float32, shape (n_vocab,)
            Unchanged; NaN counts as -infinity.

        Returns
        -------
        int
            The token.
        float
            Its probability in the softmax of ``logits``, before any setting.

        Raises
        ------
        ArgumentError
            If no logit is finite, or biases and penalties leave none.
        """
        if logits.shape != (self._n_vocab,):
            raise ArgumentError(
                f"logits has the shape {logits.shape}; it must be ({self._n_vocab},)."
            )
        if not np.isfinite(logits).any():
            raise ArgumentError(f"None of the {self._n_vocab} logits is finite.")
        with np.errstate(all="ignore"):
            tamed = _tame(logits.astype(np.float32))
            adjusted = self._adjust(tamed)
            greatest = adjusted.max()
            if greatest == -np.inf:
                raise ArgumentError(
                    f"Biases and penalties leave none of the {self._n_vocab} tokens to be drawn."
                )
            if self._temperature == 0:
                token = int(adjusted.argmax())
            else:
                token = self._draw((adjusted - greatest) / self._temperature)
            weights = exp_of_negative(tamed - tamed.max())
            return token, float(np.float32(float(weights[token]) / _sum(weights)))

    def _check_token(self, token: int) -> None:
        if not 0 <= token < self._n_vocab:
            raise ArgumentError(f"token {token} is not below n_vocab, which is {self._n_vocab}.")

    def _adjust(self, tamed: Floats) -> Floats:
        """Steps 1 and 2: bias and penalties."""
        logits = tamed.copy() if self._bias is None else _tame(tamed + self._bias)
        if self._counts:
            tokens = np.fromiter(self._counts, np.int64)
            counts = np.fromiter(self._counts.values(), np.float32)
            seen = logits[tokens]
            seen = np.where(seen > 0, seen / self._repetition, seen * self._repetition)
            logits[tokens] = _tame(seen - (self._presence + self._frequency * counts))
        return logits

    def _draw(self, distance: Floats) -> int:
        """Steps 3 to 5; ``distance`` (n_vocab,) is the logarithm of each weight."""
        weights = exp_of_negative(distance)
        mass = _sum(weights)
        u = self._random.uniform()
        candidates = self._gather(weights, mass, u)
        if self._typical_p < 1:
            candidates = self._typical(candidates, weights, distance, mass)
        candidates = candidates[np.lexsort((candidates, -weights[candidates]))]

        chosen = weights[candidates]
        sums = np.add.accumulate(chosen, dtype=np.float64)
        n = len(candidates)
        if self._top_p < 1:
            n = min(n, int(np.searchsorted(sums, float(self._top_p) * mass)) + 1)
        n = min(n, int(np.count_nonzero(chosen >= self._min_p * chosen[0])))
        if self._whole():
            place = int(np.searchsorted(sums, u * mass, side="right"))
            if place < n:
                return int(candidates[place])
        place = int(np.searchsorted(sums[: n - 1], u * sums[n - 1], side="right"))
        return int(candidates[place])

    def _whole(self) -> bool:
        """Whether no cut is set."""
        return not self._top_k and self._typical_p == 1 and self._top_p == 1 and not self._min_p

    def _gather(self, weights: Floats, mass: float, u: float) -> NDArray[np.int64]:
        """The tokens that may be drawn, by id: the best top_k, or all that are not too light.

        Those left out are too light, even all together, for the share that is asked for.
        """
        if self._top_k:
            best = np.lexsort((np.arange(len(weights)), -weights))[: self._top_k]
            return np.sort(best[weights[best] > 0])
        least = 0.0
        if self._typical_p == 1:
            share = u if self._whole() else float(self._top_p)
            light = 0.999 * (1.0 - share) * mass / self._n_vocab
            least = max(light, float(self._min_p))
        return np.flatnonzero(weights >= max(np.float32(least), _LEAST))

    def _typical(
        self, candidates: NDArray[np.int64], weights: Floats, distance: Floats, mass: float
    ) -> NDArray[np.int64]:
        """The candidates whose surprise is nearest to the entropy, up to a share typical_p."""
        there = weights > 0
        terms = weights[there].astype(np.float64) * distance[there]
        mean = np.add.accumulate(terms)[-1] / mass
        off = np.abs(distance[candidates] - mean).astype(np.float32)
        order = np.lexsort((candidates, -weights[candidates], off))
        candidates = candidates[order]
        sums = np.add.accumulate(weights[candidates], dtype=np.float64)
        n = int(np.searchsorted(sums, float(self._typical_p) * mass)) + 1
        return candidates[:n]


def exp_of_negative(x: Floats) -> Floats:
    """exp(x) for x <= 0 with the roundings of libecho's: float32 in and out, 0 below -87."""
    f = np.float32
    bounded = np.maximum(x, f(-87))
    shifted = bounded * f(1.44269504) + f(12582912)
    n = shifted - f(12582912)
    r = (bounded - n * f(0.693145752)) - n * f(1.42860677e-6)
    total = np.full_like(x, f(1) / f(5040))
    for coefficient in (
        f(1) / f(720),
        f(1) / f(120),
        f(1) / f(24),
        f(1) / f(6),
        f(0.5),
        f(1),
        f(1),
    ):
        total *= r
        total += coefficient
    power = ((shifted.view(np.uint32) + np.uint32(127)) << np.uint32(23)).view(np.float32)
    total *= power
    total[x < f(-87)] = 0
    return total


def _share(name: str, value: float) -> np.float32:
    rounded = np.float32(value)
    if rounded == 0:
        raise ArgumentError(f"{name} is {value!r}; it must be above 0 in float32.")
    return rounded


def _tame(logits: Floats) -> Floats:
    """NaN counts as -infinity, and infinity as the greatest float."""
    return np.where(np.isnan(logits), np.float32(-np.inf), np.minimum(logits, _GREATEST))


def _sum(terms: Floats) -> float:
    """The sum in libecho's order: eight float32 lanes a stretch, the lanes then in float64."""
    n_rows = len(terms) // _LANES
    rows = terms[: n_rows * _LANES].reshape(n_rows, _LANES)
    lanes: list[Floats] = []
    rows_a_stretch = _STRETCH // _LANES
    n_whole = n_rows // rows_a_stretch
    if n_whole:
        whole = rows[: n_whole * rows_a_stretch].reshape(n_whole, rows_a_stretch, _LANES)
        lanes.append(np.add.accumulate(whole, axis=1)[:, -1].ravel())
    rest = rows[n_whole * rows_a_stretch :]
    last = np.add.accumulate(rest, axis=0)[-1] if len(rest) else np.zeros(_LANES, np.float32)
    for term in terms[n_rows * _LANES :]:
        last[0] += term
    lanes.append(last)
    return float(np.add.accumulate(np.concatenate(lanes), dtype=np.float64)[-1])
