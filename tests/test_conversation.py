"""Conversations: the text that the model has read is always the text on the screen."""

from __future__ import annotations

import json
from collections.abc import Iterator

import hypothesis
import numpy as np
import pytest
from deep_tree_echo import Chain, Conversation, ModelFile, SamplingSettings
from deep_tree_echo.errors import ArgumentError, BackendError, MemoryBudgetError
from deep_tree_echo.events import Done
from hypothesis import given
from hypothesis import strategies as st

from tests.random_models import random_model_bytes

# Random models write invalid UTF-8, which cannot be read again from a text: keep to ASCII.
ASCII = {byte + 1: -1e9 for byte in range(128, 256)}
GREEDY = SamplingSettings(temperature=0, seed=0, bias=ASCII)
FILE = ModelFile.from_bytes("model.bin", random_model_bytes())
FEW = hypothesis.settings(max_examples=max(5, hypothesis.settings.default.max_examples // 30))


@pytest.fixture(scope="module")
def chain():
    return Chain.load(FILE)


@pytest.fixture
def chat(chain):
    return Conversation(chain, settings=GREEDY, max_tokens=12)


class Scripted:
    """A chain whose backend gives known replies; its states are texts."""

    def __init__(self, *replies):
        self.chain = Chain.load(FILE, "mock")
        self.backend = self.chain.backend
        self.replies = list(replies)
        self.prompts = []
        self.backend.generate = self.generate

    def generate(self, prompt, state=None, *, max_tokens=256, settings=None, stop=(), **others):
        self.prompts.append((state, prompt))
        generation = type(self.backend).generate(
            self.backend, prompt, state, max_tokens=max_tokens, settings=settings, stop=stop
        )
        generation._words = list(self.replies.pop(0))
        return generation


def scripted(*replies, **options):
    script = Scripted(*replies)
    return script, Conversation(script.chain, **options)


def said(chat):
    """What the model has read, as text."""
    return chat.current.answered.position.text


def last(events) -> Done:
    done = list(events)[-1]
    assert isinstance(done, Done)
    return done


def test_the_format_of_a_turn():
    script, chat = scripted([" Hi", "."], [" Yes", "."])
    assert last(chat.say("Hello")).text == "Hi."
    assert last(chat.say("  Really?\r\n\r\nReally!\n ")).text == "Yes."
    assert script.prompts == [
        (None, "User: Hello\n\nAssistant:"),
        ("User: Hello\n\nAssistant: Hi.", "\n\nUser: Really?\nReally!\n\nAssistant:"),
    ]
    assert said(chat) == (
        "User: Hello\n\nAssistant: Hi.\n\nUser: Really?\nReally!\n\nAssistant: Yes."
    )
    assert [turn.user for turn in chat.turns] == ["Hello", "  Really?\r\n\r\nReally!\n "]


@pytest.mark.parametrize(
    ("reply", "separator"), [(" Hi", "\n\n"), (" Hi\n", "\n"), (" Hi\n\n", ""), ("", "\n\n")]
)
def test_one_empty_line_between_turns(reply, separator):
    script, chat = scripted([reply], ["x"])
    assert last(chat.say("a")).text == reply.strip()
    last(chat.say("b"))
    assert script.prompts[1][1] == f"{separator}User: b\n\nAssistant:"


def test_a_reply_ends_where_the_next_message_would_begin():
    _, chat = scripted([" Hi", ".\n", "\nUs", "er: and", " now"], ["x"])
    done = last(chat.say("a"))
    assert (done.text, done.stop_reason) == ("Hi.", "stop")
    assert said(chat) == "User: a\n\nAssistant: Hi."


def test_the_leading_space_is_not_shown():
    _, chat = scripted([" ", " \n", " Hi", " you "])
    events = list(chat.say("a"))
    assert [event.text for event in events if event.type == "token"] == ["", "", "Hi", " you "]
    assert events[-1].text == "Hi you"


def test_an_opening():
    script, chat = scripted(["x"], opening="A talk.\n")
    last(chat.say("a"))
    assert script.prompts == [(None, "A talk.\n\nUser: a\n\nAssistant:")]


def test_done_has_every_figure(chat):
    done = last(chat.say("Hello"))
    assert (done.backend, done.model, done.failures) == ("rwkv_cpp", "model.bin", [])
    assert done.n_tokens <= 12
    assert done.context_tokens == chat.context_tokens >= done.n_tokens
    assert done.tokens_per_second > 0
    assert done.first_token_seconds > 0
    assert done.memory_bytes > 1_000_000
    json.dumps(done.to_json())


def test_metrics_come_about_five_times_a_second(chain):
    ticks = iter(i / 20 for i in range(10_000))
    chat = Conversation(
        chain,
        settings=SamplingSettings(seed=1, bias={0: -1e9}),
        max_tokens=60,
        clock=lambda: next(ticks),
    )
    metrics = [event for event in chat.say("Hello") if event.type == "metrics"]
    assert 10 <= len(metrics) <= 15
    assert metrics[-1].tokens_per_second == pytest.approx(20)
    assert metrics[0].context_tokens < metrics[-1].context_tokens
    assert metrics[0].memory_bytes > 0


def test_going_on_reads_nothing_again(chat):
    done = last(chat.say("Hello"))
    assert done.stop_reason == "length"
    events = list(chat.go_on())
    assert not [event for event in events if event.type == "prompt"]
    assert len(chat.turns) == len(chat.all_turns) == 1
    assert events[-1].text.startswith(done.text[:3])
    longer = Conversation(chat.chain, settings=GREEDY, max_tokens=24)
    list(longer.say("Hello"))
    assert np.allclose(chat.state.to_numpy(), longer.state.to_numpy(), atol=1e-3)


def test_what_was_said_counts_for_the_penalties_when_it_goes_on(chain):
    settings = SamplingSettings(
        temperature=0,
        frequency_penalty=0.7,
        presence_penalty=0.4,
        bias={byte + 1: -1e9 for byte in range(128, 256)},
    )
    at_once = Conversation(chain, settings=settings, max_tokens=60)
    last(at_once.say("Hello"))
    in_parts = Conversation(chain, settings=settings, max_tokens=20)
    last(in_parts.say("Hello"))
    while in_parts.turns[-1].stop_reason == "length" and len(in_parts.turns[-1].raw) < 60:
        last(in_parts.go_on())
    assert in_parts.turns[-1].raw == at_once.turns[-1].raw
    assert len(in_parts.turns[-1].raw) > 20


def test_a_complete_reply_does_not_go_on():
    _, chat = scripted([" Hi."])
    last(chat.say("a"))
    with pytest.raises(ArgumentError, match="Turn 1 is complete"):
        chat.go_on()


def test_going_on_with_a_reply_that_others_follow_makes_a_version():
    _, chat = scripted(["a ", "b", "c"], ["x"], ["d"], max_tokens=2)
    last(chat.say("1"))
    last(chat.say("2"))
    chat.select(1)
    assert last(chat.go_on()).text == "a bd"
    assert [turn.reply for turn in chat.all_turns] == ["a b", "x", "a bd"]
    assert chat.current.parent is None


def test_regenerating_reads_nothing_again(chain):
    chat = Conversation(chain, settings=SamplingSettings(temperature=2, top_k=0), max_tokens=12)
    first = last(chat.say("Hello"))
    events = list(chat.regenerate())
    assert not [event for event in events if event.type == "prompt"]
    assert events[-1].text != first.text
    assert [turn.user for turn in chat.all_turns] == ["Hello", "Hello"]
    assert chat.current.id == 2
    assert chat.turns == [chat.current]
    chat.settings = GREEDY
    one, two = last(chat.regenerate()), last(chat.regenerate())
    assert one.text == two.text


def test_editing_branches(chat):
    for text in ("a", "b", "c"):
        last(chat.say(text))
    last(chat.edit(2, "B"))
    assert [turn.user for turn in chat.turns] == ["a", "B"]
    assert len(chat.all_turns) == 4
    chat.select(3)
    assert [turn.user for turn in chat.turns] == ["a", "b", "c"]
    last(chat.edit(1, "A"))
    assert [turn.user for turn in chat.turns] == ["A"]
    fresh = Conversation(chat.chain, settings=GREEDY, max_tokens=12)
    last(fresh.say("A"))
    assert np.array_equal(chat.state.to_numpy(), fresh.state.to_numpy())


def test_stopping_keeps_what_was_said(chain):
    chat = Conversation(chain, settings=SamplingSettings(seed=1, bias={0: -1e9}), max_tokens=100)
    shown = ""
    for event in chat.say("Hello"):
        if event.type == "token":
            shown += event.text
            if event.index == 20:
                chat.stop()
        final = event
    assert final.stop_reason == "cancelled"
    assert final.text == shown.strip()
    assert said(chat).endswith(chat.current.raw)
    last(chat.say("Go on"))
    assert f"{shown.strip()}" in said(chat)


@pytest.mark.parametrize("at", [0, 1, 5])
def test_leaving_the_iteration_stops_the_answer(chain, at):
    chat = Conversation(chain, settings=SamplingSettings(seed=1, bias={0: -1e9}), max_tokens=50)
    events = chat.say("Hello")
    for event in events:
        if event.type == "token" and event.index == at:
            break
    events.close()
    assert chat.current.stop_reason == "cancelled"
    assert said(chat) == "User: Hello\n\nAssistant:" + chat.current.raw
    assert last(chat.go_on()).stop_reason == "length"


def test_stopping_while_the_message_is_read(chain):
    chat = Conversation(chain, settings=GREEDY, max_tokens=5)
    message = "x" * 300
    for event in chat.say(message):
        if event.type == "prompt" and event.done < event.total:
            chat.stop()
        final = event
    assert (final.text, final.stop_reason, final.n_tokens) == ("", "cancelled", 0)
    assert [turn.user for turn in chat.turns] == [message]
    last(chat.say("y"))
    assert said(chat).startswith(f"User: {message}\n\nAssistant:\n\nUser: y\n\nAssistant:")
    chat.select(1)
    plain = Conversation(chain, settings=GREEDY, max_tokens=5)
    assert last(chat.go_on()).text == last(plain.say(message)).text


def test_one_answer_at_a_time(chat):
    events = chat.say("Hello")
    next(events)
    with pytest.raises(ArgumentError, match="An answer is under way"):
        chat.say("Hello?")
    with pytest.raises(ArgumentError, match="An answer is under way"):
        chat.select(1)
    waiting = list(events)[-1]
    assert waiting.type == "done"
    two = chat.say("a"), chat.say("b")
    next(two[0])
    with pytest.raises(ArgumentError, match="An answer is under way"):
        next(two[1])


def test_the_state_can_be_watched(chat):
    assert chat.state is None
    seen = [chat.state for event in chat.say("Hello") if event.type == "token"]
    assert len({id(state) for state in seen}) > 5
    assert chat.state.layers()[0]["matrix"].shape == (1, 64, 64)


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_an_empty_message_is_refused(chat, text):
    with pytest.raises(ArgumentError, match="write a message"):
        chat.say(text)


def test_what_is_not_there_is_named(chat):
    with pytest.raises(ArgumentError, match="The conversation is empty"):
        chat.regenerate()
    with pytest.raises(ArgumentError, match="The conversation is empty"):
        chat.go_on()
    for turn_id in (0, 1, -1):
        with pytest.raises(ArgumentError, match=f"turn_id is {turn_id}; there is no such turn"):
            chat.select(turn_id)


def test_an_error_leaves_the_conversation_as_it_was(chain):
    chat = Conversation(chain, settings=GREEDY, max_tokens=5)
    last(chat.say("Hello"))
    before = chat.to_json(), said(chat)
    real = chain.backend.generate

    def failing(*arguments, **options):
        generation = real(*arguments, **options)

        class Failing:
            def __getattr__(self, name):
                return getattr(generation, name)

            def __iter__(self) -> Iterator:
                for event in generation:
                    yield event
                    if event.type == "token":
                        raise MemoryBudgetError("There is no memory left.")

        return Failing()

    chain.backend.generate = failing
    try:
        with pytest.raises(MemoryBudgetError):
            list(chat.say("again"))
        with pytest.raises(MemoryBudgetError):
            list(chat.go_on())
    finally:
        del chain.backend.generate
    assert (chat.to_json(), said(chat)) == before
    last(chat.say("again"))
    assert len(chat.turns) == 2


def test_a_fallback_in_the_middle_of_an_answer():
    chain = Chain.load(FILE)
    chat = Conversation(chain, settings=GREEDY, max_tokens=12)
    last(chat.say("a"))
    real = chain.backend.generate

    def dying(*arguments, **options):
        generation = real(*arguments, **options)

        class Dying:
            def __getattr__(self, name):
                return getattr(generation, name)

            def __iter__(self) -> Iterator:
                for event in generation:
                    yield event
                    if event.type == "token" and event.index == 4:
                        raise BackendError("The library has died.")

        return Dying()

    chain.backend.generate = dying
    events = list(chat.say("b"))
    at = [event.type for event in events].index("fallback")
    shown = "".join(event.text for event in events[at:] if event.type == "token")
    done = events[-1]
    assert done.text == shown.strip()
    assert done.backend == "python_rwkv"
    assert [failure.reason for failure in done.failures] == ["The library has died."]
    assert [turn.backend for turn in chat.turns] == ["rwkv_cpp", "python_rwkv"]
    assert said(chat).endswith(chat.current.raw)
    last(chat.say("c"))
    assert last(chat.edit(2, "B")).context_tokens == len(said(chat).encode("utf-8"))


def test_another_model_reads_the_text_again(chain):
    chat = Conversation(chain, settings=GREEDY, max_tokens=6)
    last(chat.say("a"))
    before = said(chat)
    chat.chain = Chain.load(ModelFile.from_bytes("other.bin", random_model_bytes("6.0")))
    done = last(chat.say("b"))
    assert done.model == "other.bin"
    assert said(chat).startswith(before)
    assert chat.state.shape.architecture == "6.0"


def test_old_states_go_and_come_back(chain):
    chat = Conversation(chain, settings=GREEDY, max_tokens=5, state_budget_mb=0.22)
    for i in range(6):
        last(chat.say(str(i)))
    kept = [turn.answered.position.backend is not None for turn in chat.turns]
    assert kept == [False, False, False, False, True, True]
    plain = Conversation(chain, settings=GREEDY, max_tokens=5)
    for i in (0, 1):
        last(plain.say(str(i)))
    chat.select(2)
    assert last(chat.say("new")).text == last(plain.say("new")).text
    assert chat.context_tokens == plain.context_tokens


def test_to_json(chat):
    last(chat.say("a"))
    last(chat.say("b"))
    data = json.loads(json.dumps(chat.to_json()))
    assert data["current"] == 2
    assert data["context_tokens"] == chat.context_tokens
    assert [turn["parent"] for turn in data["turns"]] == [None, 1]
    assert data["turns"][0]["user"] == "a"
    assert data["turns"][0]["backend"] == "rwkv_cpp"


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "regenerate", "edit", "go_on", "stop"]), st.integers()
    ),
    max_size=8,
)


