"""``dte ask`` and ``dte chat``: the engine on the command line."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deep_tree_echo.cli import main
from deep_tree_echo.store import ConversationStore

from tests.random_models import write_random_model

DTE = [sys.executable, "-m", "deep_tree_echo"]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "py"),
    "PYTHONUNBUFFERED": "1",
}
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.bin"
    write_random_model(path)
    return str(path)


def options(model: str) -> list[str]:
    return ["--model", model, "--max-tokens", "6", "--temperature", "0", "--seed", "1"]


def chat(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, words: list[str], *said: str
) -> tuple[str, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in said)))
    assert main(["chat", *words]) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_ask(model: str, capsys: Captured) -> None:
    assert main(["ask", "Hello", *options(model)]) == 0
    text = capsys.readouterr().out
    assert text.endswith("\n")
    assert main(["ask", "Hello", "--json", *options(model)]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["integrated_response"] == text.strip()
    assert (result["backend_used"], result["model"]) == ("rwkv_cpp", "model.bin")


def test_ask_reads_standard_input(
    model: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello\n"))
    assert main(["ask", "-", *options(model)]) == 0
    one = capsys.readouterr().out
    assert main(["ask", "Hello", *options(model)]) == 0
    assert capsys.readouterr().out == one


def test_ask_with_reasoning_says_how_sure_it_is(model: str, capsys: Captured) -> None:
    assert main(["ask", "Hello", "--json", "--reason", *options(model)]) == 0
    assert 0 <= json.loads(capsys.readouterr().out)["overall_confidence"] <= 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["ask", " "], "dte: user_input is ' '; give a text that is not empty."),
        (["ask", "x", "--model", "{tmp}/none"], "dte: path is '{tmp}/none'; there is no file"),
        (["ask", "x", "--model", "{tmp}/text"], "dte: {tmp}/text: This is a text and not"),
        (["ask", "x", "--schema", "{tmp}/text"], "dte: {tmp}/text is not JSON:"),
        (["ask", "x", "--top-p", "3"], "dte: top_p is 3.0; it must be above 0"),
        (["chat", "--memory", "0"], "dte: memory_limit_mb is 0.0; it must be"),
    ],
)
def test_one_sentence(tmp_path: Path, capsys: Captured, words: list[str], sentence: str) -> None:
    (tmp_path / "text").write_text("Some words, and no model.")
    assert main([word.format(tmp=tmp_path) for word in words]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence.format(tmp=tmp_path))
    assert len(printed.err.splitlines()) == 1


def test_a_chat_with_branches(
    model: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store, saved = tmp_path / "talks.db", tmp_path / "saved"
    words = [*options(model), "--store", str(store)]
    said = ("One", "Two", "/back", "2", "/branch", "/branch 1", "/regenerate", f"/save {saved}")
    out, err = chat(monkeypatch, capsys, words, *said)
    assert "(before: Two)" in err
    assert "  1: " in err
    assert "* 2: " in err
    assert saved.stat().st_size > 1000
    with ConversationStore.open(str(store)) as kept:
        leaf = kept.conversation("chat").leaf
        assert [m.text for m in kept.path(leaf) if m.role == "user"] == ["One", "Two"]
        assert len(kept.messages("chat")) == 7
        answers = [message.text for message in kept.messages("chat") if message.role == "assistant"]
    assert all(answer in out for answer in answers)
    # The next time it is all there.
    out, _ = chat(monkeypatch, capsys, words, "/back 2", "/help", "/quit", "never said")
    assert out.startswith("> One\n")
    assert "never said" not in out
    with ConversationStore.open(str(store)) as kept:
        assert kept.conversation("chat").leaf is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/nothing", "/nothing is no command; /help lists them."),
        ("/regenerate", "The conversation is empty; write a message first."),
        ("/back 3", "/back 3 goes too far; there are 0 messages."),
        ("/back x", "'x' is no number of at least 1."),
        ("/branch 1", "/branch 1 is not there; there are 0 branches."),
        ("/save", "/save needs the name of a file after it."),
    ],
)
def test_what_cannot_be_done_is_said_and_the_chat_goes_on(
    model: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch, line: str, sentence: str
) -> None:
    out, err = chat(monkeypatch, capsys, options(model), line, "Hello")
    assert err == f"dte: {sentence}\n"
    assert out.strip()


@pytest.mark.native("it needs processes and signals")
def test_ctrl_c_stops_the_answer_and_not_the_program(model: str) -> None:
    words = [*DTE, "chat", "--model", model, "--temperature", "0", "--max-tokens", "1000000"]
    process = subprocess.Popen(
        words,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"Hello\n")
    assert process.stdout.read(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(b"/branch\n", timeout=60)
    assert process.returncode == 0
    assert err.decode().startswith("* 1: ")
