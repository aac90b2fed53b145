"""Membranes are rooted trees: as many on a level as A000081 says, each in the one it grew from."""

from __future__ import annotations

import pytest
from deep_tree_echo.dtesn import RootedTree, rooted_trees
from deep_tree_echo.dtesn.configuration import parse_structure
from deep_tree_echo.dtesn.hierarchy import Hierarchy
from deep_tree_echo.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st

depths = st.integers(1, 16)
sizes = st.integers(32, 4096)


def test_the_levels_are_those_of_the_documents() -> None:
    assert Hierarchy.build(5, 512).widths == (1, 1, 1, 2, 4)
    assert Hierarchy.build(8, 1024).widths == (1, 1, 1, 2, 4, 9, 20, 48)


@given(depths, sizes)
def test_units_are_shared_out_evenly(depth: int, size: int) -> None:
    found = Hierarchy.build(depth, size)
    assert (found.depth, found.size) == (depth, size)
    assert max(found.units) - min(found.units) <= 1
    assert min(found.units) >= min(8, size // depth)
    assert found.starts == tuple(sum(found.units[:m]) for m in range(len(found.units)))


@given(depths, sizes)
def test_each_tree_lies_in_itself_without_its_last_vertex(depth: int, size: int) -> None:
    found = Hierarchy.build(depth, size)
    assert found.trees[0] is None
    for m in range(1, len(found.trees)):
        tree, outer = found.trees[m], found.trees[found.parents[m]]
        assert tree is not None
        assert tree.order == found.levels[m]
        if outer is None:
            assert tree is RootedTree()
        else:
            assert tree.levels[:-1] == outer.levels
            assert found.parents[m] < m


@given(st.integers(1, 12), sizes)
def test_a_level_has_its_first_trees(depth: int, size: int) -> None:
    found = Hierarchy.build(depth, size)
    for level in range(1, depth):
        trees = [t for t, at in zip(found.trees, found.levels, strict=True) if at == level]
        assert sorted(t for t in trees if t) == list(rooted_trees(level)[: len(trees)])


@given(depths, sizes)
def test_the_brackets_say_the_same(depth: int, size: int) -> None:
    found = Hierarchy.build(depth, size)
    parsed = list(parse_structure(found.structure))
    assert [number - 1 for number, _, _, _ in parsed] == list(range(len(found.units)))
    assert [parent - 1 for _, parent, _, _ in parsed] == list(found.parents)
    assert [label for _, _, label, _ in parsed] == [f"L{level}" for level in found.levels]


@pytest.mark.parametrize(
    ("depth", "size", "sentence"),
    [
        (0, 512, "membrane_depth is 0; it must be an integer from 1 to 16"),
        (17, 512, "membrane_depth is 17"),
        (4.0, 512, r"membrane_depth is 4\.0"),
        (True, 512, "membrane_depth is True"),
        (4, 31, "esn_size is 31; it must be an integer from 32 to 4096"),
        (4, 4097, "esn_size is 4097"),
        (4, "512", "esn_size is '512'"),
    ],
)
def test_bounds(depth: int, size: int, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        Hierarchy.build(depth, size)
