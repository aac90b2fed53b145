"""What each kind of rule does, in systems small enough to follow by hand."""

from __future__ import annotations

import json

import pytest
from deep_tree_echo.dtesn.multiset import Multiset
from deep_tree_echo.dtesn.psystem import PSystem
from deep_tree_echo.dtesn.rewriting import Limits
from deep_tree_echo.dtesn.rules import (
    antiport,
    create,
    dissolve,
    divide,
    evolve,
    send_in,
    send_out,
)
from deep_tree_echo.errors import LimitError

from tests.dtesn import systems


@pytest.fixture(params=systems.ENGINES)
def engine(request):
    return request.param


def after(steps, *arguments, **options):
    """The configuration after some steps, as text."""
    system = PSystem(*arguments, **options)
    for _ in range(steps):
        system.step()
    return str(system.configuration)


def outcomes(system):
    return sorted(str(final) for final in system.configurations().halting)


# ------------------------------------------------------- maximal parallelism


def test_all_copies_are_rewritten_at_once(engine):
    rules = [evolve("1", "a", "b*2")]
    assert after(1, "[]'1", {"1": "a*1000"}, rules, engine=engine) == "[b*2000]'1"


def test_nothing_applicable_is_left(engine):
    rules = [evolve("1", "a*2", "b"), evolve("1", "a*3", "c")]
    seen = set()
    for seed in range(60):
        seen.add(after(1, "[]'1", {"1": "a*6"}, rules, seed=seed, engine=engine))
    assert seen == {"[b*3]'1", "[c*2]'1", "[a, b, c]'1"}


def test_all_maximal_choices_are_listed():
    system = PSystem("[]'1", {"1": "a*6"}, [evolve("1", "a*2", "b"), evolve("1", "a*3", "c")])
    assert outcomes(system) == ["[a, b, c]'1", "[b*3]'1", "[c*2]'1"]


def test_two_competitors_share_uniformly(engine):
    rules = [evolve("1", "a", "b"), evolve("1", "a", "c")]
    counts = [0] * 4
    for seed in range(800):
        system = PSystem("[]'1", {"1": "a*3"}, rules, seed=seed, engine=engine)
        system.step()
        counts[system.result()["b"]] += 1
    # 200 each; the bound is five standard deviations.
    assert all(abs(count - 200) < 62 for count in counts)


def test_probabilities_share_binomially(engine):
    rules = [evolve("1", "a", "b", probability=0.2), evolve("1", "a", "c", probability=0.8)]
    system = PSystem("[]'1", {"1": "a*1000000"}, rules, seed=3, engine=engine)
    system.step()
    # 200000 are expected; the bound is five standard deviations.
    assert abs(system.result()["b"] - 200_000) < 2000
    assert system.result().size == 1_000_000


def test_products_wait_for_the_next_step(engine):
    rules = [evolve("1", "a", "b"), evolve("1", "b", "c")]
    assert after(1, "[]'1", {"1": "a, b"}, rules, engine=engine) == "[b, c]'1"


def test_huge_multiplicities_take_no_longer(engine):
    rules = [evolve("1", "a*3", "b"), evolve("1", "a", "c")]
    system = PSystem("[]'1", {"1": {"a": 10**18}}, rules, seed=1, engine=engine)
    system.step()
    result = system.result()
    assert 3 * result["b"] + result["c"] == 10**18


# --------------------------------------------------------------- priorities


def test_a_weaker_rule_rests_even_without_competition(engine):
    rules = [evolve("1", "a", "b", name="strong"), evolve("1", "c", "d", name="weak")]
    system = PSystem("[]'1", {"1": "a, c"}, rules, priorities=[("strong", "weak")], engine=engine)
    assert str(system.step().applied[0].name) == "strong"
    assert str(system.configuration) == "[b, c]'1"
    system.step()
    assert str(system.configuration) == "[b, d]'1"


def test_priorities_pass_on(engine):
    rules = [evolve("1", x, y, name=x) for x, y in ("ax", "bx", "cx")]
    order = [("a", "b"), ("b", "c")]
    assert after(1, "[]'1", {"1": "a, c"}, rules, priorities=order, engine=engine) == "[c, x]'1"


def test_priorities_hold_in_each_membrane_alone(engine):
    rules = [evolve("2", "a", "x", name="s"), evolve("2", "b", "y", name="w")]
    structure, order = "[[]'2 [[]'2]'3]'1", [("s", "w")]
    system = PSystem(structure, {"2": "b"}, rules, priorities=order, engine=engine)
    system.step()
    assert str(system.configuration) == "[[y]'2 [[y]'2]'3]'1"


# ------------------------------------------------------------ communication


def test_targets(engine):
    rules = [evolve("2", "a", "b", out="c", into={"3": "d*2"})]
    assert after(1, "[[[]'3]'2]'1", {"2": "a"}, rules, engine=engine) == "[c [b [d*2]'3]'2]'1"


