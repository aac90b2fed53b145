"""clang-tidy over libecho, remembering by content what has passed."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.steps import BUILD, ROOT, Log, StepError, fingerprint

__all__ = ["check", "sources"]

CORE = ROOT / "wasm"
PASSED = BUILD / "cache" / "clang-tidy"
TIDY = "clang-tidy-14"


def sources(*endings: str) -> list[Path]:
    """Return the files of ``wasm/`` with these endings."""
    return sorted(path for path in CORE.rglob("*") if path.suffix in endings)


def check(log: Log) -> tuple[int, int, list[str]]:
    """Check every source file whose content, headers or rules changed since it passed.

    Returns
    -------
    tuple of int, int, list of str
        Files checked now, files known to pass, and the names of those with findings.

    Raises
    ------
    StepError
        If clang-tidy is missing.
    """
    if shutil.which(TIDY) is None:
        raise StepError(f"clang-tidy: {TIDY} is missing; install it (Debian: {TIDY}).")
    PASSED.mkdir(parents=True, exist_ok=True)
    common: list[Path | str] = [*sources(".h"), ROOT / ".clang-tidy", CORE / "CMakeLists.txt"]
    shared = fingerprint(common)
    # training/ is compiled by the recipe of the bundled model and fuzz/ with other flags.
    files = [
        path
        for path in sources(".cc")
        if path.relative_to(CORE).parts[0] not in ("training", "fuzz")
    ]
    marks = {path: PASSED / fingerprint([path, shared]) for path in files}
    due = [path for path in files if not marks[path].exists()]

    def one(path: Path) -> bool:
        part = Log(f"tidy-{path.stem}")
        code = part.code_of(TIDY, "-p", BUILD / "native", "--quiet", path)
        if code == 0:
            marks[path].touch()
            part.path.unlink()
            return True
        with log.path.open("a", encoding="utf-8") as file:
            file.write(part.path.read_text(encoding="utf-8"))
        return False

    with ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(one, due))
    failed = [path.name for path, good in zip(due, passed, strict=True) if not good]
    current = {mark.name for mark in marks.values()}
    for mark in PASSED.iterdir():
        if mark.name not in current:
            mark.unlink()
    return len(due), len(files) - len(due), failed
