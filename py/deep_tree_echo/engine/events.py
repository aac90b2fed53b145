"""What the engine adds to the events of an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..events import Done, Event
from ..membranes.base import MembraneName, MembraneResponse

__all__ = ["Activity", "EnhancementMetadata", "Membrane", "Result"]


@dataclass(frozen=True, slots=True)
class Membrane(Event):
    """A membrane begins or ends a step of its work.

    ``step`` is ``prepare`` or ``learn`` (memory), ``begin`` or ``finish`` (grammar, reasoning).
    At its end there are the ``seconds`` that it took, the ``numbers`` that it gave and, where it
    failed, the sentence that says why.
    """

    name: MembraneName
    step: str
    phase: Literal["begin", "end"]
    seconds: float = 0.0
    numbers: dict[str, float] = field(default_factory=dict)
    error: str = ""
    type: Literal["membrane"] = "membrane"


@dataclass(frozen=True, slots=True)
class Activity(Event):
    """What the reservoir does that the model's hidden states drive.

    Parameters
    ----------
    tokens : int
        How many have driven it in this session.
    size : int
        Its units.
    norm : float
        The Euclidean norm of its state.
    mean_abs : float
        The mean of its units' moduli.
    change : float
        The norm of what the last token changed.
    units : list of float, shape (min(size, 64),)
        The first units.
    """

    tokens: int
    size: int
    norm: float
    mean_abs: float
    change: float
    units: list[float]
    type: Literal["reservoir"] = "reservoir"


@dataclass(frozen=True, slots=True)
class EnhancementMetadata:
    """How an answer was made, by the names of the founding documents.

    Parameters
    ----------
    rwkv_cpp_enhanced : bool
        Whether libecho gave it.
    parallel_processing : bool
        Whether other answers were made at the same time, in turns.
    cache_enabled : bool
        Whether states of earlier turns, or whole answers, may be used again.
    performance_metrics : dict
        Tokens, tokens read again or not, and the seconds of every step.
    """

    rwkv_cpp_enhanced: bool
    parallel_processing: bool
    cache_enabled: bool
    performance_metrics: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Done):
    """The last event of an answer by the engine: `Done`, and what every part of it did.

    Parameters
    ----------
    memory_response, reasoning_response, grammar_response : MembraneResponse
        What each membrane did; ``internal_state["active"]`` is ``False`` where there is none.
    integrated_response : str
        The answer; the same as ``text``.
    overall_confidence : float or None
        The mean of the membranes' confidences, of those that have one.
    total_processing_time : float
        Seconds from the request to here.
    backend_used : str
        The same as ``backend``.
    model_state : dict
        The model and its recurrent state now.
    performance_summary : dict
        What the engine and its backends have done so far.
    enhancement_metadata : EnhancementMetadata
        How this answer was made.
    fallback_mode : bool
        Whether a better backend could not be used, or nobody but the mock answered.
    error : str or None
        Why a membrane failed, though the answer came.
    temporal_context : list
        That of the request, as it was.
    """

    memory_response: MembraneResponse
    reasoning_response: MembraneResponse
    grammar_response: MembraneResponse
    integrated_response: str
    overall_confidence: float | None
    total_processing_time: float
    backend_used: str
    model_state: dict[str, Any]
    performance_summary: dict[str, Any]
    enhancement_metadata: EnhancementMetadata
    fallback_mode: bool
    error: str | None
    temporal_context: list[Any]
