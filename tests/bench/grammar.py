"""Grammars: what they cost a token of 0.1B, in Chromium and natively, and whether all is valid.

``cost``: answers of several forms in turn; a watch around the grammar's part of each token gives
its share of the rest, which is decoding. Once with all masks to be made, once more with those of
the answer before. ``draw``: 1,000 schemas and 100 grammars, each followed by the bundled model and
by random weights over the World vocabulary; what is finished is given to jsonschema and lark.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from deep_tree_echo import Model
from deep_tree_echo.grammar import Grammar

from tests.bench._browser import bench_site, ours_in_browser, serving, sync_playwright
from tests.bench._engines import in_both
from tests.bench._measure import keep
from tests.bench._models import SMALL, models
from tests.bench._process import Process
from tests.bench.web.inside import FORMS
from tests.grammar.answers import answer, check_json, earley, world_model
from tests.grammar.grammars import Grammars
from tests.grammar.written import WrittenSchemas

TOKENS, ROUNDS, WARM = 32, 5, 1
SCHEMAS, GRAMMARS = 1000, 100
MOST_TOKENS = 400
Figures = dict[str, float]


def cost(rounds: int) -> Figures:
    """What a grammar takes of a token of 0.1B in Q8_0, by watch."""
    model = models(SMALL, "Q8_0").bin
    found: dict[str, list[dict[str, float]]] = {}
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        url = stack.enter_context(serving(bench_site(model)))
        page = stack.enter_context(ours_in_browser(playwright, url, model))
        native = stack.enter_context(Process(sys.executable, "-m", "tests.bench._libecho", model))
        ask: dict[str, Callable[[dict[str, object]], dict[str, float]]] = {
            "wasm": lambda request: page.call("ask", request),
            "native": lambda request: native.ask(**request),
        }
        for count in range(-WARM, rounds):
            for form in (None, *FORMS):
                for fresh in (True, False) if form else (False,):
                    for where, engine in ask.items():
                        drawn = engine(
                            {"do": "draw", "count": TOKENS, "form": form, "fresh": fresh}
                        )
                        name = f"{form}_{'first' if fresh else 'again'}" if form else "free"
                        if count >= 0:
                            found.setdefault(f"grammar_{name}_{where}", []).append(drawn)
            print(f"  turn {count}", flush=True)
    figures = {}
    for name, turns in found.items():
        figures[f"{name}_token_ms"] = statistics.median(turn["token_ms"] for turn in turns)
        if "free" not in name:
            figures[f"{name}_ms"] = statistics.median(turn["guide_ms"] for turn in turns)
            shares = [turn["share"] for turn in turns]
            figures[f"{name}_share"] = statistics.median(shares)
            figures[f"{name}_share_max"] = max(shares)
    for where in ("native", "wasm"):
        every = [figures[f"grammar_{form}_first_{where}_share"] for form in FORMS]
        figures[f"grammar_share_{where}"] = max(every)
    return figures


def schemas(seeds: range) -> Iterator[tuple[Grammar, int, Callable[[str], object]]]:
    """Compiled schemas, their seeds, and who says whether a text fits."""
    for seed in seeds:
        schema = WrittenSchemas(seed).root()
        yield (
            Grammar.json_schema(schema),
            seed,
            lambda text, schema=schema: check_json(schema, text),
        )


def grammars(seeds: range) -> Iterator[tuple[Grammar, int, Callable[[str], object]]]:
    """The same of grammars in GBNF."""
    for seed in seeds:
        text, other = Grammars(seed).both()
        yield Grammar.gbnf(text), seed, earley(other).parse


def drawn(n_schemas: int, n_grammars: int) -> Figures:
    """How many answers were finished, and how many of these are invalid."""
    figures: Figures = {}
    for name, make in (("bundled", Model.load), ("world", world_model)):
        with make() as model:
            for kind, cases in (
                ("schemas", schemas(range(n_schemas))),
                ("grammars", grammars(range(n_grammars))),
            ):
                counts: Counter[str] = Counter()
                for grammar, seed, check in cases:
                    text, reason = answer(model, grammar, seed, MOST_TOKENS)
                    counts["all"] += 1
                    counts["tokens"] += len(model.encode(text))
                    if reason != "end":
                        counts["unfinished"] += 1
                        continue
                    counts["finished"] += 1
                    try:
                        check(text)
                    except Exception as error:
                        counts["invalid"] += 1
                        print(f"  {name} {kind} {seed}: {text!r:.200} {error!r:.200}", flush=True)
                    if counts["all"] % 100 == 0:
                        print(f"  {name} {kind} {dict(counts)}", flush=True)
                for count in ("all", "finished", "unfinished", "invalid", "tokens"):
                    figures[f"grammar_{name}_{kind}_{count}"] = counts[count]
    return figures


def main() -> None:
    """Measures and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("cost", "masks", "draw"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--schemas", type=int, default=SCHEMAS)
    parser.add_argument("--grammars", type=int, default=GRAMMARS)
    options = parser.parse_args()
    parts: dict[str, Callable[[], Figures]] = {
        "cost": lambda: cost(options.rounds),
        "masks": lambda: in_both("tests.bench._grammar", "grammar"),
        "draw": lambda: drawn(options.schemas, options.grammars),
    }
    sys.argv[1:] = []  # they are not those of the programs that are started
    for part, measure in parts.items():
        if options.only not in (None, part):
            continue
        figures = measure()
        for name, value in figures.items():
            print(f"  {name:44} {value:10.3f}", flush=True)
        keep(figures)


if __name__ == "__main__":
    main()
