"""Candidates drawn from one state: the same as separate runs, and the state as it was."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from deep_tree_echo import Chain, Conversation, ModelFile, SamplingSettings
from deep_tree_echo.backends.base import Backend
from deep_tree_echo.context import CognitiveContext
from deep_tree_echo.errors import ArgumentError, BackendError
from deep_tree_echo.events import Branch, Choice, Done, Fallback, Prompt, Token
from deep_tree_echo.membranes.reasoning import (
    Branching,
    Evidence,
    Judgement,
    Plan,
    ReasoningMembrane,
)

from tests.random_models import random_model_bytes

ASCII = {byte + 1: -1e9 for byte in range(128, 256)}
SETTINGS = SamplingSettings(seed=7, bias=ASCII)
PLAN = Plan("general", "low", 4, None, "words", "")
FILE = ModelFile.from_bytes("model.bin", random_model_bytes())


@pytest.fixture(scope="module")
def chain():
    return Chain.load(FILE)


@pytest.fixture(scope="module")
def place(chain):
    reading = chain.generate("User: Hello\n\nAssistant:", max_tokens=0)
    list(reading)
    return reading.state


def judge(evidence: Evidence, fingerprint: str) -> Judgement:
    return Judgement(evidence.raw, calibrated=False)


def branching(chain, prompt="", position=None, plan=PLAN, **options):
    options = {"max_tokens": 12, "settings": SETTINGS} | options
    return Branching(chain, prompt, position, plan, judge, **options)


def test_branches_are_separate_runs_with_their_seeds(chain, place):
    drawn = branching(chain, "", place)
    events = list(drawn)
    for number, one in enumerate(drawn.outcome.candidates):
        settings = replace(SETTINGS, seed=7 + number)
        alone = chain.generate("", place, max_tokens=12, settings=settings)
        tokens = [event for event in alone if isinstance(event, Token)]
        assert one.text == alone.text
        assert list(one.events) == tokens
        assert one.position.context_tokens == alone.total_tokens
        assert one.stop_reason == alone.stop_reason
        shown = [event for event in events if isinstance(event, Branch) and event.index == number]
        assert [event.id for event in shown] == [token.id for token in tokens]
        after = one.position.state.state.to_numpy()
        assert np.array_equal(after, alone.state.state.state.to_numpy())


def test_branching_never_changes_the_state_it_begins_from(chain, place):
    before = place.state.state.to_numpy().copy()
    logits = place.state.logits.copy()
    first = branching(chain, "", place)
    again = branching(chain, "", place)
    assert list(first) == list(again)
    assert np.array_equal(place.state.state.to_numpy(), before)
    assert np.array_equal(place.state.logits, logits)


def test_the_prompt_is_read_once(chain):
    events = list(branching(chain, "A prompt of some words."))
    assert [event for event in events if isinstance(event, Prompt)] == [Prompt(23, 23)]


def test_the_chosen_candidate_is_told_by_its_own_tokens(chain, place):
    drawn = branching(chain, "", place)
    events = list(drawn)
    at = next(i for i, event in enumerate(events) if isinstance(event, Choice))
    choice = events[at]
    answer = drawn.outcome.candidates[choice.chosen]
    assert tuple(events[at + 1 :]) == answer.events
    assert drawn.text == answer.text == "".join(event.text for event in events[at + 1 :])
    assert drawn.state == answer.position
    assert json.loads(json.dumps(choice.to_json()))["type"] == "choice"


def test_the_tree_holds_each_candidate_as_a_path(chain, place):
    drawn = branching(chain, "", place)
    list(drawn)
    nodes = drawn.outcome.tree()
    for number, one in enumerate(drawn.outcome.candidates):
        path, at = [], None
        for place_, node in enumerate(nodes):
            if number in node["branches"]:
                assert node["parent"] == at
                path.append(node["token"])
                at = place_
        assert path == [step.id for step in one.steps]
    chosen = [node["token"] for node in nodes if node["chosen"]]
    assert chosen == [step.id for step in drawn.outcome.answer.steps]


def test_log_probabilities_are_the_models_own(chain, place):
    drawn = branching(chain, "", place)
    list(drawn)
    for one in drawn.outcome.candidates:
        logits, total = np.asarray(place.state.logits, np.float64), 0.0
        state = place.state.state
        for step in one.steps:
            total += logits[step.id] - np.log(np.exp(logits - logits.max()).sum()) - logits.max()
            new, state = chain.backend.model.eval([step.id], state)
            logits = np.asarray(new, np.float64)
        assert one.total == pytest.approx(total, rel=1e-4)
        assert one.per_token == pytest.approx(total / len(one.steps), rel=1e-4)
        assert one.per_byte == pytest.approx(total / len(one.text.encode()), rel=1e-4)


def test_one_branch_is_an_answer_as_it_comes(chain, place):
    drawn = branching(chain, "", place, replace(PLAN, branches=1))
    alone = chain.generate("", place, max_tokens=12, settings=SETTINGS)
    assert list(drawn) == list(alone)
    assert drawn.text == alone.text
    assert 0 < drawn.outcome.judgement.confidence < 1


@pytest.mark.parametrize("after", [0, 1, 5, 12, 13, 30, 47])
def test_stopped_in_the_middle_the_best_so_far_is_the_answer(chain, place, after):
    drawn = branching(chain, "", place)
    events = []
    for event in drawn:
        events.append(event)
        if len([one for one in events if isinstance(one, Branch)]) > after:
            drawn.cancel()
    whole = [one for one in drawn.outcome.candidates if one.stop_reason != "cancelled"]
    assert len(whole) == (after + 1) // 12
    assert drawn.outcome.answer in (whole or drawn.outcome.candidates)
    assert drawn.stop_reason == ("length" if whole else "cancelled")
    assert drawn.text == "".join(event.text for event in events if isinstance(event, Token))
    assert list(chain.generate("", drawn.state, max_tokens=1, settings=SETTINGS))


def test_stopped_while_the_prompt_is_read_nothing_is_said(chain):
    drawn = branching(chain, "word " * 60)
    events = []
    for event in drawn:
        events.append(event)
        drawn.cancel()
    assert len(events) == 1
    assert (drawn.text, drawn.stop_reason, drawn.others) == ("", "cancelled", [])


class Only:
    """Guidance that lets nothing but some tokens through, and counts its guides."""

    name = "only"
    required = True

    def __init__(self, allowed):
        self.allowed = allowed
        self.started = 0

    def start(self, model):
        self.started += 1
        return self

    def adjust(self, logits):
        kept = np.full_like(logits, -np.inf)
        kept[self.allowed] = logits[self.allowed]
        return kept

    def accept(self, token, reading):
        pass


def test_guidance_is_obeyed_in_every_branch(chain, place):
    only = Only([98, 99, 100])
    drawn = branching(chain, "", place, guidance=[only])
    list(drawn)
    assert only.started == 4
    for one in drawn.outcome.candidates:
        assert len(one.text) == 12
        assert set(one.text) <= set("abc")


def test_the_mock_gives_one_candidate_and_no_confidence():
    drawn = branching(Chain.load(FILE, "mock"), "Hello")
    events = list(drawn)
    assert len(drawn.outcome.candidates) == 1
    assert drawn.outcome.judgement.confidence is None
    assert "".join(event.text for event in events if isinstance(event, Token)) == drawn.text
    with pytest.raises(BackendError, match="The mock cannot follow the only"):
        list(branching(Chain.load(FILE, "mock"), "Hello", guidance=[Only([98])]))


def test_numpy_draws_the_same_branches(chain):
    other = Chain.load(FILE, "python_rwkv")
    drawn = [branching(one, "Hello", plan=replace(PLAN, branches=2)) for one in (chain, other)]
    for one in drawn:
        list(one)
    ours, theirs = (one.outcome for one in drawn)
    assert [one.text for one in ours.candidates] == [one.text for one in theirs.candidates]
    assert ours.judgement.confidence == pytest.approx(theirs.judgement.confidence, rel=1e-3)


def test_candidates_of_a_better_backend_outlive_it(monkeypatch):
    chain = Chain.load(FILE)
    failing = chain.backend
    begun = 0

    def generate(self: Backend, *arguments, **options):
        nonlocal begun
        begun += 1
        if begun > 3:
            raise BackendError("It broke.")
        return type(failing).generate(self, *arguments, **options)

    monkeypatch.setattr(failing, "generate", generate.__get__(failing))
    drawn = branching(chain, "Hello")
    events = list(drawn)
    assert [event.backend for event in events if isinstance(event, Fallback)] == ["python_rwkv"]
    backends = [one.backend for one in drawn.outcome.candidates]
    assert backends == ["rwkv_cpp", "rwkv_cpp", "python_rwkv", "python_rwkv"]
    alone = branching(Chain.load(FILE), "Hello")
    list(alone)
    same = [one.text for one in alone.outcome.candidates]
    assert [one.text for one in drawn.outcome.candidates] == same


def test_a_candidate_that_loses_its_backend_begins_again(monkeypatch):
    chain = Chain.load(FILE)
    evaluate, calls = chain.backend.model.eval, 0

    def breaking(tokens, state=None):
        nonlocal calls
        calls += 1
        if calls == 1 + 12 + 4:
            raise BackendError("It broke.")
        return evaluate(tokens, state)

    monkeypatch.setattr(chain.backend.model, "eval", breaking)
    drawn = branching(chain, "Hello")
    events = list(drawn)
    assert sum(isinstance(event, Fallback) for event in events) == 1
    alone = branching(Chain.load(FILE), "Hello")
    list(alone)
    for one, other in zip(drawn.outcome.candidates, alone.outcome.candidates, strict=True):
        assert one.text == other.text
        assert [step.id for step in one.steps] == [step.id for step in other.steps]


def test_tokens_that_only_end_the_answer_do_not_count(chain, place):
    whole = chain.generate("", place, max_tokens=12, settings=SETTINGS)
    list(whole)
    drawn = branching(chain, "", place, replace(PLAN, branches=1), stop=[whole.text[5:8]])
    list(drawn)
    [one] = drawn.outcome.candidates
    assert one.text == whole.text[: whole.text.index(whole.text[5:8])]
    assert len(one.steps) == len(one.text) < len(one.events)
    assert one.position.text.endswith(one.text)


@pytest.mark.parametrize("seed", [None, 2**64 - 1])
def test_seeds_wrap_around_and_may_be_missing(chain, place, seed):
    drawn = branching(chain, "", place, settings=SamplingSettings(seed=seed))
    list(drawn)
    assert len(drawn.outcome.candidates) == 4


def test_bad_arguments_are_refused_in_one_sentence(chain):
    with pytest.raises(ArgumentError, match="branches is 0; it must be from 1 to 64"):
        replace(PLAN, branches=0)
    with pytest.raises(ArgumentError, match="max_tokens is -1"):
        branching(chain, "Hello", max_tokens=-1)


def answered(chat, text, **metadata):
    turn = ReasoningMembrane().begin(CognitiveContext("s", text, metadata=metadata))
    return turn, list(turn.answer(chat, text))


def test_a_turn_by_branches_keeps_the_others_as_versions_of_it(chain):
    chat = Conversation(chain, settings=SETTINGS, max_tokens=8)
    turn, events = answered(chat, "Hello", branches=3)
    done = events[-1]
    assert isinstance(done, Done)
    assert chat.drawing is None
    assert done.text == chat.current.reply
    assert len(chat.all_turns) == 3
    assert {(one.user, one.parent) for one in chat.all_turns} == {("Hello", None)}
    texts = {one.text.strip() for one in turn.drawing.last.outcome.candidates}
    assert {one.reply for one in chat.all_turns} == texts
    response = turn.finish(done, [event for event in events if isinstance(event, Token)])
    assert response.output_text == done.text
    assert response.metadata["calibrated"] is False
    assert 0 <= response.confidence <= 1
    json.dumps([response.internal_state, response.metadata])


def test_the_talk_goes_on_from_the_chosen_state(chain):
    chat = Conversation(chain, settings=SETTINGS, max_tokens=8)
    answered(chat, "Hello", branches=3)
    context = chat.current.context_tokens
    for turn in list(chat.all_turns):
        chat.select(turn.id)
        events = list(chat.say("And now?"))
        read = next(event for event in events if isinstance(event, Prompt))
        assert read.total == len("\n\nUser: And now?\n\nAssistant:")
    again = Conversation(chain, settings=SETTINGS, max_tokens=8)
    answered(again, "Hello", branches=3)
    assert again.current.context_tokens == context


def test_leaving_in_the_middle_keeps_what_was_said(chain):
    chat = Conversation(chain, settings=SETTINGS, max_tokens=8)
    turn = ReasoningMembrane().begin(CognitiveContext("s", "Hello", metadata={"branches": 3}))
    events = turn.answer(chat, "Hello")
    for count, _ in enumerate(events):
        if count == 12:
            events.close()
    assert chat.drawing is None
    assert chat.current.reply == turn.drawing.last.outcome.answer.text.strip()
    assert chat.current.stop_reason == "length"


def test_a_continued_reply_by_branches_has_its_whole_text(chain):
    chat = Conversation(chain, settings=SETTINGS, max_tokens=4)
    list(chat.say("Hello"))
    begun = chat.current.raw
    chat.drawing = ReasoningMembrane().drawing(replace(PLAN, branches=3))
    list(chat.go_on())
    assert len(chat.all_turns) == 3
    for turn in list(chat.all_turns):
        assert turn.raw.startswith(begun)
        assert turn.answered.position.text.endswith(turn.raw)


def test_after_an_error_the_conversation_is_as_it_was():
    chat = Conversation(Chain.load(FILE, "mock"), guidance=[Only([98])])
    turn = ReasoningMembrane().begin(CognitiveContext("s", "Hello"))
    with pytest.raises(BackendError):
        list(turn.answer(chat, "Hello"))
    assert (chat.all_turns, chat.current, chat.drawing) == ([], None, None)
