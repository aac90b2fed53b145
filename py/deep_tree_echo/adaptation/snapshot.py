"""What was learned as bytes: a head, a checksum, and arrays in NumPy's npz format."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .gauge import Gauge
from .learner import Learner
from .senses import Senses
from .settings import AdaptationSettings

__all__ = ["Snapshot", "read_snapshot", "write_snapshot"]

VERSION = 2
_MAGIC = b"DTE adaptation\n"
_CHECKSUM = 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot holds.

    Parameters
    ----------
    settings : AdaptationSettings
        Sizes and rates.
    owner : tuple or None
        n_vocab, n_embed and fingerprint of the model; ``None`` if nothing was learned yet.
    learner : Learner or None
        What was learned, likewise.
    gauge : Gauge
        What was gained.
    learned : sequence of int
        Marks of the tokens learned, oldest first.
    """

    settings: AdaptationSettings
    owner: tuple[int, int, str] | None
    learner: Learner | None
    gauge: Gauge
    learned: Sequence[int]


def write_snapshot(snapshot: Snapshot) -> bytes:
    """The bytes of a snapshot."""
    gauge = snapshot.gauge
    head = {
        "version": VERSION,
        "settings": snapshot.settings.to_json(),
        "owner": snapshot.owner,
        "gauge": [gauge.tokens, gauge.bytes, gauge.nats_without, gauge.nats_with],
    }
    arrays: dict[str, Any] = {
        "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
        "learned": np.array(snapshot.learned, np.uint32),
    }
    if snapshot.learner is not None:
        arrays |= snapshot.learner.arrays()
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **arrays)
    data = body.getvalue()
    return _MAGIC + hashlib.sha256(data).digest() + data


def read_snapshot(data: bytes) -> Snapshot:
    """What `write_snapshot` wrote.

    Raises
    ------
    ArgumentError
        If it is nothing of that, damaged, or of another version.
    """
    if not data.startswith(_MAGIC):
        raise ArgumentError(
            f"data begins with {data[:15]!r}; that is no snapshot of an adaptation, give one."
        )
    body = data[len(_MAGIC) + _CHECKSUM :]
    if hashlib.sha256(body).digest() != data[len(_MAGIC) : len(_MAGIC) + _CHECKSUM]:
        raise ArgumentError(
            f"data, {len(data)} bytes, is a damaged snapshot: its checksum is wrong; give another."
        )
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as file:
            arrays = dict(file)
        head = json.loads(arrays.pop("head").tobytes())
        if head["version"] != VERSION:
            raise ArgumentError(
                f"data is a snapshot of version {head['version']} and this package reads "
                f"{VERSION}; give one that it wrote."
            )
        settings = AdaptationSettings(**head["settings"])
        learned = arrays.pop("learned").tolist()
        owner, learner = None, None
        if head["owner"] is not None:
            n_vocab, n_embed, fingerprint = head["owner"]
            owner = (int(n_vocab), int(n_embed), str(fingerprint))
            learner = Learner(owner[0], Senses(owner[1], settings), settings)
            learner.restore(arrays)
        return Snapshot(settings, owner, learner, Gauge(*head["gauge"]), learned)
    except (KeyError, TypeError, ValueError, IndexError, zipfile.BadZipFile) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"data is a damaged snapshot: {error}; give another.") from error
