"""Networks: training, prediction, free running, FORCE, plasticity; and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deep_tree_echo import RLS, ArgumentError, Reservoir, Ridge
from deep_tree_echo.dtesn.deep import DeepReservoir
from deep_tree_echo.dtesn.force import force
from deep_tree_echo.dtesn.lms import LMS
from deep_tree_echo.dtesn.network import EchoStateNetwork
from deep_tree_echo.dtesn.plasticity import intrinsic_plasticity
from deep_tree_echo.dtesn.tasks import mackey_glass, sine, uniform
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn.readout_golden import answers

SERIES = sine(1500, period=31.0) + 0.3 * sine(1500, period=9.0)


def plain(size: int = 60, **settings: Any) -> Reservoir:
    return Reservoir(size, dtype="float64", seed=1, **settings)


def looped(size: int = 100, **settings: Any) -> Reservoir:
    return plain(
        size, n_inputs=0, n_feedback=1, bias_scaling=0.2, leak_rate=0.5, density=0.2, **settings
    )


def test_training_is_running_and_fitting() -> None:
    network = EchoStateNetwork(plain(), Ridge(1e-1))
    network.train(SERIES[:-1], SERIES[1:], washout=50)
    states = plain().run(SERIES[:-1])
    ridge = Ridge(1e-1).fit(states[50:], SERIES[51:])
    np.testing.assert_allclose(network.readout.weights, ridge.weights, rtol=1e-7, atol=1e-9)
    assert network.readout.n_samples == len(SERIES) - 51
    assert (network.reservoir.state == states[-1]).all()
    network.reset()
    found = network.predict(SERIES[:-1])
    np.testing.assert_allclose(found, network.readout.predict(states), atol=1e-12)


@pytest.mark.parametrize("readout", [Ridge(1e-4), RLS(1e-4), LMS(0.5, normalised=True)])
@given(cut=st.integers(60, 1400))
def test_several_series_are_learned_as_one_readout(readout: Any, cut: int) -> None:
    network = EchoStateNetwork(plain(), readout)
    network.train(SERIES[:cut], SERIES[1 : cut + 1], washout=50)
    network.learn(SERIES[:100], SERIES[1:101], washout=20)
    assert readout.n_samples == cut - 50 + 80


def test_the_readout_may_see_the_input() -> None:
    # The product of now and before is in no state of a linear delay line; the input itself is.
    noise = uniform(800, seed=3)
    silent = Reservoir.from_matrices(np.zeros((3, 3)), np.zeros((3, 1)), dtype="float64")
    network = EchoStateNetwork(silent, Ridge(1e-9), inputs_to_readout=True)
    network.train(noise, 2 * noise + 1)
    np.testing.assert_allclose(network.predict(noise)[:, 0], 2 * noise + 1, atol=1e-6)
    assert network.n_features == 4


def test_a_free_run_by_inputs_goes_on_with_the_series() -> None:
    network = EchoStateNetwork(plain(200, input_scaling=0.3), Ridge(1e-8))
    network.train(SERIES[:1200], SERIES[1:1201], washout=200)
    np.testing.assert_allclose(network.generate(200)[:, 0], SERIES[1201:1401], atol=1e-3)


def test_teacher_forcing_feeds_back_the_wanted_output_of_the_step_before() -> None:
    network = EchoStateNetwork(looped(20), Ridge(1e-2))
    for _ in range(2):
        network.train(None, SERIES[:6])
        states = looped(20).run(np.zeros((6, 0)), np.concatenate([[0.0], SERIES[:5]]))
        assert (network.reservoir.state == states[-1]).all()
    network.drive(None, SERIES[6:9])
    again = looped(20)
    again.state = states[-1]
    expected = again.run(np.zeros((3, 0)), SERIES[5:8])[-1]
    assert (network.reservoir.state == expected).all()


def test_a_free_run_by_feedback_goes_on_with_the_series() -> None:
    network = EchoStateNetwork(looped(200), Ridge(1e-8))
    network.train(None, SERIES[:1200], washout=200)
    free = network.generate(200)
    np.testing.assert_allclose(free[:, 0], SERIES[1200:1400], atol=1e-3)
    # Driven to another place of the series, it goes on from there.
    network.reset()
    network.drive(None, SERIES[100:600])
    np.testing.assert_allclose(network.generate(100)[:, 0], SERIES[600:700], atol=1e-3)


def test_a_free_run_starts_from_what_the_readout_saw_last() -> None:
    # The output after the last step of training is the first input of the free run.
    for beside in (False, True):
        network = EchoStateNetwork(plain(), Ridge(1e-6), inputs_to_readout=beside)
        network.train(SERIES[:800], SERIES[1:801], washout=100)
        after = network.last
        network.reset()
        np.testing.assert_allclose(network.predict(SERIES[:800])[-1], after, atol=1e-9)
        network.reset()
        network.drive(SERIES[:800], SERIES[1:801])
        np.testing.assert_allclose(network.last, after, atol=1e-9)
        np.testing.assert_allclose(network.generate(3)[:, 0], SERIES[801:804], atol=1e-2)


def test_a_deep_reservoir_takes_the_place_of_one() -> None:
    deep = DeepReservoir.of_sizes([60, 40], input_scaling=0.3, dtype="float64", seed=1)
    network = EchoStateNetwork(deep, Ridge(1e-8), inputs_to_readout=True)
    network.train(SERIES[:1200], SERIES[1:1201], washout=200)
    assert network.readout.n_features == 101
    np.testing.assert_allclose(network.generate(50)[:, 0], SERIES[1201:1251], atol=1e-2)
    with pytest.raises(ArgumentError, match="The reservoir has no feedback"):
        force(EchoStateNetwork(deep, RLS()), SERIES)
    before = deep.state
    with pytest.raises(ArgumentError, match="targets has nan"):
        network.learn(SERIES, SERIES + np.nan)
    assert (deep.state == before).all()


@given(cut=st.integers(0, 30))
def test_a_free_run_may_be_made_in_pieces(cut: int) -> None:
    for reservoir in (looped(30), plain(30)):
        network = EchoStateNetwork(reservoir, Ridge(1e-6))
        inputs = SERIES[:300] if reservoir.n_inputs else None
        network.train(inputs, SERIES[1:301], washout=50)
        state, last = reservoir.state, network.last
        whole = network.generate(30)
        reservoir.state, network.last = state, last
        pieces = [network.generate(cut), network.generate(30 - cut)]
        assert (np.concatenate(pieces) == whole).all()


def test_feedback_beside_inputs() -> None:
    # The sum of all inputs so far needs either a long memory or the sum before.
    drive = uniform(1200, low=-0.1, high=0.1, seed=5)
    total = np.cumsum(drive)
    total -= total.mean()
    reservoir = plain(50, n_feedback=1, activation="identity", spectral_radius=0.3, density=0.5)
    network = EchoStateNetwork(reservoir, Ridge(1e-9))
    network.train(drive[:1000], total[:1000], washout=10)
    found = network.predict(drive[1000:])
    np.testing.assert_allclose(found[:, 0], total[1000:], atol=1e-3)
    network.drive(drive[:500], total[:500])
    np.testing.assert_allclose(
        network.generate(100, drive[500:600])[:, 0], total[500:600], atol=1e-3
    )


def test_single_precision_predicts_as_well() -> None:
    series = mackey_glass(2500, seed=2) - 0.93
    errors = []
    for dtype in ("float32", "float64"):
        reservoir = Reservoir(200, leak_rate=0.5, density=0.1, dtype=dtype, seed=1)
        network = EchoStateNetwork(reservoir, Ridge(1e-5))
        network.train(series[:2000], series[6:2006], washout=200)
        errors.append(np.abs(network.predict(series[2000:2494])[:, 0] - series[2006:]).max())
    assert errors[0] < 1.2 * errors[1] < 0.1


# ------------------------------------------------------------------ FORCE


def test_force_learns_a_pattern_and_keeps_it() -> None:
    pattern = (sine(6000, period=60.0) + 0.5 * sine(6000, period=30.0, phase=1.0)) / 1.5
    reservoir = plain(
        300, n_inputs=0, n_feedback=1, leak_rate=0.3, spectral_radius=1.5, bias_scaling=0.2
    )
    network = EchoStateNetwork(reservoir, RLS(0.01, bias=False))
    learning = force(network, pattern[:4000], every=2)
    errors = np.abs(learning[:, 0] - pattern[:4000])
    # The error is small from the start: that is what FORCE is named for.
    assert errors[100:600].mean() < 0.1
    assert errors[3500:].max() < 0.05
    alone = network.generate(2000)[:, 0]
    assert np.abs(alone - pattern[4000:6000]).max() < 0.1
    before = network.readout.weights
    network.generate(10)
    assert (network.readout.weights == before).all()


def test_force_is_the_loop_of_the_paper() -> None:
    pattern = sine(120, period=25.0)
    network = EchoStateNetwork(looped(30, spectral_radius=1.2), RLS(0.5, bias=False))
    found = force(network, pattern, every=2)[:, 0]
    r, w, p, z = looped(30, spectral_radius=1.2), np.zeros(30), np.eye(30) / 0.5, 0.0
    for t in range(120):
        x = r.step([], z)
        z = w @ x
        np.testing.assert_allclose(found[t], z, atol=1e-9)
        if t % 2 == 0:
            k = p @ x / (1 + x @ p @ x)
            p -= np.outer(k, p @ x)
            w -= (z - pattern[t]) * k
    np.testing.assert_allclose(network.readout.weights[0], w, atol=1e-9)


def test_force_may_come_in_parts() -> None:
    pattern = sine(400, period=25.0)
    whole, parts = (EchoStateNetwork(looped(50, spectral_radius=1.2), RLS(0.1)) for _ in range(2))
    expected = force(whole, pattern)
    found = np.concatenate([force(parts, pattern[:150]), force(parts, pattern[150:])])
    assert (found == expected).all()


def test_force_refuses_what_cannot_be() -> None:
    with pytest.raises(ArgumentError, match="FORCE learns by RLS"):
        force(EchoStateNetwork(looped()), SERIES)
    with pytest.raises(ArgumentError, match="The reservoir has no feedback"):
        force(EchoStateNetwork(plain(), RLS()), SERIES)
    still = plain(20, n_inputs=0, n_feedback=1)
    with pytest.raises(ArgumentError, match="Nothing would ever move"):
        force(EchoStateNetwork(still, RLS()), SERIES)
    network = EchoStateNetwork(looped(), RLS(0.1))
    with pytest.raises(ArgumentError, match="every is 0"):
        force(network, SERIES, every=0)
    with pytest.raises(ArgumentError, match="targets has nan"):
        force(network, [0.0, np.nan])
    assert network.readout.n_features is None
    assert not network.reservoir.state.any()


# ------------------------------------------------------------- plasticity


@pytest.mark.parametrize(("activation", "mean"), [("tanh", 0.1), ("sigmoid", 0.3)])
def test_plasticity_gives_reservoirpys_gain_and_bias(activation: str, mean: float) -> None:
    known = answers()
    reservoir = Reservoir.from_matrices(
        known["ip recurrent"],
        known["ip inputs"],
        bias=known["ip bias"],
        activation=activation,
        dtype="float64",
    )
    adapted = intrinsic_plasticity(
        reservoir, known["ip series"], mean=mean, deviation=0.25, rate=1e-3
    )
    np.testing.assert_allclose(adapted.gain, known[f"ip {activation} gain"], rtol=1e-10)
    np.testing.assert_allclose(adapted.bias, known[f"ip {activation} shift"], rtol=1e-8)
    # The new reservoir computes f(gain z + bias).
    x = np.zeros(10)
    squash = {"tanh": np.tanh, "sigmoid": lambda v: 1 / (1 + np.exp(-v))}[activation]
    for row, state in zip(
        known["ip series"], adapted.reservoir.run(known["ip series"]), strict=True
    ):
        z = known["ip recurrent"] @ x + known["ip inputs"] @ row + known["ip bias"]
        x = squash(adapted.gain * z + adapted.bias)
        np.testing.assert_allclose(state, x, atol=1e-12)


def distance(states: Any, quantile: Any) -> float:
    """Of the sorted states from the target's quantiles (Wasserstein's, of order 1)."""
    values = np.sort(states.ravel())
    return float(np.abs(values - quantile((np.arange(values.size) + 0.5) / values.size)).mean())


def test_plasticity_moves_the_distribution_to_its_target() -> None:
    from deep_tree_echo.dtesn.draws import normal_quantile

    inputs = uniform(1500, seed=4)
    for activation, settings, quantile in (
        ("tanh", {"mean": 0.1, "deviation": 0.2}, lambda p: 0.1 + 0.2 * normal_quantile(p)),
        ("sigmoid", {"mean": 0.2}, lambda p: -0.2 * np.log1p(-p)),
    ):
        wild = plain(60, activation=activation, input_scaling=3.0)
        calm, _, _ = intrinsic_plasticity(wild, inputs, rate=2e-3, epochs=4, **settings)
        states = [reservoir.run(inputs)[200:] for reservoir in (wild, calm)]
        before, after = (distance(s, quantile) for s in states)
        assert after < 0.3 * before
        assert not wild.state.any() or (wild.recurrent.nnz == calm.recurrent.nnz)


def test_plasticity_refuses_what_cannot_be() -> None:
    with pytest.raises(ArgumentError, match="The activation is 'relu'"):
        intrinsic_plasticity(plain(activation="relu"), SERIES)
    with pytest.raises(ArgumentError, match="The reservoir has feedback"):
        intrinsic_plasticity(looped(), SERIES)
    for settings, sentence in (
        ({"deviation": 0.0}, "deviation is 0; it must be above 0"),
        ({"rate": -1.0}, "rate is -1; it must be above 0"),
        ({"mean": 1.0}, r"mean is 1; it must lie in \(-1, 1\)"),
        ({"epochs": 0}, "epochs is 0"),
        ({"rate": 10.0}, "rate is 10, and the gain of unit"),
    ):
        with pytest.raises(ArgumentError, match=sentence):
            intrinsic_plasticity(plain(), SERIES, **settings)
    with pytest.raises(ArgumentError, match="inputs has nan"):
        intrinsic_plasticity(plain(), [np.nan])


# -------------------------------------------------------------- bad input


def memento(network: EchoStateNetwork) -> Any:
    return (
        network.reservoir.state.tolist(),
        network.readout.weights.tolist(),
        network.readout.n_samples,
        None if network.last is None else network.last.tolist(),
    )


@pytest.mark.parametrize("readout", [Ridge(1e-3), RLS(1e-3), LMS()])
@pytest.mark.parametrize(
    ("use", "sentence"),
    [
        (lambda n: n.train(SERIES[:5], SERIES[:6]), "inputs has 5 steps and targets 6"),
        (lambda n: n.train(SERIES, SERIES * np.nan), r"targets has nan at \[0, 0\]"),
        (lambda n: n.train(SERIES + np.inf, SERIES), "inputs has inf"),
        (lambda n: n.train(None, SERIES), "inputs is missing; this reservoir takes 1 a step"),
        (lambda n: n.train(SERIES, SERIES, washout=1500), "washout is 1500 and the series has"),
        (lambda n: n.learn(SERIES, SERIES, washout=-1), "washout is -1"),
        (lambda n: n.learn(SERIES, np.ones((1500, 2))), "targets has 2 columns; it must have 1"),
        (lambda n: n.predict(np.ones((3, 2))), "inputs has the shape"),
        (lambda n: n.generate(5, SERIES[:5]), "inputs is given, but this reservoir has no"),
        (lambda n: n.generate(-1), "n_steps is -1"),
        (lambda n: n.generate(1.5), "n_steps is 1.5; it must be an integer"),
        (lambda n: n.drive([np.nan]), "inputs has nan"),
    ],
)
def test_bad_input_changes_nothing(readout: Any, use: Any, sentence: str) -> None:
    network = EchoStateNetwork(plain(20), readout)
    network.train(SERIES[:400], SERIES[1:401], washout=20)
    before = memento(network)
    with pytest.raises(ArgumentError, match=sentence):
        use(network)
    assert memento(network) == before


@pytest.mark.parametrize("readout", [Ridge(1e-3), RLS(1e-3), LMS(0.1, normalised=True)])
def test_a_reservoir_that_leaves_all_bounds_while_learning(readout: Any) -> None:
    reservoir = plain(20, activation="relu", spectral_radius=1.6, density=0.5)
    network = EchoStateNetwork(reservoir, readout)
    network.train(SERIES[:30], SERIES[1:31])
    before = memento(network)
    for use in (network.train, network.learn):
        with pytest.raises(ArgumentError, match=r"not finite|at most 1e"):
            use(np.tile(SERIES, 2)[:-1], np.tile(SERIES, 2)[1:])
        assert memento(network) == before


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(ArgumentError, match="it must be a Reservoir"):
        EchoStateNetwork("reservoir")  # type: ignore
    with pytest.raises(ArgumentError, match="it must be a Ridge, RLS or LMS"):
        EchoStateNetwork(plain(), "ridge")  # type: ignore
    with pytest.raises(ArgumentError, match="inputs_to_readout is 1"):
        EchoStateNetwork(plain(), inputs_to_readout=1)  # type: ignore
    with pytest.raises(ArgumentError, match="nothing yet"):
        EchoStateNetwork(plain()).predict(SERIES)
    with pytest.raises(ArgumentError, match="The readout has 3 features and the network 60"):
        EchoStateNetwork(plain(), Ridge().fit(np.eye(3), np.ones(3))).predict(SERIES)
    two = EchoStateNetwork(plain(), Ridge().fit(np.eye(60), np.ones((60, 2))))
    with pytest.raises(ArgumentError, match="The readout has 2 outputs, and 1 can be fed back"):
        two.generate(3)
    with pytest.raises(ArgumentError, match="targets is missing; this reservoir takes them"):
        EchoStateNetwork(looped()).drive(None)
