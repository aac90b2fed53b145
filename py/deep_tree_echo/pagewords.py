"""The page's words: doors to other answers, the way back to any of them, the reservoir."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .backends.chain import Chain, Position
from .conversation import Conversation, Place, Turn
from .errors import ArgumentError
from .events import Branch, Choice, Event, Prompt, Token
from .generation import Reading
from .guidance import Guidance
from .pagecandidates import CandidateWords
from .replay import Replay, Spot, reading_at
from .words import Chosen, Record, Words

if TYPE_CHECKING:
    from .reservoirview import ListeningReservoir, ReservoirView

__all__ = ["WORDS_MB", "PageWords"]

WORDS_MB = 16
"""Memory for what is kept of the words of answers, in millions of bytes."""


class PageWords:
    """What the page's words know; `Page` brings the talks.

    Examples
    --------
    >>> words = PageWords()
    >>> words.kept.n_bytes, words.replay.spot is None
    (0, True)
    """

    def __init__(self) -> None:
        self.replay = Replay()
        self.kept = Words(WORDS_MB * 1_000_000)
        """What is kept of each answer."""
        self._record: Record | None = None
        self._candidates: CandidateWords | None = None
        self._answer = ""
        self._listening: ListeningReservoir | None = None
        self._stopped = False

    def listen(
        self,
        chain: Chain,
        answer: str,
        begun: Mapping[str, Any] | None,
        *,
        guided: bool = False,
        candidates: int = 1,
    ) -> list[Guidance]:
        """Begins to note the words of an answer.

        Parameters
        ----------
        chain : Chain
            Who answers.
        answer : str
            The answer's name.
        begun : mapping or None
            What it begins with, if anything: ``ids`` that have been read, ``then`` ids that come
            next whatever the model expects.
        guided : bool
            Other guidance has a say, too.
        candidates : int
            How many are drawn.

        Returns
        -------
        list of Guidance
            It belongs before any other guidance.
        """
        self.replay.leave()
        self._stopped = False
        self._record = None
        self._candidates = None
        self._answer = answer
        if model_of(chain) is None:
            return []
        ids = list(begun["ids"]) if begun else []
        then = list(begun["then"]) if begun else []
        self._record = self.kept.begin(
            answer,
            ids,
            state_bytes=_state_bytes(chain),
            guided=math.inf if guided else len(ids) + len(then),
        )
        if candidates > 1:
            state = _state_bytes(chain)
            most = max(2, min(64, WORDS_MB * 1_000_000 // (2 * state))) if state else 64
            self._candidates = CandidateWords(candidates, most_states=most, guided=guided)
            return [self._candidates]
        return [self._record, Chosen(then)] if then else [self._record]

    def take(self, event: Event) -> None:
        """Follows the candidates; the chosen one's record becomes the answer's."""
        if self._candidates is None:
            return
        if isinstance(event, Branch):
            self._candidates.take(event)
        elif isinstance(event, Choice) and (record := self._candidates.choose(event.chosen)):
            self._record = record
            self.kept.put(self._answer, record)

    def said(self, answer: str, number: int) -> Sequence[list[Any]] | None:
        """The words of a candidate for the last answer, if they are known."""
        if self._candidates is None or answer != self._answer:
            return None
        return self._candidates.said(number)

    def known(self, event: Token) -> dict[str, Any]:
        """What is to be added to a token's event: its word, where that is known."""
        if self._candidates is not None:
            word_of_chosen = self._candidates.next_word()
            return {"word": word_of_chosen} if word_of_chosen else {}
        word = self._record.word(event) if self._record else None
        return {"word": word.to_json()} if word else {}

    def ended(self, turn: Turn | None) -> None:
        """The answer is over: what was taken back of it goes, and what does not fit beside it."""
        asked = turn.asked.position if turn else None
        answered = turn.answered.position if turn else None
        if self._record and asked and answered:
            self._record.cut(answered.context_tokens - asked.context_tokens)
        self.kept.trim()

    def stop(self) -> None:
        """Ends the reading before a branch."""
        self._stopped = True

    def forget(self, answers: Sequence[str] | None = None) -> None:
        """Lets go of what is kept of these answers, or of all."""
        self.kept.forget(answers)
        if answers is None:
            self.replay.leave()
            self._record = None

    def use(self) -> None:
        """Another model answers from now on."""
        self.forget()
        self._listening = None

    def spot(self, chain: Chain, asked: Place, answer: str, ids: Sequence[int]) -> Spot:
        """A place in an answer.

        Raises
        ------
        ArgumentError
            If nothing but a mock is there, or the tokens are not this model's.
        """
        model = model_of(chain)
        if model is None:
            raise ArgumentError("The mock has no state; there is nothing to go back to.")
        n_vocab = chain.backend.description.get("n_vocab", 0)
        wrong = next((token for token in ids if not 0 <= token < n_vocab), None)
        if wrong is not None:
            raise ArgumentError(
                f"Token {wrong} is not one of this model's {n_vocab}; the answer was given by "
                "another model."
            )
        record = self.kept.of(answer) or self.kept.begin(answer, state_bytes=_state_bytes(chain))
        return Spot(chain.backend, model, asked, record, tuple(ids))

    def branch(
        self, talk: Conversation, said: str, spot: Spot, begun: Mapping[str, Any]
    ) -> Iterator[Event]:
        """Answers a message with words of an earlier answer, a chosen one, and what follows.

        Parameters
        ----------
        talk : Conversation
            Stands before the message.
        said : str
            The message.
        spot : Spot
            The end of the words that stay.
        begun : mapping
            Their ``text``, with all spaces.
        """
        reading: Reading | None = None
        for done, total, reading in reading_at(spot):  # noqa: B007
            if self._stopped:
                raise ArgumentError("Stopped before the branch began; choose the word again.")
            if total:
                yield Prompt(done, total)
        asked, text = spot.asked, begun["text"]
        before = (asked.position.text if asked.position else "") + asked.unread
        tokens = spot.context_tokens
        if first := spot.record.readings.get(0):
            asked = Place(Position(before, tokens - len(spot.ids), spot.backend, first))
        here = Position(before + text, tokens, spot.backend, reading)
        talk.resume(said, asked, text, Place(here))
        yield from talk.go_on()

    def reservoir_view(self) -> ReservoirView | None:
        """The reservoir after the last word, or the one gone back to; ``None`` before the first."""
        spot = self.replay.spot
        record = spot.record if spot else self._record
        if record is None or not record.ids:
            return None
        tokens = len(spot.ids) if spot else len(record.ids)
        row = record.hidden.get(1)
        if row is None or tokens == 0:
            return None
        # Only where there is something to show is there NumPy to show it with.
        from .reservoirview import ListeningReservoir

        if self._listening is None or self._listening.n_embed != len(row):
            self._listening = ListeningReservoir(len(row))
        heard = self._listening.hear(record, record.hidden, tokens)
        return self._listening.view(heard)


def model_of(chain: Chain) -> Any:
    """The language model behind a chain's backend; ``None`` for a mock."""
    return getattr(chain.backend, "model", None)


def _state_bytes(chain: Chain) -> int:
    """Memory of a state with its logits."""
    about = chain.backend.description
    return int(about.get("state_bytes", 0)) + 4 * int(about.get("n_vocab", 0))
