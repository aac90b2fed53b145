"""The processor: every field is computed, equal inputs give the same, nothing is mixed up."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any

import hypothesis
import numpy as np
import pytest
from deep_tree_echo import DTESNConfig, DTESNProcessor, Model
from deep_tree_echo.dtesn.inputs import as_bytes, text_of
from deep_tree_echo.dtesn.result import DTESNResult
from deep_tree_echo.dtesn.serializers import checksum_of
from deep_tree_echo.errors import ArgumentError, LimitError
from hypothesis import given
from hypothesis import strategies as st

from tests.event_loop import run

SMALL = DTESNConfig(max_membrane_depth=4, esn_reservoir_size=64, bseries_max_order=4)
TEXT = "The reservoir echoes what drives it."


def process(
    data: Any, config: DTESNConfig = SMALL, engine: Any = None, **arguments: Any
) -> DTESNResult:
    return run(DTESNProcessor(config, engine).process(data, **arguments))


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    with Model.load() as loaded:
        yield loaded


@pytest.fixture(scope="module", params=["bytes", "model"])
def engine(request: pytest.FixtureRequest, model: Model) -> Model | None:
    return model if request.param == "model" else None


def finite(value: Any) -> bool:
    """Whether plain JSON without NaN can hold it."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and finite(inside) for key, inside in value.items())
    if isinstance(value, list):
        return all(map(finite, value))
    return value is None or isinstance(value, (str, bool, int)) or math.isfinite(value)


# ------------------------------------------------------------------------ the fields


def test_the_fields_are_those_of_the_documents(engine: Model | None) -> None:
    result = process(TEXT, engine=engine)
    values = result.to_dict()
    assert list(values) == [
        "input",
        "output",
        "membrane_layers",
        "esn_state",
        "bseries_computation",
        "processing_time_ms",
        "engine_integration",
    ]
    assert values["input"] == TEXT
    assert values["membrane_layers"] == 4
    assert values["processing_time_ms"] > 0
    assert finite(values)
    assert json.loads(json.dumps(values)) == values


