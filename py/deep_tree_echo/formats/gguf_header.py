"""What a GGUF file says before its data: metadata, the places of tensors, the vocabulary.

Little endian. ``GGUF``, the version, the counts of tensors and of metadata; the metadata as key,
type and value; each tensor's name, sizes (PyTorch's last dimension first), type and offset; then
the tensors' rows from the next multiple of the alignment on.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from ..errors import ModelFormatError, UnsupportedModelError
from .types import TensorType

ARCHITECTURES = ("rwkv6", "rwkv7")

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
_TYPES = {
    0: TensorType.FP32,
    1: TensorType.FP16,
    2: TensorType.Q4_0,
    3: TensorType.Q4_1,
    6: TensorType.Q5_0,
    7: TensorType.Q5_1,
    8: TensorType.Q8_0,
    12: TensorType.Q4_K,
    13: TensorType.Q5_K,
    14: TensorType.Q6_K,
    30: TensorType.BF16,
}
_TOKENS, _TOKEN_TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
# Token types that stand for text: normal, defined by the user.
_TEXT_TYPES = (1, 4)

# Far beyond any file; a damaged one is refused before memory is taken for it.
_MOST_ENTRIES, _MOST_TENSORS, _MOST_ITEMS = 1 << 12, 1 << 16, 1 << 24
_LONGEST_KEY, _LONGEST_STRING, _LONGEST_TOKEN = 256, 1 << 22, 1 << 12
_PIECE = 1 << 20

Steps = Generator[int, bytes, "Description"]
"""Yields how many bytes it wants next and is sent them."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where a tensor lies: ``offset`` counts from the beginning of the data."""

    name: str
    shape: tuple[int, ...]
    type: TensorType
    offset: int

    @property
    def n_bytes(self) -> int:
        """Bytes of all rows."""
        return math.prod(self.shape[:-1]) * self.type.row_bytes(self.shape[-1])


@dataclass(frozen=True, slots=True)
class Description:
    """Everything before the data."""

    metadata: dict[str, int | float | bool | str]
    tensors: list[TensorInfo]
    data_begin: int
    vocabulary: list[bytes] | None


def truncated(size: int) -> ModelFormatError:
    """The error about a file that ends too early."""
    return ModelFormatError(
        f"The GGUF file ends after {size} bytes, inside its header or a tensor; it is truncated, "
        "fetch it again."
    )


