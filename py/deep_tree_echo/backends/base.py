"""What a backend is: something that reads a model file and continues a text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..errors import ArgumentError
from ..events import Event, StopReason
from ..guidance import Guidance
from ..reread import CAN_READ_AGAIN, FileReread, Reread
from ..sampling import SamplingSettings


@dataclass(frozen=True, slots=True)
class ModelFile:
    """Where a model comes from, readable as often as a backend needs it.

    Parameters
    ----------
    name : str
        What the user sees, such as ``echo-1m-FP16.bin``.
    size : int or None
        Bytes in the file, if known.
    chunks : callable
        Starts the file from its first byte: pieces of any size, in order, synchronous (a file)
        or asynchronous (a download).
    head : str, optional
        Type to requantise the head to, such as ``Q8_0``, where the backend can.
    again : callable, optional
        Opens the file to read from it at any place while the model is in use, so that a large
        embedding need not be in memory.
    """

    name: str
    size: int | None
    chunks: Callable[[], Iterable[bytes] | AsyncIterable[bytes]]
    head: str | None = None
    again: Callable[[], Reread] | None = None

    @classmethod
    def from_path(cls, path: str | Path, chunk_bytes: int = 1 << 20) -> ModelFile:
        """A file on disk, read in pieces of ``chunk_bytes``.

        Raises
        ------
        ArgumentError
            If there is no file at ``path``.
        """
        path = Path(path)
        if not path.is_file():
            raise ArgumentError(f"path is {str(path)!r}; there is no file there.")

        def chunks() -> Iterator[bytes]:
            with path.open("rb") as file:
                while piece := file.read(chunk_bytes):
                    yield piece

        again = (lambda: FileReread(path)) if CAN_READ_AGAIN else None
        return cls(path.name, path.stat().st_size, chunks, again=again)

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> ModelFile:
        """A file already in memory."""
        return cls(name, len(data), lambda: [data])


class Generation(ABC):
    """An answer in the making: iterate over it for its events.

    The iteration yields ``Prompt`` events while the prompt is read, piece by piece, and then one
    ``Token`` event a token. It may be left at any time: what has been read up to there is in
    ``state``, which is how stopping keeps the conversation usable.
    """

    stop_reason: StopReason | None = None
    """Why it ended; ``None`` while it goes on."""
    context_tokens: int = 0
    """Tokens fed to the model by this generation so far, prompt included."""
    text: str = ""
    """The answer so far, without the stop string."""

    @abstractmethod
    def __iter__(self) -> Iterator[Event]: ...

    @property
    @abstractmethod
    def state(self) -> Any:
        """The backend's state after the prompt read and ``text``; opaque to callers.

        An empty prompt given with it goes on right there, without reading anything again.
        """

    @abstractmethod
    def cancel(self) -> None:
        """Ends the answer before its next token, with the stop reason ``cancelled``."""


class Backend(ABC):
    """A loaded model that continues texts.

    States are values: ``generate`` never changes the one it is given, so a conversation can be
    continued, repeated or branched from any state it has kept.
    """

    name: ClassVar[str]
    """``rwkv_cpp``, ``python_rwkv`` or ``mock``."""
    needs_file: ClassVar[bool] = True
    """Whether the model file is read at all; the mock does without."""

    @classmethod
    @abstractmethod
    def loader(
        cls,
        *,
        name: str,
        size: int | None,
        memory_limit_mb: float | None,
        head: str | None = None,
        again: Callable[[], Reread] | None = None,
    ) -> Loader:
        """Begins to load a model; see `ModelFile` for ``head`` and ``again``.

        Raises
        ------
        BackendError
            If this backend cannot work here at all.
        """

    @property
    @abstractmethod
    def model_name(self) -> str:
        """The file's name."""

    @property
    @abstractmethod
    def description(self) -> dict[str, Any]:
        """Architecture and sizes, for the page's status line: JSON only."""

    @abstractmethod
    def generate(
        self,
        prompt: str,
        state: Any = None,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
        guidance: Sequence[Guidance] = (),
        begun: str = "",
    ) -> Generation:
        """Continues ``prompt`` from ``state`` (``None``: from nothing).

        ``begun`` is what the answer begins with, if it goes on with one; it has been read, or is
        the end of ``prompt``.

        Raises
        ------
        BackendError
            If ``guidance`` holds something required that this backend cannot follow.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Gives the model's memory back; the backend is of no use afterwards."""


class Loader(ABC):
    """A model on its way in: ``push`` the file in pieces, then ``finish``."""

    @abstractmethod
    def push(self, piece: bytes) -> None:
        """Takes the next bytes of the file.

        Raises
        ------
        ModelFormatError, UnsupportedModelError, MemoryBudgetError
            With one sentence; the loader is then of no further use.
        """

    @abstractmethod
    def finish(self) -> Backend:
        """The backend, once every byte has been pushed. Raises as ``push`` does."""

    def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Gives back what an unfinished load holds. Safe to call at any time."""
