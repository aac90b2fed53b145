"""The tables of ``docs/benchmarks.md``, written from ``build/bench.json``."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench._measure import RESULTS, ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN = "<!-- From here on written by ./build.sh bench; edit tests/bench/_report.py instead. -->"
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
END = "<!-- Up to here. -->"
IDLE = 0.3
"""Cores that something else may keep busy without being mentioned."""
Figures = dict[str, float]


@dataclass(frozen=True)
class Goal:
    """A figure that the project must show."""

    key: str
    sign: str
    goal: float
    what: str
    digits: int = 2

    def met(self, value: float) -> bool:
        return value >= self.goal if self.sign == "≥" else value <= self.goal


GOALS = (
    Goal("decode_q8_wasm_vs_wllama", "≥", 5, "decoding Q8_0 in Chromium, the faster wllama"),
    Goal("decode_q4_wasm_vs_wllama", "≥", 4, "decoding Q4_0 in Chromium, the faster wllama"),
    Goal("prefill_q8_wasm_vs_wllama", "≥", 6, "512 tokens at once, Q8_0, the faster wllama"),
    Goal("decode_q8_wasm_vs_upstream_wasm", "≥", 4, "RWKV 4 of 169M, upstream's best format"),
    Goal("decode_q8_wasm_vs_llamacpp_native", "≥", 1.25, "we in Chromium, llama.cpp native, AVX2"),
    Goal("decode_q4_wasm_vs_llamacpp_native", "≥", 1.0, "the same, Q4_0"),
    Goal("prefill_q8_wasm_vs_llamacpp_native", "≥", 0.6, "the same, 512 tokens at once, Q8_0"),
    Goal("decode_q8_native_vs_llamacpp_native", "≥", 1.5, "both native"),
    Goal("decode_q8_wasm_bandwidth_share", "≥", 0.7, "weights a token over read bandwidth"),
    Goal("decode_q4_vs_q8_wasm", "≥", 1.3, "Q4_0 over Q8_0, both ours in Chromium"),
    Goal("first_token_snapshot_vs_plain", "≥", 2.5, "opening the page with and without a snapshot"),
    Goal("decode_100k_vs_100", "≥", 0.95, "speed at token 100,000 over token 100, in turn"),
    Goal("heap_growth_100k_bytes", "≤", 0, "bytes that the heap grew by in between", 0),
    Goal("peak_memory_0.1B_q8_mb", "≤", 450, "most that the page's renderer holds, MB", 0),
    Goal("peak_memory_0.4B_q4_mb", "≤", 600, "the same for 0.4B", 0),
    Goal("load_0.1B_q8_peak_vs_final", "≤", 1.1, "heap after loading over what is in use"),
    Goal("esn_vs_reservoirpy", "≥", 10, "1000 units, native, our float32, their float64"),
    Goal("esn_float32_vs_reservoirpy_float32", "≥", 10, "the same, both float32"),
    Goal("esn_float64_vs_reservoirpy_float64", "≥", 10, "the same, both float64"),
    Goal("esn_wasm_vs_numpy_in_pyodide", "≥", 5, "1000 units inside Pyodide, float32"),
    Goal(
        "esn_slope_off_native",
        "≤",
        0.1,
        "log time over log non-zeros, distance of its slope from 1",
    ),
    Goal("recall_engine_over_bm25", "≥", 10, "points of recall@5 over BM25 alone", 1),
    Goal("recall_10000_ms_native", "≤", 20, "recall among 10,000 memories, native"),
    Goal("recall_10000_ms_wasm", "≤", 60, "the same in Pyodide"),
    Goal(
        "reservoir_step_512_us_wasm", "≤", 100, "a step of 512 units inside Pyodide, microseconds"
    ),
    Goal("branch_first_token_native_cpu_ms", "≤", 50, "kept state to first token, 0.1B, native", 1),
    Goal("branch_first_token_wasm_cpu_ms", "≤", 50, "the same in Chromium, milliseconds", 1),
    Goal("store_branch_0.1B_cpu_ms", "≤", 50, "the same from a state in the store, native", 1),
    Goal("store_kills_survived", "≥", 100, "a writer killed with SIGKILL, nothing lost", 0),
    Goal("store_tab_kills_survived", "≥", 100, "a tab killed with SIGKILL, nothing lost", 0),
    Goal("calibration_all_all_after", "≤", 0.05, "calibration error of all confidences", 3),
    Goal("calibration_vote_all_after", "≤", 0.05, "the same, of answers chosen among several", 3),
    Goal("grammar_share_native", "≤", 0.15, "a grammar's part of decoding 0.1B Q8_0, the dearest"),
    Goal("grammar_share_wasm", "≤", 0.15, "the same in Chromium"),
    Goal("sources_fetch_most_ms", "≤", 100, "all five sources of a processor, the slowest of 200"),
)

CONTESTANTS = {
    "wasm": "**libecho in Pyodide, Chromium**",
    "wllama_3.8.1": "wllama 3.8.1 (wasm64), Chromium",
    "wllama_2.4.0": "wllama 2.4.0 (wasm32), Chromium",
    "native": "**libecho, native**",
    "llamacpp_avx2": "llama.cpp, native, AVX2",
    "llamacpp_full": "llama.cpp, native, all that the processor has",
}
TASKS = {
    "decode_q8": "Decoding, 0.1B, Q8_0",
    "decode_q4": "Decoding, 0.1B, Q4_0",
    "prefill_q8": "512 tokens at once, 0.1B, Q8_0",
    "prefill_q4": "512 tokens at once, 0.1B, Q4_0",
}
VERSION_4 = {
    "wasm_Q8_0": "**libecho in Pyodide, Chromium, Q8_0**",
    "upstream_wasm_FP16": "upstream, WebAssembly, FP16",
    "upstream_wasm_Q4_0": "upstream, WebAssembly, Q4_0",
    "upstream_wasm_Q4_1": "upstream, WebAssembly, Q4_1",
    "native_FP32": "**libecho, native, FP32**",
    "upstream_native_FP32": "upstream, native, FP32",
    "native_FP16": "**libecho, native, FP16**",
    "upstream_native_FP16": "upstream, native, FP16",
    "native_Q4_0": "**libecho, native, Q4_0**",
    "upstream_native_Q4_0": "upstream, native, Q4_0",
}
LONG = {
    "long_near_again": "token 100, in turn",
    "long_far_again": "token 100,000, in turn",
    "long_near": "token 100, in passing",
    "long_far": "token 100,000, in passing",
}
THREADS = {"one": "one", "two_spinning": "two, spinning", "two_sleeping": "two, `Atomics.wait`"}


def report(figures: Figures) -> Iterator[str]:
    """The lines between the markers."""
    yield from about(figures)
    yield from others(figures)
    yield from ("", "## Goals", "")
    yield "Ratios are ours over theirs, of medians in one run, by processor time."
    yield from ("", "| figure | measured | goal | |", "|---|---|---|---|")
    for goal in GOALS:
        value = figures.get(goal.key)
        number = "not measured" if value is None else f"{value:.{goal.digits}f}"
        mark = "" if value is None or goal.met(value) else " **missed**"
        yield f"| `{goal.key}` | {number}{mark} | {goal.sign} {goal.goal:g} | {goal.what} |"
    yield from losses(figures)
    for task, title in TASKS.items():
        rows = {f"{task}_{name}": text for name, text in CONTESTANTS.items()}
        yield from table(f"{title}, tokens a second", rows, figures)
    if value := figures.get("decode_q8_read_gigabytes_cpu_median"):
        yield from ("", f"Reading memory by SIMD loads in Chromium, one thread: {value:.1f} GB/s.")
    rows = {f"v4_{name}": text for name, text in VERSION_4.items()}
    yield from table("RWKV 4, 169M, against upstream rwkv.cpp of April 2023", rows, figures)
    yield from table("A long text, bundled model, tokens a second", LONG, figures)
    yield from opening(figures)
    yield from memory(figures)
    yield from threads(figures)
    yield from tasks(figures)
    yield from readouts(figures)
    yield from processor(figures)
    yield from branching(figures)
    yield from calibration(figures)


def about(figures: Figures) -> Iterator[str]:
    """Machine, versions, date and how to repeat it."""
    stamps = [value for key, value in figures.items() if key.endswith("_measured_at")]
    days = sorted({time.strftime("%d %B %Y", time.gmtime(stamp)) for stamp in stamps})
    sources = tomllib.loads((ROOT / "external" / "sources.toml").read_text(encoding="utf-8"))
    versions = {source["name"]: source["version"] for source in sources["source"]}
    cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    commit = said("git", "rev-parse", "--short", "HEAD")
    yield ""
    yield f"- Measured {' and '.join(days)}, written at commit {commit} by `./build.sh bench`."
    yield (
        f"- Machine: {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} shared cores, "
        f"{memory_gb():.0f} GB, Linux {platform.release().split('-')[0]}."
    )
    yield (
        f"- {said(CHROMIUM, '--version').split(' built')[0]}, Pyodide {versions['pyodide']}, "
        f"Node {said('node', '--version').lstrip('v')}, "
        f"Emscripten {number_in(said('emcc', '--version'))}, "
        f"GCC {number_in(said('g++', '-dumpfullversion'))}, "
        f"llama-cpp-python {versions['llama-cpp-python']}."
    )


def others(figures: Figures) -> Iterator[str]:
    """Whether the machine was busy with other work, which every wall time then shows."""
    ending = "_other_work"
    busy = {key: value for key, value in figures.items() if key.endswith(ending) and value > IDLE}
    if busy:
        cores = ", ".join(f"{key.removesuffix(ending)} {value:.1f}" for key, value in busy.items())
        yield (
            f"- **The machine had other work**, in busy cores: {cores}. Wall times then say "
            "little, and processor times suffer from shared caches and memory."
        )


def said(*command: str) -> str:
    """What a program prints, or that it is missing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    except FileNotFoundError:
        return "(missing)"
    return done.stdout.strip()


