"""Which kind of reasoning a message asks for, and what follows."""

from __future__ import annotations

import pytest
from deep_tree_echo.context import CognitiveContext
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.membranes.reasoning import ReasoningMembrane, complexity_of, kind_of, plan


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("If it rains, then the street is wet. It rains.", "deductive"),
        ("All men are mortal and Socrates is a man.", "deductive"),
        ("The state is fixed, therefore memory does not grow, right?", "deductive"),
        ("What is 17 + 4?", "deductive"),
        ("what is 3 times 4", "deductive"),
        ("How many legs have 3 cats?", "deductive"),
        ("What comes next: 2, 4, 6, 8?", "inductive"),
        ("Swans, geese, ducks, and storks have wings...", "inductive"),
        ("What is the pattern here?", "inductive"),
        ("Give me examples of reservoirs", "inductive"),
        ("Why is the sky blue?", "abductive"),
        ("What explains the drop in speed?", "abductive"),
        ("How come it stopped?", "abductive"),
        ("What caused the crash?", "abductive"),
        ("A hand is to a glove as a foot is to what?", "analogical"),
        ("Day as light is to night as what?", "analogical"),
        ("Is a reservoir like a pond?", "analogical"),
        ("What is an echo state similar to?", "analogical"),
        ("Hello there", "general"),
        ("I like tea.", "general"),
        ("Do you like the sea?", "general"),
        ("Would you like some tea?", "general"),
        ("What is a membrane?", "general"),
    ],
)
def test_kinds_by_the_words_of_the_message(text, kind):
    found, reason = kind_of(text)
    assert found == kind
    assert reason in text
    assert bool(reason) == (kind != "general")


@pytest.mark.parametrize(
    ("words", "level"), [(1, "low"), (9, "low"), (10, "medium"), (24, "medium"), (25, "high")]
)
def test_complexity_counts_words(words, level):
    assert complexity_of("word " * words) == level


def test_goals_come_before_the_text_and_metadata_before_both():
    context = CognitiveContext("s", "Why?", processing_goals=["analyze", "prove"])
    assert plan(context).kind == "deductive"
    context = CognitiveContext(
        "s", "Why?", processing_goals=["prove"], metadata={"reasoning_type": "inductive"}
    )
    assert plan(context).kind == "inductive"


@pytest.mark.parametrize(("words", "branches"), [(3, 3), (12, 5), (30, 8)])
def test_more_words_more_branches_within_the_limit(words, branches):
    context = CognitiveContext("s", "word " * words)
    assert plan(context).branches == branches
    assert ReasoningMembrane(most_branches=4).plan(context).branches == min(4, branches)


def test_conclusions_are_compared_by_their_answer_and_drawn_closer():
    strict = plan(CognitiveContext("s", "What is 2 + 2?"))
    loose = plan(CognitiveContext("s", "Why is that so?"))
    assert (strict.compare, loose.compare) == ("answer", "words")
    assert strict.temperature < loose.temperature
    assert plan(CognitiveContext("s", "Hello")).temperature is None


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"branches": 0}, "branches is 0; it must be from 1 to 8."),
        ({"branches": 9}, "branches is 9; it must be from 1 to 8."),
        ({"branches": "3"}, "branches is '3'; it must be from 1 to 8."),
        ({"branches": True}, "branches is True; it must be from 1 to 8."),
        ({"reasoning_type": "magic"}, "reasoning_type is 'magic'; it must be one of deductive"),
    ],
)
def test_overrides_out_of_range_are_refused(metadata, message):
    with pytest.raises(ArgumentError, match=message.replace(".", r"\.")):
        plan(CognitiveContext("s", "Hello", metadata=metadata))


def test_the_limit_itself_is_checked():
    with pytest.raises(ArgumentError, match="most_branches is 65"):
        ReasoningMembrane(most_branches=65)
