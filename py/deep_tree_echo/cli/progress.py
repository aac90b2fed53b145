"""A bar on the terminal while something long goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import PurePath
from typing import Any


@contextmanager
def bar(destination: str) -> Iterator[Callable[[int, int], object] | None]:
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
    with ExitStack() as stack:
        drawn: Any = None

        def advance(done: int, total: int) -> None:
            nonlocal drawn
            if drawn is None:
                described = {"desc": PurePath(destination).name, "unit": "B", "unit_scale": True}
                drawn = stack.enter_context(
                    tqdm(total=total, leave=False, file=sys.stderr, **described)
                )
            drawn.update(done - drawn.n)

        yield advance
