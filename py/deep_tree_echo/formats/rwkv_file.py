"""Reading and writing rwkv.cpp's model files: whole, in pieces, or only what is asked for."""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, ModelFormatError, UnsupportedModelError
from .blocks import dequantize, quantize
from .foreign import describe_foreign
from .rwkv_records import (
    HEADER,
    MAGIC,
    VERSION,
    Header,
    Record,
    RecordParser,
    find_architecture,
)
from .stored import StoredTensor, read_at
from .types import TensorType

__all__ = [
    "VERSION",
    "Header",
    "Tensor",
    "TensorReader",
    "find_architecture",
    "header_of",
    "index_file",
    "read_file",
    "write_file",
]

_LAYER = re.compile(r"blocks\.(\d{1,4})\.", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array as the file stores it.

    Parameters
    ----------
    name : str
        PyTorch's name, such as ``blocks.0.att.key.weight``.
    shape : tuple of int
        In PyTorch's order; a row runs along the last dimension.
    type : TensorType
        The element type.
    data : ndarray of uint8, shape (rows, type.row_bytes(shape[-1]))
        The rows.
    """

    name: str
    shape: tuple[int, ...]
    type: TensorType
    data: NDArray[np.uint8]

    @classmethod
    def from_floats(
        cls, name: str, values: NDArray[np.floating], type: TensorType = TensorType.FP32
    ) -> Tensor:
        """Rounds ``values`` (any shape of one to three dimensions) to ``type``."""
        rows = np.ascontiguousarray(values, dtype=np.float32).reshape(-1, values.shape[-1])
        return cls(name, values.shape, type, quantize(type, rows))

    def floats(self) -> NDArray[np.float32]:
        """The values in float32, shape ``shape``; a view where the type is FP32."""
        return dequantize(self.type, self.data).reshape(self.shape)

    def pack(self) -> Iterator[bytes]:
        """The bytes of the record: its description, then its rows."""
        yield Record(self.name, self.shape, self.type).pack()
        yield self.data.tobytes()


def write_file(file: BinaryIO, header: Header, tensors: Iterable[Tensor]) -> None:
    """Writes a model, tensor by tensor.

    Examples
    --------
    >>> import io, numpy as np
    >>> file = io.BytesIO()
    >>> embedding = Tensor.from_floats("emb.weight", np.ones((4, 2), np.float32))
    >>> write_file(file, Header(4, 2, 1, TensorType.FP32), [embedding])
    >>> len(file.getvalue())
    86
    """
    file.write(header.pack())
    for tensor in tensors:
        for piece in tensor.pack():
            file.write(piece)


class TensorReader:
    """Takes a file in pieces of any size and gives its tensors as they become complete.

    Parameters
    ----------
    total_bytes : int or None
        The file's size, if known; a truncated or oversized file is then refused early.

    Examples
    --------
    >>> import io, numpy as np
    >>> file = io.BytesIO()
    >>> weight = Tensor.from_floats("emb.weight", np.ones((4, 2), np.float32))
    >>> write_file(file, Header(4, 2, 1, TensorType.FP32), [weight])
    >>> reader = TensorReader()
    >>> [tensor.name for tensor in reader.push(file.getvalue())]
    ['emb.weight']
    >>> reader.finish().n_vocab
    4
    """

    def __init__(self, total_bytes: int | None = None) -> None:
        if total_bytes is not None and total_bytes < 0:
            raise ArgumentError(f"total_bytes is {total_bytes}; it must be at least 0.")
        self._total = total_bytes
        self._position = 0
        self._failure: Exception | None = None
        self._complete: list[Tensor] = []
        self._target = memoryview(b"")
        self._filled = 0
        self._parser = RecordParser(total_bytes)
        self._filling = self._fill()
        self._expect(next(self._filling))

    @property
    def header(self) -> Header | None:
        """The file's header, once it has been pushed."""
        return self._parser.header

    def push(self, piece: bytes | bytearray | memoryview) -> list[Tensor]:
        """Takes the next bytes and returns the tensors that they complete.

        Raises
        ------
        ModelFormatError, UnsupportedModelError
            With one sentence; the reader repeats it from then on.
        """
        if self._failure is not None:
            raise self._failure
        rest = memoryview(piece).cast("B")
        try:
            arrived = self._position + len(rest)
            if self._total is not None and arrived > self._total:
                raise ModelFormatError(
                    f"The file was announced with {self._total} bytes, but {arrived} have "
                    "arrived; load it again."
                )
            while rest:
                taken = min(len(rest), len(self._target) - self._filled)
                self._target[self._filled : self._filled + taken] = rest[:taken]
                self._filled += taken
                self._position += taken
                rest = rest[taken:]
                if self._filled == len(self._target):
                    self._expect(self._filling.send(self._target))
        except (ModelFormatError, UnsupportedModelError) as error:
            self._failure = error
            self._target = memoryview(b"")
            raise
        complete, self._complete = self._complete, []
        return complete

    def finish(self) -> Header:
        """Ends the file; the header, once every byte has been pushed.

        Raises
        ------
        ModelFormatError
            If the file ends too early.
        """
        if self._failure is not None:
            raise self._failure
        if self.header is None:
            raise short_header(bytes(self._target[: self._filled]))
        if self._parser.inside or self._filled:
            raise ModelFormatError(
                f"The file ends after {self._position} bytes, inside a tensor "
                f"({self._parser.last}); it is truncated, fetch it again."
            )
        if self._total is not None and self._position < self._total:
            raise ModelFormatError(
                f"The file was announced with {self._total} bytes, but only {self._position} "
                "have arrived; load it again."
            )
        return self.header

    def _expect(self, target: memoryview) -> None:
        self._target = target
        self._filled = 0

    def _fill(self) -> Generator[memoryview, memoryview, None]:
        """Yields the memory to fill next and is sent that memory full."""
        steps = self._parser.steps()
        wanted = next(steps)
        while True:
            if isinstance(wanted, Record):
                data = np.empty((wanted.n_rows, wanted.n_bytes // wanted.n_rows), np.uint8)
                yield data.reshape(-1).data
                self._complete.append(Tensor(wanted.name, wanted.shape, wanted.type, data))
                wanted = steps.send(b"")
            else:
                wanted = steps.send(bytes((yield memoryview(bytearray(wanted)))))


def read_file(
    chunks: Iterable[bytes], total_bytes: int | None = None
) -> tuple[Header, list[Tensor]]:
    """Reads a whole file: its header and its tensors in the order of the file.

    Raises
    ------
    ModelFormatError, UnsupportedModelError
        As `TensorReader` does.
    """
    reader = TensorReader(total_bytes)
    tensors: list[Tensor] = []
    for chunk in chunks:
        tensors += reader.push(chunk)
    return reader.finish(), tensors


def index_file(file: BinaryIO) -> tuple[Header, list[StoredTensor]]:
    """The header and the tensors of a seekable file, without reading any rows.

    Raises
    ------
    ModelFormatError, UnsupportedModelError
        As `TensorReader` does.
    """
    total = file.seek(0, 2)
    parser = RecordParser(total)
    steps = parser.steps()
    wanted = next(steps)
    tensors: list[StoredTensor] = []
    position = 0
    while True:
        if isinstance(wanted, Record):
            place = (position, wanted.name, wanted.shape, wanted.type)
            tensors.append(StoredTensor.in_file(file, *place))
            position += wanted.n_bytes
            wanted = steps.send(b"")
        elif position == total and position >= HEADER.size and not parser.inside:
            break
        elif position + wanted > total and not parser.header:
            file.seek(0)
            raise short_header(file.read(wanted))
        else:
            piece = read_at(file, position, wanted, f"a tensor ({parser.last})")
            position += wanted
            wanted = steps.send(piece)
    assert parser.header is not None
    return parser.header, tensors


def header_of(tensors: Sequence[StoredTensor]) -> Header:
    """The header of a file with these tensors, which have rwkv.cpp's names and shapes.

    Its type is the one that takes the most elements of the layers' matrices.

    Raises
    ------
    ModelFormatError
        If they have no embedding.
    """
    elements: dict[TensorType, int] = {}
    n_layer = 0
    shape: tuple[int, ...] = ()
    for tensor in tensors:
        if match := _LAYER.match(tensor.name):
            n_layer = max(n_layer, int(match[1]) + 1)
            if len(tensor.shape) == 2 and tensor.name.endswith(".weight"):
                size = tensor.n_rows * tensor.shape[-1]
                elements[tensor.type] = elements.get(tensor.type, 0) + size
        elif tensor.name == "emb.weight":
            shape = tensor.shape
    if len(shape) != 2:
        raise ModelFormatError(
            f"emb.weight has the shape {shape} and should have (n_vocab, n_embed); the file is "
            "damaged, fetch it again."
        )
    type = max(elements, key=elements.__getitem__) if elements else TensorType.FP32
    return Header(shape[0], shape[1], n_layer, type)


def short_header(head: bytes) -> ModelFormatError:
    """The error about a file that is ``head`` and no more, too short for a header."""
    if head and struct.pack("<I", MAGIC).startswith(head[:4]):
        return ModelFormatError(
            f"The file ends after {len(head)} bytes, inside its header; it is truncated, fetch it "
            "again."
        )
    return ModelFormatError(describe_foreign(head))
