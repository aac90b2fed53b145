"""The hand-derived gradients against central differences, in double precision."""

import copy

import numpy as np
import pytest
from deep_tree_echo.training.network import CarriedState, Network
from deep_tree_echo.training.parameters import Parameters, Shape, initial_parameters

pytestmark = pytest.mark.native("compiles kernels for this machine")
TINY = Shape(width=16, layers=2, head_size=8, rank=4, gate_rank=6, hidden=2, vocabulary=11)
BATCH, TIME, STEP = 2, 19, 1e-5  # 19: the last chunk of the recurrence is not full


@pytest.fixture(scope="module")
def case():
    random = np.random.default_rng(0)
    parameters = Parameters(TINY, np.float64)
    parameters.flat[:] = initial_parameters(TINY, 1).flat
    parameters.flat += random.normal(0, 0.2, parameters.flat.shape)
    state = CarriedState(TINY, BATCH, np.float64)
    state.wkv[...] = random.normal(0, 0.3, state.wkv.shape)
    state.shift[...] = random.normal(0, 1, state.shift.shape)
    inputs, targets = random.integers(0, 11, (2, BATCH, TIME)).astype(np.int32)
    network = Network(parameters, BATCH, TIME)

    def loss() -> float:
        network.forward(inputs, copy.deepcopy(state))
        return network.loss(targets, 1.0)

    loss()
    network.backward()
    return parameters, network.gradients, loss


@pytest.mark.parametrize("name", TINY.tensors())
def test_gradient_agrees_with_differences(case, name):
    parameters, gradients, loss = case
    values, gradient = parameters[name].reshape(-1), gradients[name].reshape(-1).copy()
    random = np.random.default_rng(7)
    for at in random.choice(values.size, min(8, values.size), replace=False):
        kept = values[at]
        values[at] = kept + STEP
        above = loss()
        values[at] = kept - STEP
        below = loss()
        values[at] = kept
        assert gradient[at] == pytest.approx((above - below) / (2 * STEP), rel=1e-5, abs=1e-8)


def test_the_loss_is_the_mean_surprise(case):
    parameters, _, _ = case
    network = Network(parameters, 1, 3)
    state = CarriedState(TINY, 1, np.float64)
    logits = network.forward(np.array([[1, 2, 3]], np.int32), state).copy()
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(chances[[0, 1, 2], [2, 3, 4]]).sum()
    assert network.loss(np.array([[2, 3, 4]], np.int32), 1.0) == pytest.approx(expected)


def test_two_windows_equal_one(case):
    parameters, _, _ = case
    tokens = np.random.default_rng(2).integers(0, 11, (BATCH, 30)).astype(np.int32)
    whole = CarriedState(TINY, BATCH, np.float64)
    expected = Network(parameters, BATCH, 30).forward(tokens, whole).reshape(BATCH, 30, -1)
    halves, network = CarriedState(TINY, BATCH, np.float64), Network(parameters, BATCH, 15)
    for start in (0, 15):
        part = network.forward(tokens[:, start : start + 15].copy(), halves)
        found = part.reshape(BATCH, 15, -1)
        np.testing.assert_allclose(found, expected[:, start : start + 15], atol=1e-12)
    np.testing.assert_allclose(halves.wkv, whole.wkv, atol=1e-12)
    np.testing.assert_allclose(halves.shift, whole.shift, atol=1e-12)
