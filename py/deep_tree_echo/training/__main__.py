"""``python -m deep_tree_echo.training prepare | train | decay | finish | export | evaluate``."""

from __future__ import annotations

import os

# Two threads of ours share the work; BLAS threads below them would only wait.
# It must be said before NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..errors import ArgumentError
from . import data, vocabulary
from .evaluate import answered, compare, samples
from .export import write_file
from .kernels import Kernels, repository_root
from .packages import fetch
from .parameters import Shape
from .trainer import Recipe, Trainer, load_parameters

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
        "--folder", type=Path, default=build / "training" / "echo", help="text, log and checkpoint"
    )
    commands = parser.add_subparsers(required=True)

    prepare = commands.add_parser("prepare", help="fetch and generate the text")
    prepare.add_argument("--downloads", type=Path, default=build / "external")
    prepare.set_defaults(run=_prepare)

    choose = commands.add_parser("vocabulary", help="choose the tokens anew, for a new model")
    choose.add_argument("--downloads", type=Path, default=build / "external")
    choose.set_defaults(run=_vocabulary)

    train = commands.add_parser("train", help="train the model until it is stopped")
    train.add_argument("--resume", action="store_true", help="continue from the checkpoint")
    train.add_argument("--other-text", action="store_true", help="the text may have changed")
    train.add_argument("--seed", type=int, default=Recipe.seed)
    train.set_defaults(run=_train)

    decay = commands.add_parser("decay", help="bring a copy of the checkpoint to an end")
    decay.add_argument("--steps", type=int, help="a tenth of those taken if omitted")
    decay.set_defaults(run=_decay)

    finish = commands.add_parser("finish", help="rehearse chats, from the decayed weights")
    finish.add_argument("--steps", type=int, default=400)
    finish.set_defaults(run=_finish)

    for command in (train, decay, finish):
        command.add_argument("--threads", type=int, choices=(1, 2), default=2)
        command.add_argument(
            "--precision", choices=("float32", "bfloat16"),
            help="of the products; bfloat16 if omitted, where the processor has it",
        )  # fmt: skip

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
    print(json.dumps(data.prepare(options.downloads, options.folder), indent=2))


def _vocabulary(options: argparse.Namespace) -> None:
    sources = data.Sources.read(options.downloads)
    text = "\n".join(data.documents(sources)["train"] + _documentation())
    tokens = vocabulary.choose(fetch("world", options.downloads), text)
    vocabulary.FILE.write_text(vocabulary.lines(tokens), encoding="utf-8")
    print(f"{vocabulary.FILE.name}: {len(tokens)} tokens")


def _documentation() -> list[str]:
    """The project's own documents ten times, for the words that chats about it will need."""
    root = repository_root()
    return [path.read_text(encoding="utf-8") for path in sorted(root.glob("docs/*.md"))] * 10


def _precision(options: argparse.Namespace) -> str:
    fitting = "bfloat16" if Kernels(np.float32).has_half() else "float32"
    return str(options.precision or fitting)


def _train(options: argparse.Namespace) -> None:
    text, sizes = data.load(options.folder), data.token_sizes()
    tokens, _ = text.pop("train"), text.pop("finish")
    run, checkpoint = options.folder / "run", options.folder / "run" / "checkpoint.npz"
    if options.resume:
        trainer = Trainer.resume(
            checkpoint, tokens, text, sizes, options.threads,
            precision=_precision(options), other_text=options.other_text,
        )  # fmt: skip
    elif checkpoint.exists():
        raise ArgumentError(f"{checkpoint} exists; say --resume, or move the run away.")
    else:
        recipe = Recipe(seed=options.seed, precision=_precision(options))
        trainer = Trainer(Shape(), recipe, tokens, text, sizes, options.threads)
    trainer.run(run, stopped=_stop_signal())


def _decay(options: argparse.Namespace) -> None:
    text, sizes = data.load(options.folder), data.token_sizes()
    tokens, _ = text.pop("train"), text.pop("finish")
    run, target = options.folder / "run", options.folder / "decay"
    _, about = load_parameters(run / "checkpoint.npz")
    steps = options.steps or max(1, about["step"] // 10)
    trainer = Trainer.resume(
        run / "checkpoint.npz", tokens, text, sizes, options.threads,
        fall=steps, precision=_precision(options), other_text=True,
    )  # fmt: skip
    trainer.run(target, stopped=_stop_signal())


def _finish(options: argparse.Namespace) -> None:
    text, sizes = data.load(options.folder), data.token_sizes()
    _, tokens = text.pop("train"), text.pop("finish")
    parameters, _ = load_parameters(options.folder / "decay" / "checkpoint.npz")
    recipe = Recipe(end=options.steps, fall=options.steps, peak=4e-4, warmup=20, seed=2,
                    precision=_precision(options))  # fmt: skip
    trainer = Trainer(parameters.shape, recipe, tokens, text, sizes, options.threads)
    trainer.parameters.flat[:] = parameters.flat
    trainer.run(options.folder / "finish", stopped=_stop_signal())


def _stop_signal() -> Callable[[], bool]:
    """Let an interrupt or a request to end wait for the end of the step, and be saved."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop.is_set


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
