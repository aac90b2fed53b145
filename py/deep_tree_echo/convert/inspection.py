"""What is in a model file, told from its header."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .. import core
from ..errors import EchoError, UnsupportedModelError
from ..formats.rwkv_records import Header
from ..formats.stored import StoredTensor
from ..formats.types import RWKV_TYPES
from ..reread import EMBEDDING_LIMIT
from ..tokenizer import name_for
from .conversion import plan
from .sources import Source, open_model

_MB = 1_000_000
_PIECE = 1 << 16
_LONGEST_HEADER = 1 << 25
_GROUPS = ("embedding", "head", "time mix", "channel mix", "norms")


@dataclass(frozen=True, slots=True)
class Group:
    """Tensors that belong together, counted as in rwkv.cpp's files."""

    name: str
    n_tensors: int
    n_parameters: int
    n_bytes: int
    types: dict[str, int]
    """How many tensors are of each type, as they lie in the file."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes that a model takes once it is loaded, as libecho estimates them.

    A large embedding stays in the file and is no part of them.
    """

    weights: int
    state: int
    work: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.state + self.work


@dataclass(frozen=True, slots=True)
class Choice:
    """What the model would be in one of rwkv.cpp's types."""

    type: str
    file_bytes: int
    memory_bytes: int | None
    """``None`` where libecho is missing."""
    fits: bool | None
    """Whether that is within the budget."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in a model file.

    Parameters
    ----------
    name, kind : str
        The file's name; ``rwkv.cpp``, ``PyTorch``, ``safetensors`` or ``GGUF``.
    n_bytes : int
        The file's size.
    architecture : str
        ``4.0``, ``5.1``, ``5.2``, ``6.0`` or ``7.0``.
    type : str
        Of its matrices.
    n_vocab, n_embed, n_layer, n_ffn, n_head, head_size : int
        Sizes; the last two are 0 for RWKV 4.
    n_parameters : int
        Numbers in all tensors.
    tokenizer : str
        The one in the file, or the one that goes with ``n_vocab``.
    loadable : bool
        Whether it can be loaded as it is; the others are to be converted.
    memory : Memory or None
        When loaded as it is; ``None`` if it cannot be, or libecho is missing.
    groups : tuple of Group
        The tensors.
    budget_mb : float
        What ``choices`` are compared with.
    choices : tuple of Choice
        What it would be in every type; those of fewer bits than it has, where it has been
        quantised, would be made from its FP16 file.
    """

    name: str
    kind: str
    n_bytes: int
    architecture: str
    type: str
    n_vocab: int
    n_embed: int
    n_layer: int
    n_ffn: int
    n_head: int
    head_size: int
    n_parameters: int
    tokenizer: str
    loadable: bool
    memory: Memory | None
    groups: tuple[Group, ...]
    budget_mb: float
    choices: tuple[Choice, ...]


def inspect_file(path: str | Path, budget_mb: float = 600) -> Inspection:
    """Looks into a model file of any kind; only its header is read.

    Parameters
    ----------
    path : path
        The file.
    budget_mb : float
        The memory to compare with, in millions of bytes.

    Raises
    ------
    FileError
        If it cannot be opened.
    ModelFormatError, UnsupportedModelError
        If it is damaged, or holds something else than RWKV 4 to 7.

    Examples
    --------
    >>> from deep_tree_echo.platform import bundled_model_path
    >>> seen = inspect_file(bundled_model_path())
    >>> seen.architecture, seen.n_vocab, seen.tokenizer, seen.choices[-1].type
    ('7.0', 257, 'bytes+1', 'Q4_0')
    """
    path = Path(path)
    with open_model(path) as source:
        header = source.header
        tensors = {tensor.name: tensor for tensor in source.tensors}
        key = tensors.get("blocks.0.ffn.key.weight")
        n_head, head_size = _heads(source, tensors)
        loadable = source.kind in ("rwkv.cpp", "GGUF")
        return Inspection(
            name=path.name,
            kind=source.kind,
            n_bytes=source.size,
            architecture=source.architecture,
            type=header.type.name,
            n_vocab=header.n_vocab,
            n_embed=header.n_embed,
            n_layer=header.n_layer,
            n_ffn=key.shape[0] if key else 0,
            n_head=n_head,
            head_size=head_size,
            n_parameters=sum(_elements(tensor) for tensor in source.tensors),
            tokenizer=_tokenizer(source),
            loadable=loadable,
            memory=_memory(path, source.size) if loadable else None,
            groups=tuple(_grouped(source.tensors)),
            budget_mb=budget_mb,
            choices=tuple(_choices(source, budget_mb)),
        )


