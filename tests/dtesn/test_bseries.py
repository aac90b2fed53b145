"""The Butcher group and the substitution law, in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from deep_tree_echo import ArgumentError
from deep_tree_echo.dtesn import BSeries, RootedTree, trees_up_to
from deep_tree_echo.dtesn.methods import METHODS, MIDPOINT, RK4
from hypothesis import given

from tests.dtesn.golden import kauri_series
from tests.dtesn.strategies import fractions, series, tableaux

DOT = RootedTree()
ONE = BSeries.identity(5)
FIELD = BSeries.field(5)
fields = series(empty=0)


def test_the_exact_flow_agrees_with_kauri() -> None:
    assert BSeries.exact(8) == kauri_series("exact")


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("first", "second", "first then second"),
        ("method", "first", "method then first"),
    ],
)
def test_composition_agrees_with_kauri(first: str, second: str, both: str) -> None:
    assert kauri_series(first).then(kauri_series(second)) == kauri_series(both)


def test_the_inverse_agrees_with_kauri() -> None:
    assert kauri_series("first").inverse() == kauri_series("inverse of first")


@pytest.mark.parametrize("outer", ["second", "exact"])
def test_substitution_agrees_with_kauri(outer: str) -> None:
    inner = kauri_series("first", empty=0)
    expected = kauri_series(f"first substituted into {outer}")
    assert kauri_series(outer).substituted(inner) == expected


def test_modified_equations_agree_with_kauri() -> None:
    method = kauri_series("first")
    assert method.modified_equation() == kauri_series("modified equation of first", empty=0)
    expected = kauri_series("modifying integrator of first", empty=0)
    assert method.modifying_integrator() == expected


@given(series(), series(), series())
def test_composition_is_associative(a: BSeries, b: BSeries, c: BSeries) -> None:
    assert a.then(b).then(c) == a.then(b.then(c))


@given(series())
def test_composition_has_a_unit_and_an_inverse(a: BSeries) -> None:
    assert a.then(ONE) == ONE.then(a) == a
    assert a.then(a.inverse()) == a.inverse().then(a) == ONE
    assert a.inverse().inverse() == a


@given(series(), series())
def test_scaling_respects_composition(a: BSeries, b: BSeries) -> None:
    assert a.then(b).scaled(-3) == a.scaled(-3).then(b.scaled(-3))


@given(fractions, fractions)
def test_flows_add_their_times(s: Fraction, t: Fraction) -> None:
    assert BSeries.exact(6, s).then(BSeries.exact(6, t)) == BSeries.exact(6, s + t)


@given(tableaux(), tableaux())
def test_composition_is_that_of_methods(one: Any, two: Any) -> None:
    """One method and then the other are one method with the stages of both."""
    stages = len(one.b)
    rows = [*one.a, *((*one.b, *row) for row in two.a)]
    together = type(one)(rows, (*one.b, *two.b))
    assert together.stages == stages + len(two.b)
    assert one.series(5).then(two.series(5)) == together.series(5)


@given(fields, fields, series())
def test_substitution_is_associative(a: BSeries, b: BSeries, c: BSeries) -> None:
    assert c.substituted(b.substituted(a)) == c.substituted(b).substituted(a)


@given(series(), fields)
def test_substitution_has_a_unit(a: BSeries, b: BSeries) -> None:
    assert a.substituted(FIELD) == a
    assert FIELD.substituted(b) == b


@given(series(), series(), fields)
def test_substitution_respects_composition(a: BSeries, b: BSeries, f: BSeries) -> None:
    assert a.then(b).substituted(f) == a.substituted(f).then(b.substituted(f))


@given(series())
def test_the_modified_equation_has_the_method_as_its_flow(a: BSeries) -> None:
    assert BSeries.exact(5).substituted(a.modified_equation()) == a


@given(series(dot=Fraction(-2, 3)))
def test_the_modifying_integrator_makes_a_method_exact(a: BSeries) -> None:
    assert a.substituted(a.modifying_integrator()) == BSeries.exact(5)


@given(fields)
def test_a_field_is_the_modified_equation_of_its_flow(f: BSeries) -> None:
    assert BSeries.exact(5).substituted(f).modified_equation() == f


def test_published_modified_equations() -> None:
    """Hairer, Lubich and Wanner, section IX.1: explicit Euler for a scalar equation.

    There y' = f - h f'f/2 + h² (f''f² + 4 f'f'f)/12 - ..., where f''f² has been divided by its
    symmetry 2.
    """
    euler = BSeries(3, {DOT: 1}).modified_equation()
    weights = {str(tree): value / tree.symmetry for tree, value in euler.items()}
    assert weights == {
        "•": 1,
        "[•]": Fraction(-1, 2),
        "[[•]]": Fraction(1, 3),
        "[•,•]": Fraction(1, 12),
    }


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_a_method_of_order_p_changes_its_equation_from_order_p_on(method: Any) -> None:
    order = method.order_of_accuracy()
    if order > 6:
        order, method = 4, RK4
    modified = method.series(order + 1).modified_equation()
    assert modified.agreement(BSeries.field(order + 1)) == order
    leading = method.series(order + 1)
    for tree, value in modified.items():
        if tree.order == order + 1:
            assert value == leading[tree] - Fraction(1, tree.density)


def test_adjoint_of_a_symmetric_method() -> None:
    implicit_midpoint = type(RK4)([["1/2"]], [1]).series(6)
    assert implicit_midpoint.adjoint() == implicit_midpoint
    assert MIDPOINT.series(6).adjoint() != MIDPOINT.series(6)


@given(series())
def test_the_adjoint_is_an_involution(a: BSeries) -> None:
    assert a.adjoint().adjoint() == a


def test_a_field_after_a_step() -> None:
    """f(y + h f) has the weights of the stage slopes of Euler's method."""
    euler = BSeries(4, {DOT: 1})
    slope = euler.then(BSeries.field(4))
    assert {str(tree): value for tree, value in slope.items() if value} == {
        "•": 1,
        "[•]": 1,
        "[•,•]": 1,
        "[•,•,•]": 1,
    }


