"""What the commands that talk to a model share: their options, the engine, an answer on screen."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError, EchoError
from ..events import Error, Event, Fallback, Token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..engine import CognitiveEngine, Result
    from ..store import ConversationStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a model, of its sampling and of what surrounds it."""
    parser.add_argument(
        "--model", dest="source", metavar="FILE", help="a model file (default: the bundled one)"
    )
    parser.add_argument(
        "--backend", default="auto", choices=("auto", "rwkv_cpp", "python_rwkv", "mock")
    )
    parser.add_argument("--memory", type=float, default=600.0, metavar="MB", help="most memory")
    parser.add_argument("--max-tokens", type=int, default=256, metavar="N")
    parser.add_argument("--temperature", type=float, default=0.8, metavar="T")
    parser.add_argument("--top-p", type=float, default=0.9, metavar="P")
    parser.add_argument("--top-k", type=int, default=40, metavar="K")
    parser.add_argument("--seed", type=int, metavar="N", help="equal seeds give equal answers")
    parser.add_argument(
        "--reason", action="store_true", help="draw several answers and choose, with a confidence"
    )
    parser.add_argument(
        "--adapt", action="store_true", help="learn from what you write, while it is running"
    )


def open_engine(
    arguments: argparse.Namespace,
    store: ConversationStore | None = None,
    *,
    remembers: bool = False,
) -> CognitiveEngine:
    """The engine that the options describe, its model loaded."""
    from ..config import EngineConfig
    from ..engine.loading import load_engine
    from ..loading import complete

    config = EngineConfig(
        model_path=arguments.source,
        backend_type=arguments.backend,
        memory_limit_mb=arguments.memory,
        max_tokens=arguments.max_tokens,
        temperature=arguments.temperature,
        top_p=arguments.top_p,
        top_k=arguments.top_k,
        seed=arguments.seed,
        enable_memory=remembers,
        enable_reasoning=arguments.reason,
        enable_adaptation=arguments.adapt,
    )
    return complete(load_engine(config, store, share_loop=False))


def show(events: Iterable[Event], write: Callable[[str], object]) -> Result:
    """Writes an answer as it comes; gives its result.

    Raises
    ------
    EchoError
        If it could not be made.
    """
    from ..engine import Result

    shown = False
    for event in events:
        if isinstance(event, Token):
            write(event.text)
            shown = True
        elif isinstance(event, Fallback):
            # What has been written is no part of the answer that follows.
            write("\n" if shown else "")
            print(f"dte: {event.failure.backend}: {event.failure.reason}", file=sys.stderr)
        elif isinstance(event, Error):
            raise EchoError(event.message)
        elif isinstance(event, Result):
            return event
    raise AssertionError("an answer has ended without a result")


def figures(result: Result) -> str:
    """One line about an answer."""
    parts = [result.backend_used, result.model, f"{result.tokens_per_second:.0f} tokens/s"]
    if result.overall_confidence is not None:
        parts.append(f"confidence {result.overall_confidence:.2f}")
    parts += [f"{failure.backend}: {failure.reason}" for failure in result.failures]
    return " · ".join(parts) + (f"\n{result.error}" if result.error else "")


def json_file(path: str) -> Any:
    """What is in a file of JSON.

    Raises
    ------
    ArgumentError
        If it is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArgumentError(f"{path} is not JSON: {error}.") from None


@contextmanager
def stopped_by_ctrl_c(stop: Callable[[], object]) -> Iterator[None]:
    """Makes the first Ctrl-C call ``stop``; the next one interrupts as ever."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    try:
        before = signal.signal(signal.SIGINT, interrupt)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
