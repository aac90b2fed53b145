"""What holds in every step of every system."""

from __future__ import annotations

import json
from collections import Counter

import hypothesis
import pytest
from deep_tree_echo.dtesn.multiset import Multiset
from deep_tree_echo.dtesn.psystem import PSystem
from deep_tree_echo.dtesn.rewriting import Limits
from deep_tree_echo.dtesn.rules import antiport
from deep_tree_echo.errors import LimitError
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ON_PYODIDE
from tests.dtesn import systems
from tests.dtesn.systems import multisets, random_systems

LIMITS = Limits(membranes=40, objects=10_000)


def steps_of(system, most=5):
    """Each configuration with the step made from it."""
    for _ in range(most):
        before = system.configuration
        try:
            step = system.step()
        except LimitError:
            return
        yield before, step
        if step.halted:
            return


def held(configuration):
    """Objects by region and name, counted afresh."""
    found = Counter()
    for name, count in configuration.environment.items():
        found[0, name] += count
    for membrane in configuration.membranes:
        for name, count in membrane.contents.items():
            found[membrane.id, name] += count
    return found


def needs(system, rule, membrane):
    for name, count in rule.take.items():
        yield (membrane.id, name), count
    for name, count in rule.take_outside.items():
        yield (membrane.parent, name), count


def could_apply(system, configuration, left, used, rule, membrane):
    """Whether one application fits into what is left; priorities aside."""
    if (rule.label, rule.charge) != (membrane.label, membrane.charge):
        return False
    children = {m.label for m in configuration.membranes if m.parent == membrane.id}
    if not children.issuperset(label for label, _ in rule.give_inner):
        return False
    if rule.exclusive(system.model) and membrane.id in used:
        return False
    return all(left[place] >= count for place, count in needs(system, rule, membrane))


@pytest.mark.parametrize("engine", systems.ENGINES)
@given(random_systems())
def test_every_step_is_possible_and_maximal(engine, arguments):
    system = PSystem(**arguments, limits=LIMITS, engine=engine)
    stronger = {weaker: strong for strong, weaker in arguments["priorities"]}
    for before, step in steps_of(system):
        left, used = held(before), set()
        at = {membrane.id: membrane for membrane in before.membranes}
        fresh = held(before)
        for item in step.applied:
            rule, membrane = system.rules[item.rule], at[item.membrane]
            assert (rule.label, rule.charge) == (membrane.label, membrane.charge)
            for place, count in needs(system, rule, membrane):
                left[place] -= item.times * count
            if rule.exclusive(system.model):
                assert item.times == 1
                assert membrane.id not in used
                used.add(membrane.id)
            assert [at[child].label for child in item.into] == [n for n, _ in rule.give_inner]
            assert all(at[child].parent == membrane.id for child in item.into)
        assert min(left.values(), default=0) >= 0
        for index, rule in enumerate(system.rules):
            name = system.name_of(index)
            for membrane in before.membranes:
                if not could_apply(system, before, left, used, rule, membrane):
                    continue
                strong = stronger.get(name)
                assert strong is not None, (str(rule), str(before))
                names = [system.name_of(i) for i in range(len(system.rules))]
                above = system.rules[names.index(strong)]
                assert could_apply(system, before, fresh, set(), above, membrane)


@given(random_systems(), st.sampled_from([1, 1, 7, 10**6, 10**17]))
@hypothesis.settings(max_examples=16 if ON_PYODIDE else 150)
def test_libecho_does_what_python_does(arguments, scale):
    contents = {label: objects * scale for label, objects in arguments["contents"].items()}
    limits = Limits(membranes=40)
    arguments = arguments | {"contents": contents, "limits": limits}
    python, native = (PSystem(**arguments, engine=engine) for engine in ("python", "libecho"))
    assert (python.engine, native.engine) == ("python", "libecho")
    for _ in range(8):
        answers = []
        for system in (python, native):
            try:
                answers.append(system.step())
            except LimitError as error:
                answers.append(str(error))
        assert answers[0] == answers[1]
        assert python.to_json() == native.to_json()


