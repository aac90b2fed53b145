"""What happens while an answer is made, as plain data.

Each event has a ``type`` and turns into JSON the same way at every door: page, HTTP server and
command line.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

StopReason = Literal["end", "length", "stop", "cancelled"]
"""Why an answer ended: end of text, ``max_tokens``, a stop string, or the user."""


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events."""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, strings and numbers.

        Examples
        --------
        >>> Prompt(done=3, total=12).to_json()
        {'done': 3, 'total': 12, 'type': 'prompt'}
        """
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Prompt(Event):
    """The prompt is being read: ``done`` of ``total`` tokens."""

    done: int
    total: int
    type: Literal["prompt"] = "prompt"


@dataclass(frozen=True, slots=True)
class Token(Event):
    """One token of the answer.

    ``text`` is what can be shown now: empty while the bytes of a character are incomplete or a
    stop string may be under way. ``probability`` is the model's own, before any sampling
    setting; NaN never occurs, and a backend without probabilities gives ``None``.
    """

    text: str
    id: int
    probability: float | None
    index: int
    type: Literal["token"] = "token"


@dataclass(frozen=True, slots=True)
class Failure:
    """A backend that could not be used, and why, in one sentence."""

    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fallback(Event):
    """The answer goes on with ``backend`` because ``failure`` happened."""

    backend: str
    failure: Failure
    type: Literal["fallback"] = "fallback"


@dataclass(frozen=True, slots=True)
class Branch(Event):
    """One token of one of several candidate answers, before any of them is chosen.

    ``index`` is the candidate's number from 0. ``log_probability`` is the natural logarithm of
    what `Token` calls ``probability``.
    """

    index: int
    text: str
    id: int
    log_probability: float | None
    type: Literal["branch"] = "branch"


@dataclass(frozen=True, slots=True)
class Choice(Event):
    """Candidate number ``chosen`` is the answer; its `Token` events follow.

    ``votes`` are the groups of candidates that say the same, ``tree`` their shared beginnings, as
    the reasoning membrane describes them. ``confidence`` is ``None`` where there is nothing to
    compute it from, and ``calibrated`` tells whether it is known how often it is right.
    """

    chosen: int
    confidence: float | None
    calibrated: bool
    votes: list[dict[str, Any]]
    tree: list[dict[str, Any]]
    type: Literal["choice"] = "choice"


@dataclass(frozen=True, slots=True)
class Metrics(Event):
    """Live figures: speed over the last second, tokens read so far in this conversation."""

    tokens_per_second: float
    context_tokens: int
    memory_bytes: int
    type: Literal["metrics"] = "metrics"


@dataclass(frozen=True, slots=True)
class Done(Event):
    """The answer is complete; names the backend that really answered."""

    text: str
    backend: str
    model: str
    stop_reason: StopReason
    n_tokens: int
    context_tokens: int
    tokens_per_second: float
    first_token_seconds: float
    memory_bytes: int
    failures: list[Failure] = field(default_factory=list)
    type: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Error(Event):
    """The answer could not be made; ``message`` is one sentence."""

    message: str
    kind: str
    type: Literal["error"] = "error"