def number_in(text: str) -> str:
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return found[0] if found else text


def memory_gb() -> float:
    found = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    return int(found[1]) * 1024 / 1e9 if found else 0.0


def losses(figures: Figures) -> Iterator[str]:
    """Every ratio against a peer that is below 1, and every goal that is missed."""
    yield from ("", "## Where we lose", "")
    against = {
        key: value
        for key, value in figures.items()
        if re.search(r"_vs_(wllama|upstream|llamacpp)", key) and not key.endswith("_wall")
    }
    lost = {key: value for key, value in against.items() if value < 1}
    if lost:
        yield "Slower than a peer, by processor time:"
        yield ""
        for key, value in sorted(lost.items(), key=lambda item: item[1]):
            yield f"- `{key}`: {value:.2f}"
    elif against:
        yield "To no peer that was measured."
    missed = [goal for goal in GOALS if goal.key in figures and not goal.met(figures[goal.key])]
    open_ = [goal.key for goal in GOALS if goal.key not in figures]
    if missed:
        yield ""
        yield f"Goals missed: {', '.join(f'`{goal.key}`' for goal in missed)}."
    if open_:
        yield ""
        yield f"Not measured yet: {', '.join(f'`{key}`' for key in open_)}."


def table(title: str, rows: dict[str, str], figures: Figures) -> Iterator[str]:
    """A table of rates, median (least to most), both clocks."""
    known = {key: text for key, text in rows.items() if f"{key}_cpu_median" in figures}
    if not known:
        return
    yield from ("", f"## {title}", "", "| | processor time | wall time |", "|---|---|---|")
    for key, text in known.items():
        yield f"| {text} | {span(key, 'cpu', figures)} | {span(key, 'wall', figures)} |"


