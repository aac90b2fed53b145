"""Prepare the training text and the text held out from it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import chitchat
from .dialogues import FINISH, Dialogues
from .streams import pack

__all__ = ["documents", "load", "prepare"]

PARTS = ("train", "finish", "chat", "help")
HELP_SHARE = 0.4  # of the training bytes
HELD_OUT = 20  # one conversation in so many


def documents(talk: list[str], seed: int = 1) -> dict[str, list[str]]:
    """Split the conversations and add generated dialogues.

    Parameters
    ----------
    talk : list of str
        Conversations between people.
    seed : int
        Seed of the split, the dialogues and the order.

    Returns
    -------
    dict of str to list of str
        ``train`` and ``finish`` (shuffled), ``chat`` (conversations held out) and
        ``help`` (dialogues in phrasings held out).
    """
    mixer = random.Random(seed)
    talk = list(talk)
    mixer.shuffle(talk)
    count = max(1, len(talk) // HELD_OUT)
    held, train = talk[:count], talk[count:]
    size = sum(map(len, train))
    generated = Dialogues(seed).documents(round(size * HELP_SHARE / (1 - HELP_SHARE)))
    train = train + generated
    mixer.shuffle(train)
    finish = Dialogues(seed + 2, shares=FINISH).documents(1_500_000)
    finish += talk[count : count + len(talk) // 25]
    mixer.shuffle(finish)
    return {
        "train": train,
        "finish": finish,
        "chat": held,
        "help": Dialogues(seed + 1, True).documents(120_000),
    }


def prepare(downloads: Path, folder: Path, seed: int = 1) -> dict[str, int]:
    """Fetch the conversations, generate the dialogues, write packed tokens.

    Parameters
    ----------
    downloads : Path
        Where packages are kept.
    folder : Path
        Receives ``train.npy``, ``finish.npy``, ``chat.npy`` and ``help.npy``.
    seed : int
        Seed of `documents`.

    Returns
    -------
    dict of str to int
        Tokens of each part.
    """
    folder.mkdir(parents=True, exist_ok=True)
    talk = chitchat.conversations(chitchat.fetch(downloads))
    sizes = {}
    for name, part in documents(talk, seed).items():
        tokens = pack(part)
        np.save(folder / f"{name}.npy", tokens)
        sizes[name] = len(tokens)
    return sizes


def load(folder: Path) -> dict[str, NDArray[np.int16]]:
    """Read what `prepare` wrote.

    Parameters
    ----------
    folder : Path
        The same folder.

    Returns
    -------
    dict of str to ndarray of int16
        Packed tokens by name.

    Raises
    ------
    FileNotFoundError
        If it was not prepared.
    """
    if not (folder / "train.npy").exists():
        raise FileNotFoundError(f"{folder} holds no training text: run 'prepare' first.")
    return {name: np.load(folder / f"{name}.npy") for name in PARTS}
