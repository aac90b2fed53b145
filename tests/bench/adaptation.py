"""Adaptation: bits per byte of the second half of a text after hearing the first, and its cost.

Without and with adaptation the model reads the same text; each token is predicted before it is
learned. The first token of a document is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from deep_tree_echo import Model, platform
from deep_tree_echo.adaptation import AdaptationSettings
from deep_tree_echo.adaptation.learner import Learner
from deep_tree_echo.adaptation.senses import Senses
from numpy.typing import NDArray

from tests.bench._engines import in_both
from tests.bench._measure import RESULTS, ROOT, keep
from tests.bench._texts import held_out

TRAINED = ROOT / "build" / "training" / "echo" / "echo-FP16.bin"
PARTS = ("all", "contexts", "readout", "readout_hidden", "readout_reservoir")
"""What takes part: everything, only the contexts, only the readout, on one of its two inputs."""
OFF = -1e4

Floats = NDArray[np.float64]


class Without(Senses):
    """The readout does not see the hidden state."""

    def sense(self, hidden, echo):  # type: ignore[no-untyped-def]
        """Only the reservoir reaches the readout."""
        found = super().sense(hidden, echo)
        found.features[: self.width] = 0.0
        return found


def costs(path: Path, text: bytes, parts: Sequence[str]) -> Floats:
    """(1 + parts,) nats of the second half of a text, alone and adapted, and its bytes last."""
    model = Model.load(path)
    tokens = model.encode(text)
    sizes = np.cumsum([len(model.decode_bytes([token])) for token in tokens])
    half = int(np.searchsorted(sizes, sizes[-1] / 2))
    contestants = [_learner(model.n_vocab, model.n_embed, part) for part in parts]
    echoes: list[NDArray[np.float32] | None] = [None] * len(parts)
    found = np.zeros(2 + len(parts))
    found[-1] = sizes[-1] - sizes[half]
    state = None
    for place, (read, follows) in enumerate(pairwise(tokens)):
        logits, state = model.eval([read], state)
        hidden = model.hidden()
        for i, (senses, learner) in enumerate(contestants):
            sensed = senses.sense(hidden, echoes[i])
            echoes[i] = sensed.echo
            expected = learner.expect(logits, sensed)
            if place >= half and expected is not None:
                without, adapted, _ = learner.probabilities(expected, follows)
                found[0] -= np.log(without) / len(parts)
                found[1 + i] -= np.log(adapted)
            learner.learn(expected, sensed, follows)
    model.close()
    return found


def _learner(n_vocab: int, n_embed: int, part: str) -> tuple[Senses, Learner]:
    settings = AdaptationSettings(reservoir=0 if part == "readout_hidden" else 64)
    senses = (Without if part == "readout_reservoir" else Senses)(n_embed, settings)
    learner = Learner(n_vocab, senses, settings)
    if part == "contexts":
        learner.mixture.weights[0, 0] = OFF
    elif part != "all":
        learner.mixture.weights[1:, 0] = OFF
    return senses, learner


def change(found: Floats, column: int) -> float:
    """The change by adaptation, in percent of all bits."""
    return float(100 * (found[:, column].sum() / found[:, 0].sum() - 1))


def interval(found: Floats, column: int) -> tuple[float, float]:
    """In which 95 % of the changes lie if documents are drawn anew (bootstrap)."""
    drawn = np.random.default_rng(1)
    draws = drawn.integers(0, len(found), (2000, len(found)))
    changes = [change(found[draw], column) for draw in draws]
    return float(np.quantile(changes, 0.025)), float(np.quantile(changes, 0.975))


def texts(
    models: dict[str, Path], n: dict[str, int], parts: Sequence[str] = PARTS
) -> dict[str, float]:
    """The figures of all kinds of text and models."""
    figures = {}
    kinds = held_out()
    with ProcessPoolExecutor(2) as pool:
        for name, path in models.items():
            for kind, several in kinds.items():
                chosen = several[: n[kind]]
                found = np.array(
                    list(pool.map(costs, [path] * len(chosen), chosen, [parts] * len(chosen)))
                )
                n_bits = found[:, -1].sum() * np.log(2)
                key = f"adaptation_{name}_{kind}"
                low, high = interval(found, 1)
                figures |= {
                    f"{key}_documents": len(found),
                    f"{key}_bpb_without": found[:, 0].sum() / n_bits,
                    f"{key}_bpb_with": found[:, 1].sum() / n_bits,
                    f"{key}_low": low,
                    f"{key}_high": high,
                    f"{key}_worst": float(100 * (found[:, 1] / found[:, 0] - 1).max()),
                }
                figures |= {
                    f"{key}_change_{part}": change(found, 1 + i) for i, part in enumerate(parts)
                }
                for line in [line for line in figures if line.startswith(key)]:
                    print(f"  {line:56} {figures[line]:9.3f}", flush=True)
    return figures


def cost() -> dict[str, float]:
    """Microseconds a token, and their share of decoding 0.1B as ``speed`` measured it last."""
    figures = in_both("tests.bench._adaptation", "adaptation")
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for engine in ("native", "wasm"):
        for type in ("q8", "q4"):
            rate = known.get(f"decode_{type}_{engine}_cpu_median")
            if rate:
                share = figures[f"adaptation_answer_us_{engine}"] * rate / 1e6
                figures[f"adaptation_share_{type}_{engine}"] = share
    return figures


def main() -> None:
    """Measures and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chat", type=int, default=40, help="documents")
    parser.add_argument("--speeches", type=int, default=12)
    parser.add_argument("--python", type=int, default=12)
    parser.add_argument("--model", type=Path, default=TRAINED, help="beside the bundled one")
    parser.add_argument("--only", choices=("texts", "cost"))
    parser.add_argument("--parts", nargs="*", choices=PARTS[1:], default=PARTS[1:])
    options = parser.parse_args()
    if not (ROOT / "build" / "training" / "echo" / "chat.npy").exists():
        subprocess.run([sys.executable, "-m", "deep_tree_echo.training", "prepare"], check=True)
    figures: dict[str, float] = {}
    if options.only != "texts":
        figures |= cost()
        for name, value in figures.items():
            print(f"  {name:44} {value:10.3f}", flush=True)
    if options.only != "cost":
        models = {"bundled": platform.bundled_model_path()}
        if options.model.exists():
            models["trained"] = options.model
        n = {kind: getattr(options, kind) for kind in ("chat", "speeches", "python")}
        figures |= texts(models, n, (PARTS[0], *options.parts))
    keep(figures)


if __name__ == "__main__":
    main()
