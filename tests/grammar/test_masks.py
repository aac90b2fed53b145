"""Masks: libecho's, those of plain Python, and what single bytes say, are the same."""

from __future__ import annotations

import gc
import random
import threading
from typing import Any

import hypothesis
import numpy as np
import pytest
from deep_tree_echo import core, platform
from deep_tree_echo.errors import ArgumentError, LimitError
from deep_tree_echo.grammar import Grammar
from deep_tree_echo.grammar.matching import CANNOT_END, MAY_END, MUST_END, Matcher
from deep_tree_echo.grammar.reference import ReferenceMatcher, Vocabulary
from deep_tree_echo.tokenizer import Tokenizer
from hypothesis import strategies

from tests.grammar.grammars import Grammars
from tests.grammar.schemas import Schemas
from tests.grammar.writing import N_VOCAB, tokenizer, vocabulary, zeros

PIECES = vocabulary()
VOCABULARY = Vocabulary(PIECES)


def _pair(grammar: Grammar) -> tuple[core.Grammar, ReferenceMatcher]:
    return (
        core.Grammar(grammar.program.words, tokenizer()),
        ReferenceMatcher(grammar.program, VOCABULARY),
    )


def _same(grammar: Grammar, seed: int, steps: int = 12) -> None:
    ours, reference = _pair(grammar)
    choose = random.Random(seed)
    logits = np.random.default_rng(seed).normal(size=N_VOCAB).astype(np.float32)
    for _ in range(steps):
        assert ours.ending == reference.ending
        masked, allowed, kept = ours.mask(logits)
        expected = reference.mask(logits)
        np.testing.assert_array_equal(masked, expected[0])
        assert allowed == expected[1]
        assert kept == pytest.approx(expected[2], rel=1e-5)
        tokens = [int(t) for t in np.flatnonzero(np.isfinite(masked)) if t]
        if not tokens:
            return
        token = choose.choice(tokens)
        ours.accept(token)
        reference.accept(token)


@hypothesis.given(strategies.integers(0, 10**6))
def test_grammars(seed: int) -> None:
    _same(Grammar.gbnf(Grammars(seed).both()[0]), seed)


@hypothesis.given(strategies.integers(0, 10**6))
def test_schemas(seed: int) -> None:
    _same(Grammar.json_schema(Schemas(seed).root()), seed)


@pytest.mark.parametrize(
    "text",
    [
        'root ::= "a" root "b" | "a" root "c" | "é"',
        "root ::= [a-zé☺😀]{3,9}",
        "root ::= . . .",
        'root ::= x x\nx ::= "(" x* ")" | [a-c]* "1"',
        "root ::= [a-zé]{0,30}",
        'root ::= "(" [a-b]{7,40} ")" | "[" [a-b(]{0,20} "]"',
        'root ::= (["] [a-c]{0,16} ["] ", "?){0,3}',
        'root ::= "(" x{0,3} ")"\nx ::= "(" [^()]{0,12} ")" | "a" x?',
        'root ::= x "!"?\nx ::= y "hi"? \ny ::= "a"? z?\nz ::= "(" x ")" | [é-😀]',
    ],
)
def test_rough_ones(text: str) -> None:
    for seed in range(5):
        _same(Grammar.gbnf(text), seed)


@pytest.mark.skipif(platform.vocabulary_path() is None, reason="the World vocabulary is not here")
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 60},
        {"type": "array", "items": {"type": "string", "minLength": 3, "maxLength": 30}},
        {"type": "string", "pattern": "^[a-z ]{0,25}[.!]$"},
    ],
)
def test_masks_made_from_others(schema: Any) -> None:
    """With the World vocabulary, too: the same as in a grammar that knows no other mask."""
    words = Tokenizer("world").core
    program = Grammar.json_schema(schema).program.words
    known, logits = core.Grammar(program, words), zeros(65536)
    choose = random.Random(2)
    text = b""
    for _ in range(25):
        masked, allowed, _ = known.mask(logits)
        fresh = core.Grammar(program, words)
        fresh.feed(text)
        np.testing.assert_array_equal(fresh.mask(logits)[0], masked)
        assert np.isfinite(masked).sum() == allowed
        tokens = np.flatnonzero(np.isfinite(masked[1:])) + 1
        if not len(tokens):
            break
        token = int(choose.choice(tokens))
        known.accept(token)
        text += words.decode([token])
    assert len(text) > 10