def span(key: str, clock: str, figures: Figures) -> str:
    middle, least, most = (figures[f"{key}_{clock}_{part}"] for part in ("median", "min", "max"))
    return f"{middle:.1f} ({least:.1f} to {most:.1f})"


def opening(figures: Figures) -> Iterator[str]:
    """The page's start."""
    ways = {"": "warm HTTP cache", "_offline_copy": "offline copy", "_cold": "first visit"}
    known = {way: text for way, text in ways.items() if f"first_token_snapshot{way}_ms" in figures}
    if not known:
        return
    yield from ("", "## Opening the page, bundled model: ms to the first word of an answer", "")
    yield from ("| | with a snapshot | without | ratio |", "|---|---|---|---|")
    for way, text in known.items():
        fast, plain = (figures[f"first_token_{kind}{way}_ms"] for kind in ("snapshot", "plain"))
        yield f"| {text} | {fast:.0f} | {plain:.0f} | {plain / fast:.2f} |"
    if paint := figures.get("first_paint_ms"):
        yield from ("", f"First paint after {paint:.0f} ms.")


def memory(figures: Figures) -> Iterator[str]:
    """What models take in the page."""
    cases = {"0.1B_q8": "0.1B, Q8_0", "0.4B_q4": "0.4B, Q4_0"}
    if "memory_0.1B_q8_peak_mb" not in figures:
        return
    yield from ("", "## Memory of the page's renderer, MB", "")
    yield "| model | most | after loading | answering | at rest | first visit | heap / in use |"
    yield "|---|---|---|---|---|---|---|"
    for name, title in cases.items():
        parts = ("peak", "peak_least", "peak_most", "loaded", "answering", "settled", "first_visit")
        peak, least, most, *cells = [figures.get(f"memory_{name}_{part}_mb", 0.0) for part in parts]
        ratio = figures.get(f"load_{name}_peak_vs_final", 0.0)
        rest = " | ".join(f"{cell:.0f}" for cell in cells)
        yield f"| {title} | {peak:.0f} ({least:.0f} to {most:.0f}) | {rest} | {ratio:.2f} |"


