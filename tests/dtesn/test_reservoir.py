"""Trajectories: reservoirpy's, NumPy's and libecho's are the same; what mathematics demands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import ArgumentError, ModelFormatError
from deep_tree_echo.dtesn import Reservoir
from deep_tree_echo.errors import FileError
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn.reservoirs import CASES, ENGINES, answers, asked, targets, twin, uniform

ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity", "softplus")
# Units in the last place that an activation may be off.
UNITS = {"tanh": 4, "relu": 0, "sigmoid": 4, "identity": 0, "softplus": 4}
# Of every layout: bands, sparse rows, whole rows, and sizes that fill no vector.
SHAPES: dict[str, dict[str, Any]] = {
    "sparse": {"size": 300},
    "dense": {"size": 120, "density": 1.0},
    "small": {"size": 37, "density": 0.05, "n_inputs": 3, "n_feedback": 2, "leak_rate": 0.3},
    "one": {"size": 1, "density": 1.0},
    "noisy": {"size": 70, "noise": 0.05, "leak_rate": 0.5, "bias_scaling": 0.2},
    "large": {"size": 1000, "density": 0.02, "leak_rate": np.linspace(0.1, 1, 1000)},
    "ring": {"size": 300, "recurrent": "ring"},
    "small world": {"size": 500, "density": 0.05, "recurrent": "small_world"},
    "orthogonal": {"size": 100, "density": 0.5, "recurrent": "orthogonal"},
    "many inputs": {"size": 64, "n_inputs": 100, "input_scaling": 0.1},
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", CASES)
def test_trajectories_equal_reservoirpy(name: str, engine: str) -> None:
    reservoir = asked(name, engine=engine)
    driving = answers()["driving"]
    feedback = driving[:, 2:] if reservoir.n_feedback else None
    states = reservoir.run(driving[:, :2], feedback)
    expected = answers()[f"{name} states"]
    every = len(states) // len(expected)
    np.testing.assert_allclose(states[every - 1 :: every], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("name", SHAPES)
def test_the_engines_agree(name: str, activation: str, dtype: str) -> None:
    # Without a bound, growth would multiply rounding, too.
    radius = 0.9 if activation in ("tanh", "sigmoid") else 0.5
    source = Reservoir(
        **SHAPES[name], activation=activation, spectral_radius=radius, dtype=dtype, seed=3
    )
    u = uniform(60, source.n_inputs)
    y = uniform(60, source.n_feedback, seed=1) if source.n_feedback else None
    expected = twin(source, "python").run(u, y)
    scale = max(1.0, float(np.abs(expected).max()))
    reservoir = twin(source, "libecho")
    random = reservoir._random
    for target in targets():
        reservoir.reset()
        reservoir._random = random
        states = reservoir.run(u, y)
        error = float(np.abs(states - expected).max()) / scale
        assert error < (1e-12 if dtype == "float64" else 5e-6), target


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_precise(activation: str, dtype: str) -> None:
    """Within a few units in the last place of what NumPy finds in a wider type."""
    wide = np.longdouble if dtype == "float64" else np.float64
    x = np.concatenate([uniform(2000) * 10.0**k for k in range(-8, 2)]).astype(dtype)
    z = x.astype(wide)
    exact = {
        "tanh": np.tanh(z),
        "relu": np.maximum(z, 0),
        "sigmoid": 1 / (1 + np.exp(-z)),
        "identity": z,
        "softplus": np.logaddexp(0, z),
    }[activation]
    unit = np.spacing(np.abs(exact).astype(dtype))
    reservoir = Reservoir.from_matrices(
        np.zeros((1, 1)), np.ones((1, 1)), activation=activation, dtype=dtype, engine="libecho"
    )
    for target in targets():
        error = np.abs(reservoir.run(x)[:, 0] - exact) / unit
        assert error.max() <= UNITS[activation], target


@given(st.integers(0, 40), st.sampled_from(ENGINES), st.sampled_from(["float32", "float64"]))
def test_a_sequence_may_be_cut_anywhere(cut: int, engine: str, dtype: str) -> None:
    u = uniform(40, 2)
    settings: dict[str, Any] = {
        "n_inputs": 2, "leak_rate": 0.4, "noise": 0.01, "dtype": dtype, "seed": 2, "engine": engine,
    }  # fmt: skip
    whole = Reservoir(50, **settings).run(u)
    reservoir = Reservoir(50, **settings)
    pieces = np.concatenate([reservoir.run(u[:cut]), reservoir.run(u[cut:])])
    # NumPy sums the inputs of many steps in another order than those of one.
    rounding = 0 if engine == "libecho" else 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(pieces, whole, rtol=0, atol=rounding)
    np.testing.assert_array_equal(reservoir.state, pieces[-1])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_is_its_steps(engine: str) -> None:
    source = Reservoir(40, n_inputs=2, n_feedback=1, leak_rate=0.6, dtype="float64", seed=4)
    whole, stepped = twin(source, engine), twin(source, engine)
    u, y = uniform(20, 2), uniform(20, 1, seed=1)
    states = whole.run(u, y)
    for t in range(20):
        np.testing.assert_allclose(stepped.step(u[t], y[t]), states[t], rtol=0, atol=1e-15)


@given(st.integers(0, 2**63), st.floats(0.05, 1.0))
def test_states_of_a_contraction_forget_their_start(seed: int, leak: float) -> None:
    source = Reservoir(30, density=0.3, dtype="float64", seed=seed)
    dense = source.recurrent.to_dense()
    contraction = 0.8 * dense / np.linalg.norm(dense, 2)
    reservoir = Reservoir.from_matrices(contraction, source.inputs, leak_rate=leak, dtype="float64")
    u = uniform(20)
    first = reservoir.run(u)
    reservoir.reset(uniform(30, seed=1))
    second = reservoir.run(u)
    apart = np.linalg.norm(first - second, axis=1)
    bound = np.linalg.norm(uniform(30, seed=1)) * (1 - leak + 0.8 * leak) ** np.arange(1, 21)
    assert (apart <= bound + 1e-12).all()


@given(st.integers(0, 2**63), st.floats(-2, 2))
def test_the_identity_is_linear(seed: int, factor: float) -> None:
    reservoir = Reservoir(
        40, n_inputs=2, activation="identity", leak_rate=0.7, dtype="float64", seed=seed
    )
    u, v = uniform(15, 2), uniform(15, 2, seed=1)
    runs = []
    for series in (u, v, u + factor * v):
        reservoir.reset()
        runs.append(reservoir.run(series))
    np.testing.assert_allclose(runs[2], runs[0] + factor * runs[1], rtol=0, atol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_ring_is_a_delay_line(engine: str) -> None:
    ring = Reservoir(8, recurrent="ring", spectral_radius=1.0, dtype="float64")
    first = np.eye(8)[:, :1]
    line = Reservoir.from_matrices(
        ring.recurrent, first, activation="identity", dtype="float64", engine=engine
    )
    u = uniform(8)
    np.testing.assert_array_equal(line.run(u)[-1], u[::-1])


def test_equal_seeds_are_equal_reservoirs() -> None:
    one, two, other = (Reservoir(50, noise=0.1, bias_scaling=1, seed=s) for s in (5, 5, 6))
    u = uniform(10)
    np.testing.assert_array_equal(one.run(u), two.run(u))
    assert not np.array_equal(one.bias, other.bias)


def test_states_go_where_they_should() -> None:
    reservoir = Reservoir(20, seed=1)
    out = np.empty((5, 20), dtype=np.float32)
    assert reservoir.run(uniform(5), out=out) is out
    np.testing.assert_array_equal(out[-1], reservoir.state)
    state = reservoir.state
    state[:] = 9
    assert not np.array_equal(state, reservoir.state)
    reservoir.state = np.zeros(20)
    assert not reservoir.state.any()
    assert reservoir.run(np.empty(0)).shape == (0, 20)


def test_the_spectral_radius_is_the_one_asked_for() -> None:
    for kind in ("uniform", "normal", "bernoulli", "orthogonal", "ring", "small_world"):
        reservoir = Reservoir(90, recurrent=kind, spectral_radius=0.7, dtype="float64", seed=1)
        assert reservoir.spectral_radius == pytest.approx(0.7, rel=1e-9)
        assert np.abs(reservoir.eigenvalues()).max() == pytest.approx(0.7, rel=1e-9)


@pytest.mark.parametrize("density", [0.1, 1.0])
def test_a_file_goes_on_where_the_reservoir_was(tmp_path: Path, density: float) -> None:
    reservoir = Reservoir(
        30, n_feedback=1, density=density, noise=0.1, leak_rate=0.3, activation="sigmoid", seed=1
    )
    u, y = uniform(9), uniform(9, seed=1)
    reservoir.run(u, y)
    reservoir.save(tmp_path / "some.npz")
    again = Reservoir.load(tmp_path / "some.npz")
    assert again.leak_rate == reservoir.leak_rate == 0.3
    np.testing.assert_array_equal(again.state, reservoir.state)
    np.testing.assert_array_equal(again.run(u, y), reservoir.run(u, y))


def test_a_file_may_be_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read"):
        Reservoir.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ModelFormatError, match="damaged"):
        Reservoir.load(tmp_path / "text.npz")
    path = tmp_path / "some.npz"
    Reservoir(30, seed=1).save(path)
    with np.load(path) as file:
        held = dict(file)
    for name, value in (
        ("activation", "sine"),
        ("bias", np.zeros(3)),
        ("indices", held["indices"] + 30),
        ("state", held["state"].astype(np.int8)),
        ("leak", np.full(30, 2.0)),
    ):
        np.savez(path, **(held | {name: np.asarray(value)}))
        with pytest.raises(ModelFormatError, match="is damaged"):
            Reservoir.load(path)


def test_overflow_leaves_the_state_as_it_was() -> None:
    for engine in ENGINES:
        grows = Reservoir.from_matrices(
            [[3.0]], [[1.0]], activation="relu", noise=0.1, dtype="float32", seed=3, engine=engine
        )
        grows.run([1.0, 1.0])
        state, random = grows.state, grows._random
        with pytest.raises(ArgumentError, match=r"the state is not finite after step 8\d of 200"):
            grows.run(np.ones(200))
        np.testing.assert_array_equal(grows.state, state)
        assert grows._random == random
