"""The command line: what it prints, its exit codes, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from deep_tree_echo import core
from deep_tree_echo.cli import main
from deep_tree_echo.cli.main import parser
from deep_tree_echo.errors import BackendError
from deep_tree_echo.formats.output import Output
from deep_tree_echo.platform import bundled_model_path

from tests.checkpoint_files import write_checkpoint
from tests.oracles.checkpoints import checkpoint_arrays
from tests.random_models import random_model_bytes, random_weights, write_random_model

DTE = [sys.executable, "-m", "deep_tree_echo"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "py")}


def has_libecho() -> bool:
    try:
        core.library()
    except BackendError:
        return False
    return True


needs_libecho = pytest.mark.skipif(not has_libecho(), reason="libecho is not built here")

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    weights = checkpoint_arrays("7.0", random_weights("7.0", n_layer=2))
    return write_checkpoint(tmp_path / "in.pth", weights)


def test_convert_inspect_quantize(checkpoint: Path, tmp_path: Path, capsys: Captured) -> None:
    half, small = tmp_path / "half.bin", tmp_path / "small.bin"
    assert main(["convert", str(checkpoint), str(half)]) == 0
    assert capsys.readouterr().out == f"{half}: RWKV 7.0, FP16, 0.3 MB\n"
    assert main(["quantize", str(half), str(small), "q5_1"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{small}: RWKV 7.0, Q5_1, 0.2 MB\n"
    assert printed.err == ""
    assert main(["inspect", str(small)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "small.bin: RWKV 7.0, Q5_1, rwkv.cpp file"
    assert "2 layers, width 64, channel mix 256, 1 heads of 64, vocabulary 257" in lines[1]
    assert any(line.strip().startswith("Q5_1") and "(this file)" in line for line in lines)


@needs_libecho
def test_inspect_for_programs(checkpoint: Path, capsys: Captured) -> None:
    assert main(["inspect", "--json", "--budget", "0.8", str(checkpoint)]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["kind"], seen["architecture"], seen["type"]) == ("PyTorch", "7.0", "FP32")
    assert (seen["n_vocab"], seen["n_embed"], seen["n_layer"], seen["n_ffn"]) == (257, 64, 2, 256)
    assert seen["tokenizer"] == "bytes+1"
    assert not seen["loadable"]
    assert sum(group["n_parameters"] for group in seen["groups"]) == seen["n_parameters"]
    fits = {choice["type"]: choice["fits"] for choice in seen["choices"]}
    assert list(fits) == ["FP32", "FP16", "Q8_0", "Q5_1", "Q5_0", "Q4_1", "Q4_0"]
    assert fits["FP32"] is False
    assert fits["Q4_0"] is True


@needs_libecho
def test_inspect_tells_what_loading_takes(capsys: Captured) -> None:
    """The estimate is libecho's own, and near to what a loaded model has."""
    from deep_tree_echo import Model

    assert main(["inspect", "--json", str(bundled_model_path())]) == 0
    memory = json.loads(capsys.readouterr().out)["memory"]
    with Model.load() as model:
        assert memory["weights"] == pytest.approx(model.weight_bytes, rel=0.02)
        assert memory["state"] == model.state_bytes


def test_warnings_go_to_standard_error(tmp_path: Path, capsys: Captured) -> None:
    write_random_model(tmp_path / "in.bin", n_layer=1, type="Q8_0")
    words = ["quantize", str(tmp_path / "in.bin"), str(tmp_path / "out.bin"), "Q4_0"]
    assert main(words) == 1
    assert "are Q8_0 already" in capsys.readouterr().err
    assert main([*words, "--allow-requantize"]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("dte: warning: ")
    assert "rounded again" in printed.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["inspect", "{tmp}/none"], "dte: {tmp}/none cannot be opened: No such file or directory."),
        (["inspect", "{tmp}"], "dte: {tmp} is a folder; name the model file in it."),
        (["inspect", "{tmp}/text"], "dte: {tmp}/text: This is a text and not a model"),
        (["convert", "{tmp}/text", "{tmp}/out"], "dte: {tmp}/text: This is a text"),
        (["convert", "{tmp}/in.pth", "{tmp}/in.pth"], "dte: destination is '{tmp}/in.pth', the"),
        (["convert", "{tmp}/in.pth", "{tmp}/no/out"], "dte: There is no folder {tmp}/no;"),
        (["quantize", "{tmp}/in.pth", "{tmp}/out", "Q4_0"], "dte: {tmp}/in.pth: This is no file"),
    ],
)
def test_one_sentence(
    checkpoint: Path, tmp_path: Path, capsys: Captured, words: list[str], sentence: str
) -> None:
    (tmp_path / "text").write_text("Some words, and no model.")
    assert main([word.format(tmp=tmp_path) for word in words]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(sentence.format(tmp=tmp_path))
    assert len(printed.err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nothing"],
        ["convert"],
        ["convert", "in", "out", "--format", "Q9_9"],
        ["quantize", "in", "out"],
        ["quantize", "in", "out", "Q6_K"],
        ["inspect", "in", "--budget", "-3"],
        ["inspect", "in", "--budget", "nan"],
    ],
)
def test_usage(words: list[str], capsys: Captured) -> None:
    assert main(words) == 2
    assert "usage: dte" in capsys.readouterr().err


