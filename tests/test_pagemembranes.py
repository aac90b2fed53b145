"""What goes on inside an answer of the page: its account, several candidates, and forms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deep_tree_echo.engine.events import Membrane
from deep_tree_echo.errors import ArgumentError
from deep_tree_echo.events import Branch, Choice, Failure, Fallback, Prompt, Token
from deep_tree_echo.grammar import Grammar
from deep_tree_echo.model import Model
from deep_tree_echo.page import Page
from deep_tree_echo.pagemembranes import Account, check_form

from tests.coroutines import drive

SETTINGS = {"max_tokens": 12, "temperature": 0.9, "seed": 4}
BOOLEAN = '{"type": "boolean"}'


@pytest.fixture
def page() -> Page:
    result = Page()
    drive(result.load_bundled())
    return result


def ask(page: Page, text: str = "Hello", **more: Any) -> list[dict[str, Any]]:
    """All events of the answer ``a`` to a message ``q``."""
    question = {
        "turns": [{"id": "q", "role": "user", "text": text}],
        "answerId": "a",
        "continues": False,
        "settings": SETTINGS,
    }
    page.begin(json.dumps(question | more))
    events = []
    while piece := json.loads(page.pump(0.01)):
        events += piece
    return events


def account(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The last one."""
    return dict([event["account"] for event in events if "account" in event][-1])


def test_an_answer_has_an_account_in_time_order(page: Page) -> None:
    events = ask(page)
    found = account(events)
    named = [(step["part"], step["step"]) for step in found["steps"]]
    assert named == [
        ("reasoning", "begin"),
        ("model", "read"),
        ("model", "write"),
        ("reasoning", "finish"),
    ]
    begins = [step["begin"] for step in found["steps"]]
    assert begins == sorted(begins)
    for step, after in zip(found["steps"], found["steps"][1:], strict=False):
        assert step["begin"] + step["seconds"] <= after["begin"] + 1e-9
    reasoning = found["parts"]["reasoning"]
    assert reasoning["active"]
    assert reasoning["calibrated"]
    assert 0 < reasoning["confidence"] < 1
    assert reasoning["received"] == "Hello"
    assert found["confidence"] == reasoning["confidence"]
    for name in ("memory", "grammar"):
        assert found["parts"][name]["confidence"] is None
        assert found["parts"][name]["why"] == "It is not in use."
    done = events[-1]
    assert done["type"] == "done"
    for name in ("memory", "reasoning", "grammar"):
        assert f"{name}_response" not in done
    assert all("word" in event for event in events if event["type"] == "token" and event["text"])


def test_the_visitors_temperature_counts_for_one_answer(page: Page) -> None:
    cold = SETTINGS | {"temperature": 0.0}
    first = ask(page, "Why is it so?", settings=cold)[-1]["text"]
    other = Page()
    drive(other.load_bundled())
    assert ask(other, "Why is it so?", settings=cold | {"seed": 9})[-1]["text"] == first


def test_several_candidates_with_their_tree_and_words(page: Page) -> None:
    events = ask(page, branches=3)
    found = account(events)
    steps = [step["step"] for step in found["steps"] if step["part"] == "reasoning"]
    assert steps == ["begin", "candidate 1", "candidate 2", "candidate 3", "vote", "finish"]
    assert all("text" not in step for step in found["steps"])
    drawn = found["drawn"]
    assert len(drawn["candidates"]) == 3
    for one in drawn["candidates"]:
        texts, at = [], one["leaf"]
        while at >= 0:
            texts.append(drawn["nodes"][at][1])
            at = drawn["nodes"][at][0]
        assert len(texts) == one["tokens"]
        assert "".join(reversed(texts)).strip() == one["text"].strip()
    assert sum(vote["share"] for vote in drawn["votes"]) == pytest.approx(1)
    chosen = drawn["candidates"][drawn["chosen"]]
    # Readers count from 1.
    assert found["parts"]["reasoning"]["numbers"]["chosen"] == drawn["chosen"] + 1
    assert events[-1]["text"] == chosen["text"].strip()
    tokens = [event for event in events if event["type"] == "token"]
    assert [event["word"][0] for event in tokens] == [event["id"] for event in tokens]
    # The same as its own words, were it taken.
    taken = json.loads(page.take("a", drawn["chosen"], chosen["text"], "b"))
    assert taken["words"] == [event["word"] for event in tokens]


def test_another_candidate_is_taken_with_its_state(page: Page) -> None:
    drawn = account(ask(page, branches=3))["drawn"]
    chosen = drawn["candidates"][drawn["chosen"]]["text"]
    number, other = next(
        (number, one["text"])
        for number, one in enumerate(drawn["candidates"])
        if one["text"] != chosen
    )
    taken = json.loads(page.take("a", number, other, "b"))
    assert taken["context_tokens"] > 0
    assert len(taken["words"]) >= drawn["candidates"][number]["tokens"]
    turns = [
        {"id": "q", "role": "user", "text": "Hello"},
        {"id": "b", "role": "assistant", "text": other.strip()},
        {"id": "q2", "role": "user", "text": "And?"},
    ]
    events = ask(page, turns=turns, answerId="c")
    prompts = [event for event in events if event["type"] == "prompt"]
    # Only the new message is read.
    assert prompts[-1]["total"] < taken["context_tokens"]
    assert json.loads(page.take("gone", 0, "x", "y")) == {"words": None, "context_tokens": None}