def _elements(tensor: StoredTensor) -> int:
    return tensor.n_rows * tensor.shape[-1]


def _heads(source: Source, tensors: dict[str, StoredTensor]) -> tuple[int, int]:
    """Heads of the time mix and their size."""
    part = {"5.1": "time_decay", "5.2": "time_faaaa", "6.0": "time_faaaa", "7.0": "r_k"}
    tensor = tensors.get(f"blocks.0.att.{part.get(source.architecture)}")
    if tensor is None:
        return 0, 0
    return tensor.shape[0], source.header.n_embed // tensor.shape[0]


def _tokenizer(source: Source) -> str:
    if source.vocabulary is not None:
        n_tokens = sum(map(bool, source.vocabulary))
        return f"in the file, {n_tokens} tokens"
    try:
        return name_for(source.header.n_vocab)
    except UnsupportedModelError:
        return "unknown"


def _grouped(tensors: Iterable[StoredTensor]) -> list[Group]:
    found: dict[str, list[StoredTensor]] = {name: [] for name in _GROUPS}
    for tensor in tensors:
        if tensor.name.startswith(("emb.", "head.")):
            name = "embedding" if tensor.name.startswith("emb.") else "head"
        elif ".att." in tensor.name and ".ln_x." not in tensor.name:
            name = "time mix"
        else:
            name = "channel mix" if ".ffn." in tensor.name else "norms"
        found[name].append(tensor)
    groups = []
    for name, members in found.items():
        types: dict[str, int] = {}
        n_bytes = 0
        for tensor in members:
            type = tensor.type_in_file
            types[type.name] = types.get(type.name, 0) + 1
            n_bytes += _elements(tensor) // type.block_columns * type.row_bytes(type.block_columns)
        n_parameters = sum(map(_elements, members))
        groups.append(Group(name, len(members), n_parameters, n_bytes, types))
    return groups


def _memory(path: Path, size: int) -> Memory | None:
    """What libecho says of the file, once it has seen the header."""
    try:
        loader = core.Loader(total_bytes=size, embedding_limit=EMBEDDING_LIMIT)
    except EchoError:
        return None
    try:
        with path.open("rb") as file:
            while file.tell() < _LONGEST_HEADER and (piece := file.read(_PIECE)):
                loader.push(piece)
                estimate = loader.estimate()
                if estimate.known:
                    return Memory(estimate.weight_bytes, estimate.state_bytes, estimate.work_bytes)
    except EchoError:
        return None
    finally:
        loader.close()
    return None


def _choices(source: Source, budget_mb: float) -> list[Choice]:
    choices = []
    for type in sorted(RWKV_TYPES, key=lambda type: -type.row_bytes(256)):
        try:
            output = plan(source, type, allow_requantize=True)
        except EchoError:
            continue  # rows that fill no blocks
        memory = _estimated(output.header, output.n_bytes)
        fits = None if memory is None else memory <= budget_mb * _MB
        choices.append(Choice(type.name, output.n_bytes, memory, fits))
    return choices


def _estimated(header: Header, file_bytes: int) -> int | None:
    try:
        loader = core.Loader(total_bytes=file_bytes, embedding_limit=EMBEDDING_LIMIT)
        loader.push(header.pack())
        estimate = loader.estimate()
        loader.close()
    except EchoError:
        return None
    return Memory(estimate.weight_bytes, estimate.state_bytes, estimate.work_bytes).total


__all__ = ["Choice", "Group", "Inspection", "Memory", "inspect_file"]
