r"""Results as bytes and texts, and back.

- ``json_optimized``: JSON without blanks in which every long list of numbers is packed:
  ``{"f4": "..."}`` holds little-endian float32 in base64, ``"f8"`` float64; float32 is taken where
  it loses nothing.
- ``binary``: the bytes ``DTESNRES``, the version, the length of what follows and its CRC-32 as
  little-endian 32-bit integers, and then that JSON with the packed arrays as bytes behind it, all
  deflated.
- ``deterministic``: JSON with sorted keys, without what clocks decide, and with ``_checksum``, the
  first 16 hexadecimal digits of the SHA-256 of all the rest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ..errors import ArgumentError
from .inputs import MAX_NESTING
from .result import DTESNResult

__all__ = ["FORMATS", "checksum_of", "deserialize", "serialize"]

FORMATS: Final = ("json_optimized", "binary", "deterministic")
TIMED: Final = {
    "processing_time_ms": None,
    "engine_integration": {
        "performance_metrics": None,
        "server_side_data": {"integration_timestamp": None, "last_sync": None},
    },
}
"""What clocks decide, by its place in a result."""

_PACKED_FROM: Final = 16
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
_MAGIC: Final = b"DTESNRES"
_VERSION: Final = 1
_HEAD: Final = struct.Struct("<8sIII")
_LENGTH: Final = struct.Struct("<I")
_MOST_BYTES: Final = 1 << 28
_TYPES: Final[dict[str, np.dtype[Any]]] = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8")}


def serialize(result: DTESNResult, format: str = "json_optimized") -> str | bytes:
    """A result in one of three formats.

    Parameters
    ----------
    result : DTESNResult
        The result.
    format : {"json_optimized", "binary", "deterministic"}
        Text, bytes and text.

    Raises
    ------
    ArgumentError
        If there is no such format.
    """
    if not isinstance(format, str) or format not in FORMATS:
        raise ArgumentError(f"format is {format!r}; it must be one of {', '.join(FORMATS)}.")
    values = result.to_dict()
    if format == "json_optimized":
        return _json(_packed(values, _in_base64))
    if format == "binary":
        return _binary(values)
    plain = _untimed(values)
    return _json(plain | {"_checksum": checksum_of(plain)})


def deserialize(data: str | bytes) -> DTESNResult:
    """The result that `serialize` has written.

    Parameters
    ----------
    data : str or bytes
        Any of the three formats. What a deterministic text leaves out comes back as 0 and empty.

    Raises
    ------
    ArgumentError
        If that is none, is damaged, or is of a later version.
    """
    try:
        if isinstance(data, (bytes, bytearray, memoryview)):
            return DTESNResult.from_dict(_from_binary(bytes(data)))
        if not isinstance(data, str):
            raise ArgumentError(f"data is of type {type(data).__name__}; give text or bytes.")
        values = _loads(data)
        if "_checksum" in values:
            values = _checked(values)
        return DTESNResult.from_dict(_unpacked(values, _from_base64))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, zlib.error) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"data is no result, or a damaged one: {error!r}.") from None


def checksum_of(values: dict[str, Any]) -> str:
    """16 hexadecimal digits of the SHA-256 of the JSON with sorted keys.

    Examples
    --------
    >>> checksum_of({"b": 1, "a": [0.5]}) == checksum_of({"a": [0.5], "b": 1})
    True
    """
    return hashlib.sha256(_json(values).encode()).hexdigest()[:16]


def _json(values: Any) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _loads(text: str) -> Any:
    """The values of a JSON text that is not too deep for the stack of every engine."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > 2 * MAX_NESTING:
            raise ArgumentError(
                f"data has more than {2 * MAX_NESTING} brackets in each other; it is no result."
            )
    return json.loads(text)


