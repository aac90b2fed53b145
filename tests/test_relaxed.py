"""libecho with relaxed SIMD gives the bits of libecho without it.

Relaxed instructions may differ between machines where an operand leaves its range. Ours never does,
and this is what shows it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo import Model, core, platform

from tests.properties.test_products import model_with, random_rows
from tests.random_models import ARCHITECTURES, write_random_model

TYPES = ("FP32", "FP16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")
FOLDER = Path(platform.__file__).parent
LIBRARIES = {"WASM": FOLDER / "libecho.so", "WASM_RELAXED": FOLDER / "libecho-relaxed.so"}

pytestmark = pytest.mark.skipif(
    not platform.has_relaxed_simd() or not LIBRARIES["WASM_RELAXED"].is_file(),
    reason="this is no WebAssembly engine with relaxed SIMD, or the package has one library",
)


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Iterator[Iterator[str]]:
    """Each library in turn as the one that the package uses."""

    def each() -> Iterator[str]:
        for name, path in LIBRARIES.items():
            monkeypatch.setenv("ECHO_LIBRARY", str(path))
            core.library.cache_clear()
            assert core.simd_targets() == [name]
            yield name

    yield each()
    monkeypatch.undo()
    core.library.cache_clear()


def test_the_faster_one_is_taken() -> None:
    assert platform.library_path() == LIBRARIES["WASM_RELAXED"]
    assert core.simd_targets() == ["WASM_RELAXED"]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_models(libraries: Iterator[str], architecture: str, kind: str) -> None:
    file = io.BytesIO()
    write_random_model(file, architecture, type=kind)
    answers = []
    for _ in libraries:
        with Model.load(file.getvalue(), head=kind) as model:
            logits, state = model.eval(list(range(40)))
            last, state = model.eval([7], state)
            answers.append(np.concatenate([logits, last, state.to_numpy().ravel()]))
    np.testing.assert_array_equal(answers[0], answers[1])


@pytest.mark.parametrize("kind", TYPES)
def test_any_bytes(libraries: Iterator[str], kind: str) -> None:
    rows = random_rows(kind, 259, 3, -12, 4)
    answers = []
    for _ in libraries:
        with model_with(rows, kind) as model:
            answers.append(model.eval([7, 8, 9])[0])
    np.testing.assert_array_equal(answers[0], answers[1])
