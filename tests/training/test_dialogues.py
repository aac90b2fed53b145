"""The generated dialogues: well formed, and honest about what is held out."""

import re

import pytest
from deep_tree_echo.training.chitchat import clean
from deep_tree_echo.training.data import documents
from deep_tree_echo.training.dialogues import FINISH, FOLDER, Dialogues, read_topics


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9 {}]", "", text.lower()).strip()


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
    trained = {plain(q) for group in seen.topics.values() for t in group for q in t.questions}
    held = {plain(q) for group in seen.topics.values() for t in group for q in t.held_out}
    assert len(held) > 80
    assert not trained & held
    assert not set(map(plain, seen.templates)) & set(map(plain, kept.templates))
    fixed = {question for question in held if "{" not in question}
    text = "\n".join(Dialogues(1).documents(500_000))
    asked = {plain(line[6:]) for line in text.splitlines() if line.startswith("User: ")}
    assert not asked & fixed


def test_every_topic_has_answers_and_every_question_varies():
    for path in FOLDER.glob("*.txt"):
        topics, _ = read_topics(path)
        if path.name == "templates.txt":
            continue
        for topic in topics:
            assert topic.names or topic.questions, topic
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
    parts = documents(talk, seed=2)
    assert len(parts["chat"]) == 3
    assert not set(parts["chat"]) & set(parts["train"])
    assert {*talk} - {*parts["chat"]} <= {*parts["train"]}
    assert len(parts["help"]) > 100


def test_messages_become_one_line_of_ascii():
    typed = "That\u2019s  so\ncool \U0001f600 see https://example.org caf\u00e9"
    assert clean(typed) == "That's so cool see cafe"
