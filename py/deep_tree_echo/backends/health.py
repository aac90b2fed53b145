"""The health of a backend: a few tokens evaluated against an answer that is known."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from ..errors import EchoError
from ..events import Token
from ..sampling import SamplingSettings
from .statistics import Speed
from .watched import Finite, Loaded

__all__ = ["Health", "Known", "check"]

PROBE: Final = "One, two, three,"
"""What is read."""
TOKENS: Final = 6
"""How many tokens follow; the speed is that of all but the first."""
SAME: Final = 1e-3
"""How far a probability may be from the one that the same backend gave before."""
ALIKE: Final = 0.02
"""And from that of another backend with the same model: their sums round in other orders."""

Known = dict[str, tuple[str, list[Token]]]
"""For each fingerprint who first answered, and what."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found.

    Attributes
    ----------
    backend : str
        Who was checked.
    healthy : bool
        Whether the answer was right and came in time.
    reason : str
        Why not, in one sentence; empty if it is.
    seconds : float
        How long it took.
    tokens_per_second : float or None
        How fast the tokens came.
    checked_at : float
        When, in seconds since 1970.
    """

    backend: str
    healthy: bool
    reason: str
    seconds: float
    tokens_per_second: float | None
    checked_at: float

    def to_json(self) -> dict[str, Any]:
        """The fields."""
        return asdict(self)


def check(
    loaded: Loaded, limit: float, earlier: list[Token] | None, known: Known
) -> tuple[Health, list[Token]]:
    """Checks a backend.

    Parameters
    ----------
    loaded : Loaded
        Which one.
    limit : float
        The most seconds; where there are threads, the check is over by then.
    earlier : list of Token or None
        What the same backend answered before.
    known : dict
        What others answered; a first answer is entered.

    Returns
    -------
    Health
        What was found; nothing is raised for a backend that fails.
    list of Token
        What it answered.
    """
    begin, speed, reason = time.perf_counter(), Speed(), ""
    tokens: list[Token] = []
    try:
        tokens, _ = loaded.run(lambda: _answer(loaded, speed), limit)
    except EchoError as error:
        reason = str(error)
    seconds = time.perf_counter() - begin
    if not reason and seconds > limit:
        reason = f"{loaded.name} took {seconds:.2g} s for a check; it may take {limit:g} s."
    if not reason and earlier is not None:
        reason = _differs(loaded.name, tokens, earlier, "", SAME)
    if not reason and loaded.fingerprint:
        who, others = known.setdefault(loaded.fingerprint, (loaded.name, tokens))
        if who != loaded.name:
            reason = _differs(loaded.name, tokens[:1], others[:1], who, ALIKE)
    rate = None if reason else speed.tokens_per_second
    return Health(loaded.name, not reason, reason, seconds, rate, time.time()), tokens


def _answer(loaded: Loaded, speed: Speed) -> list[Token]:
    generation = loaded.backend.generate(
        PROBE,
        max_tokens=TOKENS,
        settings=SamplingSettings(temperature=0, seed=0),
        guidance=(Finite(),),
    )
    tokens: list[Token] = []
    last = 0.0
    for event in generation:
        now = time.perf_counter()
        if isinstance(event, Token):
            if tokens:
                speed.add(now - last)
            tokens.append(event)
        last = now
    return tokens


def _differs(name: str, ours: list[Token], theirs: list[Token], who: str, within: float) -> str:
    """In what an answer differs from that of ``who``, or from an earlier one; empty if alike."""
    for mine, other in zip(ours, theirs, strict=False):
        p, q = mine.probability, other.probability
        if p is None or q is None:
            same = mine.text == other.text
        else:
            # Tokens that are equally likely may change places between two backends.
            same = abs(p - q) <= within and (mine.id == other.id or who != "")
        if not same:
            return (
                f"{name} gives token {mine.id} with probability {p}, where {who or 'it'} gave "
                f"token {other.id} with {q}; load it again."
            )
    if len(ours) != len(theirs):
        return f"{name} gives {len(ours)} tokens instead of {len(theirs)}; load it again."
    return ""
