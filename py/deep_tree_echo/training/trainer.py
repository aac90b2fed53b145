"""The training loop: data-parallel steps, log, checkpoints, resuming."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .network import CarriedState, Network
from .optimizer import Optimizer, learning_rate
from .parameters import Parameters, Shape, initial_parameters
from .streams import Streams

__all__ = ["Recipe", "Trainer", "load_parameters", "save_parameters"]

Tokens = NDArray[np.uint16]


@dataclass(frozen=True)
class Recipe:
    """All that decides the result, next to the data.

    Parameters
    ----------
    end, fall : int
        The step at which the run ends, and how many steps before it the rate
        begins to fall. An end of 0 is open: the rate stays, until a checkpoint
        is resumed with an end.
    batch, window : int
        Streams (an even number) and tokens of a window.
    peak, warmup : float, int
        Highest learning rate and the steps that lead to it.
    decay : float
        Weight decay.
    jump : float
        Probability that a stream that jumps (every second one) starts a new
        document at a window's border.
    seed : int
        Seed of everything random.
    precision : str
        Of the matrix products: ``float32`` or ``bfloat16``.
    """

    end: int = 0
    fall: int = 0
    batch: int = 16
    window: int = 256
    peak: float = 4e-3
    warmup: int = 100
    decay: float = 0.1
    jump: float = 0.5
    seed: int = 1
    precision: str = "float32"


class Trainer:
    """A training run.

    Parameters
    ----------
    shape : Shape
        The model's sizes.
    recipe : Recipe
        The hyper-parameters.
    tokens : ndarray of uint16, shape (tokens,)
        Packed training documents.
    held_out : dict of str to ndarray of uint16
        Packed documents to measure on, by name.
    sizes : ndarray of int, shape (vocabulary,)
        Bytes of each token; the end of a text counts as one.
    threads : int
        One or two, or 0 for two while the machine has room for them, and else one; the
        result is the same.
    wanted : ndarray of bool, shape (tokens,), optional
        Tokens to learn; all of them if omitted.
    """

    SHARDS = 2  # fixed: the sum of the gradients must not depend on the machine

    def __init__(
        self,
        shape: Shape,
        recipe: Recipe,
        tokens: Tokens,
        held_out: dict[str, Tokens],
        sizes: NDArray[np.int64],
        threads: int = 2,
        wanted: NDArray[np.bool_] | None = None,
    ) -> None:
        if recipe.batch % self.SHARDS:
            raise ArgumentError(
                f"batch is {recipe.batch}; it must be even, for two shards share it."
            )
        self.shape, self.recipe, self.held_out, self.sizes = shape, recipe, held_out, sizes
        self.text = hashlib.sha256(tokens.tobytes()).hexdigest()
        self.parameters = initial_parameters(shape, recipe.seed)
        half = recipe.precision == "bfloat16"
        self.optimizer = Optimizer(shape, recipe.decay, half=half)
        self.streams = Streams(
            tokens, recipe.batch, recipe.window, recipe.jump, recipe.seed, wanted
        )
        part = recipe.batch // self.SHARDS
        self.networks = [
            Network(self.parameters, part, recipe.window, half) for _ in range(self.SHARDS)
        ]
        self.states = [CarriedState(shape, part) for _ in range(self.SHARDS)]
        self.step, self.seconds = 0, 0.0
        self.threads = threads
        self._pool = ThreadPoolExecutor(self.SHARDS)

    def train_step(self) -> float:
        """Take one step.

        Returns
        -------
        float
            The batch's loss in bits per byte, before the step.
        """
        recipe = self.recipe
        inputs, targets = self.streams.next()
        part = recipe.batch // self.SHARDS
        learned = self.streams.learned
        weights = (learned / max(1, learned.sum())).astype(np.float32)

        def work(shard: int) -> float:
            rows = slice(shard * part, (shard + 1) * part)
            network, state = self.networks[shard], self.states[shard]
            for stream in np.flatnonzero(self.streams.fresh[rows]):
                state.reset(int(stream))
            network.forward(inputs[rows], state)
            loss = network.loss(targets[rows], weights[rows])
            network.backward()
            return loss

        both = self.threads == 2 or (self.threads == 0 and _has_room())
        total = sum((self._pool.map if both else map)(work, range(self.SHARDS)))
        gradient = self.networks[0].gradients
        for network in self.networks[1:]:
            gradient.flat += network.gradients.flat
        rate = learning_rate(self.step, recipe.peak, recipe.warmup, recipe.end, recipe.fall)
        self.optimizer.update(self.parameters, gradient, self.step, rate)
        self.step += 1
        return total / max(1.0, float(self.sizes[targets[learned]].sum())) / math.log(2)

    def measure(self, tokens: Tokens, windows: int = 8) -> float:
        """Return the bits per byte on packed documents, streams side by side.

        Parameters
        ----------
        tokens : ndarray of uint16, shape (tokens,)
            Packed documents.
        windows : int
            Windows a stream at most.

        Returns
        -------
        float
            The mean over all targets.
        """
        network, recipe = self.networks[0], self.recipe
        batch, window = network.batch, recipe.window
        per_stream = min((len(tokens) - 1) // batch, windows * window) // window * window
        if per_stream == 0:
            return math.nan
        spread = (len(tokens) - 1 - per_stream) // max(1, batch - 1)
        index = np.arange(batch)[:, None] * spread + np.arange(per_stream + 1)
        rows = tokens[index].astype(np.int32)
        state, total = CarriedState(self.shape, batch), 0.0
        for start in range(0, per_stream, window):
            network.forward(rows[:, start : start + window].copy(), state)
            total += network.loss(rows[:, start + 1 : start + window + 1].copy(), 0.0)
        return total / float(self.sizes[rows[:, 1:]].sum()) / math.log(2)

    def run(
        self,
        folder: Path,
        log_every: int = 20,
        measure_every: int = 200,
        save_seconds: float = 180.0,
        keep_every: int = 2000,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Train to the last step, or until stopped; log and save on the way.

        Parameters
        ----------
        folder : Path
            Receives ``log.jsonl`` and ``checkpoint.npz``.
        log_every, measure_every : int
            Steps between log lines and between measurements on held-out text.
        save_seconds : float
            Seconds between checkpoints.
        keep_every : int
            Steps between checkpoints that are kept beside the newest, as ``checkpoint-STEP.npz``.
        stopped : callable
            Asked after every step; on True the run is saved and ends.

        Raises
        ------
        ArgumentError
            If the loss is no number any more; nothing is saved then.
        """
        folder.mkdir(parents=True, exist_ok=True)
        saved, losses = time.monotonic(), []
        last = bool(self.recipe.end) and self.step >= self.recipe.end
        while not last:
            began = time.monotonic()
            losses.append(self.train_step())
            self.seconds += time.monotonic() - began
            if not math.isfinite(losses[-1]):
                raise ArgumentError(
                    f"the loss is {losses[-1]} at step {self.step}; the checkpoints are from "
                    f"before, go on from one of those in {folder}."
                )
            last = stopped() or self.step == self.recipe.end
            if self.step % log_every == 0 or last:
                line = self._line(losses)
                if self.step % measure_every == 0 or last:
                    for name, tokens in self.held_out.items():
                        line[f"{name}_bpb"] = round(self.measure(tokens), 4)
                with (folder / "log.jsonl").open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
                losses = []
            if last or time.monotonic() - saved > save_seconds:
                self.save(folder / "checkpoint.npz")
                saved = time.monotonic()
            if self.step % keep_every == 0:
                self.save(folder / f"checkpoint-{self.step}.npz")

    def _line(self, losses: list[float]) -> dict[str, float]:
        tokens = self.step * self.recipe.batch * self.recipe.window
        return {
            "step": self.step,
            "tokens": tokens,
            "seconds": round(self.seconds, 1),
            "bpb": round(float(np.mean(losses)), 4),
            "tokens_per_second": round(tokens / self.seconds),
        }

    def save(self, path: Path) -> None:
        """Write all that `resume` needs; the old file stays until the new is whole.

        Parameters
        ----------
        path : Path
            The file to write.
        """
        about = {
            "shape": asdict(self.shape),
            "recipe": asdict(self.recipe),
            "step": self.step,
            "seconds": self.seconds,
            "text": self.text,
            "streams": self.streams.state(),
        }
        arrays: dict[str, NDArray[Any]] = {
            "about": np.array(json.dumps(about)),
            "values": self.parameters.flat,
            "first": self.optimizer.first.flat,
            "second": self.optimizer.second.flat,
        }
        for shard, state in enumerate(self.states):
            arrays[f"wkv{shard}"], arrays[f"shift{shard}"] = state.wkv, state.shift
        _write(path, arrays)

    @classmethod
    def resume(
        cls,
        path: Path,
        tokens: Tokens,
        held_out: dict[str, Tokens],
        sizes: NDArray[np.int64],
        threads: int = 2,
        fall: int = 0,
        precision: str | None = None,
        other_text: bool = False,
    ) -> Trainer:
        """Continue a run; the following steps are bit for bit those it would have taken.

        Parameters
        ----------
        path : Path
            From `save`.
        tokens : ndarray of uint16, shape (tokens,)
            The training documents.
        held_out : dict of str to ndarray of uint16
            Documents to measure on.
        sizes : ndarray of int, shape (vocabulary,)
            Bytes of each token.
        threads : int
            One or two, or 0 as the machine has room.
        fall : int
            If not 0, the run ends after so many more steps, in which the rate falls.
        precision : str, optional
            Another one than before.
        other_text : bool
            True allows other documents than before; the streams start anew in them.

        Returns
        -------
        Trainer
            At the step at which the file was written.

        Raises
        ------
        ArgumentError
            If the documents are others, and that is not allowed.
        """
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            recipe = Recipe(**about["recipe"])
            recipe = replace(recipe, precision=precision or recipe.precision)
            if fall:
                recipe = replace(recipe, end=about["step"] + fall, fall=fall)
            run = cls(Shape(**about["shape"]), recipe, tokens, held_out, sizes, threads)
            run.parameters.flat[:] = file["values"]
            run.optimizer.first.flat[:] = file["first"]
            run.optimizer.second.flat[:] = file["second"]
            run.step, run.seconds = about["step"], about["seconds"]
            if about["text"] == run.text:
                for shard, state in enumerate(run.states):
                    state.wkv[:], state.shift[:] = file[f"wkv{shard}"], file[f"shift{shard}"]
                run.streams.restore(about["streams"])
            elif not other_text:
                raise ArgumentError(
                    f"{path.name} was trained on the text {about['text'][:12]}, and this is "
                    f"{run.text[:12]}; prepare that one again, or say --other-text."
                )
        return run


