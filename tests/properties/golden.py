"""The token sequences that every machine must draw, natively and in WebAssembly.

``python -m tests.properties.golden`` writes golden.json afresh, which is only right when the
sampler's definition or the bundled model has changed on purpose.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from deep_tree_echo import Model, SamplingSettings, platform

FILE = Path(__file__).with_name("golden.json")

SETTINGS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0.0},
    "softmax": {"temperature": 1.0, "top_p": 1.0, "top_k": 0},
    "default": {},
    "hot": {"temperature": 3.0, "top_p": 0.95, "top_k": 0},
    "cold": {"temperature": 0.1, "top_p": 0.99, "top_k": 0},
    "top_k": {"temperature": 2.0, "top_p": 1.0, "top_k": 5},
    "min_p": {"temperature": 1.5, "top_p": 1.0, "top_k": 0, "min_p": 0.2},
    "typical": {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "typical_p": 0.6},
    "penalties": {
        "temperature": 0.7,
        "repetition_penalty": 1.3,
        "presence_penalty": 0.4,
        "frequency_penalty": 0.2,
    },
    "everything": {
        "temperature": 1.7,
        "top_k": 60,
        "typical_p": 0.9,
        "top_p": 0.8,
        "min_p": 0.01,
        "repetition_penalty": 1.1,
        "presence_penalty": -0.3,
        "frequency_penalty": 0.1,
        "bias": {3: 4.0, 7: -5.5, 11: float("-inf")},
    },
}
SIZES = {257: 48, 65536: 6}  # n_vocab: draws
PROMPTS = ("User: Hello!\n\nAssistant:", "User: What can you do?\n\nAssistant:", "Once upon a time")
TEXT_TOKENS = 96
TEXT_SETTINGS = ({"temperature": 0.0}, {"temperature": 0.8, "top_p": 0.9, "top_k": 40})

# A text is kept only if noise of this size in every logit changes no token of it: far more than
# what the order of float32 sums does.
NOISE = 1e-3
NOISES = 8


def logits(n_vocab: int, step: int) -> np.ndarray:
    """Multiples of 1/256 between -8 and 8 from whole numbers only: exact on every machine."""
    i = np.arange(n_vocab, dtype=np.uint64) + np.uint64(step * 1_000_003 + n_vocab)
    i = i * np.uint64(0x9E3779B97F4A7C15)
    i ^= i >> np.uint64(29)
    i = i * np.uint64(0xBF58476D1CE4E5B9)
    i ^= i >> np.uint64(32)
    return ((i % np.uint64(4097)).astype(np.float32) - np.float32(2048)) / np.float32(256)


def draws(new_sampler: Any, name: str, n_vocab: int) -> list[int]:
    """Tokens drawn from `logits`, each accepted for the penalties."""
    settings = SamplingSettings(**SETTINGS[name], seed=len(name) * 7919)
    sampler = new_sampler(settings, n_vocab)
    tokens = []
    for step in range(SIZES[n_vocab]):
        token, _ = sampler.sample(logits(n_vocab, step))
        sampler.accept(token)
        tokens.append(token)
    return tokens


def text_tokens(model: Any, case: dict[str, Any]) -> list[int]:
    """What the bundled model goes on with."""
    settings = SamplingSettings(**case["settings"], seed=case["seed"])
    sampler = model.new_sampler(settings)
    out, state = model.eval(model.encode(case["prompt"]))
    tokens = []
    for _ in range(TEXT_TOKENS):
        token, _ = sampler.sample(out)
        tokens.append(token)
        if token == 0:
            break
        sampler.accept(token)
        out, state = model.eval([token], state)
    return tokens


def bundled_sha256() -> str:
    return hashlib.sha256(platform.bundled_model_path().read_bytes()).hexdigest()


def _withstands_noise(model: Model, case: dict[str, Any], tokens: list[int]) -> bool:
    settings = SamplingSettings(**case["settings"], seed=case["seed"])
    samplers = [model.new_sampler(settings) for _ in range(NOISES)]
    random = np.random.default_rng(1)
    out, state = model.eval(model.encode(case["prompt"]))
    for token in tokens:
        for sampler in samplers:
            noise = random.uniform(-NOISE, NOISE, out.shape).astype(np.float32)
            if sampler.sample(out + noise)[0] != token:
                return False
            sampler.accept(token)
        out, state = model.eval([token], state)
    return True


def _texts(model: Model) -> Iterator[dict[str, Any]]:
    for prompt in PROMPTS:
        for settings in TEXT_SETTINGS:
            for seed in range(200):
                case = {"prompt": prompt, "settings": settings, "seed": seed}
                tokens = text_tokens(model, case)
                if _withstands_noise(model, case, tokens):
                    yield {**case, "tokens": tokens}
                    break
                if settings["temperature"] == 0:
                    break  # the same for every seed


def main() -> None:
    from deep_tree_echo import core

    sampled = [
        {"settings": name, "n_vocab": n_vocab, "tokens": draws(core.Sampler, name, n_vocab)}
        for name in SETTINGS
        for n_vocab in SIZES
    ]
    with Model.load() as model:
        texts = list(_texts(model))
    content = {"sampled": sampled, "bundled_sha256": bundled_sha256(), "texts": texts}
    FILE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {len(sampled)} sequences drawn, {len(texts)} texts that withstand noise.")


if __name__ == "__main__":
    main()
