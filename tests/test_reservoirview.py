"""The reservoir that listens: the same states however the words come, and what is drawn of them."""

from __future__ import annotations

import json

import numpy as np
from deep_tree_echo.dtesn.listening import SPECTRAL_RADIUS
from deep_tree_echo.dtesn.plane import principal_plane
from deep_tree_echo.engine.activity import Echo
from deep_tree_echo.reservoirview import SHOWN, SIZE, ListeningReservoir
from hypothesis import given
from hypothesis import strategies as st


def hidden(tokens: int, n_embed: int = 16) -> dict[int, np.ndarray]:
    random = np.random.default_rng(1)
    return {n: random.normal(size=n_embed).astype(np.float32) for n in range(1, tokens + 1)}


def test_heard_at_once_or_word_by_word() -> None:
    rows = hidden(200)
    once, slowly = ListeningReservoir(16), ListeningReservoir(16)
    assert once.hear("a", rows, 200) == 200
    for n in (1, 2, 3, 90, 200):
        slowly.hear("a", rows, n)
    np.testing.assert_allclose(once.states, slowly.states, atol=1e-6)
    # Going back shows what was, another answer begins at rest.
    assert slowly.hear("a", rows, 5) == 5
    first = slowly.states[:5].copy()
    slowly.hear("b", rows, 5)
    np.testing.assert_array_equal(slowly.states, first)


def test_it_stops_where_a_word_is_missing() -> None:
    rows = hidden(20)
    del rows[8]
    listening = ListeningReservoir(16)
    assert listening.hear("a", rows, 20) == 7


def test_loud_and_quiet_models_are_heard_alike() -> None:
    rows = hidden(10)
    quiet, loud = ListeningReservoir(16), ListeningReservoir(16)
    quiet.hear("a", rows, 10)
    loud.hear("a", {n: 50 * row for n, row in rows.items()}, 10)
    np.testing.assert_allclose(quiet.states, loud.states, atol=1e-5)


def test_the_engine_and_the_page_hear_the_same() -> None:
    rows = hidden(20)
    listening, echo = ListeningReservoir(16), Echo(SIZE, clock=lambda: 0.0)
    listening.hear("a", rows, 20)
    for n in range(1, 21):
        echo.hear(rows[n])
    activity = echo.event()
    assert activity is not None
    np.testing.assert_allclose(activity.units, listening.states[-1][:64], atol=1e-4)


def test_the_view_has_the_last_states_and_the_spectrum() -> None:
    listening = ListeningReservoir(16)
    rows = hidden(SHOWN + 40)
    listening.hear("a", rows, SHOWN + 40)
    view = listening.view(SHOWN + 30)
    facts = json.loads(view.facts())
    assert (facts["first"], facts["steps"], facts["size"]) == (30, SHOWN, SIZE)
    states = view.array("states").reshape(SHOWN, SIZE)
    np.testing.assert_array_equal(states, listening.states[30 : SHOWN + 30])
    assert view.array("path").shape == (2 * SHOWN,)
    values = view.array("eigenvalues").reshape(SIZE, 2)
    assert abs(np.hypot(*values.T).max() - SPECTRAL_RADIUS) < 1e-4
    assert json.loads(listening.view(1).facts())["shares"] == [0.0, 0.0]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_the_plane_is_that_of_the_singular_value_decomposition(
    steps: int, size: int, seed: int
) -> None:
    states = np.random.default_rng(seed).normal(size=(steps, size))
    path, shares, axes = principal_plane(states)
    centred = states - states.mean(axis=0)
    lengths = np.zeros(2)
    found = np.linalg.svd(centred, compute_uv=False)[:2] if steps > 1 else np.zeros(0)
    lengths[: len(found)] = found
    np.testing.assert_allclose(np.linalg.norm(path, axis=0), lengths, atol=1e-4)
    total = float((centred**2).sum()) or 1.0
    np.testing.assert_allclose(shares, lengths**2 / total, atol=1e-6)
    # Signs are free; asked like an earlier picture, they stay as they were.
    again, _, _ = principal_plane(states, -axes)
    np.testing.assert_allclose(again, -path, atol=1e-5)
