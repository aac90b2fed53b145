"""PyTorch's checkpoints (``.pth``): zip archives with a pickle and a file for every storage.

``torch.save`` writes ``NAME/data.pkl``, which describes the tensors, and ``NAME/data/KEY`` for the
storages, uncompressed; so rows can be read where they lie. PyTorch itself is not needed.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelFormatError, UnsupportedModelError
from .pickles import PickledTensor, read_pickle
from .stored import SLICE_ELEMENTS, StoredTensor, read_at
from .types import TensorType

_TYPES = {
    "float32": TensorType.FP32,
    "float16": TensorType.FP16,
    "bfloat16": TensorType.BF16,
}
# Beyond any checkpoint: its pickle takes about 150 bytes a tensor.
_LONGEST_PICKLE = 1 << 24
_LARGEST_DIRECTORY = 1 << 26
_LOCAL = struct.Struct("<4s5H3I2H")


def read_checkpoint(file: BinaryIO) -> list[StoredTensor]:
    """The tensors of a checkpoint, in its order; rows are read when they are wanted.

    Parameters
    ----------
    file : binary file
        Seekable; it must stay open while tensors are read.

    Raises
    ------
    ModelFormatError
        If the file is damaged, is no checkpoint, or its pickle asks for what no model needs.
    UnsupportedModelError
        If it is a sound file of a kind that is not read.
    """
    archive = _Archive(file)
    pickles = [name for name in archive.names if name.rpartition("/")[2] == "data.pkl"]
    if any(name.rpartition("/")[2] == "constants.pkl" for name in archive.names):
        raise UnsupportedModelError(
            "This is a TorchScript program and not a checkpoint; save the model's state_dict() "
            "with torch.save and convert that."
        )
    if len(pickles) != 1:
        raise ModelFormatError(
            f"This zip archive has {len(pickles) or 'no'} data.pkl and a checkpoint has one; it is "
            "not a file of torch.save."
        )
    folder = pickles[0].rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    if archive.has(f"{prefix}byteorder") and archive.read(f"{prefix}byteorder", 16) != b"little":
        raise UnsupportedModelError(
            "This checkpoint is big endian; load it and save it again with torch.save on a little "
            "endian machine."
        )
    found = read_pickle(archive.read(pickles[0], _LONGEST_PICKLE))
    if not isinstance(found, dict):
        raise ModelFormatError(
            f"The checkpoint holds a {type(found).__name__} and not a dictionary of tensors; save "
            "the model's state_dict()."
        )
    return [_tensor(archive, prefix, name, value) for name, value in found.items()]


def _tensor(archive: _Archive, prefix: str, name: object, value: object) -> StoredTensor:
    if not isinstance(name, str) or not isinstance(value, PickledTensor):
        raise UnsupportedModelError(
            f"The checkpoint has {ascii(name)!s:.80}, which is no tensor but a "
            f"{type(value).__name__}; save the model's state_dict() alone."
        )
    storage = value.storage
    if storage.type not in _TYPES:
        raise UnsupportedModelError(
            f"{ascii(name)[1:-1]:.80} is of type {storage.type}; a model's weights are float32, "
            "float16 or bfloat16."
        )
    if not value.shape or len(value.shape) > 4 or not all(value.shape):
        raise ModelFormatError(
            f"{ascii(name)[1:-1]:.80} has the shape {value.shape}; a weight has one to four "
            "dimensions."
        )
    kind = _TYPES[storage.type]
    size = kind.row_bytes(1)
    offset, length = archive.place(f"{prefix}data/{storage.key}")
    last = value.offset + sum(
        (n - 1) * step for n, step in zip(value.shape, value.strides, strict=True)
    )
    if length != storage.n_elements * size or last >= storage.n_elements:
        raise ModelFormatError(
            f"{ascii(name)[1:-1]:.80} needs {(last + 1) * size} bytes of its storage, which has "
            f"{length}; the file is damaged, fetch it again."
        )
    if value.strides == _contiguous(value.shape):
        at = offset + value.offset * size
        tensor = StoredTensor.in_file(archive.file, at, name, value.shape, kind)
        if storage.n_elements * size == tensor.n_bytes:
            return _verified(tensor, archive.checksum(f"{prefix}data/{storage.key}"))
        return tensor
    return _strided(archive.file, offset, name, value, kind)


def _verified(tensor: StoredTensor, expected: int) -> StoredTensor:
    """The same tensor; read from its first row to its last, its checksum is compared."""
    running = {0: 0}  # the checksum of all rows before one

    def read(begin: int, end: int) -> NDArray[np.uint8]:
        rows = tensor.read(begin, end)
        if begin in running:
            found = zlib.crc32(rows.data, running[begin])
            running.clear()
            running.update({0: 0, end: found})
            if end == tensor.n_rows and found != expected:
                raise ModelFormatError(
                    f"{tensor.name} has the checksum {found:08x} and should have {expected:08x}; "
                    "the file is damaged, fetch it again."
                )
        return rows

    return StoredTensor(tensor.name, tensor.shape, tensor.type, read)


def _strided(
    file: BinaryIO, offset: int, name: str, value: PickledTensor, kind: TensorType
) -> StoredTensor:
    """A tensor whose elements do not lie in order, such as a transposed one."""
    size = kind.row_bytes(1)
    count = 1 + sum((n - 1) * step for n, step in zip(value.shape, value.strides, strict=True))
    n_elements = int(np.prod(value.shape, dtype=np.float64))
    if n_elements > max(count, SLICE_ELEMENTS):
        raise UnsupportedModelError(
            f"{name} repeats {count} numbers up to the shape {value.shape}; save the model again "
            "with tensors that are contiguous."
        )

    def read(begin: int, end: int) -> NDArray[np.uint8]:
        data = read_at(file, offset + value.offset * size, count * size, name)
        words: NDArray[Any] = np.frombuffer(data, f"<u{size}")
        steps = tuple(size * step for step in value.strides)
        view = np.lib.stride_tricks.as_strided(words, value.shape, steps, writeable=False)
        rows = np.ascontiguousarray(view).reshape(-1, value.shape[-1])
        return rows[begin:end].view(np.uint8)

    return StoredTensor(name, value.shape, kind, read)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= size
    return tuple(reversed(strides))


class _Archive:
    """A zip archive whose members are read where they lie."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        try:
            with zipfile.ZipFile(_Bounded(file)) as archive:
                infos = archive.infolist()
        # What the library raises for damaged directories, besides its own error.
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OverflowError, struct.error):
            raise ModelFormatError(
                "This zip archive has no sound directory at its end; it is truncated or damaged, "
                "fetch it again."
            ) from None
        self._infos = {info.filename: info for info in infos}
        if len(self._infos) < len(infos):
            raise ModelFormatError(
                "This zip archive has two members of one name; it is damaged, fetch it again."
            )
        self.names = list(self._infos)

    def has(self, name: str) -> bool:
        return name in self._infos

    def checksum(self, name: str) -> int:
        """The CRC-32 that the directory has of a member."""
        return self._infos[name].CRC

    def place(self, name: str) -> tuple[int, int]:
        """Where a member's bytes begin in the file, and how many they are."""
        info = self._infos.get(name)
        if info is None:
            raise ModelFormatError(
                f"The checkpoint's {ascii(name)[1:-1]:.80} is missing; it is damaged, fetch it "
                "again."
            )
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise UnsupportedModelError(
                f"{ascii(name)[1:-1]:.80} is compressed or encrypted, as torch.save never does it; "
                "unpack the archive and pack it again with 'zip -0'."
            )
        local = read_at(self.file, info.header_offset, _LOCAL.size, name)
        signature, *_, name_length, extra_length = _LOCAL.unpack(local)
        begin = info.header_offset + _LOCAL.size + name_length + extra_length
        end = self.file.seek(0, io.SEEK_END)
        if signature != b"PK\x03\x04" or begin + info.file_size > end:
            raise ModelFormatError(
                f"{ascii(name)[1:-1]:.80} does not lie where the archive's directory says; it is "
                "damaged, fetch it again."
            )
        return begin, info.file_size

    def read(self, name: str, most: int) -> bytes:
        """A small member, whole and verified."""
        begin, size = self.place(name)
        if size > most:
            raise ModelFormatError(
                f"{ascii(name)[1:-1]:.80} has {size} bytes and no checkpoint needs more than "
                f"{most}; it is refused."
            )
        data = read_at(self.file, begin, size, name)
        if zlib.crc32(data) != self.checksum(name):
            raise ModelFormatError(
                f"{ascii(name)[1:-1]:.80} does not have its checksum; the file is damaged, fetch "
                "it again."
            )
        return data


class _Bounded:
    """A file for the zip library, which must not read a directory of gigabytes at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(min(size, _LARGEST_DIRECTORY) if size >= 0 else _LARGEST_DIRECTORY)
        if len(data) == _LARGEST_DIRECTORY:
            raise ValueError("a directory of that size")
        return data
