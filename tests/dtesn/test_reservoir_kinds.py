"""Deep reservoirs, reservoirs over trees and in continuous time."""

from __future__ import annotations

import numpy as np
import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import Reservoir, RootedTree, elementary_differentials
from deep_tree_echo.dtesn.continuous import ContinuousReservoir
from deep_tree_echo.dtesn.deep import DeepReservoir
from deep_tree_echo.dtesn.methods import BOGACKI_SHAMPINE, DORMAND_PRINCE, EULER, MIDPOINT, RK4
from deep_tree_echo.dtesn.rungekutta import Tableau
from deep_tree_echo.dtesn.treesn import TreeReservoir
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn.reservoirs import uniform
from tests.dtesn.strategies import trees

# ------------------------------------------------------------------------- deep


@pytest.mark.parametrize("wiring", ["series", "parallel", "dense"])
def test_layers_see_what_their_wiring_says(wiring: str) -> None:
    sizes = [7, 5, 6]
    deep = DeepReservoir.of_sizes(
        sizes, n_inputs=2, wiring=wiring, leak_rate=0.5, density=0.5, dtype="float64", seed=3
    )
    u = uniform(9, 2)
    states = deep.run(u)
    assert deep.size == 18
    assert states.shape == (9, 18)
    np.testing.assert_array_equal(deep.state, states[-1])
    # Step by step, by the formula.
    x = [np.zeros(size) for size in sizes]
    for t in range(9):
        for at, layer in enumerate(deep.layers):
            above = x[at - 1] if at else np.empty(0)
            seen = {
                "series": above if at else u[t],
                "parallel": u[t],
                "dense": np.concatenate([u[t], above]),
            }[wiring]
            total = layer.recurrent.to_dense() @ x[at] + layer.inputs @ seen
            x[at] = 0.5 * x[at] + 0.5 * np.tanh(total)
        np.testing.assert_allclose(np.concatenate(x), states[t], rtol=0, atol=1e-13)


def test_one_layer_is_the_reservoir() -> None:
    u = uniform(5)
    deep = DeepReservoir([Reservoir(30, seed=1)])
    np.testing.assert_array_equal(deep.run(u), Reservoir(30, seed=1).run(u))
    deep.reset()
    np.testing.assert_array_equal(deep.step(u[0]), Reservoir(30, seed=1).run(u)[0])


def test_series_layers_slow_down() -> None:
    """A pulse arrives in the second layer after the first, and stays longer."""
    deep = DeepReservoir.of_sizes([60, 60], leak_rate=0.5, dtype="float64", seed=1)
    pulse = np.zeros(60)
    pulse[0] = 1.0
    first, second = (np.abs(part).sum(axis=1) for part in deep.split(deep.run(pulse)))
    times = np.arange(60)
    assert (second @ times) / second.sum() > (first @ times) / first.sum()


def test_a_failure_leaves_all_layers_as_they_were() -> None:
    safe = Reservoir(5, noise=0.1, density=0.5, seed=1)
    grows = Reservoir.from_matrices(9 * np.eye(5), np.eye(5), activation="identity")
    deep = DeepReservoir([safe, grows])
    deep.run(np.ones(3))
    before, random = deep.state, safe._random
    with pytest.raises(ArgumentError, match="not finite"):
        deep.run(np.ones(500))
    np.testing.assert_array_equal(deep.state, before)
    assert safe._random == random


