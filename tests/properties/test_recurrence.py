"""The state is all that a model remembers: however a text is cut, saved, copied or interleaved."""

from __future__ import annotations

import threading
from functools import cache
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import Model, State, platform
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import ON_PYODIDE
from tests.evaluators import BACKENDS, load
from tests.random_models import ARCHITECTURES, random_model_bytes

TYPES = ("FP32", "FP16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")
MODELS = [(backend, model) for backend in BACKENDS for model in (*ARCHITECTURES, "bundled")]

# A different cut may add the same float32 products in another order. Each sum of n products then
# moves by about sqrt(n) * 2**-24 of its terms' size, a few layers carry that on, and where large
# terms cancel the error stays that of the terms: so it is measured against the largest number
# around, and not against each number. The worst seen is 2e-6 of it.
BOUND = 1e-5

# An example reads hundreds of tokens, drawn at random by themselves: few are enough, and a smaller
# one that fails too would say no more.
few = settings(max_examples=3 if ON_PYODIDE else 10, phases=(Phase.explicit, Phase.generate))


@cache
def model_of(backend: str, name: str, kind: str = "FP32") -> Any:
    """A random model of an architecture, or the one that comes with the package."""
    if name == "bundled":
        return load(backend, platform.bundled_model_path().read_bytes())
    return load(backend, random_model_bytes(name, n_embed=64, n_layer=3, type=kind))


@st.composite
def texts(draw: st.DrawFn, longest: int = 150) -> list[int]:
    n = draw(st.integers(1, longest))
    seed = draw(st.integers(0, 2**32))
    return np.random.default_rng(seed).integers(0, 257, n).tolist()


@st.composite
def cut_texts(draw: st.DrawFn) -> list[list[int]]:
    """A text in pieces of any size."""
    text = draw(texts())
    cuts = draw(st.lists(st.integers(1, len(text)), max_size=8))
    return [text[begin:end] for begin, end in pairwise(sorted({0, len(text), *cuts}))]


def read(model: Any, pieces: Any, state: State | None = None) -> tuple[np.ndarray, State]:
    for piece in pieces:
        logits, state = model.eval(piece, state)
    return logits, state


def one_by_one(model: Any, text: list[int], state: State | None = None) -> tuple[np.ndarray, State]:
    return read(model, ([token] for token in text), state)


def assert_close(ours: tuple[np.ndarray, State], theirs: tuple[np.ndarray, State]) -> None:
    for a, b in ((ours[0], theirs[0]), (ours[1].to_numpy(), theirs[1].to_numpy())):
        assert np.isfinite(a).all()
        assert abs(a - b).max() <= BOUND * max(1.0, abs(b).max())


def assert_same(ours: tuple[np.ndarray, State], theirs: tuple[np.ndarray, State]) -> None:
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1].to_numpy(), theirs[1].to_numpy())


@pytest.mark.parametrize(("backend", "name"), MODELS)
@few
@given(pieces=cut_texts())
def test_any_cut_gives_what_single_tokens_give(backend, name, pieces):
    model = model_of(backend, name)
    text = list(chain(*pieces))
    singly = one_by_one(model, text)
    assert_close(model.eval(text), singly)
    assert_close(read(model, pieces), singly)


@pytest.mark.parametrize("kind", TYPES[1:])
@pytest.mark.parametrize("name", ARCHITECTURES)
@few
@given(pieces=cut_texts())
def test_any_cut_of_any_type(name, kind, pieces):
    model = model_of("rwkv_cpp", name, kind)
    assert_close(read(model, pieces), one_by_one(model, list(chain(*pieces))))


@pytest.mark.parametrize(("backend", "name"), MODELS)
@few
@given(before=texts(20), after=texts(20))
def test_the_same_call_gives_the_same_bits(backend, name, before, after):
    model = model_of(backend, name)
    _, state = model.eval(before)
    kept = state.to_numpy()
    first = model.eval(after, state)
    logits = first[0].copy()
    one_by_one(model, before, first[1])
    np.testing.assert_array_equal(first[0], logits)
    np.testing.assert_array_equal(state.to_numpy(), kept)
    assert_same(model.eval(after, state), first)


