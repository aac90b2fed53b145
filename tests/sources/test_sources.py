"""The five sources: their structure, what fails and what is late, and what is done with them."""

from __future__ import annotations

import asyncio
import json
import time

import numpy as np
import pytest
from deep_tree_echo import Chain, DTESNConfig, DTESNProcessor, Model, ModelFile, platform
from deep_tree_echo.dtesn.multi_source import MultiSource
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.sources import (
    FIELDS,
    KINDS,
    SOURCE_SECONDS,
    aggregate,
    fetch_all,
    pipelines,
    transformed,
)
from deep_tree_echo.sources.transformations import clip, repeat, standardize, thin_out, truncate
from hypothesis import given
from hypothesis import strategies as st

from tests.event_loop import run

SMALL = DTESNConfig(max_membrane_depth=4, esn_reservoir_size=64, bseries_max_order=4)
METHODS = {
    "model_config": "_fetch_model_data_source",
    "tokenizer": "_fetch_tokenizer_data_source",
    "performance": "_fetch_performance_data_source",
    "processing_state": "_fetch_processing_state_source",
    "resources": "_fetch_resource_data_source",
}
PIPELINES = {
    "model_config": "model_aware_preprocessing",
    "performance": "performance_optimized_processing",
    "resources": "resource_aware_scaling",
}
TYPES = {
    "model_name": str,
    "max_model_len": int | None,
    "vocab_size": int,
    "hidden_size": int,
    "dtype": str,
    "tokenizer_available": bool,
    "engine_type": str,
    "has_encode_method": bool,
    "has_decode_method": bool,
    "total_requests": int,
    "concurrent_requests": int,
    "error_count": int,
    "last_sync_time": float,
    "engine_ready": bool,
    "membrane_cache_size": int,
    "esn_cache_size": int,
    "bseries_cache_size": int,
    "batch_manager_active": bool,
    "concurrency_manager_active": bool,
    "max_concurrent_processes": int,
    "current_processing_load": dict,
    "available_membranes": list,
    "echo_kern_available": bool,
    "source_type": str,
    "fetch_timestamp": float,
}


@pytest.fixture(scope="module")
def model():
    with Model.load() as loaded:
        yield loaded


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """A busy machine must not make a source late that nobody has broken."""
    monkeypatch.setattr(MultiSource, "_source_seconds", 60)


def fetch(processor):
    return run(processor._fetch_multi_source_data())


def test_the_structure_is_that_of_the_document(model):
    data = fetch(DTESNProcessor(SMALL, model))
    assert list(data) == [
        "sources",
        "aggregation",
        "processing_pipelines",
        "transformation_ready",
        "source_count",
        "timestamp",
    ]
    assert tuple(data["sources"]) == KINDS
    for kind, source in data["sources"].items():
        assert set(source) == {*FIELDS[kind], "source_type", "fetch_timestamp"}
        assert all(isinstance(value, TYPES[name]) for name, value in source.items())
        assert source["source_type"] == kind
        assert abs(source["fetch_timestamp"] - time.time()) < 60
    assert set(data["aggregation"]) == {
        "total_sources",
        "successful_sources",
        "failed_sources",
        "data_quality_score",
        "unified_metadata",
        "processing_constraints",
        "optimization_hints",
    }
    found = data["processing_pipelines"]
    assert set(found) == {"transformation_pipelines", "data_flow_config", "optimization_config"}
    for priority, pipeline in enumerate(found["transformation_pipelines"], start=1):
        assert set(pipeline) == {"name", "source", "transformations", "output_format", "priority"}
        assert pipeline["priority"] == priority
    assert found["data_flow_config"] == {
        "pipeline_order": list(PIPELINES.values()),
        "parallel_execution": True,
        "fallback_strategy": "sequential_processing",
        "error_handling": "continue_with_available_data",
    }
    assert set(found["optimization_config"]) == {
        "enable_caching",
        "batch_processing",
        "memory_optimization",
        "concurrent_execution",
    }
    assert data["transformation_ready"] is True
    assert data["source_count"] == 5
    json.dumps(data, allow_nan=False)


