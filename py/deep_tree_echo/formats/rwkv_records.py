"""The records of rwkv.cpp's model files: what the bytes say, checked before memory is taken.

Little endian. A header of six int32 (magic, version, n_vocab, n_embed, n_layer, type), then
tensors to the end of the file: int32 dimensions, name length and type; int32 sizes, PyTorch's
last dimension first; the name; the rows.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from ..errors import ModelFormatError, UnsupportedModelError
from .foreign import describe_foreign
from .types import RWKV_TYPES, TensorType

MAGIC = 0x67676D66
VERSION = 101
HEADER = struct.Struct("<I5i")
RECORD = struct.Struct("<3i")

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
        return HEADER.pack(MAGIC, self.version, self.n_vocab, self.n_embed, self.n_layer, self.type)


@dataclass(frozen=True, slots=True)
class Record:
    """A tensor's description; its rows follow in the file."""

    name: str
    shape: tuple[int, ...]
    type: TensorType

    @property
    def n_rows(self) -> int:
        """Rows along the last dimension."""
        return math.prod(self.shape[:-1])

    @property
    def n_bytes(self) -> int:
        """Bytes of all rows."""
        return self.n_rows * self.type.row_bytes(self.shape[-1])

    def pack(self) -> bytes:
        """The bytes of the description."""
        name = self.name.encode()
        return (
            RECORD.pack(len(self.shape), len(name), self.type)
            + struct.pack(f"<{len(self.shape)}i", *reversed(self.shape))
            + name
        )


class RecordParser:
    """Reads a file's header and descriptions as their bytes come.

    Parameters
    ----------
    total_bytes : int or None
        The file's size, if known.
    """

    def __init__(self, total_bytes: int | None = None) -> None:
        self.header: Header | None = None
        self.last = "the header"
        """What was read last, for messages."""
        self.inside = False
        """Whether the file is inside a tensor, as opposed to between two."""
        self._total = total_bytes
        self._position = 0
        self._names: set[str] = set()

    def steps(self) -> Generator[int | Record, bytes, None]:
        """Yields how many bytes it wants next and is sent them; yields a `Record` before its rows.

        What is sent after a record does not matter: its rows are passed over.

        Raises
        ------
        ModelFormatError, UnsupportedModelError
            With one sentence.
        """
        self.header = self._read_header((yield HEADER.size))
        self._position = HEADER.size
        while True:
            n_dims, name_length, number = RECORD.unpack((yield RECORD.size))
            if not (1 <= n_dims <= 3 and 1 <= name_length <= _LONGEST_NAME):
                raise ModelFormatError(
                    f"After {self.last} the file goes on with something that is no tensor "
                    f"({n_dims} dimensions, a name of {name_length} bytes); it is damaged, fetch "
                    "it again."
                )
            self.inside = True
            described = yield 4 * n_dims + name_length
            self._position += RECORD.size + len(described)
            name = self._read_name(described[4 * n_dims :])
            shape = struct.unpack_from(f"<{n_dims}i", described)[::-1]
            type = _read_type(number, name)
            self._check_shape(name, shape, type)
            self.last = name
            record = Record(name, shape, type)
            yield record
            self._position += record.n_bytes
            self.inside = False

    def _read_header(self, head: bytes) -> Header:
        magic, version, n_vocab, n_embed, n_layer, number = HEADER.unpack(head)
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
                    f"A tensor after {self.last} has the byte 0x{byte:02x} in its name; the file "
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


def _read_type(number: int, owner: str) -> TensorType:
    if 4 <= number <= 6:
        raise UnsupportedModelError(
            f"{owner} has the data type {number}, which rwkv.cpp no longer has; quantise the "
            "model again from FP16 or FP32."
        )
    if number not in RWKV_TYPES:
        raise ModelFormatError(
            f"{owner} has the unknown data type {number} (known are 0, 1, 2, 3, 7, 8 and 9); the "
            "file is damaged, fetch it again."
        )
    return TensorType(number)