def threads(figures: Figures) -> Iterator[str]:
    """The question of a pool of workers."""
    if "threads_two_sleeping_vs_one" not in figures:
        return
    yield from ("", "## Two workers", "")
    yield "The products of a token (0.1B, Q8_0) with shared memory, 61 meetings a token, wall time."
    yield from ("", "| workers | tokens a second | one core taken |", "|---|---|---|")
    for name, title in THREADS.items():
        both = [span(f"threads_{name}{busy}", "wall", figures) for busy in ("", "_busy")]
        yield f"| {title} | {both[0]} | {both[1]} |"
    ways = ("two_spinning", "two_sleeping")
    gain = {way: figures[f"threads_{way}_vs_one"] for way in ways}
    least = {way: figures[f"threads_{way}_vs_one_busy"] for way in ways}
    good = [way for way in ways if gain[way] >= 1.3 and least[way] >= 1]
    yield ""
    yield (
        f"Two over one: spinning {gain['two_spinning']:.2f}, sleeping "
        f"{gain['two_sleeping']:.2f}; with one core taken {least['two_spinning']:.2f} and "
        f"{least['two_sleeping']:.2f}."
    )
    if figures.get("threads_other_work", 0) > IDLE:
        yield "The machine had other work, so this decides nothing; repeat it on an idle one."
    elif good:
        yield f"A pool would pay with {' or '.join(THREADS[way] for way in good)}."
    else:
        yield "A pool pays from 1.3 and without a loss when a core is taken: there is none."