def test_a_chosen_answer_can_be_gone_back_to(page: Page) -> None:
    events = ask(page, branches=2)
    ids = [event["id"] for event in events if event["type"] == "token"]
    turns = [{"id": "q", "role": "user", "text": "Hello"}]
    page.seek(json.dumps({"turns": turns, "answerId": "a", "ids": ids[:3]}))
    while json.loads(page.seek_on(1.0)):
        pass
    assert page.state_view(0, 0) is not None


def test_an_answer_in_a_form(page: Page) -> None:
    events = ask(page, "Is it?", json_schema=BOOLEAN)
    assert events[-1]["text"] in ("true", "false")
    found = account(events)
    assert found["form"] == "json_schema"
    grammar = found["parts"]["grammar"]
    assert grammar["active"]
    assert 0 < grammar["confidence"] <= 1
    assert grammar["numbers"]["complete"] == 1
    several = ask(page, "Is it?", grammar='root ::= "yes" | "no"', branches=2)
    assert several[-1]["text"] in ("yes", "no")
    # Then without one again.
    assert account(ask(page))["parts"]["grammar"]["why"] == "No form was asked for."


def test_a_form_that_cannot_be_followed_is_refused(page: Page) -> None:
    events = ask(page, grammar="root ::= other")
    assert events[-1]["type"] == "error"
    assert "calls 'other'" in events[-1]["message"]
    assert account(events)["steps"][-1]["part"] == "grammar"
    with pytest.raises(ArgumentError, match="calls 'other'"):
        page.check_form("grammar", "root ::= other")
    page.check_form("json_schema", BOOLEAN)
    with pytest.raises(ArgumentError, match="form is 'xml'"):
        check_form("xml", "")
    with pytest.raises(ArgumentError, match="branches is 9; it must be from 1 to 8"):
        ask(page, branches=9)


LIST = 'root ::= "[" [a-z] "," [a-z] "," [a-z] ("," [a-z])* "]"'


def test_an_answer_that_goes_on_stays_in_its_form(page: Page) -> None:
    grammar = Grammar.gbnf(LIST)
    cut = ask(page, grammar=LIST, settings=SETTINGS | {"max_tokens": 4})[-1]
    assert cut["stop_reason"] == "length"
    assert not grammar.matches(cut["text"])
    turns = [
        {"id": "q", "role": "user", "text": "Hello"},
        {"id": "a", "role": "assistant", "text": cut["text"]},
    ]
    more = ask(page, turns=turns, continues=True, branches=4, grammar=LIST)
    found = account(more)
    assert more[-1]["text"].startswith(cut["text"])
    assert grammar.begins(more[-1]["text"])
    assert found["form"] == "grammar"
    assert found["branches"] == 1
    assert "goes on from given words" in found["parts"]["reasoning"]["why"]
    # Without a form it goes on freely, and what is outside of one cannot go on within it.
    assert account(ask(page, turns=turns, continues=True))["form"] is None
    turns[-1]["text"] = "Hello!"
    (error,) = ask(page, turns=turns, continues=True, json_schema=BOOLEAN)[-1:]
    assert error["type"] == "error"
    assert "does not fit the grammar, so it cannot go on within it" in error["message"]


def test_a_branch_stays_in_its_form(page: Page) -> None:
    first = ask(page, grammar=LIST)
    words = [event["word"] for event in first if event["type"] == "token" and "word" in event]

    n = next(n for n, word in enumerate(words) if "[" in word[2]) + 1

    def branch(text: str) -> list[dict[str, Any]]:
        begun = {
            "answerId": "a",
            "ids": [word[0] for word in words[:n]],
            "then": Model.load().encode(text),
            "text": "".join(word[2] for word in words[:n]),
        }
        return ask(page, answerId="b", begun=begun, grammar=LIST)

    done = branch("z")[-1]
    assert done["text"].startswith("[z")
    assert Grammar.gbnf(LIST).begins(done["text"])
    assert done["account"]["form"] == "grammar"
    with pytest.raises(ArgumentError, match="“7” cannot stand there: the answer is kept to a gra"):
        branch("7")
    assert ask(page, answerId="c")[-1]["type"] == "done"


def test_the_account_of_steps_by_a_clock() -> None:
    seconds = iter(range(100))
    account = Account("grammar", 2, clock=lambda: float(next(seconds)))
    account.take(Membrane("grammar", "begin", "begin"))
    account.take(Membrane("grammar", "begin", "end", error="It broke."))
    account.take(Prompt(2, 4))
    account.take(Prompt(4, 4))
    account.take(Branch(0, "a", 1, -0.5))
    account.take(Branch(0, "b", 2, None))
    assert account.changed
    live = account.to_json()["steps"][-1]
    assert (live["text"], live["numbers"]) == ("ab", {"tokens": 2})
    assert not account.changed
    account.take(Choice(0, None, False, [], []))
    account.take(Token("ab", 1, None, 0))
    account.take(Fallback("mock", Failure("rwkv_cpp", "It is gone.")))
    account.take(Token("ab", 1, None, 0))
    steps = account.to_json()["steps"]
    assert [(step["step"], step["begin"], step["seconds"]) for step in steps] == [
        ("begin", 1.0, 1.0),
        ("read", 2.0, 2.0),
        ("candidate 1", 4.0, 2.0),
        ("vote", 6.0, 1.0),
        ("fallback", 9.0, 0.0),
        ("write", 9.0, 1.0),
    ]
    assert [step.get("error", "") for step in steps] == [
        "It broke.",
        "",
        "",
        "",
        "It is gone.",
        "",
    ]


def test_the_mock_has_an_account_too() -> None:
    page = Page()
    drive(page.load("none", 0, lambda: [], "mock"))
    found = account(ask(page, branches=3))
    assert found["confidence"] is None
    assert found["parts"]["reasoning"]["why"] == "The backend gives no probabilities."
