"""Masks of a World vocabulary: ``python -m tests.bench._grammar`` prints milliseconds as JSON.

The same program runs natively and, through ``pyodide.mjs``, inside Pyodide.
"""

from __future__ import annotations

import json
import statistics
import time

import numpy as np
from deep_tree_echo import core
from deep_tree_echo.grammar import Grammar
from deep_tree_echo.tokenizer import Tokenizer

N_VOCAB = 65536
WARM = 3
ROUNDS = 7

JSON = r"""
root ::= object
value ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? ws "}"
array ::= "[" ws (value ("," ws value)*)? ws "]"
string ::= "\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?
ws ::= [ \n]{0,8}
"""
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "born": {"type": "string", "format": "date"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 5},
        "about": {"type": "string"},
    },
    "required": ["name", "born", "age", "tags", "about"],
}
ANSWER = (
    '{"name": "Alice Liddell", "born": "1852-05-04", "age": 82, "tags": ["rabbit hole", '
    '"tea party", "looking-glass"], "about": "She follows a white rabbit down a hole, and finds '
    'that nothing there is quite as it seems: neither the tea, nor the cards, nor the café."}'
)


def milliseconds(program: np.ndarray, tokenizer: core.Tokenizer) -> tuple[float, float, float]:
    """The mean and the longest of a token's mask and step, in a first answer and in the next."""
    logits = np.random.default_rng(1).normal(size=N_VOCAB).astype(np.float32)
    tokens = tokenizer.encode(ANSWER.encode())
    first = core.Grammar(program, tokenizer)
    found = []
    for matcher in (first.clone(), first.clone()):
        times = []
        for token in tokens:
            start = time.process_time()
            matcher.mask(logits)
            matcher.accept(token)
            times.append(1e3 * (time.process_time() - start))
        found.append(times)
    return statistics.mean(found[0]), max(found[0]), statistics.mean(found[1])


def main() -> None:
    """Prints the figures."""
    tokenizer = Tokenizer("world").core
    figures = {}
    for name, make in (
        ("gbnf", lambda: Grammar.gbnf(JSON)),
        ("schema", lambda: Grammar.json_schema(SCHEMA)),
    ):
        start = time.process_time()
        grammar = make()
        figures[f"{name}_compile_ms"] = 1e3 * (time.process_time() - start)
        turns = [milliseconds(grammar.program.words, tokenizer) for _ in range(WARM + ROUNDS)]
        for i, part in enumerate(("token_ms", "longest_token_ms", "known_token_ms")):
            figures[f"{name}_{part}"] = statistics.median(turn[i] for turn in turns[WARM:])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