def _untimed(values: dict[str, Any], timed: dict[str, Any] = TIMED) -> dict[str, Any]:
    """Without what clocks decide."""
    kept = {}
    for key, value in values.items():
        if key not in timed:
            kept[key] = value
        elif timed[key] is not None:
            kept[key] = _untimed(value, timed[key])
    return kept


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """A deterministic result whose checksum is right, with empty places for what it lacks."""
    plain = {key: value for key, value in values.items() if key != "_checksum"}
    if checksum_of(plain) != values["_checksum"]:
        raise ArgumentError(
            f"data has the checksum {values['_checksum']!r}; its contents have "
            f"{checksum_of(plain)!r}, so it was changed."
        )
    engine = plain["engine_integration"]
    side = {"integration_timestamp": 0.0, "last_sync": 0.0} | engine["server_side_data"]
    empty = {"performance_metrics": {}, "server_side_data": side}
    return plain | {"processing_time_ms": 0.0, "engine_integration": engine | empty}


def _packed(values: Any, pack: Callable[[str, bytes], Any]) -> Any:
    """With every long list of floats replaced by what ``pack`` makes of its type and bytes."""
    if isinstance(values, dict):
        return {key: _packed(value, pack) for key, value in values.items()}
    if not isinstance(values, list):
        return values
    if len(values) >= _PACKED_FROM and all(type(value) is float for value in values):
        array = np.array(values, dtype="<f8")
        with np.errstate(over="ignore"):
            short = array.astype("<f4")
        same = np.array_equal(short.astype("<f8"), array)
        return pack("f4" if same else "f8", (short if same else array).tobytes())
    return [_packed(value, pack) for value in values]


def _unpacked(values: Any, unpack: Callable[[str, Any], bytes]) -> Any:
    if isinstance(values, list):
        return [_unpacked(value, unpack) for value in values]
    if not isinstance(values, dict):
        return values
    if len(values) == 1 and (kind := next(iter(values))) in _TYPES:
        return np.frombuffer(unpack(kind, values[kind]), dtype=_TYPES[kind]).tolist()
    return {key: _unpacked(value, unpack) for key, value in values.items()}


def _in_base64(kind: str, data: bytes) -> dict[str, str]:
    return {kind: base64.b64encode(data).decode("ascii")}


def _from_base64(_: str, text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _binary(values: dict[str, Any]) -> bytes:
    behind = bytearray()

    def pack(kind: str, data: bytes) -> dict[str, list[int]]:
        behind.extend(data)
        return {kind: [len(behind) - len(data), len(data)]}

    text = _json(_packed(values, pack)).encode()
    body = zlib.compress(_LENGTH.pack(len(text)) + text + bytes(behind), 6)
    return _HEAD.pack(_MAGIC, _VERSION, len(body), zlib.crc32(body)) + body


def _from_binary(data: bytes) -> dict[str, Any]:
    if len(data) < _HEAD.size or data[: len(_MAGIC)] != _MAGIC:
        raise ArgumentError(f"data begins with {data[:8]!r}; a result begins with {_MAGIC!r}.")
    _, version, length, crc = _HEAD.unpack_from(data)
    if version != _VERSION:
        raise ArgumentError(f"data has version {version}; this package reads {_VERSION}.")
    body = data[_HEAD.size :]
    if len(body) != length or zlib.crc32(body) != crc:
        raise ArgumentError(
            f"data has {len(body)} bytes after its head, which names {length}; it is damaged."
        )
    plain = zlib.decompressobj()
    inside = plain.decompress(body, _MOST_BYTES)
    if plain.unconsumed_tail or len(inside) < _LENGTH.size:
        raise ArgumentError(
            f"data holds more than {_MOST_BYTES} bytes, or too few; it is no result."
        )
    (size,) = _LENGTH.unpack_from(inside)
    text = inside[_LENGTH.size : _LENGTH.size + size]
    behind = inside[_LENGTH.size + size :]

    def unpack(_: str, place: list[int]) -> bytes:
        begin, count = place
        if not 0 <= begin <= begin + count <= len(behind):
            raise ArgumentError(f"data has an array at {place}; there are {len(behind)} bytes.")
        return behind[begin : begin + count]

    values: dict[str, Any] = _unpacked(_loads(text.decode()), unpack)
    return values
