"""What backends share that hold a language model in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from ..errors import ArgumentError
from ..generation import LanguageModel, TextGeneration
from ..guidance import Guidance
from ..sampling import SamplingSettings
from .base import Backend, Generation


class DescribedModel(LanguageModel, Protocol):
    """A language model that tells its sizes."""

    architecture: str
    type: str
    n_vocab: int
    n_embed: int
    n_layer: int
    n_head: int
    head_size: int
    weight_bytes: int
    state_bytes: int


M = TypeVar("M", bound=DescribedModel)


class LanguageBackend(Backend, Generic[M]):
    """A backend around a language model that it owns.

    Parameters
    ----------
    name : str
        The file's name.
    model : DescribedModel
        Continues texts; the backend closes it.
    """

    def __init__(self, name: str, model: M) -> None:
        self._name = name
        self._model: M | None = model

    @property
    def model_name(self) -> str:
        """The file's name."""
        return self._name

    @property
    def model(self) -> M:
        """The model itself.

        Raises
        ------
        ArgumentError
            After `close`.
        """
        if self._model is None:
            raise ArgumentError(f"{self._name} has been closed; load it again.")
        return self._model

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
        guidance: Sequence[Guidance] = (),
        begun: str = "",
    ) -> Generation:
        """Continues ``prompt`` from ``state`` (``None``: from nothing), as `TextGeneration`."""
        return TextGeneration(
            self.model,
            prompt,
            state,
            max_tokens=max_tokens,
            settings=settings,
            stop=stop,
            guidance=guidance,
            begun=begun,
        )

    def close(self) -> None:
        """Gives the model's memory back; the backend is of no use afterwards."""
        if self._model is not None:
            self._release(self._model)
            self._model = None

    @abstractmethod
    def _release(self, model: M) -> None:
        """Gives back what ``model`` holds outside of Python."""
