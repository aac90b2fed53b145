"""A processor's five sources, by the founding document's names of its methods.

The document calls them on the processor, so they are there; all they do is to ask
`deep_tree_echo.sources`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendError
from ..sources import kinds, transformations
from ..sources.aggregation import aggregate
from ..sources.fetching import SOURCE_SECONDS, Source, beside, multi_source_data
from ..sources.pipelines import pipelines
from .engine_context import (
    EngineView,
    engine_context,
    look_at,
    optimal_esn_size,
    optimal_membrane_depth,
)
from .enumeration import _trees_of_order
from .hierarchy import Hierarchy
from .inputs import InputData, as_bytes
from .processor_config import DTESNConfig
from .turns import Turns

__all__ = ["MultiSource"]

Floats = NDArray[np.float64]


class MultiSource:
    """What a `DTESNProcessor` says of itself and of its engine."""

    config: DTESNConfig
    engine: Any
    _turns: Turns
    _bodies: Any
    _counts: dict[str, int]
    _under_way: int
    _batches: int
    _source_seconds = SOURCE_SECONDS
    """The most that each source may take."""

    def metrics(self) -> dict[str, Any]:
        """What has been done."""
        raise NotImplementedError

    async def _fetch_comprehensive_engine_context(self) -> dict[str, Any]:
        """The engine context now, with ``multi_source_data``."""
        view = look_at(self.engine, self.config)
        data = await self._fetch_multi_source_data()
        now = look_at(self.engine, self.config)
        metrics = self.metrics()
        context = engine_context(
            view, self.config, synchronized=now.model is view.model, metrics=metrics
        )
        return context | {"multi_source_data": data}

    async def _preprocess_with_engine(
        self, input_data: InputData, engine_context: dict[str, Any]
    ) -> Floats:
        """The (n, 1) input vector; without ``transformation_ready`` the tokens as they are."""
        data = engine_context.get("multi_source_data", {})
        if data.get("transformation_ready"):
            return await self._apply_multi_source_transformations(input_data, data)
        return np.asarray(self._tokens(input_data), dtype=np.float64).reshape(-1, 1)

    async def _fetch_multi_source_data(self) -> dict[str, Any]:
        """What all five sources tell, fetched side by side, and what follows from it."""
        sources: dict[kinds.Kind, Source] = {
            "model_config": self._fetch_model_data_source,
            "tokenizer": self._fetch_tokenizer_data_source,
            "performance": self._fetch_performance_data_source,
            "processing_state": self._fetch_processing_state_source,
            "resources": self._fetch_resource_data_source,
        }
        caching, limit = self.config.enable_caching, self._source_seconds
        return await multi_source_data(sources, enable_caching=caching, limit=limit)

    async def _fetch_model_data_source(self) -> dict[str, Any]:
        def fetch() -> dict[str, Any]:
            view = self._ready_view()
            return kinds.model_config(view.engine, view.model, view.max_model_len)

        return await beside(fetch)

    async def _fetch_tokenizer_data_source(self) -> dict[str, Any]:
        def fetch() -> dict[str, Any]:
            return kinds.tokenizer(self.engine, look_at(self.engine, self.config).model)

        return await beside(fetch)

    async def _fetch_performance_data_source(self) -> dict[str, Any]:
        def fetch() -> dict[str, Any]:
            view = look_at(self.engine, self.config)
            return kinds.performance(
                total=self._counts["requests"],
                concurrent=self._under_way,
                errors=self._counts["failed"],
                synchronized_at=time.time() if view.engine is not None else 0.0,
                ready=view.model is not None,
            )

        return await beside(fetch)

    async def _fetch_processing_state_source(self) -> dict[str, Any]:
        def fetch() -> dict[str, Any]:
            kept = len(self._bodies)
            return kinds.processing_state(
                membranes=kept,
                reservoirs=kept,
                trees=_trees_of_order.cache_info().currsize,
                batches=self._batches,
                under_way=self._under_way,
            )

        return await beside(fetch)

    async def _fetch_resource_data_source(self) -> dict[str, Any]:
        def fetch() -> dict[str, Any]:
            view = look_at(self.engine, self.config)
            depth = optimal_membrane_depth(self.config, view)
            trees = Hierarchy.build(depth, optimal_esn_size(self.config, view)).trees
            return kinds.resources(
                most=self.config.max_concurrent_processes,
                under_way=self._under_way,
                waiting=self._turns.waiting,
                membranes=["∅" if tree is None else str(tree) for tree in trees],
            )

        return await beside(fetch)

    async def _aggregate_multi_source_data(
        self, sources: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        return aggregate(sources)

    async def _create_data_processing_pipelines(
        self, sources: dict[str, dict[str, Any]], aggregation: dict[str, Any]
    ) -> dict[str, Any]:
        return pipelines(sources, aggregation, enable_caching=self.config.enable_caching)

    async def _apply_multi_source_transformations(
        self, input_data: InputData, multi_source_data: dict[str, Any]
    ) -> Floats:
        """The (n, 1) input vector that all pipelines make of an input."""
        return transformations.transformed(self._tokens(input_data), multi_source_data)

    async def _apply_model_aware_preprocessing(
        self, input_vector: Floats, multi_source_data: dict[str, Any]
    ) -> Floats:
        source = multi_source_data["sources"]["model_config"]
        return transformations.clip(transformations.truncate(input_vector, source), source)

    async def _apply_performance_optimization(
        self, input_vector: Floats, multi_source_data: dict[str, Any]
    ) -> Floats:
        return transformations.thin_out(input_vector, multi_source_data["sources"]["performance"])

    async def _apply_resource_scaling(
        self, input_vector: Floats, multi_source_data: dict[str, Any]
    ) -> Floats:
        return transformations.repeat(input_vector, multi_source_data["sources"]["resources"])

    async def _apply_high_quality_optimizations(
        self, input_vector: Floats, aggregation: dict[str, Any]
    ) -> Floats:
        hints = aggregation["optimization_hints"]
        good = hints["high_quality"] and hints["engine_ready"]
        return transformations.standardize(input_vector) if good else input_vector

    def _ready_view(self) -> EngineView:
        view = look_at(self.engine, self.config)
        if view.model is None:
            raise BackendError(view.reason)
        return view

    def _tokens(self, input_data: InputData) -> Sequence[int]:
        """What the engine reads of an input; its bytes without one."""
        data, model = as_bytes(input_data), look_at(self.engine, self.config).model
        return list(data) if model is None else model.encode(data)
