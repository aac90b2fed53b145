"""The five sources of a processor: how long it takes until all of them have answered."""

from __future__ import annotations

import asyncio
import statistics
import time

from deep_tree_echo import DTESNConfig, DTESNProcessor, Model

from tests.bench._measure import keep

ROUNDS = 200


async def seconds(processor: DTESNProcessor) -> list[float]:
    """The wall times of some fetches, one after the other."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        data = await processor._fetch_multi_source_data()
        times.append(time.perf_counter() - start)
        assert data["aggregation"]["failed_sources"] == 0, data["aggregation"]
    return times


def main() -> None:
    """Measures and keeps the figures."""
    with Model.load() as model:
        times = asyncio.run(seconds(DTESNProcessor(DTESNConfig(), model)))
    figures = {
        "sources_first_ms": times[0] * 1e3,
        "sources_fetch_ms": statistics.median(times) * 1e3,
        "sources_fetch_most_ms": max(times) * 1e3,
    }
    for name, value in figures.items():
        print(f"  {name:44} {value:10.2f}", flush=True)
    keep(figures)


if __name__ == "__main__":
    main()
