"""All sources asked at once: none may hold up the others, and none fails unnamed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from .. import platform
from ..errors import EchoError
from .aggregation import aggregate
from .kinds import FIELDS, Kind
from .pipelines import pipelines

__all__ = ["SOURCE_SECONDS", "beside", "fetch_all", "multi_source_data"]

Result = TypeVar("Result")
Source = Callable[[], Awaitable[dict[str, Any]]]

SOURCE_SECONDS: Final = 0.08
"""The most that a source may take, so that all of them are there within a tenth of a second."""


async def fetch_all(
    sources: Mapping[Kind, Source], limit: float = SOURCE_SECONDS
) -> dict[str, dict[str, Any]]:
    """What every source tells.

    Parameters
    ----------
    sources : mapping
        What fetches each.
    limit : float
        The most seconds for each; they run side by side.

    Returns
    -------
    dict of str to dict
        The fields of `FIELDS` with ``source_type`` and ``fetch_timestamp``, in seconds since 1970.
        A source that fails, or is late, has ``None`` in each field and ``error`` beside them: one
        sentence.
    """
    found = await asyncio.gather(*(_fetch(kind, one, limit) for kind, one in sources.items()))
    return {str(kind): data for kind, data in zip(sources, found, strict=True)}


async def multi_source_data(
    sources: Mapping[Kind, Source],
    *,
    enable_caching: bool,
    limit: float = SOURCE_SECONDS,
) -> dict[str, Any]:
    """Everything in the structure that the founding document names, see docs/sources.md.

    Parameters
    ----------
    sources : mapping
        What fetches each.
    enable_caching : bool
        Whether results are kept to be given again.
    limit : float
        The most seconds for each source.
    """
    fetched = await fetch_all(sources, limit)
    aggregation = aggregate(fetched)
    return {
        "sources": fetched,
        "aggregation": aggregation,
        "processing_pipelines": pipelines(fetched, aggregation, enable_caching=enable_caching),
        "transformation_ready": aggregation["successful_sources"] > 0,
        "source_count": len(fetched),
        "timestamp": time.time(),
    }


async def beside(step: Callable[[], Result]) -> Result:
    """What a step gives, run in a thread of its own where there are threads.

    It can be waited for with a time limit then, and one that never ends holds up nothing: neither
    the event loop nor the end of the process.
    """
    if platform.IN_PYODIDE:
        await platform.breathe()
        return step()
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def put(give: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            give(value)

    def run() -> None:
        give: Callable[[Any], None]
        value: Any
        try:
            give, value = future.set_result, step()
        except Exception as error:
            give, value = future.set_exception, error
        if not loop.is_closed():
            loop.call_soon_threadsafe(put, give, value)

    threading.Thread(target=run, name="source", daemon=True).start()
    return await future


async def _fetch(kind: Kind, source: Source, limit: float) -> dict[str, Any]:
    begin = time.perf_counter()
    error = ""
    data: dict[str, Any] = {}
    try:
        data = await asyncio.wait_for(source(), limit)
    except TimeoutError:
        error = f"{kind} has told nothing within {limit:g} s."
    except Exception as failure:  # whatever it is, the others go on
        known = "" if isinstance(failure, EchoError) else f" with {type(failure).__name__}"
        error = f"{kind} failed{known}: {str(failure).rstrip('.') or 'no reason given'}."
    seconds = time.perf_counter() - begin
    if not error and seconds > limit:
        error = f"{kind} took {seconds:.2g} s; it may take {limit:g} s."
    missing = [field for field in FIELDS[kind] if field not in data]
    if not error and missing:
        error = f"{kind} tells no {missing[0]}."
    values = {field: None if error else data[field] for field in FIELDS[kind]}
    stamped = values | {"source_type": kind, "fetch_timestamp": time.time()}
    return stamped | {"error": error} if error else stamped
