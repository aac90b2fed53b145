"""What is learned from a text, and what is expected from it of the next token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .contexts import Contexts
from .expectation import Expectation, Question, expecting, log_sum
from .mixture import Mixture
from .readout import Readout
from .senses import Sensed, Senses
from .settings import AdaptationSettings
from .slots import Slots

__all__ = ["Learner"]

Floats = NDArray[np.float64]

_SPARE = 128


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
    engine : {"auto", "libecho", "python"}
        What finds expectations.
    """

    def __init__(
        self, n_vocab: int, senses: Senses, settings: AdaptationSettings, engine: str = "auto"
    ) -> None:
        n_features = senses.n_features
        self.n_vocab, self.n_features, self.window = n_vocab, n_features, settings.window
        self.slots = Slots(min(n_vocab, settings.window + _SPARE))
        self.contexts = Contexts(settings.window, senses.width)
        self.readout = Readout(
            n_features, self.slots.capacity, settings.regularisation, settings.gain
        )
        self.mixture = Mixture(settings.rate, settings.share)
        self._expect = expecting(engine)

    def expect(self, logits: NDArray[np.float32], sensed: Sensed) -> Expectation | None:
        """What is expected after ``logits`` (n_vocab,) in a context; ``None`` if nothing is known.

        Logits of ``-inf`` stay what they are.
        """
        if not len(self.slots.tokens):
            return None
        size = self.contexts.size
        return self._expect(
            Question(
                logits,
                self.slots.tokens,
                self.readout.corrections(sensed.features),
                self.contexts.vectors[:size],
                self.contexts.slots[:size],
                sensed.vector,
                self.mixture.weights,
                self.mixture.alone,
                self.contexts.count,
            )
        )

    def probabilities(self, expected: Expectation, token: int) -> tuple[float, float, Floats]:
        """What model, mixture and each expert (1 + experts,) gave to a token."""
        slot = self.slots.find(token)
        if slot >= 0:
            given = expected.experts[:, slot]
            return float(given[0]), float(expected.mixed[slot]), given
        model = float(np.exp(float(expected.logits[token]) - expected.log_sum))
        return model, model * expected.rest, model * expected.rests

    def alone(self, logits: NDArray[np.float32], token: int) -> float:
        """The model's own probability of a token."""
        return float(np.exp(float(logits[token]) - log_sum(logits)[1]))

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
