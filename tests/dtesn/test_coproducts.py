"""Cutting trees and contracting parts of them."""

from __future__ import annotations

from collections import Counter
from math import factorial, prod
from typing import Any

import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import Forest, RootedTree, contractions, cuts, trees_up_to
from deep_tree_echo.dtesn.coproducts import Term
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn.golden import golden
from tests.dtesn.strategies import small_trees, trees

Terms = Counter[tuple[Forest, Forest]]


def counted(terms: Any) -> Terms:
    return Counter({(term.parts, term.rest): term.count for term in terms})


def theirs(terms: list[list[Any]], tree: RootedTree) -> Terms:
    found: Terms = Counter()
    for count, parts, rest in terms:
        sides = [Forest(map(RootedTree.parse, side)) for side in (parts, rest)]
        found[sides[0], sides[1]] += count
    return found


@pytest.mark.parametrize(("function", "name"), [(cuts, "cuts"), (contractions, "contractions")])
def test_coproducts_agree_with_kauri(function: Any, name: str) -> None:
    for text, answers in golden("kauri-coproducts").items():
        tree = RootedTree.parse(text)
        assert counted(function(tree)) == theirs(answers[name], tree)


def test_cuts_are_those_found_by_trying() -> None:
    for tree in trees_up_to(6):
        parents = tree.parents()
        found: Terms = Counter({(Forest([tree]), Forest()): 1})
        for chosen in range(2 ** (tree.order - 1)):
            cut = {v for v in range(1, tree.order) if chosen >> (v - 1) & 1}
            if not any(above in cut for v in cut for above in ancestors(parents, v)):
                found[pieces(parents, cut)] += 1
        assert counted(cuts(tree)) == found


def test_contractions_are_those_found_by_trying() -> None:
    for tree in trees_up_to(6):
        parents = tree.parents()
        found: Terms = Counter()
        for chosen in range(2 ** (tree.order - 1)):
            cut = {v for v in range(1, tree.order) if chosen >> (v - 1) & 1}
            off, kept = pieces(parents, cut)
            # One vertex for each part: the uncut edges are contracted.
            tops = sorted({0, *cut})
            hang = [-1] + [
                max(t for t in tops if t == parents[v] or t in ancestors(parents, parents[v]))
                for v in tops[1:]
            ]
            skeleton = RootedTree.from_parents([tops.index(p) if p >= 0 else -1 for p in hang])
            found[off * kept, Forest([skeleton])] += 1
        assert counted(contractions(tree)) == found


def ancestors(parents: tuple[int, ...], vertex: int) -> list[int]:
    found = []
    while (vertex := parents[vertex]) >= 0:
        found.append(vertex)
    return found


def pieces(parents: tuple[int, ...], cut: set[int]) -> tuple[Forest, Forest]:
    """What falls off, and what stays with the root, when the edges below ``cut`` are cut."""
    tops = [0, *sorted(cut)]
    members: dict[int, list[int]] = {top: [] for top in tops}
    for vertex in range(len(parents)):
        top = vertex
        while top not in members:
            top = parents[top]
        members[top].append(vertex)
    found = {
        top: RootedTree.from_parents([-1 if v == top else inside.index(parents[v]) for v in inside])
        for top, inside in members.items()
    }
    return Forest(found[top] for top in tops[1:]), Forest([found[0]])


@given(small_trees)
def test_every_vertex_is_in_one_part(tree: RootedTree) -> None:
    for term in cuts(tree):
        assert term.parts.order + term.rest.order == tree.order
    whole = contractions(tree)
    assert sum(term.count for term in whole) == 2 ** (tree.order - 1)
    for term in whole:
        assert term.parts.order == tree.order
        assert term.rest.order == len(term.parts)


@given(small_trees)
def test_the_coproduct_of_cuts_is_coassociative(tree: RootedTree) -> None:
    left: Counter[tuple[Forest, Forest, Forest]] = Counter()
    right: Counter[tuple[Forest, Forest, Forest]] = Counter()
    for term in cuts(tree):
        for inner in of_forest(term.parts):
            left[inner.parts, inner.rest, term.rest] += term.count * inner.count
        for inner in of_forest(term.rest):
            right[term.parts, inner.parts, inner.rest] += term.count * inner.count
    assert left == right


def of_forest(forest: Forest) -> list[Term]:
    found = [Term(1, Forest(), Forest())]
    for tree in forest:
        found = [
            Term(a.count * b.count, a.parts * b.parts, a.rest * b.rest)
            for a in found
            for b in cuts(tree)
        ]
    return found


@given(st.lists(trees, max_size=5))
def test_a_forest_is_a_multiset(some: list[RootedTree]) -> None:
    forest = Forest(some)
    assert forest == Forest(reversed(some))
    assert hash(forest) == hash(Forest(reversed(some)))
    assert len(forest) == len(some)
    assert forest.order == sum(tree.order for tree in some)
    assert forest.density == prod(tree.density for tree in some)
    joined = forest.joined()
    assert joined.symmetry == forest.symmetry
    assert joined.density == forest.density * joined.order
    assert Forest(joined.children) == forest
    assert forest * Forest() == forest


def test_the_symmetry_of_equal_trees_counts_exchanges() -> None:
    assert Forest([RootedTree()] * 5).symmetry == factorial(5)


@pytest.mark.parametrize("function", [cuts, contractions])
def test_a_tree_too_large_is_refused(function: Any) -> None:
    with pytest.raises(ArgumentError) as error:
        function(RootedTree([[]] * 12))
    assert str(error.value) == "order is 13; it must be an integer from 1 to 12."


def test_a_forest_holds_trees_only() -> None:
    with pytest.raises(ArgumentError) as error:
        Forest([[]])  # type: ignore[list-item]
    assert str(error.value) == "trees has [] in it; it must hold RootedTree only."