def test_output(engine: Model | None) -> None:
    output = process(TEXT, engine=engine).processed_output
    assert output["tokens"] == len(TEXT)
    assert output["source"] == ("bytes" if engine is None else "hidden_states")
    assert bool(output["reason"]) == (engine is None)
    prediction, membranes = output["prediction"], output["membranes"]
    assert prediction["predictions"] == len(TEXT) - 1
    assert len(prediction["next"]) == SMALL.n_inputs
    for name in ("mse", "persistence_mse", "mean_mse", "memoryless_mse"):
        assert 0 < prediction[name] < 100
    assert prediction["nrmse"] == pytest.approx((prediction["mse"] / prediction["mean_mse"]) ** 0.5)
    best = min(prediction["persistence_mse"], prediction["mean_mse"])
    assert prediction["skill"] == pytest.approx(1 - prediction["mse"] / best)
    assert membranes["steps"] == -(-len(TEXT) // 4)
    assert [level["membranes"] for level in membranes["levels"]] == [1, 1, 1, 2]
    assert membranes["received"] > 0


def test_esn_state(engine: Model | None) -> None:
    found = process(TEXT, engine=engine).esn_state
    state = np.array(found["state"])
    assert state.shape == (found["size"],) == (64,)
    assert (np.abs(state) < 1).all()
    assert found["norm"] == pytest.approx(np.linalg.norm(state))
    assert found["mean_activity"] == pytest.approx(np.abs(state).mean())
    assert found["saturated_share"] == (np.abs(state) > 0.9).mean()
    assert len(found["membrane_activity"]) == 5
    assert found["spectral_radius"] == SMALL.spectral_radius
    assert (found["steps"], found["n_inputs"]) == (len(TEXT), 32 + 4)
    assert 0 < found["connections"] < 64 * 64


def test_bseries_computation(engine: Model | None) -> None:
    found = process(TEXT, engine=engine).bseries_computation
    assert (found["method"], found["order"], found["max_order"]) == ("Euler", 1, 4)
    assert found["trees_per_order"] == [1, 1, 2, 4]
    assert [(c["conditions"], c["satisfied"]) for c in found["conditions"]] == [
        (1, 1),
        (1, 0),
        (2, 0),
        (4, 0),
    ]
    assert [term["weight"] for term in found["terms"]] == ["1"] + ["0"] * 7
    assert [term["exact_weight"] for term in found["terms"]][:4] == ["1", "1/2", "1/6", "1/3"]
    assert found["leading_error_coefficient"] == 0.5
    # The reservoirs make the very step that the report is about.
    assert found["step_defect"] < 1e-6
    # What the theory says of this step, at h = 0.3: it begins like the leading term.
    assert 0.5 < found["error_ratio"] < 1.5
    assert 0.6 < found["measured_order"] < 1.4
    remainders = found["flow_remainders"]
    assert remainders[0] == pytest.approx(found["local_error"])
    assert remainders == sorted(remainders, reverse=True)


def test_the_flow_of_a_linear_field_is_an_exponential() -> None:
    from deep_tree_echo.dtesn.report import integration_report
    from deep_tree_echo.dtesn.reservoir import Reservoir

    # W = 0 and no drive: x' = -x + tanh(0), of which everything is known.
    reservoir = Reservoir.from_matrices(np.zeros((3, 3)), np.ones((3, 1)), leak_rate=0.25)
    x, h = np.array([1.0, -2.0, 0.5]), 0.25
    found = integration_report(reservoir, x, np.zeros(1), (1 - h) * x, 12)
    rms = np.sqrt(np.mean(x**2))
    assert found["local_error"] == pytest.approx((math.exp(-h) - (1 - h)) * rms, rel=1e-9)
    assert found["leading_error"] == pytest.approx(h**2 / 2 * rms, rel=1e-12)
    taylor = [sum((-h) ** k / math.factorial(k) for k in range(n + 1)) for n in range(1, 6)]
    expected = [abs(math.exp(-h) - value) * rms for value in taylor]
    assert found["flow_remainders"] == pytest.approx(expected, rel=1e-4)
    assert found["step_defect"] < 1e-7
    assert found["trees_per_order"][-1] == 4766
    assert len(found["conditions"]) == 8


CONTEXT = {
    "engine_available": bool,
    "engine_ready": bool,
    "model_config": dict,
    "aphrodite_config": dict,
    "parallel_config": dict,
    "scheduler_config": dict,
    "decoding_config": dict,
    "lora_config": dict,
    "server_side_data": {
        "engine_type": str,
        "has_generate": bool,
        "has_encode": bool,
        "has_tokenizer": bool,
        "has_health_check": bool,
        "integration_timestamp": float,
        "last_sync": float,
        "engine_ready": bool,
    },
    "processing_enhancements": {
        "tokenization_available": bool,
        "generation_available": bool,
        "encoding_available": bool,
        "model_info_available": bool,
        "health_monitoring": bool,
        "comprehensive_integration": bool,
        "backend_pipeline_ready": bool,
    },
    "performance_metrics": dict,
    "backend_integration": {
        "pipeline_configured": bool,
        "model_management_active": bool,
        "configuration_synchronized": bool,
        "error_handling_active": bool,
    },
}


def check_shape(values: dict[str, Any], shape: dict[str, Any]) -> None:
    assert list(values) == list(shape)
    for key, kind in shape.items():
        if isinstance(kind, dict):
            check_shape(values[key], kind)
        else:
            assert type(values[key]) is kind, key


def test_engine_integration_without_an_engine() -> None:
    found = process(TEXT).engine_integration
    check_shape(found, CONTEXT)
    assert found["server_side_data"]["engine_type"] == "none"
    flags = [found["engine_available"], found["engine_ready"]]
    flags += found["processing_enhancements"].values()
    flags += found["backend_integration"].values()
    assert not any(flags)
    assert found["model_config"] == found["decoding_config"] == {}


def test_engine_integration_with_a_model(model: Model) -> None:
    config = DTESNConfig(esn_reservoir_size=64, max_membrane_depth=2, max_model_len=512)
    found = process(TEXT, config, model).engine_integration
    check_shape(found, CONTEXT)
    assert found["engine_ready"]
    assert found["model_config"]["n_embed"] == model.n_embed
    assert found["model_config"]["fingerprint"] == model.fingerprint
    assert found["model_config"]["max_model_len"] == 512
    assert found["decoding_config"]["temperature"] == 0.8
    assert all(found["processing_enhancements"].values())
    assert all(found["backend_integration"].values())
    assert found["server_side_data"]["integration_timestamp"] > 1.7e9
    assert found["performance_metrics"]["tokens_per_second"] > 0


def test_without_monitoring_there_are_no_metrics() -> None:
    config = DTESNConfig(esn_reservoir_size=32, enable_performance_monitoring=False)
    processor = DTESNProcessor(config)
    for _ in range(2):
        result = run(processor.process(TEXT))
        assert result.engine_integration["performance_metrics"] == {}
    assert processor.metrics() == {}


# -------------------------------------------------------------- the same, and different


def paths(values: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        for key, inside in values.items():
            yield from paths(inside, f"{at}/{key}")
    else:
        yield at, values


def test_what_must_change_with_the_input_changes(engine: Model | None) -> None:
    first = dict(paths(process(TEXT, engine=engine).to_dict()))
    other = dict(paths(process(TEXT[:-1] + "!", engine=engine).to_dict()))
    changed = {at for at in first if first[at] != other[at]}
    for at in (
        "/input",
        "/output/prediction/mse",
        "/output/prediction/next",
        "/output/prediction/memoryless_mse",
        "/output/membranes/levels",
        "/esn_state/state",
        "/esn_state/norm",
        "/esn_state/membrane_activity",
        "/bseries_computation/local_error",
        "/bseries_computation/leading_error",
        "/bseries_computation/error_ratio",
        "/bseries_computation/measured_order",
        "/bseries_computation/flow_remainders",
        "/bseries_computation/terms",
    ):
        assert at in changed, at


def test_the_beginning_is_remembered(engine: Model | None) -> None:
    first = process("A" + TEXT, engine=engine).esn_state["state"]
    other = process("B" + TEXT, engine=engine).esn_state["state"]
    assert np.abs(np.array(first) - other).max() > 1e-6


def test_equal_inputs_give_equal_results(engine: Model | None) -> None:
    texts = {process(TEXT, engine=engine).to_deterministic() for _ in range(3)}
    assert len(texts) == 1
    values = json.loads(texts.pop())
    checksum = values.pop("_checksum")
    assert len(checksum) == 16
    assert checksum == checksum_of(values)


def test_another_seed_is_another_network() -> None:
    config = DTESNConfig(max_membrane_depth=4, esn_reservoir_size=64, seed=7)
    assert process(TEXT, config).esn_state["state"] != process(TEXT).esn_state["state"]


def test_objects_act_on_the_reservoirs(monkeypatch: pytest.MonkeyPatch) -> None:
    from deep_tree_echo.dtesn.activity import Activity

    with_them = process(TEXT).esn_state["state"]
    monkeypatch.setattr(Activity, "signal", lambda self: np.zeros(len(self._widths)))
    assert process(TEXT).esn_state["state"] != with_them


@given(
    st.one_of(
        st.text(max_size=40),
        st.binary(max_size=40),
        st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4),
        st.lists(st.none() | st.booleans() | st.floats() | st.text(max_size=5), max_size=5),
    )
)
@hypothesis.settings(max_examples=25)
def test_any_input_is_processed_or_refused_in_a_sentence(data: Any) -> None:
    processor = DTESNProcessor(SMALL)
    try:
        as_bytes(data)
    except ArgumentError:
        with pytest.raises(ArgumentError, match=r"^input_data .*\.$"):
            run(processor.process(data))
        assert processor.metrics()["requests"] == 0
    else:
        result = run(processor.process(data))
        assert result.input_data == text_of(data)
        assert finite(result.to_dict())
        assert result.to_deterministic() == run(processor.process(data)).to_deterministic()


def test_a_dict_is_its_json_and_bytes_are_themselves(model: Model) -> None:
    spelled = process('{"a":"ä","b":1}')
    assert process({"b": 1, "a": "ä"}).to_deterministic() == spelled.to_deterministic()
    processor = DTESNProcessor(SMALL, model)
    odd, spelled = (run(processor.process(data)) for data in (b"\xff", "\\xff"))
    assert odd.input_data == spelled.input_data == "\\xff"
    assert (odd.processed_output["tokens"], spelled.processed_output["tokens"]) == (1, 4)


# ------------------------------------------------------------------------- bad requests


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"input_data": ""}, "input_data is ''; give at least one character"),
        ({"input_data": b""}, "input_data is b''"),
        ({"input_data": 5}, "input_data is of type int; give text, bytes, a dict or a list"),
        ({"input_data": [math.nan]}, "input_data cannot be written as JSON"),
        ({"input_data": {1: object()}}, "input_data cannot be written as JSON"),
        ({"input_data": "a\ud800"}, r"input_data has the lone surrogate '\\ud800' at position 1"),
        ({"input_data": "x" * 101}, "input_data has more than 100 tokens"),
        ({"membrane_depth": 0}, "membrane_depth is 0; it must be an integer from 1 to 16"),
        ({"esn_size": 5000}, "esn_size is 5000; it must be an integer from 32 to 4096"),
        ({"priority": "now"}, "priority is 'now'; it must be one of critical, high"),
        ({"timeout": 0}, "timeout is 0; it must be a number of seconds above 0"),
    ],
)
def test_bad_requests(arguments: dict[str, Any], sentence: str) -> None:
    config = DTESNConfig(esn_reservoir_size=32, max_input_tokens=100)
    processor = DTESNProcessor(config)
    for method in (processor.process, processor.stream):
        with pytest.raises(ArgumentError, match=sentence):
            run(once(method, {"input_data": TEXT} | arguments))
    assert processor.status()["under_way"] == 0


