"""A chat: a tree of turns, each with the model's state, so that going back costs nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from .answering import Answer
from .backends.answer import Respondent
from .backends.chain import ChainGeneration, Position
from .drawing import Drawing, Drawn
from .errors import ArgumentError
from .events import Event, StopReason
from .generation import Reading
from .guidance import Guidance
from .meter import Meter
from .sampling import SamplingSettings
from .turns import Moment, Place, Turn

__all__ = ["Conversation", "Moment", "Place", "Turn"]

_STOP = ("\n\nUser:", "\n\nAssistant:", "\nUser:")


class Conversation:
    r"""A chat with the model of a `Chain` or a `Router`.

    `say`, `regenerate`, `edit` and `go_on` give the events of one answer: ``Prompt``, ``Token``,
    ``Metrics`` about five times a second, ``Fallback``, and at the end one ``Done``. The turn
    becomes part of the conversation when its answer ends, is stopped, or is left; after an error
    the conversation is as it was.

    Parameters
    ----------
    chain : Respondent
        Who answers: a `Chain` or a `Router`. It may be replaced at any time; another model reads
        the text again.
    settings : SamplingSettings, optional
        How tokens are chosen.
    max_tokens : int
        Most tokens of one reply.
    opening : str
        A text that the model reads before the first message.
    state_budget_mb : float
        Memory for the states of earlier turns, in millions of bytes. Beyond it those used longest
        ago go; the model reads their text again should they be needed.
    guidance : sequence of Guidance
        What has a say in each token of the replies.
    begins : Place, optional
        Where the conversation goes on from, in place of ``opening``.

    Notes
    -----
    The format is the one that the models are trained on: ``User: {text}\n\nAssistant: {reply}``,
    turns separated by ``\n\n``.

    Examples
    --------
    >>> from deep_tree_echo import Chain, ModelFile
    >>> chat = Conversation(Chain.load(ModelFile.from_bytes("none", b""), "mock"))
    >>> done = list(chat.say("Hello"))[-1]
    >>> done.backend, done.text.split()[0], chat.turns[0].user
    ('mock', '[mock]', 'Hello')
    """

    def __init__(
        self,
        chain: Respondent,
        *,
        settings: SamplingSettings | None = None,
        max_tokens: int = 256,
        opening: str = "",
        state_budget_mb: float = 64,
        guidance: Sequence[Guidance] = (),
        begins: Place | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.chain = chain
        self.settings = settings or SamplingSettings()
        self.max_tokens = max_tokens
        self.guidance = guidance
        self.drawing: Drawing | None = None
        """How replies are drawn; ``None``: one continuation. What it did not choose becomes other
        versions of the turn."""
        self.all_turns: list[Turn] = []
        """Every turn of every branch, in the order of their numbers."""
        self.current: Turn | None = None
        """The last turn of the branch shown; ``None`` at the beginning."""
        self._root = begins or Place(None, opening.rstrip() + "\n\n" if opening.strip() else "")
        self._budget = state_budget_mb * 1e6
        self._recent: list[Turn] = []
        self._before = ""
        self._clock = clock
        self._generation: ChainGeneration | Drawn | None = None

    @property
    def turns(self) -> list[Turn]:
        """The turns of the branch shown, first to last."""
        turns = []
        turn = self.current
        while turn:
            turns.append(turn)
            turn = turn.parent
        return turns[::-1]

    @property
    def context_tokens(self) -> int:
        """Tokens that the model has read in the branch shown, also in the middle of an answer."""
        if self._generation is not None:
            return self._generation.total_tokens
        return self.current.context_tokens if self.current else 0

    @property
    def state(self) -> Any:
        """The model's own state now, also in the middle of an answer; ``None`` if there is none."""
        position = self.position
        reading = position.state if position else None
        return reading.state if isinstance(reading, Reading) else None

    @property
    def position(self) -> Position | None:
        """Where the model is now, also in the middle of an answer; ``None`` at the beginning."""
        if self._generation is not None:
            return self._generation.state
        return self.current.answered.position if self.current else None

    @property
    def written(self) -> str:
        """The reply as the model has written it so far, with the spaces around it."""
        if self._generation is not None:
            return self._before + self._generation.text
        return self.current.raw if self.current else ""

    @property
    def state_arrays(self) -> dict[int, int]:
        """The bytes of each state and logits kept for the turns, by the array's ``id``."""
        places = [place for turn in self._recent for place in (turn.asked, turn.answered)]
        states = [place.position.state for place in places if place.position]
        arrays: dict[int, int] = {}
        for state in states:
            if isinstance(state, Reading):
                arrays |= state.arrays
        return arrays

    @property
    def state_bytes(self) -> int:
        """Memory of the states and logits kept for the turns, in bytes; shared ones count once."""
        return sum(self.state_arrays.values())

    def let_states_go(self) -> None:
        """Gives the memory of all states back; the model reads the text again when it goes on."""
        self._forget_states(self._recent)
        self._recent = []

    def say(self, text: str, *, preface: str = "") -> Iterator[Event]:
        """Answers a message at the end of the branch shown.

        Parameters
        ----------
        text : str
            The message.
        preface : str
            What the model reads before it, as a paragraph of its own: what was recalled, say. It
            is no part of the message.

        Raises
        ------
        ArgumentError
            If there is nothing in the message, or an answer is under way.
        """
        return self._ask(self.current, text, preface)

    def regenerate(self) -> Iterator[Event]:
        """Answers the last message once more, as another version of the turn.

        Without a seed in ``settings`` the reply differs; the message is not read again.
        """
        turn = self._last()
        return self._answer(Turn(0, turn.parent, turn.user, turn.asked))

    def edit(self, turn_id: int, text: str) -> Iterator[Event]:
        """Answers another message in place of that of a turn, as a new branch beside it."""
        return self._ask(self._find(turn_id).parent, text)

    def asked(self, text: str) -> Place:
        """Where the reply to a message at the end of the branch shown would begin."""
        return self._asked(self.current, text)

    def go_on(self) -> Iterator[Event]:
        """Continues the last reply, if it was stopped or reached ``max_tokens``."""
        turn = self._last()
        if turn.stop_reason not in ("cancelled", "length"):
            raise ArgumentError(f"Turn {turn.id} is complete; send a new message.")
        # What follows an earlier reply follows its old text: the longer one is another version.
        followed = any(other.parent is turn for other in self.all_turns)
        return self._answer(replace(turn, id=0) if followed else turn, turn.answered)

    def recall(self, user: str, reply: str, stop_reason: StopReason = "end") -> Turn:
        """Adds a turn of an earlier talk; the model reads it when it is next asked.

        Raises
        ------
        ArgumentError
            If there is nothing in the message, or an answer is under way.
        """
        self._check_idle()
        asked = self._asked(self.current, user)
        raw = f" {reply.strip()}"
        return self.resume(user, asked, raw, stop_reason=stop_reason)

    def resume(
        self,
        user: str,
        asked: Place,
        raw: str = "",
        answered: Place | None = None,
        stop_reason: StopReason = "length",
    ) -> Turn:
        """Adds a turn whose places are known, to regenerate its reply or go on with it.

        Parameters
        ----------
        user : str
            The message.
        asked : Place
            Before the reply.
        raw : str
            The reply so far as the model wrote it.
        answered : Place, optional
            After it.
        stop_reason : str
            Why it ended.
        """
        self._check_idle()
        after = answered or Place(asked.position, asked.unread + raw)
        return self._keep(Turn(0, self.current, user, asked, raw.strip(), raw, after, stop_reason))

    def select(self, turn_id: int) -> None:
        """Shows the branch that ends with this turn; what is said next follows it."""
        self._check_idle()
        self.current = self._find(turn_id)

    def moment(self) -> Moment:
        """What `return_to` needs to make the conversation what it is now."""
        self._check_idle()
        return Moment(len(self.all_turns), self.current, self.current and replace(self.current))

    def return_to(self, moment: Moment) -> None:
        """Takes back everything since a `moment`, as if it had never been said."""
        self._check_idle()
        for turn in self.all_turns[moment.n_turns :]:
            if turn in self._recent:
                self._recent.remove(turn)
        del self.all_turns[moment.n_turns :]
        self.current = moment.current
        if moment.current and moment.copy:
            _put(moment.current, moment.copy)

    def stop(self) -> None:
        """Ends the answer under way before its next token; what was said counts as said."""
        if self._generation is not None:
            self._generation.cancel()

    def to_json(self) -> dict[str, Any]:
        """All turns without their states, and the number of the current one."""
        return {
            "turns": [turn.to_json() for turn in self.all_turns],
            "current": self.current.id if self.current else None,
            "context_tokens": self.context_tokens,
        }

    def _ask(self, parent: Turn | None, text: str, preface: str = "") -> Iterator[Event]:
        return self._answer(Turn(0, parent, text, self._asked(parent, text, preface)))

    def _asked(self, parent: Turn | None, text: str, preface: str = "") -> Place:
        """Where the model stands once a message is added after ``parent``."""
        asked, first = asked_text(text), _paragraph(preface)
        before = parent.answered if parent else self._root
        after = separator(parent.raw) if parent else ""
        unread = before.unread + after + (f"{first}\n\n" if first else "") + asked
        return Place(before.position, unread)

    def _answer(self, turn: Turn, further: Place | None = None) -> Iterator[Event]:
        """Writes the reply of a turn, or goes on with it from ``further``."""
        self._check_idle()
        return self._run(turn, further)

    def _run(self, turn: Turn, further: Place | None) -> Iterator[Event]:
        self._check_idle()
        place = further or turn.asked
        begin = partial(self.drawing.begin, self.chain) if self.drawing else self.chain.generate
        generation: ChainGeneration | Drawn = begin(
            place.unread,
            place.position,
            max_tokens=self.max_tokens,
            settings=self.settings,
            stop=_STOP,
            guidance=self.guidance,
            begun=turn.raw if further else "",
        )
        answer = Answer(replace(turn), further, generation, Meter(self._clock))
        self._before = turn.raw if further else ""
        self._generation = generation
        try:
            for event in generation:
                yield from answer.follow(event)
        except GeneratorExit:
            # The reader has left. What was said counts; the rest must not be said.
            generation.cancel()
            for _ in generation:
                pass
            self._keep(answer.finish(self.chain), answer.others())
            raise
        finally:
            self._generation = None
        kept = self._keep(answer.finish(self.chain), answer.others())
        yield answer.done(kept, self.chain)

    def _keep(self, finished: Turn, others: Sequence[Turn] = ()) -> Turn:
        for other in others:
            other.id = len(self.all_turns) + 1
            self.all_turns.append(other)
        # Their states are the first to go: nobody has asked for them.
        self._recent = [*others, *self._recent]
        if finished.id:
            turn = self._find(finished.id)
            _put(turn, finished)
        else:
            turn = finished
            turn.id = len(self.all_turns) + 1
            self.all_turns.append(turn)
        self.current = turn
        self._let_old_states_go(turn)
        return turn

    def _let_old_states_go(self, used: Turn) -> None:
        self._recent = [turn for turn in self._recent if turn is not used] + [used]
        description = self.chain.backend.description
        one = description.get("state_bytes", 0) + 4 * description.get("n_vocab", 0)
        most = max(1, int(self._budget / (2 * one))) if one else len(self._recent)
        self._forget_states(self._recent[:-most])
        del self._recent[:-most]

    @staticmethod
    def _forget_states(turns: list[Turn]) -> None:
        for turn in turns:
            turn.asked = _without_state(turn.asked)
            turn.answered = _without_state(turn.answered)

    def _find(self, turn_id: int) -> Turn:
        if 1 <= turn_id <= len(self.all_turns):
            return self.all_turns[turn_id - 1]
        raise ArgumentError(f"turn_id is {turn_id!r}; there is no such turn.")

    def _last(self) -> Turn:
        if self.current is None:
            raise ArgumentError("The conversation is empty; send a message first.")
        return self.current

    def _check_idle(self) -> None:
        if self._generation is not None:
            raise ArgumentError("An answer is under way; stop it or let it end first.")


def _put(turn: Turn, other: Turn) -> None:
    """Gives a turn another one's answer."""
    for name in ("reply", "raw", "answered", "stop_reason", "backend", "model"):
        setattr(turn, name, getattr(other, name))


def _paragraph(text: str) -> str:
    """A text without the empty lines that end a turn."""
    return re.sub(r"\n\s*\n", "\n", text.replace("\r\n", "\n").strip())


def asked_text(text: str) -> str:
    r"""What the model reads of a message.

    Raises
    ------
    ArgumentError
        If there is nothing in it.

    Examples
    --------
    >>> asked_text(" Hello ")
    'User: Hello\n\nAssistant:'
    """
    if not (said := _paragraph(text)):
        raise ArgumentError(f"text is {text!r}; write a message.")
    return f"User: {said}\n\nAssistant:"


def separator(raw: str) -> str:
    r"""What is missing of the empty line between a reply and the next message.

    Examples
    --------
    >>> separator(" Yes.\n")
    '\n'
    """
    return "\n" * max(0, 2 - (len(raw) - len(raw.rstrip("\n"))))


def _without_state(place: Place) -> Place:
    if place.position is None:
        return place
    return Place(place.position.without_state(), place.unread)
