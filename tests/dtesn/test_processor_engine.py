"""The engine: whose hidden states are read, how that is told, and what its failures do."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import Chain, DTESNConfig, DTESNProcessor, Model, ModelFile, platform
from deep_tree_echo.dtesn.result import DTESNResult
from deep_tree_echo.errors import BackendError

from tests.event_loop import run

SMALL = DTESNConfig(max_membrane_depth=4, esn_reservoir_size=64, bseries_max_order=4)
TEXT = "The reservoir echoes what drives it."


def process(data: Any, config: DTESNConfig = SMALL, engine: Any = None) -> DTESNResult:
    return run(DTESNProcessor(config, engine).process(data))


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model.load() as loaded:
        yield loaded


@pytest.mark.parametrize(("preference", "ready"), [("python_rwkv", True), ("mock", False)])
def test_backends_are_engines_too(preference: Any, ready: bool, model: Model) -> None:
    chain = Chain.load(ModelFile.from_path(platform.bundled_model_path()), preference)
    for engine in (chain, chain.backend):
        result = process(TEXT, engine=engine)
        assert result.engine_integration["engine_available"]
        assert result.engine_integration["engine_ready"] is ready
        assert result.processed_output["source"] == ("hidden_states" if ready else "bytes")
        if ready:
            own = process(TEXT, engine=model)
            difference = np.abs(np.subtract(result.esn_state["state"], own.esn_state["state"]))
            # FP16 weights in another order of sums; an object more or less would show, too.
            assert difference.max() < 0.05
            assert result.processed_output["surprise_bits"] == pytest.approx(
                own.processed_output["surprise_bits"], rel=1e-2
            )
        else:
            assert "mock" in result.processed_output["reason"]


def test_surprise_is_the_models_own(model: Model) -> None:
    tokens = model.encode(TEXT)
    bits, state = [], None
    for token, following in itertools.pairwise(tokens):
        logits, state = model.eval([token], state)
        p = np.exp(logits.astype(np.float64) - logits.max())
        bits.append(-np.log2(p[following] / p.sum()))
    found = process(TEXT, engine=model).processed_output["surprise_bits"]
    assert found == pytest.approx(np.mean(bits), rel=1e-9)


def test_a_closed_model_is_seen_and_said() -> None:
    own = Model.load()
    processor = DTESNProcessor(SMALL, own)
    assert run(processor.process(TEXT)).processed_output["source"] == "hidden_states"
    own.close()
    result = run(processor.process(TEXT))
    assert result.processed_output["source"] == "bytes"
    assert result.processed_output["reason"] == "The engine's model has been closed; load it again."
    assert result.engine_integration["engine_available"]
    assert not result.engine_integration["engine_ready"]


class Broken:
    """A model that gives what no model should."""

    n_embed = 4
    n_vocab = 256
    fingerprint = ""

    def __init__(self, good: int) -> None:
        self.good = good
        self.read = 0

    def encode(self, text: str | bytes) -> list[int]:
        return list(text if isinstance(text, bytes) else text.encode())

    def eval(self, tokens: Any, state: Any = None) -> tuple[Any, Any]:
        self.read += 1
        return np.zeros(256, dtype=np.float32), self.read

    def hidden(self) -> Any:
        return np.full(4, 1.0 if self.read <= self.good else np.nan)


def test_a_broken_engine_fails_the_request_and_nothing_else() -> None:
    engine = Broken(good=6)
    processor = DTESNProcessor(SMALL, engine)
    with pytest.raises(BackendError, match="numbers that are not finite after token 5;"):
        run(processor.process(TEXT))
    assert processor.metrics()["failed"] == 1
    assert processor.status()["under_way"] == 0
    engine.good = 10**9
    again, fresh = run(processor.process(TEXT)), process(TEXT, engine=Broken(10**9))
    assert again.to_deterministic() == fresh.to_deterministic()


@pytest.mark.parametrize(
    ("length", "depth", "size"), [(None, 4, 1024), (512, 4, 128), (8192, 5, 1024), (9000, 6, 1024)]
)
def test_depth_and_size_follow_the_engine(
    length: int | None, depth: int, size: int, model: Model
) -> None:
    config = DTESNConfig(max_membrane_depth=4, max_model_len=length)
    status = DTESNProcessor(config, model).status()
    assert (status["membrane_depth"], status["esn_size"]) == (depth, size)
    result = process("short", config, model)
    assert (result.membrane_layers, result.esn_state["size"]) == (depth, size)
    without = DTESNProcessor(config).status()
    assert (without["membrane_depth"], without["esn_size"]) == (4, 1024)
