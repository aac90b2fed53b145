"""Trees, methods and measured orders as the laboratory shows them."""

from __future__ import annotations

from typing import Any

import pytest
from deep_tree_echo.dtesn.methods import METHODS
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.laboratory.trees import PROBLEMS, Trees

HALVES = {"a": [["", ""], ["1", ""]], "b": ["1/2", " 0.5"]}
STEPS = (2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181, 256)


def test_all_trees_to_order_8() -> None:
    shown = Trees().all()
    assert shown["counts"] == [1, 1, 2, 4, 9, 20, 48, 115]
    assert len({tree["text"] for tree in shown["trees"]}) == 200
    assert all(len(tree["x"]) == len(tree["edges"]) + 1 for tree in shown["trees"])
    by_text = {tree["text"]: tree for tree in shown["trees"]}
    assert by_text["[[•],[•],•]"]["differential"] == "f‴(f′f, f′f, f)"
    assert by_text["[[•,•]]"]["differential"] == "f′f″(f, f)"
    assert by_text["[[•],•]"]["alpha"] == 3


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_the_order_is_where_the_first_condition_fails(method: Any) -> None:
    weighed = Trees().weigh({"name": method.name})
    whole = [row["holds"] == row["of"] for row in weighed["holds"]]
    assert weighed["order"] == (whole.index(False) if False in whole else 8)
    for row in weighed["rows"]:
        assert row["holds"] == (row["difference"] == "0") == (row["weight"] == row["wanted"])


def test_an_own_tableau_is_what_was_typed() -> None:
    weighed = Trees().weigh(HALVES)
    assert weighed["order"] == 2
    assert weighed["method"]["c"] == ["0", "1"]
    assert [row["weight"] for row in weighed["rows"][:4]] == ["1", "1/2", "0", "1/2"]
    implicit = Trees().weigh({"a": [["1/2"]], "b": ["1"]})
    assert implicit["order"] == 2
    assert not implicit["method"]["explicit"]


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        ({"name": "Euler 9"}, "there is no method 'Euler 9'."),
        ({"a": [["x"]], "b": ["1"]}, "a in row 1, column 1 is 'x'; write a number such as 1/3"),
        ({"a": [["0"]], "b": ["1/0"]}, "b in column 1 is '1/0'; write a number such as 1/3"),
        ({"a": [["0"]], "b": ["1e99999"]}, "b in column 1 is '1e99999'; write a number"),
        ({"a": [[]] * 14, "b": ["1"] * 14}, "b has 14 weights; the laboratory takes 13 stages."),
    ],
)
def test_a_tableau_that_is_none(method: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Trees().weigh(method)
    assert str(caught.value).startswith(sentence)


def slope(bench: Trees, method: dict[str, Any], problem: str) -> float:
    points = []
    for steps in STEPS:
        point = bench.measure(method, problem, steps)
        points.append(point)
        if point["rounding"]:
            break
    h, error = zip(*((point["h"], point["error"]) for point in points), strict=True)
    found = bench.slope(h, error)
    assert found["fitted"] >= 4
    return float(found["slope"])


@pytest.mark.parametrize("method", METHODS[:-1], ids=lambda method: method.name)
def test_the_measured_slope_is_the_order(method: Any) -> None:
    bench = Trees()
    found = slope(bench, {"name": method.name}, "reservoir")
    assert found == pytest.approx(method.order_of_accuracy(), abs=0.25)


@pytest.mark.parametrize("problem", [item.id for item in PROBLEMS])
def test_every_problem_has_the_right_solution(problem: str) -> None:
    assert Trees().measure({"name": "Fehlberg 8(7)"}, problem, 64)["error"] < 1e-14
    assert slope(Trees(), HALVES, problem) == pytest.approx(2, abs=0.1)


def test_what_cannot_be_measured() -> None:
    bench = Trees()
    with pytest.raises(ArgumentError, match="implicit"):
        bench.measure({"a": [["1/2"]], "b": ["1"]}, "growth", 4)
    with pytest.raises(ArgumentError, match="no test problem 'decay'"):
        bench.measure(HALVES, "decay", 4)
    assert bench.slope([0.5], [0.1]) == {"slope": None, "line": None, "fitted": None}
