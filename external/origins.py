"""Where registries keep a file: asked of pip, npm, apt-get and Pyodide themselves."""

from __future__ import annotations

import html.parser
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
from functools import cache
from pathlib import Path

from external.download import open_url
from external.sources import FetchError, Origin

__all__ = ["apt_download", "index_file_url", "npm_pack", "pyodide_package_url"]


@cache
def pip_index() -> str:
    """Return the package index that pip is set up for, without a slash at its end.

    The environment comes first, then pip's configuration, then pip's own default.

    Raises
    ------
    FetchError
        If this Python has no pip.
    """
    if url := os.environ.get("PIP_INDEX_URL"):
        return url.rstrip("/")
    # Isolated: a build by pip itself hides the pip of the environment that it was called from.
    python = [sys.executable, "-I"]
    command = [*python, "-m", "pip", "config", "get", "global.index-url"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0 and done.stdout.strip():
        return done.stdout.strip().rstrip("/")
    default = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    done = subprocess.run([*python, "-c", default], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise FetchError(f"{sys.executable} has no pip; install it (Debian: python3-venv).")
    return done.stdout.strip().rstrip("/")


class _Links(html.parser.HTMLParser):
    """The anchors of a page of the simple index (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [value for key, value in attrs if key == "href" and value]


def index_file_url(package: str, file: str, sha256: str, timeout: float) -> str:
    """Return the address of a file of the package index, for any platform.

    Parameters
    ----------
    package : str
        The project's name.
    file : str
        The exact file name.
    sha256 : str
        The hash that the index must list for it.
    timeout : float
        Seconds.

    Returns
    -------
    str
        The address.

    Raises
    ------
    FetchError
        If the index does not list the file, or lists another hash.
    OSError
        If the index cannot be reached.
    """
    normalised = re.sub(r"[-_.]+", "-", package).lower()
    page = f"{pip_index()}/{normalised}/"
    with open_url(page, {"Accept": "text/html"}, timeout) as response:
        links = _Links()
        links.feed(response.read().decode("utf-8", "replace"))
    for target in links.targets:
        address, _, fragment = urllib.parse.urljoin(page, target).partition("#")
        if urllib.parse.unquote(address.rpartition("/")[2]) != file:
            continue
        listed = fragment.removeprefix("sha256=")
        if fragment.startswith("sha256=") and listed != sha256:
            raise FetchError(
                f"{file} has the sha256 {listed} in the package index, not the pinned {sha256}."
            )
        return address
    raise FetchError(f"the package index does not list {file} of {package}.")


def npm_pack(origin: Origin, file: str, target: Path) -> None:
    """Bring a package of npm by npm itself.

    Parameters
    ----------
    origin : Origin
        Package and version.
    file : str
        The name that npm gives the file.
    target : Path
        Where it goes, unverified.

    Raises
    ------
    FetchError
        If npm is missing or cannot bring it.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        spec = f"{origin.package}@{origin.version}"
        command = ["npm", "pack", spec, "--silent", "--pack-destination", folder]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
            )
        except FileNotFoundError:
            raise FetchError(f"npm is missing, and {spec} comes by it; install Node 20.") from None
        packed = Path(folder) / file
        if done.returncode != 0 or not packed.exists():
            lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
            reason = lines[0] if lines else f"exit code {done.returncode}"
            raise FetchError(f"npm could not bring {spec}: {reason}")
        packed.replace(target)


def apt_download(origin: Origin, file: str, target: Path) -> None:
    """Bring a package of Debian by apt-get, without installing it.

    Parameters
    ----------
    origin : Origin
        Package and version.
    file : str
        The name that apt-get gives the file.
    target : Path
        Where it goes, unverified.

    Raises
    ------
    FetchError
        If apt-get is missing or cannot bring it.
    """
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        spec = f"{origin.package}={origin.version}"
        command = ["apt-get", "download", "-qq", spec]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=folder,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except FileNotFoundError:
            raise FetchError(f"apt-get is missing, and {spec} comes by it.") from None
        packed = Path(folder) / file
        if done.returncode != 0 or not packed.exists():
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            reason = lines[0] if lines else f"exit code {done.returncode}"
            raise FetchError(f"apt-get could not bring {spec}: {reason}")
        packed.replace(target)


def pyodide_package_url(pyodide: Path, file: str) -> str:
    """Return the address at which Pyodide would look for one of its packages.

    Parameters
    ----------
    pyodide : Path
        The folder of Pyodide's npm package.
    file : str
        The package's file name.

    Returns
    -------
    str
        The address, taken from Pyodide's own loader.

    Raises
    ------
    FetchError
        If Pyodide is not there, or its loader does not say where its packages are.
    """
    loader, manifest = pyodide / "pyodide.mjs", pyodide / "package.json"
    if not loader.exists() or not manifest.exists():
        raise FetchError("Pyodide's own address is unknown before Pyodide is fetched.")
    text = loader.read_text(encoding="utf-8")
    found = re.search(r"cdnUrl=[^`;]{0,80}`(https://[^`$]*)\$\{\w+\}([^`$]*)`", text)
    if not found:
        raise FetchError("Pyodide's loader does not say where its packages are.")
    version = json.loads(manifest.read_text(encoding="utf-8"))["version"]
    return f"{found[1]}{version}{found[2]}{file}"
