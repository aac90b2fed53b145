"""What the first bytes of a model file tell: sizes, memory needed, and what its head takes."""

from __future__ import annotations

import math
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from .errors import EchoError
from .formats.rwkv_records import HEADER, MAGIC, Header, Record, RecordParser
from .formats.types import RWKV_TYPES, TensorType
from .loading import Bytes
from .reread import Unopened

TOKENIZER_BYTES_PER_TOKEN = 40
"""What libecho's World tokenizer takes: 2.5 MB for 65536 tokens."""
STATES = 4
"""A model in use holds at least so many states: those before and after the last two turns."""

_GROUP_ROWS = 16
"""Rows that libecho interleaves in memory, the last ones filled up; see wasm/formats/repack.h."""


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
        Of the head as the file has it and in Q8_0; the second 0 where that is no choice, or not
        worth it.
    head : str or None
        What the head is to be rounded to while loading.
    weight_bytes, work_bytes, state_bytes : int
        Memory of the weights as they will be loaded, to work, and of one state.
    outside_offset, outside_bytes : int
        The place in the file of the embedding that stays there, and its size; 0 if none does.
    """

    name: str
    n_vocab: int
    n_embed: int
    n_layer: int
    type: str
    head_type: str
    head_bytes: int
    rounded_head_bytes: int
    head: str | None
    weight_bytes: int
    work_bytes: int
    state_bytes: int
    outside_offset: int = 0
    outside_bytes: int = 0

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
    worth: int = 1,
    ends: Bytes | None = None,
    rereads: bool = False,
) -> Preview | None:
    """Looks at the beginning of a model file, and at its end if there is one.

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
        As in `Model.load`, but only for a head that is no smaller already.
    worth : int
        Bytes that rounding the head must save; otherwise it stays as it is.
    ends : bytes, optional
        What the file has at the `head_places`, one after the other. Without it the head of
        rwkv.cpp's files, which stands at their end, is taken to be like the embedding; with it, one
        that stands elsewhere is not rounded.

    rereads : bool
        Whether the file can be read again while the model is in use, so that a large embedding
        stays there.

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
    facts = _facts(first, size, ends)
    rounded = _rounded_bytes(facts, worth) if facts else 0
    if facts and head and not rounded:
        head = None
    again = Unopened() if rereads else None
    loader = ModelLoader(size=size, memory_limit_mb=memory_limit_mb, head=head, again=again)
    try:
        loader.push(first)
        estimate = loader.estimate()
    finally:
        loader.close()
    if estimate is None or facts is None:
        return None
    table = facts.table
    weights = int(estimate.weight_bytes)
    if size and facts.is_its_weights:
        # libecho cannot know yet what the head is that it will round.
        weights = size - (table.n_bytes - rounded if head == "Q8_0" else 0)
        weights -= estimate.outside_bytes
    return Preview(
        name=name,
        n_vocab=facts.n_vocab,
        n_embed=facts.n_embed,
        n_layer=facts.n_layer,
        type=facts.type.name,
        head_type=table.type.name,
        head_bytes=table.n_bytes,
        rounded_head_bytes=rounded,
        head=head,
        weight_bytes=weights,
        work_bytes=int(estimate.work_bytes),
        state_bytes=int(estimate.state_bytes),
        outside_offset=facts.embedding_offset if estimate.outside_bytes else 0,
        outside_bytes=int(estimate.outside_bytes),
    )


def head_places(size: int | None, first: Bytes) -> list[tuple[int, int]]:
    """Where the description of a head may stand that is the last tensor of an rwkv.cpp file.

    Parameters
    ----------
    size : int or None
        The file's bytes, if known.
    first : bytes
        Its beginning.

    Returns
    -------
    list of (int, int)
        For each type that the head may have, the place in the file and the bytes there; empty for
        other files.

    Examples
    --------
    >>> from .formats.rwkv_file import Header
    >>> head_places(20_000, Header(100, 32, 1, TensorType.FP16).pack())[:2]
    [(7169, 31), (13569, 31)]
    """
    header = _header(memoryview(first))
    if header is None or not size:
        return []
    return [(place, len(record.pack())) for place, record in _last_heads(header, size)]


def _last_heads(header: Header, size: int) -> list[tuple[int, Record]]:
    """Every head that may end a file of that size, and the place of its description."""
    found = []
    for type in RWKV_TYPES:
        record = Record("head.weight", (header.n_vocab, header.n_embed), type)
        place = size - record.n_bytes - len(record.pack())
        if record.n_bytes and place >= HEADER.size:
            found.append((place, record))
    return found


def _rounded_bytes(facts: _Facts, worth: int) -> int:
    """The head's bytes in Q8_0, or 0 if it should stay as it is."""
    table = facts.table
    rows = math.ceil(math.prod(table.shape[:-1]) / _GROUP_ROWS) * _GROUP_ROWS
    rounded = rows * TensorType.Q8_0.row_bytes(table.shape[-1])
    floats = table.type in (TensorType.FP32, TensorType.FP16, TensorType.BF16)
    rounds = facts.head_is_known and floats and rounded and table.n_bytes - rounded >= worth
    return rounded if rounds else 0


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
    embedding_offset: int
    head_is_known: bool = True


def _facts(first: Bytes, size: int | None, ends: Bytes | None) -> _Facts | None:
    """``None`` for what is no model, or not long enough; libecho has judged it already."""
    data = memoryview(first)
    try:
        if bytes(data[:4]) == b"GGUF":
            return _facts_of_gguf(data)
        if _header(data) is not None:
            return _facts_of_rwkv(data, size, ends)
    except EchoError:
        pass
    return None


def _header(data: memoryview) -> Header | None:
    """The header of an rwkv.cpp file, or ``None`` for what has none."""
    if len(data) < HEADER.size or struct.unpack_from("<I", data)[0] != MAGIC:
        return None
    parser = RecordParser()
    steps = parser.steps()
    next(steps)
    try:
        steps.send(bytes(data[: HEADER.size]))
    except EchoError:
        return None
    return parser.header


def _facts_of_rwkv(data: memoryview, size: int | None, ends: Bytes | None) -> _Facts | None:
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
    head = step if ends is None else _last_head(header, size, bytes(ends))
    facts = (header.n_vocab, header.n_embed, header.n_layer, header.type)
    return _Facts(*facts, head or step, True, at, head_is_known=head is not None)


def _last_head(header: Header, size: int | None, ends: bytes) -> Record | None:
    """The head whose description was found where it would stand, if there is one."""
    for _, record in _last_heads(header, size) if size else []:
        described = record.pack()
        if ends.startswith(described):
            return record
        ends = ends[len(described) :]
    return None


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
        embedding = tensors.get("token_embd.weight", head)
        place = end.value.data_begin + embedding.offset
        return _Facts(n_vocab, n_embed, len(blocks), type, head, False, place)
    return None