async def once(method: Any, arguments: dict[str, Any]) -> None:
    answer = method(**arguments)
    if hasattr(answer, "__aiter__"):
        async for _ in answer:
            pass
    else:
        await answer


def test_a_circle_is_no_json() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ArgumentError, match="Circular"):
        process(circle)


def test_depth_is_bounded() -> None:
    nest: Any = "x"
    for _ in range(100):
        nest = [nest]
    assert text_of(nest) == "[" * 100 + '"x"' + "]" * 100
    for more in ([nest], {"a": nest}, [(nest,)]):
        with pytest.raises(ArgumentError, match="input_data has lists or dicts more than 100 deep"):
            text_of(more)
    for _ in range(200_000):
        nest = [nest]
    with pytest.raises(ArgumentError, match="more than 100 deep"):
        text_of(nest)
    while nest != "x":
        # One level at a time: the interpreter itself would free it by recursion.
        nest = nest[0]


def test_a_timeout_is_said_and_leaves_nothing() -> None:
    processor = DTESNProcessor(SMALL)
    with pytest.raises(LimitError, match=r"longer than its timeout of 1e-06 s"):
        run(processor.process(TEXT, timeout=1e-6))
    assert (processor.metrics()["failed"], processor.status()["under_way"]) == (1, 0)
    assert run(processor.process(TEXT)).to_deterministic() == process(TEXT).to_deterministic()


