"""The backend on libecho: the fast one, native or WebAssembly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..generation import TextGeneration
from ..model import Model, ModelLoader
from ..sampling import SamplingSettings
from .base import Backend, Generation, Loader


class RwkvCpp(Backend):
    """A `Model` that continues texts.

    Examples
    --------
    >>> from deep_tree_echo import Model
    >>> backend = RwkvCpp("echo", Model.load())
    >>> answer = backend.generate("Once", max_tokens=4)
    >>> [event.type for event in answer], answer.stop_reason
    (['prompt', 'token', 'token', 'token', 'token'], 'length')
    """

    name: ClassVar[str] = "rwkv_cpp"

    def __init__(self, model_name: str, model: Model) -> None:
        self._model_name = model_name
        self.model = model
        """The model; the backend closes it."""

    @classmethod
    def loader(
        cls,
        *,
        name: str,
        size: int | None,
        memory_limit_mb: float | None,
        head: str | None = None,
    ) -> Loader:
        """Begins to load a model.

        Raises
        ------
        BackendError
            If libecho is missing or cannot be loaded.
        """
        return _Loader(name, ModelLoader(size=size, memory_limit_mb=memory_limit_mb, head=head))

    @property
    def model_name(self) -> str:
        """The file's name."""
        return self._model_name

    @property
    def description(self) -> dict[str, Any]:
        """Architecture and sizes."""
        model = self.model
        return {
            "architecture": model.architecture,
            "type": model.type,
            "n_vocab": model.n_vocab,
            "n_embed": model.n_embed,
            "n_layer": model.n_layer,
            "n_head": model.n_head,
            "head_size": model.head_size,
            "weight_bytes": model.weight_bytes,
            "work_bytes": model.work_bytes,
            "state_bytes": model.state_bytes,
        }

    def generate(
        self,
        prompt: str,
        state: Any = None,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
    ) -> Generation:
        """Continues ``prompt`` from ``state`` (``None``: from nothing)."""
        return TextGeneration(
            self.model, prompt, state, max_tokens=max_tokens, settings=settings, stop=stop
        )

    def close(self) -> None:
        """Gives the model's memory back."""
        self.model.close()


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
