"""Measure a model file: bits per byte, help questions, refusals, sample dialogues.

The model is run by libecho, as a user runs it. Bits are counted document by
document from a fresh state, for all tokens but a document's first, the end of the
document included; bytes are those of the document and one for its end. So
models with different tokenizers can be compared.
"""

from __future__ import annotations

import gzip
import itertools
import lzma
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..model import Model
from . import vocabulary
from .dialogues import Dialogues
from .ngram import NGram

__all__ = [
    "Score", "answer", "asked", "bits_per_byte", "compressors", "documents", "ngram",
    "sample_dialogues",
]  # fmt: skip

STOP = ("\n\nUser:", "\n\nAssistant:")
MOST = 120  # tokens of an answer


@dataclass(frozen=True)
class Score:
    """How many questions of a group were answered as its topic says.

    Parameters
    ----------
    group : str
        Topics, by the file that holds them.
    right, total : int
        Greedy answers that are, letter for letter, one of their topic's; and questions.
    missed : list of tuple of str
        The other questions with what was answered.
    """

    group: str
    right: int
    total: int
    missed: list[tuple[str, str]]


def documents(tokens: Sequence[int] | np.ndarray) -> list[bytes]:
    """Return the text of packed documents.

    Parameters
    ----------
    tokens : ndarray of uint16, shape (tokens,)
        From `data.load`.

    Returns
    -------
    list of bytes
        One each, without the closing 0.
    """
    pieces = vocabulary.read(vocabulary.FILE)
    packed = np.asarray(tokens)
    parts = np.split(packed, np.flatnonzero(packed == 0) + 1)
    return [b"".join(pieces[token] for token in part) for part in parts if len(part)]


def bits_per_byte(model: Model, texts: Sequence[bytes]) -> float:
    """Measure a model.

    Parameters
    ----------
    model : Model
        Its token 0 ends a text.
    texts : sequence of bytes
        Documents.

    Returns
    -------
    float
        Bits per byte.
    """
    nats = size = 0.0
    for text in texts:
        tokens, state = [*model.encode(text), 0], None
        for read, follows in itertools.pairwise(tokens):
            logits, state = model.eval([read], state)
            top = float(logits.max())
            nats += math.log(float(np.exp(logits - top).sum())) + top - float(logits[follows])
        size += len(text) + 1
    return nats / size / math.log(2)


def ngram(train: Sequence[bytes], texts: Sequence[bytes], order: int = 5) -> float:
    """Measure the n-gram model of `NGram`, in the same way.

    Parameters
    ----------
    train, texts : sequence of bytes
        What it has read, and what it is measured on.
    order : int
        Bytes of context.

    Returns
    -------
    float
        Bits per byte.
    """
    tokens = _as_bytes(texts)
    first = np.concatenate([[True], tokens[:-1] == 0])
    return float(NGram(_as_bytes(train), order).bits(tokens)[~first].sum() / len(tokens))


def compressors(texts: Sequence[bytes]) -> dict[str, float]:
    """Return the bits per byte of gzip and xz, which get all documents as one file.

    Parameters
    ----------
    texts : sequence of bytes
        Documents.

    Returns
    -------
    dict of str to float
        By name.
    """
    whole = b"\0".join(texts)
    return {
        "gzip -9": 8 * len(gzip.compress(whole, 9)) / len(whole),
        "xz -9": 8 * len(lzma.compress(whole, preset=9)) / len(whole),
    }


def answer(
    model: Model, turns: Sequence[str], seed: int = 1, temperature: float = 0.0, top_p: float = 0.9
) -> str:
    """Let a model answer in a chat.

    Parameters
    ----------
    model : Model
        Any.
    turns : sequence of str
        What was said, the user's turn first and last.
    seed : int
        Of the draws.
    temperature, top_p : float
        0 takes the likeliest token.

    Returns
    -------
    str
        The answer.
    """
    names = ("User", "Assistant")
    text = "\n\n".join(f"{names[place % 2]}: {turn}" for place, turn in enumerate(turns))
    pieces = model.generate(
        f"{text}\n\nAssistant:", max_tokens=MOST, temperature=temperature, top_p=top_p,
        seed=seed, stop=STOP,
    )  # fmt: skip
    return "".join(pieces).strip()


def asked(model: Model, seed: int = 2) -> Iterator[Score]:
    """Ask the held-out questions, one chat each, and count the answers that fit.

    Parameters
    ----------
    model : Model
        Any.
    seed : int
        Of the names that go into the questions.

    Yields
    ------
    Score
        Of each group of topics. Those of ``beyond`` are refusals: for them the answers
        of all its topics count, for each says truly that this cannot be known here.
    """
    generator = Dialogues(seed, held_out=True)
    for group, topics in generator.topics.items():
        right = total = 0
        missed = []
        pairs = [pair for topic in topics for pair in generator.questions(topic)]
        refusals = {text for _, texts in pairs for text in texts} if group == "beyond" else set()
        for question, fitting in pairs:
            said = answer(model, [question])
            total += 1
            if said in fitting or said in refusals:
                right += 1
            else:
                missed.append((question, said))
        yield Score(group, right, total, missed)


def sample_dialogues(
    model: Model, texts: Sequence[bytes], count: int = 50, turns: int = 3
) -> Iterator[list[str]]:
    """Talk with the model as the users of held-out documents did.

    Parameters
    ----------
    model : Model
        Any.
    texts : sequence of bytes
        Documents; the first ones are taken, one each, and their users' first turns.
    count : int
        Dialogues.
    turns : int
        Questions of a dialogue at most.

    Yields
    ------
    list of str
        The user's and the model's turns. Nothing is left out or tried twice: the seed
        is the dialogue's number, the temperature 0.6.
    """
    for number, text in enumerate(texts[:count], 1):
        said = [turn.partition(": ")[2] for turn in text.decode().split("\n\n")]
        talk: list[str] = []
        for question in said[: 2 * turns : 2]:
            talk.append(question)
            talk.append(answer(model, talk, number, temperature=0.6))
        yield talk


def _as_bytes(texts: Sequence[bytes]) -> np.ndarray:
    """Bytes plus one, and a 0 after each text."""
    whole = b"".join(text + b"\0" for text in texts)
    ends = np.cumsum([len(text) + 1 for text in texts]) - 1
    tokens = np.frombuffer(whole, np.uint8).astype(np.int64) + 1
    tokens[ends] = 0
    return tokens