def test_every_value_is_what_it_is(model):
    config = DTESNConfig(max_membrane_depth=3, esn_reservoir_size=64, max_model_len=2048)
    processor = DTESNProcessor(config, model)
    run(processor.process("one"))
    with pytest.raises(ArgumentError):
        run(processor.process(""))
    sources = fetch(processor)["sources"]
    assert sources["model_config"] | {"fetch_timestamp": 0} == {
        "model_name": f"rwkv-{model.architecture}-{model.fingerprint[:8]}",
        "max_model_len": 2048,
        "vocab_size": model.n_vocab,
        "hidden_size": model.n_embed,
        "dtype": model.type,
        "source_type": "model_config",
        "fetch_timestamp": 0,
    }
    assert sources["tokenizer"]["tokenizer_available"]
    assert sources["tokenizer"]["engine_type"] == "Model"
    performance = sources["performance"]
    assert (performance["total_requests"], performance["concurrent_requests"]) == (1, 0)
    assert performance["engine_ready"]
    state = sources["processing_state"]
    assert (state["membrane_cache_size"], state["esn_cache_size"]) == (1, 1)
    assert state["bseries_cache_size"] > 0
    resources = sources["resources"]
    assert resources["available_membranes"] == ["∅", "•", "[•]"]
    assert resources["max_concurrent_processes"] == 100
    assert resources["current_processing_load"]["memory_bytes"] > 1e6
    assert resources["echo_kern_available"]


def test_what_is_under_way_is_seen(model):
    processor = DTESNProcessor(SMALL, model)

    async def main():
        batch = asyncio.ensure_future(processor.batch(["a reservoir " * 20] * 4))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        data = await processor._fetch_multi_source_data()
        await batch
        return data, await processor._fetch_multi_source_data()

    during, after = run(main())
    if not platform.IN_PYODIDE:  # there a source has its turn only when the batch pauses
        assert during["sources"]["processing_state"]["batch_manager_active"]
        assert during["sources"]["performance"]["concurrent_requests"] > 0
    assert not after["sources"]["processing_state"]["batch_manager_active"]
    assert not after["sources"]["processing_state"]["concurrency_manager_active"]
    assert after["sources"]["performance"]["total_requests"] == 4


def test_a_chain_is_an_engine_too():
    file = ModelFile.from_path(platform.bundled_model_path())
    chain = Chain.load(file)
    sources = fetch(DTESNProcessor(SMALL, chain))["sources"]
    assert sources["model_config"]["model_name"] == file.name
    assert sources["tokenizer"]["engine_type"] == "Chain"
    mock = fetch(DTESNProcessor(SMALL, Chain.load(file, "mock")))
    assert "error" in mock["sources"]["model_config"]
    assert not mock["sources"]["performance"]["engine_ready"]


def test_without_an_engine_one_source_says_why():
    data = fetch(DTESNProcessor(SMALL))
    assert data["sources"]["model_config"]["error"] == (
        "model_config failed: No engine was given; the bytes of the input are read."
    )
    assert data["aggregation"]["data_quality_score"] == 0.8
    assert data["aggregation"]["unified_metadata"]["failures"] == {
        "model_config": data["sources"]["model_config"]["error"]
    }
    assert data["sources"]["performance"]["last_sync_time"] == 0.0


def broken(processor, kind, how):
    async def fails():
        raise OSError("the wire is cut.")

    async def late():
        await asyncio.sleep(600)

    async def busy():
        from deep_tree_echo.sources import beside

        return await beside(lambda: time.sleep(5) or {})

    async def empty():
        return {}

    setattr(
        processor, METHODS[kind], {"fails": fails, "late": late, "busy": busy, "empty": empty}[how]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("fails", "{} failed with OSError: the wire is cut."),
        ("late", "{} has told nothing within 1 s."),
        pytest.param(
            "busy",
            "{} has told nothing within 1 s.",
            marks=pytest.mark.native("Pyodide has no threads"),
        ),
        ("empty", "{} tells no {}."),
    ],
)
def test_each_source_failed_and_late_in_turn(kind, how, said, model):
    processor = DTESNProcessor(SMALL, model)
    broken(processor, kind, how)
    processor._source_seconds = 1 if how in ("late", "busy") else 60
    data = fetch(processor)
    source = data["sources"][kind]
    assert source["error"] == said.format(kind, FIELDS[kind][0])
    assert all(source[field] is None for field in FIELDS[kind])
    assert [one for one, found in data["sources"].items() if "error" in found] == [kind]
    aggregation = data["aggregation"]
    assert (aggregation["successful_sources"], aggregation["failed_sources"]) == (4, 1)
    assert aggregation["data_quality_score"] == 0.8
    assert aggregation["unified_metadata"]["failures"] == {kind: source["error"]}
    order = data["processing_pipelines"]["data_flow_config"]["pipeline_order"]
    assert order == [name for one, name in PIPELINES.items() if one != kind]
    vector = run(processor._apply_multi_source_transformations("Hello there", data))
    assert np.isfinite(vector).all()


