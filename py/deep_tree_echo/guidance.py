"""What has a say in each token of an answer: a grammar, what was learned from the user's text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .generation import LanguageModel, Reading

__all__ = ["Form", "Guidance", "Guide", "Listener"]


class Guide(Protocol):
    """Has a say in each token of one answer by one model."""

    def adjust(self, logits: Any) -> Any:
        """What the next token is drawn from.

        Parameters
        ----------
        logits : ndarray of float32, shape (n_vocab,)
            What the model, or the guide before this one, expects. Never changed in place: it
            belongs to the state.

        Returns
        -------
        ndarray of float32, shape (n_vocab,)
            ``-inf`` for what must not come.
        """

    def accept(self, token: int, reading: Reading) -> None:
        """Takes note of the token that was chosen; ``reading`` is where the model stands now."""


@runtime_checkable
class Form(Guide, Protocol):
    """A guide that knows which texts are whole answers, as a grammar does."""

    @property
    def over(self) -> bool:
        """Whether nothing may follow: the answer then ends without asking the model."""

    def go_on(self, text: bytes) -> None:
        """Takes note of what the answer begins with, before its first token here.

        Raises
        ------
        ArgumentError
            If no answer of this form begins so.
        """

    def may_end(self, text: bytes) -> bool:
        """Whether these first bytes of the answer are a whole one; else no stop string ends it."""


@runtime_checkable
class Listener(Guide, Protocol):
    """A guide that also hears the text before the answer, token by token.

    The model then reads that text one token at a time, for it gives logits and a hidden vector only
    for the last token of a call.
    """

    def begin(self, reading: Reading) -> None:
        """Takes note of where the text begins, before anything is read."""

    def read(self, token: int, reading: Reading) -> None:
        """Takes note of a token that was read; ``reading`` is where the model stands now."""


class Guidance(Protocol):
    """Something that guides answers; each answer, and each model it falls to, starts afresh."""

    name: str
    """What it is called in messages, such as ``grammar``."""
    required: bool
    """Whether an answer without it would be wrong, as one outside its grammar is."""

    def start(self, model: LanguageModel) -> Guide:
        """A guide for one answer by ``model``, before its first token.

        Raises
        ------
        ArgumentError
            If this model cannot be guided so.
        """
