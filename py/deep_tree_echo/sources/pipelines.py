"""What is to be done to an input because of what the sources say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .aggregation import GOOD_QUALITY

__all__ = ["LOAD", "LONG_MODEL", "MANY", "pipelines"]

LOAD: Final = 50
"""With more requests under way, inputs are thinned out."""
MANY: Final = 50
"""Where more may be under way, inputs are taken in finer steps."""
LONG_MODEL: Final = 1024
"""Models trained on longer texts need care with memory."""

_PIPELINES: Final = (
    ("model_aware_preprocessing", "model_config", ("truncate", "clip"), "tokens"),
    ("performance_optimized_processing", "performance", ("thin_out",), "tokens"),
    ("resource_aware_scaling", "resources", ("repeat",), "vector"),
)


def pipelines(
    sources: Mapping[str, Mapping[str, Any]],
    aggregation: Mapping[str, Any],
    *,
    enable_caching: bool,
) -> dict[str, Any]:
    """The pipelines whose sources have answered, in the order of their priority, 1 first.

    Parameters
    ----------
    sources : mapping
        As of `fetch_all`.
    aggregation : mapping
        As of `aggregate`.
    enable_caching : bool
        Whether results are kept to be given again.
    """
    found = [
        {
            "name": name,
            "source": source,
            "transformations": list(steps),
            "output_format": output,
            "priority": priority,
        }
        for priority, (name, source, steps, output) in enumerate(_PIPELINES, start=1)
        if source in sources and "error" not in sources[source]
    ]
    quality = aggregation["data_quality_score"]
    limits = aggregation["processing_constraints"]
    return {
        "transformation_pipelines": found,
        "data_flow_config": {
            "pipeline_order": [one["name"] for one in found],
            "parallel_execution": quality > GOOD_QUALITY,
            "fallback_strategy": "sequential_processing",
            "error_handling": "continue_with_available_data",
        },
        "optimization_config": {
            "enable_caching": enable_caching,
            "batch_processing": (limits["max_concurrent_processes"] or 1) > 1,
            "memory_optimization": (limits["max_model_len"] or 0) > LONG_MODEL,
            "concurrent_execution": len(found) > 1,
        },
    }
