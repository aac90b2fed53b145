"""Adaptation as guidance: it learns what is read, once, and can be put back."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo import Model, SamplingSettings
from deep_tree_echo.adaptation import Adaptation, AdaptationSettings
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.generation import Reading, TextGeneration
from deep_tree_echo.words import Chosen
from deep_tree_echo.words import read as reread
from hypothesis import given
from hypothesis import strategies as st

from tests.adaptation.texts import SMALL, Follower

GREEDY = SamplingSettings(temperature=0, seed=0)
TEXT = "The quokka hops. The quokka eats. "


def read(model, adaptation, text, state=None, max_tokens=0):
    generation = TextGeneration(
        model, text, state, guidance=[adaptation], max_tokens=max_tokens, settings=GREEDY
    )
    for _ in generation:
        pass
    return generation


def test_it_learns_what_is_read():
    adaptation = Adaptation(SMALL)
    read(Follower(), adaptation, TEXT * 5)
    gauge = adaptation.gauge()
    assert gauge.tokens == gauge.bytes == len(TEXT) * 5 - 1
    assert gauge.gained > 1
    assert gauge.bits_per_byte_with == pytest.approx(gauge.bits_per_byte_without - gauge.gained)
    assert gauge.weights_norm > 0
    assert gauge.memory_bytes > 0


def test_answers_are_moved_but_not_learned():
    adaptation, model = Adaptation(SMALL), Follower()
    text = "A wombat digs.\n"  # any two letters are followed by one only
    read(model, adaptation, text * 8)
    before = adaptation.gauge().tokens
    answer = read(model, adaptation, text[:8], max_tokens=20)
    plain = TextGeneration(model, text[:8], max_tokens=20, settings=GREEDY)
    for _ in plain:
        pass
    assert answer.text == (text * 2)[8:28]
    assert plain.text != answer.text
    # Text that is read at the beginning again was learned before.
    assert adaptation.gauge().tokens == before
    # Logits and states are the model's own.
    alone = model.eval(model.encode((text * 2)[:28]))[0]
    np.testing.assert_array_equal(answer.state.logits, alone)


def test_nothing_is_learned_twice():
    adaptation, model = Adaptation(SMALL), Follower()
    first = read(model, adaptation, TEXT)
    once = adaptation.gauge()
    read(model, adaptation, TEXT)
    assert adaptation.gauge() == once
    # A branch: the same message after the same text, then another one.
    read(model, adaptation, "again", first.state)
    five = adaptation.gauge().tokens
    assert five == once.tokens + 5
    read(model, adaptation, "again", first.state)
    assert adaptation.gauge().tokens == five
    read(model, adaptation, "other", first.state)
    assert adaptation.gauge().tokens == five + 5
    # The whole text read afresh, as by another backend.
    read(model, adaptation, TEXT + "again")
    assert adaptation.gauge().tokens == five + 5


def test_an_answer_read_again_is_not_learned():
    adaptation, model = Adaptation(SMALL), Follower()
    answer = read(model, adaptation, TEXT, max_tokens=10)
    before = adaptation.gauge().tokens
    read(model, adaptation, TEXT + answer.text)
    assert adaptation.gauge().tokens == before


def test_candidates_that_lose_teach_nothing_and_disturb_nothing():
    def after(n_candidates):
        adaptation, model = Adaptation(SMALL), Follower()
        asked = read(model, adaptation, TEXT * 3)
        chosen = read(model, adaptation, "", asked.state, max_tokens=5)
        for letter in range(n_candidates):
            forced = Chosen(model.encode(chr(97 + letter) * 90))
            losing = TextGeneration(model, "", asked.state, guidance=[adaptation, forced])
            for _ in losing:
                pass
        read(model, adaptation, "And then?", chosen.state)
        again = read(model, adaptation, "", asked.state, max_tokens=5)
        return adaptation.snapshot(), adaptation.gauge(), again.text

    alone, with_others = after(0), after(6)
    assert with_others[1:] == alone[1:]
    assert with_others[1].tokens == len(TEXT) * 3 - 1 + len("And then?")


def test_a_candidate_that_ends_where_another_went_on_keeps_its_place():
    adaptation, model = Adaptation(SMALL), Follower()
    asked = read(model, adaptation, TEXT)
    text = model.encode("b" * 80)
    other = TextGeneration(
        model, "", asked.state, guidance=[adaptation, Chosen(text)], max_tokens=80
    )
    events = iter(other)
    for _ in range(10):
        next(events)
    chosen = TextGeneration(
        model, "", asked.state, guidance=[adaptation, Chosen(text)], max_tokens=10
    )
    for _ in chosen:
        pass
    for _ in events:
        pass
    before = adaptation.gauge().tokens
    read(model, adaptation, "And?", chosen.state)
    assert adaptation.gauge().tokens == before + 4


def test_what_was_read_without_guidance_teaches_nothing_twice():
    adaptation, model = Adaptation(SMALL), Follower()
    read(model, adaptation, TEXT + "again")
    once = adaptation.gauge()
    *_, (_, reading) = reread(model, model.encode(TEXT), Reading(None, None), 7)
    read(model, adaptation, "again", reading)
    assert adaptation.gauge() == once


def test_switched_off_it_does_nothing():
    adaptation, model = Adaptation(SMALL), Follower()
    read(model, adaptation, TEXT * 4)
    learned = adaptation.snapshot()
    adaptation.enabled = False
    model.evaluations.clear()
    answer = read(model, adaptation, TEXT + "!", max_tokens=8)
    assert max(map(len, model.evaluations)) > 1, "the prompt is read in pieces"
    plain = TextGeneration(model, TEXT + "!", max_tokens=8, settings=GREEDY)
    for _ in plain:
        pass
    assert answer.text == plain.text
    assert adaptation.snapshot() == learned
    assert not adaptation.gauge().enabled


def test_reset_forgets_everything():
    adaptation = Adaptation(SMALL)
    fresh = adaptation.snapshot()
    read(Follower(), adaptation, TEXT)
    adaptation.reset()
    assert adaptation.snapshot() == fresh
    assert adaptation.gauge().tokens == 0
    read(Follower(), adaptation, TEXT)
    assert adaptation.gauge().tokens == len(TEXT) - 1


def test_memory_is_counted():
    adaptation = Adaptation(AdaptationSettings(window=32, features=8, reservoir=8))
    assert adaptation.nbytes == 0
    read(Follower(n_embed=16), adaptation, TEXT)
    once = adaptation.nbytes
    # At least the contexts, the projection, and for each place a vector, features and an echo.
    assert once > 4 * 32 * 8 + 4 * 16 * 8 + len(TEXT) * (4 * 8 + 8 * 16 + 4 * 8)
    assert 0 < adaptation.gauge().memory_bytes < once
    read(Follower(n_embed=16), adaptation, "more")
    assert adaptation.nbytes == once + 4 * (4 * 8 + 8 * 16 + 4 * 8)
    adaptation.reset()
    assert adaptation.nbytes == 0


def test_another_model_begins_anew():
    adaptation = Adaptation(SMALL)
    read(Follower(), adaptation, TEXT)
    read(Follower(), adaptation, "more")
    assert adaptation.gauge().tokens > len(TEXT)
    read(Follower(fingerprint="other"), adaptation, "more")
    assert adaptation.gauge().tokens == 3


def test_a_model_without_hidden_state_is_left_alone():
    class Bare(Follower):
        def __getattribute__(self, name):
            if name == "hidden":
                raise AttributeError(name)
            return super().__getattribute__(name)

    adaptation = Adaptation(SMALL)
    assert read(Bare(), adaptation, TEXT, max_tokens=3).text
    assert adaptation.gauge().tokens == 0


def test_a_snapshot_goes_on_as_if_nothing_had_been():
    adaptation, model = Adaptation(SMALL), Follower()
    read(model, adaptation, TEXT * 3)
    kept = adaptation.snapshot()
    other = Adaptation()
    other.restore(kept)
    assert other.settings == SMALL
    assert other.snapshot() == kept
    for one in (adaptation, other):
        read(model, one, "A wombat digs. " * 3)
    assert other.gauge().nats_with == pytest.approx(adaptation.gauge().nats_with, rel=1e-9)
    # And back.
    adaptation.restore(kept)
    assert adaptation.snapshot() == kept
    empty = Adaptation(SMALL).snapshot()
    adaptation.restore(empty)
    assert adaptation.gauge().tokens == 0


@given(st.integers(0, 10**9), st.integers(1, 255))
def test_a_damaged_snapshot_is_refused(place, change):
    adaptation = Adaptation(AdaptationSettings(window=16, features=8, reservoir=0))
    read(Follower(n_embed=8), adaptation, "abcabc")
    kept = adaptation.snapshot()
    damaged = bytearray(kept)
    damaged[place % len(kept)] ^= change
    for data in (bytes(damaged), kept[: place % len(kept)]):
        with pytest.raises(ArgumentError, match="snapshot"):
            adaptation.restore(data)
    with pytest.raises(ArgumentError, match="type str"):
        adaptation.restore("text")
    assert adaptation.snapshot() == kept


def test_logits_that_are_no_numbers_are_not_learned():
    class Broken(Follower):
        def eval(self, tokens, state=None):
            logits, state = super().eval(tokens, state)
            return np.full_like(logits, np.nan), state

    adaptation = Adaptation(SMALL)
    read(Broken(), adaptation, TEXT)
    assert adaptation.gauge().tokens == 0


def test_with_the_bundled_model():
    adaptation = Adaptation()
    with Model.load() as model:
        code = "def area(width, height):\n    return width * height\n\n\n"
        text = "".join(code.replace("area", name) for name in ("area", "size", "room", "land"))
        expected = len(model.encode(text + "def ")) - 1
        generation = read(model, adaptation, text + "def ", max_tokens=4)
        assert np.isfinite(generation.state.logits).all()
    gauge = adaptation.gauge()
    assert gauge.tokens == expected
    assert gauge.bits_per_byte_with < 0.5 * gauge.bits_per_byte_without