def play(chat, actions):
    """Does what the actions say, as far as it can be done, an event at a time."""
    for i, (action, number) in enumerate(actions):
        turns = len(chat.all_turns)
        if action in ("say", "stop") or not turns:
            events = chat.say(f"message {i}")
        elif action == "regenerate":
            events = chat.regenerate()
        elif action == "edit":
            events = chat.edit(1 + number % turns, f"edit {i}")
        elif chat.current.stop_reason == "length":
            events = chat.go_on()
        else:
            continue
        for event in events:
            if action == "stop" and event.type == "token" and event.index == number % 5:
                chat.stop()
            yield


@FEW
@given(ACTIONS)
def test_the_state_is_always_that_of_the_text(chain, actions):
    chat = Conversation(chain, settings=GREEDY, max_tokens=6)
    for _ in play(chat, actions):
        pass
    if chat.current is None:
        return
    expected = "".join(
        f"{separator}User: {turn.user}\n\nAssistant:{turn.raw}"
        for turn, separator in zip(
            chat.turns, ["", *map(separator_after, chat.turns)], strict=False
        )
    )
    assert said(chat) == expected
    model = chain.backend.model
    _, state = model.eval(model.encode(expected))
    assert chat.context_tokens == len(model.encode(expected))
    np.testing.assert_allclose(chat.state.to_numpy(), state.to_numpy(), rtol=1e-2, atol=1e-2)


