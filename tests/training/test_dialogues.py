"""The generated dialogues: well formed, and honest about what is held out."""

import re
from random import Random

import pytest
from deep_tree_echo.training.chitchat import clean
from deep_tree_echo.training.data import Sources, documents
from deep_tree_echo.training.dialogues import FACTS, FINISH, Dialogues
from deep_tree_echo.training.phrasings import forms, plain, read_synonyms, reword, vary
from deep_tree_echo.training.topics import FOLDER, read_topics


@pytest.mark.parametrize("held_out", [False, True])
def test_documents_are_turns_of_ascii(held_out):
    for document in Dialogues(1, held_out).documents(200_000):
        assert document.isascii()
        assert "{" not in document
        turns = document.split("\n\n")
        assert len(turns) % 2 == 0
        for index, turn in enumerate(turns):
            assert re.fullmatch(r"(User|Assistant): \S.*", turn)
            assert turn.startswith("Assistant" if index % 2 else "User")


def test_held_out_phrasings_are_not_trained_on():
    seen, kept = Dialogues(1, shares=FINISH), Dialogues(1, held_out=True)
    held = {
        plain(q) for d in (seen, kept) for g in d.topics.values() for t in g for q in t.held_out
    }
    assert len(held) > 250
    assert not set(map(plain, seen.templates)) & set(map(plain, kept.templates))
    fixed = {question for question in held if "{" not in question}
    documents = Dialogues(1).documents(400_000) + seen.documents(200_000)
    asked = {
        plain(line[6:]) for text in documents for line in text.splitlines() if line[:4] == "User"
    }
    assert not asked & fixed


def test_every_topic_is_asked_in_ways_that_training_does_not_see():
    dialogues = Dialogues(1)
    for group, topics in dialogues.topics.items():
        for topic in topics:
            assert topic.held_out or topic.names or group == "talk", topic
            own = {plain(form) for question in topic.questions for form in forms(question)}
            assert topic.names or own - set(map(plain, topic.held_out)), topic


def test_a_phrasing_has_as_many_forms_as_its_parts_make():
    text = "[Hi|Hello][,|] [you|]?"
    assert forms(text) == ["Hi, you?", "Hi,?", "Hi you?", "Hi?",
                           "Hello, you?", "Hello,?", "Hello you?", "Hello?"]  # fmt: skip
    random = Random(3)
    assert {vary(text, random) for _ in range(200)} == set(forms(text))
    assert forms("plain") == ["plain"]


def test_words_give_way_to_synonyms():
    table = read_synonyms(FOLDER / "synonyms.txt")
    assert table["big"] == ["large", "huge"]
    random = Random(1)
    found = {reword("Show me a big page", random, {"show": ["display"], "page": ["site"]})
             for _ in range(99)}  # fmt: skip
    assert found == {"Display me a big page", "Show me a big site", "Display me a big site"}
    assert reword("xyz?", random, table) == "xyz?"


def test_what_is_asked_back_was_told_before():
    recalled = 0
    for document in Dialogues(9).documents(800_000):
        turns = document.split("\n\n")
        for place, turn in enumerate(turns):
            if found := re.fullmatch(r"Assistant: Your name is (\w+)\.", turn):
                recalled += 1
                assert found[1].lower() in " ".join(turns[: place - 1]).lower()
    assert recalled > 5
    for asked, held_out, told in FACTS.values():
        assert not {plain(q) for q in held_out} & {plain(f) for q in asked for f in forms(q)}
        assert all("{}" in answer for answer in told)


def test_every_topic_has_answers_and_every_question_varies():
    for path in FOLDER.glob("*.txt"):
        if path.name in ("templates.txt", "synonyms.txt"):
            continue
        topics, _ = read_topics(path)
        for topic in topics:
            assert topic.names or topic.questions, topic
            assert all(asked and answers for asked, answers in topic.further), topic
            assert len(topic.answers) >= 2, topic
            assert len(set(topic.answers)) == len(topic.answers), topic


def test_same_seed_same_dialogues():
    assert Dialogues(4).documents(5000) == Dialogues(4).documents(5000)
    assert Dialogues(4).documents(5000) != Dialogues(5).documents(5000)


def test_an_unknown_mark_is_refused(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text("? fine\n! not fine\n")
    with pytest.raises(ValueError, match=r"bad.txt:2"):
        read_topics(path)


def test_split_keeps_held_out_conversations_apart():
    talk = [f"User: talk number {n}\n\nAssistant: yes" for n in range(60)]
    parts = documents(Sources(talk, ["a word: a gloss"]), seed=2, size=150_000)
    assert len(parts["chat"]) == 3
    assert not set(parts["chat"]) & set(parts["train"])
    assert {*talk, "a word: a gloss"} - {*parts["chat"]} <= {*parts["train"]}
    assert len(parts["help"]) > 100


def test_messages_become_one_line_of_ascii():
    typed = "That\u2019s  so\ncool \U0001f600 see https://example.org caf\u00e9"
    assert clean(typed) == "That's so cool see cafe"
