"""P-Lingua: what is read means what it says, comes back from writing, or is refused by place."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from deep_tree_echo.dtesn import plingua
from deep_tree_echo.dtesn.multiset import Multiset
from deep_tree_echo.dtesn.psystem import PSystem
from deep_tree_echo.dtesn.rules import evolve
from deep_tree_echo.errors import ArgumentError, EchoError
from hypothesis import given
from hypothesis import strategies as st

from tests.dtesn import systems

MODELS = sorted((Path(__file__).parent / "models").glob("*.pli"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in MODELS}


def definition(system):
    """All of a system but what P-Lingua cannot say."""
    values = system.to_json()
    for name in ("seed", "limits", "output", "state"):
        del values[name]
    for rule in values["rules"]:
        rule.pop("name", None)
    number = {system.name_of(index): index for index in range(len(system.rules))}
    values["priorities"] = sorted(
        (number[weaker], number[stronger]) for stronger, weaker in system.priorities
    )
    values["contents"] = {label: held for label, held in values["contents"].items() if held}
    return values


def body(sentences, model="transition"):
    return f"@model<{model}>\ndef main()\n{{\n@mu = [[]'2]'1;\n{sentences}\n}}\n"


def rules_of(sentences):
    return [str(rule) for rule in plingua.read(body(sentences)).rules]


# ------------------------------------------------------------------ meaning


def test_the_generator_of_squares():
    for seed in range(8):
        run = plingua.read(TEXTS["squares"], seed=seed, output="4").run(1000)
        assert run == systems.squares(seed=seed).run(1000)


def test_satisfiability_of_the_formula_in_the_file():
    system = plingua.read(TEXTS["satisfiability"], output="environment")
    run = system.run()
    assert (str(run.output), run.steps) == ("yes", 3 + 2 * 4 + 3)
    assert len(system.configuration.membranes) == 2**3 + 1
    impossible = TEXTS["satisfiability"].replace("nx{4,2};", "nx{4,2}, nx{2,1};")
    impossible = impossible.replace("x{2,2}, x{2,3},", "x{2,2},").replace("nx{2,1}", "x{4,9}")
    output = plingua.read(impossible, output="environment").run().output
    assert str(output) == "no"


def test_carriers():
    system = plingua.read(TEXTS["carriers"])
    system.run()
    assert str(system.configuration) == "a*6, b*2, c [b [e*12]'2]'1"


def test_growth():
    system = plingua.read(TEXTS["growth"])
    run = system.run()
    assert str(run.output) == "fruit*2"
    assert str(system.configuration) == "[fruit*2 +[]'3 +[]'3]'1"


def test_coins():
    output = plingua.read(TEXTS["coins"], seed=2).run().output
    assert output.size == 4 * 10**6
    assert abs(output["h"] - 10**6) < 5000  # almost six standard deviations


def test_copies():
    system = plingua.read(TEXTS["copies"])
    system.run()
    assert str(system.configuration).count("[y]'3") == 3


def test_ranges_run_in_order_and_see_each_other():
    found = rules_of("[a{i,j} --> b{i+j}]'1 : 1 <= i < 3, i <= j <= 2, i <> j;")
    assert found == ["[a{1,2} --> b{3}]'1"]
    found = rules_of("[a{i} --> #]'1 : 0 < i <= 2;")
    assert found == ["[a{1} --> #]'1", "[a{2} --> #]'1"]


def test_expressions():
    system = plingua.read(
        "k{1} = 7; k{2} = k{1} / 2; p = 0.5 + 1/2.0;"
        + body("@ms(1) = a*(k{2} * 2^3 - 20 % 7), b{-1}*k{1}; [a --> c*(1+1)]'1 :: p * 1;")
    )
    assert system.contents["1"] == Multiset({"a": 18, "b{-1}": 7})
    assert system.rules[0].probability == 1.0
    assert system.rules[0].give == Multiset("c*2")


def test_modules_have_parameters_and_see_globals():
    text = "base = 10; def Put(n, label) { @ms({label}) += a{n}*(base + n); }" + body(
        "call Put(1, 2); Put(2, 2);"
    )
    assert plingua.read(text).contents == {"2": Multiset({"a{1}": 11, "a{2}": 12})}


def test_membranes_can_be_added():
    text = "@model<transition> def main() { @mu = []'1; @mu(1) += [[]'b]'{i} : 2 <= i <= 3; }"
    assert plingua.read(text).structure == "[[[]'b]'2 [[]'b]'3]'1"


@pytest.mark.parametrize(
    ("sentence", "meaning"),
    [
        ("a, b*2 -[c]'2 --> +[d]'2 e;", "a, b*2 -[c]'2 --> e +[d]'2"),
        ("-[c]'2 --> -[]d;", "-[c]'2 --> d -[]'2"),
        ("[c]'2 --> d;", "[c]'2 --> d"),
        ("[c]'2 --> ;", "[c]'2 --> #"),
        ("+[c --> #]'2;", "+[c --> #]'2"),
        ("[c]'2 --> +[] -[d];", "[c]'2 --> +[]'2 -[d]'2"),
        ("[c []'2 --> d [e, f]'2]'1;", "[c []'2 --> d [e, f]'2]'1"),
        ("[c --> d +[e]'2]'1;", "[c --> d +[e]'2]'1"),
        ("/* x */ [c --> d]'1; // y", "[c --> d]'1"),
    ],
)
def test_forms_of_rules(sentence, meaning):
    rules = plingua.read(body(sentence, "membrane_division")).rules
    assert [rule.text("active") for rule in rules] == [meaning]


def test_a_smaller_number_is_a_stronger_rule():
    text = body("(2) [a --> b]'1; (1) [a --> c]'1; (2) [a --> d]'1; [a --> e]'1;")
    assert plingua.read(text).priorities == (("r2", "r1"), ("r2", "r3"))


# --------------------------------------------------------------- round trip


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_comes_back(name):
    system = plingua.read(TEXTS[name])
    written = plingua.write(system)
    again = plingua.read(written)
    assert definition(again) == definition(system)
    assert plingua.write(again) == written


@given(systems.random_systems())
def test_a_system_comes_back(arguments):
    system = PSystem(**arguments)
    written = plingua.write(system)
    again = plingua.read(written, seed=arguments["seed"])
    assert definition(again) == definition(system)
    for _ in range(3):
        try:
            steps = [made.step() for made in (system, again)]
        except EchoError:
            return
        assert [item.times for item in steps[0].applied] == [i.times for i in steps[1].applied]


@pytest.mark.parametrize("before", ["", "+", "-"])
@pytest.mark.parametrize("first", ["", "+", "-"])
@pytest.mark.parametrize("second", ["", "+", "-"])
def test_division_by_polarities(before, first, second):
    text = (
        f"@model<membrane_division> def main() {{ @mu = [{before}[]'2]'1; @ms(2) = a, s; "
        f"{before}[a]'2 --> {first}[b] {second}[c]; }}"
    )
    system = plingua.read(text)
    written = plingua.write(system)
    assert f"{before}[a]'2 --> {first}[b]'2 {second}[c]'2;" in written
    again = plingua.read(written)
    assert definition(again) == definition(system)
    again.step()
    halves = {f"{first}[b, s]'2", f"{second}[c, s]'2"}
    assert str(again.configuration) in {f"[{x} {y}]'1" for x in halves for y in halves}


def test_priorities_without_numbers_are_not_written():
    names = [evolve("1", x, "z", name=x) for x in "abcd"]
    system = PSystem("[]'1", {}, names, priorities=[("a", "b"), ("c", "d")])
    with pytest.raises(ArgumentError, match=r"'[ac]' and '[bd]' have no numbers"):
        plingua.write(system)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("@model<transition>\ndef main() {\n  [a --> b;\n}", r"line 3, column 11: ';' is unexp"),
        ("@model<transition>\ndef main() {", r"line 2, column 13: the end of the text is unexp"),
        ("@model<transition>\n$", r"line 2, column 1: '\$' is unexpected here; expected is "),
        ("@model<spiking>", r"line 1, column 1: the model 'spiking' is not known; known are"),
        ("def main() { @mu = []'1; }", "names no model"),
        ("@model<transition>", "no module main"),
        ("@model<transition> def main() { }", "makes no membranes"),
        ('@model<transition>\n@include "x.pli"', "line 2, column 1: 'x.pli' cannot be included"),
        (body("[a --> b]'7;"), r"line 5, column 1: the rule \[a --> b\]'7 names the membrane '7'"),
        (body("@ms(7) = a;"), r"line 5, column 1: contents names the membrane '7'"),
        (body("[a --> b{i}]'1;"), r"line 5, column 10: 'i' has no value"),
        (body("[a --> b*(0-2)]'1;"), r"line 5, column 8: the multiplicity of 'b' is -2"),
        (body("[a --> b*0.5]'1;"), r"line 5, column 8: the multiplicity of 'b' is 0.5"),
        (body("[a --> b*(2^70)]'1;"), r"the multiplicity of 'b' is 1180591620717411303424"),
        (body("[a --> b*(9^9^9^9)]'1;"), r"is no number below"),
        (body("[a --> b{1/0}]'1;"), r"line 5, column 10: this divides by 0"),
        (body("[ --> b]'1;"), r"line 5, column 1: the rule \[# --> b\]'1 takes no object"),
        (body("a --> b;"), "has one membrane on its left"),
        (body("[a]'2 [b]'3 --> [c]'2;"), "has one membrane on its left"),
        (body("[a]'1 --> b;"), r"would dissolve the skin"),
        (body("[a]'2 --> [b]'3;"), "a membrane '2' cannot become one with another label"),
        (body("[[a]'2 --> [b]'2]'1;"), "takes objects from an inner membrane"),
        (body("[a] --> [b]'2;"), r"line 5, column 1: a membrane of a rule has no label"),
        (body("[a --> b]'1 :: 0.5;"), "sum to 0.5; they must sum to 1"),
        (body("[a --> b]'1 :: 2;"), "the probability of the rule .* is 2"),
        (body("call Foo(1);"), "line 5, column 1: there is no module 'Foo'"),
        (body("call main(1);"), "'main' takes 0 values and got 1"),
        (body("call main();"), "blocks and calls nest more than 100 deep"),
        (body("[a{i} --> b]'1 : 1 <= i <= 10^12;"), "would run over more than 100000 values"),
        (body("{ } : 1 <= i <= 2000, 1 <= j <= 2000;"), "comes to more than 100000 sentences"),
        (body("@ms(2) = @d;"), "@d stands in a multiset"),
        (body("@mu = [a]'1;"), "objects stand in the membrane structure"),
        (body("@mu = [[]]'1;"), "a membrane has no label"),
        (body("{ " * 3000 + "}" * 3000), "line 5, column 199: the text nests more than 100 deep"),
        (body("@ms(2) = a*(" + "-" * 4000 + " 1);"), "nests more than 100 deep"),
        (body("@ms(2) = a*(1" + "+1" * 4000 + ");"), "nests more than 100 deep"),
        (body("@mu = []'1]'2;"), "line 5, column 11: ']' is unexpected here"),
        (body("@mu = [[]'1;"), "line 5, column 12: ';' is unexpected here"),
    ],
)
def test_bad_texts_are_refused_with_one_sentence(text, sentence):
    with pytest.raises(ArgumentError, match=sentence) as caught:
        plingua.read(text)
    assert str(caught.value).startswith("P-Lingua")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


@given(
    st.sampled_from(sorted(TEXTS)), st.integers(0, 2000), st.text("[]{}'@#;:,*-+>a1 ", max_size=3)
)
def test_a_damaged_file_is_read_or_refused(name, at, piece):
    text = TEXTS[name]
    damaged = text[: at % len(text)] + piece + text[at % len(text) + len(piece) :]
    # Nothing but this, whatever the damage.
    with contextlib.suppress(ArgumentError):
        plingua.read(damaged)
