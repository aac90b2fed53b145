"""A bar on the terminal while something long goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], object] | None]:
    """A callback that draws a bar of bytes done and in all, on a terminal.

    ``None`` where standard error is no terminal, or tqdm (the extra ``cli``) is missing.
    """
    if not sys.stderr.isatty():
        yield None
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield None
        return
    with tqdm(desc=label, unit="B", unit_scale=True, leave=False, file=sys.stderr) as drawn:

        def advance(done: int, total: int) -> None:
            drawn.total = total
            drawn.update(done - drawn.n)

        yield advance
