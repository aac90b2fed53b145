"""Failed loads give back their memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest
from deep_tree_echo import platform

from tests.bad_input.loading import load
from tests.conftest import ON_PYODIDE
from tests.evaluators import BACKENDS
from tests.random_models import random_model_bytes

ROUNDS = 3
LOADS = 12 if ON_PYODIDE else 50
MOST_GROWTH = 500_000  # bytes a round; one file has 3.1 million


def bytes_in_use(backend: str) -> int:
    """Memory as the backend's own allocator sees it.

    Python's is counted exactly; of the C library's there is only the size of the process, in which
    the allocator keeps what was given back.
    """
    gc.collect()
    if backend == "rwkv_cpp":
        return platform.memory_bytes()
    return tracemalloc.get_traced_memory()[0]


def steady_growth(backend: str, one_load: Callable[[int], None]) -> int:
    """Bytes that every round of loads adds: a leak adds to each, the allocator's habits do not."""
    growths = []
    tracemalloc.start()
    try:
        one_load(0)
        at_first = bytes_in_use(backend)
        for _ in range(ROUNDS):
            for i in range(LOADS):
                one_load(i)
            now = bytes_in_use(backend)
            growths.append(now - at_first)
            at_first = now
    finally:
        tracemalloc.stop()
    return min(growths)


@pytest.fixture(scope="module")
def data() -> bytes:
    return random_model_bytes("7.0", n_embed=128, n_layer=3)


def ways_to_fail(data: bytes) -> dict[str, bytes]:
    return {
        "foreign": b"\x89PNG" + data,
        "truncated at the end": data[:-1],
        "no head": data[: -(257 * 128 * 4 + 12 + 8 + len("head.weight"))],
        "oversized": data + bytes(64),
    }


@pytest.mark.parametrize("way", ways_to_fail(b"\0" * 200_000))
@pytest.mark.parametrize("backend", BACKENDS)
def test_failed_loads_do_not_leak(backend, way, data):
    bad = ways_to_fail(data)[way]

    def fail(_: int) -> None:
        with pytest.raises(ValueError, match=r"\."):
            load(backend, bad, told=False)

    assert steady_growth(backend, fail) < MOST_GROWTH


@pytest.mark.parametrize("backend", BACKENDS)
def test_abandoned_loads_do_not_leak(backend, data):
    from deep_tree_echo.backends.chain import backend_class

    def abandon(i: int) -> None:
        loader = backend_class(backend).loader(
            name="half.bin", size=len(data), memory_limit_mb=None
        )
        loader.push(data[: len(data) // 2])
        if i % 2:
            loader.close()

    assert steady_growth(backend, abandon) < MOST_GROWTH
