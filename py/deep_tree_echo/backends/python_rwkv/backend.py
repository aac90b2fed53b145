"""The backend and its loader."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from ...errors import MemoryBudgetError
from ...formats.rwkv_file import Header, Tensor
from ...formats.types import BLOCK_COLUMNS, RWKV_TYPES, TensorType
from ...loading import Sample
from ...reread import Reread
from ...tokenizer import VOCABULARIES, name_for
from ...tokenizer import vocabulary as vocabulary_file
from ..base import Loader
from ..language import LanguageBackend
from .model import NumpyModel
from .reading import ModelReader
from .tokenizer import ByteTokenizer, Tokenizer, WorldTokenizer
from .weights import Weights

_MB = 1_000_000


class PythonRwkv(LanguageBackend[NumpyModel]):
    """A model that NumPy evaluates. Make one with `loader`.

    Parameters
    ----------
    name : str
        The file's name.
    model : NumpyModel
        Evaluates tokens.
    dense : bool
        Whether the matrices are float32 in memory, or as the file has them.
    """

    name: ClassVar[str] = "python_rwkv"

    def __init__(self, name: str, model: NumpyModel, dense: bool) -> None:
        super().__init__(name, model)
        self._dense = dense

    @classmethod
    def loader(
        cls,
        *,
        name: str,
        size: int | None,
        memory_limit_mb: float | None,
        head: str | None = None,
        again: Callable[[], Reread] | None = None,
    ) -> Loader:
        """Begins to load a model; NumPy is all it needs. All of it is kept as the file has it."""
        return PythonRwkvLoader(name, size, memory_limit_mb)

    @property
    def description(self) -> dict[str, Any]:
        """Architecture and sizes; ``weights`` says how the matrices lie in memory."""
        packed = f"{self.model.type}, unpacked at each use"
        return super().description | {"weights": "float32" if self._dense else packed}

    def _release(self, model: NumpyModel) -> None:
        """NumPy's arrays go with the model."""


class PythonRwkvLoader(Loader):
    """A model on its way in: the file is parsed as it arrives and never held twice."""

    def __init__(self, name: str, size: int | None, memory_limit_mb: float | None) -> None:
        self._name = name
        self._size = size
        self._limit = math.inf if memory_limit_mb is None else memory_limit_mb * _MB
        self._reader = ModelReader(size)
        self._sample = Sample()

    def push(self, piece: bytes) -> None:
        """Takes the next bytes of the file.

        Raises
        ------
        ModelFormatError, UnsupportedModelError, MemoryBudgetError
            With one sentence; the loader is then of no further use.
        """
        try:
            self._reader.push(piece)
        except MemoryError:
            raise MemoryBudgetError(
                f"There is no memory left after {_megabytes(self._reader.held)} MB of "
                f"{self._name}; free memory or load a smaller model."
            ) from None
        self._sample.push(piece)
        header = self._reader.header
        if header is not None:
            needed = max(self._reader.expected, self._size or 0)
            if needed > self._limit:
                self.close()
                raise _over_budget(header, needed, self._limit)

    def finish(self) -> PythonRwkv:
        """The backend, once every byte has been pushed.

        The matrices become float32 where the limit allows it, and stay as they are elsewhere.
        """
        header, tensors, vocabulary = self._reader.finish()
        self._reader.close()
        make_tokenizer = _tokenizer_maker(header.n_vocab, vocabulary)
        dense = sum(map(_float_bytes, tensors)) <= self._limit
        weights = Weights(header, tensors, dense)
        del tensors  # so that each tensor goes as soon as its floats are there
        try:
            model = NumpyModel(weights, make_tokenizer)
        except MemoryError:
            raise MemoryBudgetError(
                f"There is no memory left for {self._name} in float32; set a memory limit of less "
                "than the machine has, or load a smaller model."
            ) from None
        model.fingerprint = self._sample.hexdigest(model.state_shape, model.n_vocab)
        return PythonRwkv(self._name, model, dense)

    def close(self) -> None:
        """Gives back what an unfinished load holds. Safe to call at any time."""
        self._reader.close()


def _tokenizer_maker(n_vocab: int, vocabulary: list[bytes] | None) -> Callable[[], Tokenizer]:
    """What makes the model's tokenizer: the file's own, or the one for ``n_vocab`` logits.

    It refuses if there is none.
    """
    if vocabulary is not None:
        tokens = {id: token for id, token in enumerate(vocabulary) if token}
        return lambda: WorldTokenizer(tokens)
    name = name_for(n_vocab)
    if name not in VOCABULARIES:
        return partial(ByteTokenizer, 0 if name == "bytes" else 1)
    file = vocabulary_file(name)
    return lambda: WorldTokenizer(file)


def _float_bytes(tensor: Tensor) -> int:
    """What a tensor takes once its matrix is float32; the embedding stays as it is."""
    if tensor.name == "emb.weight":
        return tensor.data.nbytes
    return 4 * math.prod(tensor.shape)


def _megabytes(size: float) -> int:
    return math.ceil(size / _MB)


def _over_budget(header: Header, needed: int, limit: float) -> MemoryBudgetError:
    """Says what would fit: the tables stay FP16 in any quantised file, the matrices shrink."""
    tables = header.n_vocab * header.n_embed * 2
    matrices = max(0, needed - _table_bytes(header))
    columns = header.type.block_columns
    elements = matrices // header.type.row_bytes(columns) * columns
    said = f"This model needs about {_megabytes(needed)} MB and {int(limit / _MB)} MB are allowed"
    for type in sorted(RWKV_TYPES, key=lambda type: -type.row_bytes(BLOCK_COLUMNS)):
        size = 2 * tables + elements // BLOCK_COLUMNS * type.row_bytes(BLOCK_COLUMNS)
        if size <= limit and size < needed:
            return MemoryBudgetError(
                f"{said}; the same model in {type.name} would need about {_megabytes(size)} MB."
            )
    return MemoryBudgetError(f"{said}; choose a model with fewer parameters.")


def _table_bytes(header: Header) -> int:
    """Bytes of embedding and head as a file of this type has them at least."""
    return 2 * header.n_vocab * header.n_embed * (4 if header.type is TensorType.FP32 else 2)
