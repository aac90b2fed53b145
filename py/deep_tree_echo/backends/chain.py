"""The chain of backends: the best one that works answers, and every failure is kept."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Sequence
from typing import Literal, get_args

from ..errors import ArgumentError, BackendError, DownloadError, EchoError, UnsupportedModelError
from ..events import Failure
from ..guidance import Guidance
from ..loading import Bytes, complete, for_each
from ..sampling import SamplingSettings
from .answer import Begun, ChainGeneration, Position, Request, begin_on
from .base import Backend, ModelFile

__all__ = [
    "ORDER",
    "Chain",
    "ChainGeneration",
    "Position",
    "Preference",
    "Progress",
    "backend_class",
]

Preference = Literal["auto", "rwkv_cpp", "python_rwkv", "mock"]
"""Which backends may answer: all in this order, or only the one named."""

ORDER = ("rwkv_cpp", "python_rwkv", "mock")
"""``auto``, best first."""

Progress = Callable[[int, int | None], object]
"""Told the bytes read so far and the size of the file, if known. What it raises ends the load."""


class Chain:
    """A model on the best backend that works here. Make one with `load` or `load_async`.

    Only a `BackendError` (the backend cannot work here) moves on to the next backend; a model
    that libecho does not support moves on to ``python_rwkv``, never to the mock. A damaged file,
    one over the memory limit or a broken download raises. A chain in use stays as it is while
    another one loads, and when that fails.

    Examples
    --------
    >>> from deep_tree_echo import Chain, ModelFile
    >>> chain = Chain.load(ModelFile.from_bytes("none", b""), preference="mock")
    >>> chain.backend.name, chain.failures
    ('mock', [])
    """

    def __init__(
        self,
        file: ModelFile,
        preference: Preference = "auto",
        memory_limit_mb: float | None = 600,
    ) -> None:
        """Prepares a chain with nothing loaded; use `load`."""
        if preference not in get_args(Preference):
            raise ArgumentError(
                f"preference is {preference!r}; it must be one of "
                f"{', '.join(get_args(Preference))}."
            )
        self.preference = preference
        """The preference it was loaded with."""
        self.failures: list[Failure] = []
        """The backends that could not be used, in order, and why."""
        self._file = file
        self._memory_limit_mb = memory_limit_mb
        self.candidates = ORDER if preference == "auto" else (preference,)
        """The backends that may answer, best first."""
        self._candidates = list(self.candidates)
        self._backend: Backend | None = None

    @classmethod
    def load(
        cls,
        file: ModelFile,
        preference: Preference = "auto",
        memory_limit_mb: float | None = 600,
        *,
        progress: Progress | None = None,
    ) -> Chain:
        """Loads a model file on the first backend that works.

        Parameters
        ----------
        file : ModelFile
            Read once for every backend that is tried, and not at all for the mock.
        preference : {"auto", "rwkv_cpp", "python_rwkv", "mock"}
            All backends in this order, or a single one.
        memory_limit_mb : float or None
            Most memory for the model, in millions of bytes.
        progress : callable, optional
            Called with the bytes read and the file's size; raising in it ends the load.

        Raises
        ------
        ArgumentError
            If the file comes asynchronously (use `load_async`) or an argument is out of range.
        DownloadError
            If the file cannot be read whole.
        ModelFormatError, UnsupportedModelError, MemoryBudgetError
            If the model itself is at fault.
        BackendError
            If the single backend asked for cannot work here.
        """
        chain = cls(file, preference, memory_limit_mb)
        complete(chain._advance(progress, share_loop=False))
        return chain

    @classmethod
    async def load_async(
        cls,
        file: ModelFile,
        preference: Preference = "auto",
        memory_limit_mb: float | None = 600,
        *,
        progress: Progress | None = None,
    ) -> Chain:
        """As `load`; the event loop goes on meanwhile. Cancelling the task ends the load."""
        chain = cls(file, preference, memory_limit_mb)
        await chain._advance(progress, share_loop=True)
        return chain

    @property
    def backend(self) -> Backend:
        """The backend in use.

        Raises
        ------
        ArgumentError
            After `close`.
        """
        if self._backend is None:
            raise ArgumentError(f"The chain of {self._file.name} is closed; load it again.")
        return self._backend

    @property
    def model_name(self) -> str:
        """The file's name, or ``mock``."""
        return self.backend.model_name

    def generate(
        self,
        prompt: str,
        state: Position | None = None,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
        guidance: Sequence[Guidance] = (),
        begun: str = "",
    ) -> ChainGeneration:
        """Continues ``prompt`` from ``state``, a `Position` that a generation has left.

        Should the backend fail with a `BackendError` on the way, a `Fallback` event follows, the
        next backend is loaded and the answer starts again from its beginning.
        """
        options = {
            "max_tokens": max_tokens,
            "settings": settings,
            "stop": stop,
            "guidance": guidance,
            "begun": begun,
        }
        position = state or Position("", 0, None, None)
        return ChainGeneration(self, Request(prompt, position, options))

    def load_again(self, name: str) -> Backend:
        """One of the candidates, loaded afresh beside the backend in use.

        Raises
        ------
        EchoError
            As `load`; a `BackendError`, too, for a file that comes asynchronously.
        """
        return complete(self._attempt(name, None, share_loop=False, at_once=True))

    def release(self) -> Backend:
        """Hands the backend over to the caller, who closes it; the chain is then closed."""
        backend, self._backend = self.backend, None
        return backend

    def close(self) -> None:
        """Gives the model's memory back. Harmless the second time."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def begin(self, request: Request, failures: list[Failure]) -> Begun:
        """Begins an answer on the backend in use, or on the next one that works."""
        while True:
            try:
                return begin_on(self.backend, request)
            except BackendError as error:
                failures.append(self._fall_back(error))

    def give_up(self, begun: Begun, error: BackendError, failures: list[Failure]) -> None:
        """Loads the next backend in the middle of an answer, unless another one has done so."""
        if self.has_closed(begun):
            failures.append(Failure(begun.name, str(error)))
        else:
            failures.append(self._fall_back(error))

    def has_closed(self, begun: Begun) -> bool:
        """Whether the chain has fallen back since; closed as a whole it answers nothing."""
        return self._backend is not None and begun.backend is not self._backend

    def _fall_back(self, error: BackendError) -> Failure:
        """Puts the next backend in use; raises ``error`` if none is left."""
        failed = self.backend
        failure = Failure(failed.name, str(error))
        if not self._candidates:
            raise error
        self.failures.append(failure)
        failed.close()
        complete(self._advance(None, share_loop=False, at_once=True))
        return failure

    async def _advance(
        self, progress: Progress | None, *, share_loop: bool, at_once: bool = False
    ) -> None:
        """Puts the first remaining candidate that works in use."""
        reason: EchoError | None = None
        while self._candidates:
            name = self._candidates.pop(0)
            if name == "mock" and isinstance(reason, UnsupportedModelError):
                break
            try:
                self._backend = await self._attempt(name, progress, share_loop, at_once)
                return
            except BackendError as error:
                reason = reason or error
                self.failures.append(Failure(name, str(error)))
            except UnsupportedModelError as error:
                reason = error
                self.failures.append(Failure(name, str(error)))
        assert reason is not None
        raise reason

    async def _attempt(
        self, name: str, progress: Progress | None, share_loop: bool, at_once: bool
    ) -> Backend:
        file = self._file
        backend = backend_class(name)
        loader = backend.loader(
            name=file.name,
            size=file.size,
            memory_limit_mb=self._memory_limit_mb,
            head=file.head,
            again=file.again,
        )
        done = 0

        def take(piece: Bytes) -> None:
            nonlocal done
            loader.push(piece)  # type: ignore[arg-type]
            done += len(piece)
            if progress is not None:
                progress(done, file.size)

        try:
            if backend.needs_file:
                pieces = file.chunks()
                if at_once and isinstance(pieces, AsyncIterable):
                    raise BackendError(
                        f"{file.name} comes asynchronously and cannot be read again in the "
                        "middle of an answer; load the model again."
                    )
                await for_each(pieces, take, share_loop=share_loop)
                if file.size is not None and done < file.size:
                    raise DownloadError(
                        f"Only {done} of the {file.size} bytes of {file.name} arrived; load it "
                        "again."
                    )
            return loader.finish()
        except EchoError:
            raise
        except OSError as error:
            raise DownloadError(f"{file.name} cannot be read whole: {error}.") from error
        finally:
            loader.close()


def backend_class(name: str) -> type[Backend]:
    """The class of a backend by its name.

    Raises
    ------
    BackendError
        If what it is built on cannot be imported.
    """
    try:
        if name == "rwkv_cpp":
            from .rwkv_cpp import RwkvCpp

            return RwkvCpp
        if name == "python_rwkv":
            from .python_rwkv import PythonRwkv

            return PythonRwkv
    except ImportError as error:
        if (error.name or "").startswith("deep_tree_echo"):
            raise
        raise BackendError(f"{name} needs NumPy, which could not be loaded: {error}.") from error
    from .mock import Mock

    return Mock