def test_each_token_alone() -> None:
    """The mask is what happens to a clone that reads the token."""
    matcher, _ = _pair(Grammar.gbnf('root ::= ("é" | "☺" | [a-c] | "{" root "}")*'))
    for text in (b"", b"{a", b"\xc3"):
        matcher.feed(text)
        masked, _, _ = matcher.mask(zeros())
        for token in range(1, N_VOCAB):
            fits = bool(PIECES[token]) and _reads(matcher.clone(), token)
            assert fits == np.isfinite(masked[token])
        assert np.isfinite(masked[0]) == (matcher.ending != CANNOT_END)


def _reads(matcher: Matcher, token: int) -> bool:
    try:
        matcher.accept(token)
    except ArgumentError:
        return False
    return True


@pytest.mark.parametrize("which", [0, 1])
def test_a_character_in_two_tokens(which: int) -> None:
    matcher = _pair(Grammar.gbnf('root ::= "é"'))[which]
    assert matcher.ending == CANNOT_END
    matcher.accept(1 + 0xC3)
    masked, allowed, _ = matcher.mask(zeros())
    assert allowed == 1
    assert np.isfinite(masked[1 + 0xA9])
    matcher.accept(1 + 0xA9)
    assert matcher.ending == MUST_END
    masked, allowed, kept = matcher.mask(zeros())
    assert (allowed, bool(np.isfinite(masked[0]))) == (1, True)
    assert kept == pytest.approx(1 / N_VOCAB)


@pytest.mark.parametrize("which", [0, 1])
def test_what_fails_changes_nothing(which: int) -> None:
    matcher = _pair(Grammar.gbnf('root ::= "abc" | "abd"+'))[which]
    matcher.feed(b"ab")
    with pytest.raises(ArgumentError, match="Byte 0x61 cannot follow the first 3 bytes"):
        matcher.feed(b"ca")
    with pytest.raises(ArgumentError):
        matcher.accept(0)
    matcher.feed(b"d")
    assert matcher.ending == MAY_END


@pytest.mark.parametrize("which", [0, 1])
def test_clones_go_their_own_ways(which: int) -> None:
    matcher = _pair(Grammar.gbnf("root ::= [ab]{2}"))[which]
    other = matcher.clone()
    matcher.feed(b"ab")
    assert (matcher.ending, other.ending) == (MUST_END, CANNOT_END)
    other.feed(b"b")
    del matcher
    assert other.clone().ending == CANNOT_END


