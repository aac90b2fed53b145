"""How often the reasoning membrane is right when it says that it is so sure.

The tasks come in two parts that share nothing: a calibration is fitted on one and measured on the
other. ``python -m tests.bench.calibration --write`` also puts what was fitted for the bundled
model into the package; ``--model FILE`` takes another model, ``--kept`` the answers of the last
run.
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from deep_tree_echo import Chain, Model, ModelFile
from deep_tree_echo.backends.rwkv_cpp import RwkvCpp
from deep_tree_echo.membranes.reasoning.calibration import (
    Calibration,
    calibration_error,
    reliability,
    softmax,
)
from deep_tree_echo.membranes.reasoning.measure import (
    Chosen,
    Drawn,
    choose_all,
    draw_all,
    fit,
)
from deep_tree_echo.membranes.reasoning.tasks import Task, tasks
from deep_tree_echo.platform import bundled_model_path

from tests.bench._held_out import held_out
from tests.bench._measure import ROOT, keep

COUNT = 500
SMALL = 60
DRAWN = {"help": 350, "small": 30}
TARGET = ROOT / "py" / "deep_tree_echo" / "membranes" / "reasoning" / "calibrations.json"
RESAMPLES = 300
ABOUT = (
    "Held-out conversations, WordNet glosses, questions about the page and the package's own tasks."
)
Answers = list[tuple[list[Chosen], list[Drawn]]]


def parts() -> list[list[Task]]:
    """All tasks; those of the package are drawn from two seeds, and shared ones left out."""
    found = held_out(COUNT)
    own = [tasks(seed, 2 * SMALL) for seed in (11, 12)]
    first = {task.prompt for task in own[0][::2]}
    found[0] += [task for task in own[0] if task.prompt in first]
    found[1] += [task for task in own[1] if task.prompt not in first]
    return found


def answer(model_path: Path) -> tuple[str, Answers]:
    """Lets a model answer all tasks."""
    model = Model.load(model_path)
    chain = Chain(ModelFile.from_path(model_path), "rwkv_cpp")
    chain._backend = RwkvCpp(model_path.name, model)
    found: Answers = []
    for number, given in enumerate(parts()):
        chosen = []
        for one in choose_all(model, given):
            chosen.append(one)
            if len(chosen) % 500 == 0:
                print(f"  part {number}: {len(chosen)} chosen", flush=True)
        free = [task for task in given if task.family == "help"][: DRAWN["help"]]
        counted: dict[str, int] = {}
        for task in given:
            if task.answers and task.family != "help":
                counted[task.family] = counted.get(task.family, 0) + 1
                if counted[task.family] <= DRAWN["small"]:
                    free.append(task)
        drawn = list(draw_all(chain, free, seed=number + 1))
        print(f"  part {number}: {len(drawn)} drawn", flush=True)
        found.append((chosen, drawn))
    return model.fingerprint, found


def interval(
    prompts: Sequence[str], confidence: Sequence[float], right: Sequence[bool]
) -> tuple[float, float]:
    """95 % of the calibration errors of resampled questions."""
    random = np.random.default_rng(1)
    groups: dict[str, list[int]] = {}
    for place, prompt in enumerate(prompts):
        groups.setdefault(prompt, []).append(place)
    members = list(groups.values())
    sure, hit = np.array(confidence), np.array(right)
    errors = []
    for _ in range(RESAMPLES):
        picked = random.integers(0, len(members), len(members))
        places = np.concatenate([members[i] for i in picked])
        errors.append(calibration_error(sure[places], hit[places]))
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def noise(confidence: Sequence[float]) -> float:
    """The error that perfect confidences would show, for there are only so many answers."""
    random = np.random.default_rng(1)
    sure = np.array(confidence)
    return float(
        np.mean([calibration_error(sure, random.random(sure.size) < sure) for _ in range(30)])
    )


def family(name: str) -> str:
    return name if name in ("reply", "cloze", "gloss", "help") else "small"


Row = tuple[str, str, bool, float, float]
"""Family, prompt, whether right, confidence before and after."""


def rows(kind: str, found: tuple[list[Chosen], list[Drawn]], fitted: Calibration) -> list[Row]:
    chosen, drawn = found
    if kind == "option":
        return [
            (
                family(one.family),
                one.prompt,
                one.is_right,
                max(softmax(one.evidence.per_byte, 1.0)),
                fitted.weigh(one.evidence)[one.evidence.best],
            )
            for one in chosen
        ]
    result: list[Row] = []
    for one in drawn:
        evidence, right = (
            (one.single, one.single_right) if kind == "single" else (one.vote, one.vote_right)
        )
        before, after = evidence.raw, fitted.judge(evidence).confidence
        assert before is not None
        assert after is not None
        result.append((family(one.family), one.prompt, right, before, after))
    return result


def show(kind: str, table: list[Row], say: Callable[[str], None]) -> dict[str, float]:
    """Prints the table of one kind of confidence, and gives its figures."""
    figures: dict[str, float] = {}
    for name in [*sorted({row[0] for row in table}), "all"]:
        some = [row for row in table if name in ("all", row[0])]
        prompts, right = [row[1] for row in some], [row[2] for row in some]
        before, after = [row[3] for row in some], [row[4] for row in some]
        errors = calibration_error(before, right), calibration_error(after, right)
        low, high = interval(prompts, after, right)
        accuracy = sum(right) / len(right)
        say(
            f"| {kind} | {name} | {len(some)} | {accuracy:.3f} | {errors[0]:.3f} | "
            f"{errors[1]:.3f} ({low:.3f} to {high:.3f}) | {noise(after):.3f} |"
        )
        stem = f"calibration_{kind}_{name}"
        figures |= {
            f"{stem}_n": len(some),
            f"{stem}_accuracy": accuracy,
            f"{stem}_before": errors[0],
            f"{stem}_after": errors[1],
            f"{stem}_after_low": low,
            f"{stem}_after_high": high,
            f"{stem}_noise": noise(after),
        }
    return figures


def main() -> None:
    """Measures, and keeps the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path, default=bundled_model_path())
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--kept", action="store_true")
    options = parser.parse_args(sys.argv[1:])
    kept = ROOT / "build" / "bench" / f"calibration-{options.model.stem}.pickle"
    if options.kept:
        fingerprint, found = pickle.loads(kept.read_bytes())
    else:
        fingerprint, found = answer(options.model)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(pickle.dumps((fingerprint, found)))
    fitted = fit(*found[0], ABOUT)
    print("| confidence in | tasks | n | accuracy | ECE before | ECE after (95 %) | of noise |")
    print("|---|---|---|---|---|---|---|")
    figures: dict[str, float] = {}
    everything: list[Row] = []
    for kind in ("option", "single", "vote"):
        table = rows(kind, found[1], fitted)
        everything += table
        figures |= show(kind, table, lambda line: print(line, flush=True))
    figures |= show("all", everything, lambda line: print(line, flush=True))
    print()
    for kind in ("option", "single", "vote"):
        table = rows(kind, found[1], fitted)
        bins = reliability([row[4] for row in table], [row[2] for row in table])
        cells = " | ".join(f"{sure:.2f}: {hit:.2f}" for _, sure, hit in bins)
        print(f"| {kind} | {cells} |")
    if options.model == bundled_model_path():
        keep(figures)
    if options.write:
        data = fitted.to_json()
        for name in ("option", "single", "vote"):
            data[name] = [round(weight, 4) for weight in data[name]]
        data["temperature"] = round(data["temperature"], 4)
        known = json.loads(TARGET.read_text("utf-8")) | {fingerprint: data}
        TARGET.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")
        print(f"{TARGET.relative_to(ROOT)} has the calibration of {fingerprint}.")
    assert all(map(math.isfinite, figures.values()))


if __name__ == "__main__":
    main()
