"""libecho against upstream rwkv.cpp of April 2023: decoding RWKV 4 of the 169M shape, one thread.

Upstream runs natively and as WebAssembly under Node, where it needs its own memory of 1 GB; we run
natively and inside Pyodide in Chromium. Under Node its processor time is the difference between a
long and a short run, so that loading and compiling do not count. Both
keep the head at 16 bits in quantised files; in the browser we take the choice that the page offers,
to round it to Q8_0 at loading.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deep_tree_echo.formats.quantize import type_in_file
from deep_tree_echo.formats.rwkv_file import Header, Tensor, write_file
from deep_tree_echo.formats.types import TensorType

from tests import random_models
from tests.bench._browser import PEERS, bench_site, ours_in_browser, serving, sync_playwright
from tests.bench._measure import ROOT, Turn, interleaved, keep, show, summary
from tests.bench._process import Process

UPSTREAM = ROOT / "build" / "upstream"
SHAPE = {"n_vocab": 50277, "n_embed": 768, "n_layer": 12}
TOKENS, SHORT, ROUNDS = 24, 4, 3
QUANTISED = {"Q4_0": 2, "Q4_1": 3}


def files() -> tuple[dict[str, Path], dict[str, Path]]:
    """Our files and theirs by type, made once."""
    recipe = Path(random_models.__file__).read_bytes() + Path(__file__).read_bytes()
    folder = PEERS / "upstream"
    place = folder / hashlib.sha256(recipe).hexdigest()[:12]
    ours = {type: place / f"{type}.bin" for type in ("FP32", "FP16", "Q4_0", "Q8_0")}
    theirs = {type: place / f"upstream-{type}.bin" for type in ("FP32", "FP16", *QUANTISED)}
    if not (place / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        place.mkdir(parents=True)
        print(f"making RWKV 4 of {SHAPE}", flush=True)
        weights = random_models.random_weights("4.0", **SHAPE, seed=1)
        for type, path in ours.items():
            write(path, weights, TensorType.parse(type))
        for type in ("FP32", "FP16"):
            data = bytearray(ours[type].read_bytes())
            struct.pack_into("<i", data, 4, 100)
            theirs[type].write_bytes(data)
        # Its blocks are of another layout than today's: it quantises for itself.
        for type, number in QUANTISED.items():
            tool = [UPSTREAM / "native" / "evaluate", "--quantise", str(number)]
            subprocess.run([*tool, theirs["FP32"], theirs[type]], check=True, capture_output=True)
        (place / "done").touch()
    return ours, theirs


def write(path: Path, weights: Mapping[str, random_models.Floats], type: TensorType) -> None:
    """The weights as a converter and a quantiser would leave them."""
    base = TensorType.FP32 if type is TensorType.FP32 else TensorType.FP16

    def tensors() -> Iterator[Tensor]:
        for name, values in weights.items():
            kept = type_in_file(name, values.shape, base, TensorType.FP32)
            yield Tensor.from_floats(name, values, type_in_file(name, values.shape, type, kept))

    with path.open("wb") as file:
        write_file(file, Header(**SHAPE, type=type), tensors())


def upstream_native(model: Path) -> Turn:
    """A turn of upstream compiled for this machine; it looks at both clocks itself."""
    times, _ = driven(SHORT + TOKENS, UPSTREAM / "native" / "evaluate", model)
    return Turn(TOKENS, sum(wall for wall, _ in times), sum(cpu for _, cpu in times))


def upstream_wasm(model: Path) -> Turn:
    """A turn of upstream under Node, whose only clock inside is that of the wall."""
    program = (shutil.which("node") or "node", UPSTREAM / "wasm" / "evaluate.js")
    _, short_ms = driven(SHORT, *program, model)
    times, long_ms = driven(SHORT + TOKENS, *program, model)
    return Turn(TOKENS, sum(wall for wall, _ in times), long_ms - short_ms)


def driven(count: int, *command: str | Path) -> tuple[list[tuple[float, float]], float]:
    """Milliseconds of wall and processor time of each token after the first; those of the process.

    The command lacks its count, which goes before the model.
    """
    words = [str(word) for word in (*command[:-1], "--time", count, command[-1])]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [line.split() for line in process.stdout.read().splitlines() if line.strip()]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{words!r} ended with code {process.returncode}.")
    times = [(float(wall), float(cpu)) for wall, cpu in lines][SHORT:]
    return times, 1e3 * (usage.ru_utime + usage.ru_stime)


def main() -> None:
    ours, theirs = files()
    # As upstream's driver: no sampling.
    request = {"do": "eval", "count": TOKENS}
    contestants: dict[str, Callable[[], Turn]] = {}
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        url = stack.enter_context(serving(bench_site(ours["Q8_0"])))
        browser = ours_in_browser(playwright, url, ours["Q8_0"], "Q8_0")
        page = stack.enter_context(browser)
        contestants["wasm_Q8_0"] = lambda: page.turn(TOKENS, "time", request)
        for type in ("FP32", "FP16", "Q4_0"):
            process = Process(sys.executable, "-m", "tests.bench._libecho", ours[type])
            stack.enter_context(process)
            contestants[f"native_{type}"] = lambda process=process: process.turn(TOKENS, **request)
        for type, path in theirs.items():
            if type != "Q4_1":
                contestants[f"upstream_native_{type}"] = lambda path=path: upstream_native(path)
            if type != "FP32":
                # FP32 would not fit into its memory.
                contestants[f"upstream_wasm_{type}"] = lambda path=path: upstream_wasm(path)
        print(f"decoding RWKV 4, {SHAPE}")
        figures: dict[str, float] = {}
        for name, turns in interleaved(contestants, ROUNDS).items():
            found = summary(turns)
            show(name, found)
            figures |= {f"v4_{name}_{part}": value for part, value in found.items()}
    for clock, ending in (("cpu", ""), ("wall", "_wall")):
        rates = {name: figures[f"v4_{name}_{clock}_median"] for name in contestants}
        best = max(rate for name, rate in rates.items() if name.startswith("upstream_wasm"))
        figures[f"decode_q8_wasm_vs_upstream_wasm{ending}"] = rates["wasm_Q8_0"] / best
        for type in ("FP32", "FP16", "Q4_0"):
            ratio = rates[f"native_{type}"] / rates[f"upstream_native_{type}"]
            figures[f"v4_{type}_native_vs_upstream_native{ending}"] = ratio
    for name, value in figures.items():
        if "_vs_" in name:
            print(f"  {name:42} {value:6.2f}")
    keep(figures)


if __name__ == "__main__":
    main()