TASK_ROWS = (
    ("memory_capacity_100", "memory capacity, N = 100", "18.78, reservoirpy"),
    ("narma10_50_nmse", "NARMA10, N = 50, NMSE", "0.143 ± 0.018, reservoirpy"),
    ("narma10_100_nmse", "NARMA10, N = 100, NMSE", "0.134 ± 0.013, reservoirpy"),
    ("narma10_200_nmse", "NARMA10, N = 200, NMSE", "0.082 ± 0.014, reservoirpy"),
    ("narma10_400_nmse", "NARMA10, N = 400, NMSE", "0.042 ± 0.010, reservoirpy"),
    (
        "mackey_glass_84_direct_nrmse",
        "Mackey-Glass, 84 steps at once, N = 1000, NRMSE, the worst of 3",
        "0.033 to 0.039, reservoirpy",
    ),
    (
        "mackey_glass_84_free_log10_nrmse",
        "Mackey-Glass, 84 free steps, N = 1000, log10 NRMSE, median of 5",
        "-4.2, Jaeger and Haas 2004",
    ),
    (
        "mackey_glass_84_free_log10_nrmse_most",
        "the same, the worst of 5",
        "",
    ),
    (
        "lorenz_valid_lyapunov_times",
        "Lorenz, N = 500, valid Lyapunov times, median of 5",
        "",
    ),
)
READOUT_ROWS = {
    "gram_gflops": "Gram matrix of 512 features, GFLOP/s",
    "solve_ms": "a system of 512 equations, ms",
    "rls_256_us": "RLS, 256 features, µs a sample",
    "rls_512_us": "RLS, 512 features, µs a sample",
    "rls_1024_us": "RLS, 1024 features, µs a sample",
}


def tasks(figures: Figures) -> Iterator[str]:
    """What reservoirs reach."""
    if "memory_capacity_100" not in figures:
        return
    yield from ("", "## Reservoirs on the field's tasks", "")
    yield "What is measured how is in [readouts](readouts.md); means of 5 seeds where not said."
    yield from ("", "| task | ours | known |", "|---|---|---|")
    for key, title, known in TASK_ROWS:
        value = f"{figures[key]:.3f}"
        if (spread := figures.get(f"{key}_deviation")) is not None:
            value += f" ± {spread:.3f}"
        yield f"| {title} | {value} | {known} |"


def readouts(figures: Figures) -> Iterator[str]:
    """What least squares costs, beside NumPy."""
    if "readout_gram_gflops_native" not in figures:
        return
    yield from ("", "## Least squares, one thread, processor time", "")
    yield "NumPy has OpenBLAS natively and no BLAS in Pyodide, where there is wall time only."
    yield from (
        "",
        "| | libecho | NumPy | libecho, Pyodide | NumPy, Pyodide |",
        "|---|---|---|---|---|",
    )
    for key, title in READOUT_ROWS.items():
        ways = ("native", "numpy_native", "wasm", "numpy_wasm")
        known = (figures.get(f"readout_{key}_{way}") for way in ways)
        cells = " | ".join("" if value is None else f"{value:.3g}" for value in known)
        yield f"| {title} | {cells} |"


def processor(figures: Figures) -> Iterator[str]:
    """What a `DTESNProcessor` costs."""
    parts = {
        "default_us_a_token": "8 levels, 1024 units, driven by the bundled model: µs a token",
        "default_bytes_us_a_token": "the same without a model: µs a token",
        "request_us_a_token": "4 levels, 512 units, driven by the bundled model: µs a token",
        "request_bytes_us_a_token": "the same without a model: µs a token",
        "model_us_a_token": "the bundled model alone: µs a token",
        "default_weights_ms": "making the weights of 8 levels and 1024 units, once: ms",
        "trees_of_order_8_ms": "all 115 rooted trees of order 8: ms",
    }
    known = {part: text for part, text in parts.items() if f"processor_{part}_wasm" in figures}
    if not known:
        return
    yield from ("", "## The DTESN processor", "", "| | native | Pyodide, Node |", "|---|---|---|")
    for part, text in known.items():
        native, wasm = (figures[f"processor_{part}_{where}"] for where in ("native", "wasm"))
        yield f"| {text} | {native:.1f} | {wasm:.1f} |"


