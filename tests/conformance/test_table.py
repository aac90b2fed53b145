"""rwkv.cpp's own test models give the logits that rwkv.cpp expects, in every file type.

The procedure and the figures are those of rwkv.cpp's test suite: after the three tokens of
``"in`` the sum of (logits - expected) over the vocabulary may differ from zero by at most 1.05
times the figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo import Model, core
from deep_tree_echo.convert import open_model, plan
from deep_tree_echo.formats import TensorType

from tests.evaluators import load

PROMPT = list(b'"in')
TOLERANCE = 1.05
MOST_ELEMENT_DIFFERENCE = 1e-3
NAMES = {"4v0": "4v0-660K", "5v2": "5v2-730K", "7v0": "7v0-834K"}
ARCHITECTURES = {"4v0": "4.0", "5v2": "5.2", "7v0": "7.0"}
FIGURES = {
    "4v0": {
        "FP32": 0.001,
        "FP16": 0.013652,
        "Q4_0": 0.160030,
        "Q4_1": 0.547409,
        "Q5_0": 0.170404,
        "Q5_1": 0.278034,
        "Q8_0": 0.076282,
    },
    "5v2": {
        "FP32": 0.001,
        "FP16": 0.455912,
        "Q4_0": 35.271305,
        "Q4_1": 67.015076,
        "Q5_0": 25.273308,
        "Q5_1": 48.068733,
        "Q8_0": 9.441034,
    },
    "7v0": {
        "FP32": 0.001,
        "FP16": 0.005766,
        "Q4_0": 0.136785,
        "Q4_1": 0.002614,
        "Q5_0": 0.063645,
        "Q5_1": 0.064663,
        "Q8_0": 0.011924,
    },
}
CELLS = [(model, kind) for model, row in FIGURES.items() for kind in row]
FLOATING = ("FP32", "FP16")
BY_REFERENCE = [(model, kind) for model in FIGURES for kind in ("Q5_0", "Q5_1")]


def path_of(folder: Path, model: str, kind: str) -> Path:
    return folder / f"tiny-rwkv-{NAMES[model]}-{kind}.bin"


def expected_logits(folder: Path, model: str) -> np.ndarray:
    return np.fromfile(folder / f"expected-logits-{NAMES[model]}.bin", dtype="<f4")


@cache
def model_bytes(folder: Path, model: str, kind: str) -> bytes:
    """The file itself for FP32 and FP16, else the FP32 file quantised by us."""
    if kind in FLOATING:
        return path_of(folder, model, kind).read_bytes()
    with open_model(path_of(folder, model, "FP32")) as source:
        return b"".join(plan(source, TensorType[kind]).pieces())


def token_by_token(model: Model) -> np.ndarray:
    state = None
    for token in PROMPT:
        logits, state = model.eval([token], state)
    return logits


def as_a_sequence(model: Model) -> np.ndarray:
    return model.eval(PROMPT)[0]


WAYS = {"tokens": token_by_token, "sequence": as_a_sequence}


def check(logits: np.ndarray, expected: np.ndarray, model: str, kind: str) -> None:
    differences = logits.astype(np.float64) - expected
    figure = FIGURES[model][kind]
    print(f"\n{model} {kind}: |sum| {abs(differences.sum()):.6f} of {figure}", end="")
    assert logits.shape == expected.shape == (256,)
    assert abs(differences.sum()) <= TOLERANCE * figure
    if kind == "FP32":
        assert abs(differences).max() < MOST_ELEMENT_DIFFERENCE


@pytest.fixture
def every_target() -> Iterator[list[str]]:
    """The SIMD targets of this machine; whatever a test forces is lifted again."""
    yield core.simd_targets()
    core.check(core.library().echo_simd_force(None))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "kind"), CELLS)
def test_cell(tiny_models, model, kind, way):
    with Model.load(model_bytes(tiny_models, model, kind)) as loaded:
        assert loaded.architecture == ARCHITECTURES[model]
        assert loaded.type == kind
        check(WAYS[way](loaded), expected_logits(tiny_models, model), model, kind)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "kind"), BY_REFERENCE)
def test_file_of_the_reference_quantiser(tiny_models, model, kind, way):
    with Model.load(path_of(tiny_models, model, kind)) as loaded:
        assert loaded.type == kind
        check(WAYS[way](loaded), expected_logits(tiny_models, model), model, kind)


@pytest.mark.parametrize(("model", "kind"), BY_REFERENCE)
def test_our_quantiser_writes_the_bytes_of_the_reference(tiny_models, model, kind):
    ours = model_bytes(tiny_models, model, kind)
    reference = path_of(tiny_models, model, kind).read_bytes()
    assert len(ours) == len(reference)
    assert ours == reference


@pytest.mark.parametrize(("model", "kind"), CELLS)
def test_every_simd_target(tiny_models, every_target, model, kind):
    expected = expected_logits(tiny_models, model)
    with Model.load(model_bytes(tiny_models, model, kind)) as loaded:
        for target in every_target:
            core.check(core.library().echo_simd_force(target.encode()))
            for way in WAYS.values():
                check(way(loaded), expected, model, kind)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "kind"), [cell for cell in CELLS if cell[1] in FLOATING])
def test_python_rwkv(tiny_models, model, kind, way):
    """The figures of quantised files are not its own: it multiplies in float32 throughout."""
    loaded = load("python_rwkv", model_bytes(tiny_models, model, kind))
    check(WAYS[way](loaded), expected_logits(tiny_models, model), model, kind)


def test_unknown_simd_target_is_refused(every_target):
    status = core.library().echo_simd_force(b"ABACUS")
    with pytest.raises(ValueError, match="ABACUS"):
        core.check(status)
    assert core.simd_targets() == every_target
