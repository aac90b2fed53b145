"""Reading and writing rwkv.cpp's model files.

Little endian. A header of six int32 (magic, version, n_vocab, n_embed, n_layer, type), then
tensors to the end of the file: int32 dimensions, name length and type; int32 sizes, PyTorch's
last dimension first; the name; the rows.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError, ModelFormatError, UnsupportedModelError
from .blocks import dequantize, quantize
from .foreign import describe_foreign
from .types import TensorType

MAGIC = 0x67676D66
VERSION = 101
_HEADER = struct.Struct("<I5i")
_RECORD = struct.Struct("<3i")

# Far beyond any model there is; a damaged header is refused before memory is taken for it.
_MOST_VOCAB, _MOST_EMBED, _MOST_LAYERS = 1 << 24, 1 << 16, 1 << 10
_LONGEST_NAME = 256
_MOST_TENSORS_PER_LAYER = 64


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself first; ``type`` is that of its matrices."""

    n_vocab: int
    n_embed: int
    n_layer: int
    type: TensorType
    version: int = VERSION

    def pack(self) -> bytes:
        """The 24 bytes of the header."""
        return _HEADER.pack(
            MAGIC, self.version, self.n_vocab, self.n_embed, self.n_layer, self.type
        )


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
        name = self.name.encode()
        yield _RECORD.pack(len(self.shape), len(name), self.type)
        yield struct.pack(f"<{len(self.shape)}i", *reversed(self.shape)) + name
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
        self.header: Header | None = None
        self._total = total_bytes
        self._position = 0
        self._failure: Exception | None = None
        self._names: set[str] = set()
        self._last = "the header"
        self._inside = False  # a tensor, as opposed to between two
        self._complete: list[Tensor] = []
        self._target = memoryview(b"")
        self._filled = 0
        self._parser = self._parse()
        self._expect(next(self._parser))

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
                    self._expect(self._parser.send(self._target))
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
            head = bytes(self._target[: self._filled])
            if head and struct.pack("<I", MAGIC).startswith(head[:4]):
                raise ModelFormatError(
                    f"The file ends after {self._position} bytes, inside its header; it is "
                    "truncated, fetch it again."
                )
            raise ModelFormatError(describe_foreign(head))
        if self._inside or self._filled:
            raise ModelFormatError(
                f"The file ends after {self._position} bytes, inside a tensor ({self._last}); it "
                "is truncated, fetch it again."
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

    def _parse(self) -> Generator[memoryview, memoryview, None]:
        """Yields the memory to fill next and is sent that memory full."""
        self.header = self._read_header(bytes((yield _room(_HEADER.size))))
        while True:
            n_dims, name_length, number = _RECORD.unpack((yield _room(_RECORD.size)))
            if not (1 <= n_dims <= 3 and 1 <= name_length <= _LONGEST_NAME):
                raise ModelFormatError(
                    f"After {self._last} the file goes on with something that is no tensor "
                    f"({n_dims} dimensions, a name of {name_length} bytes); it is damaged, fetch "
                    "it again."
                )
            self._inside = True
            described = bytes((yield _room(4 * n_dims + name_length)))
            name = self._read_name(described[4 * n_dims :])
            shape = struct.unpack_from(f"<{n_dims}i", described)[::-1]
            type = _read_type(number, name)
            self._check_shape(name, shape, type)
            self._last = name
            rows = math.prod(shape[:-1])
            data = np.empty((rows, type.row_bytes(shape[-1])), np.uint8)
            yield data.reshape(-1).data
            self._complete.append(Tensor(name, shape, type, data))
            self._inside = False

    def _read_header(self, head: bytes) -> Header:
        magic, version, n_vocab, n_embed, n_layer, number = _HEADER.unpack(head)
        if magic != MAGIC:
            raise ModelFormatError(describe_foreign(head))
        if version not in (100, 101):
            raise UnsupportedModelError(
                f"The file has rwkv.cpp's format version {version}; 100 and 101 can be read."
            )
        sizes = ((n_vocab, _MOST_VOCAB), (n_embed, _MOST_EMBED), (n_layer, _MOST_LAYERS))
        if not all(1 <= size <= most for size, most in sizes):
            raise ModelFormatError(
                f"The header says n_vocab {n_vocab}, n_embed {n_embed} and n_layer {n_layer}, "
                f"which no model has (1 to {_MOST_VOCAB}, {_MOST_EMBED} and {_MOST_LAYERS}); the "
                "file is damaged, fetch it again."
            )
        type = _read_type(number, "The header")
        if version == 100 and type.quantised:
            raise UnsupportedModelError(
                f"This {type.name} file has format version 100, whose blocks are laid out "
                "differently; quantise the model again with a current rwkv.cpp (version 101)."
            )
        return Header(n_vocab, n_embed, n_layer, type, version)

    def _read_name(self, encoded: bytes) -> str:
        for byte in encoded:
            if not 0x21 <= byte <= 0x7E:
                raise ModelFormatError(
                    f"A tensor after {self._last} has the byte 0x{byte:02x} in its name; the file "
                    "is damaged, fetch it again."
                )
        return encoded.decode("ascii")

    def _check_shape(self, name: str, shape: tuple[int, ...], type: TensorType) -> None:
        """Refuses what no tensor of this model can be, before memory is taken for it."""
        assert self.header is not None
        header = self.header
        least = min(shape)
        if least < 1:
            raise ModelFormatError(
                f"{name} has a dimension of {least} elements; the file is damaged, fetch it again."
            )
        # The vocabulary's tables are the largest, or a channel mix of up to 32 times the width;
        # the low-rank matrices of small models may exceed both.
        embed = header.n_embed
        if math.prod(shape) > max(header.n_vocab * embed, 32 * embed * embed, embed * 4096):
            raise ModelFormatError(
                f"{name} has the shape {shape}, too large for a model with n_vocab "
                f"{header.n_vocab} and n_embed {embed}; the file is damaged, fetch it again."
            )
        row_bytes = type.row_bytes(shape[-1])
        if row_bytes == 0:
            raise ModelFormatError(
                f"{name} has rows of {shape[-1]} elements, but {type.name} stores blocks of 32; "
                "the file is damaged, fetch it again."
            )
        prefix, _, rest = name.partition(".")
        layer = rest.partition(".")[0]
        if prefix == "blocks" and layer.isdigit() and int(layer) >= header.n_layer:
            raise ModelFormatError(
                f"{name} is in the file, but the header says n_layer {header.n_layer}; the file is "
                "damaged, fetch it again."
            )
        if name in self._names:
            raise ModelFormatError(f"{name} is in the file twice; it is damaged, fetch it again.")
        self._names.add(name)
        most = _MOST_TENSORS_PER_LAYER * (header.n_layer + 1)
        if len(self._names) > most:
            raise ModelFormatError(
                f"{name} is one tensor more than the {most} that a model of {header.n_layer} "
                "layers may have; the file is damaged, fetch it again."
            )
        end = self._position + math.prod(shape[:-1]) * row_bytes
        if self._total is not None and end > self._total:
            raise ModelFormatError(
                f"The file ends inside {name}: it has {self._total} bytes and "
                f"{end - self._total} are missing; it is truncated, fetch it again."
            )


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


def find_architecture(names: Mapping[str, object]) -> str:
    """The architecture that the names of block 0 tell: ``"4.0"`` ... ``"7.0"``.

    Examples
    --------
    >>> find_architecture({"blocks.0.att.r_k": None})
    '7.0'
    """
    if "blocks.0.att.r_k" in names:
        return "7.0"
    if "blocks.0.att.time_maa_x" in names:
        return "6.0"
    if "blocks.0.att.ln_x.weight" in names:
        return "5.2" if "blocks.0.att.gate.weight" in names else "5.1"
    return "4.0"


def _room(size: int) -> memoryview:
    return memoryview(bytearray(size))


def _read_type(number: int, owner: str) -> TensorType:
    if 4 <= number <= 6:
        raise UnsupportedModelError(
            f"{owner} has the data type {number}, which rwkv.cpp no longer has; quantise the "
            "model again from FP16 or FP32."
        )
    try:
        return TensorType(number)
    except ValueError:
        raise ModelFormatError(
            f"{owner} has the unknown data type {number} (known are 0, 1, 2, 3, 7, 8 and 9); the "
            "file is damaged, fetch it again."
        ) from None
