"""What is learned from a text, and what is expected from it of the next token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contexts import RESOLUTIONS, Contexts
from .mixture import N_SIGNS, Mixture
from .readout import MOST, Readout
from .senses import Sensed, Senses
from .settings import AdaptationSettings
from .slots import Slots

__all__ = ["Expectation", "Learner"]

Floats = NDArray[np.float64]

_SPARE = 128
_TINY = 1e-30


@dataclass(slots=True)
class Expectation:
    """What is expected of one token, by everyone.

    Parameters
    ----------
    logits : ndarray of float32, shape (n_vocab,)
        The model's.
    log_sum : float
        The logarithm of the sum of their exponentials.
    model, mixed : ndarray, shape (n_slots,)
        Probabilities of the tokens that have slots: the model's, and the final ones.
    rest : float
        What the probability of every other token is multiplied with.
    experts : ndarray, shape (1 + experts, n_slots)
        Probabilities by each expert, the model first.
    rests : ndarray, shape (1 + experts,)
        As ``rest``, for each expert.
    signs, shares : ndarray
        See `Mixture`.
    corrections : ndarray, shape (n_rows of the readout,)
        The readout's.
    """

    logits: NDArray[np.float32]
    log_sum: float
    model: Floats
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
            moved = np.log(self.mixed / (self.model * self.rest))
        known = (tokens >= 0) & np.isfinite(moved)
        found[tokens[known]] += moved[known].astype(np.float32)
        return found


def log_sum(logits: NDArray[np.float32]) -> tuple[float, float]:
    """The largest of some logits, and the logarithm of the sum of their exponentials."""
    top = float(logits.max())
    return top, top + float(np.log(np.exp(logits - np.float32(top)).sum()))


class Learner:
    """A readout and a memory of contexts, over the model's hidden state and a reservoir.

    Parameters
    ----------
    n_vocab : int
        Logits.
    senses : Senses
        What it sees of a place.
    settings : AdaptationSettings
        Sizes and rates.
    """

    def __init__(self, n_vocab: int, senses: Senses, settings: AdaptationSettings) -> None:
        n_features = senses.n_features
        self.log_sum = log_sum
        """Finds the logarithm of the sum of the exponentials of logits."""
        self.n_vocab, self.n_features, self.window = n_vocab, n_features, settings.window
        self.slots = Slots(min(n_vocab, settings.window + _SPARE))
        self.contexts = Contexts(settings.window, senses.width)
        self.readout = Readout(
            n_features, self.slots.capacity, settings.regularisation, settings.gain
        )
        self.mixture = Mixture(settings.rate, settings.share)

    def expect(self, logits: NDArray[np.float32], sensed: Sensed) -> Expectation | None:
        """What is expected after ``logits`` (n_vocab,) in a context; ``None`` if nothing is known.

        Logits of ``-inf`` stay what they are.
        """
        n = len(self.slots.tokens)
        if not n:
            return None
        top, total = self.log_sum(logits)
        if not np.isfinite(total):
            return None
        tokens = self.slots.tokens
        model = np.exp(logits[tokens].astype(np.float64) - total)
        model[tokens < 0] = 0.0
        corrections = self.readout.corrections(sensed.features)
        experts = np.empty((2 + len(RESOLUTIONS), n))
        rests = np.zeros(len(experts))
        signs = np.zeros((len(experts) - 1, N_SIGNS))
        sure = top - total
        experts[0], rests[0] = model, 1.0
        moved = model * np.exp(np.clip(corrections[:n], -MOST, MOST))
        scale = 1.0 - float(model.sum()) + float(moved.sum())
        scale = 1.0 / max(scale, float(moved.sum()), _TINY)
        experts[1], rests[1] = moved * scale, scale
        signs[0] = (1.0, np.log1p(self.contexts.count), 0.0, 0.0, sure)
        for i, (shares, density) in enumerate(self.contexts.expect(sensed.vector, n), 2):
            likeliest = int(shares.argmax())
            experts[i] = shares
            signs[i - 1] = (
                1.0,
                density,
                np.log(shares[likeliest]),
                np.log(model[likeliest] + 1e-6),
                sure,
            )
        shares = self.mixture.shares(signs)
        alone = self.mixture.alone
        weights = (1.0 - alone) * shares
        weights[0] += alone
        # What is forbidden stays so, and is no loss for the others: logits need no sum.
        experts[:, model == 0.0] = 0.0
        return Expectation(
            logits, total, model, weights @ experts, float(weights @ rests), experts, rests,
            signs, shares, corrections,
        )  # fmt: skip

    def probabilities(self, expected: Expectation, token: int) -> tuple[float, float, Floats]:
        """What model, mixture and each expert (1 + experts,) gave to a token."""
        slot = self.slots.find(token)
        if slot >= 0:
            return (
                float(expected.model[slot]),
                float(expected.mixed[slot]),
                expected.experts[:, slot],
            )
        model = float(np.exp(float(expected.logits[token]) - expected.log_sum))
        return model, model * expected.rest, model * expected.rests

    def alone(self, logits: NDArray[np.float32], token: int) -> float:
        """The model's own probability of a token."""
        return float(np.exp(float(logits[token]) - self.log_sum(logits)[1]))

    def learn(self, expected: Expectation | None, sensed: Sensed, token: int) -> None:
        """Learns that a token came in a context."""
        released = np.empty(0, np.int64)
        if expected is not None:
            _, _, given = self.probabilities(expected, token)
            self.mixture.learn(expected.signs, expected.shares, given)
        if self.slots.is_full(token):
            released = self.slots.release(self.window)
            self.readout.forget(released)
        slot = self.slots.of(token)
        self.readout.grow(len(self.slots.tokens))
        corrections = np.zeros(self.readout.n_rows)
        errors = np.zeros(self.readout.n_rows)
        if expected is not None:
            corrections[: len(expected.corrections)] = expected.corrections
            errors[: expected.experts.shape[1]] = -expected.experts[1]
        corrections[released] = errors[released] = 0.0
        errors[slot] += 1.0
        self.readout.learn(sensed.features, corrections, errors)
        self.contexts.learn(sensed.vector, slot)

    @property
    def nbytes(self) -> int:
        """Memory, in bytes."""
        width = self.n_features + 1
        readout = 8 * width * (self.readout.n_rows + width // 2)
        return readout + self.contexts.vectors.nbytes + 16 * self.slots.capacity

    def arrays(self) -> dict[str, Any]:
        """All that was learned, by names."""
        weights, covariance = self.readout.arrays()
        n, size = len(self.slots.tokens), self.contexts.size
        return {
            "tokens": self.slots.tokens,
            "seen": self.slots.seen,
            "weights": weights[:n],
            "covariance": covariance,
            "vectors": self.contexts.vectors[:size],
            "slots": self.contexts.slots[:size],
            "counts": np.array([self.slots.count, self.contexts.count]),
            "mixture": self.mixture.weights,
            "squares": self.mixture.squares,
            "trust": np.array([self.mixture.alone, self.mixture.bits]),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Puts `arrays` back into a fresh learner of the same sizes.

        Raises
        ------
        ValueError
            If their shapes or values do not fit.
        """
        n, size = len(arrays["tokens"]), len(arrays["slots"])
        shapes = {
            "tokens": (n,), "seen": (n,), "weights": (n, self.n_features + 1),
            "covariance": (self.n_features + 1, self.n_features + 1),
            "vectors": (size, self.contexts.vectors.shape[1]), "slots": (size,), "counts": (2,),
            "mixture": self.mixture.weights.shape, "squares": self.mixture.squares.shape,
            "trust": (2,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} has the shape {arrays[name].shape}, not {shape}")
        counts = arrays["counts"].tolist()
        if n > self.slots.capacity or size != min(max(counts[1], 0), self.window):
            raise ValueError(f"it has {n} tokens and {size} contexts of {counts[1]}")
        if size and not 0 <= arrays["slots"].min() <= arrays["slots"].max() < n:
            raise ValueError("a context has no token")
        if n and not -1 <= arrays["tokens"].min() <= arrays["tokens"].max() < self.n_vocab:
            raise ValueError(f"a token is not below {self.n_vocab}")
        alone, bits = arrays["trust"].tolist()
        if not 0.0 < alone <= 1.0:
            raise ValueError(f"the model alone is trusted {alone}")
        self.slots.restore(arrays["tokens"], arrays["seen"], counts[0])
        self.readout.restore(arrays["weights"], arrays["covariance"])
        self.contexts.vectors[:size], self.contexts.slots[:size] = (
            arrays["vectors"],
            arrays["slots"],
        )
        self.contexts.count = counts[1]
        self.mixture.weights, self.mixture.squares = arrays["mixture"], arrays["squares"]
        self.mixture.alone, self.mixture.bits = alone, bits
