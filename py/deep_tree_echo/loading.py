"""The bytes of a model file, from wherever they come, piece by piece."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from . import platform
from .errors import ArgumentError

Bytes = bytes | bytearray | memoryview
Source = str | os.PathLike[str] | Bytes | Iterable[Bytes] | AsyncIterable[Bytes]
"""A path, the bytes themselves, or pieces of any size in order."""

PIECE_BYTES = 1 << 20
"""Files are read, and bytes in memory handed on, in pieces of this size."""

SAMPLE_BYTES, SAMPLE_STRIDE = 1 << 10, 1 << 16
"""What `Sample` hashes: so many bytes at the beginning of every so many."""

Result = TypeVar("Result")


class Sample:
    """A hash of some of the bytes that pass by, the same however they are cut into pieces.

    Every matrix that is larger than `SAMPLE_STRIDE` counts, at a 64th of the cost of all bytes.

    Examples
    --------
    >>> one, two = Sample(), Sample()
    >>> one.push(b"weights"), two.push(b"wei"), two.push(b"ghts")
    (None, None, None)
    >>> one.hexdigest() == two.hexdigest()
    True
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._position = 0

    def push(self, piece: Bytes) -> None:
        """Takes the next bytes."""
        view = memoryview(piece)
        begin, end = self._position, self._position + len(view)
        for block in range(begin - begin % SAMPLE_STRIDE, end, SAMPLE_STRIDE):
            low, high = max(begin, block), min(end, block + SAMPLE_BYTES)
            if low < high:
                self._hash.update(view[low - begin : high - begin])
        self._position = end

    def hexdigest(self, *facts: object) -> str:
        """32 hexadecimal digits of the bytes so far, their number and what else is known."""
        whole = self._hash.copy()
        whole.update(f"{self._position} {facts}".encode())
        return whole.hexdigest()[:32]


def open_source(source: Source) -> tuple[int | None, Iterable[Bytes] | AsyncIterable[Bytes]]:
    """The size of a source in bytes, if known, and its pieces.

    Raises
    ------
    ArgumentError
        If it is none of the kinds of `Source`, or a path with no file.

    Examples
    --------
    >>> size, pieces = open_source(b"abc")
    >>> size, [bytes(piece) for piece in pieces]
    (3, [b'abc'])
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            raise ArgumentError(f"source is {str(source)!r}; there is no such file.")
        return path.stat().st_size, _read(path)
    if isinstance(source, (bytes, bytearray, memoryview)):
        view = memoryview(_checked(source))
        return len(view), _cut(view)
    if isinstance(source, AsyncIterable):
        return None, source
    if isinstance(source, Iterable):
        return None, source
    raise ArgumentError(
        f"source is of type {type(source).__name__}; give a path, bytes or an iterable of bytes."
    )


async def for_each(
    pieces: Iterable[Bytes] | AsyncIterable[Bytes],
    take: Callable[[Bytes], object],
    *,
    share_loop: bool,
) -> None:
    """Calls ``take`` with every piece, in order.

    With ``share_loop`` the event loop gets its turn between the pieces. Without it, and with
    pieces that are there at once, the coroutine never waits: see `complete`.
    """
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            take(_checked(piece))
            del piece  # or the traceback of an error in the next one would hold it
            if share_loop:
                await platform.breathe()
    else:
        for piece in pieces:
            take(_checked(piece))
            if share_loop:
                await platform.breathe()


def complete(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Runs to its end, without an event loop, a coroutine that never has to wait.

    Raises
    ------
    ArgumentError
        If it does have to wait.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    finally:
        coroutine.close()
    raise ArgumentError("The source gives its bytes asynchronously; use load_async.")


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _cut(view: memoryview) -> Iterator[memoryview]:
    for begin in range(0, len(view), PIECE_BYTES):
        yield view[begin : begin + PIECE_BYTES]


def _checked(piece: object) -> Bytes:
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, (bytearray, memoryview)):
        view = memoryview(piece)
        return view.cast("B") if view.c_contiguous else view.tobytes()
    raise ArgumentError(f"A piece of the source is of type {type(piece).__name__}; give bytes.")
