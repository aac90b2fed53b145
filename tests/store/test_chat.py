"""Chats of a store: kept as they are said, nothing read twice, branches anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import ArgumentError, Chain, ModelFile, SamplingSettings
from deep_tree_echo.adaptation import Adaptation
from deep_tree_echo.context import CognitiveContext
from deep_tree_echo.conversation import Conversation
from deep_tree_echo.database import open_database
from deep_tree_echo.errors import FileError
from deep_tree_echo.events import Done, Event, Prompt, Token
from deep_tree_echo.membranes.reasoning import ReasoningMembrane
from deep_tree_echo.platform import bundled_model_path
from deep_tree_echo.store import Chat, ConversationStore, schema

GREEDY = SamplingSettings(temperature=0.0)


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain.load(ModelFile.from_path(bundled_model_path()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chats.db"


@pytest.fixture
def store(path: Path) -> Iterator[ConversationStore]:
    opened = ConversationStore.open(path)
    yield opened
    opened.close()


def chat_of(store: ConversationStore, chain: Chain, **options: Any) -> Chat:
    options = {"settings": GREEDY, "max_tokens": 24} | options
    return store.chat(store.create(), chain, **options)


def again(chat: Chat, store: ConversationStore) -> Chat:
    """The same chat as a program that was started anew would have it."""
    return store.chat(chat.id, chat.chain, settings=GREEDY, max_tokens=24)


def said(events: Iterator[Event]) -> Done:
    done = list(events)[-1]
    assert isinstance(done, Done)
    return done


def prompt_tokens(events: Iterator[Event]) -> int:
    return sum(
        event.total for event in events if isinstance(event, Prompt) and event.done == event.total
    )


def test_a_chat_answers_as_a_conversation_does(store: ConversationStore, chain: Chain) -> None:
    chat, talk = chat_of(store, chain), Conversation(chain, settings=GREEDY, max_tokens=24)
    for text in ("Hello there", "What is\n\na tree?", "And an echo?"):
        done, expected = said(chat.say(text)), said(talk.say(text))
        assert (done.text, done.context_tokens) == (expected.text, expected.context_tokens)
    assert [message.role for message in chat.messages] == ["user", "assistant"] * 3
    assert chat.messages[-1].text == done.text
    assert chat.messages[-1].figures is not None
    assert chat.messages[-1].figures["n_tokens"] == done.n_tokens


def test_what_was_read_is_not_read_again_after_a_restart(
    store: ConversationStore, path: Path, chain: Chain
) -> None:
    chat = chat_of(store, chain)
    list(chat.say("Hello there, how are you?"))
    with ConversationStore.open(path) as other:
        fresh = again(chat, other)
        events = list(fresh.say("Yes"))
    expected = chain.generate("\n\nUser: Yes\n\nAssistant:")
    assert prompt_tokens(iter(events)) <= prompt_tokens(iter(expected))


def test_restored_states_answer_bit_for_bit(store: ConversationStore, chain: Chain) -> None:
    chat, talk = chat_of(store, chain), Conversation(chain, settings=GREEDY, max_tokens=24)
    said(chat.say("Hello there"))
    said(talk.say("Hello there"))
    fresh = again(chat, store)
    list(fresh.say("Go on"))
    list(talk.say("Go on"))
    assert np.array_equal(fresh.state.to_numpy(), talk.state.to_numpy())


def test_regenerating_reads_nothing(store: ConversationStore, chain: Chain) -> None:
    chat = chat_of(store, chain)
    first = said(chat.say("Tell me of trees"))
    events = list(again(chat, store).regenerate())
    assert not [event for event in events if isinstance(event, Prompt)]
    assert isinstance(events[-1], Done)
    assert events[-1].text == first.text
    question = chat.messages[0]
    assert len(store.children(chat.id, question.id)) == 2


def test_what_was_learned_is_not_learned_again_after_a_restart(
    store: ConversationStore, chain: Chain
) -> None:
    adaptation = Adaptation()
    chat = chat_of(store, chain, guidance=[adaptation])
    said(chat.say("Where does the numbat sleep?"))
    said(chat.say("And what does it eat?"))
    snapshot, once = adaptation.snapshot(), adaptation.gauge().tokens
    reopened = again(chat, store)
    later = Adaptation()
    later.restore(snapshot)
    reopened.guidance = [later]
    first_answer = reopened.messages[1].id
    said(reopened.regenerate())
    said(reopened.say("And what does it eat?", parent=first_answer))
    said(reopened.edit(reopened.messages[0].id, "Where does the numbat sleep?"))
    assert later.gauge().tokens == once
    assert 0 not in [mark for (mark,) in store.database.execute("SELECT mark FROM states")]


def test_states_from_before_the_marks_are_still_there(path: Path, chain: Chain) -> None:
    database = open_database(path)
    database.migrate(schema.NAME, schema.VERSIONS[:1])
    database.close()
    store = ConversationStore.open(path)
    chat = chat_of(store, chain)
    said(chat.say("Hello"))
    store.database.execute("UPDATE states SET mark = 0")
    assert prompt_tokens(again(chat, store).regenerate()) == 0
    store.close()


def test_branching_inside_an_answer(store: ConversationStore, chain: Chain) -> None:
    chat = chat_of(store, chain)
    whole = said(chat.say("Tell me of trees")).text
    answer = chat.messages[-1]
    tokens = store.tokens(answer.id)
    assert "".join(token.text for token in tokens).strip() == whole
    for n_tokens in (0, 3, 16, 19, len(tokens)):
        done = said(again(chat, store).branch(answer.id, n_tokens))
        if n_tokens < len(tokens):
            assert done.text.startswith(whole) or whole.startswith(done.text)
        kept = store.tokens(store.conversation(chat.id).leaf or "")
        assert kept[:n_tokens] == tokens[:n_tokens]
    events = list(again(chat, store).branch(answer.id, 16))
    assert not [event for event in events if isinstance(event, Prompt)], "a state is kept there"
    other = said(again(chat, store).branch(answer.id, 2, " never"))
    start = "".join(token.text for token in tokens[:2]) + " never"
    assert other.text.startswith(start.strip())
    with pytest.raises(ArgumentError, match="n_tokens is 1000; the answer has"):
        chat.branch(answer.id, 1000)


def test_going_on_with_an_answer(store: ConversationStore, chain: Chain) -> None:
    long = said(chat_of(store, chain, max_tokens=24).say("Tell me of trees")).text
    chat = chat_of(store, chain, max_tokens=12)
    said(chat.say("Tell me of trees"))
    answer = chat.messages[-1]
    fresh = store.chat(chat.id, chain, settings=GREEDY, max_tokens=12)
    events = list(fresh.go_on())
    assert not [event for event in events if isinstance(event, Prompt)]
    found = store.message(answer.id)
    assert found.text == long
    assert "".join(token.text for token in store.tokens(answer.id)) == found.raw
    # What follows an answer follows its old text.
    list(fresh.say("Yes", parent=answer.id))
    list(fresh.go_on(answer.id))
    assert store.message(answer.id).text == long
    assert len(store.children(chat.id, answer.parent)) == 2


def test_editing_branches(store: ConversationStore, chain: Chain) -> None:
    chat = chat_of(store, chain)
    list(chat.say("One"))
    list(chat.say("Two"))
    first, _, second, _ = chat.messages
    list(chat.edit(second.id, "Three"))
    assert [message.text for message in chat.messages][::2] == ["One", "Three"]
    list(chat.edit(first.id, "Four"))
    assert [message.text for message in chat.messages][::2] == ["Four"]
    assert len(store.children(chat.id, None)) == 2


def test_another_models_states_are_not_used(store: ConversationStore, chain: Chain) -> None:
    chat = chat_of(store, chain)
    list(chat.say("Hello there"))
    answer = chat.messages[-1]
    assert store.states.at_end(answer.id, chain.backend.model) is not None  # type: ignore[attr-defined]

    class Other:
        fingerprint = "00" * 16
        state_shape = chain.backend.model.state_shape  # type: ignore[attr-defined]
        n_vocab = chain.backend.model.n_vocab  # type: ignore[attr-defined]

    assert store.states.at_end(answer.id, Other()) is None
    mock = Chain.load(ModelFile.from_bytes("none", b""), "mock")
    done = said(store.chat(chat.id, mock).say("And now?"))
    words = f"User: Hello there\n\nAssistant: {answer.text}\n\nUser: And now?\n\nAssistant:".split()
    assert done.text.endswith(f"It read {len(words)} words.")


def test_an_answer_chosen_among_several_is_kept_by_its_tokens(
    store: ConversationStore, chain: Chain
) -> None:
    chat = chat_of(store, chain, settings=SamplingSettings(seed=3))
    membrane = ReasoningMembrane()
    chat.drawing = membrane.drawing(membrane.plan(CognitiveContext("s", "Why are trees old?")))
    shown = [event for event in chat.say("Why are trees old?") if isinstance(event, Token)]
    answer = chat.messages[-1]
    tokens = store.tokens(answer.id)
    assert [one.token for one in tokens] == [event.id for event in shown]
    assert "".join(one.text for one in tokens) == answer.raw
    assert [one.text.strip() for one in tokens] == [event.text.strip() for event in shown]
    # So it can go on anew from the middle of it.
    chat.drawing = None
    done = said(chat.branch(answer.id, 4, " at all"))
    begun = "".join(one.text for one in tokens[:4]) + " at all"
    assert done.text.startswith(begun.strip())


def test_a_damaged_state_is_not_used(store: ConversationStore, chain: Chain) -> None:
    chat = chat_of(store, chain)
    list(chat.say("Hello there"))
    store.database.execute(
        "UPDATE numbers SET numbers = CAST(substr(numbers, 1, 100) || x'00' AS BLOB)"
    )
    expected = Conversation(chain, settings=GREEDY, max_tokens=24)
    list(expected.say("Hello there"))
    assert said(again(chat, store).say("Yes")).text == said(expected.say("Yes")).text


def test_a_stopped_and_a_left_answer_stay(store: ConversationStore, chain: Chain) -> None:
    chat = chat_of(store, chain)
    for event in chat.say("Tell me of trees"):
        if isinstance(event, Token) and event.index == 5:
            chat.stop()
    stopped = chat.messages[-1]
    assert (stopped.status, stopped.stop_reason) == ("done", "cancelled")
    events = chat.say("And more")
    for event in events:
        if isinstance(event, Token) and event.index == 5:
            break
    events.close()  # type: ignore[attr-defined]
    left = chat.messages[-1]
    assert (left.status, left.stop_reason) == ("done", "cancelled")
    assert left.text
    said(chat.say("Still there?"))


def test_an_answer_under_way_is_kept_token_by_token(
    store: ConversationStore, path: Path, chain: Chain
) -> None:
    chat = chat_of(store, chain)
    shown = ""
    for event in chat.say("Tell me of trees"):
        if isinstance(event, Token):
            shown += event.text
        if isinstance(event, Token) and event.index == 9:
            # As a program finds it that is started after this one was killed.
            with ConversationStore.open(path) as other:
                found = other.message(chat.answer_id)
            assert found.text == shown.strip()
            assert found.stop_reason == "cancelled"
            assert len(store.tokens(chat.answer_id)) == 10


def test_states_keep_within_their_budget(path: Path, chain: Chain) -> None:
    with ConversationStore.open(path, states_mb=1.0) as store:
        chat = chat_of(store, chain)
        for number in range(6):
            list(chat.say(f"Number {number}"))
        assert 0 < store.states.n_bytes <= 1_000_000
        model = chain.backend.model  # type: ignore[attr-defined]
        assert store.states.at_end(chat.messages[-1].id, model) is not None
        assert said(again(chat, store).say("Yes")).text


def test_a_full_disk_ends_keeping_and_not_the_answer(path: Path) -> None:
    database = open_database(path)
    mock = Chain.load(ModelFile.from_bytes("none", b""), "mock")
    with ConversationStore(database) as store:
        chat = chat_of(store, mock)
        list(chat.say("Hello"))
        expected = [message.text for message in chat.messages]
        pages = database.execute("PRAGMA page_count")[0][0]
        assert isinstance(pages, int)
        unkept = []
        # A little more each time, so that it is full at every place of an answer.
        for more in range(16):
            database.execute(f"PRAGMA max_page_count = {pages + 4 * more}")
            try:
                assert said(chat.say("tree " * 4000)).text
                unkept.append(chat.unsaved or "")
            except FileError as error:
                unkept.append(str(error))
            assert [message.text for message in store.messages(chat.id)][:2] == expected
            assert database.execute("PRAGMA integrity_check") == [("ok",)]
        assert "the disk is full" in unkept[0]
        assert "" in unkept


def test_bad_requests(store: ConversationStore, chain: Chain) -> None:
    chat, other = chat_of(store, chain), chat_of(store, chain)
    with pytest.raises(ArgumentError, match="conversation is empty"):
        chat.regenerate()
    with pytest.raises(ArgumentError, match="write a message"):
        chat.say(" \n ")
    list(other.say("Hello"))
    foreign = other.messages[0].id
    with pytest.raises(ArgumentError, match="in another conversation"):
        chat.regenerate(foreign)
    with pytest.raises(ArgumentError, match="in another conversation"):
        chat.say("Yes", parent=foreign)
    assert chat.messages == []
    events = chat.say("Hello")
    with pytest.raises(ArgumentError, match="under way"):
        chat.say("Hello")
    list(events)
