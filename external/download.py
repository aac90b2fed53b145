"""Files over HTTP: whole with resuming, or one member of a zip file by ranges."""

from __future__ import annotations

import hashlib
import io
import os
import ssl
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from external.sources import FetchError

__all__ = ["Progress", "download", "member_by_ranges", "open_url", "sha256_of"]

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes in all (0 if unknown)."""

TIMEOUT_S = 30.0
BLOCK = 1 << 20
RANGE_BLOCK = 1 << 18


class NoRangesError(Exception):
    """The server sends only whole files."""


def open_url(url: str, headers: dict[str, str] | None = None, timeout: float = TIMEOUT_S) -> Any:
    """Open an address for reading, or raise ``OSError``.

    pip's certificate setting counts here too, so that one setting serves both.
    """
    context = ssl.create_default_context()
    if certificates := os.environ.get("PIP_CERT"):
        context.load_verify_locations(certificates)
    request = urllib.request.Request(url, headers=headers or {})
    return urllib.request.urlopen(request, timeout=timeout, context=context)


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, target: Path, sha256: str, progress: Progress, timeout: float) -> None:
    """Bring a file to ``target``, continuing what an interrupted run left.

    Parameters
    ----------
    url : str
        Where it is.
    target : Path
        Where it goes; it appears there whole and verified, or not at all.
    sha256 : str
        The hash that it must have.
    progress : Progress
        Told about the bytes as they arrive.
    timeout : float
        Seconds of silence after which the server counts as unreachable.

    Raises
    ------
    FetchError
        If the bytes have another hash; nothing is kept then.
    OSError
        If the server cannot be reached or the connection drops; what came is kept for the next
        try.
    """
    part = target.with_name(target.name + ".part")
    resumed = part.exists() and part.stat().st_size > 0
    _append(url, part, progress, timeout)
    found = sha256_of(part)
    if found != sha256 and resumed:
        # What lay there may have been of another version: once more from the start.
        part.unlink()
        _append(url, part, progress, timeout)
        found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise FetchError(f"{target.name} has the sha256 {found}, not the pinned {sha256}.")
    part.replace(target)


def _append(url: str, part: Path, progress: Progress, timeout: float) -> None:
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        response = open_url(url, headers, timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing, or the file became shorter: the hash tells
            return
        raise
    with response:
        if response.status != 206:
            have = 0
        length = int(response.headers.get("Content-Length") or 0)
        total = have + length if length else 0
        with part.open("ab" if have else "wb") as file:
            while block := response.read(BLOCK):
                file.write(block)
                have += len(block)
                progress(have, total)
    if total and have < total:
        raise OSError(f"the connection ended after {have} of {total} bytes")


class RemoteFile(io.RawIOBase):
    """A file on a server as a seekable one; only the blocks that are read are transferred."""

    def __init__(self, url: str, timeout: float) -> None:
        self._url, self._timeout, self._position = url, timeout, 0
        with open_url(url, {"Range": "bytes=0-0"}, timeout) as response:
            if response.status != 206:
                raise NoRangesError
            self.size = int(response.headers["Content-Range"].rpartition("/")[2])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self.size)[whence]
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = min(len(buffer), self.size - self._position)
        if count <= 0:
            return 0
        last = self._position + count - 1
        headers = {"Range": f"bytes={self._position}-{last}"}
        with open_url(self._url, headers, self._timeout) as response:
            data = response.read()
        if response.status != 206 or len(data) != count:
            raise OSError(f"the server sent {len(data)} bytes instead of {count}")
        buffer[:count] = data
        self._position += count
        return count


def member_by_ranges(
    url: str, member: str, target: Path, sha256: str, progress: Progress, timeout: float
) -> None:
    """Bring one member of a zip file (such as a wheel) without the rest of it.

    Parameters
    ----------
    url : str
        Where the zip file is.
    member : str
        The member's path.
    target, sha256, progress, timeout
        As for `download`; the hash is the member's.

    Raises
    ------
    NoRangesError
        If the server sends only whole files.
    FetchError
        If there is no such member, or it has another hash.
    OSError
        If the server cannot be reached.
    """
    remote = io.BufferedReader(RemoteFile(url, timeout), RANGE_BLOCK)
    try:
        with zipfile.ZipFile(remote) as archive:
            total = archive.getinfo(member).file_size
            with archive.open(member) as stream:
                keep(stream, target, sha256, progress, total)
    except KeyError:
        raise FetchError(f"{url.rpartition('/')[2]} has no member {member!r}.") from None
    except zipfile.BadZipFile as error:
        raise OSError(f"what the server sends is not a zip file ({error})") from None


def keep(stream: IO[bytes], target: Path, sha256: str, progress: Progress, total: int) -> None:
    """Write a stream to ``target``, whole and verified or not at all.

    Raises
    ------
    FetchError
        If the bytes have another hash.
    """
    part = target.with_name(target.name + ".member.part")
    digest, have = hashlib.sha256(), 0
    with part.open("wb") as file:
        while block := stream.read(RANGE_BLOCK):
            file.write(block)
            digest.update(block)
            have += len(block)
            progress(have, total)
    if digest.hexdigest() != sha256:
        part.unlink()
        raise FetchError(
            f"{target.name} has the sha256 {digest.hexdigest()}, not the pinned {sha256}."
        )
    part.replace(target)


class Meter:
    """Prints how far a download is, at most every two seconds."""

    def __init__(self, name: str) -> None:
        self._name, self._next = name, time.monotonic() + 2.0

    def __call__(self, have: int, total: int) -> None:
        """Take note of the bytes that are there."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + 2.0
        share = f" of {total / 1e6:.1f} MB ({100 * have // total} %)" if total else " MB"
        bar = f"[{'#' * (20 * have // total):<20}] " if total else ""
        print(f"{bar}{self._name} {have / 1e6:.1f}{share}", flush=True)