@pytest.mark.native("there are no threads")
def test_clones_in_many_threads() -> None:
    """Any thread lets go of a clone while others are at work; all memory comes back."""
    gc.collect()
    before = core.grammar_bytes()
    kept = [_pair(Grammar.gbnf('root ::= ("(" root ")" | "[" root "]" | [a-z]{0,20})'))[0]]
    failed: list[BaseException] = []

    def work(seed: int) -> None:
        choose = random.Random(seed)
        try:
            for _ in range(150):
                clone = kept[0].clone()
                for _ in range(3):
                    masked, _, _ = clone.mask(zeros())
                    tokens = np.flatnonzero(np.isfinite(masked[1:])) + 1
                    if len(tokens):
                        clone.accept(int(choose.choice(tokens)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert core.grammar_bytes() > before
    kept.clear()
    gc.collect()
    assert core.grammar_bytes() == before


@pytest.mark.parametrize("which", [0, 1])
def test_no_token_can_follow(which: int) -> None:
    """The vocabulary of bytes without offset has no token for the byte 0: it ends the text."""
    program = Grammar.gbnf(r'root ::= "a\x00"').program
    pieces = [bytes([byte]) for byte in range(256)]
    matcher = [
        core.Grammar(program.words, core.Tokenizer.bytes_with_offset(0)),
        ReferenceMatcher(program, Vocabulary(pieces)),
    ][which]
    matcher.feed(b"a")
    with pytest.raises(ArgumentError, match=r"No token .* can follow the first 1 bytes"):
        matcher.mask(zeros(256))


def test_deep_nesting_and_long_texts() -> None:
    """What is no longer needed is forgotten, in the middle of a text, too."""
    matcher, _ = _pair(Grammar.gbnf('root ::= "(" root ")" | "[" root "]" | ""'))
    choose = random.Random(1)
    opening = bytes(choose.choice(b"([") for _ in range(200_000))
    matcher.feed(opening)
    early = matcher.clone()
    matcher.feed(opening[::-1].translate(bytes.maketrans(b"([", b")]")))
    assert (matcher.ending, early.ending) == (MUST_END, CANNOT_END)
    early.feed(b"()")
    assert matcher.nbytes < 64e6
    for _ in range(3):
        other = matcher.clone()
        assert other.ending == MUST_END


def test_too_ambiguous() -> None:
    rules = "\n".join(f'r{i} ::= "a" (r{i} | "b") "c" [a-z] r{i}?' for i in range(1100))
    text = f"root ::= {' | '.join(f'r{i}' for i in range(1100))}\n{rules}"
    program = Grammar.gbnf(text).program
    with pytest.raises(LimitError, match="more than 1024 ways at once"):
        core.Grammar(program.words, tokenizer())
    with pytest.raises(LimitError, match="more than 1024 ways at once"):
        ReferenceMatcher(program).feed(b"aaa")


PROGRAMS: list[list[int]] = [
    [],
    [1],
    [0, 0, 0, 0],
    [1, 0, 0, 0, 0, 0],
    [0, 1, 0, 0, 0, 0],
    [1, 1, 0, 0, 0, 0],
    [1, 1, 0, 0, 1, 0, 0, 0],
    [1, 1, 0, 0, 0, 2, 0, 0],
    [1, 1, 1, 0, 0, 1, 1, 0, 97, 1],
    [1, 1, 0, 1, 0, 1, 0, 1, 1, 0],
    [1, 1, 0, 1, 0, 1, 0, 1, 0, 0],
    [1, 2**31, 0, 0],
    [2**32 - 1] * 8,
]


@pytest.mark.parametrize("words", PROGRAMS, ids=str)
def test_words_that_are_no_program(words: list[int]) -> None:
    with pytest.raises(ArgumentError, match=r"words of the grammar are no|begins with itself"):
        core.Grammar(np.array(words, dtype=np.uint32), tokenizer())


def test_bad_calls() -> None:
    words = Grammar.gbnf('root ::= "a"').program.words
    grammar = core.Grammar(words, tokenizer())
    with pytest.raises(ArgumentError, match="it must be a contiguous row of float32"):
        grammar.mask(np.zeros(N_VOCAB))
    with pytest.raises(ArgumentError, match="token 12345678 stands for no text"):
        grammar.accept(12345678)
    other = grammar.clone()
    grammar.close()
    with pytest.raises(ArgumentError, match="This grammar is closed"):
        grammar.feed(b"a")
    other.feed(b"a")
    words_of = tokenizer()
    words_of.close()
    with pytest.raises(ArgumentError, match="This tokenizer is closed"):
        core.Grammar(words, words_of)


def test_logits_that_are_none() -> None:
    grammar, reference = _pair(Grammar.gbnf('root ::= "a"'))
    logits = zeros()
    logits[:50] = np.nan
    logits[60:70] = -np.inf
    assert grammar.mask(logits)[2] == pytest.approx(reference.mask(logits)[2], rel=1e-5)
