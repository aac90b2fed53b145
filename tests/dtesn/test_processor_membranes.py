"""Reservoirs in membranes, and the objects that their activity becomes."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from deep_tree_echo.dtesn.activity import QUANTUM, Activity, weight_of
from deep_tree_echo.dtesn.hierarchy import Hierarchy
from deep_tree_echo.dtesn.membrane_reservoir import membrane_reservoir
from deep_tree_echo.dtesn.processor_config import DTESNConfig
from deep_tree_echo.dtesn.sparse import SparseMatrix
from hypothesis import given
from hypothesis import strategies as st

CONFIG = DTESNConfig(n_inputs=4)


def dense(hierarchy: Hierarchy, config: DTESNConfig = CONFIG) -> np.ndarray:
    weights = membrane_reservoir(hierarchy, config).recurrent
    found = weights.to_dense() if isinstance(weights, SparseMatrix) else weights
    return found.astype(np.float64)


@pytest.mark.parametrize(("depth", "size"), [(1, 32), (3, 64), (5, 200), (16, 32), (8, 300)])
def test_every_membrane_has_the_spectral_radius_and_so_has_the_whole(depth: int, size: int) -> None:
    hierarchy = Hierarchy.build(depth, size)
    w = dense(hierarchy)
    places = [slice(s, s + n) for s, n in zip(hierarchy.starts, hierarchy.units, strict=True)]
    for m, own in enumerate(places):
        # float32 weights: eigenvalues of a few units are right to about 1e-6.
        radius = np.abs(np.linalg.eigvals(w[own, own])).max()
        assert radius == pytest.approx(CONFIG.spectral_radius, abs=1e-4)
        for other, there in enumerate(places):
            block = w[own, there]
            if hierarchy.parents[other] == m:
                assert (np.count_nonzero(block, axis=1) == min(4, hierarchy.units[other])).all()
            elif other != m:
                assert not block.any()


@pytest.mark.parametrize(("depth", "size"), [(1, 64), (5, 200), (16, 128)])
def test_two_states_become_one(depth: int, size: int) -> None:
    hierarchy = Hierarchy.build(depth, size)
    reservoir = membrane_reservoir(hierarchy, CONFIG)
    drive = np.random.default_rng(1).standard_normal((600, reservoir.n_inputs))
    first = reservoir.run(drive)[-1]
    reservoir.reset(np.full(size, 0.9))
    assert np.abs(reservoir.run(drive)[-1] - first).max() < 1e-3


def test_weights_follow_from_the_seed() -> None:
    hierarchy = Hierarchy.build(4, 64)
    first, same = dense(hierarchy), dense(hierarchy)
    assert (first == same).all()
    assert (first != dense(hierarchy, DTESNConfig(n_inputs=4, seed=43))).any()


changes = st.lists(st.floats(0, 3), min_size=1, max_size=12)


@given(st.integers(1, 6), changes)
def test_no_rule_changes_the_weight_of_all_objects(depth: int, beats: list[float]) -> None:
    hierarchy = Hierarchy.build(depth, 64)
    activity = Activity(hierarchy)
    n = len(hierarchy.units)
    expected = 0
    sums = np.zeros(n)
    for number, change in enumerate(beats):
        moved = change * (1 + np.arange(n) % 3)
        before = np.floor(sums / QUANTUM)
        sums += moved
        arrived = np.floor(sums / QUANTUM) - before
        hypothesis.assume(np.abs(sums / QUANTUM - np.round(sums / QUANTUM)).min() > 1e-6)
        step = activity.beat(moved, trace=number % 2 == 1)
        for level, count in zip(hierarchy.levels, arrived, strict=True):
            expected += int(count) << (depth - level - 1)
        assert weight_of(activity.held, hierarchy.levels, activity.emitted) == expected
        if step is not None:
            names = {one.name.rstrip("0123456789") for one in step.applied}
            assert names <= {"join", "rise", "emerge"}
        assert activity.by_level().sum() == sum(sum(held.values()) for held in activity.held)
        assert ((activity.signal() >= 0) & (activity.signal() < 1)).all()
    assert activity.received == int(np.floor(sums / QUANTUM).sum())


def test_what_is_left_over_rises_when_nothing_more_comes() -> None:
    hierarchy = Hierarchy.build(4, 64)
    activity = Activity(hierarchy)
    activity.beat(np.full(len(hierarchy.units), 7 * QUANTUM))
    for _ in range(20):
        activity.beat(np.zeros(len(hierarchy.units)))
    assert all(held in ({}, {"a": 1}) for held in activity.held)
    total = sum(7 << (4 - level - 1) for level in hierarchy.levels)
    inside = weight_of(activity.held, hierarchy.levels, 0)
    assert activity.emitted == (total - inside) / 2**4
