"""Decoding and prefill, one thread each: us in the browser and natively, wllama, llama.cpp.

All contestants run in turn on the same weights and the same text. Decoding is greedy, sampling
included, as an answer is made; what wllama reads before it (a prompt of one or two tokens) counts
as decoded. Prefill is one evaluation of 512 tokens.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from deep_tree_echo.tokenizer import Tokenizer

from tests.bench._browser import (
    WLLAMAS,
    Chromium,
    Playwright,
    bench_site,
    ours_in_browser,
    serving,
    sync_playwright,
)
from tests.bench._measure import ROOT, Turn, interleaved, keep, show, summary
from tests.bench._models import BYTES_PER_WEIGHT, SMALL, Pair, models
from tests.bench._process import Process

LLAMA = ROOT / "build" / "bench" / "llama"
TEXT = ROOT / "docs" / "architecture.md"
TOKENS, ROUNDS = 32, 7
PREFILL, PREFILL_ROUNDS = 512, 3
PROMPT = "Once upon"
READ_BYTES = 1 << 28
Figures = dict[str, float]


class Field:
    """The contestants with a model loaded."""

    def __init__(
        self, stack: contextlib.ExitStack, playwright: Playwright, url: str, type: str, pair: Pair
    ) -> None:
        tokenizer = Tokenizer("world")
        self.tokens = (tokenizer.encode(TEXT.read_text(encoding="utf-8")) * 4)[:PREFILL]
        self.text = tokenizer.decode(self.tokens)
        if tokenizer.encode(self.text) != self.tokens:
            raise RuntimeError(f"{TEXT} cut after {PREFILL} tokens reads as others; cut elsewhere.")
        self.prompt_tokens = len(tokenizer.encode(PROMPT))
        self.type = type
        self.ours = stack.enter_context(ours_in_browser(playwright, url, pair.bin))
        self.ours_native = stack.enter_context(
            Process(sys.executable, "-m", "tests.bench._libecho", pair.bin)
        )
        self.llama = {name: stack.enter_context(llama(pair, name)) for name in ("avx2", "full")}
        self.wllama = {}
        for version in WLLAMAS:
            page = Chromium(playwright, f"{url}wllama.html?version={version}")
            self.wllama[version] = stack.enter_context(page)
            page.page.wait_for_function("globalThis.bench")
            page.call("load", pair.gguf.name)

    def check(self) -> None:
        """That all compute the same: logits of ours, in both places, against llama.cpp's."""
        request = {"do": "logits", "tokens": self.tokens[:64]}
        theirs = np.array(self.llama["avx2"].ask(**request)["logits"])
        for ours in (self.ours.call("ask", request), self.ours_native.ask(**request)):
            agreement = np.corrcoef(theirs, np.array(ours["logits"]))[0, 1]
            print(f"  {self.type}: correlation of logits with llama.cpp's {agreement:.5f}")
            if not agreement > 0.999:
                raise RuntimeError(f"The contestants disagree: {agreement}; nothing is compared.")

    def decoders(self) -> dict[str, Callable[[], Turn]]:
        request = {"do": "decode", "count": TOKENS}
        found = {
            "wasm": lambda: decode(self.ours),
            "native": lambda: self.ours_native.turn(TOKENS, **request),
        }
        for name, process in self.llama.items():
            found[f"llamacpp_{name}"] = lambda process=process: process.turn(TOKENS, **request)
        for version, page in self.wllama.items():
            found[f"wllama_{version}"] = lambda page=page: page.turn(
                TOKENS + self.prompt_tokens, "decode", PROMPT, TOKENS
            )
        return found

    def readers(self, wllama: bool) -> dict[str, Callable[[], Turn]]:
        request = {"do": "prefill", "tokens": self.tokens}
        found = {
            "wasm": lambda: self.ours.turn(PREFILL, "time", request),
            "native": lambda: self.ours_native.turn(PREFILL, **request),
        }
        for name, process in self.llama.items():
            found[f"llamacpp_{name}"] = lambda process=process: process.turn(PREFILL, **request)
        for version, page in self.wllama.items() if wllama else ():
            found[f"wllama_{version}"] = lambda page=page: page.turn(
                PREFILL, "prefill", self.text, PREFILL
            )
        return found


