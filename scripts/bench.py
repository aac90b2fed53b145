"""Benchmarks and oracles: programs under ``tests/`` that take longer than a test may."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from scripts.peers import LLAMA_PYTHON, PEER_STEPS
from scripts.recipe import PYTHON
from scripts.steps import BUILD, ROOT, Log, StepError, run_steps

__all__ = ["bench", "oracles"]

BENCH = ROOT / "tests" / "bench"
ORACLES = ROOT / "tests" / "oracles"
# What every benchmark needs, and what some need beside it.
NEEDS = ("native", "python-packages", "fetch-world", "site", "test-tools", "bench-programs")
MORE_NEEDS = {
    "esn": ("reservoirpy",),
    "speed": ("llama", "llama-full"),
    "upstream": ("upstream",),
}
# Several by one name.
GROUPS = {"dtesn": ("esn", "psystem", "processor")}
# torch has no part in the tests: an environment of its own, made only for this command.
ORACLE_VENV = BUILD / "oracles"
# llama.cpp is asked where the benchmarks have built it.
OTHER_PYTHONS = {"llama_reference": LLAMA_PYTHON}


def bench(names: Iterable[str]) -> int:
    """Run the benchmarks of these names, or all; return 0, or 1 if one fails."""
    known = {path.stem: path for path in sorted(BENCH.glob("[a-z]*.py"))}
    if not known:
        raise StepError(f"there is no benchmark in {BENCH.relative_to(ROOT)} yet.")
    asked = [one for name in names for one in GROUPS.get(name, (name,))]
    unknown = [name for name in asked if name not in known]
    if unknown:
        every = ", ".join([*known, *GROUPS])
        raise StepError(f"there is no benchmark {unknown[0]!r}; known are {every}.")
    chosen = list(dict.fromkeys(asked)) or list(known)
    needs = [*NEEDS, *(need for name in chosen for need in MORE_NEEDS.get(name, ()))]
    run_steps(PEER_STEPS, needs)
    # Browser profiles of a run that was ended.
    for profile in (BUILD / "bench").glob("bench-*"):
        shutil.rmtree(profile)
    failed = []
    for name in chosen:
        print(f"---- {name}", flush=True)
        start = time.monotonic()
        done = subprocess.run([PYTHON, "-m", f"tests.bench.{name}"], cwd=ROOT, check=False)
        print(f"     {name}: {time.monotonic() - start:.0f} s", flush=True)
        if done.returncode != 0:
            failed.append(name)
    subprocess.run([PYTHON, "-m", "tests.bench._report"], cwd=ROOT, check=True)
    if failed:
        raise StepError(f"these benchmarks failed: {', '.join(failed)}; the rest is kept.")
    return 0


def oracles() -> int:
    """Ask the heavy oracles again and compare with the golden files; 0 if they agree."""
    run_steps(PEER_STEPS, ("python-packages", "llama"))
    python = ORACLE_VENV / "bin" / "python"
    needed = ORACLES / "requirements.txt"
    stamp = ORACLE_VENV / "requirements.txt"
    if not stamp.exists() or stamp.read_bytes() != needed.read_bytes():
        log = Log("oracles")
        print("Installing torch and the other oracles into build/oracles; this takes minutes.")
        log.run(PYTHON, "-m", "venv", "--clear", ORACLE_VENV)
        log.run(python, "-m", "pip", "install", "--no-input", "-r", needed)
        stamp.write_bytes(needed.read_bytes())
    failed = False
    for program in programs():
        print(f"{program.name}", flush=True)
        asked = OTHER_PYTHONS.get(program.stem, python)
        done = subprocess.run([asked, program, "--check"], cwd=ROOT, check=False)
        failed |= done.returncode != 0
    return int(failed)


def programs() -> list[Path]:
    """Return the oracles: every ``*_reference.py`` of ``tests/oracles/``."""
    return sorted(ORACLES.glob("*_reference.py"))