@pytest.mark.parametrize(
    ("layers", "wiring", "sentence"),
    [
        ([], "series", "layers is empty"),
        ([5], "ladder", "wiring is 'ladder'"),
        ([5, 6], "series", "layer 1 takes 1 inputs; wired series, it sees 5"),
        ([5, 6], "dense", "layer 1 takes 1 inputs; wired dense, it sees 6"),
    ],
)
def test_layers_must_fit(layers: list[int], wiring: str, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        DeepReservoir([Reservoir(size, density=0.5, seed=2) for size in layers], wiring=wiring)


def test_layers_must_be_alike() -> None:
    one = Reservoir(20, seed=1)
    with pytest.raises(ArgumentError, match="one reservoir stands in two layers"):
        DeepReservoir([one, one], wiring="parallel")
    with pytest.raises(ArgumentError, match="layer 1 is of float64 and layer 0 of float32"):
        DeepReservoir([one, Reservoir(20, dtype="float64", seed=1)], wiring="parallel")
    with pytest.raises(ArgumentError, match="layer 0 takes 1 numbers fed back"):
        DeepReservoir([Reservoir(20, n_feedback=1, seed=1)])


# ------------------------------------------------------------------------ trees


@given(trees, st.integers(0, 2**32), st.sampled_from([1.0, 0.3]))
def test_every_vertex_follows_from_its_children(tree: RootedTree, seed: int, leak: float) -> None:
    reservoir = Reservoir(
        12, n_inputs=2, density=0.4, leak_rate=leak, bias_scaling=0.1, dtype="float64", seed=1
    )
    labels = uniform(tree.order, 2, seed=seed)
    states = TreeReservoir(reservoir).states(tree, labels)
    parents = np.array(tree.parents())
    w = reservoir.recurrent.to_dense()
    for vertex in range(tree.order):
        below = states[parents == vertex].sum(axis=0)
        total = w @ below + reservoir.inputs @ labels[vertex] + reservoir.bias
        expected = (1 - leak) * below + leak * np.tanh(total)
        np.testing.assert_allclose(states[vertex], expected, rtol=0, atol=1e-13)
    assert not reservoir.state.any()


def test_a_tree_without_branches_is_a_sequence() -> None:
    u = uniform(10)
    reservoir = Reservoir(30, leak_rate=0.4, seed=1)
    states = TreeReservoir(reservoir).states(range(-1, 9), u[::-1])
    np.testing.assert_array_equal(states[::-1], reservoir.run(u))


def test_the_order_of_children_means_nothing() -> None:
    trees = TreeReservoir(Reservoir(30, dtype="float64", seed=1))
    one = trees.state([-1, 0, 0, 1], [0.1, 0.2, 0.3, 0.4])
    other = trees.state([-1, 0, 0, 2], [0.1, 0.3, 0.2, 0.4])
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-15)


def test_mappings_of_a_tree() -> None:
    reservoir = Reservoir(30, seed=1)
    cherry = RootedTree([[], []])
    states = TreeReservoir(reservoir).states(cherry)
    np.testing.assert_array_equal(TreeReservoir(reservoir).state(cherry), states[0])
    mean = TreeReservoir(reservoir, mapping="mean").state(cherry)
    np.testing.assert_array_equal(mean, states.mean(axis=0))


def test_what_is_no_tree_is_refused() -> None:
    trees = TreeReservoir(Reservoir(30, seed=1))
    for parents, sentence in (
        ([], "tree is empty"),
        ([0], "the parent of vertex 0 is 0; it must be -1, the root"),
        ([-1, 1], "the parent of vertex 1 is 1; it must be from 0 to 0"),
        ([-1, 0, 5], "the parent of vertex 2 is 5; it must be from 0 to 1"),
        ([-1, 0.0], "the parent of vertex 1 is 0.0"),
    ):
        with pytest.raises(ArgumentError, match=sentence):
            trees.states(parents)
    with pytest.raises(ArgumentError, match="labels has 2 rows; the tree has 3 vertices"):
        trees.states(RootedTree([[], []]), [1, 2])
    with pytest.raises(ArgumentError, match=r"labels has nan at \[1"):
        trees.states(RootedTree([[]]), [1, np.nan])
    with pytest.raises(ArgumentError, match="over trees it can take none"):
        TreeReservoir(Reservoir(30, n_feedback=1, seed=1))
    with pytest.raises(ArgumentError, match="mapping is 'sum'"):
        TreeReservoir(Reservoir(30, seed=1), mapping="sum")


# -------------------------------------------------------------- continuous time


