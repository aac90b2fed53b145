"""The lexicon of the memory membrane: words that stand together get near each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from deep_tree_echo.membranes.memory import Lexicon
from deep_tree_echo.training.data import Sources
from deep_tree_echo.training.lexicon import text_lines, vectors, write


def test_words_in_the_same_company_are_near() -> None:
    lines = [
        (False, [name, verb, thing])
        for verb, things in (
            ("eat", ("soup", "bread", "rice")),
            ("play", ("harp", "flute", "oboe")),
        )
        for thing in things
        for name in ("anna", "leo", "rosa", "max")
        for _ in range(2)
    ]
    words, found = vectors(lines, size=4)
    lexicon = Lexicon(words, found)
    soup = dict(zip(words, lexicon.similarity("soup", words), strict=True))
    assert min(soup["bread"], soup["rice"]) > max(soup["harp"], soup["flute"], soup["oboe"])
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-4)


def test_a_file_holds_what_was_written(tmp_path: Path) -> None:
    words = ["one", "two", "three"]
    found = np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32)
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    path = tmp_path / "lexicon.npz"
    assert write(words, found, path) == path.stat().st_size
    with np.load(path) as stored:
        again = Lexicon(stored["words"].tobytes().decode().split("\n"), stored["vectors"])
    assert list(again.index) == words
    assert np.abs(again.vectors - found).max() < 0.01


def test_held_out_conversations_are_left_out() -> None:
    talk = [f"User: secret{number} word\n\nAssistant: yes" for number in range(40)]
    lines = list(text_lines(Sources(talk, ["dwell: live somewhere"])))
    said = {word for _, line in lines for word in line if word.startswith("secret")}
    assert len(said) == 38
    assert lines[-1] == (True, ["dwell", "liv", "somewher"])
