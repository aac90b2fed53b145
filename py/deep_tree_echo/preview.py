"""What the first bytes of a model file tell: sizes, memory needed, and what its head takes."""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

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
    facts = _facts(first)
    if estimate is None or facts is None:
        return None
    table = facts.table
    rounded = math.prod(table.shape[:-1]) * TensorType.Q8_0.row_bytes(table.shape[-1])
    floats = table.type in (TensorType.FP32, TensorType.FP16, TensorType.BF16)
    rounds = floats and 0 < rounded < table.n_bytes
    weights = int(estimate.weight_bytes)
    if size and facts.is_its_weights:
        # libecho cannot know yet what the head is that it will round.
        weights = size - (table.n_bytes - rounded if head == "Q8_0" and rounds else 0)
    return Preview(
        name=name,
        n_vocab=facts.n_vocab,
        n_embed=facts.n_embed,
        n_layer=facts.n_layer,
        type=facts.type.name,
        head_type=table.type.name,
        head_bytes=table.n_bytes,
        rounded_head_bytes=rounded if rounds else 0,
        weight_bytes=weights,
        work_bytes=int(estimate.work_bytes),
        state_bytes=int(estimate.state_bytes),
    )


class _Table(Protocol):
    """A tensor's description, in either format."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def type(self) -> TensorType: ...
    @property
    def n_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a file's beginning says; ``table`` is the head, or the embedding that is like it."""

    n_vocab: int
    n_embed: int
    n_layer: int
    type: TensorType
    table: _Table
    is_its_weights: bool
    """Whether weights take in memory what they take in the file."""


def _facts(first: Bytes) -> _Facts | None:
    """``None`` for what is no model, or not long enough; libecho has judged it already."""
    data = memoryview(first)
    try:
        if bytes(data[:4]) == b"GGUF":
            return _facts_of_gguf(data)
        if len(data) >= HEADER.size and struct.unpack_from("<I", data)[0] == MAGIC:
            return _facts_of_rwkv(data)
    except EchoError:
        pass
    return None


def _facts_of_rwkv(data: memoryview) -> _Facts | None:
    """Of a file of rwkv.cpp: its quantisers leave embedding and head in the same type."""
    parser = RecordParser()
    steps = parser.steps()
    step = next(steps)
    at = 0
    while not isinstance(step, Record):
        if at + step > len(data):
            return None
        at += step
        step = steps.send(bytes(data[at - step : at]))
    header = parser.header
    if header is None or step.name != "emb.weight":
        return None
    return _Facts(header.n_vocab, header.n_embed, header.n_layer, header.type, step, True)


def _facts_of_gguf(data: memoryview) -> _Facts | None:
    from .formats.gguf_header import describe

    steps = describe(None)
    size = next(steps)
    at = 0
    try:
        while at + size <= len(data):
            at += size
            size = steps.send(bytes(data[at - size : at]))
    except StopIteration as end:
        tensors = {info.name: info for info in end.value.tensors}
        head = tensors.get("output.weight", tensors.get("token_embd.weight"))
        if head is None:
            return None
        n_vocab, n_embed = head.shape
        blocks = {name.split(".")[1] for name in tensors if name.startswith("blk.")}
        # The matrices' type is that of most of the bytes.
        sizes = Counter[TensorType]()
        for info in tensors.values():
            sizes[info.type] += info.n_bytes if info.name.startswith("blk.") else 0
        type = sizes.most_common(1)[0][0]
        return _Facts(n_vocab, n_embed, len(blocks), type, head, False)
    return None