def llama(pair: Pair, name: str) -> Process:
    """llama.cpp natively; ``full`` takes the kernels for everything this processor has."""
    env = {"LLAMA_CPP_LIB_PATH": str(LLAMA / "full")} if name == "full" else {}
    env |= os.environ
    driver = Path(__file__).with_name("_llama.py")
    return Process(LLAMA / "venv" / "bin" / "python", driver, pair.gguf, env=env)


def measure(title: str, contestants: dict[str, Callable[[], Turn]], rounds: int) -> Figures:
    """Figures of all contestants as ``TITLE_CONTESTANT_CLOCK_median`` and so on."""
    print(f"{title.replace('_', ' ')}, one thread", flush=True)
    figures: Figures = {}
    for name, turns in interleaved(contestants, rounds).items():
        found = summary(turns)
        show(name, found)
        figures |= {f"{title}_{name}_{part}": value for part, value in found.items()}
    return figures


def ratios(figures: Figures) -> Figures:
    """The ratios by processor time; the same by wall time end in ``_wall``."""
    found: Figures = {}
    for clock, ending in (("cpu", ""), ("wall", "_wall")):

        def rate(name: str, clock: str = clock) -> float:
            return figures[f"{name}_{clock}_median"]

        for task in ("decode_q8", "decode_q4", "prefill_q8"):
            best = max(rate(f"{task}_wllama_{version}") for version in WLLAMAS)
            found[f"{task}_wasm_vs_wllama{ending}"] = rate(f"{task}_wasm") / best
        for task in ("decode_q8", "decode_q4", "prefill_q8", "prefill_q4"):
            for ours in ("wasm", "native"):
                for name, key in (("avx2", "native"), ("full", "native_full")):
                    found[f"{task}_{ours}_vs_llamacpp_{key}{ending}"] = rate(
                        f"{task}_{ours}"
                    ) / rate(f"{task}_llamacpp_{name}")
        found[f"decode_q4_vs_q8_wasm{ending}"] = rate("decode_q4_wasm") / rate(
            "decode_q4_wasm_with_q8"
        )
        for type in ("Q8_0", "Q4_0"):
            task = f"decode_{type[:2].lower()}"
            needed = SMALL.weights_per_token * BYTES_PER_WEIGHT[type] / 1e9
            found[f"{task}_wasm_bandwidth_share{ending}"] = (
                needed * rate(f"{task}_wasm") / rate(f"{task}_read_gigabytes")
            )
    return found


def main() -> None:
    pairs = {type: models(SMALL, type) for type in ("Q8_0", "Q4_0")}
    site = bench_site(*(path for pair in pairs.values() for path in (pair.bin, pair.gguf)))
    figures: Figures = {}
    with sync_playwright() as playwright, serving(site) as url:
        for type, pair in pairs.items():
            name = type[:2].lower()
            with contextlib.ExitStack() as stack:
                field = Field(stack, playwright, url, type, pair)
                field.check()
                decoders = field.decoders()
                decoders["read_gigabytes"] = lambda page=field.ours: read(page)
                if type == "Q4_0":
                    other = stack.enter_context(ours_in_browser(playwright, url, pairs["Q8_0"].bin))
                    decoders["wasm_with_q8"] = lambda page=other: decode(page)
                figures |= measure(f"decode_{name}", decoders, ROUNDS)
                figures |= measure(f"prefill_{name}", field.readers(type == "Q8_0"), PREFILL_ROUNDS)
    found = ratios(figures)
    for key, value in found.items():
        if not key.endswith("_wall"):
            print(f"  {key:42} {value:6.2f}   by wall time {found[f'{key}_wall']:6.2f}")
    keep(figures | found)


def decode(page: Chromium) -> Turn:
    """Our page goes on with its text."""
    return page.turn(TOKENS, "time", {"do": "decode", "count": TOKENS})


def read(page: Chromium) -> Turn:
    """A turn whose tokens are billions of bytes read; the first call also takes the memory."""
    passes = 4
    turns = [page.turn(1, "read", READ_BYTES) for _ in range(passes)]
    best = min(turns, key=lambda turn: turn.cpu_ms)
    return Turn(1, best.wall_ms / (READ_BYTES / 1e9), best.cpu_ms / (READ_BYTES / 1e9))


if __name__ == "__main__":
    main()
