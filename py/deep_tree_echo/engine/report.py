"""What an answer's record says of the model, and of what the engine has done so far."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ..backends.chain import Chain
from ..backends.router import Router
from ..errors import EchoError
from ..events import Done
from .sessions import Session

__all__ = ["Tally", "caches_answers", "model_state", "summary"]


def model_state(chain: Chain | Router, session: Session) -> dict[str, Any]:
    """The model that answers, and its recurrent state in a session now.

    ``state_norm`` is the Euclidean norm of all its numbers; the mock and a state that was let go
    have none.
    """
    try:
        backend, description = chain.backend, chain.backend.description
    except EchoError as error:
        return {"error": str(error)}
    state = session.chat.state
    values: dict[str, Any] = {
        "backend": backend.name,
        "model": chain.model_name,
        **description,
        "fingerprint": getattr(getattr(backend, "model", None), "fingerprint", ""),
        "context_tokens": session.chat.context_tokens,
        "kept_state_bytes": session.chat.state_bytes,
        "state_norm": None,
    }
    if hasattr(state, "to_numpy"):
        import numpy as np

        values["state_norm"] = float(np.linalg.norm(state.to_numpy()))
    return values


def summary(tally: Tally, chain: Chain | Router) -> dict[str, Any]:
    """What an engine has done so far, and each backend of a router."""
    backends = chain.statistics() if isinstance(chain, Router) else {}
    return tally.to_json() | {"backends": backends}


def caches_answers(chain: Chain | Router) -> bool:
    """Whether the same question may be answered from memory."""
    if not isinstance(chain, Router):
        return False
    return chain.settings.cache_entries > 0 and chain.settings.cache_seconds > 0


class Tally:
    """Counts what an engine does.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.begin()
    >>> tally.fail()
    >>> tally.to_json()["requests"], tally.to_json()["success_rate"]
    (1, 0.0)
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._seconds: list[float] = [0.0, float("inf"), 0.0]  # in all, least, most
        self._speed: list[float] = [0.0, 0.0]  # tokens, and the seconds that they took

    def begin(self) -> None:
        """A request."""
        self._counts["requests"] += 1

    def fail(self) -> None:
        """A request that was not answered."""
        self._counts["errors"] += 1

    def leave(self) -> None:
        """A request whose answer nobody waited for."""
        self._counts["left"] += 1

    def finish(self, done: Done, seconds: float) -> None:
        """A request that was answered in so many seconds."""
        self._counts["answers"] += 1
        self._counts["cancelled"] += done.stop_reason == "cancelled"
        self._counts["tokens"] += done.n_tokens
        self._counts[f"by {done.backend}"] += 1
        total, least, most = self._seconds
        self._seconds = [total + seconds, min(least, seconds), max(most, seconds)]
        if done.tokens_per_second:
            self._speed[0] += done.n_tokens - 1
            self._speed[1] += (done.n_tokens - 1) / done.tokens_per_second

    def to_json(self) -> dict[str, Any]:
        """Everything so far; rates and times are ``None`` where there is nothing to count."""
        counts, answers = self._counts, self._counts["answers"]
        over = answers + counts["errors"]
        total, least, most = self._seconds
        tokens, seconds = self._speed
        backends = {key[3:]: n for key, n in counts.items() if key.startswith("by ")}
        return {
            **{name: counts[name] for name in ("requests", "answers", "errors", "left")},
            "cancelled": counts["cancelled"],
            "success_rate": answers / over if over else None,
            "total_time": total,
            "avg_time": total / answers if answers else None,
            "min_latency": least if answers else None,
            "max_latency": most if answers else None,
            "tokens": counts["tokens"],
            "tokens_per_second": tokens / seconds if seconds else None,
            "answers_by_backend": backends,
        }