def branching(figures: Figures) -> Iterator[str]:
    """From a kept state to the first token after it."""
    if "branch_first_token_wasm_cpu_ms_min" not in figures:
        return
    yield from ("", "## From a kept state to the first new token, 0.1B, Q8_0: ms", "")
    yield from ("| | processor time | wall time |", "|---|---|---|")
    for name, title in (("native", "native"), ("wasm", "Pyodide, Chromium")):
        cells = []
        for clock in ("cpu", "wall"):
            stem = f"branch_first_token_{name}_{clock}_ms"
            middle, least, most = (figures[f"{stem}{part}"] for part in ("", "_min", "_max"))
            cells.append(f"{middle:.1f} ({least:.1f} to {most:.1f})")
        yield f"| {title} | {cells[0]} | {cells[1]} |"


CONFIDENCES = {
    "option": "the best of given options",
    "single": "one answer alone",
    "vote": "the answer chosen among several",
    "all": "all of them",
}


def calibration(figures: Figures) -> Iterator[str]:
    """How far the shown confidence is from how often it is right."""
    if "calibration_all_all_n" not in figures:
        return
    yield from ("", "## Calibration, bundled model", "")
    yield (
        "Expected calibration error, 15 bins of equal mass, on tasks never used for fitting "
        "([reasoning](reasoning.md)); *noise* is the error that perfect confidences would show "
        "with as few answers."
    )
    yield from ("", "| confidence in | tasks | n | right | before | after (95 %) | noise |")
    yield "|---|---|---|---|---|---|---|"
    for kind, title in CONFIDENCES.items():
        for family in ("cloze", "gloss", "help", "reply", "small", "all"):
            stem = f"calibration_{kind}_{family}"
            if f"{stem}_n" not in figures:
                continue
            n, right, before, after, low, high, noise = (
                figures[f"{stem}_{part}"]
                for part in ("n", "accuracy", "before", "after", "after_low", "after_high", "noise")
            )
            yield (
                f"| {title} | {family} | {n:.0f} | {right:.3f} | {before:.3f} | {after:.3f} "
                f"({low:.3f} to {high:.3f}) | {noise:.3f} |"
            )


RECALL_ROWS = {
    "bm25": "BM25 alone, `rank-bm25`",
    "bm25_stems": "the same, on our stems without stop words",
    "same_words": "ours, without related words",
    "related_words": "ours, with related words",
    "and_states": "and the bundled model's states",
    "engine": "as the engine recalls, by relevance",
}


def recall(figures: Figures) -> Iterator[str]:
    """What the memory membrane finds."""
    if "recall_whole_engine" not in figures:
        return
    yield from ("", "## Recall", "")
    yield "Per cent of queries with a right memory among five; see [memory](memory.md)."
    yield from ("", "| | talk | help | facts | whole |", "|---|---|---|---|---|")
    for way, title in RECALL_ROWS.items():
        known = (figures[f"recall_{part}_{way}"] for part in ("talk", "help", "facts", "whole"))
        yield f"| {title} | {' | '.join(f'{value:.1f}' for value in known)} |"
    if "recall_10000_ms_wasm" in figures:
        native, wasm = (figures[f"recall_10000_ms_{where}"] for where in ("native", "wasm"))
        yield from (
            "",
            f"Among 10,000 memories: {native:.1f} ms natively, {wasm:.1f} ms in Pyodide.",
        )


def main() -> None:
    figures = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.relative_to(ROOT)} lacks the line {BEGIN!r} or {END!r}.")
    lines = "\n".join(report(figures))
    fresh = f"{before}{BEGIN}\n{lines}\n\n{END}{after}"
    if fresh != text:
        PAGE.write_text(fresh, encoding="utf-8")
    print(f"{RESULTS.relative_to(ROOT)} and {PAGE.relative_to(ROOT)} are up to date.")


if __name__ == "__main__":
    main()
