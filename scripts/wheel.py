"""The page's wheels: the package's Python, and with it libecho for Pyodide.

Two files with the same Python content as the native wheel, but for ``training/``, which needs a
compiler and hours:

- ``deep_tree_echo-VERSION-py3-none-any.whl``: Python and the World vocabulary; the page puts
  libecho and the model beside it, so that each can be missing on its own;
- ``deep_tree_echo-VERSION-py3-none-pyemscripten_2026_0_wasm32.whl``: everything in one file.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from scripts.steps import BUILD, ROOT, Log, StepError

__all__ = ["PLATFORM", "WHEELS", "build", "inputs"]

WHEELS = BUILD / "wheel"
PLATFORM = "pyemscripten_2026_0_wasm32"
PACKAGE = "deep_tree_echo"
# Without and with relaxed SIMD; the package takes the second where the engine knows it.
LIBRARIES = (BUILD / "wasm" / "libecho.so", BUILD / "relaxed" / "libecho-relaxed.so")
VOCABULARY = BUILD / "external" / "world" / "rwkv_vocab_v20230424.txt"
LEFT_OUT = (f"{PACKAGE}/training/",)
MODELS = f"{PACKAGE}/models/"
# The oldest time that a zip file can hold: the same content gives the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)


def inputs() -> Iterator[Path | str]:
    """Give what the wheels are made from."""
    yield from (ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE", Path(__file__))
    yield from (ROOT / "py" / PACKAGE, *LIBRARIES, VOCABULARY)


def build(log: Log) -> None:
    """Build both wheels into ``build/wheel/``.

    Raises
    ------
    StepError
        If pip cannot build the package.
    """
    WHEELS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        log.run(
            ROOT / ".venv" / "bin" / "python", "-m", "pip", "wheel", ".", "--no-deps",
            "--no-build-isolation", "--wheel-dir", folder,
            "--config-settings", "wheel.cmake=false",
        )  # fmt: skip
        made = list(Path(folder).glob(f"{PACKAGE}-*.whl"))
        if len(made) != 1:
            raise StepError(f"pip made {len(made)} wheels of {PACKAGE} instead of one.")
        with zipfile.ZipFile(made[0]) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        stem = "-".join(made[0].name.split("-")[:2])
        whole = _without(content, LEFT_OUT) | {
            f"{PACKAGE}/data/{VOCABULARY.name}": VOCABULARY.read_bytes()
        }
        python_only = {name: data for name, data in whole.items() if not _is_weights(name)}
        whole |= {f"{PACKAGE}/{library.name}": library.read_bytes() for library in LIBRARIES}
        fresh = Path(folder) / "fresh"
        fresh.mkdir()
        for files, tag in ((python_only, "py3-none-any"), (whole, f"py3-none-{PLATFORM}")):
            write_wheel(fresh / f"{stem}-{tag}.whl", files, tag)
        for old in WHEELS.glob("*.whl"):
            if not (fresh / old.name).exists():
                old.unlink()
        for wheel in fresh.iterdir():
            shutil.move(wheel, WHEELS / wheel.name)


def _without(content: dict[str, bytes], prefixes: tuple[str, ...]) -> dict[str, bytes]:
    return {name: data for name, data in content.items() if not name.startswith(prefixes)}


def _is_weights(name: str) -> bool:
    return name.startswith(MODELS) and name.endswith(".bin")


def write_wheel(path: Path, content: dict[str, bytes], tag: str) -> None:
    """Write a wheel with a fresh tag and record.

    Parameters
    ----------
    path : Path
        The wheel.
    content : dict of str to bytes
        Its files; ``WHEEL`` and ``RECORD`` of an earlier wheel among them are replaced.
    tag : str
        Such as ``"py3-none-any"``.
    """
    info = next(name for name in content if name.endswith(".dist-info/METADATA")).split("/")[0]
    record = f"{info}/RECORD"
    files = {name: data for name, data in content.items() if name != record}
    pure = "true" if tag.endswith("-any") else "false"
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: deep-tree-echo\nRoot-Is-Purelib: {pure}\nTag: {tag}\n"
    ).encode()
    lines = [
        f"{name},sha256={_urlsafe_sha256(data)},{len(data)}" for name, data in sorted(files.items())
    ]
    files[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])


def _urlsafe_sha256(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
