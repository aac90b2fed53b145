"""Whatever is wrong with a system is said in one sentence, by name; nothing crashes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deep_tree_echo import PSystem, core
from deep_tree_echo.dtesn.multiset import Multiset
from deep_tree_echo.dtesn.native import NativeStepper
from deep_tree_echo.dtesn.rewriting import Limits
from deep_tree_echo.dtesn.rules import Rule, antiport, dissolve, divide, evolve, send_in
from deep_tree_echo.errors import ArgumentError, LimitError
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn import systems

RULE = evolve("1", "a", "b")


def system(**changes: Any) -> PSystem:
    arguments: dict[str, Any] = {"structure": "[[]'2]'1", "contents": {}, "rules": [RULE]}
    return PSystem(**arguments | changes)


def halves(p: float) -> list[Rule]:
    return [evolve("1", "a", "b", probability=p), evolve("1", "a", "c", probability=p)]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Multiset({"a": -1}), r"the multiplicity of 'a' is -1; it must be at least 0"),
        (lambda: Multiset("a*-2"), r"the multiplicity of 'a' is -2; it must be at least 0"),
        (
            lambda: Multiset({"a": 2**62 + 1}),
            r"the multiplicity of 'a' is 46\d+; it must be at most",
        ),
        (lambda: Multiset({"a": 1.5}), r"the multiplicity of 'a' is 1.5; it must be an integer"),
        (lambda: Multiset({"2a": 1}), "'2a' is no object"),
        (lambda: Multiset("a, ,b"), "cannot be read from ',b' on"),
        (lambda: Multiset("a,"), "ends with a comma"),
        (lambda: evolve("1", "", "b"), r"the rule \[# --> b\]'1 takes no object"),
        (lambda: evolve("x y", "a", "b"), "'x y' is no label"),
        (lambda: evolve("1", "a", "b", charge="?"), r"the charge is '\?'; it must be '\+', '0' or"),
        (lambda: evolve("1", "a", "b", probability=0), "the probability of the rule .* is 0"),
        (lambda: evolve("1", "a", "b", second=Multiset("c")), "has a second half and does not"),
        (lambda: system(structure="[[]'2"), "leaves 1 brackets open"),
        (lambda: system(structure="[]'1]'2"), "closes a bracket at character 5 that was never"),
        (lambda: system(structure="[]'1 []'2"), "has a second outermost membrane"),
        (lambda: system(structure="[]"), "has no label after the bracket at character 2"),
        (lambda: system(structure=""), "is empty; write at least the skin"),
        (lambda: system(structure="[a]'1"), "has 'a' at character 2"),
        (lambda: system(contents={"3": "a"}), "contents names the membrane '3'"),
        (lambda: system(output="3"), "output names the membrane '3'"),
        (lambda: system(rules=[evolve("3", "a", "b")]), "the rule .* names the membrane '3'"),
        (lambda: system(rules=[evolve("1", "a", into={"7": "b"})]), "names the membrane '7'"),
        (lambda: system(rules=["[a --> b]'1"]), "is no Rule; make one with evolve"),
        (lambda: system(rules=[dissolve("1", "a")]), "would dissolve the skin"),
        (lambda: system(rules=[divide("1", "a", "b", "c")]), "would divide the skin"),
        (lambda: system(rules=[antiport("1", "", "e")], supply=["e"]), "only objects of endless"),
        (lambda: system(rules=halves(0.4)), "sum to 0.8; they must sum to 1"),
        (lambda: system(priorities=[("r1", "r9")]), "priorities names the rule 'r9'"),
        (lambda: system(priorities=[("r1", "r1")]), "makes the rule 'r1' stronger than itself"),
        (
            lambda: system(rules=[RULE, send_in("2", "a", "b")], priorities=[("r1", "r2")]),
            "belong to different membranes",
        ),
        (lambda: system(rules=[evolve("1", "a", name="x")] * 2), "two rules have the name 'x'"),
        (lambda: system(model="spiking"), "the model is 'spiking'"),
        (lambda: system(engine="gpu"), "the engine is 'gpu'"),
        (lambda: system(seed=-1), "the seed is -1"),
        (lambda: Limits(membranes=0), "the limit of membranes is 0"),
        (lambda: system().run(-1), "max_steps is -1"),
        (lambda: system().configurations(limit=0), "the limit of configurations is 0"),
        (lambda: PSystem.from_json("{"), "the text is no JSON"),
        (lambda: PSystem.from_json("[" * 500 + "]" * 500), "the document is no membrane system"),
        (lambda: PSystem.from_json({"format": "x"}), "the document is no membrane system"),
    ],
)
def test_one_exact_sentence(make, sentence):
    with pytest.raises(ArgumentError, match=sentence) as caught:
        make()
    assert str(caught.value).endswith(".")


@given(st.data())
def test_damaged_json_is_read_or_refused(data):
    values = systems.squares(seed=1).to_json()
    nodes = [values]
    for _ in range(data.draw(st.integers(1, 6))):
        inner = nodes[-1]
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inner[key], dict | list) or data.draw(st.booleans()):
            inner[key] = data.draw(st.sampled_from([None, -1, 0, 2**70, "", "x", [], {}, [[1]]]))
            break
        nodes.append(inner[key])
    try:
        made = PSystem.from_json(json.dumps(values))
    except ArgumentError:
        return
    made.step()


def words_of(stepper: Any) -> tuple[list[int], list[int]]:
    return stepper._words_of_program(), stepper._words_of(stepper.configuration(), 1)


@given(st.data())
def test_libecho_refuses_words_that_mean_nothing(data):
    """Any word of a program or a configuration may be wrong: an error, or another system."""
    found = data.draw(st.sampled_from([systems.squares, lambda: systems.subset_sum([1, 2], 3)]))()
    assert isinstance(found._stepper, NativeStepper)
    program, configuration = words_of(found._stepper)
    for words in (program, configuration):
        for _ in range(data.draw(st.integers(0, 2))):
            at = data.draw(st.integers(0, len(words) - 1))
            words[at] = data.draw(st.sampled_from([-(2**63), -2, -1, 0, 1, 2, 3, 2**31, 2**62]))
        del words[data.draw(st.sampled_from([len(words)] * 5 + list(range(len(words))))) :]
    try:
        made = core.PSystem(program)
        made.set(configuration)
    except ArgumentError:
        return
    made.run(3)
    made.get()
    made.applied()
    made.close()


def test_libecho_needs_a_configuration_first():
    made = core.PSystem([0, 1, 1, 1, 0, 0])
    with pytest.raises(ArgumentError, match="There is no configuration yet; set one first"):
        made.run(1)


@pytest.mark.parametrize("engine", ["libecho", "python"])
@pytest.mark.parametrize(
    ("arriving", "error", "sentence"),
    [
        ({3: "a"}, ArgumentError, r"arriving names membrane 3; there is none of that number"),
        ({2: "x"}, ArgumentError, r"arriving puts 'x' into membrane 2; the system knows no such"),
        ({2: {"a": -1}}, ArgumentError, r"the multiplicity of 'a' is -1"),
        ({1: "a*6", 2: "b*5"}, LimitError, r"arriving brings 11 objects .* it may hold 10"),
    ],
)
def test_objects_that_cannot_arrive_change_nothing(engine, arriving, error, sentence):
    made = system(contents={"2": ""}, limits=Limits(objects=10), engine=engine)
    before = made.to_json()
    with pytest.raises(error, match=sentence):
        made.add(arriving)
    assert made.to_json() == before
