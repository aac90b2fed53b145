"""Votes, trees and the comparison of answers."""

from __future__ import annotations

import math

import pytest
from deep_tree_echo.membranes.reasoning.tree import Step, tree
from deep_tree_echo.membranes.reasoning.votes import (
    Ballot,
    final_answer,
    normalised,
    overlap,
    vote,
)
from hypothesis import given
from hypothesis import strategies as st

SENTENCES = ("It is 4.", "The answer is 4", "I say 5", "No idea at all", "the idea is not at all")
BALLOTS = st.lists(
    st.builds(Ballot, st.sampled_from(SENTENCES), st.floats(-9, 0) | st.just(None)),
    min_size=1,
    max_size=9,
)
COMPARE = st.sampled_from(["answer", "words"])


def said(ballots, groups):
    """The groups as texts and weights, whatever the places are."""
    return [
        (sorted((ballots[i].text, str(ballots[i].log_probability)) for i in group.members),
         group.share)
        for group in groups
    ]  # fmt: skip


@given(BALLOTS, COMPARE, st.randoms(use_true_random=False))
def test_the_order_of_the_ballots_does_not_matter(ballots, compare, random):
    shuffled = random.sample(ballots, len(ballots))
    one, two = vote(ballots, compare), vote(shuffled, compare)
    assert said(ballots, one) == said(shuffled, two)
    first, second = ballots[one[0].members[0]], shuffled[two[0].members[0]]
    assert first.text == second.text


@given(BALLOTS, COMPARE)
def test_shares_sum_to_one_and_each_ballot_is_in_one_group(ballots, compare):
    groups = vote(ballots, compare)
    assert math.fsum(group.share for group in groups) == pytest.approx(1)
    assert sorted(i for group in groups for i in group.members) == list(range(len(ballots)))
    assert [group.share for group in groups] == sorted((g.share for g in groups), reverse=True)


@given(st.text(min_size=1), st.integers(1, 9), COMPARE)
def test_unanimity(text, count, compare):
    ballots = [Ballot(text, -0.1 * place) for place in range(count)]
    [group] = vote(ballots, compare)
    assert group.share == pytest.approx(1)
    assert group.members == tuple(range(count))


@given(BALLOTS, COMPARE)
def test_one_more_vote_for_the_winner_never_unseats_it(ballots, compare):
    groups = vote(ballots, compare)
    winner = ballots[groups[0].members[0]]
    again = vote([*ballots, winner], compare)
    assert len(ballots) in again[0].members
    assert again[0].share >= groups[0].share - 1e-12


@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6))
def test_without_probabilities_each_counts_as_one(texts):
    ballots = [Ballot(text) for text in texts]
    for group in vote(ballots, "answer"):
        assert group.share == pytest.approx(len(group.members) / len(texts))


def test_the_likelier_side_wins_of_two_equal_ones():
    ballots = [Ballot("4", -3.0), Ballot("5", -0.1), Ballot("4", -3.0), Ballot("5", -2.0)]
    groups = vote(ballots, "answer")
    assert groups[0].members == (1, 3)
    assert groups[0].share > 0.5


def test_even_the_least_likely_texts_have_shares():
    groups = vote([Ballot("4", -5000.0), Ballot("5", -5000.0)], "answer")
    assert [group.share for group in groups] == [0.5, 0.5]


def test_texts_that_a_third_one_joins_are_one_group():
    ballots = [Ballot("a b c d"), Ballot("c d e f"), Ballot("b c d e")]
    assert len(vote(ballots[:2], "words")) == 2
    assert len(vote(ballots, "words")) == 1
    chain = [Ballot(text) for text in ("a b c d", "b c d e", "c d e f", "d e f g")]
    assert len(vote(chain, "words")) == 1


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 + 4 = 7", "7"),
        ("It makes 1,200.50 in all.", "1200.50"),
        ("The answer is -3.", "-3"),
        ("7.0", "7"),
        ("Seven of them, so the answer is seven.", "seven"),
        ("Therefore.", "therefore"),
        ("The Apple!", "apple"),
        ("", ""),
        ("version2 is out", "version2 is out"),
    ],
)
def test_final_answers(text, answer):
    assert final_answer(text) == answer


@given(st.text(), st.text())
def test_overlap_is_symmetric_and_within_bounds(one, two):
    assert overlap(one, two) == overlap(two, one)
    assert 0 <= overlap(one, two) <= 1
    assert overlap(one, one) == 1
    assert normalised(normalised(one)) == normalised(one) or not normalised(one).isascii()


@given(st.lists(st.lists(st.integers(0, 3), max_size=8), min_size=1, max_size=6))
def test_every_path_of_the_tree_is_a_candidate(candidates):
    steps = [[Step(token, str(token), -1.0) for token in tokens] for tokens in candidates]
    nodes = tree(steps, 0)
    assert len(nodes) == len({tuple(t[:n]) for t in candidates for n in range(1, len(t) + 1)})
    for number, tokens in enumerate(candidates):
        path = [node["token"] for node in nodes if number in node["branches"]]
        assert path == tokens
    assert [node["token"] for node in nodes if node["chosen"]] == candidates[0]
    assert all(node["parent"] is None or node["parent"] < i for i, node in enumerate(nodes))
