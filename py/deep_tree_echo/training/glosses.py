"""Explanations of words: WordNet 3.0 (its own licence, which asks for its notice).

Short, plain sentences about everything, from which a small model learns what
words go together. They are documents of their own, not questions and answers:
a model of this size that was asked to define words would make its answers up.
"""

from __future__ import annotations

import re
from pathlib import Path

from .screening import Screen

__all__ = ["glosses"]

FILES = ("data.noun", "data.verb", "data.adj", "data.adv")
GROUP = 12  # entries a document


def glosses(folder: Path, screen: Screen, examples: bool = True) -> list[str]:
    """Read the entries as documents of a dozen lines.

    Parameters
    ----------
    folder : Path
        The four ``data.*`` files.
    screen : Screen
        Leaves out what nobody should learn.
    examples : bool
        Only entries with an example sentence, which are the common words.

    Returns
    -------
    list of str
        Lines such as ``dwell: live in a certain place; "he dwelt in the woods"``.
    """
    lines = []
    for name in FILES:
        for line in (folder / name).read_text(encoding="latin-1").splitlines():
            if line.startswith("  "):
                continue  # the licence
            fields, _, gloss = line.partition(" | ")
            word = fields.split()[4].replace("_", " ")
            word = re.sub(r"\([a-z]+\)$", "", word)  # where an adjective may stand
            entry = f"{word}: {' '.join(gloss.split())}"
            if (examples and '"' not in entry) or not entry.isascii() or not screen.accepts(entry):
                continue
            lines.append(entry)
    return ["\n".join(lines[at : at + GROUP]) for at in range(0, len(lines), GROUP)]