@given(random_systems())
def test_many_steps_at_once_are_the_same_steps(arguments):
    outcomes = []
    for single in (True, False):
        system = PSystem(**arguments, limits=LIMITS, engine="libecho")
        try:
            outcomes.append(system.run(6, trace=single).steps)
        except LimitError as error:
            outcomes.append(str(error))
        outcomes.append(system.to_json())
    assert outcomes[:2] == outcomes[2:]


@given(random_systems())
def test_a_sampled_computation_is_among_all(arguments):
    system = PSystem(**arguments, limits=LIMITS)
    try:
        everything = system.configurations(limit=150, steps=3)
    except LimitError:
        hypothesis.assume(False)
    known = set(everything.steps)
    for before, step in steps_of(system, 3):
        here = everything.index(before)
        assert here is not None
        if step.halted:
            assert here in everything.ends
        else:
            assert (here, everything.index(system.configuration)) in known


@given(
    st.lists(
        st.builds(antiport, st.sampled_from("123"), multisets(1, 2), multisets(0, 2)),
        min_size=1,
        max_size=6,
    ),
    st.dictionaries(st.sampled_from("123"), multisets(0, 9)),
    multisets(0, 5),
    st.integers(0, 2**32),
)
def test_communication_keeps_all_objects(rules, contents, environment, seed):
    system = PSystem("[[]'2 []'3]'1", contents, rules, environment=environment, seed=seed)

    def total():
        found = Counter()
        for (_, name), count in held(system.configuration).items():
            found[name] += count
        return found

    start = total()
    for _ in range(6):
        system.step()
        assert total() == start


@given(random_systems())
def test_json_keeps_a_system(arguments):
    system = PSystem(**arguments, limits=LIMITS)
    for _ in steps_of(system, 2):
        pass
    copy = PSystem.from_json(json.dumps(system.to_json()))
    assert copy.to_json() == system.to_json()
    assert copy.rules == system.rules
    assert copy.configuration == system.configuration


@given(multisets(0, 9), multisets(0, 9), st.integers(0, 5))
def test_multisets_are_counters(left, right, times):
    assert dict(left + right) == dict(Counter(dict(left)) + Counter(dict(right)))
    assert (left <= right) == (Counter(dict(left)) <= Counter(dict(right)))
    assert (left + right) - right == left
    assert (left * times).size == times * left.size
    assert Multiset(str(left)) == left
    assert hash(Multiset(dict(left))) == hash(left)


@pytest.mark.parametrize("engine", ["libecho", "python"])
@given(arguments=random_systems(), data=st.data())
def test_what_arrives_is_there_and_nothing_else_changes(engine, arguments, data):
    made = PSystem(**arguments, engine=engine)
    before = made.configuration
    known = sorted(made._objects)
    hypothesis.assume(known)
    numbers = st.sampled_from([0, *(membrane.id for membrane in before.membranes)])
    arriving = data.draw(
        st.dictionaries(numbers, st.dictionaries(st.sampled_from(known), st.integers(0, 9)))
    )
    random = made.to_json()["state"]["random"]
    made.add(arriving)
    more = Counter({(id, name): n for id, held in arriving.items() for name, n in held.items()})
    assert held(made.configuration) == held(before) + more
    assert made.configuration.structure == before.structure
    assert made.to_json()["state"]["random"] == random
    found = {0: dict(made.configuration.environment)}
    found |= {membrane.id: dict(membrane.contents) for membrane in made.configuration.membranes}
    assert made.holdings == found


@pytest.mark.parametrize("engine", ["libecho", "python"])
@given(arguments=random_systems(), steps=st.integers(0, 5))
def test_advancing_is_stepping_without_a_word(engine, arguments, steps):
    one = PSystem(**arguments, engine=engine, limits=LIMITS)
    other = PSystem(**arguments, engine=engine, limits=LIMITS)
    try:
        made = sum(not one.step().halted for _ in range(steps))
    except LimitError:
        with pytest.raises(LimitError):
            other.advance(steps)
    else:
        assert other.advance(steps) == made
    assert other.to_json() == one.to_json()
