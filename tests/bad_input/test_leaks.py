"""Failed loads give back their memory."""

from __future__ import annotations

import gc

import pytest
from deep_tree_echo import platform

from tests.bad_input.loading import load
from tests.conftest import ON_PYODIDE
from tests.evaluators import BACKENDS
from tests.random_models import random_model_bytes

LOADS = 40 if ON_PYODIDE else 200
WARM_UP = 10
MOST_GROWTH = 6_000_000  # bytes; one file has 3.2 million


@pytest.fixture(scope="module")
def data() -> bytes:
    return random_model_bytes("7.0", n_embed=128, n_layer=3)


def ways_to_fail(data: bytes) -> dict[str, bytes]:
    return {
        "foreign": b"GGUF" + data,
        "truncated at the end": data[:-1],
        "no head": data[: -(257 * 128 * 4 + 12 + 8 + len("head.weight"))],
        "oversized": data + bytes(64),
    }


@pytest.mark.parametrize("way", ways_to_fail(b"\0" * 200_000))
@pytest.mark.parametrize("backend", BACKENDS)
def test_failed_loads_do_not_leak(backend, way, data):
    bad = ways_to_fail(data)[way]
    at_first = 0
    for i in range(WARM_UP + LOADS):
        if i == WARM_UP:
            gc.collect()
            at_first = platform.memory_bytes()
        with pytest.raises(ValueError, match=r"\."):
            load(backend, bad, told=False)
    gc.collect()
    growth = platform.memory_bytes() - at_first
    print(f"{backend}, {way}: {growth} bytes more after {LOADS} loads")
    assert growth < MOST_GROWTH


@pytest.mark.parametrize("backend", BACKENDS)
def test_abandoned_loads_do_not_leak(backend, data):
    from deep_tree_echo.backends.chain import backend_class

    at_first = 0
    for i in range(WARM_UP + LOADS):
        if i == WARM_UP:
            gc.collect()
            at_first = platform.memory_bytes()
        loader = backend_class(backend).loader(
            name="half.bin", size=len(data), memory_limit_mb=None
        )
        loader.push(data[: len(data) // 2])
        if i % 2:
            loader.close()
    gc.collect()
    assert platform.memory_bytes() - at_first < MOST_GROWTH
