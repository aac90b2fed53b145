"""The door: what the page's worker may call, and what it gets."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest
from deep_tree_echo.errors import ArgumentError, BackendError
from deep_tree_echo.laboratory import Answer, Laboratory


def ask(laboratory: Laboratory, section: str, method: str, **values: Any) -> dict[str, Any]:
    answer = laboratory.call(section, method, json.dumps(values))
    facts: dict[str, Any] = json.loads(answer.facts())
    return facts


def test_a_section_keeps_what_it_holds() -> None:
    laboratory = Laboratory()
    ask(laboratory, "membranes", "take", id="dissolving", values={}, seed=1)
    assert len(ask(laboratory, "membranes", "advance", most=2, seconds=1)["frames"]) == 2
    assert ask(laboratory, "membranes", "advance", most=1, seconds=1)["frames"][0]["step"] == 3


@pytest.mark.parametrize(
    ("section", "method", "values", "sentence"),
    [
        ("membrane", "take", {}, "the laboratory has no section 'membrane'."),
        ("trees", "_bench", {}, "the section 'trees' has no method '_bench'."),
        ("trees", "__init__", {}, "the section 'trees' has no method '__init__'."),
        ("trees", "weigh", {}, "trees.weigh: missing a required argument: 'method'."),
        ("trees", "all", {"size": 3}, "trees.all: got an unexpected keyword argument 'size'."),
        ("membranes", "advance", {"most": 1, "seconds": 1}, "no system is on the bench; take one"),
    ],
)
def test_what_is_not_there_is_named(
    section: str, method: str, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        ask(Laboratory(), section, method, **values)
    assert str(caught.value).startswith(sentence)


def test_arrays_stay_arrays() -> None:
    answer = Answer({"steps": 3, "states": np.arange(6.0).reshape(2, 3).T})
    assert json.loads(answer.facts()) == {"steps": 3}
    assert json.loads(answer.names()) == ["states"]
    assert answer.array("states").flags.c_contiguous
    assert answer.array("states").tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_missing_part_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "deep_tree_echo.laboratory.trees", None)
    with pytest.raises(BackendError, match=r"^the laboratory needs .*; reload the page\.$"):
        Laboratory().call("trees", "all")
