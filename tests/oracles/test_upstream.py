"""libecho against upstream rwkv.cpp of April 2023, natively and as WebAssembly (version 4)."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo import Model
from numpy.typing import NDArray

from tests.random_models import random_model_bytes

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {
    "native": ROOT / "build" / "upstream" / "native" / "evaluate",
    "wasm": ROOT / "build" / "upstream" / "wasm" / "evaluate.js",
}
Q4_0, Q4_1 = 2, 3
# Of one sort of arithmetic in another order.
BOUND = 1e-4
TEXT = [ord(letter) for letter in '"in the beginning']

pytestmark = pytest.mark.native("upstream is a program of its own")


@pytest.fixture(params=PROGRAMS)
def upstream(request: pytest.FixtureRequest) -> list[str]:
    """The words that start upstream's driver."""
    path = PROGRAMS[request.param]
    if not path.exists():
        pytest.skip(f"{path.relative_to(ROOT)} is not built; ./build.sh test does that")
    if request.param == "native":
        return [str(path)]
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no node to run upstream's WebAssembly")
    return [node, str(path)]


def ask(upstream: list[str], model: Path, tokens: list[int]) -> NDArray[np.float32]:
    """Upstream's logits after each token."""
    logits = model.with_suffix(".logits")
    words = [*upstream, str(model), str(logits), *map(str, tokens)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return np.fromfile(logits, np.float32).reshape(len(tokens), -1)


def ours(data: bytes, tokens: list[int]) -> NDArray[np.float32]:
    model, state, rows = Model.load(data), None, []
    for token in tokens:
        logits, state = model.eval([token], state)
        rows.append(logits)
    return np.stack(rows)


def as_version_100(data: bytes) -> bytes:
    """The same file for upstream: FP32 and FP16 have one layout in both versions."""
    magic, version, *rest = struct.unpack("<6i", data[:24])
    assert version in (100, 101)
    return struct.pack("<6i", magic, 100, *rest) + data[24:]


@pytest.mark.parametrize("type", ["FP32", "FP16"])
def test_tiny_model(upstream: list[str], tiny_models: Path, tmp_path: Path, type: str) -> None:
    data = (tiny_models / f"tiny-rwkv-4v0-660K-{type}.bin").read_bytes()
    file = tmp_path / "model.bin"
    file.write_bytes(as_version_100(data))
    theirs = ask(upstream, file, TEXT)
    # Half precision is rounded at other places: inputs of a product, and tables of exp.
    bound = BOUND if type == "FP32" else 0.02
    assert np.abs(ours(data, TEXT) - theirs).max() < bound


def test_expected_logits(upstream: list[str], tiny_models: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(as_version_100((tiny_models / "tiny-rwkv-4v0-660K-FP32.bin").read_bytes()))
    expected = np.fromfile(tiny_models / "expected-logits-4v0-660K.bin", np.float32)
    assert np.abs(ask(upstream, file, TEXT[:3])[2] - expected).max() < 1e-5


@pytest.mark.parametrize("seed", [1, 2])
def test_random_model(upstream: list[str], tmp_path: Path, seed: int) -> None:
    data = random_model_bytes("4.0", n_embed=64 * seed, n_layer=2 + seed, seed=seed)
    file = tmp_path / "model.bin"
    file.write_bytes(as_version_100(data))
    tokens = np.random.default_rng(seed).integers(0, 257, 32).tolist()
    theirs = ask(upstream, file, tokens)
    assert np.abs(ours(data, tokens) - theirs).max() < BOUND * max(1.0, np.abs(theirs).max())


@pytest.mark.parametrize(("type", "bound"), [(Q4_0, 1.5), (Q4_1, 0.8)])
def test_its_own_quantisation_stays_near(
    upstream: list[str], tiny_models: Path, tmp_path: Path, type: int, bound: float
) -> None:
    """The peer of benchmarks computes in these formats, too, and not something else."""
    source, file = tmp_path / "full.bin", tmp_path / "small.bin"
    source.write_bytes(as_version_100((tiny_models / "tiny-rwkv-4v0-660K-FP32.bin").read_bytes()))
    words = [*upstream, "--quantise", str(type), str(source), str(file)]
    subprocess.run(words, capture_output=True, check=True, timeout=120)
    assert np.abs(ask(upstream, file, TEXT[:3]) - ask(upstream, source, TEXT[:3])).max() < bound


def test_a_file_that_is_no_model(upstream: list[str], tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"no model at all, and long enough to look")
    words = [*upstream, str(file), str(tmp_path / "logits"), "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode != 0
    assert "cannot be loaded" in done.stderr
