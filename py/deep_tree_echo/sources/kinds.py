"""The five sources and what each of them tells."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from .. import platform
from ..errors import BackendError

__all__ = [
    "FIELDS",
    "KINDS",
    "Kind",
    "model_config",
    "performance",
    "processing_state",
    "resources",
    "tokenizer",
]

Kind = Literal["model_config", "tokenizer", "performance", "processing_state", "resources"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

FIELDS: Final[dict[Kind, tuple[str, ...]]] = {
    "model_config": ("model_name", "max_model_len", "vocab_size", "hidden_size", "dtype"),
    "tokenizer": (
        "tokenizer_available",
        "engine_type",
        "has_encode_method",
        "has_decode_method",
    ),
    "performance": (
        "total_requests",
        "concurrent_requests",
        "error_count",
        "last_sync_time",
        "engine_ready",
    ),
    "processing_state": (
        "membrane_cache_size",
        "esn_cache_size",
        "bseries_cache_size",
        "batch_manager_active",
        "concurrency_manager_active",
    ),
    "resources": (
        "max_concurrent_processes",
        "current_processing_load",
        "available_membranes",
        "echo_kern_available",
    ),
}
"""What each tells, beside ``source_type`` and ``fetch_timestamp``."""


def model_config(engine: Any, model: Any, max_model_len: int | None) -> dict[str, Any]:
    """The model's sizes.

    Parameters
    ----------
    engine, model : object
        The engine, and the model in it.
    max_model_len : int or None
        The length that it was trained on; ``None`` if nobody knows, for an RWKV has no longest
        input.
    """
    name = getattr(engine, "model_name", None)
    if not isinstance(name, str):
        name = f"rwkv-{model.architecture}-{model.fingerprint[:8]}"
    return {
        "model_name": name,
        "max_model_len": max_model_len,
        "vocab_size": int(model.n_vocab),
        "hidden_size": int(model.n_embed),
        "dtype": str(model.type),
    }


def tokenizer(engine: Any, model: Any) -> dict[str, Any]:
    """What can be done with texts and tokens."""
    encode, decode = (
        any(callable(getattr(one, name, None)) for one in (engine, model))
        for name in ("encode", "decode")
    )
    return {
        "tokenizer_available": encode and decode,
        "engine_type": "none" if engine is None else type(engine).__name__,
        "has_encode_method": encode,
        "has_decode_method": decode,
    }


def performance(
    *, total: int, concurrent: int, errors: int, synchronized_at: float, ready: bool
) -> dict[str, Any]:
    """What has been done and is under way; times in seconds since 1970."""
    return {
        "total_requests": total,
        "concurrent_requests": concurrent,
        "error_count": errors,
        "last_sync_time": synchronized_at,
        "engine_ready": ready,
    }


def processing_state(
    *, membranes: int, reservoirs: int, trees: int, batches: int, under_way: int
) -> dict[str, Any]:
    """What is kept ready, and who is at work."""
    return {
        "membrane_cache_size": membranes,
        "esn_cache_size": reservoirs,
        "bseries_cache_size": trees,
        "batch_manager_active": batches > 0,
        "concurrency_manager_active": under_way > 0,
    }


def resources(*, most: int, under_way: int, waiting: int, membranes: list[str]) -> dict[str, Any]:
    """How much more can be done."""
    return {
        "max_concurrent_processes": most,
        "current_processing_load": {
            "under_way": under_way,
            "waiting": waiting,
            "share": under_way / most,
            "memory_bytes": platform.memory_bytes(),
        },
        "available_membranes": membranes,
        "echo_kern_available": _libecho(),
    }


def _libecho() -> bool:
    try:
        from ..core.library import library

        library()
    except (BackendError, ImportError):
        return False
    return True
