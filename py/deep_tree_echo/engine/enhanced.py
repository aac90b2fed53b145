"""The engine by the names of the founding documents."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ..backends.chain import Preference
from ..config import EngineConfig
from ..context import CognitiveContext
from ..errors import ArgumentError
from ..events import Error
from .cognitive import CognitiveEngine
from .events import Result

__all__ = ["EnhancedEchoRWKVIntegrationEngine"]


class EnhancedEchoRWKVIntegrationEngine:
    """A `CognitiveEngine` that loads its model itself and answers by dictionaries.

    Parameters
    ----------
    backend_preference : {"auto", "rwkv_cpp", "python_rwkv", "mock"}
        Who may answer.
    enable_rwkv_cpp : bool
        Whether ``auto`` begins with ``rwkv_cpp``.

    Examples
    --------
    >>> import asyncio
    >>> engine = EnhancedEchoRWKVIntegrationEngine(backend_preference="mock")
    >>> asyncio.run(engine.initialize({"max_tokens": 100}))
    True
    >>> engine.engine.chain.backend.name
    'mock'
    """

    def __init__(
        self, backend_preference: Preference = "auto", enable_rwkv_cpp: bool = True
    ) -> None:
        # Checked as settings are.
        EngineConfig(backend_type=backend_preference, enable_rwkv_cpp=enable_rwkv_cpp)
        self._preference = backend_preference
        self._enable_rwkv_cpp = enable_rwkv_cpp
        self._engine: CognitiveEngine | None = None

    @property
    def engine(self) -> CognitiveEngine:
        """The engine behind it.

        Raises
        ------
        ArgumentError
            Before `initialize`, and after `close`.
        """
        if self._engine is None:
            raise ArgumentError("The engine has no model; await initialize(config) first.")
        return self._engine

    async def initialize(self, config: Mapping[str, Any] | EngineConfig | None = None) -> bool:
        """Loads the model; one loaded before stays until the new one is ready, and if it fails.

        Parameters
        ----------
        config : mapping or EngineConfig, optional
            As `EngineConfig.from_mapping` takes it, such as `create_enhanced_rwkv_config` gives.

        Returns
        -------
        bool
            ``True``.

        Raises
        ------
        ArgumentError
            For a setting that cannot be had, or one that contradicts those of the engine.
        EchoError
            If nobody can load the model.
        """
        found = (
            config
            if isinstance(config, EngineConfig)
            else EngineConfig.from_mapping({} if config is None else config)
        )
        settings = self._joined(found)
        before, self._engine = self._engine, await CognitiveEngine.load(settings)
        if before is not None:
            before.close()
        return True

    async def process_cognitive_input(self, context: CognitiveContext) -> dict[str, Any]:
        """Answers a context.

        Returns
        -------
        dict
            The fields of `Result` from ``memory_response`` on, JSON only, and
            ``enhanced_processing``: whether libecho gave the answer. ``error`` is the sentence of
            an answer that failed on its way; its text is then empty.

        Raises
        ------
        ArgumentError, LimitError
            For a request that cannot be taken, as `CognitiveEngine.process`.
        """
        last, begin = None, time.perf_counter()
        engine = self.engine
        async for event in engine.aprocess(context):
            last = event
        if isinstance(last, Error):
            nothing: dict[str, Any] = dict.fromkeys(_FIELDS)
            return nothing | {
                "integrated_response": "",
                "total_processing_time": time.perf_counter() - begin,
                "performance_summary": engine.summary(),
                "fallback_mode": False,
                "error": last.message,
                "enhanced_processing": False,
            }
        assert isinstance(last, Result)
        values = asdict(last)
        answer = {name: values[name] for name in _FIELDS}
        return answer | {"enhanced_processing": last.enhancement_metadata.rwkv_cpp_enhanced}

    async def close(self) -> None:
        """Gives the model's memory back. Harmless the second time."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _joined(self, config: EngineConfig) -> EngineConfig:
        """The settings, with what the engine itself was told."""
        preference = self._preference
        if config.backend_type not in ("auto", preference) and preference != "auto":
            raise ArgumentError(
                f"backend_type is {config.backend_type!r}, and backend_preference was "
                f"{preference!r}; give the same, or 'auto'."
            )
        chosen = preference if config.backend_type == "auto" else config.backend_type
        enabled = self._enable_rwkv_cpp and config.enable_rwkv_cpp
        return replace(config, backend_type=chosen, enable_rwkv_cpp=enabled)


_FIELDS = (
    "memory_response",
    "reasoning_response",
    "grammar_response",
    "integrated_response",
    "overall_confidence",
    "total_processing_time",
    "enhancement_metadata",
    "backend_used",
    "model_state",
    "performance_summary",
    "fallback_mode",
    "error",
)
