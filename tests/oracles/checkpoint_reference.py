"""Checkpoints written by PyTorch itself, and the converter of rwkv.cpp from April 2023.

Real files of ``torch.save`` in several types and protocols are converted and compared with the
weights that they were made of. For RWKV 4, which that converter knows, the bytes are compared with
its own; its exp is torch's, so the decay may differ in the last place. Nothing is stored: both
ways of calling it check. Run it by ``./build.sh oracles``, or with a Python that has torch.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "py")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from deep_tree_echo.convert import convert_file  # noqa: E402
from deep_tree_echo.formats.rwkv_file import Tensor, read_file  # noqa: E402

from external.sources import read_sources  # noqa: E402
from tests.oracles.cases import CASES, Case  # noqa: E402
from tests.oracles.checkpoints import checkpoint  # noqa: E402
from tests.random_models import random_weights  # noqa: E402

# The last place of exp(x) and exp(-exp(x)), as a share; and what the smaller types hold.
BOUNDS = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
DECAY_ULPS = 2


def tensors_of(path: Path) -> list[Tensor]:
    return read_file([path.read_bytes()])[1]


def variants(weights: dict[str, torch.Tensor], folder: Path) -> Iterator[tuple[Path, torch.dtype]]:
    """The same checkpoint as PyTorch writes it in several ways."""
    path = folder / "model.pth"
    for dtype in BOUNDS:
        torch.save({name: value.to(dtype) for name, value in weights.items()}, path)
        yield path, dtype
    torch.save(weights, path, pickle_protocol=4)
    yield path, torch.float32
    torch.save({name: torch.nn.Parameter(value) for name, value in weights.items()}, path)
    yield path, torch.float32
    module = torch.nn.Module()
    for name, value in weights.items():
        module.register_buffer(name.replace(".", "/"), value)
    state = module.state_dict()
    for name in weights:
        state[name] = state.pop(name.replace(".", "/"))
    torch.save(state, path)
    yield path, torch.float32
    turned = {
        name: value.t().contiguous().t() if value.dim() == 2 else value
        for name, value in weights.items()
    }
    torch.save(turned, path)
    yield path, torch.float32


def check_weights(case: Case, folder: Path) -> float:
    """The greatest error, as a share of what is allowed."""
    weights = random_weights(**case.parameters())
    worst = 0.0
    for path, dtype in variants(checkpoint(case.architecture, weights), folder):
        convert_file(path, folder / "model.bin", "FP32")
        tensors = tensors_of(folder / "model.bin")
        assert [tensor.name for tensor in tensors] == list(weights)
        for tensor in tensors:
            values = weights[tensor.name]
            assert tensor.shape == values.shape
            scale = 40 if "time_decay" in tensor.name or "time_first" in tensor.name else 1
            allowed = scale * BOUNDS[dtype] * np.maximum(np.abs(values), 1e-2)
            worst = max(worst, float((np.abs(tensor.floats() - values) / allowed).max()))
    return worst


def upstream_converter(folder: Path) -> Path:
    """The converter of April 2023, from the pinned package."""
    source = read_sources(ROOT / "external" / "sources.toml")["rwkv-cpp"]
    package = ROOT / "build" / "external" / "downloads" / source.file
    if hashlib.sha256(package.read_bytes()).hexdigest() != source.sha256:
        raise SystemExit(f"{package} has another sha256 than the pinned one; delete it.")
    with tarfile.open(package) as archive:
        member = archive.extractfile("rwkv_cpp-0.0.1/rwkv/convert_pytorch_to_ggml.py")
        assert member is not None
        target = folder / "convert.py"
        target.write_bytes(member.read())
    return target


def check_upstream(case: Case, folder: Path) -> int:
    """The most units in the last place by which a decay differs; nothing else may."""
    path, theirs, ours = (folder / name for name in ("model.pth", "theirs.bin", "ours.bin"))
    torch.save(checkpoint(case.architecture, random_weights(**case.parameters())), path)
    worst = 0
    for name, type in (("float32", "FP32"), ("float16", "FP16")):
        words = [sys.executable, str(upstream_converter(folder)), str(path), str(theirs), name]
        subprocess.run(words, check=True, capture_output=True)
        convert_file(path, ours, type)
        assert ours.read_bytes()[8:24] == theirs.read_bytes()[8:24]  # behind the version
        for a, b in zip(tensors_of(ours), tensors_of(theirs), strict=True):
            assert (a.name, a.shape, a.type) == (b.name, b.shape, b.type)
            if a.name.endswith("time_decay"):
                steps = a.floats().view(np.int32).astype(np.int64) - b.floats().view(np.int32)
                worst = max(worst, int(np.abs(steps).max()))
            else:
                assert np.array_equal(a.data, b.data), a.name
    return worst


def main() -> int:
    """Checks all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="what it does in any case")
    parser.parse_args()
    status = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in CASES:
            share = check_weights(case, folder)
            said = f"{case.name}: {share:.2f} of the error allowed"
            status |= int(share > 1)
            if case.architecture == "4.0":
                ulps = check_upstream(case, folder)
                said += f"; the bytes of rwkv.cpp's converter, but {ulps} ulp in the decay"
                status |= int(ulps > DECAY_ULPS)
            print(said, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