def separator_after(turn):
    return "\n" * max(0, 2 - (len(turn.raw) - len(turn.raw.rstrip("\n"))))


@FEW
@given(ACTIONS, ACTIONS, st.lists(st.booleans(), max_size=200))
def test_interleaved_conversations_do_not_leak(chain, one, two, order):
    def new():
        return Conversation(chain, settings=GREEDY, max_tokens=6)

    alone = new(), new()
    for chat, actions in zip(alone, (one, two), strict=True):
        for _ in play(chat, actions):
            pass
    together = new(), new()
    running = [play(together[0], one), play(together[1], two)]
    for first in [*order, *[True, False] * 500]:
        next(running[not first], None)
    for chat, expected in zip(together, alone, strict=True):
        assert chat.to_json() == expected.to_json()


def test_a_preface_is_read_before_the_message_and_is_no_part_of_it():
    script, chat = scripted(["x"], ["y"])
    last(chat.say("a", preface=" Known: Ada\n\nlikes tea. \n"))
    last(chat.say("b"))
    assert script.prompts[0] == (None, "Known: Ada\nlikes tea.\n\nUser: a\n\nAssistant:")
    assert script.prompts[1][1] == "\n\nUser: b\n\nAssistant:"
    assert [turn.user for turn in chat.turns] == ["a", "b"]


def test_what_was_said_since_a_moment_is_taken_back():
    _, chat = scripted(["a ", "b", "c"], ["x"], ["d"], ["e"], max_tokens=2)
    before = chat.moment()
    last(chat.say("1"))
    moment = chat.moment()
    last(chat.go_on())
    last(chat.say("2"))
    chat.return_to(moment)
    assert [turn.reply for turn in chat.all_turns] == ["a b"]
    assert said(chat) == "User: 1\n\nAssistant:a b"
    last(chat.say("3"))
    chat.return_to(before)
    assert (chat.all_turns, chat.current, chat.state_bytes) == ([], None, 0)