def test_all_failed():
    processor = DTESNProcessor(SMALL)
    for kind in KINDS:
        broken(processor, kind, "fails")
    context = run(processor._fetch_comprehensive_engine_context())
    data = context["multi_source_data"]
    assert data["aggregation"]["data_quality_score"] == 0
    assert len(data["aggregation"]["unified_metadata"]["failures"]) == 5
    assert data["transformation_ready"] is False
    assert not data["processing_pipelines"]["data_flow_config"]["parallel_execution"]
    vector = run(processor._preprocess_with_engine("ab", context))
    assert vector.tolist() == [[97], [98]]
    json.dumps(data, allow_nan=False)


@pytest.mark.native("Pyodide has no threads")
def test_a_source_that_never_ends_holds_up_nothing():
    import subprocess
    import sys

    program = """
import asyncio, threading
from deep_tree_echo.sources import beside, fetch_all
async def ever():
    return await beside(threading.Event().wait)
print(asyncio.run(fetch_all({"tokenizer": ever}, 0.05))["tokenizer"]["error"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": "py"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "tokenizer has told nothing within 0.05 s.\n"


def test_a_source_that_blocks_where_there_are_no_threads_is_found_out():
    async def blocks():
        time.sleep(0.03)
        return dict.fromkeys(FIELDS["tokenizer"], True)

    found = run(fetch_all({"tokenizer": blocks}, 0.01))
    assert found["tokenizer"]["error"].startswith("tokenizer ")


def test_no_source_may_take_longer_than_all_of_them():
    assert SOURCE_SECONDS < 0.1


def test_sources_are_fetched_side_by_side():
    met = []

    async def waits():
        met.append(1)
        while len(met) < 5:
            await asyncio.sleep(0)
        return {}

    run(fetch_all(dict.fromkeys(KINDS, waits), 60))
    assert len(met) == 5


# ---------------------------------------------------------------- transformations


def column(*values):
    return np.array(values, dtype=float).reshape(-1, 1)


def test_each_transformation():
    assert truncate(column(*range(9)), {"max_model_len": 16}).ravel().tolist() == [0, 1, 2, 3]
    assert truncate(column(1, 2), {"max_model_len": 1}).ravel().tolist() == [1]
    assert len(truncate(column(*range(9)), {"max_model_len": None})) == 9
    assert clip(column(-1, 5, 300), {"vocab_size": 256}).ravel().tolist() == [0, 5, 255]
    many, few = {"concurrent_requests": 51}, {"concurrent_requests": 50}
    assert thin_out(column(1, 2, 3), many).ravel().tolist() == [1, 3]
    assert thin_out(column(1, 2, 3), few).ravel().tolist() == [1, 2, 3]
    assert repeat(column(1, 2), {"max_concurrent_processes": 51}).ravel().tolist() == [1, 1, 2, 2]
    assert repeat(column(1, 2), {"max_concurrent_processes": 50}).ravel().tolist() == [1, 2]


@given(st.lists(st.integers(0, 70_000), min_size=1, max_size=60))
def test_standardised(values):
    vector = standardize(column(*values))
    assert abs(vector.mean()) < 1e-6
    deviation = vector.std()
    assert deviation == pytest.approx(1, abs=1e-6) if len(set(values)) > 1 else deviation == 0


def sources(length=400, vocabulary=100, concurrent=51, most=60, ready=True, failed=()):
    data = {
        "model_config": {"max_model_len": length, "vocab_size": vocabulary},
        "tokenizer": {},
        "performance": {"concurrent_requests": concurrent, "engine_ready": ready},
        "processing_state": {},
        "resources": {"max_concurrent_processes": most},
    }
    for kind in failed:
        data[kind] = {**dict.fromkeys(data[kind]), "error": f"{kind} failed."}
    found = aggregate(data)
    return {
        "sources": data,
        "aggregation": found,
        "processing_pipelines": pipelines(data, found, enable_caching=True),
    }


@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=300),
    st.sampled_from([None, 40, 400]),
    st.sampled_from([0, 50, 51]),
    st.sampled_from([50, 51]),
    st.booleans(),
    st.sets(st.sampled_from(KINDS)),
)
def test_pipelines_are_applied_by_priority(tokens, length, concurrent, most, ready, failed):
    data = sources(length, 100, concurrent, most, ready, failed)
    expected = tokens
    if "model_config" not in failed:
        expected = expected[: length // 4] if length else expected
        expected = [min(token, 99) for token in expected]
    if "performance" not in failed and concurrent > 50:
        expected = expected[::2]
    if "resources" not in failed and most > 50:
        expected = [token for token in expected for _ in range(2)]
    vector = np.array(expected, dtype=float)
    if ready and "performance" not in failed and len(failed) < 2:
        vector = (vector - vector.mean()) / (vector.std() + 1e-8)
    np.testing.assert_allclose(transformed(tokens, data).ravel(), vector, atol=1e-12)


@pytest.mark.parametrize(("n_failed", "parallel"), [(0, True), (1, True), (2, False), (5, False)])
def test_the_flags(n_failed, parallel):
    data = sources(length=1024, most=1, failed=KINDS[5 - n_failed :])["processing_pipelines"]
    assert data["data_flow_config"]["parallel_execution"] is parallel
    config = data["optimization_config"]
    assert config["batch_processing"] is False
    assert config["memory_optimization"] is False
    assert config["concurrent_execution"] is (n_failed < 3)
    config = sources(length=1025, most=2)["processing_pipelines"]["optimization_config"]
    assert config["batch_processing"] is config["memory_optimization"] is True


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="tokens is empty"):
        transformed([], sources())
    data = sources()
    data["processing_pipelines"]["transformation_pipelines"][0]["transformations"] = ["melt"]
    with pytest.raises(ArgumentError, match="transformation is 'melt'"):
        transformed([1], data)


# -------------------------------------------------------- the document's own calls


def test_the_documents_examples(model):
    processor = DTESNProcessor(config=SMALL, engine=model)
    context = run(processor._fetch_comprehensive_engine_context())
    assert context["multi_source_data"]["source_count"] == 5
    assert context["multi_source_data"]["aggregation"]["data_quality_score"] == 1.0
    assert context["engine_ready"]
    vector = run(processor._preprocess_with_engine("The reservoir", context))
    tokens = model.encode(b"The reservoir")
    assert vector.shape == (2 * len(tokens), 1), "100 processes may run, so each counts twice"
    np.testing.assert_allclose(vector, standardize(np.repeat(column(*tokens), 2, axis=0)))


def test_the_thirteen_methods_agree_with_the_whole(model):
    processor = DTESNProcessor(SMALL, model)
    data = fetch(processor)
    aggregation = run(processor._aggregate_multi_source_data(data["sources"]))
    assert aggregation == data["aggregation"]
    found = run(processor._create_data_processing_pipelines(data["sources"], aggregation))
    assert found == data["processing_pipelines"]
    vector = column(*model.encode(b"Hello"))
    vector = run(processor._apply_model_aware_preprocessing(vector, data))
    vector = run(processor._apply_performance_optimization(vector, data))
    vector = run(processor._apply_resource_scaling(vector, data))
    vector = run(processor._apply_high_quality_optimizations(vector, aggregation))
    whole = run(processor._apply_multi_source_transformations("Hello", data))
    assert vector.tolist() == whole.tolist()