def test_the_configuration_must_be_one() -> None:
    with pytest.raises(ArgumentError, match="config is of type dict; give a DTESNConfig"):
        DTESNProcessor({"seed": 1})  # type: ignore[arg-type]


def test_one_token_has_nothing_to_predict() -> None:
    found = process("x").processed_output["prediction"]
    assert found["predictions"] == 0
    assert found["mse"] is found["next"] is found["skill"] is None


# ------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("depth", "size"),
    [
        (1, 32),
        (16, 32),
        (2, 200),
        pytest.param(16, 4096, marks=pytest.mark.slow),
        pytest.param(4, 4096, marks=pytest.mark.slow),
    ],
)
def test_depths_and_sizes(depth: int, size: int) -> None:
    result = process("deep and wide", membrane_depth=depth, esn_size=size)
    assert (result.membrane_layers, result.esn_state["size"]) == (depth, size)
    assert len(result.processed_output["membranes"]["levels"]) == depth
    assert np.abs(result.esn_state["state"]).max() > 0


def test_concurrent_requests_do_not_mix(engine: Model | None) -> None:
    texts = [f"{i} {TEXT * (i % 3 + 1)}" for i in range(6)]
    alone = [process(text, engine=engine).to_deterministic() for text in texts]

    async def main() -> list[str]:
        processor = DTESNProcessor(SMALL, engine)
        found = await asyncio.gather(*(processor.process(text) for text in texts))
        return [result.to_deterministic() for result in found]

    assert run(main()) == alone