def load_parameters(path: Path) -> tuple[Parameters, dict[str, Any]]:
    """Read the parameters of a checkpoint.

    Parameters
    ----------
    path : Path
        From `Trainer.save`.

    Returns
    -------
    parameters : Parameters
        In float32.
    about : dict
        Shape, recipe, step and seconds of the run.
    """
    with np.load(path) as file:
        about = json.loads(str(file["about"]))
        parameters = Parameters(Shape(**about["shape"]))
        parameters.flat[:] = file["values"]
    return parameters, about


def save_parameters(path: Path, parameters: Parameters, about: dict[str, Any]) -> None:
    """Write a checkpoint that has parameters only, for `load_parameters`.

    Parameters
    ----------
    path : Path
        The file to write.
    parameters : Parameters
        Of the shape that `about` names.
    about : dict
        As `load_parameters` returned it.
    """
    _write(path, {"about": np.array(json.dumps(about)), "values": parameters.flat})


def _write(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """The old file stays until the new one is whole."""
    fresh = path.with_suffix(".part")
    with fresh.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    fresh.replace(path)


def _has_room() -> bool:
    """Whether others than this run keep less than one processor busy."""
    waiting, _, _ = os.getloadavg()
    return waiting - Trainer.SHARDS < (os.cpu_count() or 1) - 1
