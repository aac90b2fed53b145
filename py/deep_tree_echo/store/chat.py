"""A conversation of a store with someone who answers: all that is said is kept as it is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..backends.chain import Position
from ..conversation import Conversation, asked_text
from ..drawing import Drawing
from ..errors import ArgumentError
from ..events import Event
from ..guidance import Guidance
from ..sampling import SamplingSettings
from ..turns import Place
from .places import place_after, place_inside, text_of
from .recorder import SNAPSHOT_TOKENS, Recorder
from .records import Message, Said, new_id

if TYPE_CHECKING:
    from ..backends.answer import Respondent
    from .conversations import ConversationStore


class _Shown:
    """Stands for the end of the branch shown, where ``None`` means the beginning."""


_SHOWN = _Shown()


class Chat:
    """A conversation of a `ConversationStore` that goes on.

    `say`, `regenerate`, `edit`, `go_on` and `branch` give the events of one answer, as those of
    `Conversation`. Each token is kept before its event is given, so a program that is killed
    has lost nothing that it had shown. The states at the ends of messages and every few tokens
    are kept, too, so what was read once is not read again, after a restart either.

    Parameters
    ----------
    store : ConversationStore
        Where it is kept.
    conversation : str
        Its id.
    chain : Chain
        Who answers; it may be replaced between answers.
    settings, max_tokens, guidance
        As of `Conversation`; they may be replaced between answers.
    opening : str
        A text that the model reads before the first message.
    snapshot_tokens : int
        A state is kept every so many tokens of an answer.

    Examples
    --------
    >>> from deep_tree_echo import Chain, ModelFile
    >>> from deep_tree_echo.store import ConversationStore
    >>> store = ConversationStore.open(None)
    >>> chain = Chain.load(ModelFile.from_bytes("none", b""), "mock")
    >>> chat = store.chat(store.create(), chain)
    >>> done = list(chat.say("Hello"))[-1]
    >>> [message.text for message in chat.messages] == ["Hello", done.text]
    True
    >>> store.close()
    """

    def __init__(
        self,
        store: ConversationStore,
        conversation: str,
        chain: Respondent,
        *,
        settings: SamplingSettings | None = None,
        max_tokens: int = 256,
        opening: str = "",
        guidance: Sequence[Guidance] = (),
        snapshot_tokens: int = SNAPSHOT_TOKENS,
    ) -> None:
        self.store = store
        self.id = store.conversation(conversation).id
        self.chain = chain
        self.settings = settings
        self.max_tokens = max_tokens
        self.guidance = guidance
        self.drawing: Drawing | None = None
        """How replies are drawn, as of `Conversation`; the one chosen is kept."""
        self.unsaved: str | None = None
        """Why the last answer could not be kept, in one sentence; ``None`` if it was."""
        self._snapshot_tokens = snapshot_tokens
        self._opening = opening.rstrip() + "\n\n" if opening.strip() else ""
        self._talk: Conversation | None = None
        self._asked_id: str | None = None
        self._answer_id = ""
        self._under_way = False

    @property
    def leaf(self) -> str | None:
        """The last message of the branch shown; ``None`` at the beginning."""
        return self.store.conversation(self.id).leaf

    @property
    def messages(self) -> list[Message]:
        """The messages of the branch shown, first to last."""
        return self.store.path(self.leaf)

    @property
    def answer_id(self) -> str:
        """The id of the answer under way or of the last one; empty before the first."""
        return self._answer_id

    @property
    def state(self) -> Any:
        """The model's own state after the last token, or ``None``."""
        return self._talk.state if self._talk else None

    @property
    def context_tokens(self) -> int:
        """Tokens that the model has read up to there."""
        return self._talk.context_tokens if self._talk else 0

    @property
    def state_bytes(self) -> int:
        """Memory of the states held beside those in the store, in bytes."""
        return self._talk.state_bytes if self._talk else 0

    def let_states_go(self) -> None:
        """Gives the memory of the states back; those in the store stay there."""
        if self._talk and not self._under_way:
            self._talk.let_states_go()

    def stop(self) -> None:
        """Ends the answer under way before its next token; what was said counts as said."""
        if self._talk:
            self._talk.stop()

    def say(
        self,
        text: str,
        *,
        parent: str | _Shown | None = _SHOWN,
        ids: tuple[str, str] | None = None,
        preface: str = "",
    ) -> Iterator[Event]:
        """Answers a message.

        Parameters
        ----------
        text : str
            The message.
        parent : str or None
            The message that it follows; without it, the end of the branch shown.
        ids : tuple of str, optional
            The ids of the message and the answer, where somebody else has chosen them.
        preface : str
            What the model reads before the message, as of `Conversation.say`.

        Raises
        ------
        ArgumentError
            If there is nothing in the message, an answer is under way, or ``parent`` is not of
            this conversation.
        FileError
            If it cannot be kept.
        """
        self._check_idle()
        asked_text(text)
        before = self.leaf if isinstance(parent, _Shown) else parent
        question_id, answer_id = ids or (new_id(), new_id())
        place = self._after(before)
        talk = self._conversation(place)
        with self.store.database.transaction():
            question = self.store.add(self.id, before, "user", text, id=question_id)
            self._add_answer(question.id, answer_id)
        return self._run(
            talk, talk.say(text, preface=preface), question.id, answer_id, text_of(place)
        )

    def regenerate(self, answer: str | None = None, *, id: str | None = None) -> Iterator[Event]:
        """Answers a question once more, as another version beside the first answer.

        Parameters
        ----------
        answer : str, optional
            An answer to it, or the question itself; without it, the end of the branch shown.
        id : str, optional
            The new answer's id.
        """
        self._check_idle()
        question = self._question(self._own(answer))
        talk = self._conversation()
        talk.resume(question.text, self._after(question.id, separated=False))
        answer_id = id or new_id()
        self._add_answer(question.id, answer_id)
        return self._run(talk, talk.regenerate(), question.id, answer_id)

    def edit(
        self, message: str, text: str, *, ids: tuple[str, str] | None = None
    ) -> Iterator[Event]:
        """Answers another message in place of this one, as a branch beside it."""
        found = self._own(message)
        if found.role == "assistant":
            found = self._question(found)
        return self.say(text, parent=found.parent, ids=ids)

    def go_on(self, answer: str | None = None, *, id: str | None = None) -> Iterator[Event]:
        """Continues an answer that was stopped or reached ``max_tokens``.

        If something follows it already, the longer one becomes another version, with the id
        ``id``.

        Raises
        ------
        ArgumentError
            If the answer is complete, or one is under way.
        """
        self._check_idle()
        found = self._own(answer)
        if found.role != "assistant" or found.stop_reason not in (None, "cancelled", "length"):
            raise ArgumentError(f"message is {found.id!r}; it is complete, send a new one.")
        tokens = self.store.tokens(found.id)
        if self.store.children(self.id, found.id):
            return self.branch(found.id, len(tokens), id=id)
        question = self._question(found)
        after = self._after(found.id, separated=False)
        talk = self._conversation()
        talk.resume(question.text, Place(None), found.raw if found.text else "", after)
        with self.store.database.transaction():
            self.store.states.forget_ends(found.id)
            self.store.select(found.id)
        return self._run(talk, talk.go_on(), question.id, found.id)

    def branch(
        self, answer: str, n_tokens: int, text: str = "", *, id: str | None = None
    ) -> Iterator[Event]:
        """Answers anew from the middle of an answer, as another version beside it.

        Parameters
        ----------
        answer : str
            The answer.
        n_tokens : int
            How many of its tokens stay, from 0.
        text : str
            What comes after them in place of what came, such as a token that was likely, too.
        id : str, optional
            The new answer's id.

        Raises
        ------
        ArgumentError
            If it has fewer tokens, or an answer is under way.
        """
        self._check_idle()
        found = self._own(answer)
        question = self._question(found)
        tokens = self.store.tokens(found.id)
        if not 0 <= n_tokens <= len(tokens):
            raise ArgumentError(
                f"n_tokens is {n_tokens}; the answer has {len(tokens)} tokens, so it must be "
                f"between 0 and {len(tokens)}."
            )
        stay = tokens[:n_tokens]
        raw = "".join(said.text for said in stay)
        place = place_inside(
            self.store,
            found,
            n_tokens,
            self.chain.backend,
            opening=self._opening,
            near=self._near,
        )
        if text:
            stay.append(Said(-1, None, text))
        talk = self._conversation()
        after = Place(place.position, place.unread + text)
        talk.resume(question.text, Place(None), raw + text, after)
        answer_id = id or new_id()
        with self.store.database.transaction():
            self._add_answer(question.id, answer_id)
            self.store.unsaid(answer_id, stay)
        return self._run(talk, talk.go_on(), question.id, answer_id)

    # ------------------------------------------------------------------ places

    def _conversation(self, begins: Place | None = None) -> Conversation:
        talk = Conversation(
            self.chain,
            settings=self.settings,
            max_tokens=self.max_tokens,
            guidance=self.guidance,
            begins=begins,
        )
        talk.drawing = self.drawing
        return talk

    def _near(self, message: str) -> Position | None:
        """Where the model stood after a message of the last answer, if that is still in memory."""
        if self._talk is None or self._talk.current is None:
            return None
        turn = self._talk.current
        places = {self._asked_id: turn.asked, self._answer_id: turn.answered}
        place = places.get(message)
        if place is None or place.position is None or place.unread:
            return None
        return place.position if place.position.backend is self.chain.backend else None

    def _after(self, message: str | None, *, separated: bool = True) -> Place:
        return place_after(
            self.store,
            message,
            self.chain.backend,
            opening=self._opening,
            separated=separated,
            near=self._near,
        )

    # ----------------------------------------------------------------- answers

    def _own(self, id: str | None) -> Message:
        """A message of this conversation; ``None``: the last one of the branch shown."""
        id = self.leaf if id is None else id
        if id is None:
            raise ArgumentError("The conversation is empty; send a message first.")
        found = self.store.message(id)
        if found.conversation != self.id:
            raise ArgumentError(f"message is {id!r}; it is in another conversation.")
        return found

    def _question(self, message: Message) -> Message:
        if message.role == "user":
            return message
        if message.parent is None:
            raise ArgumentError(f"message is {message.id!r}; it answers no question.")
        return self.store.message(message.parent)

    def _add_answer(self, question: str, id: str) -> None:
        self.store.add(self.id, question, "assistant", "", id=id, status="streaming")

    def _check_idle(self) -> None:
        if self._under_way:
            raise ArgumentError("An answer is under way; stop it or let it end first.")

    def _run(
        self,
        talk: Conversation,
        events: Iterator[Event],
        question: str,
        answer: str,
        before: str | None = None,
    ) -> Iterator[Event]:
        recorder = Recorder(
            self.store, answer, before=before, snapshot_tokens=self._snapshot_tokens
        )
        self._under_way = True
        self._talk, self._asked_id, self._answer_id = talk, question, answer
        self.unsaved = None
        return self._answer(recorder, events, talk)

    def _answer(
        self, recorder: Recorder, events: Iterator[Event], talk: Conversation
    ) -> Iterator[Event]:
        try:
            yield from recorder.follow(events, talk)
        finally:
            self.unsaved = recorder.trouble
            self._under_way = False
