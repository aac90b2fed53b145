"""Make the lexicon of the memory membrane: vectors of words, from the training text.

How often words stand near each other in talk, and in an explanation with the word explained, is
counted; the positive pointwise mutual information is factored by a truncated decomposition (Levy
and Goldberg 2014), and the directions are kept as bytes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..membranes.memory.lexicon import FILE
from ..membranes.memory.words import terms
from ..wholefile import whole_file
from .data import HELD_OUT, Sources

__all__ = ["FILE", "make", "text_lines", "vectors", "write"]

WORDS, DIMENSIONS = 8000, 64
WINDOW = 4  # words to either side
LEAST = 4  # times that a word must occur
EXPLAINED = 30  # words of an explanation that belong to the word explained

Line = tuple[bool, list[str]]
Floats = NDArray[np.float32]


def text_lines(sources: Sources, seed: int = 1) -> Iterator[Line]:
    """Give the lines of the text as stems, without the conversations held out.

    Parameters
    ----------
    sources : Sources
        What people wrote.
    seed : int
        That of `data.documents`, whose split this is.

    Yields
    ------
    tuple of bool and list of str
        Whether the first word is explained by the others, and the stems.
    """
    talk = list(sources.talk)
    random.Random(seed).shuffle(talk)
    for document in talk[max(1, len(talk) // HELD_OUT) :]:
        for turn in document.split("\n\n"):
            yield False, terms(turn.partition(": ")[2])
    for document in sources.prose:
        for line in document.split("\n"):
            word, _, explanation = line.partition(": ")
            yield bool(explanation) and len(word) < 40, terms(line)


def vectors(
    lines: Iterable[Line], words: int = WORDS, size: int = DIMENSIONS
) -> tuple[list[str], Floats]:
    """Find the vectors of the commonest words.

    Parameters
    ----------
    lines : iterable
        As `text_lines` gives them.
    words, size : int
        Words at most, and numbers of each.

    Returns
    -------
    words : list of str
        From the commonest on.
    vectors : ndarray of float32, shape (words, size)
        Of length 1.
    """
    kept = list(lines)
    common = Counter(word for _, line in kept for word in line).most_common(words)
    known = [word for word, count in common if count >= LEAST]
    place = {word: index for index, word in enumerate(known)}
    pairs = np.zeros((len(known), len(known)), np.float32)
    for explained, line in kept:
        ids = [place.get(word, -1) for word in line]
        if explained and ids and ids[0] >= 0:
            for other in ids[1:EXPLAINED]:
                if other >= 0:
                    pairs[ids[0], other] += 1
        for here, one in enumerate(ids):
            for distance, other in enumerate(ids[here + 1 : here + 1 + WINDOW], 1):
                if one >= 0 and other >= 0:
                    pairs[one, other] += 1 / distance
    pairs += pairs.T.copy()
    return known, _factor(_information(pairs), size)


def _information(pairs: Floats) -> Floats:
    """Positive pointwise mutual information; rare contexts count less (power 3/4)."""
    counts = pairs.sum(1)
    context = counts**0.75
    context /= context.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(pairs / (counts[:, None] * context[None, :]))
    found = np.where(np.isfinite(found), np.maximum(found, 0), 0).astype(np.float32)
    return np.asarray((found + found.T) / 2, np.float32)


def _factor(matrix: Floats, size: int) -> Floats:
    """The strongest directions of a symmetric matrix, by subspace iteration."""
    random_start = np.random.default_rng(0).normal(size=(len(matrix), min(len(matrix), size + 20)))
    basis = matrix @ random_start.astype(np.float32)
    for _ in range(4):
        basis = matrix @ np.linalg.qr(basis)[0]
    basis = np.linalg.qr(basis)[0]
    small = basis.T @ (matrix @ basis)
    values, directions = np.linalg.eigh((small + small.T) / 2)
    strongest = np.argsort(-np.abs(values))[:size]
    found = (basis @ directions[:, strongest]) * np.sqrt(np.abs(values[strongest]))
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, 1e-9), np.float32)


def write(words: list[str], found: Floats, path: Path = FILE) -> int:
    """Write the file of a lexicon, as bytes scaled by each vector's largest number.

    Returns
    -------
    int
        Its size.
    """
    largest = np.maximum(np.abs(found).max(axis=1, keepdims=True), 1e-9)
    rounded = np.round(found / largest * 127).astype(np.int8)
    letters = np.frombuffer("\n".join(words).encode(), np.uint8)
    with whole_file(path) as file:
        np.savez_compressed(file, words=letters, vectors=rounded)
    path.chmod(0o644)  # it is part of the package
    return path.stat().st_size


def make(downloads: Path, path: Path = FILE) -> int:
    """Make the lexicon from the pinned packages, which takes some minutes.

    Returns
    -------
    int
        Bytes written.
    """
    return write(*vectors(text_lines(Sources.read(downloads))), path)
