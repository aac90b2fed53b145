"""The parser of ``dte`` and what every command shares: exit codes, signals, messages."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import NoReturn, Protocol

from ..errors import EchoError, ModelFormatError, UnsupportedModelError
from . import ask, chat, convert, evaluate, inspect, quantize


class Command(Protocol):
    """A module of this package that is a command; ``source`` is the file that it reads."""

    NAME: str
    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describes what the command takes."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Does it; returns the exit code."""


COMMANDS: tuple[Command, ...] = (chat, ask, convert, quantize, inspect, evaluate)

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it."""


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command.

    Parameters
    ----------
    words : sequence of str, optional
        The command line without the program's name; ``sys.argv`` if not given.

    Returns
    -------
    int
        0; 1 after one sentence on standard error; 2 after a word on usage; 130 after Ctrl-C.

    Examples
    --------
    >>> from deep_tree_echo.platform import bundled_model_path
    >>> main(["inspect", str(bundled_model_path())])
    echo-1m-FP16.bin: RWKV 7.0, FP16, rwkv.cpp file
    ...
    0
    """
    try:
        arguments = parser().parse_args(words)
    except SystemExit as exit:
        return exit.code if isinstance(exit.code, int) else 2
    try:
        with _ended_as_interrupted():
            code: int = arguments.run(arguments)
            sys.stdout.flush()
            return code
    except KeyboardInterrupt:
        return _say("stopped; nothing has been changed.", STOPPED)
    except BrokenPipeError:
        # Whoever read our answer has seen enough; Python must not complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ModelFormatError, UnsupportedModelError) as error:
        return _say(f"{arguments.source}: {error}", 1)
    except EchoError as error:
        return _say(str(error), 1)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        return _say(f"{error.strerror or error}{place}.", 1)
    except MemoryError:
        return _say("there is not enough memory left for this; free some.", 1)


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="dte", description="Deep Tree Echo: RWKV language models on your own machine."
    )
    with contextlib.suppress(PackageNotFoundError):  # run from its sources
        whole.add_argument("--version", action="version", version=version("deep-tree-echo"))
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        described = commands.add_parser(
            command.NAME, help=command.SUMMARY, description=f"{command.SUMMARY.capitalize()}."
        )
        command.add_arguments(described)
        described.set_defaults(run=command.run)
    return whole


def _say(sentence: str, code: int) -> int:
    print(f"dte: {sentence}", file=sys.stderr)
    return code


@contextlib.contextmanager
def _ended_as_interrupted() -> Iterator[None]:
    """Makes SIGTERM end a command as Ctrl-C does, cleaning up."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
