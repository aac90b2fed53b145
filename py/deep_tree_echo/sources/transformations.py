"""The transformations of an input vector that the pipelines name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .aggregation import GOOD_QUALITY
from .pipelines import LOAD, MANY

__all__ = ["clip", "repeat", "standardize", "thin_out", "transformed", "truncate"]

Floats = NDArray[np.float64]
Data = Mapping[str, Any]

EPSILON: Final = 1e-8
"""Added to the deviation, so that a constant vector becomes 0."""


def truncate(vector: Floats, source: Data) -> Floats:
    """The beginning of a (n, 1) vector: as much as a quarter of the length that a model knows."""
    length = source.get("max_model_len")
    return vector if length is None else vector[: max(1, length // 4)]


def clip(vector: Floats, source: Data) -> Floats:
    """A (n, 1) vector within the ids of a vocabulary."""
    size = source.get("vocab_size")
    found: Floats = vector if size is None else np.clip(vector, 0, size - 1)
    return found


def thin_out(vector: Floats, source: Data) -> Floats:
    """Every second entry of a (n, 1) vector while very much is under way."""
    return vector[::2] if (source.get("concurrent_requests") or 0) > LOAD else vector


def repeat(vector: Floats, source: Data) -> Floats:
    """Each entry of a (n, 1) vector twice where there is room for very much."""
    room = (source.get("max_concurrent_processes") or 0) > MANY
    return np.repeat(vector, 2, axis=0) if room else vector


def standardize(vector: Floats) -> Floats:
    """A (n, 1) vector with mean 0 and deviation 1.

    Examples
    --------
    >>> standardize(np.array([[1.0], [3.0]])).round(6).tolist()
    [[-1.0], [1.0]]
    """
    found: Floats = (vector - vector.mean()) / (vector.std() + EPSILON)
    return found


_STEPS: Final[dict[str, Callable[[Floats, Data], Floats]]] = {
    "truncate": truncate,
    "clip": clip,
    "thin_out": thin_out,
    "repeat": repeat,
}


def transformed(tokens: Sequence[int], multi_source_data: Data) -> Floats:
    """The input vector that the pipelines make of some tokens.

    Parameters
    ----------
    tokens : sequence of int
        The input, at least one.
    multi_source_data : mapping
        As of `multi_source_data`.

    Returns
    -------
    ndarray of float64, shape (n, 1)
        The tokens, as far as they are left; standardised if more than 0.7 of the sources have
        answered and the engine is ready.

    Raises
    ------
    ArgumentError
        If there are no tokens, or a pipeline names a transformation that there is not.
    """
    if not len(tokens):
        raise ArgumentError("tokens is empty; give at least one.")
    vector: Floats = np.asarray(tokens, dtype=np.float64).reshape(-1, 1)
    found = multi_source_data["processing_pipelines"]["transformation_pipelines"]
    for pipeline in sorted(found, key=lambda one: one["priority"]):
        source = multi_source_data["sources"].get(pipeline["source"], {})
        for name in pipeline["transformations"]:
            if name not in _STEPS:
                raise ArgumentError(f"transformation is {name!r}; it must be one of {[*_STEPS]}.")
            vector = _STEPS[name](vector, source)
    aggregation = multi_source_data["aggregation"]
    ready = aggregation["optimization_hints"]["engine_ready"]
    if aggregation["data_quality_score"] > GOOD_QUALITY and ready:
        vector = standardize(vector)
    return vector
