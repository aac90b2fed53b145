"""The founding documents' usage, as they show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deep_tree_echo import (
    CognitiveContext,
    EngineConfig,
    EnhancedEchoRWKVIntegrationEngine,
    create_enhanced_rwkv_config,
)
from deep_tree_echo.errors import ArgumentError, BackendError, UnsupportedModelError

from tests import event_loop
from tests.random_models import write_random_model

FIELDS = {
    "memory_response",
    "reasoning_response",
    "grammar_response",
    "integrated_response",
    "total_processing_time",
    "overall_confidence",
    "enhancement_metadata",
    "enhanced_processing",
    "backend_used",
    "model_state",
    "performance_summary",
    "fallback_mode",
    "error",
}


@pytest.fixture
def model_path(tmp_path: Path) -> str:
    path = tmp_path / "rwkv-model.bin"
    write_random_model(path)
    return str(path)


def answer(config: Any, **options: Any) -> dict[str, Any]:
    async def go() -> dict[str, Any]:
        engine = EnhancedEchoRWKVIntegrationEngine(**options)
        assert await engine.initialize(config)
        try:
            return await engine.process_cognitive_input(CognitiveContext("s", "Hello"))
        finally:
            await engine.close()

    return event_loop.run(go())


def test_the_documents_usage(model_path: str) -> None:
    async def usage() -> dict[str, Any]:
        config = create_enhanced_rwkv_config(
            model_path=model_path,
            backend_preference="auto",  # auto, rwkv_cpp, python_rwkv, mock
            enable_gpu=False,
            memory_limit_mb=600,
        )
        config["max_tokens"] = 12
        engine = EnhancedEchoRWKVIntegrationEngine(backend_preference="auto", enable_rwkv_cpp=True)
        await engine.initialize(config)
        context = CognitiveContext(
            session_id="session_123",
            user_input="What is consciousness?",
            conversation_history=[],
            memory_state={},
            processing_goals=["analyze", "synthesize"],
            temporal_context=[],
            metadata={},
        )
        try:
            return await engine.process_cognitive_input(context)
        finally:
            await engine.close()

    result = event_loop.run(usage())
    assert set(result) == FIELDS
    json.dumps(result)
    assert isinstance(result["integrated_response"], str)
    assert result["integrated_response"]
    assert result["backend_used"] == "rwkv_cpp"
    assert result["enhanced_processing"] is True
    assert set(result["enhancement_metadata"]) == {
        "rwkv_cpp_enhanced",
        "parallel_processing",
        "cache_enabled",
        "performance_metrics",
    }
    assert result["performance_summary"]["backends"]["rwkv_cpp"]["completed"] >= 1
    assert result["error"] is None
    assert set(result["memory_response"]) == {
        "membrane_type",
        "input_text",
        "output_text",
        "confidence",
        "processing_time",
        "internal_state",
        "metadata",
    }


def test_the_documents_configuration(model_path: str) -> None:
    config: dict[str, Any] = {
        "rwkv": {
            "model_path": model_path,
            "backend_type": "auto",
            "thread_count": 1,
            "gpu_layer_count": 0,
            "context_length": 2048,
            "temperature": 0.8,
            "top_p": 0.9,
            "top_k": 40,
            "max_tokens": 6,
            "tokenizer_type": "bytes+1",
            "memory_limit_mb": 600,
            "enable_memory_optimization": True,
            "cache_tokens": True,
        }
    }
    assert answer(config)["backend_used"] == "rwkv_cpp"
    # As its chapter on troubleshooting changes it.
    config["memory_limit_mb"] = 400
    config["context_length"] = 1024
    config["backend_type"] = "mock"
    result = answer(config)
    assert result["backend_used"] == "mock"
    assert result["fallback_mode"] is True
    assert result["enhanced_processing"] is False


@pytest.mark.parametrize("preference", ["rwkv_cpp", "python_rwkv", "mock"])
def test_a_backend_by_name(model_path: str, preference: Any) -> None:
    config = create_enhanced_rwkv_config(model_path, max_tokens=4)
    assert answer(config, backend_preference=preference)["backend_used"] == preference


def test_without_rwkv_cpp_the_next_one_answers(model_path: str) -> None:
    config = create_enhanced_rwkv_config(model_path, max_tokens=4)
    result = answer(config, enable_rwkv_cpp=False)
    assert result["backend_used"] == "python_rwkv"
    assert "rwkv_cpp" not in result["performance_summary"]["backends"]
    with pytest.raises(BackendError, match="enable_rwkv_cpp is False; change one of them"):
        answer(config, enable_rwkv_cpp=False, backend_preference="rwkv_cpp")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"thread_count": 4}, "thread_count is 4; one thread evaluates a model, give 1."),
        ({"gpu_layer_count": 32}, "gpu_layer_count is 32; there is no GPU path, give 0."),
        ({"context_length": 0}, "context_length is 0; it must be an integer from 32"),
        ({"temperature": -1}, "temperature is -1; it must be at least 0."),
        ({"top_p": 2}, "top_p is 2;"),
        ({"top_k": 0.5}, "top_k is 0.5;"),
        ({"max_tokens": -1}, "max_tokens is -1;"),
        ({"tokenizer_type": "20B"}, "tokenizer_type is '20B'; it must be one of auto, world, byt"),
        ({"tokenizer_type": "pile"}, "tokenizer_type is 'pile';"),
        ({"memory_limit_mb": 0}, "memory_limit_mb is 0;"),
        ({"memory_limit_mb": float("nan")}, "memory_limit_mb is nan;"),
        ({"enable_memory_optimization": 1}, "enable_memory_optimization is 1; give True or Fals"),
        ({"cache_tokens": "yes"}, "cache_tokens is 'yes'; give True or False."),
        ({"backend_type": "cuda"}, "backend_type is 'cuda'; it must be one of auto, rwkv_cpp,"),
        ({"model_path": 3}, "model_path is 3; give a text or None."),
        ({"when_full": "x"}, "when_full is 'x'; it must be one of refuse, forget."),
        ({"heat": 3}, "'heat' is no setting; there are model_path,"),
        ({"rwkv": 3}, "config['rwkv'] is 3; give a dictionary."),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError) as refused:
        EngineConfig.from_mapping(values)
    assert str(refused.value).startswith(sentence)
    if "rwkv" not in values:
        with pytest.raises(ArgumentError):
            EngineConfig.from_mapping({"rwkv": values})


def test_a_gpu_is_refused() -> None:
    with pytest.raises(ArgumentError, match="enable_gpu is True; there is no GPU path"):
        create_enhanced_rwkv_config(enable_gpu=True)


def test_a_model_that_is_not_there_is_refused_by_its_path() -> None:
    with pytest.raises(ArgumentError, match=r"'/path/to/rwkv-model\.bin'; there is no file"):
        answer(create_enhanced_rwkv_config(model_path="/path/to/rwkv-model.bin"))


def test_a_model_with_another_tokenizer_is_refused(model_path: str) -> None:
    config = create_enhanced_rwkv_config(model_path, tokenizer_type="world")
    with pytest.raises(UnsupportedModelError, match=r"rwkv-model.bin has the tokenizer 'bytes\+1'"):
        answer(config)


def test_two_preferences_that_differ_are_refused(model_path: str) -> None:
    config = create_enhanced_rwkv_config(model_path, backend_preference="mock")
    with pytest.raises(ArgumentError, match="backend_type is 'mock', and backend_preference was"):
        answer(config, backend_preference="rwkv_cpp")


def test_an_engine_without_a_model_says_so(model_path: str) -> None:
    async def go() -> None:
        engine = EnhancedEchoRWKVIntegrationEngine()
        context = CognitiveContext("s", "Hello")
        with pytest.raises(ArgumentError, match="await initialize"):
            await engine.process_cognitive_input(context)
        await engine.initialize(create_enhanced_rwkv_config(model_path, max_tokens=4))
        # A model that cannot be loaded leaves the old one.
        with pytest.raises(ArgumentError, match="there is no file"):
            await engine.initialize({"model_path": "nowhere"})
        assert (await engine.process_cognitive_input(context))["error"] is None
        await engine.close()
        await engine.close()

    event_loop.run(go())


def test_an_answer_that_fails_has_its_reason(model_path: str) -> None:
    async def go() -> dict[str, Any]:
        engine = EnhancedEchoRWKVIntegrationEngine()
        await engine.initialize(
            create_enhanced_rwkv_config(model_path, max_tokens=4, context_length=32)
        )
        try:
            return await engine.process_cognitive_input(CognitiveContext("s", "x" * 40))
        finally:
            await engine.close()

    result = event_loop.run(go())
    assert set(result) == FIELDS
    assert result["error"] == ("user_input has 40 tokens, and context_length is 32; shorten it.")
    assert result["integrated_response"] == ""
    assert result["performance_summary"]["errors"] == 1


def test_a_large_head_is_rounded_where_asked(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("deep_tree_echo.engine.loading.WORTH_ROUNDING", 1)
    path = tmp_path / "model.bin"
    write_random_model(path, n_vocab=257, n_embed=64)
    weights = []
    for optimize in (False, True):
        config = create_enhanced_rwkv_config(
            str(path), max_tokens=2, enable_memory_optimization=optimize
        )
        weights.append(answer(config)["model_state"]["weight_bytes"])
    assert weights[1] < weights[0]
