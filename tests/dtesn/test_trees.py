"""Rooted trees: their numbers, and every way to write them."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise, permutations
from math import factorial
from typing import Any

import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import RootedTree, count_rooted_trees, rooted_trees, trees_up_to
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ON_PYODIDE
from tests.dtesn.golden import golden, kauri_trees
from tests.dtesn.strategies import trees

A000081 = [1, 1, 2, 4, 9, 20, 48, 115, 286, 719, 1842, 4766]


def test_counts_are_those_of_a000081() -> None:
    assert golden("kauri")["counts"] == A000081
    assert [count_rooted_trees(n) for n in range(1, 13)] == A000081
    # b-file of A000081.
    assert count_rooted_trees(30) == 354426847597


@pytest.mark.parametrize("order", range(1, 11 if ON_PYODIDE else 13))
def test_generated_trees_are_all_of_their_order(order: int) -> None:
    found = rooted_trees(order)
    assert len(found) == len(set(found)) == A000081[order - 1]
    assert {tree.order for tree in found} == {order}
    assert list(found) == sorted(found)
    # Cayley: the labelled rooted trees; and the increasing ones.
    assert sum(factorial(order) // tree.symmetry for tree in found) == order ** (order - 1)
    assert sum(tree.alpha for tree in found) == factorial(order - 1)


def test_smaller_trees_come_first() -> None:
    assert sorted(reversed(trees_up_to(6))) == list(trees_up_to(6))


def test_trees_are_those_of_kauri() -> None:
    assert set(kauri_trees()) == set(trees_up_to(8))


@pytest.mark.parametrize("name", ["symmetry", "density", "alpha"])
def test_numbers_agree_with_kauri(name: str) -> None:
    assert [getattr(tree, name) for tree in kauri_trees()] == golden("kauri")[name]


def test_heights_agree_with_kauri() -> None:
    heights = [tree.height + 1 for tree in kauri_trees()]
    assert heights == golden("kauri")["vertices on the longest path"]


def test_symmetry_counts_automorphisms() -> None:
    for tree in trees_up_to(6):
        edges = set(zip(tree.parents()[1:], range(1, tree.order), strict=True))
        fixed = sum(
            {((0, *p)[a], (0, *p)[b]) for a, b in edges} == edges
            for p in permutations(range(1, tree.order))
        )
        assert fixed == tree.symmetry


def test_alpha_counts_increasing_labellings() -> None:
    for tree in trees_up_to(6):
        increasing = {
            frozenset(((0, *p)[a], (0, *p)[b]) for a, b in enumerate_edges(tree))
            for p in permutations(range(1, tree.order))
            if all((0, *p)[a] < (0, *p)[b] for a, b in enumerate_edges(tree))
        }
        assert len(increasing) == tree.alpha


def enumerate_edges(tree: RootedTree) -> list[tuple[int, int]]:
    return list(zip(tree.parents()[1:], range(1, tree.order), strict=True))


@given(trees)
def test_every_way_to_write_a_tree_gives_it_back(tree: RootedTree) -> None:
    assert RootedTree.from_levels(tree.levels) is tree
    assert RootedTree.from_levels([level + 3 for level in tree.levels]) is tree
    assert RootedTree.from_parents(tree.parents()) is tree
    assert RootedTree.parse(str(tree)) is tree
    assert RootedTree.parse(str(tree).replace("•", "[]").replace(",", " ")) is tree
    assert RootedTree(tree.children) is tree
    assert eval(repr(tree)) is tree
    assert copy.deepcopy(tree) is tree
    assert pickle.loads(pickle.dumps(tree)) is tree


@given(trees, st.randoms(use_true_random=False))
def test_the_order_of_children_and_vertices_is_all_one(tree: RootedTree, random: Any) -> None:
    order = list(range(tree.order))
    random.shuffle(order)
    parents = [0] * tree.order
    for vertex, parent in enumerate(tree.parents()):
        parents[order[vertex]] = order[parent] if parent >= 0 else -1
    assert RootedTree.from_parents(parents) is tree
    assert RootedTree(list(reversed(tree.children))) is tree


@given(trees)
def test_numbers_follow_from_the_shape(tree: RootedTree) -> None:
    assert tree.order == len(tree.levels) == len(tree.parents())
    assert tree.height == max(tree.levels)
    assert tree.width == max(tree.levels.count(level) for level in tree.levels)
    parents = tree.parents()
    sizes = [1] * tree.order
    for vertex in range(tree.order - 1, 0, -1):
        sizes[parents[vertex]] += sizes[vertex]
    product = 1
    for size in sizes:
        product *= size
    assert tree.density == product
    # The canonical level sequence is the greatest of all.
    assert tree.children == tuple(sorted(tree.children, key=lambda c: c.levels, reverse=True))


@given(trees, trees)
def test_the_butcher_product_and_its_factors(a: RootedTree, b: RootedTree) -> None:
    product = a.butcher_product(b)
    assert product.order == a.order + b.order
    assert product.density * a.order == a.density * b.density * product.order
    left, right = product.factors()
    assert left.butcher_product(right) is product
    assert a.fused(b).order == a.order + b.order - 1


@given(trees)
def test_a_layout_has_room_for_every_vertex(tree: RootedTree) -> None:
    layout = tree.layout()
    assert layout.y == tree.levels
    assert layout.edges == tuple(enumerate_edges(tree))
    for level in set(layout.y):
        row = [x for x, y in zip(layout.x, layout.y, strict=True) if y == level]
        assert all(b - a >= 1 for a, b in pairwise(row))
    assert min(layout.x) == 0


@given(st.text(alphabet="[]•*, x", max_size=12))
def test_any_text_is_a_tree_or_refused(text: str) -> None:
    try:
        tree = RootedTree.parse(text)
    except ArgumentError:
        return
    assert RootedTree.parse(str(tree)) is tree


@given(st.lists(st.integers(-2, 4), max_size=7))
def test_any_numbers_are_a_tree_or_refused(numbers: list[int]) -> None:
    for read in (RootedTree.from_levels, RootedTree.from_parents):
        try:
            tree = read(numbers)
        except ArgumentError:
            continue
        assert tree.order == len(numbers)


def test_a_tree_cannot_change() -> None:
    tree = RootedTree([[]])
    with pytest.raises(AttributeError, match="'order' cannot be set"):
        tree.order = 5
    with pytest.raises(AttributeError, match="'order' cannot be deleted"):
        del tree.order
    assert tree.order == 2


def test_large_trees_are_read_without_recursion() -> None:
    tall = RootedTree.parse("[" * 511 + "•" + "]" * 511)
    assert (tall.order, tall.height, tall.density) == (512, 511, factorial(512))
    wide = RootedTree([[]] * 511)
    assert (wide.width, wide.density, wide.symmetry) == (511, 512, factorial(511))


CYCLE: list[Any] = []
CYCLE.append(CYCLE)

BAD = [
    (lambda: RootedTree.parse("[[]"), "text ends within 1 open brackets; close them with ']'."),
    (
        lambda: RootedTree.parse("[]]"),
        "text goes on with ']' at position 2; the tree has ended before.",
    ),
    (
        lambda: RootedTree.parse("[x]"),
        "text has 'x' at position 1; only brackets, '•', '*', commas and blanks make a tree.",
    ),
    (lambda: RootedTree.parse(" "), "text describes 0 vertices; a tree has from 1 to 512."),
    (lambda: RootedTree.parse(5), "text is 5; it must be a tree such as '[[•],•]'."),
    (
        lambda: RootedTree.parse("[" * 999 + "]" * 999),
        "text describes 999 vertices; a tree has from 1 to 512.",
    ),
    (
        lambda: RootedTree([[], "x"]),
        "children has 'x' in it; it must be a list of trees or of lists of lists.",
    ),
    (lambda: RootedTree(CYCLE), "children describes 513 vertices; a tree has from 1 to 512."),
    (
        lambda: RootedTree([[]] * 600),
        "children describes 601 vertices; a tree has from 1 to 512.",
    ),
    (lambda: RootedTree.from_levels([]), "levels describes 0 vertices; a tree has from 1 to 512."),
    (
        lambda: RootedTree.from_levels([0, 2]),
        "levels[1] is 2; after 0 it must be from 1 to 1.",
    ),
    (
        lambda: RootedTree.from_levels([0, 1, 0]),
        "levels[2] is 0; after 1 it must be from 1 to 2.",
    ),
    (
        lambda: RootedTree.from_levels([0, 1.5]),
        "levels[1] is 1.5; it must be an integer.",
    ),
    (
        lambda: RootedTree.from_parents([-1, 2, 1]),
        "parents has a cycle; only 1 of 3 vertices hang on the root.",
    ),
    (
        lambda: RootedTree.from_parents([-1, -1]),
        "parents has 2 times -1; exactly one vertex must be the root.",
    ),
    (
        lambda: RootedTree.from_parents([-1, 2]),
        "parents[1] is 2; it must be a vertex from 0 to 1, or -1 for the root.",
    ),
    (
        lambda: RootedTree().factors(),
        "a single vertex is no Butcher product; it has no children.",
    ),
    (lambda: rooted_trees(0), "order is 0; it must be an integer from 1 to 12."),
    (lambda: rooted_trees(13), "order is 13; it must be an integer from 1 to 12."),
    (lambda: trees_up_to(2.0), "order is 2.0; it must be an integer from 1 to 12."),
    (lambda: count_rooted_trees(1001), "order is 1001; it must be an integer from 1 to 1000."),
]


@pytest.mark.parametrize(("call", "sentence"), BAD)
def test_bad_input_is_one_sentence(call: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value) == sentence