@given(series())
def test_floats_follow_the_fractions(a: BSeries) -> None:
    rounded = BSeries(5, {tree: float(value) for tree, value in a.items()})
    exact, numeric = a.then(BSeries.exact(5)), rounded.then(BSeries.exact(5))
    assert all(isinstance(value, float) for tree, value in numeric.items() if tree.order > 1)
    assert exact.agreement(numeric, tolerance=1e-9) == 5


def test_agreement() -> None:
    exact = BSeries.exact(6)
    assert exact.agreement(BSeries.exact(4)) == 4
    assert exact.agreement(BSeries.identity(6)) == 0
    assert exact.agreement(BSeries.field(6)) == -1
    assert RK4.series(6).agreement(exact) == 4


def test_a_series_is_a_value() -> None:
    a, b = RK4.series(4), RK4.series(4)
    assert a == b
    assert hash(a) == hash(b)
    assert a != RK4.series(3)
    assert a != 5
    assert RK4.series(6).truncated(4) == a
    assert repr(a).startswith("<BSeries to order 4: ∅: 1, •: 1, [•]: 1/2, [[•]]: 1/6")
    assert list(dict(a.items())) == list(trees_up_to(4))


def test_kinds_of_numbers() -> None:
    values = {DOT: np.int64(2), RootedTree([[]]): np.float32(0.5)}
    assert list(BSeries(2, values, np.int8(1)).items()) == [(DOT, 2), (RootedTree([[]]), 0.5)]
    assert isinstance(BSeries(2, values)[DOT], Fraction)


NAN = float("nan")
BIG = RootedTree([[], [], []])

BAD = [
    (lambda: BSeries(0, {}), "order is 0; it must be an integer from 1 to 12."),
    (lambda: BSeries(True, {}), "order is True; it must be an integer from 1 to 12."),
    (
        lambda: BSeries(3, 5),
        "coefficients is 5; it must be a function of a tree or a mapping.",
    ),
    (
        lambda: BSeries(3, {BIG: 1}),
        "coefficients has one for [•,•,•]; it must be a RootedTree of an order up to 3.",
    ),
    (
        lambda: BSeries(2, {DOT: NAN}),
        "the coefficient of • is nan; it must be a finite number.",
    ),
    (
        lambda: BSeries(2, lambda tree: "x"),
        "the coefficient of • is 'x'; it must be a finite number.",
    ),
    (
        lambda: BSeries(2, {}, empty=1j),
        "the coefficient of the empty tree is 1j; it must be a finite number.",
    ),
    (
        lambda: BSeries.exact(3)[BIG],
        "tree is [•,•,•]; this series has rooted trees up to order 3.",
    ),
    (
        lambda: BSeries.exact(3)["[]"],
        "tree is []; this series has rooted trees up to order 3.",
    ),
    (
        lambda: BSeries.field(3).then(BSeries.exact(3)),
        "the coefficient of the empty tree is 0; for the first of two steps it must be 1.",
    ),
    (
        lambda: BSeries.field(3).inverse(),
        "the coefficient of the empty tree is 0; for a step that is to be undone it must be 1.",
    ),
    (
        lambda: BSeries.exact(3).substituted(BSeries.exact(3)),
        "the coefficient of the empty tree is 1; for a vector field it must be 0.",
    ),
    (
        lambda: BSeries.field(3).modified_equation(),
        "the coefficient of the empty tree is 0; for a method it must be 1.",
    ),
    (
        lambda: BSeries.identity(3).modifying_integrator(),
        "the coefficient of • is 0; a method that does not move has no modified field.",
    ),
    (lambda: BSeries.exact(3).then(2), "the other series is 2; it must be a BSeries."),
    (
        lambda: BSeries.exact(3).truncated(4),
        "order is 4; it must be an integer from 1 to 3.",
    ),
    (lambda: BSeries.exact(3, "x"), "time is 'x'; it must be a finite number."),
    (lambda: BSeries.exact(3).scaled(NAN), "factor is nan; it must be a finite number."),
    (
        lambda: BSeries.exact(3).scaled(1e200),
        "a coefficient is too large for a float; take smaller numbers or fractions.",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), BAD)
def test_bad_input_is_one_sentence(call: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as error:
        call()
    assert str(error.value) == sentence
