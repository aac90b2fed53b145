"""GBNF: what is written fits, as lark's Earley parser says; what is none is refused."""

from __future__ import annotations

import lark
import pytest
from deep_tree_echo import core
from deep_tree_echo.errors import ArgumentError, LimitError
from deep_tree_echo.grammar import Grammar

from tests.grammar.grammars import Grammars
from tests.grammar.writing import draw, tokenizer, vocabulary


@pytest.mark.parametrize("block", range(10))
def test_a_hundred_grammars(block: int) -> None:
    words, pieces = tokenizer(), vocabulary()
    whole = 0
    for seed in range(10 * block, 10 * (block + 1)):
        text, other = Grammars(seed).both()
        grammar = Grammar.gbnf(text)
        parser = lark.Lark(other, parser="earley", lexer="dynamic_complete", start="root")
        matcher = core.Grammar(grammar.program.words, words)
        for count in range(3):
            written = draw(matcher.clone(), pieces, 3 * seed + count, most=60)
            if written is None or len(written) > 100:
                continue
            parser.parse(written.decode())
            whole += 1
            # What lark refuses is refused here too.
            for cut in (written[:-1], written + b"a", b"(" + written):
                assert grammar.matches(cut) == _fits(parser, cut), (text, cut)
    assert whole >= 10


def _fits(parser: lark.Lark, text: bytes) -> bool:
    try:
        parser.parse(text.decode())
    except (lark.exceptions.LarkError, UnicodeDecodeError):
        return False
    return True


FITS: list[tuple[str, list[str], list[str]]] = [
    ('root ::= "a" | "b" # or\n', ["a", "b"], ["", "c", "ab"]),
    ('root ::= "x"{2,3}', ["xx", "xxx"], ["x", "xxxx"]),
    ('root ::= "x"{2}', ["xx"], ["x", "xxx"]),
    ('root ::= "x"{2,}', ["xx", "x" * 50], ["x"]),
    ("root ::= [a-c^]+", ["a^c"], ["d", ""]),
    (r"root ::= [^\]\n]", ["a", "é", "😀"], ["]", "\n", "ab"]),
    (r'root ::= "\x41\u00e9\U0001F600\"\\\n"', ['Aé😀"\\\n'], ["A"]),
    ("root ::= . .", ["aé", "\n\n"], ["a", "abc"]),
    ('root ::= (\n  "a" |\n  "b"\n)*', ["", "abba"], ["c"]),
    ('root ::= "a" |\n "b"\nother ::= "c"', ["a", "b"], ["c"]),
    ('root ::= "(" root ")" | ""', ["", "()", "((()))"], ["(", "())"]),
    ('root ::= [0-9]+ ("+" root)?', ["1", "1+22+3"], ["1+", "+1"]),
    ("root ::= [-a]", ["-", "a"], ["b"]),
    ("root ::= [a-]", ["-", "a"], ["b"]),
    ('root ::= a a a\na ::= b b b\nb ::= ""|"x"', ["", "xxxxxxxxx"], ["x" * 10]),
    ('root ::= ("a"?)*', ["", "aaa"], ["b"]),
]


@pytest.mark.parametrize(("text", "fit", "others"), FITS, ids=[one[0] for one in FITS])
def test_what_fits(text: str, fit: list[str], others: list[str]) -> None:
    grammar = Grammar.gbnf(text)
    assert [one for one in fit if not grammar.matches(one)] == []
    assert [one for one in others if grammar.matches(one)] == []


REFUSED = [
    ("", "grammar has no rule 'root'"),
    ('rot ::= "a"', "grammar has no rule 'root'"),
    ("root ::= other", "The rule 'root' calls 'other', which grammar does not define"),
    ('root = "a"', "Line 1, column 6 of grammar has '= \"a\"'; it must have '::='."),
    ('root ::= "a', "Line 1, column 12 of grammar has its end; it must have '\"'."),
    ('root ::= "a"\nroot ::= "b"', "Line 2, column 1 of grammar defines the rule 'root' once more"),
    ('root ::= ("a"', "it must have ')'."),
    ("root ::= [a", "it must have ']'."),
    ("root ::= [z-a]", "ends a range from 'z' to 'a'"),
    ('root ::= "a"{3,2}', "repeats from 3 to 2 times"),
    ('root ::= "a"{x}', "it must have a count such as"),
    (r'root ::= "\q"', "has 'q\"'; it must have one of n, r"),
    (r'root ::= "\u12"', "4 hexadecimal digits"),
    (r'root ::= "\uD800"', "U+D800, which UTF-8 cannot hold"),
    ('root ::= <think> "a"', "names a token by '<', which is not supported"),
    ('root ::= root "a" | "b"', "The rule 'root' begins with itself (root → root)"),
    ('root ::= a "x"\na ::= "y"? root | "z"', "begins with itself"),
    ('root ::= "a" root', "No text fits the rule 'root'"),
    ("root ::= []", "No text fits the rule 'root'"),
    ("root ::= " + "(" * 60 + '"a"' + ")" * 60, "inside of more than 50 groups"),
    ("x" * 1_000_001, "grammar has 1000001 characters"),
    (7, "grammar is of type int"),
]


@pytest.mark.parametrize(("text", "sentence"), REFUSED, ids=lambda one: str(one)[:30])
def test_what_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ArgumentError) as error:
        Grammar.gbnf(text)
    assert sentence in str(error.value)
    assert len(str(error.value)) < 300


def test_hostile_sizes() -> None:
    laughs = "\n".join(f"r{i} ::= r{i + 1} r{i + 1}" for i in range(60))
    assert Grammar.gbnf(f"root ::= r0\n{laughs}\nr60 ::= [a]") is not None
    for text in (
        'root ::= "a"{1000000}',
        'root ::= (("a"{300}){300}){300}',
        'root ::= ("a" | "b")* "a" ("a" | "b"){20}',
    ):
        with pytest.raises(LimitError, match="repeat less"):
            Grammar.gbnf(text)


def test_long_chains_of_rules() -> None:
    chain = "\n".join(f'r{i} ::= "a" r{i + 1}' for i in range(2000))
    grammar = Grammar.gbnf(f'root ::= r0\n{chain}\nr2000 ::= "b"')
    assert grammar.matches("a" * 2000 + "b")


def test_a_space_before() -> None:
    grammar = Grammar.gbnf('root ::= "a" root | "b"')
    assert grammar.after_space.matches(" aab")
    assert grammar.after_space.matches("aab")
    assert not grammar.after_space.matches("  aab")
