"""One picture of what several sources tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["GOOD_QUALITY", "aggregate", "failures_of"]

GOOD_QUALITY: Final = 0.7
"""Above this share of sources that answered, more is done with what they say."""


def failures_of(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The sources that failed, each with its reason.

    Examples
    --------
    >>> failures_of({"a": {}, "b": {"error": "b failed."}})
    {'b': 'b failed.'}
    """
    return {name: data["error"] for name, data in sources.items() if "error" in data}


def aggregate(sources: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What the sources say together.

    Parameters
    ----------
    sources : mapping
        As of `fetch_all`; a source that failed has an ``error``, and its values are ``None``.

    Returns
    -------
    dict
        ``total_sources``, ``successful_sources`` and ``failed_sources``; ``data_quality_score``,
        the share that succeeded, 0 if there are none; ``unified_metadata``, what is known of model
        and engine, with the failures by name; ``processing_constraints``, what limits an input;
        ``optimization_hints``.

    Examples
    --------
    >>> aggregate({"performance": {"error": "performance failed."}})["data_quality_score"]
    0.0
    """
    failed = failures_of(sources)
    total, good = len(sources), len(sources) - len(failed)
    quality = good / total if total else 0.0

    def told(source: str, field: str) -> Any:
        return sources.get(source, {}).get(field)

    most = told("resources", "max_concurrent_processes")
    under_way = told("performance", "concurrent_requests")
    requests, errors = told("performance", "total_requests"), told("performance", "error_count")
    return {
        "total_sources": total,
        "successful_sources": good,
        "failed_sources": len(failed),
        "data_quality_score": quality,
        "unified_metadata": {
            "model_name": told("model_config", "model_name"),
            "dtype": told("model_config", "dtype"),
            "hidden_size": told("model_config", "hidden_size"),
            "engine_type": told("tokenizer", "engine_type"),
            "engine_ready": told("performance", "engine_ready"),
            "echo_kern_available": told("resources", "echo_kern_available"),
            "failures": failed,
        },
        "processing_constraints": {
            "max_model_len": told("model_config", "max_model_len"),
            "vocab_size": told("model_config", "vocab_size"),
            "max_concurrent_processes": most,
            "free_processes": None if None in (most, under_way) else max(0, most - under_way),
        },
        "optimization_hints": {
            "high_quality": quality > GOOD_QUALITY,
            "engine_ready": bool(told("performance", "engine_ready")),
            "tokenizer_available": bool(told("tokenizer", "tokenizer_available")),
            "error_share": errors / requests if requests else None,
        },
    }
