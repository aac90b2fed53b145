"""The continuation of a text by a language model, token by token."""

from __future__ import annotations

import secrets
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from .backends.base import Generation
from .errors import ArgumentError
from .events import Event, Prompt, StopReason, Token
from .guidance import Form, Guidance, Listener
from .sampling import SamplingSettings
from .textstream import TextStream

END_OF_TEXT = 0
"""The token that ends a text, in every vocabulary in use."""


class TokenSampler(Protocol):
    """Chooses tokens by `SamplingSettings`; remembers what it has accepted for the penalties."""

    def accept(self, token: int) -> None:
        """Counts a token for the penalties."""

    def sample(self, logits: Any) -> tuple[int, float]:
        """A token drawn from ``logits`` (n_vocab,) and the model's own probability of it."""


class LanguageModel(Protocol):
    """What `TextGeneration` needs of a model. States are values: ``eval`` returns a new one."""

    def encode(self, text: str | bytes) -> list[int]:
        """The tokens of a text."""

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some tokens; they need not be whole characters."""

    def eval(self, tokens: Sequence[int], state: Any = None) -> tuple[Any, Any]:
        """Logits after the last token, and the state; ``None`` starts from a fresh one."""

    def new_sampler(self, settings: SamplingSettings) -> TokenSampler:
        """A sampler for one answer; ``settings.seed`` is a number."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A place in a text: the model's state there and what it expects next.

    Parameters
    ----------
    state
        The model's own state after everything read.
    logits
        (n_vocab,) float32: the logits of the next token. They let an answer go on from here
        without reading anything again.
    mark : int
        A checksum of the bytes of all tokens read since the first reading, 0 there: the same text
        has the same mark however it is cut into tokens.
    """

    state: Any
    logits: Any = field(repr=False)
    mark: int = 0

    @property
    def arrays(self) -> dict[int, int]:
        """The bytes of the state and of the logits, by the array's ``id``: readings share some."""
        return {id(array): int(getattr(array, "nbytes", 0)) for array in (self.state, self.logits)}


def read_on(model: LanguageModel, tokens: Sequence[int], after: Reading) -> Reading:
    """Where a model stands after ``tokens``, of which there is at least one.

    Examples
    --------
    >>> from deep_tree_echo import Model
    >>> model = Model.load()
    >>> at_once = read_on(model, model.encode("numbat"), Reading(None, None))
    >>> first = read_on(model, model.encode("num"), Reading(None, None))
    >>> read_on(model, model.encode("bat"), first).mark == at_once.mark
    True
    """
    logits, state = model.eval(tokens, after.state)
    return Reading(state, logits, zlib.crc32(model.decode_bytes(tokens), after.mark))