def flowing(**settings: object) -> ContinuousReservoir:
    reservoir = Reservoir(20, density=0.3, bias_scaling=0.3, dtype="float64", seed=1)
    return ContinuousReservoir(reservoir, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "method",
    [EULER, MIDPOINT, BOGACKI_SHAMPINE, RK4, DORMAND_PRINCE],
    ids=lambda method: method.name,
)
def test_the_error_falls_with_the_order(method: Tableau) -> None:
    u = uniform(4)
    exact = flowing(method=DORMAND_PRINCE, substeps=400).run(u)[-1]
    order = method.order_of_accuracy()
    counts = {1: (64, 128), 2: (32, 64), 3: (32, 64), 4: (16, 32), 5: (16, 32)}[order]
    errors = [
        np.abs(flowing(method=method, substeps=count).run(u)[-1] - exact).max() for count in counts
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


def test_a_linear_flow_is_an_exponential() -> None:
    decay = Reservoir.from_matrices([[0.0]], [[1.0]], activation="identity", dtype="float64")
    flow = ContinuousReservoir(decay, time_constant=2.0, sampling=0.5, substeps=20)
    flow.reset([3.0])
    states = flow.run(np.ones(6))[:, 0]
    times = 0.5 * np.arange(1, 7)
    np.testing.assert_allclose(states, 1 + 2 * np.exp(-times / 2), rtol=0, atol=1e-9)


def test_the_field_is_that_of_the_flow() -> None:
    flow = flowing(time_constant=1.0, sampling=1e-4, method=EULER)
    x = uniform(20, seed=4)
    flow.reset(x)
    slope = (flow.step(0.7) - x) / 1e-4
    field = flow.field(0.7)
    np.testing.assert_allclose(field(x), slope, rtol=0, atol=1e-9)
    # And so for a tree of two vertices: the acceleration.
    second = elementary_differentials(field, x, 2)[RootedTree([[]])]
    np.testing.assert_allclose(second, field.at(x)([field(x)]), rtol=0, atol=1e-12)


def test_a_flow_may_be_cut_and_fed_back() -> None:
    reservoir = Reservoir(20, n_feedback=1, density=0.3, seed=1)
    flow = ContinuousReservoir(reservoir, method=BOGACKI_SHAMPINE)
    u, y = uniform(8), uniform(8, seed=1)
    whole = flow.run(u, y)
    assert whole.dtype == np.float32
    flow.reset()
    steps = [flow.step(u[t], y[t]) for t in range(8)]
    np.testing.assert_array_equal(np.stack(steps), whole)
    np.testing.assert_array_equal(flow.state, whole[-1])


def test_flows_are_refused() -> None:
    with pytest.raises(ArgumentError, match="in continuous time it must be 1"):
        ContinuousReservoir(Reservoir(20, leak_rate=0.5, seed=1))
    with pytest.raises(ArgumentError, match="in continuous time it must be 0"):
        ContinuousReservoir(Reservoir(20, noise=0.5, seed=1))
    for settings, sentence in (
        ({"time_constant": 0}, "time_constant is 0; it must be above 0"),
        ({"sampling": -1}, "sampling is -1; it must be above 0"),
        ({"substeps": 0}, "substeps is 0"),
        ({"method": "RK4"}, "method is 'RK4'; it must be a Tableau"),
        ({"method": Tableau([[1]], [1])}, "is implicit"),
    ):
        with pytest.raises(ArgumentError, match=sentence):
            flowing(**settings)
    grows = Reservoir.from_matrices([[50.0]], [[1.0]], activation="relu", dtype="float64")
    flow = ContinuousReservoir(grows, method=RK4)
    flow.run([1.0])
    before = flow.state
    with pytest.raises(ArgumentError, match="not finite"):
        flow.run(np.ones(300))
    np.testing.assert_array_equal(flow.state, before)
    with pytest.raises(ArgumentError, match="a field in closed form needs 'tanh'"):
        flow.field(1.0)
