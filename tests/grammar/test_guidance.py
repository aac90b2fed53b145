"""Answers of models that follow a grammar, by both backends; stop strings; the membrane."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import Model, core, platform
from deep_tree_echo.adaptation import Adaptation
from deep_tree_echo.backends.base import ModelFile
from deep_tree_echo.backends.chain import Chain
from deep_tree_echo.context import CognitiveContext
from deep_tree_echo.conversation import Conversation
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.events import Done, Token
from deep_tree_echo.generation import TextGeneration
from deep_tree_echo.grammar import Grammar, GrammarGuidance
from deep_tree_echo.guidance import Guidance
from deep_tree_echo.membranes.grammar import GrammarMembrane
from deep_tree_echo.membranes.reasoning import ReasoningMembrane
from deep_tree_echo.sampling import SamplingSettings

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "age"],
}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load()


def _fits(value: Any) -> None:
    assert set(value) <= {"name", "age", "tags"}
    assert len(value["name"]) <= 12
    assert 0 <= value["age"] <= 150


@pytest.mark.parametrize("seed", range(8))
def test_a_schema(model: Model, seed: int) -> None:
    text = "".join(model.generate("", json_schema=SCHEMA, temperature=1.5, seed=seed))
    _fits(json.loads(text))


@pytest.mark.parametrize("backend", ["rwkv_cpp", "python_rwkv"])
@pytest.mark.parametrize("branches", [1, 2])
def test_an_answer_that_was_cut_goes_on_inside(backend: Any, branches: int) -> None:
    chain = Chain.load(ModelFile.from_path(platform.bundled_model_path()), backend)
    grammar = Grammar.json_schema(SCHEMA).after_space
    settings = SamplingSettings(temperature=1.3, seed=5)
    chat = Conversation(chain, settings=settings, max_tokens=7, guidance=[GrammarGuidance(grammar)])
    if branches > 1:
        membrane = ReasoningMembrane()
        asked = CognitiveContext("s", "Who?", metadata={"branches": branches})
        chat.drawing = membrane.drawing(membrane.plan(asked))
    done = list(chat.say("Who?"))[-1]
    parts = 1
    while done.stop_reason == "length":
        done = list(chat.go_on())[-1]
        parts += 1
    assert parts > 2
    _fits(json.loads(done.text))
    assert grammar.matches(done.text)
    # From a word of it, as a branch does.
    turn = chat.turns[-1]
    begins = turn.raw[: turn.raw.index(":") + 1]
    chat.resume("Who?", turn.asked, begins)
    done = list(chat.go_on())[-1]
    while done.stop_reason == "length":
        done = list(chat.go_on())[-1]
    assert done.text.startswith(begins.strip())
    _fits(json.loads(done.text))


def test_an_answer_that_does_not_fit_does_not_go_on(model: Model) -> None:
    chat = Conversation(
        Chain.load(ModelFile.from_path(platform.bundled_model_path())), max_tokens=3
    )
    list(chat.say("Hello"))
    before = chat.turns[-1].raw
    chat.guidance = [GrammarGuidance(Grammar.gbnf('root ::= "[" [0-9]+ "]"').after_space)]
    with pytest.raises(ArgumentError, match="The answer so far does not fit the grammar"):
        list(chat.go_on())
    assert chat.turns[-1].raw == before
    with pytest.raises(ArgumentError, match="The answer so far does not fit the grammar"):
        TextGeneration(model, "x", guidance=chat.guidance, begun="{")


def test_it_ends_by_itself(model: Model) -> None:
    grammar = Grammar.gbnf('root ::= "yes" | "no"')
    generation = TextGeneration(model, "Is it?", guidance=[GrammarGuidance(grammar)])
    tokens = [event for event in generation if isinstance(event, Token)]
    assert generation.stop_reason == "end"
    assert generation.text in ("yes", "no")
    # The state is that after the text: no end was asked of the model.
    assert len(tokens) == len(model.encode(generation.text))


def test_the_text_of_its_tokens_alone_counts(model: Model) -> None:
    """The prompt is not part of it, and an empty answer may be whole."""
    assert "".join(model.generate("yes", grammar='root ::= ""')) == ""


def test_stop_strings_do_not_cut_it(model: Model) -> None:
    grammar = Grammar.gbnf(r'root ::= "\"a\n\nUser: b\"" "!"{3}')
    text = "".join(model.generate("x", grammar=grammar, stop=["\n\nUser:", "!!"]))
    assert text == '"a\n\nUser: b"!!!'
    grammar = Grammar.gbnf('root ::= "a"* "b"*')
    text = "".join(model.generate("x", grammar=grammar, stop=["b"], seed=3, max_tokens=40))
    assert grammar.matches(text)
    assert "b" not in text


def test_two_grammars(model: Model) -> None:
    """The answer fits both, and is over where both are."""

    def both(first: str, second: str) -> str:
        guidance = [GrammarGuidance(Grammar.gbnf(one)) for one in (first, second)]
        generation = TextGeneration(model, "x", guidance=guidance, max_tokens=40)
        for _ in generation:
            pass
        return generation.text

    assert both("root ::= [ab]{3}", "root ::= [bc]+") == "bbb"
    assert both("root ::= [bc]+", "root ::= [ab]{3}") == "bbb"
    with pytest.raises(ArgumentError, match="No token that the grammar allows after 3 tokens"):
        both("root ::= [b]{3}", "root ::= [b]{4}")


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("keeps", [False, True])
def test_penalties_count_each_token_once(
    monkeypatch: pytest.MonkeyPatch, learns: bool, keeps: bool
) -> None:
    """An answer in pieces is the answer in one, whoever has a say in it."""
    counted: list[list[int]] = []
    new_sampler = Model.new_sampler

    class Counting:
        def __init__(self, sampler: core.Sampler) -> None:
            self._sampler = sampler
            self.sample = sampler.sample
            counted.append([])
            self._counted = counted[-1]

        def accept(self, token: int) -> None:
            self._counted.append(token)
            self._sampler.accept(token)

    monkeypatch.setattr(
        Model, "new_sampler", lambda model, settings: Counting(new_sampler(model, settings))
    )
    with Model.load() as model:  # whose answer would end too soon
        ends = {0, *model.encode("\n"), *model.encode("\n\n")}
    settings = SamplingSettings(
        temperature=0,
        repetition_penalty=1.3,
        presence_penalty=0.7,
        frequency_penalty=0.4,
        seed=1,
        bias=dict.fromkeys(ends, float("-inf")),
    )
    grammar = Grammar.gbnf('root ::= " "? "[" [a-z, ]{300,600} "]"')
    texts = []
    for most in (28, 7):
        guidance: list[Guidance] = [Adaptation()] if learns else []
        guidance += [GrammarGuidance(grammar)] if keeps else []
        chat = Conversation(
            _chain("rwkv_cpp"), settings=settings, max_tokens=most, guidance=guidance
        )
        counted.clear()
        done = list(chat.say("The quokka hops. The quokka eats. The quokka"))[-1]
        for _ in range(28 // most - 1):
            if done.stop_reason == "length":
                done = list(chat.go_on())[-1]
        texts.append(chat.turns[-1].raw)
        tokens = [event for event in counted if event]
        # Each piece counts what came before it, and its own tokens.
        assert [len(some) for some in tokens] == [most * i for i in range(1, 28 // most + 1)]
        assert all(some == tokens[-1][: len(some)] for some in tokens)
    assert texts[0] == texts[1]


def test_masks_serve_the_next_answer() -> None:
    """The masks of a grammar are made once; with the model they go."""
    gc.collect()  # of other tests
    before = core.grammar_bytes()
    model = Model.load()
    grammar = Grammar.json_schema(SCHEMA)
    first = model.new_matcher(grammar.program)
    first.mask(np.zeros(model.n_vocab, np.float32))
    second = model.new_matcher(grammar.program)
    assert second.nbytes == first.nbytes == core.grammar_bytes() - before
    # Each stands where its own text stands.
    first.feed(b"{")
    assert second.clone().mask(np.zeros(model.n_vocab, np.float32))[1] == 1
    # Grammars used long ago are let go of.
    for i in range(8):
        model.new_matcher(Grammar.gbnf(f'root ::= "{i}"').program)
    del first, second
    few = core.grammar_bytes() - before
    model.close()
    assert core.grammar_bytes() == before < few + before


def test_a_grammar_and_a_schema(model: Model) -> None:
    with pytest.raises(ArgumentError, match="grammar and json_schema are both given"):
        model.generate("x", grammar='root ::= "a"', json_schema=True)


def test_what_forbids_all_is_named(model: Model) -> None:
    grammar = Grammar.gbnf('root ::= "ab"')
    banned = [token for token in range(model.n_vocab) if b"b" in model.decode_bytes([token])]
    bias = dict.fromkeys(banned, float("-inf"))
    with pytest.raises(ArgumentError):
        "".join(model.generate("x", grammar=grammar, bias=bias, top_k=1))


def _chain(which: str) -> Chain:
    path = Path(platform.bundled_model_path())
    return Chain.load(ModelFile.from_path(path), which)


@pytest.mark.parametrize("backend", ["rwkv_cpp", "python_rwkv"])
def test_a_conversation(backend: str) -> None:
    membrane = GrammarMembrane()
    context = CognitiveContext("s", "Who? Tell me.", metadata={"json_schema": SCHEMA})
    step = membrane.begin(context)
    settings = SamplingSettings(temperature=1.5, seed=1)
    chat = Conversation(_chain(backend), settings=settings, guidance=step.guidance)
    events = list(chat.say(context.user_input))
    done = events[-1]
    assert isinstance(done, Done)
    assert done.backend == backend
    _fits(json.loads(done.text))
    response = step.finish(done, [event for event in events if isinstance(event, Token)])
    state = response.internal_state
    assert state["complete"] is True
    assert state["message"]["questions"] == 1
    assert 0 < state["probability_kept"] == response.confidence <= 1
    assert 0 < state["forbidden_per_token"] < 4096
    json.dumps(state)


def test_both_backends_write_the_same() -> None:
    guidance = GrammarGuidance(Grammar.json_schema(SCHEMA))
    texts = []
    for backend in ("rwkv_cpp", "python_rwkv"):
        settings = SamplingSettings(temperature=0)
        generation = _chain(backend).generate("Hello", settings=settings, guidance=[guidance])
        list(generation)
        texts.append(generation.text)
    assert texts[0] == texts[1]


def test_a_mock_cannot() -> None:
    guidance = GrammarGuidance(Grammar.gbnf('root ::= "a"'))
    chain = Chain.load(ModelFile.from_bytes("none", b""), "mock")
    with pytest.raises(Exception, match="grammar"):
        list(chain.generate("Hello", guidance=[guidance]))


def test_without_a_grammar() -> None:
    step = GrammarMembrane().begin(CognitiveContext("s", "Hello there."))
    assert list(step.guidance) == []
    with pytest.raises(ArgumentError, match="give one of them"):
        GrammarMembrane().begin(
            CognitiveContext("s", "x", metadata={"grammar": "a", "json_schema": True})
        )
