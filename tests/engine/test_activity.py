"""The reservoir that the tokens of an answer drive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deep_tree_echo import Chain, Model, Reservoir
from deep_tree_echo.dtesn.inputs import projected
from deep_tree_echo.engine import activity

from tests.engine.asking import ask, said
from tests.engine.conftest import FILE, Make
from tests.random_models import random_model_bytes


def activities(events: list[Any]) -> list[activity.events.Activity]:
    return [event for event in events if event.type == "reservoir"]


def test_it_is_driven_by_every_token(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "_SECONDS", 0.0)
    engine = make(memory=None, values={"reservoir_size": 100})
    events, _ = ask(engine, "Hello", watch={"reservoir"})
    found = activities(events)
    assert [one.tokens for one in found] == sorted({one.tokens for one in found})
    last = found[-1]
    assert (last.tokens, last.size, len(last.units)) == (8, 100, 64)
    # The same by hand.
    model = Model.load(random_model_bytes())
    tokens = model.encode(said(engine))
    reservoir = Reservoir(
        100, n_inputs=32, spectral_radius=0.95, leak_rate=0.3, density=0.1, seed=42
    )
    state = None
    for place, token in enumerate(tokens):
        _, state = model.eval([token], state)
        if place >= len(tokens) - 8:
            before = reservoir.state
            reservoir.step(projected(model.hidden()[None], 32, 42)[0])
    assert last.units == pytest.approx(reservoir.state[:64].tolist(), abs=2e-3)
    assert last.norm == pytest.approx(float(np.linalg.norm(reservoir.state)), rel=1e-3)
    assert last.mean_abs == pytest.approx(float(np.abs(reservoir.state).mean()), rel=1e-3)
    assert last.change == pytest.approx(float(np.linalg.norm(reservoir.state - before)), rel=1e-2)


def test_nobody_listens_and_nothing_comes(make: Make) -> None:
    engine = make()
    events, result = ask(engine, "Hello")
    assert not activities(events)
    [session] = engine.sessions
    assert session.echo.tokens == 0
    watched, same = ask(make(), "Hello", watch={"reservoir"})
    assert activities(watched)
    assert same.text == result.text


def test_it_is_shown_ten_times_a_second_at_most() -> None:
    ticks = iter(number / 100 for number in range(1000))
    echo = activity.Echo(32, clock=lambda: next(ticks))
    shown = 0
    for _ in range(100):
        echo.hear(np.ones(64, np.float32))
        shown += echo.event() is not None
    assert 9 <= shown <= 11


@pytest.mark.parametrize("preference", ["python_rwkv", "mock"])
def test_every_backend_drives_it_or_is_silent(make: Make, preference: Any) -> None:
    engine = make(Chain.load(FILE, preference))
    events, _ = ask(engine, "Hello", watch={"reservoir"})
    assert bool(activities(events)) == (preference == "python_rwkv")