def test_a_target_that_is_not_there_stops_the_rule(engine):
    rules = [evolve("1", "a", "", into={"2": "b"}), dissolve("2", "x")]
    system = PSystem("[[]'2]'1", {"1": "a", "2": "x"}, rules, engine=engine)
    system.step()
    assert str(system.configuration) == "[[b]'2]'1" or "b" in str(system.configuration)
    system = PSystem("[[]'2]'1", {"2": "x"}, [*rules, evolve("1", "c", "a")], engine=engine)
    system.step()
    assert str(system.configuration) == "[]'1"
    assert system.step().halted


def test_one_child_is_chosen_for_each_application():
    rules = [evolve("1", "a", "", into={"2": "b"})]
    system = PSystem("[[]'2 []'2]'1", {"1": "a*2"}, rules)
    assert outcomes(system) == ["[[b*2]'2 []'2]'1", "[[b]'2 [b]'2]'1"]


def test_objects_leave_through_the_skin(engine):
    rules = [send_out("1", "a", "b")]
    assert after(1, "[]'1", {"1": "a*2"}, rules, engine=engine) == "b*2 []'1"


def test_symport_and_antiport_with_the_environment(engine):
    rules = [antiport("1", out="a", into="e*2"), antiport("1", out="", into="f")]
    text = after(1, "[]'1", {"1": "a*3"}, rules, environment="e*5, f*4", engine=engine)
    assert text == "a*2, e [a, e*4, f*4]'1"


def test_the_supply_of_the_environment_never_ends(engine):
    rules = [antiport("1", out="a", into="e*2")]
    system = PSystem(
        "[]'1", {"1": {"a": 10**6}}, rules, environment="", supply=["e"], engine=engine
    )
    system.step()
    assert str(system.configuration) == "a*1000000 [e*2000000]'1"
    back = [antiport("1", out="e", into="")]
    system = PSystem("[]'1", {"1": "e*3"}, back, supply=["e"], engine=engine)
    system.step()
    assert str(system.configuration) == "[]'1"


def test_children_compete_for_what_is_around_them():
    rules = [send_in("2", "a", "b"), send_in("3", "a", "c")]
    system = PSystem("[[]'2 []'3]'1", {"1": "a"}, rules)
    assert outcomes(system) == ["[[]'2 [c]'3]'1", "[[b]'2 []'3]'1"]


# ------------------------------------------- charges, dissolution, division


def test_a_rule_needs_its_charge_and_changes_it(engine):
    rules = [
        send_in("2", "a", "b", new_charge="+"),
        evolve("2", "b", "c", charge="+"),
        send_out("2", "c", "d", charge="+", new_charge="-"),
    ]
    system = PSystem("[[]'2]'1", {"1": "a*2"}, rules, engine=engine)
    seen = []
    while not system.step().halted:
        seen.append(str(system.configuration))
    assert seen == ["[a +[b]'2]'1", "[a +[c]'2]'1", "[a, d -[]'2]'1"]


def test_an_active_membrane_takes_part_in_one_rule_a_step(engine):
    rules = [send_out("2", "a", "b"), evolve("2", "c", "d")]
    arguments = "[[]'2]'1", {"2": "a*3, c*3"}, rules
    assert after(1, *arguments, model="active", engine=engine) == "[b [a*2, d*3]'2]'1"
    assert after(1, *arguments, engine=engine) == "[b*3 [d*3]'2]'1"


def test_a_dissolved_membrane_leaves_all_that_it_holds(engine):
    rules = [dissolve("2", "a", "b"), evolve("2", "c", "d")]
    assert after(1, "[[[x]'3]'2]'1".replace("x", ""), {"2": "a, c*2", "3": "z"}, rules,
                 engine=engine) == "[b, d*2 [z]'3]'1"  # fmt: skip


def test_nested_membranes_dissolve_together(engine):
    rules = [dissolve("2", "a", "b"), dissolve("3", "a", "c"), send_in("3", "e", "e")]
    text = after(1, "[[[[]'4]'3]'2]'1", {"2": "a, e", "3": "a, x", "4": "y"}, rules, engine=engine)
    assert text == "[b, c, e, x [y]'4]'1"


def test_halves_get_copies_of_what_is_there_after_evolution(engine):
    rules = [
        divide("2", "a", "t", "f", new_charge="+", second_charge="-"),
        evolve("2", "c", "d*2"),
    ]
    text = after(1, "[[]'2]'1", {"2": "a, c, x"}, rules, model="active", engine=engine)
    assert text == "[+[d*2, t, x]'2 -[d*2, f, x]'2]'1"


def test_a_division_copies_the_membranes_inside(engine):
    rules = [divide("2", "a", "b", "c"), divide("3", "a", "d", "e"), dissolve("4", "a", "g")]
    text = after(
        1, "[[[[]'4]'3]'2]'1", {"2": "a", "3": "a", "4": "a"}, rules, model="active", engine=engine
    )
    assert text == "[[b [d, g]'3 [e, g]'3]'2 [c [d, g]'3 [e, g]'3]'2]'1"


def test_creation(engine):
    rules = [create("1", "a", "2", "b"), evolve("2", "b", "c", out="d")]
    system = PSystem("[]'1", {"1": "a*2"}, rules, engine=engine)
    system.step()
    assert str(system.configuration) == "[[b]'2 [b]'2]'1"
    system.step()
    assert str(system.configuration) == "[d*2 [c]'2 [c]'2]'1"


