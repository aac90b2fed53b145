"""What a processor knows of its engine, in the structure that the documents name.

The engine is a `Model`, a backend that holds one, or a chain of backends. It is looked at afresh
for every request, so a model that was changed or closed is seen at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import Any

from ..errors import EchoError
from ..sampling import SamplingSettings
from .inputs import LanguageModel
from .processor_config import DTESNConfig
from .turns import HEAD_START, PRIORITIES

__all__ = ["EngineView", "look_at", "optimal_esn_size", "optimal_membrane_depth"]

_NEEDED = ("encode", "eval", "hidden")


@dataclass(frozen=True, slots=True)
class EngineView:
    """An engine at one moment.

    Attributes
    ----------
    engine : object
        What was given; ``None`` if nothing was.
    model : LanguageModel or None
        The model in it whose hidden states can be had.
    reason : str
        Why there is none, in one sentence; empty if there is one.
    max_model_len : int or None
        The length of the texts that it was trained on, if that is known.
    """

    engine: Any
    model: LanguageModel | None
    reason: str
    max_model_len: int | None

    @property
    def fingerprint(self) -> str:
        """Which model it is; empty if there is none, or nobody knows."""
        return str(getattr(self.model, "fingerprint", ""))

    def can(self, name: str) -> bool:
        """Whether the engine or its model has such a method."""
        return any(callable(getattr(one, name, None)) for one in (self.engine, self.model))


def look_at(engine: Any, config: DTESNConfig) -> EngineView:
    """What an engine is now."""
    if engine is None:
        return EngineView(None, None, "No engine was given; the bytes of the input are read.", None)
    inside, reason = engine, ""
    try:
        for name in ("backend", "model"):
            inside = getattr(inside, name, inside)
    except EchoError as error:
        inside, reason = None, str(error)
    if inside is not None and getattr(inside, "closed", False) is True:
        inside, reason = None, "The engine's model has been closed; load it again."
    missing = [name for name in _NEEDED if not hasattr(inside, name)]
    if inside is not None and missing:
        name = getattr(inside, "name", type(inside).__name__)
        reason = f"The engine {name} has no {missing[0]!r}, so it gives no hidden states."
        inside = None
    length = config.max_model_len
    for name in ("max_model_len", "context_length"):
        known = getattr(inside, name, None)
        if length is None and isinstance(known, int) and known > 0:
            length = known
    return EngineView(engine, inside, reason, length if inside is not None else None)


def optimal_membrane_depth(config: DTESNConfig, view: EngineView) -> int:
    """The depth where a request names none: deeper for models that were trained on long texts.

    Examples
    --------
    >>> config = DTESNConfig(max_membrane_depth=4)
    >>> [optimal_membrane_depth(config, EngineView(None, None, "", n)) for n in (512, 8192, 16384)]
    [4, 5, 6]
    """
    depth, length = config.max_membrane_depth, view.max_model_len or 0
    if length > 8192:
        return max(depth, min(8, depth + 2))
    if length > 4096:
        return max(depth, min(6, depth + 1))
    return depth


def optimal_esn_size(config: DTESNConfig, view: EngineView) -> int:
    """The units where a request names none: at most a quarter of the length trained on.

    Examples
    --------
    >>> config = DTESNConfig(esn_reservoir_size=1024)
    >>> [optimal_esn_size(config, EngineView(None, None, "", n)) for n in (None, 1024, 100)]
    [1024, 256, 32]
    """
    if view.max_model_len is None:
        return config.esn_reservoir_size
    return max(32, min(config.esn_reservoir_size, view.max_model_len // 4))


def engine_context(
    view: EngineView, config: DTESNConfig, *, synchronized: bool, metrics: dict[str, Any]
) -> dict[str, Any]:
    """The engine context of one request.

    Parameters
    ----------
    view : EngineView
        The engine, as it was when the request began.
    config : DTESNConfig
        The processor's settings.
    synchronized : bool
        Whether the engine is still the same now.
    metrics : dict
        What was measured; goes in as it is.
    """
    given, ready = view.engine is not None, view.model is not None
    tokenization = ready and view.can("encode")
    generation = view.can("generate")
    health = view.can("health") or hasattr(view.model, "closed")
    sizes = _sizes(view.model)
    now = time.time()
    return {
        "engine_available": given,
        "engine_ready": ready,
        "model_config": sizes | {"max_model_len": view.max_model_len} if ready else {},
        "aphrodite_config": {"processor": config.to_json(), "engine": _name(view)},
        "parallel_config": {"threads": 1, "processes": 1},
        "scheduler_config": {
            "max_concurrent_processes": config.max_concurrent_processes,
            "priorities": list(PRIORITIES),
            "head_start": HEAD_START,
        },
        "decoding_config": _decoding() if generation else {},
        "lora_config": {},
        "server_side_data": {
            "engine_type": _name(view),
            "has_generate": generation,
            "has_encode": view.can("encode"),
            "has_tokenizer": hasattr(view.model, "tokenizer") or tokenization,
            "has_health_check": health,
            "integration_timestamp": now if given else 0.0,
            "last_sync": now if given else 0.0,
            "engine_ready": ready,
        },
        "processing_enhancements": {
            "tokenization_available": tokenization,
            "generation_available": generation,
            "encoding_available": ready,
            "model_info_available": bool(sizes),
            "health_monitoring": health,
            "comprehensive_integration": tokenization and generation and bool(sizes),
            "backend_pipeline_ready": ready,
        },
        "performance_metrics": metrics,
        "backend_integration": {
            "pipeline_configured": ready,
            "model_management_active": ready and view.max_model_len is not None,
            "configuration_synchronized": given and synchronized,
            "error_handling_active": given,
        },
    }


def _name(view: EngineView) -> str:
    return "none" if view.engine is None else type(view.engine).__name__


def _sizes(model: Any) -> dict[str, Any]:
    names = ("architecture", "type", "n_vocab", "n_embed", "n_layer", "n_head", "head_size")
    found = {name: getattr(model, name) for name in names if hasattr(model, name)}
    return found | {"fingerprint": model.fingerprint} if hasattr(model, "fingerprint") else found


def _decoding() -> dict[str, Any]:
    """What the engine decodes with where nothing else is said."""
    settings = SamplingSettings()
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return values | {"bias": dict(settings.bias)}
