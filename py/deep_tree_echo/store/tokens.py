"""The tokens of a finished answer as a few bytes each."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence

from .records import Said

_COUNT = struct.Struct("<I")


def pack_tokens(tokens: Sequence[Said]) -> bytes:
    """Numbers, probabilities and lengths, compressed; the texts are the answer's own.

    Examples
    --------
    >>> tokens = [Said(7, 0.5, " Once"), Said(0, None, "")]
    >>> unpack_tokens(pack_tokens(tokens), " Once") == tokens
    True
    """
    n = len(tokens)
    columns = struct.pack(
        f"<{n}i{n}f{n}I",
        *(said.token for said in tokens),
        *(math.nan if said.probability is None else said.probability for said in tokens),
        *(len(said.text) for said in tokens),
    )
    return _COUNT.pack(n) + zlib.compress(columns)


def unpack_tokens(packed: bytes | None, raw: str) -> list[Said]:
    """The tokens that `pack_tokens` packed, of an answer whose text is ``raw``.

    ``None`` gives none, as does what is damaged: an answer can be read without its tokens.
    """
    if not packed:
        return []
    try:
        (n,) = _COUNT.unpack_from(packed)
        limit = zlib.decompressobj()
        columns = limit.decompress(packed[_COUNT.size :], 12 * n + 1)
        values = struct.unpack(f"<{n}i{n}f{n}I", columns)
    except (struct.error, zlib.error):
        return []
    tokens, at = [], 0
    for token, probability, length in zip(
        values[:n], values[n : 2 * n], values[2 * n :], strict=True
    ):
        text = raw[at : at + length]
        at += length
        tokens.append(Said(token, None if math.isnan(probability) else probability, text))
    return tokens
