"""The libFuzzer targets, each for its share of the time."""

from __future__ import annotations

import re
import shutil

from scripts.recipe import PYTHON
from scripts.steps import BUILD, ROOT, Log, StepError

__all__ = ["run"]

TARGETS = BUILD / "sanitize"
CORPUS = BUILD / "fuzz"


def run(log: Log, seconds: int) -> dict[str, tuple[int, int]]:
    """Fuzz every target; inputs that break one are kept in ``build/fuzz/``.

    Parameters
    ----------
    log : Log
        The check's log.
    seconds : int
        For all of them together.

    Returns
    -------
    dict of str to tuple of int and int
        The exit code and the number of inputs tried, by target.

    Raises
    ------
    StepError
        If no target was built.
    """
    targets = sorted(path for path in TARGETS.glob("*_fuzz") if path.is_file())
    if not targets:
        raise StepError(f"fuzz: no target was built in {TARGETS.relative_to(ROOT)}.")
    log.run(PYTHON, ROOT / "wasm" / "fuzz" / "seeds.py", CORPUS / "seeds")
    results = {}
    for target in targets:
        name = target.name.removesuffix("_fuzz")
        # A fresh corpus from the same seeds: a run can be repeated.
        corpus = CORPUS / name
        shutil.rmtree(corpus, ignore_errors=True)
        corpus.mkdir(parents=True)
        code = log.code_of(
            target,
            corpus,
            CORPUS / "seeds" / name,
            f"-max_total_time={max(1, seconds // len(targets))}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            f"-artifact_prefix={CORPUS}/{name}-",
        )
        counts = re.findall(r"stat::number_of_executed_units:\s*(\d+)", log.tail(40))
        results[name] = (code, int(counts[-1]) if counts else 0)
    return results
