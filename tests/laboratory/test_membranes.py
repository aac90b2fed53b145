"""Membrane systems on the laboratory's bench."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from deep_tree_echo.dtesn.psystem import PSystem
from deep_tree_echo.dtesn.rules import evolve
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.laboratory.gallery import GALLERY
from deep_tree_echo.laboratory.membranes import LIMITS, MOST_STEPS, Membranes
from deep_tree_echo.laboratory.systems import dissolving, squares

GROWING = "@model<transition> def main() { @mu = []'1; @ms(1) = a; [a --> a*2]'1; }"
LASTING = "@model<transition> def main() { @mu = []'1; @ms(1) = a; [a --> a]'1; }"


def taken(name: str, **values: str) -> Membranes:
    bench = Membranes()
    bench.take(name, values, 4)
    return bench


@pytest.mark.parametrize("example", GALLERY, ids=lambda example: example.id)
def test_every_system_of_the_gallery_halts(example: Any) -> None:
    bench = Membranes()
    opened = bench.take(example.id, {}, 4)
    assert opened["source"]
    assert opened["frame"]["step"] == 0
    made = bench.advance(MOST_STEPS, 10)
    assert made["halted"]
    assert made["limit"] is None
    assert [frame["step"] for frame in made["frames"]] == [*range(1, len(made["frames"]) + 1)]


@pytest.mark.parametrize(
    ("name", "values", "result"),
    [
        ("squares", {}, "c*64"),
        ("divides", {"k": "4", "n": "20"}, "yes"),
        ("divides", {"k": "4", "n": "21"}, "no"),
        ("satisfiable", {"clauses": "1, -1 2, -2"}, "no"),
        ("satisfiable", {"clauses": "1 2, -1 2"}, "yes"),
        ("subset-sum", {"weights": "1 2 3 4", "target": "5"}, "yes*2"),
        ("dissolving", {"depth": "3", "copies": "2"}, "a*8, d"),
    ],
)
def test_what_the_gallery_answers(name: str, values: dict[str, str], result: str) -> None:
    assert taken(name, **values).advance(100, 10)["frames"][-1]["result"] == result


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        ("ring", {}, "the gallery has no system 'ring'."),
        ("divides", {"k": "0"}, "k is '0'; it must be an integer from 1 to 99."),
        ("divides", {"n": "x"}, "n is 'x'; it must be an integer from 0 to 999."),
        ("satisfiable", {"clauses": "1 x"}, "a clause has 'x'; it must be an integer from -6"),
        ("satisfiable", {"clauses": "1,,2"}, "the clauses are '1,,2'; give 1 to 12 clauses"),
        ("subset-sum", {"weights": "1 2 3 4 5 6 7 8"}, "there are 8 weights; give from 1 to 7."),
    ],
)
def test_a_wrong_parameter_leaves_the_bench_as_it_was(
    name: str, values: dict[str, str], sentence: str
) -> None:
    bench = taken("dissolving")
    with pytest.raises(ArgumentError) as caught:
        bench.take(name, values, 0)
    assert str(caught.value).startswith(sentence)
    assert bench.advance(1, 1)["frames"][0]["result"] == "#"


def test_frames_hold_what_was_applied_and_what_crossed() -> None:
    system = squares(seed=4)
    bench = taken("squares")
    for frame in bench.advance(100, 10)["frames"]:
        step = system.step()
        assert frame["text"] == str(system.configuration)
        applied = Counter({(item.name, item.membrane): item.times for item in step.applied})
        shown = {(item["name"], item["membrane"]): item["times"] for item in frame["applied"]}
        assert shown == applied
        for source, target, objects in frame["flows"]:
            # Only b enters 4, as c; only 3 and 2 dissolve.
            assert (source, target) in {(2, 4), (3, 2), (2, 1)}
            assert (target != 4) or set(objects) == {"c"}


def test_back_to_the_start() -> None:
    bench = taken("squares")
    first = bench.advance(100, 10)
    assert bench.restart(4)["frame"]["step"] == 0
    assert bench.advance(100, 10) == first
    bench.restart(9)
    assert bench.advance(100, 10)["frames"][-1]["result"] != "c*64"


def test_own_systems_are_read_and_written() -> None:
    bench = Membranes()
    opened = bench.read(bench_text := GROWING.replace("a*2", "b"), 3)
    assert opened["seed"] == 3
    assert opened["rules"][0]["text"] == "[a --> b]'1"
    assert bench.read(bench.write("plingua")["text"], 3) == opened != bench_text
    assert bench.read(bench.write("json")["text"], 3) == opened


def test_errors_have_their_place() -> None:
    bench = Membranes()
    with pytest.raises(ArgumentError, match=r"^P-Lingua, line 2, column 4: "):
        bench.read("@model<transition>\ndef(", 0)
    with pytest.raises(ArgumentError, match=r"line 2 column 2"):
        bench.read("{\n x", 0)
    with pytest.raises(ArgumentError, match="no membrane system"):
        bench.read("{}", 0)


def test_growth_and_length_are_limited_with_a_sentence() -> None:
    bench = Membranes()
    bench.read(GROWING, 0)
    made = bench.advance(MOST_STEPS, 10)
    assert not made["halted"]
    assert "beyond the 9007199254740991 objects" in made["limit"]
    assert len(made["frames"]) == 52  # 2**53 would be too many
    assert bench.advance(1, 1) == {"frames": [], "halted": False, "limit": made["limit"]}
    bench.read(LASTING, 0)
    made = bench.advance(MOST_STEPS + 1, 30)
    assert len(made["frames"]) == MOST_STEPS
    assert "after 1000 steps" in made["limit"]


def test_a_document_cannot_raise_the_limits() -> None:
    document = dissolving(3, 1).to_json()
    bench = Membranes()
    bench.read(json.dumps(document), 0)
    assert json.loads(bench.write("json")["text"])["limits"]["membranes"] == LIMITS.membranes
    wide = PSystem("[" + "[]'2" * 600 + "]'1", {}, [evolve("1", "a", "b")])
    with pytest.raises(ArgumentError):
        bench.read(json.dumps(wide.to_json()), 0)


def test_steps_end_with_their_time() -> None:
    bench = Membranes()
    bench.read(LASTING, 0)
    assert len(bench.advance(MOST_STEPS, 0.0)["frames"]) == 1
