"""Python as the page loads it: its packages in archives, and a snapshot of it at work.

The snapshot is Python's memory after its start with NumPy and the package imported, made in Node
by ``scripts/snapshot.mjs`` from the very files that the page serves. A visitor's browser goes on
from there instead of starting Python.

An archive stays in the page's memory for as long as its files are in Python's file system. So
there are three of them: what the snapshot has imported, which only a start without it reads, the
rest, and those parts of NumPy that few views use.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Container, Iterator
from pathlib import Path

from scripts.steps import BUILD, ROOT, Log
from scripts.wheel import WHEELS

__all__ = ["ARCHIVES", "FOLDER", "build", "inputs"]

FOLDER = BUILD / "python"
PYODIDE = BUILD / "external" / "pyodide"
NUMPY = BUILD / "external" / "numpy"
MAKER = ROOT / "scripts" / "snapshot.mjs"
LAYOUT = ROOT / "web" / "src" / "worker" / "layout.mjs"
IMPORTED, PACKAGES, SELDOM = ARCHIVES = ("imported.tar", "packages.tar", "numpy.tar")
# Of NumPy: what only the memories and the laboratory use.
SELDOM_FOLDERS = tuple(f"numpy/{name}/" for name in ("fft", "polynomial", "random", "testing"))
# Nothing at run time reads these: tests, stubs, headers, lists, what builds other packages.
LEFT_OUT_ENDINGS = (".pyi", ".h", ".a", ".lib", ".pxd", ".pyx", ".c", ".build", ".typed", "/RECORD")
LEFT_OUT_FOLDERS = ("/tests/", "numpy/f2py/", "numpy/_pyinstaller/", "numpy/_core/include/")


def inputs() -> Iterator[Path | str]:
    """Give what the snapshot is made from."""
    yield from (MAKER, LAYOUT, Path(__file__), *WHEELS.glob("*-any.whl"))
    yield from (PYODIDE / ".source.json", NUMPY / ".source.json")


def build(log: Log) -> None:
    """Make the `ARCHIVES`, ``snapshot.bin`` and the libraries in ``build/python/``.

    Raises
    ------
    StepError
        If Python cannot be started in Node, or imports other libraries than it finds.
    """
    packages, fresh = FOLDER / "packages", FOLDER / "fresh"
    shutil.rmtree(FOLDER, ignore_errors=True)
    fresh.mkdir(parents=True)
    content = files()
    for name, data in content.items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    log.run("node", MAKER, "--pyodide", PYODIDE, "--packages", packages, "--out", fresh)
    taken = {path.relative_to(fresh).as_posix() for path in fresh.rglob("*.so")}
    imported = set((fresh / "imported.txt").read_text(encoding="utf-8").split("\n"))
    (fresh / "imported.txt").unlink()
    packed: dict[str, dict[str, bytes]] = {name: {} for name in ARCHIVES}
    for name, data in content.items():
        if name not in taken:
            packed[place(name, imported)][name] = data
    for name, chosen in packed.items():
        (fresh / name).write_bytes(archive(chosen))
    for path in sorted(fresh.rglob("*.so")):
        # Under this ending every host serves them as what they are.
        path.rename(path.with_name(path.name.partition(".")[0] + ".wasm"))
    for path in fresh.iterdir():
        path.rename(FOLDER / path.name)
    shutil.rmtree(fresh)
    shutil.rmtree(packages)


def files() -> dict[str, bytes]:
    """Return the files of NumPy and of the package that the page needs, by path."""
    content: dict[str, bytes] = {}
    for wheel in (*NUMPY.glob("*.whl"), *WHEELS.glob("*-any.whl")):
        with zipfile.ZipFile(wheel) as opened:
            for name in opened.namelist():
                if not name.endswith("/") and is_wanted(name):
                    content[name] = opened.read(name)
    return dict(sorted(content.items()))


def is_wanted(name: str) -> bool:
    """Return whether a file of a wheel is of use at run time.

    Examples
    --------
    >>> is_wanted("numpy/_core/numeric.py"), is_wanted("numpy/_core/tests/test_dtype.py")
    (True, False)
    """
    return not name.endswith(LEFT_OUT_ENDINGS) and not any(
        folder in name for folder in LEFT_OUT_FOLDERS
    )


def place(name: str, imported: Container[str]) -> str:
    """Return the archive of a file.

    Examples
    --------
    >>> place("numpy/random/_pickle.py", {"numpy/_core/numeric.py"})
    'numpy.tar'
    """
    if name in imported:
        return IMPORTED
    return SELDOM if name.startswith(SELDOM_FOLDERS) else PACKAGES


def archive(content: dict[str, bytes]) -> bytes:
    """Return an archive in the simplest format, the same bytes for the same content."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            packed.addfile(entry, io.BytesIO(data))
    return target.getvalue()
