"""``python -m deep_tree_echo.training prepare | train | decay | finish | prefer | export``."""

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
from numpy.typing import NDArray

from ..errors import ArgumentError, EchoError
from . import data, lexicon, vocabulary
from .export import write_file
from .kernels import Kernels, repository_root
from .packages import fetch
from .parameters import Shape
from .preference import Preference, draw_pairs
from .streams import answers
from .trainer import Recipe, Trainer, load_parameters, save_parameters

__all__ = ["main"]

Tokens = NDArray[np.uint16]
STAGES = ("run", "decay", "finish", "prefer")


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
    except (EchoError, RuntimeError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    build = repository_root() / "build"
    parser = argparse.ArgumentParser(
        prog="python -m deep_tree_echo.training",
        description="Make the default model: prepare the text, train, export.",
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

    words = commands.add_parser("lexicon", help="make the memory membrane's lexicon anew")
    words.add_argument("--downloads", type=Path, default=build / "external")
    words.set_defaults(run=_lexicon)

    train = commands.add_parser("train", help="train the model until it is stopped")
    train.add_argument("--resume", action="store_true", help="continue from the checkpoint")
    train.add_argument("--other-text", action="store_true", help="the text may have changed")
    train.add_argument("--seed", type=int, default=Recipe.seed)
    train.set_defaults(run=_train)

    decay = commands.add_parser("decay", help="bring a copy of the checkpoint to an end")
    decay.add_argument("--steps", type=int, help="a tenth of those taken if omitted")
    decay.set_defaults(run=_decay)

    finish = commands.add_parser("finish", help="rehearse chats, from the decayed weights")
    finish.add_argument("--steps", type=int, default=600)
    finish.set_defaults(run=_finish)

    prefer = commands.add_parser("prefer", help="prefer fitting answers, from the finished weights")
    prefer.add_argument("--questions", type=int, default=3000, help="to ask the model itself")
    prefer.add_argument("--steps", type=int, default=200)
    prefer.set_defaults(run=_prefer)

    for command in (train, decay, finish, prefer):
        command.add_argument(
            "--threads", type=int, choices=(0, 1, 2), default=0,
            help="0, if omitted: two while the machine has room for them, else one",
        )  # fmt: skip
        command.add_argument(
            "--precision", choices=("float32", "bfloat16"),
            help="of the products; bfloat16 if omitted, where the processor has it",
        )  # fmt: skip

    export = commands.add_parser("export", help="write a checkpoint as a model file")
    export.add_argument("--model", type=Path, help="the file; echo-FP16.bin beside the text")
    export.add_argument("--stage", choices=STAGES, help="the last there is if omitted")
    export.add_argument("--fp32", action="store_true", help="matrices in single precision")
    export.set_defaults(run=_export)
    return parser


def _prepare(options: argparse.Namespace) -> None:
    print(json.dumps(data.prepare(options.downloads, options.folder), indent=2))


def _vocabulary(options: argparse.Namespace) -> None:
    sources = data.Sources.read(options.downloads)
    text = "\n".join(data.documents(sources)["train"] + _documentation())
    tokens = vocabulary.choose(fetch("world", options.downloads), text)
    vocabulary.FILE.write_text(vocabulary.lines(tokens), encoding="utf-8")
    print(f"{vocabulary.FILE.name}: {len(tokens)} tokens")


def _lexicon(options: argparse.Namespace) -> None:
    print(f"{lexicon.FILE.name}: {lexicon.make(options.downloads)} bytes")


def _documentation() -> list[str]:
    """The project's own documents ten times, for the words that chats about it will need."""
    root = repository_root()
    return [path.read_text(encoding="utf-8") for path in sorted(root.glob("docs/*.md"))] * 10


def _precision(options: argparse.Namespace) -> str:
    fitting = "bfloat16" if Kernels(np.float32).has_half() else "float32"
    return str(options.precision or fitting)


def _text(folder: Path) -> tuple[dict[str, Tokens], dict[str, Tokens], NDArray[np.int64]]:
    """The parts to train on, those to measure on, and the bytes of every token."""
    parts = data.load(folder)
    held_out = {name: parts.pop(name) for name in ("chat", "help")}
    return parts, held_out, data.token_sizes()


def _train(options: argparse.Namespace) -> None:
    text, held_out, sizes = _text(options.folder)
    tokens = text["train"]
    run, checkpoint = options.folder / "run", options.folder / "run" / "checkpoint.npz"
    if options.resume:
        trainer = Trainer.resume(
            checkpoint, tokens, held_out, sizes, options.threads,
            precision=_precision(options), other_text=options.other_text,
        )  # fmt: skip
    elif checkpoint.exists():
        raise ArgumentError(f"{checkpoint} exists; say --resume, or move the run away.")
    else:
        recipe = Recipe(seed=options.seed, precision=_precision(options))
        trainer = Trainer(Shape(), recipe, tokens, held_out, sizes, options.threads)
    trainer.run(run, stopped=_stop_signal())


def _decay(options: argparse.Namespace) -> None:
    text, held_out, sizes = _text(options.folder)
    tokens = text["train"]
    run, target = options.folder / "run", options.folder / "decay"
    _, about = load_parameters(run / "checkpoint.npz")
    steps = options.steps or max(1, about["step"] // 10)
    trainer = Trainer.resume(
        run / "checkpoint.npz", tokens, held_out, sizes, options.threads,
        fall=steps, precision=_precision(options), other_text=True,
    )  # fmt: skip
    trainer.run(target, stopped=_stop_signal())


def _finish(options: argparse.Namespace) -> None:
    text, held_out, sizes = _text(options.folder)
    tokens = np.concatenate([text["finish"], text["rehearse"]])
    parameters, _ = load_parameters(options.folder / "decay" / "checkpoint.npz")
    recipe = Recipe(end=options.steps, fall=options.steps, peak=1e-3, warmup=20, seed=2,
                    precision=_precision(options))  # fmt: skip
    # Of the generated dialogues the answers alone; conversations are learned as a whole, so that
    # people's talk is not forgotten.
    wanted = np.ones(len(tokens), np.bool_)
    wanted[: len(text["finish"])] = answers(text["finish"], vocabulary.read(vocabulary.FILE))
    trainer = Trainer(parameters.shape, recipe, tokens, held_out, sizes, options.threads, wanted)
    trainer.parameters.flat[:] = parameters.flat
    trainer.run(options.folder / "finish", stopped=_stop_signal())


def _prefer(options: argparse.Namespace) -> None:
    from ..model import Model
    from .evaluate import answer

    parameters, about = load_parameters(options.folder / "finish" / "checkpoint.npz")
    folder = options.folder / "prefer"
    folder.mkdir(parents=True, exist_ok=True)
    write_file(parameters, folder / "asked.bin")
    model = Model.load(folder / "asked.bin")
    pairs = draw_pairs(lambda question, seed: answer(model, [question], seed, 0.8),
                       options.questions)  # fmt: skip
    print(f"{len(pairs)} of {options.questions} answers did not fit", flush=True)
    cutter = vocabulary.tokenizer()
    half = _precision(options) == "bfloat16"
    preference = Preference(parameters, pairs, cutter.encode, half=half)
    preference.run(options.steps, say=lambda line: print(json.dumps(line), flush=True))
    save_parameters(folder / "checkpoint.npz", parameters, about | {"step": options.steps})


def _stop_signal() -> Callable[[], bool]:
    """Let an interrupt or a request to end wait for the end of the step, and be saved."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop.is_set


def _export(options: argparse.Namespace) -> None:
    stages = [options.stage] if options.stage else STAGES[::-1]
    found = [options.folder / stage / "checkpoint.npz" for stage in stages]
    found = [path for path in found if path.exists()]
    if not found:
        raise ArgumentError(f"{options.folder} holds no checkpoint: run 'train' first.")
    parameters, about = load_parameters(found[0])
    model = options.model or options.folder / f"echo-{'FP32' if options.fp32 else 'FP16'}.bin"
    size = write_file(parameters, model, half=not options.fp32)
    print(
        f"{model}: {size} bytes, {parameters.flat.size} parameters of the stage "
        f"{found[0].parent.name}, step {about['step']}, {about['seconds']:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
