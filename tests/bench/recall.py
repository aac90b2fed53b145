"""The memory membrane: what it recalls, against BM25 alone, whether that helps, what it costs."""

from __future__ import annotations

import math
import os
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from deep_tree_echo import Model
from deep_tree_echo.database import open_database
from deep_tree_echo.membranes.memory import Lexicon, MemoryMembrane, MemorySettings
from deep_tree_echo.membranes.memory.consolidation import groups
from deep_tree_echo.membranes.memory.prompt import preface
from deep_tree_echo.membranes.memory.shelf import Shelf
from deep_tree_echo.membranes.memory.words import terms
from rank_bm25 import BM25Okapi

from tests.bench._engines import in_both
from tests.bench._measure import ROOT, keep
from tests.bench._recalled import Part, parts

DOWNLOADS = ROOT / "build" / "external"
ASKED = 100  # facts whose answers are weighed
Finder = Callable[[str], Iterable[str]]
"""Gives the texts of five memories for a query."""


def hits(found: dict[str, Part], finder: Finder) -> dict[str, float]:
    """Per cent of queries with a right memory among the first five, for each part and on the whole.

    The whole is the mean of ``talk``, ``help`` and ``facts``, each of which counts the same.
    """
    right = {(text, key) for part in found.values() for text, key in part.memories}
    share = {
        name: 100
        * sum(any((text, key) in right for text in finder(query)) for query, key in part.queries)
        / len(part.queries)
        for name, part in found.items()
    }
    share["facts"] = (share["facts_chosen"] + share["facts_kept"]) / 2
    share["whole"] = (share["talk"] + share["help"] + share["facts"]) / 3
    return share


def best(scores: np.ndarray, texts: list[str]) -> list[str]:
    """The texts with the five highest scores."""
    return [texts[place] for place in np.argsort(-scores, kind="stable")[:5]]


def words(text: str) -> list[str]:
    """Words as BM25 usually gets them."""
    return re.findall(r"\w+", text.lower())


def turnless(text: str) -> str:
    """A memory without the names of who speaks, which say nothing."""
    return re.sub(r"^(User|Assistant): ", "", text, flags=re.MULTILINE)


def recalled(found: dict[str, Part], model: Model) -> dict[str, float]:
    """Recall@5 of each way."""
    texts = list(dict.fromkeys(text for part in found.values() for text, _ in part.memories))
    plain = BM25Okapi([words(turnless(text)) for text in texts])
    stems = BM25Okapi([terms(text) for text in texts])
    by_words = MemoryMembrane(open_database(None))
    by_state = MemoryMembrane(open_database(None), model)
    for memory in (by_words, by_state):
        with memory._memories.table.database.transaction():
            for text in texts:
                memory.store(text, session_id="bench")

    def similar(memory: MemoryMembrane) -> Finder:
        def find(query: str) -> list[str]:
            order = sorted(memory._memories.shelf.similar(query), key=lambda one: -one.total)
            return [one.item.content for one in order[:5]]

        return find

    equal = Shelf(by_words.items, {}, None, Lexicon.empty())
    ways: dict[str, Finder] = {
        "bm25": lambda query: best(plain.get_scores(words(query)), texts),
        "bm25_stems": lambda query: best(stems.get_scores(terms(query)), texts),
        "same_words": lambda query: [
            one.item.content for one in sorted(equal.similar(query), key=lambda one: -one.total)[:5]
        ],
        "related_words": similar(by_words),
        "and_states": similar(by_state),
        "engine": lambda query: [one.item.content for one in by_state.recall(query)],
    }
    figures: dict[str, float] = {}
    for way, finder in ways.items():
        figures |= {f"recall_{part}_{way}": value for part, value in hits(found, finder).items()}
    figures["recall_engine_over_bm25"] = (
        figures["recall_whole_engine"] - figures["recall_whole_bm25"]
    )
    return figures


def merges(found: dict[str, Part]) -> dict[str, float]:
    """Of 500 different facts, how many merge, and of as many said again otherwise, how many do."""
    facts = [text for name in ("facts_chosen", "facts_kept") for text, _ in found[name].memories]
    draw = random.Random(3)
    again = [
        draw.choice(
            ("Remember that {}", "please note: {}", "By the way, {}", "{} That is so.", "{}!!")
        ).format(fact.replace("My ", "my "))
        for fact in facts
    ]
    figures = {}
    for threshold in (0.6, 0.7, 0.8, 0.9):
        for name, texts in (("wrong", facts), ("right", facts + again)):
            memory = MemoryMembrane(open_database(None))
            for text in texts:
                memory.store(text, "declarative")
            merged = sum(len(group) - 1 for group in groups(memory._memories.shelf, threshold))
            figures[f"merged_{name}_{threshold:g}"] = 100 * merged / len(facts)
    return figures


def helps(found: dict[str, Part], model: Model) -> dict[str, float]:
    """Bits per byte of true answers without memories, with those recalled, with the right one."""
    memory = MemoryMembrane(open_database(None), model)
    part = found["facts_kept"]
    for text, _ in part.memories:
        memory.store(text)
    bits = {"without": 0.0, "recalled": 0.0, "right": 0.0}
    size = 0
    for query, fact in random.Random(5).sample(part.queries, ASKED):
        answer = f" {fact.replace('My ', 'Your ', 1)}"
        size += len(answer)
        came = memory.recall(query, MemorySettings().recalls)
        (right,) = [one for one in memory.recall(fact, 50) if one.item.content == fact][:1]
        for name, before in (
            ("without", ""),
            ("recalled", preface(came)),
            ("right", preface([right])),
        ):
            paragraph = f"{before}\n\n" if before else ""
            bits[name] += cost(model, f"{paragraph}User: {query}\n\nAssistant:", answer)
    return {f"memory_bits_{name}": value / size for name, value in bits.items()}


def cost(model: Model, prompt: str, answer: str) -> float:
    """Bits of an answer after a prompt."""
    logits, state = model.eval(model.encode(prompt))
    total = 0.0
    for token in model.encode(answer):
        scaled = logits.astype(np.float64) - logits.max()
        total += math.log2(np.exp(scaled).sum()) - scaled[token] / math.log(2)
        logits, state = model.eval([token], state)
    return total


def main() -> None:
    """Measures and keeps the figures; ``ECHO_MODEL`` names another model than the bundled one."""
    path = os.environ.get("ECHO_MODEL")
    model = Model.load(Path(path)) if path else Model.load()
    found = parts(DOWNLOADS)
    figures = recalled(found, model) | merges(found) | helps(found, model)
    if not path:
        figures |= in_both("tests.bench._recall", "recall", {"OPENBLAS_NUM_THREADS": "1"})
    for key, value in figures.items():
        print(f"  {key:44} {value:10.4f}", flush=True)
    if not path:
        keep(figures)


if __name__ == "__main__":
    main()