def test_help(capsys: Captured) -> None:
    assert main(["--help"]) == 0
    assert "inspect" in capsys.readouterr().out
    assert main(["convert", "--help"]) == 0
    assert "Q5_1" in capsys.readouterr().out
    assert parser().prog == "dte"


def test_no_memory(
    checkpoint: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(self: Output, *_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Output, "write", write)
    assert main(["convert", str(checkpoint), str(tmp_path / "out.bin")]) == 1
    assert "not enough memory" in capsys.readouterr().err


# ------------------------------------------------------------------- processes


@pytest.mark.native("processes")
def test_as_a_process(checkpoint: Path, tmp_path: Path) -> None:
    words = [*DTE, "convert", str(checkpoint), str(tmp_path / "out.bin"), "--format", "Q8_0"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert (done.returncode, done.stderr) == (0, "")  # no bar where nobody sees it
    done = subprocess.run(DTE, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 2
    words = [*DTE, "inspect", str(tmp_path / "none")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.native("named pipes")
def test_a_pipe_is_no_file(tmp_path: Path, capsys: Captured) -> None:
    """And nobody waits for what may come out of it."""
    os.mkfifo(tmp_path / "pipe")
    assert main(["inspect", str(tmp_path / "pipe")]) == 1
    assert "no ordinary file" in capsys.readouterr().err


def test_the_handler_of_the_caller_stays() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert main(["inspect", str(bundled_model_path())]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.native("processes")
def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    words = " ".join([*DTE, "inspect", str(bundled_model_path()), "| head -n 1"])
    done = subprocess.run(
        words, shell=True, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert done.stderr == ""


@contextmanager
def on_a_terminal(words: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command whose standard error is a terminal."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs, env=ENVIRONMENT)
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    with suppress(OSError):
        while wanted not in seen and (piece := os.read(terminal, 4096)):
            seen += piece
    return seen


@pytest.mark.native("processes")
def test_a_bar_on_a_terminal(checkpoint: Path, tmp_path: Path) -> None:
    pytest.importorskip("tqdm", reason="tqdm, which draws the bar, is not installed here")
    with on_a_terminal([*DTE, "convert", str(checkpoint), str(tmp_path / "out.bin")]) as (done, at):
        assert b"%" in read_until(at, b"nothing")
        assert done.wait() == 0


@pytest.mark.native("processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_on_the_way(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM leave the old file as it was and no other."""
    source, target = tmp_path / "in.bin", tmp_path / "out.bin"
    source.write_bytes(random_model_bytes("7.0", n_vocab=60_000, n_embed=256, n_layer=4))
    target.write_bytes(b"before")
    words = [*DTE, "convert", str(source), str(target), "--format", "Q5_1", "--head", "Q5_1"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    while not list(tmp_path.glob(".out.bin.*")) and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "dte: stopped; nothing has been changed.\n"
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.bin", "out.bin"]


@pytest.mark.native("a limit for the whole process")
def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    """Rows go through a few at a time: the memory does not grow with the file."""
    weights = checkpoint_arrays("4.0", random_weights("4.0", n_embed=512, n_layer=1))
    for name in ("emb.weight", "head.weight"):
        weights[name] = np.zeros((100_000, 512), np.float32)
    source = write_checkpoint(tmp_path / "in.pth", weights)
    assert source.stat().st_size > 400_000_000
    program = (
        "import sys\n"
        "from deep_tree_echo.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))\n"
        "sys.exit(code)\n"
    )
    words = [sys.executable, "-c", program, "convert", str(source), str(tmp_path / "out.bin")]
    done = subprocess.run(
        [*words, "--format", "Q8_0"], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    peak_mb = int(done.stdout.split()[-1]) / 1000
    assert peak_mb < 200  # of which 40 are Python and NumPy