@pytest.mark.parametrize(("backend", "name"), MODELS)
@few
@given(before=texts(30), after=texts(30))
def test_a_state_saved_and_restored_goes_on_identically(
    backend, name, before, after, tmp_path_factory
):
    model = model_of(backend, name)
    _, state = model.eval(before)
    path = tmp_path_factory.getbasetemp() / "saved.state"
    state.save(path)
    on = model.eval(after, state)
    assert_same(model.eval(after, State.load(model, path)), on)
    assert_same(model.eval(after, State.from_numpy(model, state.to_numpy())), on)
    assert_same(model.eval(after, state.clone()), on)


@pytest.mark.parametrize("name", ARCHITECTURES)
@few
@given(before=texts(30), after=texts(30))
def test_backends_continue_each_others_states(name, before, after):
    ours, theirs = (model_of(backend, name) for backend in BACKENDS)
    _, state = ours.eval(before)
    reading = ours.eval(after, state)
    other = theirs.eval(after, State.from_numpy(theirs, state.to_numpy()))
    # Not only another order of sums: exponentials and tanh are others too.
    for a, b in ((reading[0], other[0]), (reading[1].to_numpy(), other[1].to_numpy())):
        assert abs(a - b).max() <= 10 * BOUND * max(1.0, abs(b).max())


def assert_no_leak(first: Any, second: Any, talks: list[list[list[int]]], turns: list[int]) -> None:
    """Two conversations, taking turns, are bit for bit what each is alone."""
    models = (first, second)
    alone = [read(first, talk) for talk in talks]
    states: list[State | None] = [None, None]
    logits: list[Any] = [None, None]
    waiting = [list(talk) for talk in talks]
    for who in [*turns, *([0, 1] * max(map(len, talks)))]:
        if waiting[who]:
            logits[who], states[who] = models[who].eval(waiting[who].pop(0), states[who])
    for who in (0, 1):
        assert_same((logits[who], states[who]), alone[who])


TALKS = st.tuples(cut_texts(), cut_texts()).map(list)
TURNS = st.lists(st.integers(0, 1), max_size=12)


@pytest.mark.parametrize(("backend", "name"), MODELS)
@few
@given(talks=TALKS, turns=TURNS)
def test_interleaved_conversations_do_not_leak(backend, name, talks, turns):
    model = model_of(backend, name)
    assert_no_leak(model, model, talks, turns)


@pytest.mark.parametrize("name", [*ARCHITECTURES, "bundled"])
@few
@given(talks=TALKS, turns=TURNS)
def test_clones_do_not_leak(name, talks, turns):
    model = model_of("rwkv_cpp", name)
    with model.clone() as clone:
        assert_no_leak(model, clone, talks, turns)


@pytest.mark.parametrize("name", [*ARCHITECTURES, "bundled"])
def test_a_clone_survives_its_original(name):
    text = list(range(1, 40))
    data = random_model_bytes(name) if name != "bundled" else None
    original = Model.load(data)
    expected = original.eval(text)
    clone = original.clone()
    original.close()
    assert_same(clone.eval(text), expected)


@pytest.mark.native("Pyodide has no threads")
@pytest.mark.parametrize("shared", [False, True], ids=["clones", "one model"])
@pytest.mark.parametrize("name", [*ARCHITECTURES, "bundled"])
def test_threads_do_not_leak(name, shared):
    """Four conversations at once; a model used by several threads lets them in one by one."""
    model = model_of("rwkv_cpp", name)
    random = np.random.default_rng(7)
    talks = [random.integers(1, 257, (24, 9)).tolist() for _ in range(4)]
    alone = [read(model, talk) for talk in talks]
    results: list[Any] = [None] * len(talks)
    start = threading.Barrier(len(talks))

    def work(who: int, own: Model) -> None:
        start.wait()
        results[who] = read(own, talks[who])

    models = [model if shared else model.clone() for _ in talks]
    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(models)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result, expected in zip(results, alone, strict=True):
        assert_same(result, expected)


def test_generations_interleaved_are_those_alone():
    model = model_of("rwkv_cpp", "bundled")
    prompts = ("User: Hello!\n\nAssistant:", "User: What is a reservoir?\n\nAssistant:")
    settings = {"max_tokens": 60, "temperature": 0.9, "seed": 3}
    alone = ["".join(model.generate(prompt, **settings)) for prompt in prompts]
    both = [model.generate(prompt, **settings) for prompt in prompts]
    texts = ["", ""]
    going = [0, 1]
    while going:
        for who in list(going):
            piece = next(both[who], None)
            if piece is None:
                going.remove(who)
            else:
                texts[who] += piece
    assert texts == alone
    assert all(alone)