class TextGeneration(Generation):
    """An answer by any `LanguageModel`.

    Parameters
    ----------
    model : LanguageModel
        Reads and continues.
    prompt : str
        Read after ``state``. Empty, it goes on where ``state``, then a `Reading`, stands; with no
        state either, a new text begins (token 0).
    state : Reading, a state of the model, or None
        Where to begin; never changed. ``None``: from nothing.
    max_tokens : int
        At least 0.
    settings : SamplingSettings, optional
        The default settings if not given.
    stop : sequence of str
        Strings that end the answer; they are not part of it.
    guidance : sequence of Guidance
        What has a say in each token, one after the other. A `Form` among them ends the answer
        where nothing may follow; stop strings end it only where it is a whole one.
    begun : str
        What the answer begins with, where it goes on with one: it has been read, or is the end of
        ``prompt``. It counts for the penalties and for a `Form`, and is no part of ``text``.
    chunk_tokens : int
        The prompt is read in pieces of so many tokens, with a `Prompt` event after each.

    Raises
    ------
    ArgumentError
        For a value outside its range, naming it.

    Notes
    -----
    A token is fed to the model before its event is given, so the text shown is always part of the
    state. When a stop string, ``max_tokens``, `cancel` or an abandoned iteration ends the answer,
    the state goes back to the end of the text shown: what was held back was never said.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: str,
        state: Any = None,
        *,
        max_tokens: int = 256,
        settings: SamplingSettings | None = None,
        stop: Sequence[str] = (),
        guidance: Sequence[Guidance] = (),
        begun: str = "",
        chunk_tokens: int = 64,
    ) -> None:
        if max_tokens < 0:
            raise ArgumentError(f"max_tokens is {max_tokens}; it must be at least 0.")
        if chunk_tokens < 1:
            raise ArgumentError(f"chunk_tokens is {chunk_tokens}; it must be at least 1.")
        settings = settings or SamplingSettings()
        if settings.seed is None:
            settings = replace(settings, seed=secrets.randbits(64))
        self._model = model
        self._reading = state if isinstance(state, Reading) else Reading(state, None)
        self._prompt = model.encode(prompt)
        if not self._prompt and self._reading.logits is None:
            if self._reading.state is not None:
                raise ArgumentError(
                    f"prompt is {prompt!r}; give some text to read, or the state of a generation."
                )
            self._prompt = [END_OF_TEXT]
        self._max_tokens = max_tokens
        self._chunk_tokens = chunk_tokens
        self._sampler = model.new_sampler(settings)
        self._guides = [one.start(model) for one in guidance]
        self._listeners = [guide for guide in self._guides if isinstance(guide, Listener)]
        self._forms = [guide for guide in self._guides if isinstance(guide, Form)]
        self._before = begun.encode()
        if begun:
            for token in model.encode(begun):
                self._sampler.accept(token)
            for form in self._forms:
                form.go_on(self._before)
        self._stream = TextStream(stop, self._may_end if self._forms else None)
        self._cancelled = False
        # The answer's bytes, and the readings from which the end of the shown text can be
        # reached: (bytes of the answer there, tokens fed there, reading), oldest first.
        self._bytes = bytearray()
        self._behind: deque[tuple[int, int, Reading]] = deque()
        self._events = self._run()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    @property
    def state(self) -> Reading:
        """The `Reading` at the end of the prompt read and of ``text``."""
        return self._at_shown()[0]

    def cancel(self) -> None:
        """Ends the answer before its next token."""
        self._cancelled = True

    def _run(self) -> Iterator[Event]:
        yield from self._read_prompt()
        if self.stop_reason is None:
            yield from self._answer()

    def _read_prompt(self) -> Iterator[Event]:
        total = len(self._prompt)
        for listener in self._listeners:
            listener.begin(self._reading)
        for begin in range(0, total, self._chunk_tokens):
            if self._cancelled:
                self._end("cancelled")
                return
            self._hear(self._prompt[begin : begin + self._chunk_tokens])
            yield Prompt(self.context_tokens, total)
        self._behind.append((0, self.context_tokens, self._reading))

    def _answer(self) -> Iterator[Event]:
        for index in range(self._max_tokens):
            if self._cancelled:
                self._end("cancelled")
                return
            if self._over():
                if text := self._stream.finish():
                    self._show(text)
                    yield Token(text, END_OF_TEXT, 1.0, index)
                self._end("end")
                return
            logits = self._reading.logits
            for guide in self._guides:
                logits = guide.adjust(logits)
            token, probability = self._sampler.sample(logits)
            if token == END_OF_TEXT:
                if text := self._stream.finish():
                    self._show(text)
                    yield Token(text, token, probability, index)
                self._end("end")
                return
            self._sampler.accept(token)
            self._feed([token])
            for guide in self._guides:
                guide.accept(token, self._reading)
            text = self._take(token)
            if index == self._max_tokens - 1:
                text += self._stream.finish(cut=True)
            self._show(text)
            if self._stream.stopped:
                self._end("stop")
            yield Token(text, token, probability, index)
            if self._stream.stopped:
                return
        self._end("length")

    def _over(self) -> bool:
        """Whether a form says so and no other one wants more."""
        if not any(form.over for form in self._forms):
            return False
        text = self._before + bytes(self._bytes)
        return all(form.over or form.may_end(text) for form in self._forms)

    def _may_end(self, n_bytes: int) -> bool:
        text = self._before + bytes(self._bytes[:n_bytes])
        return all(form.may_end(text) for form in self._forms)

    def _hear(self, tokens: Sequence[int]) -> None:
        """Reads a piece of the prompt."""
        if not self._listeners:
            self._feed(tokens)
            return
        for token in tokens:
            self._feed([token])
            for listener in self._listeners:
                listener.read(token, self._reading)

    def _feed(self, tokens: Sequence[int]) -> None:
        self._reading = self._read(tokens, self._reading)
        self.context_tokens += len(tokens)

    def _read(self, tokens: Sequence[int], after: Reading) -> Reading:
        return read_on(self._model, tokens, after)

    def _take(self, token: int) -> str:
        piece = self._model.decode_bytes([token])
        self._bytes += piece
        self._behind.append((len(self._bytes), self.context_tokens, self._reading))
        return self._stream.push(piece)

    def _show(self, text: str) -> None:
        self.text += text
        shown = self._stream.n_bytes
        while len(self._behind) > 1 and self._behind[1][0] <= shown:
            self._behind.popleft()

    def _at_shown(self) -> tuple[Reading, int]:
        """The reading at the end of the shown text, and the tokens fed up to there."""
        if not self._behind:
            return self._reading, self.context_tokens
        shown = self._stream.n_bytes
        at, fed, reading = self._behind[0]
        # A token may hold both the end of the text and the beginning of a stop string.
        rest = self._model.encode(bytes(self._bytes[at:shown]))
        if rest:
            reading = self._read(rest, reading)
        return reading, fed + len(rest)

    def _end(self, reason: StopReason) -> None:
        """Ends the answer where the shown text ends, and takes the state back to there."""
        self._reading, self.context_tokens = self._at_shown()
        self._behind.clear()
        self.stop_reason = reason