def describe(total_bytes: int | None) -> Steps:
    """Reads everything before the data, step by step."""
    source = _Counted(total_bytes)
    _, version = yield from source.unpack("<4sI")
    if version not in (2, 3):
        raise UnsupportedModelError(
            "This GGUF file is big endian; only little endian ones can be read."
            if version in (2 << 24, 3 << 24)
            else f"This GGUF file has version {version}; 2 and 3 can be read."
        )
    n_tensors, n_entries = yield from source.unpack("<QQ")
    _check_count("tensors", n_tensors, _MOST_TENSORS)
    _check_count("metadata", n_entries, _MOST_ENTRIES)
    metadata: dict[str, int | float | bool | str] = {}
    lists: dict[str, list[bytes] | list[int]] = {}
    for _ in range(n_entries):
        key = (yield from source.string(_LONGEST_KEY, "a key")).decode("utf-8", "replace")
        (kind,) = yield from source.unpack("<I")
        if kind == _ARRAY:
            kept = yield from _list(source, key)
            if kept is not None:
                lists[key] = kept
        else:
            metadata[key] = yield from _value(source, key, kind)
        if key == "general.architecture" and metadata.get(key) not in ARCHITECTURES:
            raise UnsupportedModelError(
                "This GGUF file holds a model of the architecture "
                f"{metadata.get(key)!a:.40}; rwkv6 and rwkv7 can be read."
            )
    if "general.architecture" not in metadata:
        raise damaged("does not say its architecture")
    infos = []
    for _ in range(n_tensors):
        infos.append((yield from _info(source)))
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 16:
        raise damaged(f"says general.alignment {alignment}")
    begin = -(-source.position // alignment) * alignment
    _check_places(infos, begin, total_bytes)
    return Description(metadata, infos, begin, _vocabulary(metadata, lists))


class _Counted:
    """The bytes of a file, counted as they are asked for."""

    def __init__(self, total: int | None) -> None:
        self.position = 0
        self._total = total

    def take(self, size: int) -> Generator[int, bytes, bytes]:
        self.position += size
        if self._total is not None and self.position > self._total:
            raise truncated(self._total)
        return (yield size) if size else b""

    def unpack(self, format: str) -> Generator[int, bytes, tuple[int, ...]]:
        return struct.unpack(format, (yield from self.take(struct.calcsize(format))))

    def string(self, most: int, what: str) -> Generator[int, bytes, bytes]:
        (size,) = yield from self.unpack("<Q")
        if size > most:
            raise damaged(f"has {what} of {size} bytes (at most {most})")
        return (yield from self.take(size))

    def skip(self, size: int) -> Generator[int, bytes, None]:
        if self._total is not None and self.position + size > self._total:
            raise truncated(self._total)
        while size:
            size -= len((yield from self.take(min(size, _PIECE))))


def _value(
    source: _Counted, key: str, kind: int
) -> Generator[int, bytes, int | float | bool | str]:
    if kind == _STRING:
        value = yield from source.string(_LONGEST_STRING, f"a text ({_shown(key)})")
        return value.decode("utf-8", "replace")
    if kind not in _SCALARS:
        raise damaged(f"has the unknown type {kind} for {_shown(key)}")
    (number,) = yield from source.unpack(_SCALARS[kind])
    return number


def _list(source: _Counted, key: str) -> Generator[int, bytes, list[bytes] | list[int] | None]:
    """A list, if it is one of the tokenizer's; others are passed over."""
    kind, count = yield from source.unpack("<IQ")
    if count > _MOST_ITEMS:
        raise damaged(f"has {count} items in {_shown(key)}")
    if kind == _STRING:
        tokens = []
        for _ in range(count):
            most = _LONGEST_TOKEN if key == _TOKENS else _LONGEST_STRING
            token = yield from source.string(most, f"an item of {_shown(key)}")
            if key == _TOKENS:
                tokens.append(token)
        return tokens if key == _TOKENS else None
    if kind not in _SCALARS:
        raise damaged(f"has a list of type {kind} in {_shown(key)}")
    if key == _TOKEN_TYPES and kind == 5:
        data = yield from source.take(4 * count)
        return [int(number) for number in np.frombuffer(data, "<i4")]
    yield from source.skip(struct.calcsize(_SCALARS[kind]) * count)
    return None


def _info(source: _Counted) -> Generator[int, bytes, TensorInfo]:
    encoded = yield from source.string(_LONGEST_KEY, "a tensor's name")
    name = _shown(encoded.decode("utf-8", "replace"))
    (n_dims,) = yield from source.unpack("<I")
    if not 1 <= n_dims <= 4:
        raise damaged(f"has {n_dims} dimensions for {name}")
    sizes = yield from source.unpack(f"<{n_dims}Q")
    number, offset = yield from source.unpack("<IQ")
    shape = tuple(reversed(sizes))
    if not all(1 <= size < 1 << 40 for size in shape) or math.prod(shape) >= 1 << 40:
        raise damaged(f"has the shape {shape} for {name}")
    if number not in _TYPES:
        raise UnsupportedModelError(
            f"{name} has the type {number} of ggml; F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, "
            "Q4_K, Q5_K and Q6_K can be read."
        )
    type = _TYPES[number]
    if type.row_bytes(shape[-1]) == 0:
        raise damaged(
            f"has rows of {shape[-1]} elements for {name}, but {type.name} stores blocks of "
            f"{type.block_columns}"
        )
    return TensorInfo(name, shape, type, offset)


def _check_count(what: str, count: int, most: int) -> None:
    if count > most:
        raise damaged(f"announces {count} {what} (at most {most})")


def _check_places(infos: list[TensorInfo], begin: int, total: int | None) -> None:
    """Refuses tensors of one name, overlapping ones and such as the file is too short for."""
    names = set()
    end, before = 0, ""
    for info in sorted(infos, key=lambda info: info.offset):
        if info.name in names:
            raise damaged(f"has {info.name} twice")
        names.add(info.name)
        if info.offset < end:
            raise damaged(f"has {info.name} where {before} lies")
        end, before = info.offset + info.n_bytes, info.name
        if total is not None and begin + end > total:
            raise ModelFormatError(
                f"The GGUF file ends inside {info.name}: it has {total} bytes and "
                f"{begin + end - total} are missing; it is truncated, fetch it again."
            )


def _vocabulary(
    metadata: dict[str, int | float | bool | str], lists: dict[str, list[bytes] | list[int]]
) -> list[bytes] | None:
    tokens = lists.get(_TOKENS)
    if tokens is None or metadata.get("tokenizer.ggml.model") != "rwkv":
        return None
    types = lists.get(_TOKEN_TYPES, [])
    return [
        b"" if index < len(types) and types[index] not in _TEXT_TYPES else unescaped(bytes(token))
        for index, token in enumerate(tokens)
        if isinstance(token, bytes)
    ]


_ESCAPES = {ord("t"): 9, ord("n"): 10, ord("r"): 13}


def unescaped(token: bytes) -> bytes:
    r"""A token's bytes from the text in the file, where \x41, \t, \n, \r and \\ are escapes.

    Examples
    --------
    >>> unescaped(rb"a\x00\n\\b")
    b'a\x00\n\\b'
    """
    if b"\\" not in token:
        return token
    out = bytearray()
    at = 0
    while at < len(token):
        byte = token[at]
        at += 1
        if byte != 0x5C or at == len(token):
            out.append(byte)
            continue
        byte = token[at]
        at += 1
        if byte == ord("x"):
            try:
                out.append(int(token[at : at + 2], 16))
            except ValueError:
                raise damaged(f"has the token {token[:20]!r}, whose escape is no byte") from None
            at += 2
        else:
            out.append(_ESCAPES.get(byte, byte))
    return bytes(out)


def _shown(name: str) -> str:
    return name[:80] if name.isprintable() else ascii(name)[1:-1][:80]


def damaged(what: str) -> ModelFormatError:
    """The error about a file that ``what`` is said of."""
    return ModelFormatError(f"The GGUF file {what}; it is damaged, fetch it again.")
