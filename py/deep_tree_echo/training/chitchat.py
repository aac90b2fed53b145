"""Small talk between people: the package ``chitchat-dataset`` (MIT).

7168 conversations between volunteers, typed in 2018. Only the data file of the
package is read. Turns that the screen refuses end a conversation; conversations
that begin alike, or share most of their turns, are one.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from pathlib import Path

from .screening import Screen

__all__ = ["as_document", "clean", "conversations"]

_PLAIN = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-",
     "\u2026": "..."}
)  # fmt: skip


def clean(text: str) -> str:
    """Make a message one line of plain ASCII.

    Parameters
    ----------
    text : str
        As it was typed.

    Returns
    -------
    str
        Without emoji, links and double spaces: a model this small would spend
        its parameters on the bytes of emoji and still write half of one.
    """
    text = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    text = text.encode("ascii", "ignore").decode()
    text = re.sub(r"https?://\S+", "", text)
    return re.sub(r"\s+", " ", text).strip()


def conversations(wheel: Path, screen: Screen, turns: int = 4) -> list[str]:
    """Read the conversations as documents.

    Parameters
    ----------
    wheel : Path
        The package.
    screen : Screen
        Refuses turns.
    turns : int
        Shorter conversations are left out.

    Returns
    -------
    list of str
        ``User: ...`` and ``Assistant: ...`` in turn, in the order of the file.
    """
    with zipfile.ZipFile(wheel) as archive:
        records = json.loads(archive.read("chitchat_dataset/dataset.json"))
    out = []
    seen: set[str] = set()
    for record in records.values():
        said = [clean(" ".join(part["text"] for part in turn)) for turn in record["messages"]]
        said = screen.prefix([turn for turn in said if turn])
        # Long turns are hardly ever said twice by chance.
        marks = {turn.lower() for turn in said if len(turn) > 40} or {" ".join(said).lower()}
        if len(said) >= turns and len(marks & seen) <= len(marks) / 2:
            out.append(as_document(said))
            seen |= marks
    return out


def as_document(said: list[str]) -> str:
    """Join turns, the user's first.

    Parameters
    ----------
    said : list of str
        One turn each.

    Returns
    -------
    str
        The document.
    """
    names = ("User", "Assistant")
    return "\n\n".join(f"{names[index % 2]}: {turn}" for index, turn in enumerate(said))
