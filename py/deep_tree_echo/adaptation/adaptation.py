"""Adaptation to the user's own text: what passes is learned and moves the logits of answers."""

from __future__ import annotations

import threading
from collections import deque
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError
from ..guidance import Guide
from ..hidden import hidden_of
from .gauge import Gauge
from .learner import Learner
from .recent import Recent
from .senses import Sensed, Senses
from .settings import AdaptationSettings
from .snapshot import Snapshot, read_snapshot, write_snapshot

if TYPE_CHECKING:
    from ..generation import LanguageModel, Reading

__all__ = ["Adaptation"]

_PLACES = 256
"""Places where the next text may begin."""
_PLACES_OF_ONE = 32
"""Of these, the last ones of one answer: several candidates leave the places of others alone."""
_LEARNED = 65536
"""Tokens whose places are known as learned."""


class Adaptation:
    """Learns from the text that a model reads, and biases the logits of its answers.

    One for each conversation, or one for all of them: it is given as ``guidance``. It learns the
    text before the answers, which is the user's, and not the answers themselves. Nothing is learned
    twice: what was read at the same place of the same text is only read. What was learned is of one
    model; another model begins anew.

    Parameters
    ----------
    settings : AdaptationSettings, optional
        The default settings if not given.

    Examples
    --------
    >>> from deep_tree_echo import Model
    >>> from deep_tree_echo.adaptation import Adaptation
    >>> from deep_tree_echo.generation import TextGeneration
    >>> adaptation, model = Adaptation(), Model.load()
    >>> text = "The quokka hops. The quokka eats. The quokka sleeps. The quokka"
    >>> events = list(TextGeneration(model, text, guidance=[adaptation], max_tokens=4))
    >>> adaptation.gauge().tokens, adaptation.gauge().gained > 0
    (62, True)
    """

    name = "adaptation"
    required = False

    def __init__(self, settings: AdaptationSettings | None = None) -> None:
        self.settings = settings or AdaptationSettings()
        self.enabled = True
        """Whether it learns and biases; switched off, it keeps what was learned."""
        self.lock = threading.RLock()
        self._clear()

    def _clear(self) -> None:
        self._owner: tuple[int, int, str] | None = None
        self._learner: Learner | None = None
        self._senses: Senses | None = None
        self._gauge = Gauge()
        self._places: Recent[Sensed] = Recent(_PLACES)
        self._learned: Recent[None] = Recent(_LEARNED)

    def start(self, model: LanguageModel) -> Guide:
        """A guide for one answer by ``model``; one that does nothing if it has no hidden state."""
        with self.lock:
            if not self.enabled or not hasattr(model, "hidden"):
                return _Nothing()
            known: Any = model
            owner = (known.n_vocab, known.n_embed, getattr(known, "fingerprint", ""))
            if self._learner is None or self._senses is None or self._owner != owner:
                self._clear()
                self._senses = Senses(known.n_embed, self.settings)
                self._learner = Learner(known.n_vocab, self._senses, self.settings)
                self._owner = owner
            return _Listening(self, model, self._learner, self._senses)

    def reset(self) -> None:
        """Forgets all that was learned."""
        with self.lock:
            self._clear()

    def gauge(self) -> Gauge:
        """What was gained so far, and what it takes."""
        with self.lock:
            gauge = Gauge(
                self._gauge.tokens,
                self._gauge.bytes,
                self._gauge.nats_without,
                self._gauge.nats_with,
                enabled=self.enabled,
            )
            if self._learner is not None:
                gauge.weights_norm = float(np.linalg.norm(self._learner.readout.arrays()[0]))
                gauge.memory_bytes = self._learner.nbytes
            return gauge

    @property
    def nbytes(self) -> int:
        """Memory of all that is held, in bytes: what was learned, and the places of late."""
        with self.lock:
            if self._learner is None or self._senses is None:
                return 0
            places = len(self._places) * self._senses.each
            return self._learner.nbytes + self._senses.nbytes + places

    def snapshot(self) -> bytes:
        """All that was learned, with a version, the model's fingerprint and a checksum."""
        with self.lock:
            return write_snapshot(
                Snapshot(
                    self.settings, self._owner, self._learner, self._gauge, self._learned.keys()
                )
            )

    def restore(self, data: bytes) -> None:
        """Goes back to a `snapshot`, its settings included.

        Raises
        ------
        ArgumentError
            If the bytes are no snapshot, or a damaged one; all stays as it was.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise ArgumentError(f"data is of type {type(data).__name__}; give bytes.")
        found = read_snapshot(bytes(data))
        with self.lock:
            self._clear()
            self.settings = found.settings
            self._owner, self._learner, self._gauge = found.owner, found.learner, found.gauge
            if found.owner is not None:
                self._senses = Senses(found.owner[1], found.settings)
            for mark in found.learned:
                self._learned.put(mark, None)

    def place(self, mark: int) -> Sensed | None:
        """What was sensed at a place, if that is not long ago."""
        return self._places.get(mark)

    def leave(self, mark: int, sensed: Sensed) -> None:
        """Lets go of what was sensed at a place, unless another answer has come there since."""
        self._places.drop(mark, sensed)

    def arrive(self, mark: int, sensed: Sensed, *, said: bool) -> None:
        """Takes note of a place; ``said`` by the model, it is not to be learned when read again."""
        self._places.put(mark, sensed)
        if said:
            self._learned.put(mark, None)

    def is_new(self, mark: int, learner: Learner) -> bool:
        """Whether a token is to be learned: at a new place, by the present learner."""
        return self.enabled and learner is self._learner and mark not in self._learned

    def count(self, mark: int, n_bytes: int, without: float, adapted: float) -> None:
        """Counts a token that is learned, with the two probabilities that it had."""
        self._learned.put(mark, None)
        self._gauge.tokens += 1
        self._gauge.bytes += n_bytes
        self._gauge.nats_without -= log(max(without, 1e-300))
        self._gauge.nats_with -= log(max(adapted, 1e-300))


class _Nothing:
    """A guide without a say."""

    def adjust(self, logits: Any) -> Any:
        return logits

    def accept(self, token: int, reading: Reading) -> None:
        pass


class _Listening:
    """The guide of one answer."""

    def __init__(
        self, owner: Adaptation, model: LanguageModel, learner: Learner, senses: Senses
    ) -> None:
        self._owner = owner
        self._model = model
        self._learner = learner
        self._senses = senses
        self._at: Sensed | None = None
        self._logits: Any = None
        self._said: deque[tuple[int, Sensed]] = deque()

    def begin(self, reading: Reading) -> None:
        self._at = self._owner.place(reading.mark) if reading.logits is not None else None
        self._logits = reading.logits

    def read(self, token: int, reading: Reading) -> None:
        with self._owner.lock:
            if self._at is not None and self._owner.is_new(reading.mark, self._learner):
                self._learn(token, reading.mark, self._at)
            self._arrive(reading, said=False)

    def adjust(self, logits: Any) -> Any:
        with self._owner.lock:
            if self._at is None or not self._owner.enabled:
                return logits
            expected = self._learner.expect(logits, self._at)
            return logits if expected is None else expected.adjusted(self._learner.slots.tokens)

    def accept(self, token: int, reading: Reading) -> None:
        with self._owner.lock:
            self._arrive(reading, said=True)

    def _learn(self, token: int, mark: int, at: Sensed) -> None:
        if not np.isfinite(self._logits).all():
            return
        expected = self._learner.expect(self._logits, at)
        if expected is not None:
            without, adapted, _ = self._learner.probabilities(expected, token)
        else:
            without = adapted = self._learner.alone(self._logits, token)
        self._learner.learn(expected, at, token)
        n_bytes = len(self._model.decode_bytes([token]))
        self._owner.count(mark, n_bytes, without, adapted)

    def _arrive(self, reading: Reading, *, said: bool) -> None:
        hidden = hidden_of(self._model)
        echo = None if self._at is None else self._at.echo
        self._at = self._senses.sense(hidden, echo) if np.isfinite(hidden).all() else None
        self._logits = reading.logits
        if self._at is not None:
            self._owner.arrive(reading.mark, self._at, said=said)
            if said:
                self._said.append((reading.mark, self._at))
                if len(self._said) > _PLACES_OF_ONE:
                    self._owner.leave(*self._said.popleft())
