"""Every check and test of the repository, and the table of what they found."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from scripts import fuzz, tidy
from scripts.recipe import PYTHON, STEPS
from scripts.site import SITE
from scripts.steps import BUILD, ROOT, Log, StepError, run_steps, say

__all__ = ["CHECKS", "Check", "Outcome", "run"]

WEB = ROOT / "web"
BIN = PYTHON.parent
CACHE = BUILD / "cache"
# A check that takes longer hangs.
LIMIT_S = 900.0


@dataclass
class Outcome:
    """What a check found.

    Attributes
    ----------
    passed, failed, skipped : int
        Tests by result; a check without tests of its own counts as one.
    note : str
        One line for the table.
    seconds, cpu_s : float
        Wall time, and processor time of its processes.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""
    seconds: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes
    ----------
    name : str
        Its name on the command line.
    needs : tuple of str
        The steps that must be up to date.
    run : callable
        Does it; told the log and paths for pytest.
    alone : bool
        Whether it measures time or is easily disturbed, and so runs after the others.
    """

    name: str
    needs: tuple[str, ...]
    run: Callable[[Log, list[str]], Outcome]
    alone: bool = field(default=False)


def _commands(*commands: tuple[str | Path, ...], cwd: Path = ROOT) -> Callable[..., Outcome]:
    """Return a check that passes if all commands end with 0; every one of them is run."""

    def check(log: Log, paths: list[str]) -> Outcome:
        failures = []
        for command in commands:
            if log.code_of(*command, cwd=cwd, limit_s=LIMIT_S) != 0:
                failures.append(" ".join(Path(str(word)).name for word in command[:2]))
        if failures:
            return Outcome(failed=1, note=f"{', '.join(failures)} failed")
        return Outcome(passed=1)

    return check


def _counted(log: Log, code: int, pattern: str) -> Outcome:
    """Read how many tests passed from the last line of the log that matches.

    An exit code that the counts do not explain is one more failure.
    """
    outcome = Outcome()
    lines = [line for line in log.tail(400).splitlines() if re.search(pattern, line)]
    if lines:
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", lines[-1])}
        outcome.passed = counts.get("passed", 0)
        outcome.failed = sum(counts.get(word, 0) for word in ("failed", "error", "errors"))
        outcome.skipped = sum(counts.get(word, 0) for word in ("skipped", "xfailed"))
    if code != 0 and outcome.failed == 0:
        outcome.failed = 1
        outcome.note = f"ended with code {code}"
    if code == 0 and not lines:
        outcome.failed, outcome.note = 1, "printed no summary"
    return outcome


PYTEST_SUMMARY = r"\d+ (passed|failed|error|skipped).* in [\d.]+s"


def _python(log: Log, paths: list[str]) -> Outcome:
    env = {"HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis")}
    code = log.code_of(
        PYTHON, "-m", "pytest", "-q", "--durations=5", *paths, env=env, limit_s=LIMIT_S
    )
    return _counted(log, code, PYTEST_SUMMARY)


def _inside_pyodide(log: Log, paths: list[str]) -> Outcome:
    code = log.code_of("node", ROOT / "tests" / "pyodide" / "run.mjs", limit_s=LIMIT_S)
    return _counted(log, code, PYTEST_SUMMARY)


def _vitest(log: Log, paths: list[str]) -> Outcome:
    code = log.code_of("npx", "vitest", "run", cwd=WEB, env={"NO_COLOR": "1"}, limit_s=LIMIT_S)
    return _counted(log, code, r"^\s*Tests\s+.*\d+ (passed|failed)")


def _browser(log: Log, paths: list[str]) -> Outcome:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise StepError("browser: chromium is missing; install it (Debian: chromium).")
    env = {"CHROMIUM": chromium, "ECHO_SITE": str(SITE), "PYTHONUNBUFFERED": "1"}
    folder = ROOT / "tests" / "browser"
    code = log.code_of(
        PYTHON, "-m", "pytest", "-v", "--durations=5", folder, env=env, limit_s=LIMIT_S
    )
    return _counted(log, code, PYTEST_SUMMARY)


def _clang_format(log: Log, paths: list[str]) -> Outcome:
    sources = tidy.sources(".cc", ".h")
    return _commands((BIN / "clang-format", "--dry-run", "-Werror", *sources))(log, paths)


def _tidy(log: Log, paths: list[str]) -> Outcome:
    checked, known, failed = tidy.check(log)
    note = f"{checked} files checked, {known} unchanged since they passed"
    if failed:
        return Outcome(passed=checked + known - len(failed), failed=len(failed), note=note)
    return Outcome(passed=checked + known, note=note)


def _fuzz(log: Log, paths: list[str]) -> Outcome:
    results = fuzz.run(log, seconds=30)
    failed = [name for name, (code, _) in results.items() if code != 0]
    runs = ", ".join(f"{name} {count} inputs" for name, (_, count) in results.items())
    return Outcome(passed=len(results) - len(failed), failed=len(failed), note=runs)


CHECKS = (
    Check(
        "ruff",
        ("python-packages",),
        _commands((BIN / "ruff", "check", "."), (BIN / "ruff", "format", "--check", ".")),
    ),
    Check("mypy", ("python-packages",), _commands((BIN / "mypy",))),
    Check(
        "shell",
        ("python-packages",),
        _commands((BIN / "shellcheck", "build.sh", ".ci/run")),
    ),
    Check("clang-format", ("python-packages",), _clang_format),
    Check("clang-tidy", ("native", "test-tools"), _tidy),
    Check(
        "web",
        ("node-packages", "fetch-pyodide"),
        _commands(("npx", "tsc", "--noEmit"), ("npx", "prettier", "--check", "."), cwd=WEB),
    ),
    Check("vitest", ("node-packages", "fetch-pyodide"), _vitest),
    Check("fuzz", ("sanitize",), _fuzz),
    Check("python", ("native", "python-packages", "fetch-world", "site", "upstream"), _python),
    Check("pyodide", ("wheel", "fetch-wheels", "fetch-pyodide"), _inside_pyodide),
    Check("browser", ("site", "python-packages", "test-tools"), _browser, alone=True),
)


def run(selection: Iterable[str]) -> int:
    """Run checks and print the table.

    Parameters
    ----------
    selection : iterable of str
        Names of checks, or paths for pytest; everything if empty.

    Returns
    -------
    int
        0 if everything passed, else 1.

    Raises
    ------
    StepError
        If a name is unknown, or what the checks need cannot be built.
    """
    known = {check.name: check for check in CHECKS}
    selected = list(selection)
    paths = [word for word in selected if word not in known and Path(word.split("::")[0]).exists()]
    unknown = [word for word in selected if word not in known and word not in paths]
    if unknown:
        names = ", ".join(known)
        raise StepError(f"there is no check {unknown[0]!r}; known are {names}, and paths of tests.")
    picked = [word for word in selected if word in known] + (["python"] if paths else [])
    chosen = [known[name] for name in dict.fromkeys(picked)] if picked else list(CHECKS)

    start = time.monotonic()
    broken = _build(chosen)
    built = time.monotonic() - start
    results: dict[str, Outcome] = {}

    def one(check: Check) -> None:
        results[check.name] = _one(check, paths, broken)

    # Two at once: most of them use one core, and the slow ones come first.
    with ThreadPoolExecutor(2) as pool:
        slow_first = [check for check in reversed(chosen) if not check.alone]
        try:
            list(pool.map(one, slow_first))
        except BaseException:
            Log.stop_all()
            raise
    for check in chosen:
        if check.alone:
            one(check)
    return _table([check.name for check in chosen], results, built, time.monotonic() - start)


def _build(chosen: list[Check]) -> dict[str, str]:
    """Build what the checks need; return the checks that cannot run, each with the reason."""
    needs = list(dict.fromkeys(need for check in chosen for need in check.needs))
    try:
        run_steps(STEPS, needs)
        return {}
    except StepError as error:
        say(f"build.sh: {error}")
    # One step failed: find out which checks can run without it.
    broken = {}
    for check in chosen:
        Log.allow()
        try:
            run_steps(STEPS, check.needs)
        except StepError as error:
            broken[check.name] = str(error)
    Log.allow()
    return broken


def _one(check: Check, paths: list[str], broken: dict[str, str]) -> Outcome:
    start = time.monotonic()
    log = Log(f"check-{check.name}")
    if check.name in broken:
        outcome = Outcome(failed=1, note=broken[check.name])
    else:
        try:
            outcome = check.run(log, paths)
        except StepError as error:
            outcome = Outcome(failed=1, note=str(error))
    outcome.seconds, outcome.cpu_s = time.monotonic() - start, log.cpu_s
    word = "FAILED" if outcome.failed else "passed"
    say(f"{check.name}: {word} in {outcome.seconds:.1f} s {outcome.note}".rstrip())
    if outcome.failed and check.name not in broken:
        say(f"---- the end of {log.path.relative_to(ROOT)}\n{log.tail(60)}\n----")
    return outcome


def _table(names: list[str], results: dict[str, Outcome], built: float, total: float) -> int:
    heads = ("passed", "failed", "skipped", "seconds", "processor")
    say(f"\n{'check':<14}" + "".join(f"{head:>10}" for head in heads))
    say(f"{'(building)':<14}{'':>30}{built:>10.1f}")
    for name in names:
        found = results[name]
        counts = f"{found.passed:>10}{found.failed:>10}{found.skipped:>10}"
        say(f"{name:<14}{counts}{found.seconds:>10.1f}{found.cpu_s:>10.1f}  {found.note}".rstrip())
    passed, failed, skipped = (
        sum(getattr(outcome, kind) for outcome in results.values())
        for kind in ("passed", "failed", "skipped")
    )
    ending = f", {skipped} skipped" if skipped else ""
    say(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    say(f"{passed} passed, {failed} failed{ending} in {total:.1f}s")
    return 1 if failed else 0