def test_a_membrane_created_in_one_that_dissolves_survives(engine):
    rules = [create("2", "a", "3", "b"), dissolve("2", "x")]
    text = after(1, "[[]'2]'1", {"2": "a, x"}, rules, engine=engine)
    assert text == "[[b]'3]'1"


# ------------------------------------------------- halting, limits and trace


def test_a_halted_system_stays_as_it_is(engine):
    system = PSystem("[]'1", {"1": "a"}, [evolve("1", "a", "b")], engine=engine)
    run = system.run()
    assert (run.steps, str(run.output)) == (1, "b")
    before = system.to_json()
    assert system.step().halted
    assert system.to_json() == before


def test_the_trace_says_what_was_applied_where(engine):
    system = systems.squares(seed=5, engine=engine)
    run = system.run(1000, trace=True)
    assert len(run.trace) == run.steps
    first = run.trace[0].to_json()
    assert first["number"] == 1
    assert {item["label"] for item in first["applied"]} == {"3"}
    assert json.loads(json.dumps(run.to_json())) == run.to_json()


def test_a_system_that_never_halts_ends_with_a_sentence(engine):
    system = PSystem("[]'1", {"1": "a"}, [evolve("1", "a", "a*2")], engine=engine)
    with pytest.raises(LimitError, match=r"^The system has not halted after 20 steps; .*\.$"):
        system.run(20)
    assert system.result() == Multiset({"a": 2**20})


def test_too_many_objects_are_refused_by_name(engine):
    system = PSystem("[]'1", {"1": {"a": 10**18}}, [evolve("1", "a", "a*2")], engine=engine)
    with pytest.raises(LimitError, match=r"^Step 3 would bring 'a' in membrane '1' beyond the 46"):
        system.run(1000)
    assert system.steps == 2
    assert system.result()["a"] == 4 * 10**18


def test_a_product_beyond_64_bits_is_refused(engine):
    rules = [evolve("1", "a", {"b": 10**18})]
    system = PSystem("[]'1", {"1": {"a": 10**18}}, rules, engine=engine)
    before = system.to_json()
    with pytest.raises(LimitError, match=r"^Step 1 would bring 'b' in membrane '1' beyond"):
        system.step()
    assert system.to_json() == before


@pytest.mark.parametrize(
    "rules",
    [
        [divide("2", "a", "a", "a")],
        [create("2", "a", "3"), evolve("2", "b", "b, a")],
    ],
)
def test_too_many_membranes_are_refused(engine, rules):
    limits = Limits(membranes=50)
    system = PSystem("[[]'2]'1", {"2": "a, b"}, rules, model="active", limits=limits, engine=engine)
    with pytest.raises(LimitError, match=r"would make more than 50 membranes; raise Limits"):
        system.run(100)
    assert len(system.configuration.membranes) <= 50
    before = system.configuration
    with pytest.raises(LimitError):
        system.step()
    assert system.configuration == before


def test_the_same_seed_gives_the_same_run(engine):
    first = systems.squares(seed=11, engine=engine).run(1000, trace=True)
    again = systems.squares(seed=11, engine=engine)
    assert again.run(1000, trace=True) == first
    again.reset()
    assert again.run(1000, trace=True) == first
    others = {systems.squares(seed=seed, engine=engine).run(1000).steps for seed in range(20)}
    assert len(others) > 1


# ---------------------------------------------------------------------- JSON


def test_a_system_goes_on_where_its_json_was_written(engine):
    system = systems.squares(seed=9, engine=engine)
    system.step()
    text = json.dumps(system.to_json())
    copy = PSystem.from_json(text, engine=engine)
    assert copy.to_json() == system.to_json()
    assert copy.run(1000, trace=True) == system.run(1000, trace=True)


def test_all_computations_know_their_halting_ones():
    system = PSystem("[]'1", {"1": "a*3"}, [evolve("1", "a", "b"), evolve("1", "b*2", "c")])
    computations = system.configurations()
    assert computations.complete
    assert [str(final) for final in computations.halting] == ["[b, c]'1"]
    only = system.configurations(steps=1)
    assert not only.complete
    assert len(only.reached) == 2
    with pytest.raises(LimitError, match="More than 1 configurations can be reached"):
        system.configurations(limit=1)


def test_a_step_with_too_many_ways_is_not_listed():
    rules = [evolve("1", "a", "b"), evolve("1", "a", "c")]
    system = PSystem("[]'1", {"1": {"a": 10**18}}, rules)
    with pytest.raises(
        LimitError, match=r"(Step 1 can be done in too many ways|More than 100 con)"
    ):
        system.configurations(limit=100)


def test_many_steps_are_made_in_parts(engine):
    system = PSystem("[]'1", {"1": "a"}, [evolve("1", "a", "a")], engine=engine)
    steps = 23_000 if engine == "libecho" else 230
    with pytest.raises(LimitError, match=f"has not halted after {steps} steps"):
        system.run(steps)
    assert system.steps == steps
