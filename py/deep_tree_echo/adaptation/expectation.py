"""What is expected of a token by four experts, and by their mixture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from math import isnan

import numpy as np
from numpy.typing import NDArray

from .. import core
from ..errors import BackendError
from .mixture import N_SIGNS, softmax

__all__ = ["N_EXPERTS", "Expectation", "Question", "expecting", "log_sum"]

Floats = NDArray[np.float64]

RESOLUTIONS = (12.0, 40.0)
"""Of the contexts: one sees alike what is roughly so, the other only what is nearly the same."""
MOST = 8.0
"""No logit is moved further by the readout."""
N_EXPERTS = 2 + len(RESOLUTIONS)

_TINY = 1e-30
_UNLIKELY = 1e-6


@dataclass(slots=True)
class Question:
    """What is known before a token.

    Parameters
    ----------
    logits : ndarray of float32, shape (n_vocab,)
        The model's.
    tokens : ndarray of int64, shape (n_slots,)
        That have slots; -1 where there is none.
    corrections : ndarray, shape (n_slots or more,)
        Of their logits, by the readout.
    contexts : ndarray of float32, shape (n_contexts, width)
        The contexts of the last tokens, unit vectors.
    followers : ndarray of int64, shape (n_contexts,)
        The slots of those tokens.
    vector : ndarray of float32, shape (width,)
        The present context.
    weights : ndarray, shape (experts, N_SIGNS)
        See `Mixture`.
    alone : float
        How much the model alone is trusted.
    count : int
        Tokens learned so far.
    """

    logits: NDArray[np.float32]
    tokens: NDArray[np.int64]
    corrections: Floats
    contexts: NDArray[np.float32]
    followers: NDArray[np.int64]
    vector: NDArray[np.float32]
    weights: Floats
    alone: float
    count: int


@dataclass(slots=True)
class Expectation:
    """What is expected of one token, by everyone.

    Parameters
    ----------
    logits : ndarray of float32, shape (n_vocab,)
        The model's.
    log_sum : float
        The logarithm of the sum of their exponentials.
    mixed : ndarray, shape (n_slots,)
        Final probabilities of the tokens that have slots.
    rest : float
        What the probability of every other token is multiplied with.
    experts : ndarray, shape (1 + experts, n_slots)
        Probabilities by each expert, the model first.
    rests : ndarray, shape (1 + experts,)
        As ``rest``, for each expert.
    signs : ndarray, shape (experts, N_SIGNS)
        See `Mixture`.
    shares : ndarray, shape (1 + experts,)
        Likewise.
    corrections : ndarray, shape (n_slots or more,)
        The readout's.
    """

    logits: NDArray[np.float32]
    log_sum: float
    mixed: Floats
    rest: float
    experts: Floats
    rests: Floats
    signs: Floats
    shares: Floats
    corrections: Floats

    def adjusted(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n_vocab,) logits of the final probabilities, up to a constant."""
        found = self.logits.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = np.log(self.mixed / (self.experts[0] * self.rest))
        known = (tokens >= 0) & np.isfinite(moved)
        found[tokens[known]] += moved[known].astype(np.float32)
        return found


def expecting(engine: str = "auto") -> Callable[[Question], Expectation | None]:
    """What answers a `Question`: libecho where it is, else NumPy, which gives the same.

    ``None`` is the answer if the logits are no numbers.

    Parameters
    ----------
    engine : {"auto", "libecho", "python"}
        Which one.

    Raises
    ------
    BackendError
        If it is to be libecho and that is missing.
    """
    if engine != "python":
        try:
            core.library()
            return _by_libecho
        except BackendError:
            if engine == "libecho":
                raise
    return _by_numpy


def log_sum(logits: NDArray[np.float32]) -> tuple[float, float]:
    """The largest of some logits, and the logarithm of the sum of their exponentials."""
    top = float(logits.max())
    return top, top + float(np.log(np.exp(logits - np.float32(top)).sum()))


def _by_libecho(asked: Question) -> Expectation | None:
    n = len(asked.tokens)
    # One block, for each address costs time: experts, mixed, signs, shares, rests.
    sizes = (N_EXPERTS * n, n, (N_EXPERTS - 1) * N_SIGNS, N_EXPERTS, N_EXPERTS)
    block = np.empty(sum(sizes))
    work = np.empty(2 * len(asked.followers), np.float32)
    logits = np.ascontiguousarray(asked.logits, np.float32)
    given = core.Expectation()
    given.logits, given.n_vocab = core.address(logits), len(logits)
    given.tokens, given.n_slots = core.address(asked.tokens), n
    given.corrections = core.address(asked.corrections)
    given.contexts, given.followers = core.address(asked.contexts), core.address(asked.followers)
    given.n_contexts, given.width = asked.contexts.shape
    given.vector, given.weights = core.address(asked.vector), core.address(asked.weights)
    given.resolutions[:] = RESOLUTIONS
    given.most, given.count, given.alone = MOST, asked.count, asked.alone
    at = core.address(block)
    ends = list(accumulate(sizes))
    given.experts, given.mixed = at, at + 8 * ends[0]
    given.signs, given.shares, given.rests = (at + 8 * end for end in ends[1:4])
    given.work = core.address(work)
    core.expect(given)
    if isnan(given.log_sum):
        return None
    experts, mixed, signs, shares, rests = (
        block[end - size : end] for end, size in zip(ends, sizes, strict=True)
    )
    return Expectation(
        logits, given.log_sum, mixed, given.rest, experts.reshape(N_EXPERTS, n), rests,
        signs.reshape(-1, N_SIGNS), shares, asked.corrections,
    )  # fmt: skip


def _by_numpy(asked: Question) -> Expectation | None:
    """The reference."""
    with np.errstate(invalid="ignore"):
        top, total = log_sum(asked.logits)
    if not np.isfinite(total):
        return None
    tokens, n = asked.tokens, len(asked.tokens)
    model = np.exp(asked.logits[tokens].astype(np.float64) - total)
    model[tokens < 0] = 0.0
    experts = np.empty((N_EXPERTS, n))
    rests = np.zeros(N_EXPERTS)
    signs = np.zeros((N_EXPERTS - 1, N_SIGNS))
    sure = top - total
    experts[0], rests[0] = model, 1.0
    moved = model * np.exp(np.clip(asked.corrections[:n], -MOST, MOST))
    scale = 1.0 - float(model.sum()) + float(moved.sum())
    scale = 1.0 / max(scale, float(moved.sum()), _TINY)
    experts[1], rests[1] = moved * scale, scale
    signs[0] = (1.0, np.log1p(asked.count), 0.0, 0.0, sure)
    alike = asked.contexts @ asked.vector
    most = float(alike.max())
    for i, sharpness in enumerate(RESOLUTIONS):
        counts = np.bincount(asked.followers, np.exp(sharpness * (alike - most)), n)
        weight = float(counts.sum())
        found = counts / weight
        likeliest = int(found.argmax())
        experts[2 + i] = found
        signs[1 + i] = (
            1.0,
            sharpness * (most - 1.0) + np.log(weight),
            np.log(found[likeliest]),
            np.log(model[likeliest] + _UNLIKELY),
            sure,
        )
    shares = softmax(signs, asked.weights)
    weights = (1.0 - asked.alone) * shares
    weights[0] += asked.alone
    # What is forbidden stays so, and is no loss for the others: logits need no sum.
    experts[:, model == 0.0] = 0.0
    return Expectation(
        asked.logits, total, weights @ experts, float(weights @ rests), experts, rests, signs,
        shares, asked.corrections,
    )  # fmt: skip
