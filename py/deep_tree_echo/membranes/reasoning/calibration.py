"""How often an answer is right that a model is so sure of.

Guo et al., On Calibration of Modern Neural Networks, 2017 (arXiv:1706.04599): one temperature for
the probabilities of given options. Platt, Probabilistic Outputs for Support Vector Machines, 1999:
a logistic function of the evidence for what was drawn freely.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ...errors import ArgumentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BINS",
    "Calibration",
    "Evidence",
    "Judgement",
    "OptionEvidence",
    "bundled",
    "calibration_error",
    "fit_logistic",
    "fit_temperature",
    "reliability",
]

BINS = 15
"""Bins of the calibration error, with equally many answers each."""

_SURE = 40.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an answer that was drawn.

    Parameters
    ----------
    n_candidates : int
        How many voted.
    share : float
        Of the winning group, in (0, 1].
    per_token : float or None
        The answer's mean log-probability, natural; ``None`` where the backend gives none.
    n_tokens : int
        Tokens of the answer.
    """

    n_candidates: int
    share: float
    per_token: float | None
    n_tokens: int

    def features(self) -> list[float] | None:
        """What the logistic function weighs, or ``None`` where there are no probabilities.

        One; the log-odds of the share, with half a vote on either side, so that a unanimous one is
        finite; the logarithm of how unlikely all of the answer is, in nats, and of its length,
        both with their squares. Logarithms, for answers known by heart lie close to certainty.
        """
        if self.per_token is None:
            return None
        n = self.n_candidates
        odds = (n * self.share + 0.5) / (n * (1 - self.share) + 0.5)
        doubt = math.log(0.05 - self.per_token * self.n_tokens)
        length = math.log1p(self.n_tokens)
        return [1.0, math.log(odds), doubt, doubt**2, length, length**2]

    @property
    def known_features(self) -> list[float]:
        """As `features`, where there are probabilities."""
        features = self.features()
        if features is None:
            raise ArgumentError("per_token is None; without probabilities there is no evidence.")
        return features

    @property
    def raw(self) -> float | None:
        """A confidence that nobody has calibrated.

        The share of the votes, or of one candidate the mean probability of its tokens (geometric).
        """
        if self.per_token is None:
            return None
        return self.share if self.n_candidates > 1 else math.exp(self.per_token)


