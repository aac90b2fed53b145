"""Model files on their way into memory: rwkv.cpp's and GGUF, told apart by their first bytes."""

from __future__ import annotations

from ...formats.gguf import Gguf, GgufReader
from ...formats.gguf_layout import from_gguf
from ...formats.rwkv_file import Header, Tensor, TensorReader, header_of
from ...formats.stored import Bytes, StoredTensor

_GGUF = b"GGUF"


class ModelReader:
    """Takes a file of either kind in pieces of any size.

    Parameters
    ----------
    total_bytes : int or None
        The file's size, if known.
    """

    def __init__(self, total_bytes: int | None = None) -> None:
        self._total = total_bytes
        self._head = b""
        self._reader: TensorReader | GgufReader | None = None
        self._tensors: list[Tensor] = []
        self._header: Header | None = None

    @property
    def held(self) -> int:
        """Bytes of the tensors held so far."""
        if isinstance(self._reader, GgufReader):
            return self._reader.held
        return sum(tensor.data.nbytes for tensor in self._tensors)

    @property
    def expected(self) -> int:
        """Bytes of all tensors where the file has told them, else of those held so far."""
        if isinstance(self._reader, GgufReader) and self._reader.description is not None:
            return sum(info.n_bytes for info in self._reader.description.tensors)
        return self.held

    @property
    def header(self) -> Header | None:
        """The model's sizes, once they are known."""
        if isinstance(self._reader, TensorReader):
            return self._reader.header
        if self._header is None and self._reader is not None:
            found = self._reader.description
            if found is not None:
                places = [
                    StoredTensor(info.name, info.shape, info.type, _not_yet)
                    for info in found.tensors
                ]
                self._header = header_of(from_gguf(Gguf(found.metadata, places)))
        return self._header

    def push(self, piece: bytes) -> None:
        """Takes the next bytes.

        Raises
        ------
        ModelFormatError, UnsupportedModelError
            With one sentence.
        """
        if self._reader is None:
            self._head += piece
            if len(self._head) < len(_GGUF):
                return
            piece, self._head = self._head, b""
            kind = GgufReader if piece.startswith(_GGUF) else TensorReader
            self._reader = kind(self._total)
        if isinstance(self._reader, GgufReader):
            self._reader.push(piece)
        else:
            self._tensors += self._reader.push(piece)

    def finish(self) -> tuple[Header, list[Tensor], list[bytes] | None]:
        """The header, the tensors as rwkv.cpp's files have them, and the file's vocabulary.

        Raises as `push` does, if the file ends too early.
        """
        if self._reader is None:
            self._reader = TensorReader(self._total)
            self._reader.push(self._head)
        if isinstance(self._reader, TensorReader):
            return self._reader.finish(), self._tensors, None
        gguf = self._reader.finish()
        stored = from_gguf(gguf)
        tensors = [
            Tensor(tensor.name, tensor.shape, tensor.type, tensor.read(0, tensor.n_rows))
            for tensor in stored
        ]
        return header_of(stored), tensors, gguf.vocabulary

    def close(self) -> None:
        """Gives back what is held."""
        self._tensors = []
        self._reader = None
        self._head = b""


def _not_yet(begin: int, end: int) -> Bytes:
    raise AssertionError("only the shapes are known")
