"""Reading GGUF files of RWKV: in place, or in pieces as they come."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from .gguf_header import Description, TensorInfo, describe, truncated
from .stored import Bytes, StoredTensor


@dataclass(frozen=True, slots=True)
class Gguf:
    """A file's metadata and its tensors, by GGUF's names and in PyTorch's shapes.

    Parameters
    ----------
    metadata : dict
        Numbers and texts by key; lists are left out.
    tensors : list of StoredTensor
        In the file's order.
    vocabulary : list of bytes or None
        Each token's bytes by id, empty for tokens that are no text; ``None`` if the file has no
        tokenizer of RWKV.
    """

    metadata: dict[str, int | float | bool | str]
    tensors: list[StoredTensor] = field(repr=False)
    vocabulary: list[bytes] | None = field(repr=False, default=None)


def index_gguf(file: BinaryIO) -> Gguf:
    """The contents of a seekable file; rows are read when they are wanted.

    Raises
    ------
    ModelFormatError
        If the file is damaged or truncated.
    UnsupportedModelError
        If it holds another model than RWKV 6 or 7, or a type that is not read.
    """
    total = file.seek(0, 2)
    file.seek(0)
    steps = describe(total)
    wanted = next(steps)
    try:
        while True:
            piece = file.read(wanted)
            if len(piece) < wanted:
                raise truncated(total)
            wanted = steps.send(piece)
    except StopIteration as end:
        found: Description = end.value
    tensors = [
        StoredTensor.in_file(file, found.data_begin + info.offset, info.name, info.shape, info.type)
        for info in found.tensors
    ]
    return Gguf(found.metadata, tensors, found.vocabulary)


class GgufReader:
    """Takes a file in pieces of any size, and holds its tensors in memory in the end.

    Parameters
    ----------
    total_bytes : int or None
        The file's size, if known.
    """

    def __init__(self, total_bytes: int | None = None) -> None:
        self.description: Description | None = None
        self.held = 0
        """Bytes of the rows held so far."""
        self._total = total_bytes
        self._position = 0
        self._steps = describe(total_bytes)
        self._buffer = bytearray()
        self._wanted = next(self._steps)
        self._pending: list[TensorInfo] = []
        self._rows: dict[str, Bytes] = {}
        self._filled = 0

    def push(self, piece: bytes | bytearray | memoryview) -> None:
        """Takes the next bytes. Raises as `index_gguf` does."""
        rest = memoryview(piece).cast("B")
        while rest and self.description is None:
            taken = min(len(rest), self._wanted - len(self._buffer))
            self._buffer += rest[:taken]
            self._position += taken
            rest = rest[taken:]
            if len(self._buffer) == self._wanted:
                self._advance()
        while rest:
            rest = self._take(rest)

    def finish(self) -> Gguf:
        """The contents, once every byte has been pushed. Raises as `push` does."""
        if self.description is None or self._pending:
            raise truncated(self._position)
        tensors = [_in_memory(info, self._rows[info.name]) for info in self.description.tensors]
        return Gguf(self.description.metadata, tensors, self.description.vocabulary)

    def _advance(self) -> None:
        piece = bytes(self._buffer)
        self._buffer.clear()
        try:
            self._wanted = self._steps.send(piece)
        except StopIteration as end:
            self.description = end.value
            self._pending = sorted(end.value.tensors, key=lambda info: -info.offset)

    def _take(self, rest: memoryview) -> memoryview:
        """Uses some bytes of the data: passes over gaps, fills the tensor that comes next."""
        assert self.description is not None
        if not self._pending:
            self._position += len(rest)
            return rest[len(rest) :]
        info = self._pending[-1]
        gap = self.description.data_begin + info.offset + self._filled - self._position
        if gap > 0:
            self._position += min(gap, len(rest))
            return rest[gap:]
        if info.name not in self._rows:
            n_rows = math.prod(info.shape[:-1])
            self._rows[info.name] = np.empty((n_rows, info.n_bytes // n_rows), np.uint8)
            self.held += info.n_bytes
        target = self._rows[info.name].reshape(-1)
        taken = min(len(rest), info.n_bytes - self._filled)
        target[self._filled : self._filled + taken] = np.frombuffer(rest[:taken], np.uint8)
        self._filled += taken
        self._position += taken
        if self._filled == info.n_bytes:
            self._pending.pop()
            self._filled = 0
        return rest[taken:]


def _in_memory(info: TensorInfo, rows: Bytes) -> StoredTensor:
    return StoredTensor(info.name, info.shape, info.type, lambda begin, end: rows[begin:end])
