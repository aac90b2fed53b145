"""``python -m deep_tree_echo.training prepare | train | finish | export | evaluate``."""

from __future__ import annotations

import os

# Two threads of ours share the work; BLAS threads below them would only wait.
# It must be said before NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import sys
from pathlib import Path

from . import data
from .evaluate import answered, compare, samples
from .export import write_file
from .kernels import repository_root
from .parameters import Shape
from .trainer import FINISH, Recipe, Trainer, load_parameters

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process if omitted.

    Returns
    -------
    int
        The exit status.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (RuntimeError, FileNotFoundError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    build = repository_root() / "build"
    parser = argparse.ArgumentParser(
        prog="python -m deep_tree_echo.training",
        description="Make the bundled model: prepare the text, train, evaluate, export.",
    )
    parser.add_argument(
        "--folder", type=Path, default=build / "training", help="text, log and checkpoint"
    )
    commands = parser.add_subparsers(required=True)

    prepare = commands.add_parser("prepare", help="fetch and generate the text")
    prepare.add_argument("--downloads", type=Path, default=build / "external")
    prepare.set_defaults(run=_prepare)

    train = commands.add_parser("train", help="train the model")
    train.add_argument("--resume", action="store_true", help="continue from the checkpoint")
    train.add_argument("--steps", type=int, help=f"optimiser steps ({Recipe.steps})")
    train.add_argument("--seed", type=int, default=Recipe.seed)
    train.set_defaults(run=_train)

    finish = commands.add_parser("finish", help="rehearse openings, from the trained weights")
    finish.set_defaults(run=_finish)

    model = Path(__file__).resolve().parents[1] / "models" / "echo-1m-FP16.bin"
    export = commands.add_parser("export", help="write the checkpoint as a model file")
    export.add_argument("--model", type=Path, default=model)
    export.add_argument("--fp32", action="store_true", help="matrices in single precision")
    export.set_defaults(run=_export)

    evaluate = commands.add_parser("evaluate", help="measure a model file on held-out text")
    evaluate.add_argument("--model", type=Path, default=model)
    evaluate.add_argument("--samples", action="store_true", help="only answer the fixed prompts")
    evaluate.set_defaults(run=_evaluate)
    return parser


def _prepare(options: argparse.Namespace) -> None:
    for name, tokens in data.prepare(options.downloads, options.folder).items():
        print(f"{name}: {tokens} tokens")


def _train(options: argparse.Namespace) -> None:
    text = data.load(options.folder)
    tokens = text.pop("train")
    text.pop("finish")
    checkpoint = options.folder / "checkpoint.npz"
    if options.resume:
        trainer = Trainer.resume(checkpoint, tokens, text, options.steps)
    else:
        recipe = Recipe(steps=options.steps or Recipe.steps, seed=options.seed)
        trainer = Trainer(Shape(), recipe, tokens, text)
    trainer.run(options.folder)


def _finish(options: argparse.Namespace) -> None:
    text = data.load(options.folder)
    text.pop("train")
    tokens = text.pop("finish")
    parameters, _ = load_parameters(options.folder / "checkpoint.npz")
    trainer = Trainer(parameters.shape, FINISH, tokens, text)
    trainer.parameters.flat[:] = parameters.flat
    trainer.run(options.folder / "finish", measure_every=250)


def _export(options: argparse.Namespace) -> None:
    finished = options.folder / "finish" / "checkpoint.npz"
    trained = options.folder / "checkpoint.npz"
    parameters, about = load_parameters(finished if finished.exists() else trained)
    size = write_file(parameters, options.model, half=not options.fp32)
    recipe = about["recipe"]
    print(
        f"{options.model.name}: {size} bytes, {parameters.flat.size} parameters, "
        f"step {about['step']} of {recipe['steps']}, {about['seconds']:.0f} s of training"
    )


def _evaluate(options: argparse.Namespace) -> None:
    if not options.samples:
        print(json.dumps(compare(options.model, data.load(options.folder)), indent=2))
        for group, (right, total) in answered(options.model).items():
            print(f"{group}: {right} of {total} held-out questions answered as written")
    for item in samples(options.model):
        print(f"\nUser: {item['prompt']}\nAssistant: {item['answer']}")


if __name__ == "__main__":
    sys.exit(main())
