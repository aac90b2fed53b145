"""Tableaux: their orders, order conditions and elementary weights."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import (
    BSeries,
    OrderCondition,
    RootedTree,
    Tableau,
    order_conditions,
    trees_up_to,
)
from deep_tree_echo.dtesn.methods import DORMAND_PRINCE, METHODS, MIDPOINT, RK4
from hypothesis import given

from tests.dtesn.golden import golden, kauri_series
from tests.dtesn.strategies import small_trees, tableaux

ORDERS = {
    "Euler": 1,
    "midpoint": 2,
    "Heun 2": 2,
    "Heun 3": 3,
    "Kutta 3": 3,
    "classical 4": 4,
    "3/8 rule": 4,
    "Bogacki-Shampine 3(2)": 3,
    "Fehlberg 5(4)": 5,
    "Cash-Karp 5(4)": 5,
    "Dormand-Prince 5(4)": 5,
    "Nyström 5": 5,
    "Butcher 6": 6,
    "Fehlberg 8(7)": 8,
}
# Our names and nodepy's.
IN_NODEPY = {
    "Euler": "FE",
    "midpoint": "Mid22",
    "Heun 2": "SSP22",
    "Heun 3": "Heun33",
    "classical 4": "RK44",
    "Bogacki-Shampine 3(2)": "BS3",
    "Fehlberg 5(4)": "Fehlberg45",
    "Cash-Karp 5(4)": "CK5",
    "Dormand-Prince 5(4)": "DP5",
}

# The method of tests/oracles/trees_reference.py.
ODD = Tableau(
    [["1/3", "-1/2", "2/7"], ["2/5", "1", "-3/4"], ["-1", "1/6", "5/9"]], ["1/4", "2/3", "-3/5"]
)

by_name = pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)


@by_name
def test_every_method_has_its_order(method: Tableau) -> None:
    assert method.exact
    assert method.explicit
    assert method.order_of_accuracy() == ORDERS[method.name]
    if method.embedded:
        lower = int(method.name[-2])
        assert method.pair().order_of_accuracy() == lower


@pytest.mark.parametrize(("ours", "theirs"), IN_NODEPY.items())
def test_coefficients_are_those_of_nodepy(ours: str, theirs: str) -> None:
    method = next(method for method in METHODS if method.name == ours)
    found = Tableau(golden("nodepy")[theirs]["a"], golden("nodepy")[theirs]["b"])
    assert method.a == found.a
    assert found.b in (method.b, method.embedded)


@pytest.mark.parametrize("name", golden("nodepy"))
def test_orders_are_those_of_nodepy(name: str) -> None:
    answer = golden("nodepy")[name]
    method = Tableau(answer["a"], answer["b"])
    # The same tolerance as nodepy's, for coefficients that were given as decimals.
    assert method.order_of_accuracy(tolerance=1e-11) == answer["order"]
    assert method.explicit == answer["explicit"]


def test_elementary_weights_agree_with_kauri() -> None:
    assert ODD.series(8) == kauri_series("method")


def test_conditions_are_one_for_each_tree() -> None:
    assert [len(order_conditions(p)) for p in range(1, 9)] == [1, 2, 4, 8, 17, 37, 85, 200]
    assert [condition.tree for condition in order_conditions(5)] == list(trees_up_to(5))


def read(equation: str, method: Tableau) -> tuple[Fraction, Fraction]:
    """The two sides of a printed condition, by summing over all indices."""
    left, right = equation.removeprefix("Σ ").split(" = ")
    factors = left.split()
    names = sorted({letter for factor in factors for letter in factor.split("_")[1].split("^")[0]})
    total = Fraction(0)
    for values in product(range(method.stages), repeat=len(names)):
        at = dict(zip(names, values, strict=True))
        term = Fraction(1)
        for factor in factors:
            kind, index = factor.split("_")
            index, _, power = index.partition("^")
            source = {"b": method.b, "c": method.c}.get(kind)
            value = source[at[index]] if source else method.a[at[index[0]]][at[index[1]]]
            term *= value ** int(power or 1)
        total += term
    return total, Fraction(right)


def test_printed_conditions_say_what_they_mean() -> None:
    weights = ODD.series(6)
    for condition in order_conditions(6):
        left, right = read(str(condition), ODD)
        assert left == weights[condition.tree]
        assert right == Fraction(1, condition.tree.density) == condition.right
        assert condition.residual(ODD) == left - right


@given(small_trees)
def test_latex_has_the_same_factors(tree: RootedTree) -> None:
    condition = OrderCondition(tree)
    plain = str(condition).removeprefix("Σ ").split(" = ")[0]
    latex = condition.latex.removeprefix(r"\sum ").split(" = ")[0]
    assert latex.replace("{", "").replace("}", "") == plain
    assert len({str(OrderCondition(other)) for other in trees_up_to(7)}) == len(trees_up_to(7))


def test_the_longest_condition_has_indices_enough() -> None:
    path = RootedTree.parse("[" * 11 + "•" + "]" * 11)
    assert str(OrderCondition(path)).startswith("Σ b_i a_ij a_jk")
    assert str(OrderCondition(path)).endswith("a_st c_t = 1/479001600")


@by_name
def test_conditions_hold_up_to_the_order(method: Tableau) -> None:
    order = min(method.order_of_accuracy(), 5)
    assert not any(condition.residual(method) for condition in order_conditions(order))


@given(tableaux())
def test_floats_give_the_same_weights(method: Tableau) -> None:
    rounded = Tableau([[float(x) for x in row] for row in method.a], [float(x) for x in method.b])
    assert not rounded.exact
    for tree, weight in method.series(5).items():
        assert float(weight) == pytest.approx(float(rounded.series(5)[tree]), rel=1e-9, abs=1e-6)


@given(tableaux(explicit=True))
def test_an_explicit_method_has_at_most_its_stages_as_order(method: Tableau) -> None:
    assert method.explicit
    path = RootedTree.parse("[" * method.stages + "•" + "]" * method.stages)
    assert method.series(method.stages + 1)[path] == 0
    assert method.order_of_accuracy() <= method.stages


def test_a_method_of_gauss() -> None:
    root = 3**0.5 / 6
    gauss = Tableau([[0.25, 0.25 - root], [0.25 + root, 0.25]], [0.5, 0.5])
    assert gauss.order_of_accuracy() == 4
    assert not gauss.explicit


def test_a_tableau_is_a_value() -> None:
    again = Tableau(RK4.a, RK4.b, RK4.c, name="another name")
    assert again == RK4
    assert hash(again) == hash(RK4)
    assert again != MIDPOINT
    assert RK4.c == (0, Fraction(1, 2), Fraction(1, 2), 1)
    assert Tableau([[np.float32(0.5)]], [np.int64(1)]).exact is False
    assert RK4.series(5).agreement(BSeries.exact(5)) == 4
    assert DORMAND_PRINCE.pair().name == "Dormand-Prince 5(4), embedded"


NUMBER = "it must be a finite number or a fraction."

BAD = [
    (lambda: Tableau([], []), "b has 0 weights; a method has 1 to 64 stages."),
    (lambda: Tableau([[]], [1] * 65), "b has 65 weights; a method has 1 to 64 stages."),
    (lambda: Tableau([[]], [1, 0]), "a has 1 rows; b has 2 weights, both must agree."),
    (lambda: Tableau([[0, 1]], [1]), "a[0] has 2 coefficients; at most 1 fit."),
    (
        lambda: Tableau([[], ["x"]], [1, 0]),
        "a[1][0] is 'x'; it must be a finite number or a fraction.",
    ),
    (
        lambda: Tableau([["1/0"]], [1]),
        "a[0][0] is '1/0'; it must be a finite number or a fraction.",
    ),
    (
        lambda: Tableau([[]], [float("nan")]),
        "b[0] is nan; it must be a finite number or a fraction.",
    ),
    (lambda: Tableau([[]], [None]), "b[0] is None; it must be a finite number or a fraction."),
    (lambda: Tableau([[]], "1"), "b is '1'; it must be a list of numbers."),
    (
        lambda: Tableau([[], ["1/2"]], [0, 1], ["0", "1/3"]),
        "c[1] is 1/3; the row a[1] sums to 1/2, both must agree.",
    ),
    (lambda: Tableau([[], [0.5]], [0, 1], [0]), "c has 1 numbers; there are 2 stages."),
    (
        lambda: Tableau([[]], [1], embedded=[1, 0]),
        "embedded has 2 numbers; there are 1 stages.",
    ),
    (lambda: RK4.pair(), "the method 'classical 4' has no embedded weights."),
    (lambda: RK4.series(13), "order is 13; it must be an integer from 1 to 12."),
    (lambda: OrderCondition("[]"), "tree is '[]'; it must be a RootedTree."),
    (
        lambda: OrderCondition(RootedTree([[]] * 12)),
        "order is 13; it must be an integer from 1 to 12.",
    ),
    (lambda: order_conditions(0), "order is 0; it must be an integer from 1 to 12."),
]


@pytest.mark.parametrize(("call", "sentence"), BAD)
def test_bad_input_is_one_sentence(call: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value) == sentence
