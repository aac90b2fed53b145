"""What the first bytes of a model file tell: sizes, memory needed, and what its head takes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from .errors import EchoError
from .formats.rwkv_records import HEADER, MAGIC, Record, RecordParser
from .formats.types import TensorType
from .loading import Bytes

TOKENIZER_BYTES_PER_TOKEN = 40
"""What libecho's World tokenizer takes: 2.5 MB for 65536 tokens."""
STATES = 4
"""A model in use holds at least so many states: those before and after the last two turns."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A model before it is loaded.

    Parameters
    ----------
    name : str
        The file's.
    n_vocab, n_embed, n_layer : int
        Sizes.
    type : str
        Of the matrices, such as ``Q8_0``.
    head_type : str
        Of the head in the file.
    head_bytes, rounded_head_bytes : int
        Of the head as the file has it and in Q8_0; the second 0 where that is no choice.
    weight_bytes, work_bytes, state_bytes : int
        Memory of the weights as they will be loaded, to work, and of one state.
    """

    name: str
    n_vocab: int
    n_embed: int
    n_layer: int
    type: str
    head_type: str
    head_bytes: int
    rounded_head_bytes: int
    weight_bytes: int
    work_bytes: int
    state_bytes: int

    @property
    def needed_bytes(self) -> int:
        """Everything that the model will take, with a tokenizer and a few states."""
        states = STATES * (self.state_bytes + 4 * self.n_vocab)
        tokenizer = TOKENIZER_BYTES_PER_TOKEN * self.n_vocab
        return self.weight_bytes + self.work_bytes + states + tokenizer


def look(
    name: str,
    size: int | None,
    first: Bytes,
    *,
    memory_limit_mb: float | None = None,
    head: str | None = None,
) -> Preview | None:
    """Looks at the beginning of a model file.

    Parameters
    ----------
    name : str
        The file's name.
    size : int or None
        Its bytes, if known.
    first : bytes
        Its beginning; some kilobytes are enough for rwkv.cpp's files.
    memory_limit_mb : float or None
        As in `Model.load`.
    head : str, optional
        As in `Model.load`.

    Returns
    -------
    Preview or None
        ``None`` if the beginning does not tell enough.

    Raises
    ------
    ModelFormatError, UnsupportedModelError, MemoryBudgetError
        If the file could never be loaded; see `Model.load`.
    BackendError
        If libecho is missing.
    """
    try:
        from .model import ModelLoader
    except ImportError:  # without NumPy nothing of this can be known
        return None
    loader = ModelLoader(size=size, memory_limit_mb=memory_limit_mb, head=head)
    try:
        loader.push(first)
        estimate = loader.estimate()
    finally:
        loader.close()
    if estimate is None:
        return None
    found = _tables(first)
    if found is None:
        return None
    header, table = found
    rounded = table.n_rows * TensorType.Q8_0.row_bytes(header.n_embed)
    rounds = table.type in (TensorType.FP32, TensorType.FP16) and 0 < rounded < table.n_bytes
    weights = int(estimate.weight_bytes)
    if size:
        # The file is its weights; libecho cannot know yet what the head is that it will round.
        weights = size - (table.n_bytes - rounded if head == "Q8_0" and rounds else 0)
    return Preview(
        name,
        header.n_vocab,
        header.n_embed,
        header.n_layer,
        header.type.name,
        table.type.name,
        table.n_bytes,
        rounded if rounds else 0,
        weights,
        int(estimate.work_bytes),
        int(estimate.state_bytes),
    )


def _tables(first: Bytes) -> tuple[Any, Record] | None:
    """The header of a file of rwkv.cpp and its first tensor, the embedding.

    Quantisers leave embedding and head in the same type, and the two have the same shape.
    """
    data = memoryview(first)
    if len(data) < HEADER.size or struct.unpack_from("<I", data)[0] != MAGIC:
        return None
    parser = RecordParser()
    steps = parser.steps()
    step = next(steps)
    at = 0
    try:
        while not isinstance(step, Record):
            if at + step > len(data):
                return None
            piece = bytes(data[at : at + step])
            at += step
            step = steps.send(piece)
    except EchoError:  # libecho has not complained: it may know more
        return None
    if step.name != "emb.weight" or parser.header is None:
        return None
    return parser.header, step