@dataclass(frozen=True, slots=True)
class OptionEvidence:
    """How likely a model finds some given answers.

    Parameters
    ----------
    scores : tuple of float
        The log-probability of each, natural, all tokens together.
    sizes : tuple of int
        Their bytes.
    """

    scores: tuple[float, ...]
    sizes: tuple[int, ...]

    @property
    def per_byte(self) -> list[float]:
        """What they are compared by, so that a long one is not at a disadvantage."""
        return [score / size for score, size in zip(self.scores, self.sizes, strict=True)]

    @property
    def best(self) -> int:
        """The place of the one to choose."""
        values = self.per_byte
        return values.index(max(values))

    def features(self) -> list[float]:
        """What the logistic function weighs.

        One; the best option's lead over the next one and its unlikelihood, both per byte, as
        logarithms with their squares; the mean unlikelihood; its lead in nats, signed and as a
        logarithm; the mean length with its square, and the best one's length over that.
        """
        values, best = self.per_byte, self.best
        others = [place for place in range(len(values)) if place != best]
        lead = math.log(1e-3 + values[best] - max(values[place] for place in others))
        doubt = math.log(1e-2 - values[best])
        nats = self.scores[best] - max(self.scores[place] for place in others)
        size = math.fsum(self.sizes) / len(self.sizes)
        return [
            1.0,
            lead,
            lead**2,
            doubt,
            doubt**2,
            math.log(1e-2 - math.fsum(values) / len(values)),
            math.copysign(math.log1p(abs(nats)), nats),
            math.log(size),
            math.log(size) ** 2,
            math.log(self.sizes[best] / size),
        ]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How sure to be of an answer.

    Parameters
    ----------
    confidence : float or None
        In [0, 1]; ``None`` where the backend gives no probabilities.
    calibrated : bool
        Whether it has been measured how often such answers of this model are right.
    """

    confidence: float | None
    calibrated: bool


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was fitted for one model.

    Parameters
    ----------
    temperature : float
        Divides the log-probabilities per byte of given options.
    option : tuple of float, length 10
        Weights of `OptionEvidence.features`.
    single, vote : tuple of float, length 6
        Weights of `Evidence.features`, for one candidate and for several.
    tasks : str
        What it was fitted on.
    """

    temperature: float
    option: tuple[float, ...]
    single: tuple[float, ...]
    vote: tuple[float, ...]
    tasks: str

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ArgumentError(f"temperature is {self.temperature!r}; it must be above 0.")
        for name, count in (("option", 10), ("single", 6), ("vote", 6)):
            weights = getattr(self, name)
            if len(weights) != count or not all(map(math.isfinite, weights)):
                raise ArgumentError(f"{name} is {weights!r}; give {count} finite numbers.")

    def judge(self, evidence: Evidence) -> Judgement:
        """The confidence in an answer that was drawn."""
        features = evidence.features()
        if features is None:
            return Judgement(None, calibrated=False)
        weights = self.vote if evidence.n_candidates > 1 else self.single
        return Judgement(_logistic(weights, features), calibrated=True)

    def weigh(self, evidence: OptionEvidence) -> list[float]:
        """The probability of each given answer to be the right one; they sum to 1.

        The best one's is the logistic function of the evidence, which was fitted on four options,
        but never less than an even share; the others share the rest as the temperature says.
        """
        if len(evidence.scores) == 1:
            return [1.0]
        best = max(_logistic(self.option, evidence.features()), 1 / len(evidence.scores))
        values, place = evidence.per_byte, evidence.best
        rest = softmax([value for at, value in enumerate(values) if at != place], self.temperature)
        shares = [(1 - best) * share for share in rest]
        return [*shares[:place], best, *shares[place:]]

    def to_json(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Calibration:
        """Of what `to_json` gave."""
        return cls(
            float(data["temperature"]),
            tuple(data["option"]),
            tuple(data["single"]),
            tuple(data["vote"]),
            data["tasks"],
        )


@cache
def bundled() -> dict[str, Calibration]:
    """The calibrations that come with the package, by the fingerprint of the model."""
    text = resources.files(__package__).joinpath("calibrations.json").read_text("utf-8")
    return {key: Calibration.from_json(value) for key, value in json.loads(text).items()}


def fit_temperature(scores: Sequence[Sequence[float]], right: Sequence[int]) -> float:
    """The temperature under which the right options are likeliest.

    Parameters
    ----------
    scores : sequence of sequence of float
        Log-probabilities of the options of each question.
    right : sequence of int
        The place of the right one.

    Returns
    -------
    float
        Between 1/1000 and 1000.

    Examples
    --------
    >>> round(fit_temperature([[2.0, 0.0]] * 4, [0, 0, 0, 1]), 3)
    1.82
    """
    if not scores or len(scores) != len(right):
        raise ArgumentError(
            f"There are {len(scores)} questions and {len(right)} answers; give one each."
        )

    def slope(inverse: float) -> float:
        """Of the log-likelihood, which is concave in the inverse temperature."""
        total = 0.0
        for values, place in zip(scores, right, strict=True):
            shares = softmax(values, 1 / inverse)
            expected = math.fsum(share * value for share, value in zip(shares, values, strict=True))
            total += values[place] - expected
        return total

    low, high = 1e-3, 1e3
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return 1 / math.sqrt(low * high)


def softmax(scores: Sequence[float], temperature: float) -> list[float]:
    """Probabilities of options by their log-probabilities."""
    most = max(scores)
    weights = [math.exp((score - most) / temperature) for score in scores]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def fit_logistic(features: ArrayLike, right: ArrayLike, strength: float = 1.0) -> list[float]:
    """Weights under which the probabilities of being right are likeliest.

    Parameters
    ----------
    features : array_like, shape (answers, features)
        The first one is 1 everywhere.
    right : array_like of bool, shape (answers,)
        Whether each answer is right. As Platt does, a right one counts as slightly less than 1
        and a wrong one as slightly more than 0.
    strength : float
        Of the pull to weights of 0, which keeps them finite, whatever a feature is measured in;
        the first is free.

    Returns
    -------
    list of float, shape (features,)
        By Newton's method.
    """
    import numpy as np

    x = np.asarray(features, np.float64)
    hit = np.asarray(right, bool)
    if x.ndim != 2 or x.shape[0] != hit.size or hit.size == 0:
        raise ArgumentError(
            f"features has the shape {x.shape} and right {hit.shape}; give one row for each answer."
        )
    targets = np.where(hit, (hit.sum() + 1) / (hit.sum() + 2), 1 / ((~hit).sum() + 2))
    spread = x.var(axis=0)
    pull = strength * np.where(spread > 1e-12, spread, 1.0)
    pull[0] = 0.0
    weights = np.zeros(x.shape[1])

    def loss(tried: NDArray[np.float64]) -> float:
        scores = x @ tried
        return float(np.sum(np.logaddexp(0, scores) - targets * scores) + pull @ tried**2 / 2)

    for _ in range(100):
        chances = 1 / (1 + np.exp(-np.clip(x @ weights, -_SURE, _SURE)))
        slope = x.T @ (chances - targets) + pull * weights
        bend = (x.T * (chances * (1 - chances))) @ x + np.diag(pull + 1e-9)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while size > 1e-6 and loss(weights - size * step) > loss(weights):
            size /= 2
        weights = weights - size * step
        if np.abs(size * step).max() < 1e-9:
            break
    return [float(weight) for weight in weights]


def reliability(
    confidence: ArrayLike, right: ArrayLike, bins: int = BINS
) -> list[tuple[int, float, float]]:
    """Of bins with equally many answers each: how many, mean confidence, share that is right.

    Parameters
    ----------
    confidence : array_like, shape (answers,)
        In [0, 1].
    right : array_like of bool, shape (answers,)
        Whether each answer is right.
    bins : int
        How many bins; fewer if there are fewer answers.
    """
    import numpy as np

    sure, hit = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    if sure.shape != hit.shape or sure.ndim != 1 or sure.size == 0:
        raise ArgumentError(
            f"confidence has the shape {sure.shape} and right {hit.shape}; give one for each "
            "answer."
        )
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, min(bins, sure.size))
    return [(len(part), float(sure[part].mean()), float(hit[part].mean())) for part in parts]


def calibration_error(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """The expected calibration error of Naeini et al. 2015, in bins of equal mass.

    Parameters
    ----------
    confidence, right, bins
        As for `reliability`.

    Examples
    --------
    >>> calibration_error([0.8] * 5, [True, True, True, True, False], bins=1)
    0.0
    """
    table = reliability(confidence, right, bins)
    total = sum(count for count, _, _ in table)
    return math.fsum(count * abs(sure - hit) for count, sure, hit in table) / total


def _logistic(weights: Sequence[float], features: Sequence[float]) -> float:
    score = math.fsum(weight * value for weight, value in zip(weights, features, strict=True))
    return 1 / (1 + math.exp(-max(-_SURE, min(_SURE, score))))
