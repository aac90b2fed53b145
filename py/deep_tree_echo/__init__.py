"""Deep Tree Echo: recurrent language models and echo state networks on your own machine.

The public names are here and load what they need on first use, so the package imports without
NumPy and without libecho.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    ArchiveError,
    ArgumentError,
    BackendError,
    DownloadError,
    EchoError,
    LimitError,
    MemoryBudgetError,
    ModelFormatError,
    RoomError,
    UnsupportedModelError,
)
from .sampling import SamplingSettings

if TYPE_CHECKING:
    from .backends.base import ModelFile
    from .backends.chain import Chain
    from .backends.router import Router
    from .backends.router_settings import RouterSettings
    from .config import EngineConfig, create_enhanced_rwkv_config
    from .context import CognitiveContext
    from .conversation import Conversation
    from .dtesn import BSeries, Reservoir, RootedTree
    from .dtesn.processor import DTESNProcessor
    from .dtesn.processor_config import DTESNConfig
    from .dtesn.psystem import PSystem
    from .dtesn.ridge import Ridge
    from .dtesn.rls import RLS
    from .engine import CognitiveEngine, EnhancedEchoRWKVIntegrationEngine
    from .ledger import Ledger
    from .model import Model
    from .state import State
    from .store import ConversationStore
    from .tokenizer import Tokenizer

__all__ = [
    "RLS",
    "ArchiveError",
    "ArgumentError",
    "BSeries",
    "BackendError",
    "Chain",
    "CognitiveContext",
    "CognitiveEngine",
    "Conversation",
    "ConversationStore",
    "DTESNConfig",
    "DTESNProcessor",
    "DownloadError",
    "EchoError",
    "EngineConfig",
    "EnhancedEchoRWKVIntegrationEngine",
    "Ledger",
    "LimitError",
    "MemoryBudgetError",
    "Model",
    "ModelFile",
    "ModelFormatError",
    "PSystem",
    "Reservoir",
    "Ridge",
    "RoomError",
    "RootedTree",
    "Router",
    "RouterSettings",
    "SamplingSettings",
    "State",
    "Tokenizer",
    "UnsupportedModelError",
    "create_enhanced_rwkv_config",
]

_HOMES = {
    "BSeries": "dtesn",
    "Chain": "backends.chain",
    "CognitiveContext": "context",
    "CognitiveEngine": "engine",
    "Conversation": "conversation",
    "ConversationStore": "store",
    "DTESNConfig": "dtesn.processor_config",
    "DTESNProcessor": "dtesn.processor",
    "EngineConfig": "config",
    "EnhancedEchoRWKVIntegrationEngine": "engine",
    "Ledger": "ledger",
    "Model": "model",
    "ModelFile": "backends.base",
    "PSystem": "dtesn.psystem",
    "RLS": "dtesn.rls",
    "Reservoir": "dtesn.reservoir",
    "Ridge": "dtesn.ridge",
    "RootedTree": "dtesn",
    "Router": "backends.router",
    "RouterSettings": "backends.router_settings",
    "State": "state",
    "Tokenizer": "tokenizer",
    "create_enhanced_rwkv_config": "config",
}


def __getattr__(name: str) -> Any:
    """Imports a public name on its first use."""
    if home := _HOMES.get(name):
        value = getattr(import_module(f".{home}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
