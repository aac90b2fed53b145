"""The mock: deterministic, and honest about what it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from deep_tree_echo import SamplingSettings
from deep_tree_echo.backends.mock import Mock
from deep_tree_echo.errors import ArgumentError, BackendError
from hypothesis import given
from hypothesis import strategies as st

PACKAGE = Path(__file__).resolve().parents[2] / "py"


def answer(prompt="Hello there", **options):
    generation = Mock().generate(prompt, **options)
    return list(generation), generation


@given(st.text(), st.one_of(st.none(), st.integers(0, 2**64 - 1)))
def test_every_answer_says_that_it_is_a_mock(prompt, seed):
    _, generation = answer(prompt, settings=SamplingSettings(seed=seed))
    assert generation.text.startswith(" [mock] ")
    assert generation.stop_reason == "end"


def test_even_one_token_says_so():
    _, generation = answer(max_tokens=1)
    assert generation.text.strip() == "[mock]"
    assert generation.stop_reason == "length"


def test_it_streams_words():
    events, generation = answer()
    tokens = [event for event in events if event.type == "token"]
    assert events[0].type == "prompt"
    assert len(tokens) > 5
    assert all(len(token.text.split()) == 1 for token in tokens)
    assert "".join(token.text for token in tokens) == generation.text
    assert all(token.probability is None for token in tokens)
    assert generation.context_tokens == 2 + len(tokens)


def test_equal_seeds_give_equal_answers():
    def text(seed):
        return answer(settings=SamplingSettings(seed=seed))[1].text

    assert text(5) == text(5)
    assert text(None) == text(0)
    assert len({text(seed) for seed in range(20)}) > 1


def test_it_stops():
    _, generation = answer(stop=["model"])
    assert generation.stop_reason == "stop"
    assert "model" not in generation.text


def test_it_can_be_cancelled():
    generation = Mock().generate("Hello")
    for event in generation:
        if event.type == "token" and event.index == 1:
            generation.cancel()
    assert generation.stop_reason == "cancelled"
    assert len(generation.text.split()) == 2


def test_max_tokens():
    _, generation = answer(max_tokens=0)
    assert (generation.text, generation.stop_reason) == ("", "length")
    with pytest.raises(ArgumentError, match="max_tokens is -1"):
        answer(max_tokens=-1)


def test_it_goes_on_from_its_state():
    _, first = answer(max_tokens=2)
    _, second = answer("", state=first.state)
    assert second.state.startswith("Hello there [mock]")


def test_its_description_promises_nothing():
    assert Mock().model_name == "mock"
    assert Mock().description["architecture"] == "none"


@pytest.mark.native("needs another process")
def test_it_works_without_numpy_and_libecho():
    program = (
        "import sys\n"
        "sys.modules['numpy'] = None\n"
        "from deep_tree_echo import Chain, Conversation, ModelFile\n"
        "chain = Chain.load(ModelFile.from_bytes('x.bin', b''))\n"
        "print(chain.backend.name)\n"
        "for failure in chain.failures: print(failure.backend, failure.reason)\n"
        "print(list(Conversation(chain).say('Hello'))[-1].text)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "mock"
    assert lines[1].startswith("rwkv_cpp rwkv_cpp needs NumPy, which could not be loaded: ")
    assert lines[2].startswith("python_rwkv python_rwkv needs NumPy, which could not be loaded: ")
    assert lines[3].startswith("[mock] ")


def test_what_it_cannot_follow_it_refuses():
    class Guidance:
        name = "grammar"
        required = True

    with pytest.raises(BackendError, match="The mock cannot follow the grammar; load a model"):
        Mock().generate("Hello", guidance=[Guidance()])
    Guidance.required = False
    assert Mock().generate("Hello", guidance=[Guidance()])
