"""Random trees, series and methods."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from deep_tree_echo.dtesn import BSeries, RootedTree, Tableau, trees_up_to
from hypothesis import strategies as st

fractions = st.fractions(-3, 3, max_denominator=6)
seeds = st.integers(0, 2**32)

small_trees = st.sampled_from(trees_up_to(7))
trees = st.recursive(
    st.just(RootedTree()), lambda some: st.lists(some, max_size=4).map(RootedTree), max_leaves=9
)


def some_fraction(random: Random) -> Fraction:
    """Zero and one among them."""
    return Fraction(random.randint(-6, 6), random.randint(1, 6))


@st.composite
def series(draw: st.DrawFn, order: int = 5, empty: int = 1, dot: Fraction | None = None) -> BSeries:
    random = Random(draw(seeds))
    values = {tree: some_fraction(random) for tree in trees_up_to(order)}
    if dot is not None:
        values[RootedTree()] = dot
    return BSeries(order, values, empty)


@st.composite
def tableaux(draw: st.DrawFn, explicit: bool = False) -> Tableau:
    random = Random(draw(seeds))
    stages = draw(st.integers(1, 4))
    rows = [
        [some_fraction(random) for _ in range(i if explicit else stages)] for i in range(stages)
    ]
    return Tableau(rows, [some_fraction(random) for _ in range(stages)])
