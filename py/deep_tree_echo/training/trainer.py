"""The training loop: data-parallel steps, log, checkpoints, resuming."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .network import CarriedState, Network
from .optimizer import AdamW, learning_rate
from .parameters import Parameters, Shape, initial_parameters
from .streams import Streams

__all__ = ["FINISH", "Recipe", "Trainer", "load_parameters"]

Tokens = NDArray[np.int16]


@dataclass(frozen=True)
class Recipe:
    """All that decides the result, next to the data.

    Parameters
    ----------
    steps : int
        Optimiser steps.
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
    """

    steps: int = 15000
    batch: int = 8
    window: int = 256
    peak: float = 3e-3
    warmup: int = 200
    decay: float = 0.1
    jump: float = 0.5
    seed: int = 1


# A second, short stage on other text, from the weights of the first.
FINISH = Recipe(steps=1000, peak=6e-4, warmup=50, seed=2)


class Trainer:
    """A training run.

    Parameters
    ----------
    shape : Shape
        The model's sizes.
    recipe : Recipe
        The hyper-parameters.
    tokens : ndarray of int16, shape (tokens,)
        Packed training documents.
    held_out : dict of str to ndarray of int16
        Packed documents to measure on, by name.
    """

    SHARDS = 2  # fixed: the sum of the gradients must not depend on the machine

    def __init__(
        self, shape: Shape, recipe: Recipe, tokens: Tokens, held_out: dict[str, Tokens]
    ) -> None:
        if recipe.batch % self.SHARDS:
            raise ValueError("The batch must be even: two threads share it.")
        self.shape, self.recipe, self.held_out = shape, recipe, held_out
        self.parameters = initial_parameters(shape, recipe.seed)
        self.optimizer = AdamW(self.parameters.flat.size, self.parameters.decayed(), recipe.decay)
        self.streams = Streams(tokens, recipe.batch, recipe.window, recipe.jump, recipe.seed)
        part = recipe.batch // self.SHARDS
        self.networks = [Network(self.parameters, part, recipe.window) for _ in range(self.SHARDS)]
        self.states = [CarriedState(shape, part) for _ in range(self.SHARDS)]
        self.step, self.seconds = 0, 0.0
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
        scale = 1.0 / inputs.size

        def work(shard: int) -> float:
            rows = slice(shard * part, (shard + 1) * part)
            network, state = self.networks[shard], self.states[shard]
            for stream in np.flatnonzero(self.streams.fresh[rows]):
                state.reset(int(stream))
            network.forward(inputs[rows], state)
            loss = network.loss(targets[rows], scale)
            network.backward()
            return loss

        total = sum(self._pool.map(work, range(self.SHARDS)))
        gradient = self.networks[0].gradients.flat
        for network in self.networks[1:]:
            gradient += network.gradients.flat
        rate = learning_rate(self.step, recipe.steps, recipe.peak, recipe.warmup)
        self.optimizer.update(self.parameters.flat, gradient, self.step, rate)
        self.step += 1
        return total / inputs.size / math.log(2)

    def measure(self, tokens: Tokens, windows: int = 8) -> float:
        """Return the bits per byte on packed documents, streams side by side.

        Parameters
        ----------
        tokens : ndarray of int16, shape (tokens,)
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
        return total / (batch * per_stream) / math.log(2)

    def run(
        self,
        folder: Path,
        log_every: int = 50,
        measure_every: int = 500,
        save_seconds: float = 300.0,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Train to the last step; log and save on the way.

        Parameters
        ----------
        folder : Path
            Receives ``log.jsonl`` and ``checkpoint.npz``.
        log_every, measure_every : int
            Steps between log lines and between measurements on held-out text.
        save_seconds : float
            Seconds between checkpoints.
        say : callable, optional
            Shows a line of progress; standard error if omitted.
        """
        folder.mkdir(parents=True, exist_ok=True)
        show = say or _show
        started, saved, losses = time.monotonic() - self.seconds, time.monotonic(), []
        first_step, first_seconds = self.step, self.seconds
        while self.step < self.recipe.steps:
            losses.append(self.train_step())
            last = self.step == self.recipe.steps
            self.seconds = time.monotonic() - started
            if self.step % log_every == 0 or last:
                done = (self.step - first_step) * self.recipe.batch * self.recipe.window
                line: dict[str, float] = {
                    "step": self.step,
                    "seconds": round(self.seconds, 1),
                    "bpb": round(float(np.mean(losses)), 4),
                    "tokens_per_second": round(done / (self.seconds - first_seconds)),
                }
                if self.step % measure_every == 0 or last:
                    for name, tokens in self.held_out.items():
                        line[f"{name}_bpb"] = round(self.measure(tokens), 4)
                with (folder / "log.jsonl").open("a") as file:
                    file.write(json.dumps(line) + "\n")
                show(_progress(line, self.recipe.steps))
                losses = []
            if last or time.monotonic() - saved > save_seconds:
                self.save(folder / "checkpoint.npz")
                saved = time.monotonic()

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
            "streams": self.streams.state(),
        }
        arrays: dict[str, NDArray[Any]] = {
            "about": np.array(json.dumps(about)),
            "values": self.parameters.flat,
            "first": self.optimizer.first,
            "second": self.optimizer.second,
        }
        for shard, state in enumerate(self.states):
            arrays[f"wkv{shard}"], arrays[f"shift{shard}"] = state.wkv, state.shift
        fresh = path.with_suffix(".part")
        with fresh.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        fresh.replace(path)

    @classmethod
    def resume(
        cls,
        path: Path,
        tokens: Tokens,
        held_out: dict[str, Tokens],
        steps: int | None = None,
    ) -> Trainer:
        """Continue a run; the following steps are bit for bit those it would have taken.

        Parameters
        ----------
        path : Path
            From `save`.
        tokens : ndarray of int16, shape (tokens,)
            The same training documents.
        held_out : dict of str to ndarray of int16
            Documents to measure on.
        steps : int, optional
            Another length of the whole run; the schedule is stretched to it.

        Returns
        -------
        Trainer
            At the step at which the file was written.
        """
        with np.load(path) as file:
            about = json.loads(str(file["about"]))
            recipe = Recipe(**about["recipe"])
            recipe = replace(recipe, steps=steps) if steps else recipe
            run = cls(Shape(**about["shape"]), recipe, tokens, held_out)
            run.parameters.flat[:] = file["values"]
            run.optimizer.first[:] = file["first"]
            run.optimizer.second[:] = file["second"]
            for shard, state in enumerate(run.states):
                state.wkv[:], state.shift[:] = file[f"wkv{shard}"], file[f"shift{shard}"]
        run.step, run.seconds = about["step"], about["seconds"]
        run.streams.restore(about["streams"])
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


def _progress(line: dict[str, float], steps: int) -> str:
    left = line["seconds"] / line["step"] * (steps - line["step"]) / 60
    share = line["step"] / steps
    bar = "#" * round(20 * share) + "." * (20 - round(20 * share))
    rest = " ".join(f"{name} {value}" for name, value in line.items() if name != "step")
    return f"[{bar}] {line['step']:.0f}/{steps} {rest} about {left:.0f} min left"


def _show(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
