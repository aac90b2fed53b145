"""Measuring: the same figure whoever counts, and answers judged by the letter."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo.cli import main
from deep_tree_echo.model import Model
from deep_tree_echo.platform import bundled_model_path
from deep_tree_echo.training import evaluate, vocabulary
from deep_tree_echo.training.data import PARTS
from deep_tree_echo.training.dialogues import Dialogues
from deep_tree_echo.training.export import parameters_of, write_file
from deep_tree_echo.training.network import CarriedState, Network
from deep_tree_echo.training.parameters import Shape, initial_parameters
from deep_tree_echo.training.streams import pack

pytestmark = pytest.mark.native("compiles kernels for this machine")
TEXTS = [
    b"User: What is RWKV?\n\nAssistant: A recurrent network.",
    b"User: Hi\n\nAssistant: Hello!",
]


def test_libecho_and_the_training_network_agree_on_bits():
    path = bundled_model_path()
    model = Model.load(path)
    parameters = parameters_of(path)
    nats = size = 0.0
    for text in TEXTS:
        tokens = np.array([*model.encode(text), 0], np.int32)
        network = Network(parameters, 1, len(tokens) - 1)
        network.forward(tokens[None, :-1].copy(), CarriedState(parameters.shape, 1))
        nats += network.loss(tokens[None, 1:].copy(), 0.0)
        size += len(text) + 1
    expected = nats / size / math.log(2)
    assert evaluate.bits_per_byte(model, TEXTS) == pytest.approx(expected, rel=1e-4)


def test_documents_come_back_from_their_tokens():
    cutter = vocabulary.tokenizer()
    packed = pack([text.decode() for text in TEXTS], cutter.encode)
    assert evaluate.documents(packed) == [text for text in TEXTS]
    cutter.close()


def test_a_model_of_the_small_vocabulary_gets_its_tokenizer(tmp_path):
    write_file(initial_parameters(Shape(width=64, layers=1), 1), tmp_path / "small.bin")
    model = Model.load(tmp_path / "small.bin")
    assert model.decode(model.encode("Hello, reservoir!")) == "Hello, reservoir!"
    assert len(model.encode("Hello, reservoir!")) < 9
    assert evaluate.bits_per_byte(model, TEXTS) == pytest.approx(12 / 3.5, rel=0.4)


def test_answers_are_judged_by_the_letter(monkeypatch):
    generator = Dialogues(2, held_out=True)
    by_question = {
        question: fitting
        for topics in generator.topics.values()
        for topic in topics
        for question, fitting in generator.questions(topic)
    }
    monkeypatch.setattr(evaluate, "answer", lambda model, turns: by_question[turns[0]][-1])
    scores = {score.group: score for score in evaluate.asked(None)}
    assert all(score.right == score.total > 5 for score in scores.values())
    assert sum(score.total for score in scores.values()) > 350
    assert not any(score.missed for score in scores.values())

    wrong = by_question[next(iter(by_question))][0] + " "
    monkeypatch.setattr(evaluate, "answer", lambda model, turns: wrong)
    scores = {score.group: score for score in evaluate.asked(None)}
    assert all(score.right == 0 for score in scores.values())
    assert all(len(score.missed) == score.total for score in scores.values())


def test_a_dialogue_is_sampled_from_its_users_turns(monkeypatch):
    heard = []

    def answer(model, turns, seed, temperature):
        heard.append((list(turns), seed))
        return f"answer {len(turns)}"

    monkeypatch.setattr(evaluate, "answer", answer)
    talks = list(evaluate.sample_dialogues(None, TEXTS, count=1))
    assert talks == [["What is RWKV?", "answer 1"]]
    assert heard == [(["What is RWKV?"], 1)]


def test_the_command(tmp_path, capsys, monkeypatch):
    cutter = vocabulary.tokenizer()
    for part in PARTS:
        texts = [text.decode() for text in TEXTS] * 10
        np.save(tmp_path / f"{part}.npy", pack(texts, cutter.encode))
    cutter.close()
    (tmp_path / "text.json").write_text("{}")
    monkeypatch.setattr(evaluate, "answer", lambda model, turns, *seed, **more: "No.")
    words = ["evaluate", str(bundled_model_path()), "--text", str(tmp_path)]
    assert main([*words, "--json", "--samples", str(tmp_path / "samples.md")]) == 0
    printed = json.loads(capsys.readouterr().out)
    name = bundled_model_path().name
    assert set(printed["bits_per_byte"]["chat"]) == {name, "gzip -9", "xz -9", "order-5 n-gram"}
    assert printed["answered"][name]["beyond"][0] == 0
    assert (tmp_path / "samples.md").read_text().count("**Assistant:** No.") == 40
    assert main([*words, "--quick"]) == 0
    assert "all but beyond" in capsys.readouterr().out

    assert main(["evaluate", "x", "--text", str(Path(tmp_path) / "none")]) == 1
    assert "holds no training text: run 'prepare' first" in capsys.readouterr().err
