"""``dte evaluate``: how good a small model is at what the default model is for."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..model import Model
    from ..training.evaluate import Score

NAME = "evaluate"
SUMMARY = "measure a model on held-out dialogues and questions about the page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describes what the command takes."""
    parser.add_argument("source", metavar="FILE", help="a model file")
    parser.add_argument(
        "--text", type=Path, metavar="FOLDER",
        help="what 'python -m deep_tree_echo.training prepare' wrote (build/training/echo)",
    )  # fmt: skip
    parser.add_argument(
        "--against", metavar="FILE", help="another model to compare with, such as the bundled one"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a fixed tenth of the text, and no n-gram model"
    )
    parser.add_argument(
        "--missed", action="store_true", help="print the questions answered wrongly"
    )
    parser.add_argument("--samples", type=Path, metavar="FILE", help="write 50 dialogues there")
    parser.add_argument("--json", action="store_true", help="print for programs")


def run(arguments: argparse.Namespace) -> int:
    """Measures; prints a table."""
    from ..model import Model
    from ..training import data, evaluate
    from ..training.kernels import repository_root

    folder = arguments.text or repository_root() / "build" / "training" / "echo"
    tokens = data.load(folder)
    parts = {name: evaluate.documents(tokens[name]) for name in ("chat", "help")}
    if arguments.quick:
        parts = {name: texts[::10] for name, texts in parts.items()}
    model = Model.load(arguments.source)
    models = {Path(arguments.source).name: model}
    if arguments.against:
        models[Path(arguments.against).name] = Model.load(arguments.against)
    bits = {name: _bits(models, texts) for name, texts in parts.items()}
    if not arguments.quick:
        train = evaluate.documents(tokens["train"])
        for name, texts in parts.items():
            bits[name]["order-5 n-gram"] = evaluate.ngram(train, texts)
    scores = {name: list(evaluate.asked(one)) for name, one in models.items()}
    if arguments.samples:
        arguments.samples.write_text(_samples(model, parts), encoding="utf-8")
    if arguments.json:
        kept = {name: {s.group: [s.right, s.total] for s in some} for name, some in scores.items()}
        print(json.dumps({"bits_per_byte": bits, "answered": kept}, indent=2))
    else:
        _print(bits, scores)
    if arguments.missed:
        for score in scores[Path(arguments.source).name]:
            for question, said in score.missed:
                print(f"{score.group}: {question}\n    {said}", file=sys.stderr)
    return 0


def _bits(models: dict[str, Model], texts: list[bytes]) -> dict[str, float]:
    from ..training import evaluate

    measured = {name: evaluate.bits_per_byte(model, texts) for name, model in models.items()}
    return measured | evaluate.compressors(texts)


def _print(bits: dict[str, dict[str, float]], scores: dict[str, list[Score]]) -> None:
    methods = [name for name in next(iter(bits.values()))]
    width = max(map(len, methods))
    print("bits per byte on held-out dialogues")
    print(f"  {'':{width}}  " + "  ".join(f"{name:>8}" for name in bits))
    for method in methods:
        row = "  ".join(f"{bits[name][method]:8.3f}" for name in bits)
        print(f"  {method:{width}}  {row}")
    for name, some in scores.items():
        print(f"held-out questions that {name} answers as their topic says")
        for score in some:
            print(f"  {score.group:{width}}  {score.right:4} of {score.total}")
        about = [score for score in some if score.group != "beyond"]
        right, total = sum(s.right for s in about), sum(s.total for s in about)
        print(f"  {'all but beyond':{width}}  {right:4} of {total}  ({100 * right / total:.0f} %)")


def _samples(model: Model, parts: dict[str, list[bytes]]) -> str:
    from ..training import evaluate

    mixed = [text for pair in zip(parts["help"], parts["chat"], strict=False) for text in pair]
    talks = evaluate.sample_dialogues(model, mixed)
    names = ("User", "Assistant")
    return "\n\n---\n\n".join(
        "\n\n".join(f"**{names[place % 2]}:** {turn}" for place, turn in enumerate(talk))
        for talk in talks
    )
