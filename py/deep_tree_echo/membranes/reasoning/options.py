"""How likely a model finds each of some given continuations."""

from __future__ import annotations

from collections.abc import Sequence

from ...alternatives import log_normaliser
from ...errors import ArgumentError
from ...generation import LanguageModel, Reading, read_on

__all__ = ["option_scores", "read"]


def read(model: LanguageModel, text: str) -> Reading:
    """Where a model stands after a text that it reads from a fresh state."""
    return read_on(model, model.encode(text) or [0], Reading(None, None))


def option_scores(model: LanguageModel, start: Reading, options: Sequence[str]) -> list[float]:
    """The log-probability of each option after ``start``, natural, of all its tokens together.

    Parameters
    ----------
    model : LanguageModel
        Reads them; ``start`` is not changed.
    start : Reading
        The end of what comes before.
    options : sequence of str
        At least one, none empty, a space before the first word included.

    Raises
    ------
    ArgumentError
        If there is no option, or an empty one.

    Examples
    --------
    >>> from deep_tree_echo import Model
    >>> model = Model.load()
    >>> yes, no = option_scores(model, read(model, "User: Hel"), ["lo", "qx"])
    >>> yes > no
    True
    """
    if not options:
        raise ArgumentError("options is empty; give at least one.")

    scores = []
    for option in options:
        tokens = model.encode(option)
        if not tokens:
            raise ArgumentError(f"options holds {option!r}; every option must be a text.")
        reading = start
        total = 0.0
        for place, token in enumerate(tokens):
            total += float(reading.logits[token]) - log_normaliser(reading.logits)
            if place < len(tokens) - 1:
                reading = read_on(model, [token], reading)
        scores.append(total)
    return scores
