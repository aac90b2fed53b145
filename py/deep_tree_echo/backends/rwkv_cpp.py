"""The backend on libecho: the fast one, native or WebAssembly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..model import Model, ModelLoader
from ..reread import Reread
from .base import Backend, Loader
from .language import LanguageBackend


class RwkvCpp(LanguageBackend[Model]):
    """A `Model` that continues texts.

    Examples
    --------
    >>> from deep_tree_echo import Model, SamplingSettings
    >>> backend = RwkvCpp("echo", Model.load())
    >>> answer = backend.generate("Once", max_tokens=4, settings=SamplingSettings(seed=1))
    >>> [event.type for event in answer], answer.stop_reason
    (['prompt', 'token', 'token', 'token', 'token'], 'length')
    """

    name: ClassVar[str] = "rwkv_cpp"

    @classmethod
    def loader(
        cls,
        *,
        name: str,
        size: int | None,
        memory_limit_mb: float | None,
        head: str | None = None,
        again: Callable[[], Reread] | None = None,
    ) -> Loader:
        """Begins to load a model.

        Raises
        ------
        BackendError
            If libecho is missing or cannot be loaded.
        """
        opened = again() if again else None
        try:
            loader = ModelLoader(
                size=size, memory_limit_mb=memory_limit_mb, head=head, again=opened
            )
        except BaseException:
            if opened:
                opened.close()
            raise
        return _Loader(name, loader)

    @property
    def description(self) -> dict[str, Any]:
        """Architecture and sizes."""
        model = self.model
        return super().description | {
            "work_bytes": model.work_bytes,
            "outside_bytes": model.outside_bytes,
        }

    def _release(self, model: Model) -> None:
        model.close()


class _Loader(Loader):
    def __init__(self, name: str, loader: ModelLoader) -> None:
        self._name = name
        self._loader = loader

    def push(self, piece: bytes) -> None:
        self._loader.push(piece)

    def finish(self) -> Backend:
        model = self._loader.finish()
        try:
            _ = model.tokenizer  # a text model without its tokenizer is of no use here
        except BaseException:
            model.close()
            raise
        return RwkvCpp(self._name, model)

    def close(self) -> None:
        self._loader.close()
