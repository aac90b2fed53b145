"""Measure a model file on held-out documents, next to plain compressors."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dialogues import Dialogues
from .export import parameters_of
from .network import CarriedState, Network
from .ngram import NGram
from .parameters import Parameters
from .recurrent import Recurrent, sample

__all__ = ["PROMPTS", "answered", "compare", "model_bits", "samples"]

Tokens = NDArray[np.uint16]

PROMPTS = (
    "Hello, how are you today?",
    "Who are you?",
    "what is rwkv",
    "Do you know what an echo state network is?",
    "What do you know about temperature?",
    "Does what I write stay on my machine?",
    "How do I load a bigger model?",
    "Will the state get larger in a long chat?",
    "what do the colours in the state view mean?",
    "I want to stop your reply, which key?",
    "Are you ChatGPT?",
    "What is the capital of France?",
    "what is 17 times 23?",
    "Tell me a joke.",
    "What did you do last weekend?",
    "I like hiking in the mountains.",
)


def split(tokens: Tokens) -> list[Tokens]:
    """Cut packed documents apart.

    Parameters
    ----------
    tokens : ndarray of uint16, shape (tokens,)
        From `pack`.

    Returns
    -------
    list of ndarray of uint16
        Each with its closing 0.
    """
    return [part for part in np.split(tokens, np.flatnonzero(tokens == 0) + 1) if len(part)]


def model_bits(
    parameters: Parameters, documents: list[Tokens], batch: int = 16, window: int = 256
) -> float:
    """Return the bits per byte of a model, document by document from a zero state.

    Parameters
    ----------
    parameters : Parameters
        The model.
    documents : list of ndarray of uint16
        Each with its closing 0.
    batch, window : int
        Documents at a time and tokens at a time; they do not change the result.

    Returns
    -------
    float
        Bits of all tokens but each document's first (there is nothing to tell
        it from), the closing one included, over the number of those tokens.
    """
    network, total, count = Network(parameters, batch, window), 0.0, 0
    ordered = sorted(documents, key=len)
    for start in range(0, len(ordered), batch):
        group = ordered[start : start + batch]
        longest = -(-max(len(part) - 1 for part in group) // window) * window
        rows = np.zeros((batch, longest + 1), np.int32)
        for row, part in zip(rows, group, strict=False):
            row[: len(part)] = part
        lengths = np.array([len(part) - 1 for part in group] + [0] * (batch - len(group)))
        state = CarriedState(parameters.shape, batch, parameters.flat.dtype)
        for at in range(0, longest, window):
            logits = network.forward(rows[:, at : at + window].copy(), state)
            target = rows[:, at + 1 : at + window + 1].reshape(-1)
            top = logits.max(1)
            norm = np.log(np.exp(logits - top[:, None]).sum(1)) + top
            nats = (norm - logits[np.arange(len(logits)), target]).reshape(batch, window)
            inside = at + np.arange(window) < lengths[:, None]
            total += float(nats[inside].sum(dtype=np.float64))
            count += int(inside.sum())
    return total / count / float(np.log(2))


def compare(path: Path, text: dict[str, Tokens]) -> dict[str, dict[str, float]]:
    """Compare a model file with an n-gram model, xz and gzip.

    Parameters
    ----------
    path : Path
        An exported model.
    text : dict of str to ndarray of uint16
        ``train`` and the held-out parts.

    Returns
    -------
    dict of str to dict of str to float
        Bits per byte by held-out part and method. The compressors get the whole
        part as one file, the n-gram model has read the training text.
    """
    parameters, grams = parameters_of(path), NGram(text["train"], 5)
    out: dict[str, dict[str, float]] = {}
    for name, tokens in text.items():
        if name in ("train", "finish"):
            continue
        raw = np.maximum(tokens - 1, 0).astype(np.uint8).tobytes()
        first = np.concatenate([[True], tokens[:-1] == 0])
        out[name] = {
            "model": model_bits(parameters, split(tokens)),
            "order-5 n-gram": float(grams.bits(tokens)[~first].mean()),
            "xz -9": 8 * len(lzma.compress(raw, preset=9)) / len(raw),
            "gzip -9": 8 * len(gzip.compress(raw, 9)) / len(raw),
        }
    return out


def samples(path: Path, prompts: tuple[str, ...] = PROMPTS, seed: int = 1) -> list[dict[str, Any]]:
    """Answer fixed prompts with fixed seeds.

    Parameters
    ----------
    path : Path
        An exported model.
    prompts : tuple of str
        First turns of chats.
    seed : int
        Seed of every answer.

    Returns
    -------
    list of dict
        ``prompt`` and ``answer``, as it came.
    """
    model = Recurrent(path)
    return [
        {"prompt": prompt, "answer": sample(model, f"User: {prompt}\n\nAssistant:", seed)}
        for prompt in prompts
    ]


def answered(path: Path, seed: int = 2) -> dict[str, tuple[int, int]]:
    """Ask the held-out questions, one chat each, and count the answers that fit.

    Parameters
    ----------
    path : Path
        An exported model.
    seed : int
        Seed of the names that go into the questions.

    Returns
    -------
    dict of str to tuple of int
        By group of topics, how many greedy answers were, letter for letter, an
        answer of their topic, and how many questions there were.
    """
    model, generator = Recurrent(path), Dialogues(seed, held_out=True)
    out = {}
    for group, topics in generator.topics.items():
        right = total = 0
        for topic in topics:
            for question, fitting in generator.questions(topic):
                answer = sample(model, f"User: {question}\n\nAssistant:", 0, temperature=0)
                right, total = right + (answer in fitting), total + 1
        out[group] = (right, total)
    return out
