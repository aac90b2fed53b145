"""What happened inside an answer, several candidates with their tree, and answers in a form."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from .conftest import BOOT_MS, DESK, open_inside, say, wait_answer, wait_ready
from .test_look import Scheme, assert_accessible, shoot

PHONE = ViewportSize(width=390, height=844)
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
SESSION = "document.querySelector('echo-app').session"
ASKING = "How to answer"


@pytest.fixture(autouse=True)
def plain(page: Page) -> None:
    """Every test begins with one answer, freely, and the menu closed."""
    if page.locator("echo-asking").count():
        page.get_by_role("button", name=ASKING).click()
    page.evaluate(f"{SESSION}.saveAsking({{ branches: 1, several: 3, form: 'none' }})")
    page.evaluate(f"{SESSION}.saveSettings({{ ...{SESSION}.settings, seed: 7, max_tokens: 48 }})")
    page.emulate_media(color_scheme="light")


def choose(page: Page, name: str) -> None:
    """A choice of the menu beside Send; leaves it open."""
    if page.locator("echo-asking").count() == 0:
        page.get_by_role("button", name=ASKING).click()
    page.get_by_role("radio", name=name).check()


def several(page: Page, count: int) -> None:
    choose(page, "Several, and vote")
    page.get_by_label("How many answers are drawn").fill(str(count))
    page.keyboard.press("Tab")
    page.get_by_role("button", name=ASKING).click()


def kept(page: Page) -> dict[str, Any]:
    """The account of the last answer."""
    return dict(page.evaluate(f"{SESSION}.talk.messages[{SESSION}.talk.leaf].membranes"))


def test_the_steps_of_an_answer_in_time_order(page: Page) -> None:
    open_inside(page, "Membranes")
    assert "view=membranes" in page.url
    expect(page.get_by_text("No answer yet.")).to_be_visible()
    say(page, "What can I do here?")
    wait_answer(page)
    steps = page.get_by_role("region", name="Steps in time order").get_by_role("listitem")
    names = [text.split("\n")[0] for text in steps.all_inner_texts()]
    assert names == [
        "Reasoning plans",
        "The model reads",
        "The model writes",
        "Reasoning weighs the answer",
    ]
    parts = page.get_by_role("region", name="Membranes")
    expect(parts).to_contain_text("% (calibrated)")
    expect(parts).to_contain_text("It is not in use.")
    assert_accessible(page)
    # Kept with the answer.
    page.wait_for_timeout(500)
    page.reload()
    wait_answer(page)
    wait_ready(page)
    expect(parts).to_contain_text("% (calibrated)")


def test_each_answer_opens_its_own(page: Page) -> None:
    say(page, "What can I do here?")
    wait_answer(page)
    say(page, "Is my data private?")
    wait_answer(page, 2)
    page.get_by_role("button", name="What happened inside").first.click()
    expect(page.locator("echo-membranes .question")).to_have_text("To “What can I do here?”")
    expect(page.get_by_role("tab", name="Membranes")).to_be_focused()
    page.get_by_role("button", name="What happened inside").last.click()
    expect(page.locator("echo-membranes .question")).to_have_text("To “Is my data private?”")
    # The scrubber leads.
    page.get_by_role("slider", name="Place in the talk").focus()
    page.keyboard.press("Home")
    expect(page.locator("echo-membranes .question")).to_have_text("To “What can I do here?”")
    page.get_by_role("button", name="Back to now").click()


def test_the_steps_are_seen_one_by_one_in_nested_membranes(page: Page) -> None:
    say(page, "What can I do here?")
    wait_answer(page)
    page.get_by_role("button", name="What happened inside").click()
    drawing = page.locator("echo-membrane-view")
    # The end is shown first.
    expect(drawing.get_by_role("img")).to_have_attribute(
        "aria-label", "Step 5: The answer leaves the engine, and is on the page."
    )
    labels = drawing.locator("svg .label").all_text_contents()
    assert labels == ["engine", "memory", "reasoning", "grammar", "model"]
    place = page.get_by_role("slider", name="Step", exact=True)
    place.focus()
    page.keyboard.press("Home")
    expect(place).to_have_attribute("aria-valuetext", "0 of 5: The question")
    expect(drawing.locator(".flight")).to_have_count(0)
    page.get_by_role("button", name="One step on").click()
    page.get_by_role("button", name="One step on").click()
    read = page.locator("echo-nested .said")
    expect(read).to_contain_text(re.compile(r"The model reads\. The model reads \d+ tokens"))
    expect(page.locator("echo-membranes li[aria-current=step]")).to_contain_text("The model reads")
    assert_accessible(page)
    # A step of the list is shown, too; another answer begins at its end.
    page.get_by_role("button", name="Reasoning weighs the answer").click()
    expect(place).to_have_attribute("aria-valuetext", "4 of 5: Reasoning weighs the answer")
    expect(drawing.locator("svg text").filter(has_text="confidence")).to_be_visible()
    say(page, "Is my data private?")
    wait_answer(page, 2)
    expect(place).to_have_attribute("aria-valuetext", "5 of 5: The answer")


def test_several_vote_and_another_is_taken(page: Page) -> None:
    several(page, 4)
    expect(page.get_by_role("button", name=ASKING)).to_contain_text("4 and vote")
    open_inside(page, "Membranes")
    say(page, "Tell me something.")
    expect(page.get_by_text("Drawing candidate").first).to_be_visible(timeout=BOOT_MS)
    answer = wait_answer(page)
    account = kept(page)
    drawn = account["drawn"]
    assert len(drawn["candidates"]) == 4
    tree = page.get_by_role("img", name="4 candidates from one state")
    expect(tree).to_be_visible()
    rows = page.locator("echo-reasoning-tree tbody tr")
    expect(rows).to_have_count(4)
    # As many boxes as the tree has tokens.
    expect(page.locator("echo-reasoning-tree rect")).to_have_count(len(drawn["nodes"]))
    assert_accessible(page)
    texts = [one["text"].strip() for one in drawn["candidates"]]
    number = next(i for i, text in enumerate(texts) if text != texts[drawn["chosen"]])
    page.get_by_role("button", name=f"candidate {number + 1} instead").click()
    article = page.get_by_role("article", name="Answer")
    expect(article).to_contain_text("2 of 2")
    expect(rows.nth(number)).to_contain_text("shown")
    expect(rows.nth(drawn["chosen"])).to_contain_text("Take it")
    # And back: no third one.
    page.get_by_role("button", name=f"candidate {drawn['chosen'] + 1} instead").click()
    expect(article).to_contain_text("1 of 2")
    assert wait_answer(page) == answer
    # The words of a voted answer are doors, too.
    page.get_by_role("button", name="Words").click()
    expect(page.locator("echo-words .word").first).to_be_visible()


def test_the_tree_is_kept_and_moves_by_keyboard(page: Page) -> None:
    several(page, 3)
    say(page, "Why is it so?")
    wait_answer(page)
    page.wait_for_timeout(500)
    page.reload()
    wait_answer(page)
    wait_ready(page)
    expect(page.get_by_role("button", name=ASKING)).to_contain_text("3 and vote")
    page.get_by_role("button", name="What happened inside").click()
    region = page.get_by_role("region", name="The tree of the 3 candidates")
    region.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        """() => {
          const { shadowRoot } = document.querySelector("echo-app");
          const inside = shadowRoot.querySelector("echo-inside").shadowRoot;
          const view = inside.querySelector("echo-membranes").shadowRoot;
          const tree = view.querySelector("echo-reasoning-tree").shadowRoot;
          return tree.querySelector(".scroll").scrollLeft > 0;
        }"""
    )
    # What is not known any more is read from its text.
    page.get_by_role("button", name="instead").first.click()
    expect(page.get_by_role("article", name="Answer")).to_contain_text("2 of 2")
    say(page, "And then?")
    wait_answer(page, 2)


def test_drawing_is_stopped(page: Page) -> None:
    page.evaluate(f"{SESSION}.saveSettings({{ ...{SESSION}.settings, max_tokens: 2000 }})")
    several(page, 8)
    say(page, "Tell me a very long story about everything.")
    drawing = page.get_by_text(re.compile("Drawing candidate [2-8]")).first
    expect(drawing).to_be_visible(timeout=BOOT_MS)
    page.keyboard.press("Escape")
    wait_answer(page)
    assert 1 <= len(kept(page)["drawn"]["candidates"]) < 8


def test_an_answer_as_json(page: Page) -> None:
    choose(page, "Answer as JSON, by a schema")
    expect(
        page.get_by_role("status").filter(has_text="Every new answer will fit it.")
    ).to_be_visible()
    assert_accessible(page)
    shoot(page, "schema-box")
    page.keyboard.press("Escape")
    expect(page.locator("echo-asking")).to_have_count(0)
    expect(page.get_by_role("button", name=ASKING)).to_be_focused()
    for number in (1, 2):
        say(page, "Is it good?")
        page.get_by_role("article", name="Answer").nth(number - 1).locator(".figures").wait_for()
        text = page.get_by_role("group", name="The answer").nth(number - 1).inner_text()
        value = json.loads(text)
        assert value["answer"] in ("yes", "no")
        assert 0 <= value["sure"] <= 10
    page.get_by_role("button", name="Pretty").last.click()
    pretty = page.get_by_role("group", name="The answer").last
    assert pretty.inner_text() == json.dumps(json.loads(text), indent=2)
    page.get_by_role("button", name="What happened inside").last.click()
    parts = page.get_by_role("region", name="Membranes")
    expect(parts).to_contain_text("of the model’s probability fitted the form")
    assert_accessible(page)
    shoot(page, "json-answer")


def test_what_goes_on_stays_in_its_form(page: Page) -> None:
    page.evaluate(f"{SESSION}.saveSettings({{ ...{SESSION}.settings, seed: 7, max_tokens: 12 }})")
    choose(page, "Answer as JSON, by a schema")
    expect(page.get_by_role("status").filter(has_text="Every new answer")).to_be_visible()
    say(page, "Is it good?")
    answer = page.get_by_role("article", name="Answer")
    expect(answer).to_contain_text("It is not complete")
    expect(answer).to_contain_text("kept to a JSON schema")
    # What is asked for by now does not matter.
    choose(page, "Free text")
    page.get_by_role("button", name=ASKING).click()
    more = answer.get_by_role("button", name="Continue")
    expect(more).to_have_attribute("title", "Goes on within the same JSON schema")
    for _ in range(6):
        if not more.count():
            break
        more.click()
        answer.locator(".tools").wait_for()
    value = json.loads(page.get_by_role("group", name="The answer").inner_text())
    assert value["answer"] in ("yes", "no")
    # Neither does a branch leave it: what does not fit is refused, and what fits goes on in it.
    page.evaluate(f"{SESSION}.saveSettings({{ ...{SESSION}.settings, max_tokens: 64 }})")
    answer.get_by_role("button", name="Words").click()
    page.evaluate(
        f"""() => {{
          const {{ talk, answers }} = {SESSION};
          answers.branchAt(talk.messages[talk.leaf], 3, [7, 0.1, ""]);
        }}"""
    )
    expect(answer).to_contain_text("the answer is kept to a JSON schema, and nothing that fits")


def test_what_cannot_be_compiled_is_not_sent(page: Page) -> None:
    choose(page, "By a grammar (GBNF)")
    box = page.get_by_role("textbox", name="GBNF grammar")
    box.fill('root ::= "a" other')
    problem = page.get_by_text("The rule 'root' calls 'other', which grammar does not define")
    expect(problem).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")
    assert_accessible(page)
    page.get_by_role("button", name=ASKING).click()
    say(page, "Hello")
    # The menu opens again, and the message is still to be sent.
    expect(problem).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("Hello")
    expect(page.get_by_role("article")).to_have_count(0)
    page.get_by_role("button", name="A date (GBNF)").click()
    expect(
        page.get_by_role("status").filter(has_text="Every new answer will fit it.")
    ).to_be_visible()
    page.get_by_role("button", name="Send").click()
    page.locator(".figures").wait_for(timeout=BOOT_MS)
    assert page.get_by_role("group", name="The answer").inner_text().split()[1] in (
        "March",
        "June",
        "October",
    )


def test_a_membrane_that_fails_says_so(page: Page) -> None:
    say(page, "Hello")
    wait_answer(page)
    page.evaluate(
        f"""() => {{
          const {{ talk }} = {SESSION};
          const {{ membranes }} = talk.messages[talk.leaf];
          const reasoning = membranes.parts.reasoning;
          Object.assign(reasoning, {{ active: false, confidence: null, error: "It broke." }});
          membranes.steps[0].error = "It broke.";
          {SESSION}.changed();
        }}"""
    )
    open_inside(page, "Membranes")
    expect(page.get_by_text("It failed: It broke.")).to_be_visible()
    expect(page.locator("echo-membranes li.broken")).to_have_count(1)
    assert_accessible(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_looks_well(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    several(page, 3)
    choose(page, "Several, and vote")
    say(page, "Why is the sky blue?")
    wait_answer(page)
    page.get_by_role("button", name="What happened inside").click()
    expect(page.get_by_role("img", name="3 candidates")).to_be_visible()
    assert_accessible(page)
    shoot(page, f"membranes-{scheme}")
    page.locator("echo-inside .panel").evaluate("panel => panel.scrollTo(0, 600)")
    shoot(page, f"membranes-tree-{scheme}")
    page.set_viewport_size(PHONE)
    assert not page.evaluate(WIDE)
    assert_accessible(page)
    shoot(page, f"phone-membranes-{scheme}")
    page.get_by_role("button", name="Close Inside").click()
    assert not page.evaluate(WIDE)
    assert_accessible(page)
    shoot(page, f"phone-asking-{scheme}")
    page.set_viewport_size(DESK)
