"""One sentence for each thing that is wrong, and the reservoir as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import Reservoir

MAKING: list[tuple[dict[str, Any], str]] = [
    ({"size": 0}, "size is 0; it must be from 1 to 65536."),
    ({"size": -3}, "size is -3; it must be from 1 to 65536."),
    ({"size": 2.5}, "size is 2.5; it must be an integer."),
    ({"size": 70000}, "size is 70000; it must be from 1 to 65536."),
    ({"n_inputs": -1}, "n_inputs is -1; it must be from 0 to 65536."),
    ({"n_feedback": True}, "n_feedback is True; it must be an integer."),
    ({"leak_rate": 0}, "leak_rate is 0; it must be above 0 and at most 1."),
    ({"leak_rate": 1.5}, "leak_rate is 1.5; it must be above 0 and at most 1."),
    ({"leak_rate": np.nan}, "leak_rate is nan; it must be finite."),
    ({"leak_rate": [0.5] * 3}, "leak_rate has the shape (3,); it must be (10,)."),
    (
        {"leak_rate": [0.5] * 9 + [2]},
        "leak_rate has 2 at [9]; all must be above 0 and at most 1.",
    ),
    ({"spectral_radius": -1}, "spectral_radius is -1; it must be at least 0."),
    ({"spectral_radius": np.inf}, "spectral_radius is inf; it must be finite."),
    ({"spectral_radius": "big"}, "spectral_radius is 'big'; it must be a number."),
    ({"density": 0}, "density is 0; it must be above 0 and at most 1."),
    ({"density": 1.1}, "density is 1.1; it must be above 0 and at most 1."),
    ({"input_density": -0.5}, "input_density is -0.5; it must be above 0 and at most 1."),
    ({"input_scaling": np.nan}, "input_scaling is nan; it must be finite."),
    ({"input_scaling": [1, 2]}, "input_scaling has the shape (2,); it must be (1,)."),
    ({"recurrent": "star"}, "recurrent is 'star'; it must be one of uniform, normal, bernoulli, "
     "orthogonal, ring, small_world."),
    ({"inputs": "ring"}, "inputs is 'ring'; it must be one of uniform, normal, bernoulli."),
    ({"activation": "sine"}, "activation is 'sine'; it must be one of tanh, relu, sigmoid, "
     "identity, softplus."),
    ({"noise": -0.1}, "noise is -0.1; it must be at least 0."),
    ({"dtype": "int32"}, "dtype is 'int32'; it must be 'float32' or 'float64'."),
    ({"seed": -1}, "seed is -1; it must be from 0 to 2**64 - 1."),
    ({"seed": 1.0}, "seed is 1.0; it must be an integer."),
    ({"engine": "fast"}, "the engine is 'fast'; it must be 'auto', 'libecho' or 'python'."),
    (
        {"density": 0.01, "seed": 2},
        "spectral_radius is 0.9, and all eigenvalues of the uniform matrix of 10 units with the "
        "density 0.01 are 0; take more units, a higher density or another seed.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "sentence"), MAKING)
def test_settings_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Reservoir(**({"size": 10} | settings))
    assert str(caught.value) == sentence


RUNNING: list[tuple[dict[str, Any], str]] = [
    ({"inputs": np.zeros((4, 3))}, "inputs has the shape (4, 3); it must be (steps, 2), a row a "
     "step."),
    ({"inputs": np.zeros(4)}, "inputs has the shape (4,); it must be (steps, 2), a row a step."),
    ({"inputs": [[0, 1], [np.nan, 2]]}, "inputs has nan at [1, 0]; all numbers must be finite in "
     "float32."),
    ({"inputs": [[0, 1], [1e39, 2]]}, "inputs has 1e+39 at [1, 0]; all numbers must be finite in "
     "float32."),
    ({"inputs": [["a", "b"]]}, "inputs must hold real numbers only."),
    ({"inputs": [[1j, 0]]}, "inputs must hold real numbers only."),
    ({"inputs": [[1, 2], [3]]}, "inputs must hold real numbers only."),
    ({"feedback": None}, "feedback is missing; this reservoir takes 1 numbers a step."),
    ({"feedback": np.zeros((3, 1))}, "feedback has 3 steps and inputs 4; give as many."),
    ({"feedback": np.full((4, 1), -np.inf)}, "feedback has -inf at [0, 0]; all numbers must be "
     "finite in float32."),
    ({"out": np.zeros((4, 10))}, "out must be a writable C-contiguous float32 array of the shape "
     "(4, 10)."),
]  # fmt: skip


@pytest.mark.parametrize(("given", "sentence"), RUNNING)
@pytest.mark.parametrize("engine", ["libecho", "python"])
def test_sequences_are_refused(given: dict[str, Any], sentence: str, engine: str) -> None:
    reservoir = Reservoir(10, n_inputs=2, n_feedback=1, noise=0.1, seed=1, engine=engine)
    good = {"inputs": np.ones((4, 2)), "feedback": np.ones((4, 1))}
    reservoir.run(**good)
    state, random = reservoir.state, reservoir._random
    with pytest.raises(ArgumentError) as caught:
        reservoir.run(**(good | given))
    assert str(caught.value) == sentence
    np.testing.assert_array_equal(reservoir.state, state)
    assert reservoir._random == random


def test_states_are_refused() -> None:
    reservoir = Reservoir(10, seed=1)
    state = reservoir.step(0.5)
    for wrong, sentence in (
        (np.zeros(9), r"state has the shape \(9,\)"),
        (np.full(10, np.nan), "state has nan at"),
    ):
        with pytest.raises(ArgumentError, match=sentence):
            reservoir.state = wrong
        with pytest.raises(ArgumentError, match=sentence):
            reservoir.reset(wrong)
    np.testing.assert_array_equal(reservoir.state, state)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((np.zeros((2, 3)), np.zeros((2, 1))), "recurrent has the shape (2, 3); it must be a "
         "square matrix."),
        ((np.zeros((0, 0)), np.zeros((0, 1))), "recurrent has the shape (0, 0); it must be a "
         "square matrix."),
        ((np.eye(2), np.zeros((3, 1))), "inputs has the shape (3, 1); it must have 2 rows, one a "
         "unit."),
        ((np.eye(2), np.zeros((2, 1)), np.zeros((1, 1))), "feedback has the shape (1, 1); it must "
         "have 2 rows, one a unit."),
        ((np.eye(2), np.zeros((2, 1)), None, np.zeros(3)), "bias has the shape (3,); it must be "
         "(2,)."),
        (([[np.inf]], [[1]]), "recurrent has inf at [0, 0]; all numbers must be finite in "
         "float32."),
    ],
)  # fmt: skip
def test_matrices_are_refused(arguments: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Reservoir.from_matrices(*arguments)
    assert str(caught.value) == sentence
