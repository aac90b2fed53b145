"""libecho against upstream rwkv.cpp of April 2023: decoding a version-4 model, one thread each."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench._measure import ROOT, Times, keep, lines_of, rounds, summary
from tests.random_models import random_model_bytes

UPSTREAM = ROOT / "build" / "upstream"
SHAPE = {"n_vocab": 8192, "n_embed": 512, "n_layer": 8}
TOKENS, WARM, ROUNDS = 30, 5, 5
Q4_0 = "2"


def decode(model: Path) -> Times:
    """libecho natively, through the Python package."""
    return lines_of(sys.executable, "-m", "tests.bench._decode", str(TOKENS), model)


def upstream_native(model: Path) -> Times:
    """Upstream, compiled for this machine."""
    return lines_of(UPSTREAM / "native" / "evaluate", "--time", str(TOKENS), model)


def upstream_wasm(model: Path) -> Times:
    """Upstream as WebAssembly under Node."""
    node = shutil.which("node") or "node"
    return lines_of(node, UPSTREAM / "wasm" / "evaluate.js", "--time", str(TOKENS), model)


def for_upstream(path: Path) -> Path:
    """The same model as a file of version 100."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<i", data, 4, 100)
    copy = path.with_name(f"100-{path.name}")
    copy.write_bytes(data)
    return copy


def main() -> None:
    """Measure FP32, FP16 and Q4_0."""
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        theirs: dict[str, Path] = {}
        ours: dict[str, Path] = {}
        for type in ("FP32", "FP16", "Q4_0"):
            ours[type] = Path(folder, f"{type}.bin")
            ours[type].write_bytes(random_model_bytes("4.0", **SHAPE, seed=1, type=type))
            if type != "Q4_0":
                theirs[type] = for_upstream(ours[type])
        # Its blocks of 4 bits are of another layout than today's: it quantises for itself.
        theirs["Q4_0"] = Path(folder, "100-Q4_0.bin")
        quantise = [UPSTREAM / "native" / "evaluate", "--quantise", Q4_0]
        subprocess.run([*quantise, theirs["FP32"], theirs["Q4_0"]], check=True, capture_output=True)
        figures: dict[str, float] = {}
        print(f"decoding, tokens a second of processor time: median (least to most); {SHAPE}")
        for type, file in ours.items():
            contestants = {
                "libecho native": lambda file=file: decode(file),
                "upstream native": lambda file=theirs[type]: upstream_native(file),
                "upstream wasm": lambda file=theirs[type]: upstream_wasm(file),
            }
            medians = {}
            for name, times in rounds(contestants, ROUNDS, WARM).items():
                found = summary(times)
                medians[name] = found["cpu_median"]
                key = f"v4_{type}_{name.replace(' ', '_')}"
                figures |= {f"{key}_{part}": value for part, value in found.items()}
                span = f"{found['cpu_min']:.0f} to {found['cpu_max']:.0f}"
                print(f"{type:5} {name:16} {found['cpu_median']:8.1f}  ({span})", flush=True)
            figures[f"v4_{type}_libecho_vs_upstream_native"] = (
                medians["libecho native"] / medians["upstream native"]
            )
        keep(figures)


if __name__ == "__main__":
    main()
