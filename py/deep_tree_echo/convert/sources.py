"""Opening a model file of any kind that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from ..errors import FileError, ModelFormatError
from ..formats.foreign import describe_foreign
from ..formats.gguf import index_gguf
from ..formats.gguf_layout import from_gguf
from ..formats.rwkv_file import header_of, index_file
from ..formats.rwkv_records import MAGIC, Header, find_architecture
from ..formats.safetensors import read_safetensors
from ..formats.stored import StoredTensor
from ..formats.torch_file import read_checkpoint
from .hf_names import with_authors_names
from .layout import check_names, to_rwkv_cpp

Kind = Literal["rwkv.cpp", "PyTorch", "safetensors", "GGUF"]

_BLOCK = re.compile(r"blocks\.(\d{1,4})\.", re.ASCII)


@dataclass(frozen=True, slots=True)
class Source:
    """An open model file, its tensors as rwkv.cpp's files have them.

    Parameters
    ----------
    kind : str
        ``rwkv.cpp``, ``PyTorch``, ``safetensors`` or ``GGUF``.
    size : int
        The file's bytes.
    header : Header
        Of the file itself if it is rwkv.cpp's, else what it would be; ``type`` is that of the
        matrices, the commonest one by bytes.
    architecture : str
        ``4.0``, ``5.1``, ``5.2``, ``6.0`` or ``7.0``.
    tensors : list of StoredTensor
        Rows are read when they are wanted, while the file is open.
    vocabulary : list of bytes or None
        The tokens that a GGUF file brings, by id.
    """

    kind: Kind
    size: int
    header: Header
    architecture: str
    tensors: list[StoredTensor]
    vocabulary: list[bytes] | None = None


@contextmanager
def open_model(path: str | Path) -> Iterator[Source]:
    """Opens a model file of any kind.

    Raises
    ------
    FileError
        If it cannot be opened or read.
    ModelFormatError, UnsupportedModelError
        If it is damaged, or holds something else than RWKV 4 to 7.

    Examples
    --------
    >>> from deep_tree_echo.platform import bundled_model_path
    >>> with open_model(bundled_model_path()) as source:
    ...     source.kind, source.architecture, source.header.type.name
    ('rwkv.cpp', '7.0', 'FP16')
    """
    path = Path(path)
    if path.is_dir():
        raise FileError(f"{path} is a folder; name the model file in it.")
    if path.exists() and not path.is_file():
        raise FileError(f"{path} is no ordinary file; save it to disk first.")
    try:
        file = path.open("rb")
    except OSError as error:
        raise FileError(f"{path} cannot be opened: {error.strerror}.") from None
    with file:
        try:
            yield _read(file)
        except MemoryError:
            raise FileError(f"There is not enough memory to read {path}.") from None


def _read(file: BinaryIO) -> Source:
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(64)
    if head[:4] == b"PK\x03\x04":
        return _from_checkpoint("PyTorch", size, read_checkpoint(file))
    if head[:4] == b"GGUF":
        gguf = index_gguf(file)
        return _from_checkpoint("GGUF", size, from_gguf(gguf), gguf.vocabulary)
    if head[6:9] == b"\0\0{":
        tensors = with_authors_names(read_safetensors(file))
        return _from_checkpoint("safetensors", size, _ordered(tensors))
    if head[:4] != MAGIC.to_bytes(4, "little"):
        raise ModelFormatError(describe_foreign(head))
    header, tensors = index_file(file)
    architecture = find_architecture({tensor.name: tensor for tensor in tensors})
    return Source("rwkv.cpp", size, header, architecture, tensors)


def _from_checkpoint(
    kind: Kind, size: int, tensors: list[StoredTensor], vocabulary: list[bytes] | None = None
) -> Source:
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ModelFormatError(f"{twice} is in the file twice; it is damaged, fetch it again.")
    if kind != "GGUF":
        tensors = to_rwkv_cpp(tensors)
    by_name = {tensor.name: tensor for tensor in tensors}
    architecture = find_architecture(by_name)
    check_names(architecture, tensors, joined=True)
    return Source(kind, size, header_of(tensors), architecture, tensors, vocabulary)


def _ordered(tensors: list[StoredTensor]) -> list[StoredTensor]:
    """In the order of the network, as the author's checkpoints are; safetensors sorts names."""

    def place(tensor: StoredTensor) -> tuple[int, int]:
        if match := _BLOCK.match(tensor.name):
            return 1, int(match[1])
        return (0 if tensor.name == "emb.weight" else 2), int(tensor.name == "head.weight")

    return sorted(tensors, key=place)
